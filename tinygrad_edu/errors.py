"""Errors: how they name what they are about, and the one exception of our own."""

from __future__ import annotations

from typing import Any

import numpy as np


class GradientError(AssertionError):
    """A derivative does not agree with the difference quotient of its function."""


def describe_call(op: Any, inputs: tuple[Any, ...]) -> str:
    """An operation with its inputs: ``matmul(x: (2, 3) float64, W: (3,) float64)``."""
    return f"{op.__name__}({', '.join(map(describe, inputs))})"


def describe(x: Any) -> str:
    """An input: name, shape and dtype of a Tensor or an array, and other things as they are."""
    array = getattr(x, "_array", x)
    if not isinstance(array, np.ndarray):
        return repr(x)
    name = "array" if array is x else x.name or "Tensor"
    return f"{name}: {array.shape} {array.dtype}"
