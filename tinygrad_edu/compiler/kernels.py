"""Kernels: nests of loops over known shapes, written as Python that numba can compile."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, cast

import numpy as np

from tinygrad_edu.compiler.elements import (
    ELEMENTWISE,
    HELPERS,
    OF_NUMBERS,
    REDUCTIONS,
    SAME,
    axes_of,
    base_of,
    dtype_of,
    is_part_of_numbers,
    is_view,
    operand_of,
    shape_of,
    squeezed,
)
from tinygrad_edu.compiler.rewriting import matrix_transposed, transposed
from tinygrad_edu.compiler.rolling import Repetition
from tinygrad_edu.compiler.values import Value
from tinygrad_edu.ops.loss import class_indices

__all__ = ["FAILED", "Kernel", "Nest", "loops_over"]


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
        self.values: set[Value] = {*values}
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
                base = base_of(used)
                self._consumers.setdefault(self._in_loop.get(base, base), []).append(value)
        looped = {*self._in_loop.values()}
        self._inline = {x for x in values if x not in looped and self._goes_inline(x)}
        self.nests: list[Nest] = self._nests(
            [value for value in values if value not in self._inline]
        )
        self._find_stored()
        self._here: dict[Value, str] = {}  # numbers at the place where the loops are
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
            base = base_of(used)
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
            if base_of(used) in self._inline:
                yield from self._all_uses(base_of(used))

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
        indices, loops = loops_over(nest.shape)
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
        arrays = [dtype_of(y) for y in value.uses()]
        dtype = dtype_of(value) if dtype_of(value).kind == "f" else np.result_type(*arrays)
        text = bracketed(self._at(x, places, dtype))
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
        operand, axes = operand_of(value), axes_of(value)
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
        term = " * ".join(map(bracketed, terms))
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
            return " * ".join(map(bracketed, factors))
        self._line(depth, f"{total} = {self._cast('0.0', value)}")
        self._line(depth, f"for r in range({n}):")
        factors = self._at(a, [*rows, "r"]), self._at(b, ["r", *columns])
        self._line(depth + 1, f"{total} += {' * '.join(map(bracketed, factors))}")
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
        elif is_part_of_numbers(x) and x.args[0] in self.values:
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
        operand = operand_of(x)
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
        elif squeezed(shape) == squeezed(shape_of(x)):
            left = iter([i for i, n in zip(indices, shape_of(x), strict=True) if n != 1])
            places = ["0" if n == 1 else next(left) for n in shape]
        else:
            places = _unflattened(indices, shape_of(x), shape)
        return self._at(operand, places)


def bracketed(text: str) -> str:
    """An expression that may stand beside any operator."""
    return text if re.fullmatch(r"[\w.]+(\[[^\[\]]*\]|\([^()]*\))?", text) else f"({text})"


FAILED = "return FAILED"


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
            terms.append(i if step == 1 else f"{step} * {bracketed(i)}")
    return " + ".join(terms) or "0"


def _unflattened(indices: list[str], shape: tuple[int, ...], to: tuple[int, ...]) -> list[str]:
    """A place in an array of another shape, one of both being flat."""
    flat = _flat_index(indices, shape)
    if len(squeezed(to)) <= 1:
        return [flat if n != 1 else "0" for n in to]
    places = []
    for k, n in enumerate(to):
        step = math.prod(to[k + 1 :])
        place = f"({flat}) // {step}" if step != 1 else f"({flat})"
        places.append("0" if n == 1 else f"{place} % {n}" if k else place)
    return places


def loops_over(shape: tuple[int, ...]) -> tuple[list[str], list[str]]:
    """The indices of all places of a shape, and the lines of the loops over them."""
    indices: list[str] = []
    lines: list[str] = []
    for n in shape:
        if n == 1:
            indices.append("0")
        else:
            indices.append("ijklmno"[len(lines)] if len(lines) < 7 else f"r{20 + len(lines)}")
            lines.append(f"{'    ' * len(lines)}for {indices[-1]} in range({n}):")
    return indices, lines
