"""Smooth rectifiers, elementwise: activations that bend gently where ReLU has its corner."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import (
    Operand,
    as_array,
    weighted,
)
from tinygrad_edu.ops.activation import sigmoid


@differentiable
def elu(x: Operand, alpha: Operand = 1.0) -> Any:
    """Exponential linear unit, elementwise: saturates at -alpha.

    ::

        y = where(x > 0, x, alpha * expm1(x))
        dy/dx = where(x > 0, 1, alpha * exp(x))
        dy/dalpha = where(x > 0, 0, expm1(x))

    At 0 the slope is taken to be ``alpha``.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape, floating point.
    alpha : float, Tensor or array_like, optional
        Minus the limit for x to minus infinity, broadcast against x. A Tensor can be learned.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
    linear units", ICLR 2016.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-1.0, 0.0, 2.0], requires_grad=True)
    >>> y = tg.elu(x)
    >>> y.sum().backward()
    >>> y.data.round(4), x.grad.round(4)
    (array([-0.6321,  0.    ,  2.    ]), array([0.3679, 1.    , 1.    ]))
    """
    positive = np.greater(x, 0)
    negative_part = np.where(positive, 0, x)  # so that exp never overflows
    return (
        np.where(positive, x, np.expm1(negative_part) * alpha),
        lambda g: np.where(positive, g, g * (np.exp(negative_part) * alpha)),
        lambda g: g * np.expm1(negative_part),
    )


@differentiable
def softplus(x: Operand) -> Any:
    """Smooth version of the rectified linear unit, elementwise.

    ::

        y = log(1 + exp(x))
        dy/dx = sigmoid(x)

    Exact to a few ulp for every x, without overflow.

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
    >>> x = tg.Tensor([-1000.0, 0.0, 1000.0], requires_grad=True)
    >>> y = tg.softplus(x)
    >>> y.sum().backward()
    >>> y.data.round(4), x.grad
    (array([0.000e+00, 6.931e-01, 1.000e+03]), array([0. , 0.5, 1. ]))
    """
    y = np.maximum(x, 0) + np.log1p(np.exp(-np.absolute(x)))
    return y, lambda g: g * sigmoid(x)


@differentiable
def silu(x: Operand) -> Any:
    """Sigmoid linear unit, also called swish, elementwise.

    ::

        y = x * sigmoid(x)
        dy/dx = sigmoid(x) + y * (1 - sigmoid(x))

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
    Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning", Neural Networks 107, 2018.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> y = tg.silu(x)
    >>> y.backward()
    >>> round(y.item(), 4), round(x.grad.item(), 4)
    (1.7616, 1.0908)
    """
    s = sigmoid(x)
    y = weighted(s, x)  # 0 at minus infinity
    return y, lambda g: g * (s + weighted(1 - s, y))


@differentiable
def gelu(x: Operand) -> Any:
    """Gaussian error linear unit, elementwise, in its tanh form.

    ::

        y = x * sigmoid(2 * u)
        dy/dx = sigmoid(2 * u) + 2 * y * (1 - sigmoid(2 * u)) * du/dx

    with ``u = sqrt(2 / pi) * (x + 0.044715 * x**3)``. It differs by less than 5e-4 from the form
    with the error function, which NumPy does not have.

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
    Hendrycks and Gimpel, "Gaussian error linear units", 2016, arXiv:1606.08415.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> y = tg.gelu(x)
    >>> y.backward()
    >>> round(y.item(), 4), round(x.grad.item(), 4)
    (1.9546, 1.0861)
    """
    x, c = as_array(x), math.sqrt(2 / math.pi)
    s = sigmoid(2 * c * (x + 0.044715 * x * x * x))
    y = weighted(s, x)
    slope = 2 * c * (1 + 3 * 0.044715 * x * x)
    return y, lambda g: g * (s + weighted(weighted(1 - s, y), slope))
