"""Axes in another order, as in the transpose of a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["matrix_transpose", "moveaxis", "swapaxes", "transpose"]


@implements(np.transpose)
@differentiable
def transpose(x: Operand, axes: Any = None) -> Any:
    """Axes in another order, as `numpy.transpose`; ``x.T`` for the reverse order.

    ::

        y = transpose(x, axes)
        dL/dx = transpose(g, argsort(axes))

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axes : tuple of int, optional
        For every axis of the result the axis of x; by default in reverse.

    Returns
    -------
    Tensor
        Of the shape so rearranged.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> W = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> W.T[0].sum().backward()
    >>> W.grad
    array([[1., 0.],
           [1., 0.]])
    """
    x = as_array(x)
    if axes is None:
        return x.transpose(), lambda g: g.transpose()
    return x.transpose(axes), lambda g: g.transpose(_inverse(axes))


def _inverse(axes: Any) -> tuple[int, ...]:
    """The order of axes that undoes an order of axes."""
    axes = np.atleast_1d(axes)
    return tuple(np.argsort(axes % axes.size).tolist())


@implements(np.swapaxes)
@differentiable
def swapaxes(x: Operand, axis1: int, axis2: int) -> Any:
    """Two axes exchanged, as `numpy.swapaxes`; ``x.mT`` for the last two.

    ::

        y = swapaxes(x, axis1, axis2)
        dL/dx = swapaxes(g, axis1, axis2)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis1, axis2 : int
        The axes to exchange.

    Returns
    -------
    Tensor
        Of the shape so rearranged.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.swapaxes(tg.Tensor([[[1.0, 2.0, 3.0]]]), 0, 2).shape
    (3, 1, 1)
    """
    return as_array(x).swapaxes(axis1, axis2), lambda g: g.swapaxes(axis1, axis2)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Operand) -> Tensor:
    """Every matrix transposed: the last two axes exchanged, as `numpy.matrix_transpose`.

    ::

        y = x.mT
        dL/dx = g.mT

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., m, n).

    Returns
    -------
    Tensor
        Of shape (..., n, m).

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.matrix_transpose(tg.Tensor([[[1.0, 2.0, 3.0]]])).shape
    (1, 3, 1)
    """
    return swapaxes(x, -1, -2)


@implements(np.moveaxis)
@differentiable
def moveaxis(x: Operand, source: Any, destination: Any) -> Any:
    """Axes moved to new positions, the others in their order, as `numpy.moveaxis`.

    ::

        y = moveaxis(x, source, destination)
        dL/dx = moveaxis(g, destination, source)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    source, destination : int or sequence of int
        From where to where.

    Returns
    -------
    Tensor
        Of the shape so rearranged.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.moveaxis(tg.Tensor([[[1.0, 2.0, 3.0]]]), -1, 0).shape
    (3, 1, 1)
    """
    return np.moveaxis(x, source, destination), lambda g: np.moveaxis(g, destination, source)
