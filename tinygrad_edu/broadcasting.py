"""Broadcasting, undone: what was repeated to fit gets the sum of its copies' gradients."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.quick import sum_of_rows

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
        return sum_of_rows(gradient)
    axes = (i + extra for i, n in enumerate(shape) if n == 1)
    return gradient.sum(axis=(*range(extra), *axes)).reshape(shape)
