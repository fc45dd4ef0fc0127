"""What the figures are given, checked: an error says what was given, and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.viz.arrays import Array, array_of

__all__ = ["floats", "mapping", "times"]


def mapping(what: str, given: Any, of: str) -> dict[str, Any]:
    """A mapping as a dict that is not empty."""
    if not hasattr(given, "items"):
        raise TypeError(f"{what} must be a mapping of names to {of}; got {type(given).__name__}")
    found = dict(given.items())
    if not found:
        raise ValueError(f"{what} must be a mapping of names to {of}; got an empty one")
    return found


def floats(what: str, data: Any, *dimensions: str) -> Array:
    """The data as numbers with one axis for each of the dimensions named."""
    shape = f"({', '.join(dimensions)}{',' * (len(dimensions) == 1)})"
    try:
        array = array_of(data, float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be an array of numbers of shape {shape}: {error}") from error
    if array.ndim != len(dimensions):
        raise ValueError(f"{what} must have the shape {shape}; got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{what} must have the shape {shape}, and not be empty; got {array.shape}")
    return array


def times(steps: Sequence[float] | None, n: int, first: int = 0) -> Array:
    """The time of each of n records: those given, or ``first``, ``first + 1``, ..."""
    if steps is None:
        return np.arange(first, first + n)
    found = floats("steps", steps, "n")
    if len(found) != n or (np.diff(found) <= 0).any():
        raise ValueError(
            f"steps must be the times of {n} records, in ascending order; got {len(found)}: "
            f"{np.array2string(found, threshold=6)}"
        )
    return found
