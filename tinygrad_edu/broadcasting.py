"""Broadcasting, undone: what was repeated to fit gets the sum of its copies' gradients."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["broadcasts", "unbroadcast"]

Shape = tuple[int, ...]


def broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether an array of a shape can be repeated to become one of another shape."""
    extra = len(to) - len(shape)
    if extra < 0:
        return False
    kept = to[extra:]
    return shape == kept or all(n in (1, m) for n, m in zip(shape, kept, strict=True))


def unbroadcast(gradient: Any, shape: Shape) -> Any:
    """The gradient of an array of a shape from that of the larger array it was repeated to."""
    extra = gradient.ndim - len(shape)
    if extra == 1 and gradient.shape[1:] == shape:
        return _sum_rows(gradient)
    axes = (i + extra for i, n in enumerate(shape) if n == 1)
    return gradient.sum(axis=(*range(extra), *axes)).reshape(shape)


def _sum_rows(gradient: Any) -> Any:
    """The sum over the first axis, along which a bias, say, was repeated."""
    rows = len(gradient)
    if rows == 1:
        return gradient[0]
    if gradient.ndim == 2 and isinstance(gradient, np.ndarray):
        return gradient.T.dot(_ones(rows, gradient.dtype))  # several times as fast as a sum
    return gradient.sum(axis=0)


@lru_cache(maxsize=64)
def _ones(n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones
