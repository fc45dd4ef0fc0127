"""Norms of vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements, is_tensor, values


@implements(np.linalg.norm)
@differentiable
def norm(x: Operand, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Length of vectors, or norm of matrices, as `numpy.linalg.norm`.

    ::

        y = sum(abs(x)**p)**(1/p)      # p = ord, of vectors; 2 by default
        dy/dx = sign(x) * (abs(x) / y)**(p - 1)

        y = max(s)                     # ord=2 of a matrix x = U @ diag(s) @ Vh
        dL/dx = g * outer(U[:, 0], Vh[0])

    At 0 no norm has a derivative; it is taken to be 0, the subgradient of least norm. Where
    ``inf`` and the other norms that choose find a tie, those that tie share equally.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    ord : float, "fro", "nuc" or None, optional
        Which norm: for vectors any number; for matrices "fro" (the default), "nuc" (the sum of
        the singular values), 1, -1, inf, -inf (sums of columns or rows), 2, -2 (the largest or
        the smallest singular value).
    axis : int, pair of int or None, optional
        The axis of vectors, or the axes of matrices; by default all of x, for the default norm
        all elements in a row.
    keepdims : bool, optional
        Leave the reduced axes in the result, with length 1.

    Returns
    -------
    Tensor
        As x, without the reduced axes.

    Raises
    ------
    ValueError
        If there is no such norm for so many axes.
    NotImplementedError
        In ``backward(create_graph=True)``, for the norms by singular values.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([3.0, 4.0], requires_grad=True)
    >>> y = tg.norm(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (5.0, array([0.6, 0.8]))
    """
    x = as_array(x)
    y = np.linalg.norm(x, ord, axis, keepdims)
    every = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(i % x.ndim for i in every)

    def closure(g: Any) -> Any:
        expanded = (g, y) if keepdims else (np.expand_dims(g, axes), np.expand_dims(y, axes))
        return expanded[0] * _norm_slope(x, expanded[1], ord, axes)

    return y, closure


def _norm_slope(x: Any, y: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """The derivative of a norm y, in the shape of x."""
    constants, matrices = values(x), len(axes) == 2
    if ord in (None, "fro", "f") or (ord == 2 and not matrices):
        return x / np.where(y == 0, 1, y)
    if matrices and ord in (2, -2, "nuc"):
        if is_tensor(x):
            raise NotImplementedError(f"no second derivative is known for norm(ord={ord!r})")
        return np.moveaxis(_singular_slope(np.moveaxis(x, axes, (-2, -1)), ord), (-2, -1), axes)
    if ord == 0:
        return np.zeros_like(constants)
    signs = np.sign(constants)
    if matrices or abs(ord) == np.inf:  # an extreme of sums, or of the elements themselves
        sums = np.abs(constants)
        if matrices:
            sums = sums.sum(axes[0] if abs(ord) == 1 else axes[1], keepdims=True)
        chosen = sums == values(y)
        return signs * (chosen / chosen.sum(axes, keepdims=True)).astype(signs.dtype)
    if ord == 1:
        return signs
    return signs * np.where(constants == 0, 1, np.abs(x) / np.where(y == 0, 1, y)) ** (ord - 1)


def _singular_slope(x: Any, ord: Any) -> Any:
    """The derivative of a function of singular values: that of each is outer(u, v)."""
    U, s, Vh = np.linalg.svd(x, full_matrices=False)
    tiny = np.finfo(s.dtype).eps * max(x.shape) * s.max(-1, initial=0, keepdims=True)
    chosen = s > tiny  # the least subgradient takes no direction in which x is zero
    if ord != "nuc":
        extreme = (s.max if ord == 2 else s.min)(-1, keepdims=True)
        chosen = chosen & (np.abs(s - extreme) <= tiny)
        chosen = chosen / np.maximum(chosen.sum(-1, keepdims=True), 1)
    return (U * chosen[..., None, :].astype(s.dtype)) @ Vh
