"""Programs as loops over single numbers, compiled by numba; large products and the like by NumPy.

What NumPy does in a call of its own for each operation, a kernel does in a few nests of loops: all
that has the same shape, and needs of the rest only numbers at the same place, is computed in one
nest. The shapes are known, so that short loops get unrolled, and all memory is there before. What
loops would not be faster at, as a large product or the exponential of a thousand numbers, is left
to NumPy, with a kernel before and one after it.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

import numpy as np

from tinygrad_edu.compiler.elements import (
    ELEMENTWISE,
    OF_NUMBERS,
    base_of,
    dtype_of,
    is_for_loops,
    is_part_of_numbers,
    is_view,
    shape_of,
)
from tinygrad_edu.compiler.kernels import FAILED, Kernel, Nest, loops_over
from tinygrad_edu.compiler.recording import StepRecording
from tinygrad_edu.compiler.rolling import Repetition
from tinygrad_edu.compiler.source import VIEWS, NotFiniteError, Writer
from tinygrad_edu.compiler.storage import LARGE, nbytes
from tinygrad_edu.compiler.values import Value

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
        for group in self._groups():
            if isinstance(group, list):
                if self._updates and any(self.letters[value] == "u" for value in group):
                    self._write_last_kernel(group)
                else:
                    self._write_kernel(group)
            else:
                self._write_step(group)
        if not self._updates:
            self._finish()
        if self._helpers or self.kernels:
            self.header.append("from numba import njit")
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
            elif is_part_of_numbers(value) or value in self.repeated - self._bodies:
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
        kept = {base_of(x) for x in self._kept()} - self.recording.stored.keys()
        used_by_numpy = {
            base_of(used)
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
        if value.function in OF_NUMBERS or is_part_of_numbers(value):
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
        if kept and not (self._updates and self._is_for_loops(base_of(view))):
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
        wanted = {base_of(x) for x in self._kept()}
        for value in self.values:
            if value in self.repeated and not inside.isdisjoint(self._bodies):
                continue
            if value.function and value not in inside and not is_view(value):
                if is_part_of_numbers(value) and self._is_whole:
                    continue
                wanted.update(base_of(used) for used in value.uses())
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
        place_of = partial(self._place_in_kernel, outputs=places)
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
            self._expect_number()
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
            is_loss = (
                isinstance(self.recording, StepRecording) and value is self.recording.returned[0]
            )
            if not is_loss or self._is_used(value):
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
        self.lines.extend(["if not ok:", f"    raise {error}"])

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
        self.functions.extend(["", "", OPTIONS, f"def {name}({', '.join(arguments)}):", *body])

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
        is_inside = base_of(loss) in values
        if is_inside:
            self._expect_number()
        numbers = [
            x for x in recording.returned if base_of(x) in values and np.ndim(x.example) == 0
        ]
        if is_inside and loss not in numbers:
            numbers.insert(0, loss)
        self._reported = numbers
        self._in_place = {
            new: old
            for old, new in recording.overwritten.items()
            if nbytes(new) >= LARGE and new in values
        }
        kernel = Kernel(
            values,
            {base_of(x) for x in self._kept()} & {*values, *self.repeated},
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
        arguments = self._arguments_of(kernel)
        returned = ["True", *map(self._named, numbers)]
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
        """Copy gradients to where the update has them, and keep what is returned from before it."""
        for x in self._reported:
            text = kernel._at(x, ["0"] * np.ndim(x.example))
            if text != self._named(x):
                kernel.lines.append(f"{self._named(x)} = {text}")
        for value, parts in self.recording.stored.items():
            is_here = value in kernel.values or value in self.repeated
            if not is_here and not (is_view(value) and self._is_for_loops(base_of(value))):
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
        batch = {x: recording.unused(f"{x}_batch") for x in data}
        inner = [batch[x] if x in data else f"{x}[s]" if x in numbers else x for x in arguments]
        lines = [f"{batch[x]} = np.empty({shape_of(given[x])}, {x}.dtype)" for x in data]
        lines += ["for s in range(len(losses)):", f"    for i in range({n}):"]
        lines += [f"        row = (first + s) * {n} + i"]
        lines += ["        if len(order):", "            row = order[row]"]
        for x in data:
            # The first index is that of the rows.
            indices, loops = loops_over((2, *shape_of(given[x])[1:]))
            rest = "".join(f", {i}" for i in indices[1:])
            inner_loops = [line[4:] for line in loops[1:]]
            lines += [f"        {line}" for line in inner_loops]
            depth = "    " * (2 + len(inner_loops))
            lines.append(f"{depth}{batch[x]}[i{rest}] = {x}[row{rest}]")
        lines += [f"    ok, losses[s] = {name}({', '.join(inner)})"]
        lines += ["    if not ok:", "        return s", "return len(losses)"]
        self.epoch = self._unused("epoch")
        self._add_function(self.epoch, ["first", "losses", "order", *arguments], lines)
        self.epoch_arguments = [*arguments]


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
    indices, lines = loops_over(shape_of(value))
    x, inner = kernel._at(value, indices), "    " * len(lines)
    return [*lines, f"{inner}if {x} != {x}:", f"{inner}    {FAILED}"]


def _copied(kernel: Kernel, value: Value, part: Value) -> list[str]:
    """Lines that copy a value to a part of some memory."""
    indices, lines = loops_over(shape_of(part))
    inner = "    " * len(lines)
    return [*lines, f"{inner}{kernel._element(part, indices)} = {kernel._at(value, indices)}"]


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
