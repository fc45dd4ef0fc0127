"""Programs as loops over single numbers, compiled by numba; large products and the like by NumPy.

What NumPy does in a call of its own for each operation, a kernel does in a few nests of loops: all
that has the same shape, and needs of the rest only numbers at the same place, is computed in one
nest. The shapes are known, so that short loops get unrolled, and all memory is there before. What
loops would not be faster at, as a large product or the exponential of a thousand numbers, is left
to NumPy, with a kernel before and one after it.
"""

from __future__ import annotations

import math
import operator
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, cast

import numpy as np

from tinygrad_edu.compiler.recording import StepRecording
from tinygrad_edu.compiler.rewriting import matrix_transposed, transposed
from tinygrad_edu.compiler.rolling import Repetition
from tinygrad_edu.compiler.source import VIEWS, NotFiniteError, Writer
from tinygrad_edu.compiler.storage import LARGE, nbytes
from tinygrad_edu.compiler.values import Value
from tinygrad_edu.ops.loss import class_indices
from tinygrad_edu.quick import logarithms_of_number, sigmoids_of_number

__all__ = ["LoopWriter", "compiled", "require_numba"]


def require_numba() -> Any:
    """The package, or an error that says how to get it."""
    try:
        import numba  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise ImportError(
            'backend="numba" needs numba: pip install "tinygrad_edu[numba]"'
        ) from None
    return numba


# --- what loops compute ---------------------------------------------------------------------------

# The expression for one element, of the expressions of the operands' elements.
ELEMENTWISE: dict[Any, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.maximum: "maximum({}, {})",
    np.minimum: "minimum({}, {})",
    np.sign: "sign({})",
    np.absolute: "abs({})",
    np.reciprocal: "1 / {}",
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.logical_and: "({}) and ({})",
    np.logical_or: "({}) or ({})",
    np.logical_not: "not {}",
    np.where: "{1} if {0} else {2}",
    **{
        function: f"np.{name}({{}})"
        for function, name in [
            *[(np.exp, "exp"), (np.expm1, "expm1"), (np.log, "log"), (np.log1p, "log1p")],
            *[(np.sqrt, "sqrt"), (np.tanh, "tanh"), (np.sinh, "sinh"), (np.cosh, "cosh")],
            *[(np.sin, "sin"), (np.cos, "cos"), (np.tan, "tan"), (np.arctan, "arctan")],
        ]
    },
    **{
        function: f"{{}} {symbol} {{}}"
        for function, symbol in [
            *[(operator.add, "+"), (operator.sub, "-"), (operator.mul, "*")],
            *[(operator.truediv, "/"), (operator.pow, "**")],
        ]
    },
    operator.neg: "-{}",
}

# From so many elements on, NumPy's vector instructions are faster, although they take a call.
TRANSCENDENTAL = {f for f, text in ELEMENTWISE.items() if text.startswith("np.")} - {np.sqrt}
MANY_FOR_MATH, MANY_FOR_EXP = 192, 768
LARGE_PRODUCT = 20_000  # multiplications: from here on, BLAS is faster
LARGE_SUM = 50_000  # terms: from here on, the rounding of a plain sum matters

REDUCTIONS: dict[Any, tuple[str, str]] = {  # the start, and how a term is taken in
    np.add.reduce: ("0", "{total} + {term}"),
    np.ndarray.sum: ("0", "{total} + {term}"),
    np.multiply.reduce: ("1", "{total} * {term}"),
    np.maximum.reduce: ("-np.inf", "maximum({total}, {term})"),
    np.minimum.reduce: ("np.inf", "minimum({total}, {term})"),
    np.ndarray.max: ("-np.inf", "maximum({total}, {term})"),
    np.ndarray.min: ("np.inf", "minimum({total}, {term})"),
}

DTYPES = {np.dtype(kind) for kind in ("float64", "float32", "int64", "int32", "bool")}

SAME = {np.asfortranarray, np.ascontiguousarray, np.copy, np.ndarray.copy, np.positive}
RESHAPES = {np.ndarray.reshape, np.reshape, np.squeeze, np.ndarray.squeeze, np.expand_dims}

HELPERS = {
    "maximum": """
def maximum(a, b):
    return a if a >= b or a != a else b
""",
    "minimum": """
def minimum(a, b):
    return a if a <= b or a != a else b
""",
    "sign": """
def sign(a):
    return a * 0 + (a > 0) - (a < 0)
""",
    "sigmoids": """
def sigmoids(x):
    e = np.exp(-abs(x))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    log_larger = -np.log1p(e)
    log_smaller = log_larger - abs(x)
    if x > 0:
        return larger, smaller, log_larger, log_smaller
    return smaller, larger, log_smaller, log_larger
""",
    "logarithms": """
def logarithms(p):
    return np.log(p), np.log(1 - p) if p > 0.5 else np.log1p(-p)
""",
}
OF_NUMBERS = {sigmoids_of_number: "sigmoids", logarithms_of_number: "logarithms"}


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a value or a number."""
    return np.shape(x.example) if isinstance(x, Value) else np.shape(x)


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of a value or a number."""
    return np.asarray(x.example if isinstance(x, Value) else x).dtype


def is_plain(value: Value) -> bool:
    """Whether a value is an array, or a number, of a kind that loops handle."""
    return isinstance(value.example, np.ndarray | np.generic | int | float) and (
        dtype_of(value) in DTYPES
    )


def is_view(value: Value) -> bool:
    """Whether each element is that of the operand at a place that is known, or the same number."""
    x = value.args[0] if value.args else None
    if not isinstance(x, Value) or not is_plain(value) or not is_plain(x):
        return False
    function = value.function
    if function in (transposed, matrix_transposed, np.broadcast_to) or function in SAME:
        return True
    if function in RESHAPES:
        return _squeezed(shape_of(x)) == _squeezed(shape_of(value)) or _is_flat(value)
    if function is operator.getitem:
        index = value.args[1] if isinstance(value.args[1], tuple) else (value.args[1],)
        return all(i is None or isinstance(i, int | slice) for i in index) and all(
            isinstance(end, int | None)
            for i in index
            if isinstance(i, slice)
            for end in (i.start, i.stop, i.step)
        )
    return False


def _squeezed(shape: Iterable[int]) -> list[int]:
    return [n for n in shape if n != 1]


def _is_flat(value: Value) -> bool:
    """Whether a reshape is from or to one dimension, apart from those of length 1."""
    x = value.args[0]
    return len(_squeezed(shape_of(x))) <= 1 or len(_squeezed(shape_of(value))) <= 1


def is_for_loops(value: Value) -> bool:
    """Whether a value is computed by loops, and not by NumPy."""
    if value.function in OF_NUMBERS:
        return dtype_of(value.args[0]) in DTYPES
    fits = FITS.get(value.function)
    if fits is None or not is_plain(value) or not all(map(is_plain, value.uses())):
        return False
    return fits(value)


def _is_small_elementwise(value: Value) -> bool:
    many = MANY_FOR_EXP if value.function is np.exp else MANY_FOR_MATH
    if value.options or not all(isinstance(x, Value | int | float) for x in value.args):
        return False
    return value.function not in TRANSCENDENTAL or np.size(value.example) < many


def _is_short_sum(value: Value) -> bool:
    if value.function is np.vdot and len({*map(shape_of, value.args)}) > 1:
        return False
    return np.size(_operand(value).example) < LARGE_SUM and _axes(value) is not None


def _is_small_product(value: Value) -> bool:
    shapes = [*map(shape_of, value.args)]
    fits = len(value.args) == 2 and all(1 <= len(shape) <= 2 for shape in shapes)
    return fits and np.size(value.example) * shapes[0][-1] < LARGE_PRODUCT


def _operand(value: Value) -> Value:
    operand: Value = value.args[0]
    return operand


def _axes(value: Value) -> tuple[int, ...] | None:
    """The axes over which a value is reduced; None if there is more to it."""
    if value.function is np.vdot:
        return tuple(range(_operand(value).example.ndim))
    options = dict(value.options)
    keepdims = options.pop("keepdims", False)
    axis = options.pop("axis", value.args[1] if len(value.args) > 1 else MISSING)
    if options or len(value.args) > 2 or not isinstance(keepdims, bool):
        return None
    if axis is MISSING:  # of a ufunc's reduce the first, of a method all
        axis = 0 if value.function in (np.add.reduce, np.multiply.reduce) else None
    ndim = np.ndim(_operand(value).example)
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(i % ndim for i in axes)


MISSING = object()


def _is_gather(value: Value) -> bool:
    """Whether it is an array at integer indices, one array of them for each of its first axes."""
    x, index = value.args[0], value.args[1]
    if value.function is operator.getitem:
        indices = index if isinstance(index, tuple) else (index,)
    else:
        axis = value.options.get("axis", value.args[2] if len(value.args) > 2 else None)
        if {*value.options} - {"axis"} or axis not in range(np.ndim(x.example)):
            return False
        indices = (index,)
    return (
        all(
            isinstance(i, Value) and dtype_of(i).kind == "i" and np.ndim(i.example) == 1
            for i in indices
        )
        and len({shape_of(i) for i in indices}) == 1
    )


FITS: dict[Any, Callable[[Value], bool]] = {
    **dict.fromkeys(ELEMENTWISE, _is_small_elementwise),
    **dict.fromkeys([*REDUCTIONS, np.vdot], _is_short_sum),
    **dict.fromkeys([np.take, np.ndarray.take, operator.getitem], _is_gather),
    np.ndarray.dot: _is_small_product,
    np.ndarray.astype: lambda _: True,
    class_indices: lambda _: True,
}
"""The functions that loops can compute, and whether they do so in a call."""


# --- a kernel -------------------------------------------------------------------------------------


class Nest:
    """Nested loops over a shape, and what is computed at each place; many times over, if asked."""

    def __init__(self, shape: tuple[int, ...], repetition: Repetition | None = None) -> None:
        self.shape = shape
        self.repetition = repetition
        self.values: dict[Value, None] = {}


class Kernel:
    """Nests of loops that compute some values.

    Parameters
    ----------
    values : list of Value
        In order.
    wanted : set of Value
        Those that are used elsewhere, or views of which are.
    names : callable
        From a value to its name.
    place_of : callable
        From a value that is kept, or a part of something, to the array that it is in, with its
        name and the index of the first element; None for one that has an array of its own.
    helpers : dict of str to str
        The functions that kernels call; those of this one are added.
    numbers : collection of Value, optional
        Those from outside that are plain numbers, although they were arrays when recorded.
    rounds : mapping of Value to Repetition, optional
        What is repeated, by the first value that is.
    section : callable, optional
        From a value to the part of the program that it belongs to: no nest has values of several.
    ahead_of : callable, optional
        Called with the kernel and a nest before that is written.
    """

    def __init__(
        self,
        values: list[Value],
        wanted: set[Value],
        names: Callable[[Value], str],
        place_of: Callable[[Value], tuple[str, int, Value] | None],
        helpers: dict[str, str],
        numbers: Collection[Value] = (),
        rounds: Mapping[Value, Repetition] | None = None,
        section: Callable[[Value], Any] = lambda _: None,
        ahead_of: Callable[[Kernel, Nest], None] = lambda *_: None,
    ) -> None:
        self.section = section
        self.values = {*values}
        self.wanted = wanted
        self.name_of = names
        self.place_of = place_of
        self.numbers = numbers
        self.helpers = helpers
        self.arguments: dict[str, Value] = {}  # arrays and numbers from outside, by their names
        self.stored: set[Value] = set()  # values that are kept in an array
        self.lines: list[str] = []
        self._rounds = rounds or {}
        self._in_loop = {  # the values of a last round, and those that stand for them
            x: y for r in self._rounds.values() for x, y in zip(r.last, r.body, strict=True)
        }
        self._consumers: dict[Value, list[Value]] = {}
        for value in values:
            for used in value.uses():
                base = _base(used)
                self._consumers.setdefault(self._in_loop.get(base, base), []).append(value)
        looped = {*self._in_loop.values()}
        self._inline = {x for x in values if x not in looped and self._goes_inline(x)}
        self.nests = self._nests([value for value in values if value not in self._inline])
        self._find_stored()
        self._here: dict[Value, str] = {}  # numbers at the place where the loops are
        self._flat: dict[Value, str] = {}  # arrays that are looked at as one dimension
        for nest in self.nests:
            self._here = {}
            ahead_of(self, nest)
            self._write_nest(nest)

    # --- which nests, and what is kept between them ----------------------------------------------

    def _goes_inline(self, value: Value) -> bool:
        """Whether a value is computed within the sum that alone uses it."""
        consumers = self._consumers.get(value, [])
        if value.function not in ELEMENTWISE or value in self.wanted or len(consumers) != 1:
            return False
        (consumer,) = consumers
        is_reduction = consumer.function in REDUCTIONS or consumer.function is np.vdot
        return is_reduction and value in consumer.uses() and np.ndim(value.example) > 0

    def _nests(self, values: list[Value]) -> list[Nest]:
        nests: list[Nest] = []
        inside = {value for r in self._rounds.values() for value in r.body}
        for value in values:
            if value in self._rounds:
                nests.append(Nest(shape_of(value), self._rounds[value]))
                nests[-1].values.update(dict.fromkeys(self._rounds[value].body))
            if value in inside:
                continue
            shape = () if value.function in OF_NUMBERS else shape_of(value)
            nest = nests[-1] if nests else None
            if (
                nest is None
                or nest.repetition is not None
                or nest.shape != shape
                or not self._fits(value, nest)
            ):
                nest = Nest(shape)
                nests.append(nest)
            nest.values[value] = None
        return nests

    def _fits(self, value: Value, nest: Nest) -> bool:
        """Whether all that a value needs of a nest is there at the same place."""
        if value.function is class_indices:
            return False
        if self.section(value) != self.section(next(iter(nest.values))):
            return False
        for used in self._all_uses(value):
            base = _base(used)
            if base in nest.values and not (
                used is base
                and shape_of(used) == nest.shape
                and (value.function in ELEMENTWISE or value.function is np.ndarray.astype)
            ):
                return nest.shape == () and base.function in OF_NUMBERS
        return True

    def _all_uses(self, value: Value) -> Iterable[Value]:
        for used in value.uses():
            yield used
            if _base(used) in self._inline:
                yield from self._all_uses(_base(used))

    def _find_stored(self) -> None:
        wanted = {self._in_loop.get(value, value) for value in self.wanted}
        nest_of = {value: nest for nest in self.nests for value in nest.values}
        for nest in self.nests:
            if nest.repetition is not None:
                first = nest.repetition.first
                self.stored.update(first[i] for i in nest.repetition.carried())
        for value, nest in nest_of.items():
            if value.function in OF_NUMBERS or nest.shape == ():
                continue
            if value in wanted:
                self.stored.add(value)
            for consumer in self._final_consumers(value):
                same = nest_of[consumer] is nest
                if not same:
                    self.stored.add(value)

    def _final_consumers(self, value: Value) -> Iterable[Value]:
        for consumer in self._consumers.get(value, []):
            if consumer in self._inline:
                yield from self._final_consumers(consumer)
            else:
                yield consumer

    # --- writing ----------------------------------------------------------------------------------

    def _write_nest(self, nest: Nest) -> None:
        if next(iter(nest.values)).function is class_indices:
            return self._write_check_of_indices(next(iter(nest.values)))
        indices, loops = _loops(nest.shape)
        self.lines += loops
        depth = len(loops)
        if nest.repetition is not None:
            return self._write_rounds(nest.repetition, indices, depth)
        stores: list[str] = []
        self._here = {}
        for value in nest.values:
            name = self.name_of(value)
            if value.function in OF_NUMBERS:
                self._write_numbers(value)
                continue
            number = name if value not in self.stored else f"{name}_{len(stores)}"
            text = self._number_at(value, indices, depth, number)
            if text != number:
                self._line(depth, f"{number} = {self._cast(text, value)}")
            self._here[value] = number
            if value in self.stored:
                stores.append(f"{self._element(value, indices)} = {number}")
        for store in stores:  # at the end, since it may be over something that others have read
            self._line(depth, store)
        if nest.shape != ():
            self._here = {}
        return None

    def _write_rounds(self, repetition: Repetition, indices: list[str], depth: int) -> None:
        """At one place, change numbers many times over."""
        carried = {i: repetition.first[i] for i in repetition.carried()}
        for value in carried.values():
            self._here[value] = self.name_of(value) + "_"
            self._line(depth, f"{self._here[value]} = {self._element(value, indices)}")
        self._line(depth, f"for _ in range({repetition.times}):")
        for value in repetition.body:
            number = self.name_of(value)
            self._line(
                depth + 1, f"{number} = {self._cast(self._elementwise(value, indices), value)}"
            )
            self._here[value] = number
        for i, value in carried.items():
            self._line(depth + 1, f"{self._here[value]} = {self.name_of(repetition.body[i])}")
        for value in repetition.body:
            if value in self.stored:
                place = self.place_of(value)
                target = self._element(value, indices) if place else self.name_of(value)
                self._line(depth, f"{target} = {self.name_of(value)}")
        self._here = {}

    def _write_numbers(self, value: Value) -> None:
        """Several numbers from one."""
        helper = OF_NUMBERS[cast("Any", value.function)]
        self._use(helper)
        names = [self.name_of(value) + f"_{i}" for i in range(len(value.example))]
        argument = self._at(value.args[0], [])
        self._line(0, f"{', '.join(names)} = {helper}({argument})")

    def _write_check_of_indices(self, value: Value) -> None:
        labels, classes = value.args
        (n,) = shape_of(labels)
        label = self._at(labels, ["i"])
        self._line(0, f"for i in range({n}):")
        self._line(1, f"if {label} < 0 or {label} >= {classes}:")
        self._line(2, FAILED)

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _use(self, helper: str) -> None:
        self.helpers[helper] = HELPERS[helper]

    def _cast(self, text: str, value: Value) -> str:
        dtype = dtype_of(value)
        return f"np.{dtype}({text})" if dtype == np.float32 else text

    def _number_at(self, value: Value, indices: list[str], depth: int, total: str) -> str:
        """The expression of one element; where there is a sum, it is summed up before."""
        function = value.function
        if function in REDUCTIONS or function is np.vdot:
            return self._reduced(value, indices, depth, total)
        if function is np.ndarray.dot:
            return self._product(value, indices, depth, total)
        if function in (operator.getitem, np.take, np.ndarray.take):
            return self._gathered(value, indices, depth)
        return self._elementwise(value, indices)

    def _elementwise(self, value: Value, indices: list[str]) -> str:
        function = value.function
        if function is np.ndarray.astype:
            return f"np.{dtype_of(value)}({self._at(value.args[0], indices)})"
        operands = [self._of_broadcast(x, indices, value) for x in value.args]
        template = ELEMENTWISE[function]
        for helper in ("maximum", "minimum", "sign"):
            if template.startswith(helper):
                self._use(helper)
        return template.format(*operands)

    def _of_broadcast(self, x: Any, indices: list[str], value: Value) -> str:
        """The element of an operand at a place of what it is broadcast to."""
        own = shape_of(x)
        mine = indices[len(indices) - len(own) :]
        places = ["0" if n == 1 else i for n, i in zip(own, mine, strict=True)]
        text = self._at(x, places, dtype_of(value))
        text = _bracketed(text)
        if (
            dtype_of(x).kind == "b"
            and dtype_of(value).kind == "f"
            and value.function is not np.where
        ):
            return f"np.{dtype_of(value)}({text})"
        if (
            value.function is np.where
            and dtype_of(x) != dtype_of(value)
            and dtype_of(x).kind != "b"
        ):
            return f"np.{dtype_of(value)}({text})"
        return text

    def _reduced(self, value: Value, indices: list[str], depth: int, total: str) -> str:
        operand, axes = _operand(value), _axes(value)
        assert axes is not None  # noqa: S101 - as is_for_loops has seen
        inner, outer, places = depth, iter(indices), []
        keeps = len(indices) == operand.example.ndim
        start, step = REDUCTIONS.get(value.function, REDUCTIONS[np.add.reduce])
        start = start if "inf" in start else self._literal(int(start), dtype_of(value))
        self._line(depth, f"{total} = {start}")
        for axis, n in enumerate(shape_of(operand)):
            if axis in axes:
                place = "0" if n == 1 else f"r{axis}"
                if n != 1:
                    self._line(inner, f"for {place} in range({n}):")
                    inner += 1
                if keeps:
                    next(outer)
            else:
                place = next(outer)
            places.append(place)
        terms = [self._at(x, places) for x in value.args[: 1 + (value.function is np.vdot)]]
        term = " * ".join(map(_bracketed, terms))
        if step.startswith(("maximum", "minimum")):
            self._use(step[:7])
        self._line(inner, f"{total} = {step.format(total=total, term=term)}")
        return total

    def _product(self, value: Value, indices: list[str], depth: int, total: str) -> str:
        a, b = value.args
        rows = indices[:1] if np.ndim(a.example) == 2 else []
        columns = indices[len(rows) :]
        n = shape_of(a)[-1]
        if n == 1:
            factors = self._at(a, [*rows, "0"]), self._at(b, ["0", *columns])
            return " * ".join(map(_bracketed, factors))
        self._line(depth, f"{total} = {self._cast('0.0', value)}")
        self._line(depth, f"for r in range({n}):")
        factors = self._at(a, [*rows, "r"]), self._at(b, ["r", *columns])
        self._line(depth + 1, f"{total} += {' * '.join(map(_bracketed, factors))}")
        return total

    def _gathered(self, value: Value, indices: list[str], depth: int) -> str:
        x, index = value.args[0], value.args[1]
        if value.function is operator.getitem:
            arrays, axis = (index if isinstance(index, tuple) else (index,)), 0
        else:
            arrays = (index,)
            axis = value.options.get("axis", value.args[2] if len(value.args) > 2 else 0)
        place = indices[axis]
        chosen = []
        for k, array in enumerate(arrays):
            text = self._at(array, [place])
            if not _is_known(array, shape_of(x)[axis + k]):
                name = f"at{k}_{self.name_of(value)}"
                length = shape_of(x)[axis + k]
                self._line(depth, f"{name} = {text}")
                self._line(depth, f"if {name} < 0 or {name} >= {length}:")
                self._line(depth + 1, FAILED)
                text = name
            chosen.append(text)
        return self._at(x, [*indices[:axis], *chosen, *indices[axis + 1 :]])

    # --- elements ---------------------------------------------------------------------------------

    def _at(self, x: Any, indices: list[str], dtype: np.dtype[Any] | None = None) -> str:
        """The element of a value at a place."""
        x = self._in_loop.get(x, x) if isinstance(x, Value) else x
        if not isinstance(x, Value):
            text = self._literal(x, dtype)
        elif x.is_constant and np.size(x.example) == 1:
            text = self._literal(np.asarray(x.example).item(), dtype_of(x))
        elif x in self._here:
            text = self._here[x]
        elif _is_part_of_numbers(x) and x.args[0] in self.values:
            text = f"{self.name_of(x.args[0])}_{x.args[1]}"
        elif x in self._inline:
            text = self._elementwise(x, indices)
        elif x.function is class_indices:
            text = self._at(x.args[0], indices)
        elif x not in self.values and is_view(x):
            text = self._of_view(x, indices)
        else:
            text = self._element(x, indices)
        return text

    def _element(self, x: Value, indices: list[str]) -> str:
        x = self._in_loop.get(x, x)
        is_kept = x in self.stored or x not in self.values
        place = self.place_of(x) if is_kept else None
        if place is not None:
            memory, start, whole = place
            self.arguments.setdefault(memory, whole)
            # One index is compiled in half the time of a view with several.
            return f"{memory}[{_flat_index(indices, shape_of(x), start)}]"
        name = self.name_of(x)
        if x not in self.values:
            self.arguments.setdefault(name, x)
        if np.ndim(x.example) == 0:
            is_outside = x not in self.values and x not in self.numbers
            is_array = is_outside and isinstance(x.example, np.ndarray)
            return f"{name}[()]" if is_array else name
        return f"{name}[{', '.join(indices)}]"

    def _literal(self, x: Any, dtype: np.dtype[Any] | None) -> str:
        if isinstance(x, bool | np.bool_):
            return str(bool(x))
        text = repr(float(x) if dtype is not None and dtype.kind == "f" else x)
        if not math.isfinite(x):
            text = "-np.inf" if x < 0 else f"np.{x}"
        return f"np.float32({text})" if dtype == np.float32 else text

    def _of_view(self, x: Value, indices: list[str]) -> str:
        """The element of what is looked at in another way."""
        operand = _operand(x)
        shape, function = shape_of(operand), x.function
        if function in SAME:
            places = indices
        elif function is transposed:
            places = indices[::-1]
        elif function is matrix_transposed:
            places = [*indices[:-2], *indices[:-3:-1]]
        elif function is np.broadcast_to:
            mine = indices[len(indices) - len(shape) :]
            places = ["0" if n == 1 else i for n, i in zip(shape, mine, strict=True)]
        elif function is operator.getitem:
            places = _places(x.args[1], shape, indices)
        elif _squeezed(shape) == _squeezed(shape_of(x)):
            left = iter([i for i, n in zip(indices, shape_of(x), strict=True) if n != 1])
            places = ["0" if n == 1 else next(left) for n in shape]
        else:
            places = _unflattened(indices, shape_of(x), shape)
        return self._at(operand, places)


def _bracketed(text: str) -> str:
    """An expression that may stand beside any operator."""
    return text if re.fullmatch(r"[\w.]+(\[[^\[\]]*\]|\([^()]*\))?", text) else f"({text})"


FAILED = "return FAILED"


def _base(x: Value) -> Value:
    """What a view is a view of, through all others."""
    while x.function is not None and is_view(x):
        x = _operand(x)
    return x.args[0] if _is_part_of_numbers(x) else x


def _is_known(index: Any, length: int) -> bool:
    """Whether an index is surely in range: a constant, or checked before."""
    if index.is_constant:
        return bool(((index.example >= 0) & (index.example < length)).all())
    return index.function is class_indices and index.args[1] <= length


def _places(index: Any, shape: tuple[int, ...], indices: list[str]) -> list[str]:
    """Where in an array the elements of a part of it are."""
    index = index if isinstance(index, tuple) else (index,)
    given, axes = iter(indices), iter(shape)
    places = []
    for i in index:
        if i is None:
            next(given)
        elif isinstance(i, int):
            places.append(str(i % next(axes)))
        else:
            start, _, step = i.indices(next(axes))
            place = next(given)
            place = place if step == 1 else f"{step} * {place}"
            places.append(place if start == 0 else f"{start} + {place}")
    return [*places, *given]


def _flat_index(indices: list[str], shape: tuple[int, ...], start: int = 0) -> str:
    """The index of a place in an array of a shape, where that is laid out in one dimension."""
    terms = [str(start)] if start else []
    for k, i in enumerate(indices):
        step = math.prod(shape[k + 1 :])
        if i != "0":
            terms.append(i if step == 1 else f"{step} * {_bracketed(i)}")
    return " + ".join(terms) or "0"


def _unflattened(indices: list[str], shape: tuple[int, ...], to: tuple[int, ...]) -> list[str]:
    """A place in an array of another shape, one of both being flat."""
    flat = _flat_index(indices, shape)
    if len(_squeezed(to)) <= 1:
        return [flat if n != 1 else "0" for n in to]
    places = []
    for k, n in enumerate(to):
        step = math.prod(to[k + 1 :])
        place = f"({flat}) // {step}" if step != 1 else f"({flat})"
        places.append("0" if n == 1 else f"{place} % {n}" if k else place)
    return places


# --- a program of kernels -------------------------------------------------------------------------

OPTIONS = '@njit(error_model="numpy", nogil=True)'
SMALL = 64  # elements of a constant: larger ones are handed to a kernel


class LoopWriter(Writer):
    """Writes a program whose kernels are compiled by numba."""

    def _write_program(self) -> None:
        self.kernels: dict[str, list[Value]] = {}  # by name: what they are called with
        self.epoch: str | None = None  # the function of many steps, if there can be one
        self.epoch_arguments: list[str] = []
        self._helpers: dict[str, str] = {}
        owners = self.storage.owners
        self._escaping = {owner for x in self.recording.escaping for owner in owners[x]}
        self._has_gradients = False  # whether they are where the update has them
        self._in_place: dict[Value, Value] = {}  # new values, and the old ones that they replace
        self._work: dict[str, int] = {}  # how much memory of each dtype the kernels use
        self._places: dict[Value, int] = {}  # where in it values are
        self._work_values: dict[str, Value] = {}
        self.numbers_of_kernels: set[Value] = set()  # results of kernels that are numbers
        self._outside: set[Value] = set()  # results of kernels that have arrays of their own
        self._last = {  # of the values in loops, those of the last round
            x: y for r in self.rounds.values() for x, y in zip(r.body, r.last, strict=True)
        }
        self._bodies = {x for repetition in self.rounds.values() for x in repetition.body}
        self._updates = True  # until the step of the optimizer is found to be for NumPy
        self._is_whole = True  # until something is found to be for NumPy
        self._is_whole = all(
            x.function is None or is_view(x) or self._is_for_loops(x) for x in self.values
        )
        self._updates = self._are_updates_for_loops()
        self._is_whole = self._is_whole and self._updates
        groups = [*self._groups()]
        for group in groups:
            if isinstance(group, list):
                if self._updates and any(self.letters[value] == "u" for value in group):
                    self._write_last_kernel(group)
                else:
                    self._write_kernel(group)
            elif not group.function or not is_view(group) or self._is_needed(group):
                self._write_step(group)
        if not self._updates:
            self._finish()
        if self._helpers or self.kernels:
            self.header += ["from numba import njit"]
            texts = [f"{OPTIONS}{text}" for text in self._helpers.values()]
            self.functions[:0] = "".join(f"\n\n{text}" for text in texts).splitlines()

    def _groups(self) -> list[Any]:
        """Values for NumPy, one by one, and lists of those for loops; views where they are used."""
        groups: list[Any] = []
        for value in self.values:
            if value.function is None or value.input is not None or is_view(value):
                if not is_view(value) or self._is_needed(value):
                    groups.append(value)
            elif not self._is_for_loops(value):
                groups.append(value)
            elif _is_part_of_numbers(value) or value in self.repeated - self._bodies:
                continue
            elif self._continues(groups, value):
                groups[-1].append(value)
            else:
                groups.append([value])
        # What is no call is there before, so that kernels need not be split by it.
        ahead = [x for x in groups if not isinstance(x, list) and x.function is None]
        groups = [*ahead, *(x for x in groups if x not in ahead)]
        return _joined(groups, self._continues)

    def _continues(self, groups: list[Any], value: Value) -> bool:
        """Whether a value may be computed in the kernel that the last group is."""
        if not groups or not isinstance(groups[-1], list):
            return False
        return self._updates or (self.letters[value] == "u") == (self.letters[groups[-1][0]] == "u")

    def _are_updates_for_loops(self) -> bool:
        """Whether the whole step of the optimizer is computed by loops, after all else."""
        if not isinstance(self.recording, StepRecording) or not self.recording.blocks:
            return False
        if any(np.ndim(x.example) > 0 for x in self.recording.returned[1:]):
            return False
        update = [x for x in self.values if self.letters[x] == "u" and x.function]
        return bool(update) and all(is_view(x) or self._is_for_loops(x) for x in update)

    def _repetitions(self) -> dict[Value, Repetition]:
        """What is repeated, if it is of numbers at one place, and nobody else needs its arrays."""
        kept = {_base(x) for x in self._kept()} - self.recording.stored.keys()
        used_by_numpy = {
            _base(used)
            for x in self.values
            if x.function and not is_view(x) and not is_for_loops(x)
            for used in x.uses()
        }
        return {
            value: repetition
            for value, repetition in super()._repetitions().items()
            if all(x.function in ELEMENTWISE and is_for_loops(x) for x in repetition.body)
            and len({*map(shape_of, repetition.body)}) == 1
            and shape_of(value) != ()
            and (kept | used_by_numpy).isdisjoint(repetition.values)
        }

    def _is_for_loops(self, value: Value) -> bool:
        """Whether a kernel computes a value; functions of single numbers if it computes all."""
        if value.function in OF_NUMBERS or _is_part_of_numbers(value):
            return self._is_whole
        if self.letters[value] == "u" and not self._updates:
            return False
        return is_for_loops(value)

    def _is_needed(self, view: Value) -> bool:
        """Whether a view is used by NumPy, or by the caller."""
        recording = self.recording
        if view in recording.returned or view in self.doubtful:
            return True
        kept = view in recording.stored or view in {*recording.overwritten.values()}
        if kept and not (self._updates and self._is_for_loops(_base(view))):
            return True
        return any(
            view in value.uses()
            and not self._is_for_loops(value)
            and (not is_view(value) or self._is_needed(value))
            for value in self.values
            if value.function
        )

    def _wanted(self, group: list[Value]) -> set[Value]:
        """What of a group is used outside of it."""
        inside = {*group}
        wanted = {_base(x) for x in self._kept()}
        for value in self.values:
            if value in self.repeated and not inside.isdisjoint(self._bodies):
                continue
            if value.function and value not in inside and not is_view(value):
                if _is_part_of_numbers(value) and self._is_whole:
                    continue
                wanted.update(_base(used) for used in value.uses())
        return wanted & inside

    def _goes_inline(self, value: Value, text: str) -> bool:
        """A kernel takes arrays by their names, and looks at parts of them by itself."""
        return value.function in VIEWS and super()._goes_inline(value, text)

    # --- one kernel among calls of NumPy ----------------------------------------------------------

    def _write_kernel(self, group: list[Value]) -> None:
        if self.letters[group[0]] == "u":
            self._write_check()
        wanted = self._wanted(group)
        places = {value: self._place(value) for value in wanted if np.ndim(value.example) > 0}
        outputs = {value for value in wanted if np.ndim(value.example) > 0}
        place_of = partial(self._place_in_kernel, outputs=outputs)
        kernel = Kernel(
            group,
            wanted,
            self._name_in_kernel,
            place_of,
            self._helpers,
            self.numbers_of_kernels,
            self.rounds,
        )
        numbers = [value for value in group if value in wanted and np.ndim(value.example) == 0]
        if self.recording.returned[0] in numbers:
            self.loss_is_array = False
        name = self._unused("kernel")
        names = [self._name_in_kernel(value) for value in places]
        arguments, lines = self._arguments_of(kernel, names), kernel.lines
        fails = any(FAILED in line for line in lines)
        ok = ["True"] if fails else []
        lines = [line.replace(FAILED, _failure(numbers)) for line in lines]
        lines.append(f"return {', '.join([*ok, *map(self._named, numbers)])}".rstrip())
        self._add_function(name, [*arguments, *names], lines)
        self.kernels[name] = [*arguments.values(), *places]
        targets = [*(["ok"] if fails else []), *map(self._named, numbers)]
        given = [*map(self._argument, arguments.values()), *places.values()]
        assigned = f"{', '.join(targets)} = " if targets else ""
        for value, place in places.items():
            if value in self._escaping:
                shape, dtype = value.example.shape, value.example.dtype
                self.lines.append(f"{place} = np.empty({shape}, np.{dtype})")
        self.lines.append(f"{assigned}{name}({', '.join(given)})")
        if fails:
            self._raise_unless_ok()
        for value in numbers:
            if value is not self.recording.returned[0] or self._is_used(value):
                number = self._named(value)
                self.lines.append(f"{number} = np.{dtype_of(value)}({number})")
        self.numbers_of_kernels.update(numbers)
        self._outside.update(places)
        for value, place in places.items():
            self.names[value] = place
            self._store(value)

    def _is_used(self, value: Value) -> bool:
        """Whether NumPy computes with a value."""
        return any(
            value in x.uses() and not self._is_for_loops(x) for x in self.values if x.function
        )

    def _raise_unless_ok(self) -> None:
        error = self._imported(NotFiniteError.__module__, NotFiniteError.__name__)
        self.lines += ["if not ok:", f"    raise {error}"]

    def _place(self, value: Value) -> str:
        """The array that a kernel writes a value to."""
        if value in self.recording.stored:
            return self._buffer(self.recording.stored[value][0])
        name = self._named(value)
        if value in self._escaping:
            return name
        place = self.storage.places.get(value)
        if isinstance(place, Value) and nbytes(value) >= LARGE:
            return self._buffer(place)
        self.header.append(f"{name} = np.empty({value.example.shape}, np.{value.example.dtype})")
        return name

    def _name_in_kernel(self, value: Value) -> str:
        """The name of a value within kernels."""
        if value in self._in_place:
            value = self._in_place[value]
        if value in self.recording.stored and value.function:
            return self._buffer(self.recording.stored[value][0])
        if value in self.recording.memory:
            self._write_memory(value)
        elif value.input is not None:
            self.names[value] = value.input
        elif value.function is None and value not in self.names:
            self._write_constant(value)
        return self.inline.get(value) or self._named(value)

    def _argument(self, value: Value) -> str:
        """What a kernel is called with."""
        return value.input or self._text(value)

    def _arguments_of(self, kernel: Kernel, outputs: Iterable[str] = ()) -> dict[str, Value]:
        """What a kernel takes beside its outputs: all from outside but small constants."""
        return {
            name: value
            for name, value in kernel.arguments.items()
            if name not in outputs and not (value.is_constant and np.size(value.example) <= SMALL)
        }

    def _place_in_kernel(
        self, value: Value, outputs: Collection[Value] = ()
    ) -> tuple[str, int, Value] | None:
        """The array that a value is a part of, and where it begins."""
        recording = self.recording
        if value in outputs or value in self._in_place or np.ndim(value.example) == 0:
            return None
        value = self._last.get(value, value)
        if value in recording.stored and value.function:
            value = recording.stored[value][0]
        if value in recording.parts:
            whole = recording.parts[value]
            return self._name_in_kernel(whole), recording.starts[value], whole
        if value.function is None or not self._is_for_loops(value) or value in self._outside:
            return None
        if value not in self._places:
            dtype = str(dtype_of(value))
            self._places[value] = start = self._work.get(dtype, 0)
            self._work[dtype] = start + math.prod(shape_of(value))
        name = f"work_{dtype_of(value)}"
        return name, self._places[value], self._work_value(name, dtype_of(value))

    def _work_value(self, name: str, dtype: np.dtype[Any]) -> Value:
        """What stands for the memory in which kernels keep what only they need."""
        if name not in self._work_values:
            self._work_values[name] = Value(np.empty(1, dtype), input=name)
        return self._work_values[name]

    def _add_function(self, name: str, arguments: Iterable[str], lines: list[str]) -> None:
        lines = [line for line in lines if line != "return"]
        body = [f"    {line}" for line in lines]
        self.functions += ["", "", OPTIONS, f"def {name}({', '.join(arguments)}):", *body]

    def source(self) -> str:
        """The whole program."""
        for dtype, size in self._work.items():
            self.header.append(f"work_{dtype} = np.empty({size}, np.{dtype})")
        return super().source()

    # --- the kernel that ends a step --------------------------------------------------------------

    def _write_last_kernel(self, values: list[Value]) -> None:
        """The kernel with the update: it checks what was found, and changes the parameters."""
        recording, letters = self.recording, self.letters
        loss, *more = recording.returned
        is_inside = _base(loss) in values
        self.loss_is_array = self.loss_is_array and not is_inside
        self._in_place = {
            new: old
            for old, new in recording.overwritten.items()
            if nbytes(new) >= LARGE and new in values
        }
        kernel = Kernel(
            values,
            {_base(x) for x in self._kept()} & {*values, *self.repeated},
            self._name_in_kernel,
            self._place_in_kernel,
            self._helpers,
            self.numbers_of_kernels,
            self.rounds,
            section=lambda value: letters[value] == "u" and 1 + (nbytes(value) >= LARGE),
            ahead_of=self._write_ahead_of,
        )
        lines = kernel.lines
        if not self.checked:
            self._write_check_of_update(kernel)
        for old, new in recording.overwritten.items():
            if new not in self._in_place:
                name = self._name_in_kernel(old)
                kernel.arguments[name] = old
                lines.append(f"for i in range({new.example.size}):")
                lines.append(f"    {name}[i] = {kernel._at(new, ['i'])}")
        numbers = [x for x in recording.returned if _base(x) in values and np.ndim(x.example) == 0]
        if is_inside and loss not in numbers:
            numbers.insert(0, loss)
        arguments = self._arguments_of(kernel)
        returned = ["True", *(kernel._at(x, ["0"] * np.ndim(x.example)) for x in numbers)]
        lines = [line.replace(FAILED, _failure(numbers)) for line in lines]
        name = self._unused("kernel")
        self._add_function(name, arguments, [*lines, f"return {', '.join(returned)}"])
        self.kernels[name] = [*arguments.values()]
        targets = ["ok", *map(self._named, numbers)]
        given = [*map(self._argument, arguments.values())]
        self.lines.append(f"{', '.join(targets)} = {name}({', '.join(given)})")
        self._raise_unless_ok()
        if self._is_whole and not more and not recording.random:
            self._write_epoch(name, arguments)

    def _write_ahead_of(self, kernel: Kernel, nest: Nest) -> None:
        """Before the update the gradients; and the check before the first change in place."""
        if not self._has_gradients and any(self.letters[value] == "u" for value in nest.values):
            self._has_gradients = True
            self._write_gradients(kernel)
        if not self.checked and any(value in self._in_place for value in nest.values):
            self._write_check_of_update(kernel)

    def _write_gradients(self, kernel: Kernel) -> None:
        """Copy gradients to where the update has them, if they are not there."""
        for value, parts in self.recording.stored.items():
            is_here = value in kernel.values or value in self.repeated
            if not is_here and not (is_view(value) and self._is_for_loops(_base(value))):
                continue  # what computed it wrote it there
            for part in parts[is_here:]:
                kernel.lines += _copied(kernel, value, part)

    def _write_check_of_update(self, kernel: Kernel) -> None:
        """See to it that all is finite: loss, new values, gradients of what changes in place."""
        self.checked = True
        recording, lines = self.recording, kernel.lines
        loss = recording.returned[0]
        lines.append(f"check = {kernel._at(loss, ['0'] * np.ndim(loss.example))}")
        for gradient in recording.flat_gradients():
            if nbytes(gradient) >= LARGE:
                name = self._name_in_kernel(gradient)
                kernel.arguments[name] = gradient
                lines += _summed(f"{name}[i]", gradient)
        parameters = {*recording.parts.values()}
        for old, new in recording.overwritten.items():
            if old in parameters and new not in self._in_place:
                lines += _summed(kernel._at(new, ["i"]), new)
        for value in self.doubtful:
            lines += _nan_check(kernel, value)
        lines += ["if not np.isfinite(check):", f"    {FAILED}"]

    def _write_epoch(self, name: str, arguments: dict[str, Value]) -> None:
        """A function of many steps, one after the other, if the data are samples side by side."""
        recording = self.recording
        given = {value.input: value for value in arguments.values() if value.input}
        data = [x for x in recording.argument_names if x in given]
        lengths = {shape_of(given[x])[:1] for x in data}
        if len(lengths) != 1 or lengths == {()}:
            return
        (n,) = next(iter(lengths))
        numbers = [x for x, value in given.items() if np.ndim(value.example) == 0]
        inner = [f"{x}_" if x in data else f"{x}[s]" if x in numbers else x for x in arguments]
        lines = [f"{x}_ = np.empty({shape_of(given[x])}, {x}.dtype)" for x in data]
        lines += ["for s in range(len(losses)):", f"    for i in range({n}):"]
        lines += [f"        row = (first + s) * {n} + i"]
        lines += ["        if len(order):", "            row = order[row]"]
        for x in data:
            indices, loops = _loops((2, *shape_of(given[x])[1:]))  # the first is that of the rows
            rest = "".join(f", {i}" for i in indices[1:])
            inner_loops = [line[4:] for line in loops[1:]]
            lines += [f"        {line}" for line in inner_loops]
            depth = "    " * (2 + len(inner_loops))
            lines.append(f"{depth}{x}_[i{rest}] = {x}[row{rest}]")
        lines += [f"    ok, losses[s] = {name}({', '.join(inner)})"]
        lines += ["    if not ok:", "        return s", "return len(losses)"]
        self.epoch = self._unused("epoch")
        self._add_function(self.epoch, ["first", "losses", "order", *arguments], lines)
        self.epoch_arguments = [*arguments]


def _is_part_of_numbers(value: Value) -> bool:
    """Whether it is one of several numbers that a helper returned."""
    return value.function is operator.getitem and value.args[0].function in OF_NUMBERS


def _joined(groups: list[Any], continues: Callable[[list[Any], Value], bool]) -> list[Any]:
    """Groups that follow one another as one."""
    joined: list[Any] = []
    for group in groups:
        if isinstance(group, list) and joined and continues(joined, group[0]):
            joined[-1] += group
        else:
            joined.append(group)
    return joined


def _summed(element: str, value: Value) -> list[str]:
    """Lines that add the squares of an array to the check."""
    (n,) = shape_of(value)
    return [f"for i in range({n}):", f"    check += {element} * {element}"]


def _failure(numbers: list[Value]) -> str:
    zeros = [f"np.{dtype_of(x)}(0)" for x in numbers]
    return f"return {', '.join(['False', *zeros])}"


def _nan_check(kernel: Kernel, value: Value) -> list[str]:
    """Lines by which the check fails if there is a nan."""
    indices, lines = _loops(shape_of(value))
    x, inner = kernel._at(value, indices), "    " * len(lines)
    return [*lines, f"{inner}if {x} != {x}:", f"{inner}    {FAILED}"]


def _copied(kernel: Kernel, value: Value, part: Value) -> list[str]:
    """Lines that copy a value to a part of some memory."""
    indices, lines = _loops(shape_of(part))
    inner = "    " * len(lines)
    return [*lines, f"{inner}{kernel._element(part, indices)} = {kernel._at(value, indices)}"]


def _loops(shape: tuple[int, ...]) -> tuple[list[str], list[str]]:
    """The indices of all places of a shape, and the lines of the loops over them."""
    indices: list[str] = []
    lines: list[str] = []
    for n in shape:
        if n == 1:
            indices.append("0")
        else:
            indices.append("ijklmn"[len(lines)])
            lines.append(f"{'    ' * len(lines)}for {indices[-1]} in range({n}):")
    return indices, lines


def compiled(
    namespace: dict[str, Any],
    kernels: dict[str, list[Value]],
    numbers: Collection[Value],
    name: str,
) -> None:
    """Compile the kernels of a program now, for the arguments that they were recorded with."""
    numba = require_numba()
    begin = time.perf_counter()
    for kernel, values in kernels.items():
        types = tuple(_type_of(value, numba, numbers) for value in values)
        namespace[kernel].compile(types)
    seconds = time.perf_counter() - begin
    sys.stderr.write(f"numba compiled {name} in {seconds:.1f} s\n")


def _type_of(value: Value, numba: Any, numbers: Collection[Value]) -> Any:
    example = value.example
    if value in numbers:
        return numba.from_dtype(dtype_of(value))
    if isinstance(example, np.ndarray):
        flags = example.flags
        is_input = value.input is not None
        layout = "C" if is_input or flags.c_contiguous else "F" if flags.f_contiguous else "A"
        return numba.types.Array(numba.from_dtype(example.dtype), example.ndim, layout)
    return numba.typeof(example)
