"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements
from tinygrad_edu.ops.indexing import scatter_add

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["diag", "diagonal", "trace", "tril", "triu"]


@implements(np.diagonal)
@differentiable
def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonal of matrices, as `numpy.diagonal`.

    ::

        y[i] = x[i, i + offset]
        dL/dx = zeros, with g on the diagonal

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or more.
    offset : int, optional
        0 for the main diagonal, above it positive.
    axis1, axis2 : int, optional
        The axes of rows and columns.

    Returns
    -------
    Tensor
        Of the other axes, and the diagonal as the last.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.diagonal(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 4.]), array([[1., 0.],
           [0., 1.]]))
    """
    x = as_array(x)
    y = x.diagonal(offset, axis1, axis2)
    shape = (*y.shape[:-1], x.shape[axis1], x.shape[axis2])
    i = np.arange(y.shape[-1])
    index = ..., i + max(-offset, 0), i + max(offset, 0)

    def closure(g: Any) -> Any:
        matrices: Any = scatter_add(g, index, shape)
        return np.moveaxis(matrices, (-2, -1), (axis1, axis2))

    return y, closure


@implements(np.trace)
def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of the diagonal of matrices, as `numpy.trace`.

    ::

        y = sum(x[i, i + offset])
        dL/dx = zeros, with g on the diagonal

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or more.
    offset : int, optional
        0 for the main diagonal, above it positive.
    axis1, axis2 : int, optional
        The axes of rows and columns.

    Returns
    -------
    Tensor
        Of the other axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.trace(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (5.0, array([[1., 0.],
           [0., 1.]]))
    """
    return diagonal(x, offset, axis1, axis2).sum(-1)


@implements(np.linalg.diagonal)
def _diagonal_of_last(x: Operand, *, offset: int = 0) -> Tensor:
    return diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def _trace_of_last(x: Operand, *, offset: int = 0) -> Tensor:
    return trace(x, offset, -2, -1)


@implements(np.diag)
@differentiable
def diag(x: Operand, k: int = 0) -> Any:
    """Diagonal of a matrix, or the matrix that has a vector on its diagonal, as `numpy.diag`.

    ::

        y = diag(x, k)
        dL/dx = diag(g, k)             # of a square matrix

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or one.
    k : int, optional
        0 for the main diagonal, above it positive.

    Returns
    -------
    Tensor
        Of one axis, or two.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.diag(x)
    >>> (y @ [10.0, 20.0]).sum().backward()
    >>> y.data, x.grad
    (array([[1., 0.],
           [0., 2.]]), array([10., 20.]))
    """
    y, shape = np.diag(x, k), np.shape(x)
    if len(shape) == 1:
        return y, lambda g: np.diagonal(g, k)
    i = np.arange(len(y))
    return y, lambda g: scatter_add(g, (i + max(-k, 0), i + max(k, 0)), shape)


@implements(np.triu)
@differentiable
def triu(x: Operand, k: int = 0) -> Any:
    """Upper triangle of matrices, zeros below it, as `numpy.triu`.

    ::

        y[i, j] = x[i, j] if j - i >= k else 0
        dL/dx = triu(g, k)

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., m, n).
    k : int, optional
        The diagonal that the triangle begins with.

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.triu(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[1., 2.],
           [0., 4.]])
    """
    return np.triu(x, k), lambda g: np.triu(g, k)


@implements(np.tril)
@differentiable
def tril(x: Operand, k: int = 0) -> Any:
    """Lower triangle of matrices, zeros above it, as `numpy.tril`.

    ::

        y[i, j] = x[i, j] if j - i <= k else 0
        dL/dx = tril(g, k)

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., m, n).
    k : int, optional
        The diagonal that the triangle ends with.

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.tril(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[1., 0.],
           [3., 4.]])
    """
    return np.tril(x, k), lambda g: np.tril(g, k)
