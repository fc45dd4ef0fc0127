"""Statistics along axes: mean, spread and range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, implements
from tinygrad_edu.ops.reduction import kept, max, min, spread


@implements(np.mean)
@differentiable
def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean of the elements, as `numpy.mean`.

    ::

        y = sum(x) / n
        dL/dx = broadcast_to(g / n, x.shape)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        The axes to reduce; all of them by default.
    keepdims : bool, optional
        Leave the reduced axes in the result, with length 1.

    Returns
    -------
    Tensor
        As x, without the reduced axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 6.0, 7.0], requires_grad=True)
    >>> y = x.mean()
    >>> y.backward()
    >>> y.item(), x.grad
    (4.0, array([0.25, 0.25, 0.25, 0.25]))
    """
    y = np.mean(x, axis=axis, keepdims=keepdims)
    shape = np.shape(x)
    n = _count(shape, axis)
    return y, lambda g: spread(g / n, shape, axis)


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into each element of a reduction."""
    return math.prod(n for n, m in zip(shape, kept(shape, axis), strict=True) if n != m)


@implements(np.var)
@differentiable
def var(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Variance of the elements, as `numpy.var`.

    ::

        y = sum((x - mean(x))**2) / (n - ddof)
        dL/dx = g * 2 * (x - mean(x)) / (n - ddof)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        The axes to reduce; all of them by default.
    ddof : float, optional
        The divisor is n - ddof.
    keepdims : bool, optional
        Leave the reduced axes in the result, with length 1.

    Returns
    -------
    Tensor
        As x, without the reduced axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0, 6.0], requires_grad=True)
    >>> y = x.var()
    >>> y.backward()
    >>> y.item(), x.grad
    (3.5, array([-1. , -0.5,  0. ,  1.5]))
    """
    y = np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)
    shape = np.shape(x)
    n = _count(shape, axis) - ddof
    return y, lambda g: spread(g * 2 / n, shape, axis) * _deviation(x, axis)


def _deviation(x: Any, axis: Axis) -> Any:
    return x - np.mean(x, axis=axis, keepdims=True)


@implements(np.std)
@differentiable
def std(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Standard deviation of the elements, as `numpy.std`.

    ::

        y = sqrt(var(x))
        dL/dx = g * (x - mean(x)) / ((n - ddof) * y)

    Where all elements are equal the slope is taken to be 0, the subgradient of least norm.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        The axes to reduce; all of them by default.
    ddof : float, optional
        The divisor is n - ddof.
    keepdims : bool, optional
        Leave the reduced axes in the result, with length 1.

    Returns
    -------
    Tensor
        As x, without the reduced axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 3.0], requires_grad=True)
    >>> y = x.std()
    >>> y.backward()
    >>> y.item(), x.grad
    (1.0, array([-0.5,  0.5]))
    """
    y = np.std(x, axis=axis, ddof=ddof, keepdims=keepdims)
    shape = np.shape(x)
    n = _count(shape, axis) - ddof
    unit = np.where(np.equal(y, 0), 1, y)  # 0 / 1 is the 0 that 0 / 0 should be
    return y, lambda g: spread(g / (unit * n), shape, axis) * _deviation(x, axis)


@implements(np.ptp)
def ptp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Range of the values, largest minus smallest ("peak to peak"), as `numpy.ptp`.

    ::

        y = max(x) - min(x)
        dL/dx = g for the largest, -g for the smallest, 0 for the others

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        The axes to reduce; all of them by default.
    keepdims : bool, optional
        Leave the reduced axes in the result, with length 1.

    Returns
    -------
    Tensor
        As x, without the reduced axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([3.0, 1.0, 7.0], requires_grad=True)
    >>> y = tg.ptp(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (6.0, array([ 0., -1.,  1.]))
    """
    return max(x, axis, keepdims) - min(x, axis, keepdims)
