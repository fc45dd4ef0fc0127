"""Make gradients that are too large smaller."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tinygrad_edu.optim.checks import at_least_zero, list_of_tensors
from tinygrad_edu.optim.packing import as_array
from tinygrad_edu.tensor import Tensor

__all__ = ["clip_by_norm", "clip_by_value"]


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
        The largest norm that is left as it is.

    Returns
    -------
    float
        The norm before.

    Raises
    ------
    ValueError
        If max_norm is negative.
    FloatingPointError
        If a gradient is infinite or nan; all are as before.

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
    at_least_zero("max_norm", max_norm)
    learners = [p for p in list_of_tensors("clip_by_norm", parameters) if p.grad is not None]
    gradients = [as_array(p.grad) for p in learners]
    norm = math.hypot(*(float(np.linalg.norm(g)) for g in gradients))
    if not math.isfinite(norm):
        raise FloatingPointError(f"gradients of norm {norm} cannot be clipped")
    if norm > max_norm:
        for p, g in zip(learners, gradients, strict=True):
            p.grad = g * (max_norm / norm)
    return norm


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
            p.grad = np.clip(as_array(p.grad), -limit, limit)
