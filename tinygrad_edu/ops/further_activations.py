"""Further activations: rectifiers that saturate or learn, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.errors import advised
from tinygrad_edu.ops._common import Operand, as_array, weighted
from tinygrad_edu.ops.activation import activation, leaky_relu, sigmoid, softplus
from tinygrad_edu.ops.shape import reshape

__all__ = ["hardtanh", "mish", "prelu", "relu6"]


@activation(steepest=1.09, rectifier=True)
@differentiable
def mish(x: Operand) -> Any:
    """Self-gated softplus, elementwise: smooth, and a little below zero on the left.

    ::

        y = x * tanh(log(1 + exp(x)))
        dy/dx = tanh(log(1 + exp(x))) + x * (1 - tanh(log(1 + exp(x)))**2) * sigmoid(x)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape, floating point.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    References
    ----------
    Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> y = tg.mish(x)
    >>> y.backward()
    >>> round(y.item(), 4), round(x.grad.item(), 4)
    (1.944, 1.0693)
    """
    x = as_array(x)
    t = np.tanh(softplus(x))
    return weighted(t, x), lambda g: g * (t + weighted((1 - t * t) * sigmoid(x), x))


@activation(steepest=1.0)
@differentiable
def hardtanh(x: Operand, low: float = -1.0, high: float = 1.0) -> Any:
    """Elements limited to an interval, elementwise: tanh, drawn with a ruler.

    ::

        y = clip(x, low, high)
        dy/dx = where((low <= x) & (x <= high), 1, 0)

    The slope is 1 on the closed interval, at its ends too, as that of `clip`.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    low, high : float, optional
        The ends of the interval.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Raises
    ------
    ValueError
        If the ends are in the wrong order.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-3.0, 0.5, 1.0], requires_grad=True)
    >>> y = tg.hardtanh(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([-1. ,  0.5,  1. ]), array([0., 1., 1.]))
    """
    if not low < high:
        raise ValueError(f"hardtanh limits to an interval from low to high; got {low} and {high}")
    outside = np.less(x, low) | np.greater(x, high)
    return np.clip(x, low, high), lambda g: np.where(outside, 0, g)


@activation(steepest=1.0, rectifier=True)
@differentiable
def relu6(x: Operand) -> Any:
    """Rectified linear unit that saturates at 6, elementwise.

    ::

        y = minimum(maximum(x, 0), 6)
        dy/dx = where((0 < x) & (x < 6), 1, 0)

    At 0 and at 6 the slope is taken to be 0. nan stays nan.

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
    Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-1.0, 2.0, 6.0, 9.0], requires_grad=True)
    >>> y = tg.relu6(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([0., 2., 6., 6.]), array([0., 1., 0., 0.]))
    """
    flat = np.less_equal(x, 0) | np.greater_equal(x, 6)
    return np.minimum(np.maximum(x, 0), 6), lambda g: np.where(flat, 0, g)


@advised
def prelu(x: Operand, slope: Operand) -> Any:
    """Rectified linear unit whose slope below zero is learned, one for each channel.

    ::

        y = where(x > 0, x, slope * x)
        dL/dx = where(x > 0, g, slope * g)
        dL/dslope = where(x > 0, 0, x * g)  # summed over all axes but that of the channels

    A `leaky_relu` with a slope for every channel. At 0 the slope is taken to be ``slope``.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (N, C, ...), or any shape if there is one slope for all.
    slope : Tensor or array_like
        Of shape (C,), or a single number.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Raises
    ------
    ValueError
        If there are not as many slopes as channels.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers: surpassing human-level performance on
    ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> slope = tg.Tensor([0.5, 0.1], requires_grad=True)
    >>> y = tg.prelu([[-2.0, -2.0], [3.0, -4.0]], slope)
    >>> y.sum().backward()
    >>> y.data, slope.grad
    (array([[-1. , -0.2],
           [ 3. , -0.4]]), array([-2., -6.]))
    """
    x, slope = as_array(x), as_array(slope)
    if slope.size == 1:
        return leaky_relu(x, reshape(slope, ()))
    if x.ndim < 2 or slope.shape != x.shape[1:2]:
        raise ValueError(
            f"prelu takes a slope for each channel, along axis 1 of x, or one for all; got "
            f"{slope.shape} for x of shape {x.shape}"
        )
    return leaky_relu(x, reshape(slope, (-1, *(1,) * (x.ndim - 2))))
