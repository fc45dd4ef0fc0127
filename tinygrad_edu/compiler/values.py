"""Values: what a recorded function computes, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_edu.source import Source
from tinygrad_edu.trees import leaves

__all__ = ["Value", "alike", "found", "key_of", "same_numbers"]


class Value:
    """The result of a call, an input, or a constant; with an example of it."""

    __slots__ = ("args", "example", "function", "input", "is_fragile", "options", "source")

    example: Any
    function: Callable[..., Any] | None  # None for an input or a constant
    args: tuple[Any, ...]
    options: dict[str, Any]
    input: str | None  # its name
    source: Source | None  # of a constant: where the function uses it
    is_fragile: bool  # whether a nan in it may be due to what the program leaves out

    def __init__(
        self,
        example: Any,
        function: Callable[..., Any] | None = None,
        args: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        *,
        input: str | None = None,
        source: Source | None = None,
    ) -> None:
        self.example, self.function, self.input, self.source = example, function, input, source
        self.args, self.options = args, options or {}
        self.is_fragile = any(used.is_fragile for used in self.uses())

    @property
    def is_constant(self) -> bool:
        """Whether it is the same in every call."""
        return self.function is None and self.input is None

    def uses(self) -> Iterator[Value]:
        """The values it is computed from."""
        return found(Value, (self.args, self.options))


def found(kind: Any, tree: Any) -> Iterator[Any]:
    """All objects of a type in nested arguments."""
    return (x for x in leaves(tree) if isinstance(x, kind))


def same_numbers(a: Any, b: Any) -> bool:
    """Whether two arrays are equal, nan to nan."""
    return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc")


def alike(a: Any, b: Any) -> bool:
    """Whether two things are arrays of the same shape and dtype."""
    if not (isinstance(a, np.ndarray | np.generic) and isinstance(b, np.ndarray | np.generic)):
        return False
    return np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype


def key_of(x: Any) -> Any:
    """Something hashable that is equal for equal arguments."""
    if isinstance(x, tuple | list):
        return type(x), *map(key_of, x)
    if isinstance(x, dict):
        return tuple((name, key_of(part)) for name, part in sorted(x.items()))
    if isinstance(x, slice):
        return slice, x.start, x.stop, x.step
    return (type(x), repr(x)) if isinstance(x, int | float) else x  # -0.0 is not 0.0
