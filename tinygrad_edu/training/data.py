"""The samples of a training: what they must be, and how they are taken in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.debugging.nonfinite import first_nonfinite, is_finite

__all__ = ["Array", "Data", "batches", "checked_data"]

Array: TypeAlias = NDArray[Any]
Data: TypeAlias = tuple[Array, Array]
"""Samples and targets, along the first axis."""


def checked_data(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> Data:
    """Samples and targets as arrays, if they can be learned from."""
    x, y = _checked_array(x, x_name), _checked_array(y, y_name)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"{x_name} and {y_name} must have the same length, at least 1; "
            f"got shapes {x.shape} and {y.shape}"
        )
    return x, y


def _checked_array(values: Any, name: str) -> Array:
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of several lengths
        raise ValueError(f"{name} is no array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be numbers; got dtype {array.dtype}")
    if not is_finite(array):
        value, at = first_nonfinite(array)
        raise ValueError(f"{name} must be finite; got {value} at {at}")
    return array


def batches(x: Array, y: Array, size: int, shuffle: bool, rng: Any) -> Iterator[Data]:
    """All samples once, so many at a time."""
    if size >= len(x):
        yield x, y
        return
    order = rng.permutation(len(x)) if shuffle else None
    for start in range(0, len(x), size):
        batch = slice(start, start + size)
        chosen = batch if order is None else order[batch]
        yield x[chosen], y[chosen]
