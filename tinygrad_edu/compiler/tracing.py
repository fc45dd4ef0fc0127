"""Arrays that record the NumPy calls made on them, so that the calls can be repeated on other data.

A `Traced` array computes like the array it is a view of, and appends every NumPy call to a `Tape`.
So operations and their closures are recorded as they are. Where the program would depend on the
values of an array, as in ``if x > 0``, a recording would not hold for other values: that raises
`UntraceableError`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from copy import deepcopy
from types import MethodDescriptorType
from typing import Any, cast

import numpy as np

from tinygrad_edu.compiler.rewriting import (
    UNGUARDED,
    WRITTEN_OUT,
    matrix_transposed,
    rewritten,
    transposed,
)
from tinygrad_edu.compiler.values import Value, found, key_of, same_numbers
from tinygrad_edu.source import source_of_caller
from tinygrad_edu.state import RANDOM
from tinygrad_edu.trees import tree_map

__all__ = [
    "Number",
    "Tape",
    "Traced",
    "UntraceableError",
    "Value",
    "key_of",
    "random_sources",
    "same_numbers",
]


class UntraceableError(TypeError):
    """What is to be computed depends on the values of arrays, not only on their shapes."""

    def __init__(self, message: str) -> None:
        source = source_of_caller()
        super().__init__(f"{message}; in {source}" if source else message)


# --- the tape -----------------------------------------------------------------------------


class Tape:
    """All values in the order in which they were computed, and none of them twice.

    Parameters
    ----------
    for_numpy : bool, optional
        Whether calls are made such that NumPy computes them fast.
    """

    def __init__(self, for_numpy: bool = True) -> None:
        self.for_numpy = for_numpy
        self.values: list[Value] = []
        self._known: dict[Any, Value] = {}
        self._noted_values: set[Value] = set()

    def input(self, example: Any, name: str) -> Any:
        """An array or a number that differs from call to call."""
        return self.traced(self._noted(Value(example, input=name)))

    def constant(self, array: Any) -> Any:
        """An array that is the same in every call."""
        return self.traced(self._constant(array))

    def call(
        self, function: Callable[..., Any], args: Any, options: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of traced arrays, as a whole."""
        args, options = tree_map(self._value, args), tree_map(self._value, options or {})
        if isinstance(function, np.ufunc) and function.signature is None and not options:
            args = self._in_full(args)
        key: Any = (function, key_of(args), key_of(options))
        draws = any(found(RANDOM, (args, options)))
        if draws:
            key = object()  # each call draws other numbers
        if key not in self._known:
            example = _called(function, tree_map(_example, args), tree_map(_example, options))
            if example is None:  # a check, which returns nothing
                return None
            value = Value(example, function, args, options)
            other = None if draws else rewritten(value, self._call_of_values, self.for_numpy)
            known = self._noted(value if other is None else other)
            self._known[key] = known
        return self.traced(self._known[key])

    def _call_of_values(self, function: Callable[..., Any], *args: Any) -> Value:
        return cast("Value", self.call(function, args).value)

    def _in_full(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The operands with all axes: NumPy adds (1, n) to (1, n) faster than to (n,)."""
        shapes = [np.shape(_example(x)) for x in args]
        full = max(shapes, key=len)
        return tuple(
            self._value(self.call(operator.getitem, (x, (None,) * (len(full) - len(shape)))))
            if shape and len(shape) < len(full) and (1,) * (len(full) - len(shape)) + shape == full
            else x
            for x, shape in zip(args, shapes, strict=True)
        )

    def _noted(self, value: Value) -> Value:
        if value not in self._noted_values:
            self._noted_values.add(value)
            self.values.append(value)
        return value

    def _constant(self, array: Any) -> Value:
        key = (array.dtype, array.shape, hash(array.tobytes()))
        known = self._known.get(key)
        if known is None or not same_numbers(known.example, array):
            copied = Value(
                array.copy(), source=source_of_caller()
            )  # the caller may change it later
            self._known[key] = self._noted(copied)
        return self._known[key]

    def _value(self, x: Any) -> Any:
        """What an argument stands for: the value of a traced one, a constant for an array."""
        if isinstance(x, Traced | Number):
            return x.value
        if isinstance(x, np.ndarray):
            return self._constant(x)
        return self._constant(np.asarray(x)) if isinstance(x, np.generic) else x

    def traced(self, value: Value) -> Any:
        """A traced array, a traced number or a sequence of such, in place of a value."""
        example = value.example
        if isinstance(example, np.ndarray | np.generic):
            return Traced.of(value, self)
        if type(example) in (int, float):
            return Number.of(value, self)
        if isinstance(example, tuple | list):
            parts = [self.call(operator.getitem, (value, i)) for i in range(len(example))]
            return type(example)(*parts) if hasattr(example, "_fields") else type(example)(parts)
        raise UntraceableError(
            f"{value.function} returns {type(example).__name__}, and not an array"
        )


def random_sources(value: Value) -> Iterator[Any]:
    """The sources of random numbers that a call draws from."""
    return found(RANDOM, (value.args, value.options))


def _example(x: Any) -> Any:
    if isinstance(x, RANDOM):
        return deepcopy(x)  # recording does not advance the generator of the program
    return x.example if isinstance(x, Value) else x


def _called(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if isinstance(function, MethodDescriptorType):  # of the first argument, which may be a scalar
        function, args = getattr(args[0], function.__name__), args[1:]
    return function(*args, **options)


def _untraced(x: Any) -> Any:
    return np.asarray(x) if isinstance(x, Traced) else x


def _overrides_ufuncs(x: Any) -> bool:
    """Whether it is no array, but implements NumPy's protocol for ufuncs, as a Tensor does."""
    return hasattr(x, "__array_ufunc__") and not isinstance(x, np.ndarray | np.generic)


# --- traced arrays and numbers ----------------------------------------------------------------


class Traced(np.ndarray[Any, np.dtype[Any]]):
    """An array that records the calls made on it."""

    # More than that of ndarray: what NumPy makes of both without asking the protocols is a Traced
    # array without a value, whose use raises.
    __array_priority__: float = 1.0

    value: Value | None
    tape: Tape

    @staticmethod
    def of(value: Value, tape: Tape) -> Traced:
        """An array that stands for a value."""
        traced: Traced = np.asarray(value.example).view(Traced)
        traced.value, traced.tape = value, tape
        return traced

    def __array_finalize__(self, source: Any) -> None:
        self.value = None  # set by Traced.of; None if it was made in another way

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(map(_overrides_ufuncs, inputs)):
            return NotImplemented
        if method == "at" or options.get("out") is not None:
            raise UntraceableError(f"np.{ufunc.__name__} changes an array in place")
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return _tape_of(inputs).call(function, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if not all(issubclass(kind, np.ndarray) for kind in types):
            return NotImplemented
        if function in OF_KIND_ONLY:
            return function(*tree_map(_untraced, args), **options)
        if function in UNGUARDED:
            return self._without_guards(UNGUARDED[function], args)
        if function in WRITTEN_OUT:
            result = WRITTEN_OUT[function](*args)
            if result is not None:
                return result
        if function in OF_A_SHAPE_THAT_DEPENDS or options.get("out") is not None:
            raise UntraceableError(
                f"the shape of what np.{function.__name__} returns depends on values"
            )
        return _tape_of((args, options)).call(function, args, options)

    def _without_guards(self, plain: Any, args: Any) -> Any:
        """What a program computes instead of a function that looks out for inf and nan."""
        tape = _tape_of(args)
        before = len(tape.values)
        result = plain(*args)
        for value in tape.values[before:]:
            value.is_fragile = True
        return result

    def __getitem__(self, index: Any) -> Any:
        if any(x.dtype == bool and not x.value.is_constant for x in found(Traced, index)):
            raise UntraceableError("the shape of x[mask] depends on the mask; write np.where")
        return _tape_of((self, index)).call(operator.getitem, (self, index))

    def __repr__(self) -> str:
        return f"Traced({np.asarray(self)!r})"

    __str__ = __repr__

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """The array with its axes in reverse order."""
        return _tape_of(self).call(transposed, (self,))

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """The array with its last two axes swapped."""
        return self.T if self.ndim == 2 else _tape_of(self).call(matrix_transposed, (self,))


OF_KIND_ONLY = {  # functions of shapes and dtypes
    *[np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type],
    *[np.iscomplexobj, np.isrealobj, np.broadcast_shapes],
}
OF_A_SHAPE_THAT_DEPENDS = {
    np.argwhere,
    np.compress,
    np.extract,
    np.flatnonzero,
    np.nonzero,
    np.trim_zeros,
    np.unique,
}
NEEDS_THE_NUMBERS = {
    *["__bool__", "__complex__", "__contains__", "__float__", "__index__", "__int__"],
    *["__setitem__", "byteswap", "choose", "compress", "data", "dump", "dumps", "fill", "flat"],
    *["item", "itemset", "nonzero", "partition", "put", "resize", "setfield", "sort", "tobytes"],
    *["tofile", "tolist", "view"],
}


CHANGES_ITS_ARRAY = {"__setitem__", "byteswap", "fill", "partition", "put", "resize", "sort"}


ADVICE = {
    "__bool__": " Write np.where(condition, a, b) instead of a branch",
    "__setitem__": " Write np.where(mask, new, x), or np.concatenate of the parts",
    "item": " Leave out .item(): NumPy computes with arrays of one number as well",
    "tolist": " Compute with the array itself",
    "nonzero": " Write np.where(mask, x, 0)",
}


def _refused(name: str) -> Any:
    def method(self: Traced, *args: Any, **options: Any) -> Any:
        constant = self.value is not None and self.value.is_constant
        if constant and name not in CHANGES_ITS_ARRAY:
            return getattr(np.asarray(cast("Value", self.value).example), name)(*args, **options)
        raise UntraceableError(
            f"{name} needs the numbers of an array, or changes them: what is computed would hold "
            f"for these numbers only.{ADVICE.get(name, '')}"
        )

    return method


def _noted(method: Any) -> Any:
    def noted(self: Traced, *args: Any, **options: Any) -> Any:
        return _tape_of((self, args, options)).call(method, (self, *args), options)

    return noted


for _name, _method in vars(np.ndarray).items():
    if _name in NEEDS_THE_NUMBERS:
        setattr(Traced, _name, _refused(_name))
    elif isinstance(_method, MethodDescriptorType) and not _name.startswith("_"):
        setattr(Traced, _name, _noted(_method))


class Number(float):
    """A number that records the calls made on it, as a learning rate that follows a schedule."""

    value: Value
    tape: Tape

    @staticmethod
    def of(value: Value, tape: Tape) -> Number:
        """A number that stands for a value."""
        number = Number(value.example)
        number.value, number.tape = value, tape
        return number

    def __hash__(self) -> int:
        return float.__hash__(self)


def _arithmetic(function: Callable[..., Any], reflected: bool) -> Any:
    def method(self: Number, other: Any) -> Any:
        if isinstance(other, Traced):
            return NotImplemented  # its __array_ufunc__ records the call
        if isinstance(other, np.ndarray):
            ufunc = UFUNCS[function.__name__]
            return self.tape.call(ufunc, (other, self) if reflected else (self, other))
        return self.tape.call(function, (other, self) if reflected else (self, other))

    return method


UFUNCS = {
    "add": np.add,
    "mul": np.multiply,
    "pow": np.power,
    "sub": np.subtract,
    "truediv": np.divide,
}


def _refused_of_numbers(*_: Any) -> Any:
    raise UntraceableError("a condition on a number that will be another one each time")


for _name in ("bool", "eq", "ge", "gt", "le", "lt", "ne", "int", "float", "round", "trunc"):
    setattr(Number, f"__{_name}__", _refused_of_numbers)
for _name in ("ceil", "floor", "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod"):
    setattr(Number, f"__{_name}__", _refused_of_numbers)


def _of_itself(function: Callable[..., Any]) -> Any:
    return lambda self: self.tape.call(function, (self,))


for _name in ("abs", "neg", "pos"):
    setattr(Number, f"__{_name}__", _of_itself(getattr(operator, _name)))
for _name in ("add", "mul", "pow", "sub", "truediv"):
    _function = getattr(operator, _name)
    setattr(Number, f"__{_name}__", _arithmetic(_function, reflected=False))
    setattr(Number, f"__r{_name}__", _arithmetic(_function, reflected=True))


def _tape_of(args: Any) -> Tape:
    """The tape of the traced arrays among some arguments."""
    traced = [*found(Traced, args)]
    if any(x.value is None for x in traced):
        raise UntraceableError("an array was made in a way that leaves no trace")
    return cast("Tape", traced[0].tape)
