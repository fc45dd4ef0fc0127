"""Where the results of a program are written, so that large ones need no new memory each time."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any, TypeAlias

import numpy as np

from tinygrad_edu.compiler.recording import Recording
from tinygrad_edu.compiler.rewriting import matrix_transposed, transposed
from tinygrad_edu.compiler.values import Value

__all__ = ["LARGE", "Place", "Storage", "is_view", "nbytes", "new_buffer"]

LARGE = 2**15  # bytes: smaller arrays are allocated as fast as they are reused
SLOW_IN_PLACE = {np.sign}  # ten times as slow where input and output share memory


Place: TypeAlias = Value | int
"""Where a result goes: an array that is there already, or a buffer by its number."""


class Storage:
    """Where results are written: over a value that is not needed any more, or into a buffer."""

    places: dict[Value, Place]
    buffers: dict[Value, Place]  # the memory of values, to be reused after their last use
    free: dict[Any, list[Place]]  # memory that can be reused, by kind
    kinds: dict[int, Any]  # of each buffer
    owners: dict[Value, set[Value]]
    last_use: dict[Value, int]

    def __init__(self, values: list[Value], recording: Recording, returned: list[Value]) -> None:
        self.places, self.free, self.kinds = {}, {}, {}
        self.buffers = {memory: memory for memory in recording.flat_gradients()}
        self.owners = _owners(values, recording.parts)
        self.last_use = self._last_uses(values, [*returned, *recording.overwritten.values()])
        escaping = {owner for x in recording.escaping for owner in self.owners[x]}
        targets = self._targets(values, recording.overwritten)
        dying: dict[int, list[Value]] = {}
        for owner, i in self.last_use.items():
            dying.setdefault(i, []).append(owner)
        for i, value in enumerate(values):
            if is_elementwise(value) or is_product(value):
                if value in recording.stored:
                    self.places[value] = recording.stored[value][0]
                elif nbytes(value) >= LARGE and value not in escaping:
                    self._place(value, dying.get(i, []), targets.get(value), i)
            for owner in dying.get(i, []):
                if owner in self.buffers:
                    self.free.setdefault(kind_of(owner), []).append(self.buffers.pop(owner))

    def _targets(self, values: list[Value], overwritten: dict[Value, Value]) -> dict[Value, Value]:
        """What is to be written over an input: its new value, and what only that is made of.

        So a velocity shrinks, and gets the gradient added, in its own memory.
        """
        number = {value: i for i, value in enumerate(values)}
        uses = Counter(used for value in values for used in value.uses())
        targets: dict[Value, Value] = {}
        for old, new in overwritten.items():
            step: Value | None = new
            while step is not None and is_elementwise(step):
                targets[step] = old
                step = next(
                    (
                        x
                        for x in step.uses()
                        if uses[x] == 1
                        and x not in targets
                        and kind_of(x) == kind_of(old)
                        and number[x] >= self.last_use[old]
                    ),
                    None,
                )
        return targets

    def _last_uses(self, values: list[Value], outputs: list[Value]) -> dict[Value, int]:
        """For each owner of memory, the number of the last value that reads it."""
        last = {owner: i for i, value in enumerate(values) for owner in self.owners[value]}
        for i, value in enumerate(values):
            for used in value.uses():
                last |= dict.fromkeys(self.owners[used], i)
        for value in outputs:
            last |= dict.fromkeys(self.owners[value], len(values))
        return last

    def _place(self, value: Value, dying: list[Value], target: Value | None, i: int) -> None:
        if is_elementwise(value):
            if target is not None and self.last_use[target] <= i:
                self.places[value] = target
                return
            for owner in dying if value.function not in SLOW_IN_PLACE else ():
                if owner in self.buffers and kind_of(owner) == kind_of(value):
                    self.places[value] = self.buffers[value] = self.buffers.pop(owner)
                    return
        free = self.free.get(kind_of(value))
        if free:
            place = free.pop()
        else:
            place = len(self.kinds) + 1
            self.kinds[place] = kind_of(value)
        self.places[value] = self.buffers[value] = place


def _owners(values: list[Value], parts: dict[Value, Value]) -> dict[Value, set[Value]]:
    """For each value, the values whose memory it may share, itself among them."""
    owners: dict[Value, set[Value]] = {}
    for value in values:
        owners[value] = {value, parts[value]} if value in parts else {value}
        if value.function and not is_elementwise(value) and not is_product(value):
            owners[value] = owners[value].union(*(owners[used] for used in value.uses()))
    return owners


def nbytes(value: Value) -> int:
    """The memory that a value takes."""
    return getattr(value.example, "nbytes", 0)


def kind_of(value: Value) -> tuple[Any, ...]:
    """What a buffer for a value must be like: its shape, dtype, and its axes as they are laid out.

    What NumPy computes of arrays has their layout, and is several times as slow in another one.
    """
    array = np.asarray(value.example)
    axes = sorted(range(array.ndim), key=lambda axis: (-array.strides[axis], axis))
    return array.shape, array.dtype, tuple(axes)


def new_buffer(kind: tuple[Any, ...]) -> str:
    """The source of memory of a kind."""
    shape, dtype, axes = kind
    laid_out = tuple(shape[axis] for axis in axes)
    if laid_out == shape or axes == tuple(range(len(axes))):
        return f"np.empty({shape}, np.{dtype})"
    places = tuple(axes.index(axis) for axis in range(len(axes)))
    return f"np.empty({laid_out}, np.{dtype}).transpose({places})"


def is_view(value: Value) -> bool:
    """Whether it is another look at the memory of its operand, whatever that is."""
    if value.function in (transposed, matrix_transposed):
        return True
    return value.function is operator.getitem and all(
        x is None for x in (value.args[1] if isinstance(value.args[1], tuple) else value.args[1:])
    )


def is_elementwise(value: Value) -> bool:
    """Whether each element of a single result depends on the same elements of the operands."""
    return (
        isinstance(value.function, np.ufunc)
        and value.function.signature is None
        and value.function.nout == 1
        and not value.options
    )


def is_product(value: Value) -> bool:
    """Whether it is the product of two matrices, or of a matrix and a vector, as a method."""
    if value.function is not np.ndarray.dot or len(value.args) != 2:
        return False
    dimensions = [np.ndim(x.example) if isinstance(x, Value) else 0 for x in value.args]
    return min(dimensions) > 0 and sum(dimensions) in (3, 4) and max(dimensions) == 2
