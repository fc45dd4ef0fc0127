"""Activation functions: what makes a stack of layers more than one linear map."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements, is_tensor
from tinygrad_edu.ops.reduction import max as maximum_of
from tinygrad_edu.ops.shape import reshape


@differentiable
def sigmoid(x: Operand) -> Any:
    """Logistic function, elementwise: from 0 to 1.

    ::

        y = 1 / (1 + exp(-x))
        dy/dx = y * (1 - y)

    Value and slope are exact to a few ulp for every x, without overflow or cancellation.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape, floating point.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-1000.0, 0.0, 2.0], requires_grad=True)
    >>> y = tg.sigmoid(x)
    >>> y.sum().backward()
    >>> y.data.round(4), x.grad.round(4)
    (array([0.    , 0.5   , 0.8808]), array([0.   , 0.25 , 0.105]))
    """
    y, complement = logistic(x)
    return y, lambda g: g * (y * complement)


def logistic(x: Any) -> tuple[Any, Any]:
    """sigmoid(x) and 1 - sigmoid(x), neither with overflow nor with cancellation."""
    if is_tensor(x):
        return sigmoid(x), sigmoid(-x)
    x = as_array(x)
    if x.dtype == np.float16:  # its largest exponential is too small
        y, complement = logistic(x.astype(np.float32))
        return y.astype(np.float16), complement.astype(np.float16)
    one, largest = _one_and_largest_exponent(x.dtype)
    e = np.exp(np.minimum(x, largest))
    total = one + e
    return e / total, one / total


@lru_cache(maxsize=16)
def _one_and_largest_exponent(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """1, and the largest whole x with a finite exp(x), in the precision of the result.

    As arrays: NumPy combines them with small arrays twice as fast as Python numbers.
    """
    dtype = np.exp(np.zeros((), dtype)).dtype
    return np.array(1, dtype), np.floor(np.log(np.array(np.finfo(dtype).max, dtype)))


@implements(np.tanh)
@differentiable
def tanh(x: Operand) -> Any:
    """Hyperbolic tangent, elementwise: from -1 to 1.

    ::

        y = tanh(x)
        dy/dx = 1 - y**2

    Parameters
    ----------
    x : Tensor or array_like
        Any shape, floating point.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(0.5, requires_grad=True)
    >>> y = tg.tanh(x)
    >>> y.backward()
    >>> round(y.item(), 4), round(x.grad.item(), 4)
    (0.4621, 0.7864)
    """
    y = np.tanh(x)
    return y, lambda g: g * (1 - y * y)


@differentiable
def relu(x: Operand) -> Any:
    """Rectified linear unit, elementwise: the positive part.

    ::

        y = maximum(x, 0)
        dy/dx = sign(y)

    At 0 the slope is taken to be 0. A unit whose input is negative for every sample gets no
    gradient any more: it is dead. nan stays nan.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    References
    ----------
    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-1.0, 0.0, 2.0], requires_grad=True)
    >>> y = tg.relu(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([0., 0., 2.]), array([0., 0., 1.]))
    """
    y = np.maximum(x, 0)
    return y, lambda g: g * np.sign(y)


@differentiable
def leaky_relu(x: Operand, negative_slope: Operand = 0.01) -> Any:
    """Rectified linear unit that keeps a small slope below zero, so that no unit dies.

    ::

        y = where(x > 0, x, negative_slope * x)
        dy/dx = where(x > 0, 1, negative_slope)
        dy/dnegative_slope = where(x > 0, 0, x)

    At 0 the slope is taken to be ``negative_slope``.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    negative_slope : float, Tensor or array_like, optional
        The slope below zero, broadcast against x. A Tensor can be learned.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    References
    ----------
    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-1.0, 0.0, 2.0], requires_grad=True)
    >>> y = tg.leaky_relu(x, 0.1)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([-0.1,  0. ,  2. ]), array([0.1, 0.1, 1. ]))
    """
    positive = np.greater(x, 0)
    return (
        np.where(positive, x, np.multiply(x, negative_slope)),
        lambda g: np.where(positive, g, g * negative_slope),
        lambda g: np.where(positive, 0, g * x),
    )


def maxout(x: Operand, pieces: int, axis: int = -1) -> Any:
    """Largest of every group of ``pieces`` neighbors: an activation that learns its own shape.

    ::

        y = max(x[0], ..., x[pieces - 1])
        dy/dx = 1 for the largest, 0 for the others; those that tie share equally

    Parameters
    ----------
    x : Tensor or array_like
        Its length along the axis is a multiple of ``pieces``.
    pieces : int
        The size of a group.
    axis : int, optional
        The axis along which groups are formed.

    Returns
    -------
    Tensor
        As x, ``pieces`` times shorter along the axis.

    Raises
    ------
    ValueError
        If the length along the axis is no multiple of ``pieces``.

    References
    ----------
    Goodfellow et al., "Maxout networks", ICML 2013.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 5.0, 2.0, 2.0]], requires_grad=True)
    >>> y = tg.maxout(x, 2)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[5., 2.]]), array([[0. , 1. , 0.5, 0.5]]))
    """
    shape = np.shape(x)
    axis = axis % len(shape)
    if pieces < 1 or shape[axis] % pieces:
        raise ValueError(
            f"maxout needs a length along axis {axis} that is a multiple of pieces={pieces}; "
            f"got shape {shape}"
        )
    groups = (*shape[:axis], shape[axis] // pieces, pieces, *shape[axis + 1 :])
    return maximum_of(reshape(x, groups), axis=axis + 1)
