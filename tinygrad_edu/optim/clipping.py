"""Make gradients that are too large smaller."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.debugging.health import euclidean_norm
from tinygrad_edu.ops._common import values
from tinygrad_edu.optim.checks import at_least_zero, list_of_tensors
from tinygrad_edu.tensor import Tensor

__all__ = ["clip_by_norm", "clip_by_value", "clipped_to_norm"]


def clip_by_norm(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Shrink all gradients by one factor, if their common norm is too large.

    ::

        norm = sqrt(sum of all g**2)
        g' = g * min(1, max_norm / norm)

    Parameters
    ----------
    parameters : iterable of Tensor
        Those without a gradient count for nothing.
    max_norm : float
        The largest norm that is left as it is; infinity, to measure only.

    Returns
    -------
    float
        The norm before.

    Raises
    ------
    ValueError
        If max_norm is negative.
    FloatingPointError
        If the norm is infinite or nan; all are as before.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML
    2013.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.optim.clip_by_norm([w], 1.0)
    10.0
    >>> w.grad
    array([0.6, 0.8])
    """
    if max_norm != math.inf:
        at_least_zero("max_norm", max_norm)
    learners = [p for p in list_of_tensors("clip_by_norm", parameters) if p.grad is not None]
    total, clipped = clipped_to_norm([values(p.grad) for p in learners], max_norm)
    if total > max_norm:
        for p, g in zip(learners, clipped, strict=True):
            p.grad = g
    return total


def clipped_to_norm(gradients: Sequence[Any], max_norm: float) -> tuple[float, list[Any]]:
    """The common norm of gradients, and the gradients with a norm of at most max_norm."""
    total = math.hypot(*map(euclidean_norm, gradients))
    if not math.isfinite(total):
        raise FloatingPointError(f"gradients of norm {total} cannot be clipped")
    if total <= max_norm:
        return total, [*gradients]
    return total, [_scaled(g, total, max_norm) for g in gradients]


def _scaled(g: Any, total: float, max_norm: float) -> Any:
    """The product of a gradient and ``max_norm / total``, which may be too small for its dtype."""
    return (np.divide(g, total, dtype=np.float64) * max_norm).astype(g.dtype)


def clip_by_value(parameters: Iterable[Tensor], limit: float) -> None:
    """Clip every entry of every gradient.

    ::

        g' = clip(g, -limit, limit)

    Parameters
    ----------
    parameters : iterable of Tensor
        Those without a gradient count for nothing.
    limit : float
        The largest magnitude that is left as it is.

    Raises
    ------
    ValueError
        If the limit is negative.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([3.0, 0.25], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.optim.clip_by_value([w], 1.0)
    >>> w.grad
    array([1. , 0.5])
    """
    at_least_zero("the limit", limit)
    for p in list_of_tensors("clip_by_value", parameters):
        if p.grad is not None:
            p.grad = np.clip(values(p.grad), -limit, limit)
