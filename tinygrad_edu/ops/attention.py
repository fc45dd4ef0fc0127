"""Attention: every position takes from all others what it asks for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.errors import advised
from tinygrad_edu.ops._common import Operand, as_array, values
from tinygrad_edu.ops.activation import softmax
from tinygrad_edu.ops.products import matmul
from tinygrad_edu.ops.reduction import peak
from tinygrad_edu.ops.shape import swapaxes

__all__ = ["attention_weights", "scaled_dot_product_attention"]


@advised
def scaled_dot_product_attention(
    q: Operand,
    k: Operand,
    v: Operand,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
) -> Any:
    """Mean of the values v, weighted by how well their keys k fit each query q.

    ::

        y = A @ v
        dL/dv = A.mT @ g
        dL/dq = A * (g @ v.mT - sum(g * y)) @ k * scale
        dL/dk = (A * (g @ v.mT - sum(g * y))).mT @ q * scale

    with the `attention_weights` ``A = softmax(scale * q @ k.mT)``, which are 0 where there is no
    attention. The sum is that of each row.

    Parameters
    ----------
    q : Tensor or array_like
        Queries, of shape (..., L, d).
    k : Tensor or array_like
        Keys, of shape (..., S, d).
    v : Tensor or array_like
        Values, of shape (..., S, e).
    mask : array_like of bool or float, or None, optional
        Of shape (..., L, S): where there is attention; or, if it is not boolean, what is added to
        the scores.
    causal : bool, optional
        Whether a position sees only itself and what comes before.
    scale : float or None, optional
        A factor of the scores; by default ``1 / sqrt(d)``.

    Returns
    -------
    Tensor
        Of shape (..., L, e).

    Raises
    ------
    ValueError
        If shapes do not fit.

    See Also
    --------
    attention_weights : The weights by themselves, to look at.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> q = tg.Tensor([[1.0, 0.0]], requires_grad=True)
    >>> k = [[9.0, 0.0], [9.0, 5.0], [0.0, 9.0]]
    >>> y = tg.scaled_dot_product_attention(q, k, [[1.0], [2.0], [30.0]])
    >>> y.backward()
    >>> y.data.round(3), q.grad.round(3)
    (array([[1.525]]), array([[-0.156,  0.996]]))
    """
    v = as_array(v)
    if v.ndim < 2 or v.shape[-2] != np.shape(k)[-2]:
        raise ValueError(
            "attention takes keys (..., S, d) and values (..., S, e), as many of them; got shapes "
            f"{np.shape(k)} and {v.shape}"
        )
    return matmul(attention_weights(q, k, mask, causal, scale), v)


@advised
def attention_weights(
    q: Operand, k: Operand, mask: Any = None, causal: bool = False, scale: float | None = None
) -> Any:
    """How much each query q attends to each key k: rows that sum to 1.

    ::

        y = softmax(scale * q @ k.mT), of the scores for which the mask is True
        dL/dq = y * (g - sum(g * y)) @ k * scale
        dL/dk = (y * (g - sum(g * y))).mT @ q * scale

    A query that may attend to nothing has a row of zeros, and gradient 0.

    Parameters
    ----------
    q, k, mask, causal, scale
        As in `scaled_dot_product_attention`.

    Returns
    -------
    Tensor
        Of shape (..., L, S).

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> q = tg.Tensor([[1.0, 0.0], [0.5, 1.0]], requires_grad=True)
    >>> A = tg.attention_weights(q, [[2.0, 0.0], [1.0, 1.0]], causal=True)
    >>> A[1, 1].backward()
    >>> A.data.round(3), q.grad.round(3)
    (array([[1.   , 0.   ],
           [0.413, 0.587]]), array([[ 0.   ,  0.   ],
           [-0.171,  0.171]]))
    """
    q, k = as_array(q), as_array(k)
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1]:
        raise ValueError(
            "attention takes queries (..., L, d) and keys (..., S, d) of the same length d; got "
            f"shapes {q.shape} and {k.shape}"
        )
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = matmul(q * scale, swapaxes(k, -1, -2))
    allowed = _allowed(scores.shape, mask, causal)
    if _is_added(mask):
        scores = scores + mask
    if allowed is None:
        return softmax(scores)
    return masked_softmax(scores, allowed)


@differentiable
def masked_softmax(x: Operand, allowed: Any) -> Any:
    """Softmax along the last axis, of the elements for which a mask is True; 0 for the others.

    ::

        y = allowed * exp(x) / sum(allowed * exp(x))
        dL/dx = y * (g - sum(g * y))

    In a row without any, all are 0.
    """
    top = peak(np.where(allowed, values(x), -np.inf), -1)
    # Not by scores of minus infinity: `tinygrad_edu.debug` would stop at the first of them.
    e = np.where(allowed, np.exp(np.where(allowed, x - top, 0)), 0)
    total = np.add.reduce(e, axis=-1, keepdims=True)
    y = e / np.where(np.equal(total, 0), 1, total)
    return y, lambda g: y * (g - np.add.reduce(g * y, axis=-1, keepdims=True))


def _is_added(mask: Any) -> bool:
    return mask is not None and as_array(values(mask)).dtype != bool


def _allowed(shape: tuple[int, ...], mask: Any, causal: bool) -> Any:
    """Where there is attention; None for everywhere."""
    if mask is not None:
        try:
            fits = np.broadcast_shapes(np.shape(mask), shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"a mask of shape {np.shape(mask)} does not fit scores of shape {shape}, (..., "
                "queries, keys)"
            )
    allowed = None if mask is None or _is_added(mask) else as_array(values(mask))
    if causal:
        before = np.tri(shape[-2], shape[-1], dtype=np.bool_)
        allowed = before if allowed is None else allowed & before
    return allowed
