"""Activation functions: what makes a stack of layers more than one linear map."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.errors import advised
from tinygrad_edu.ops._common import Operand, as_array, implements, is_tensor, weighted
from tinygrad_edu.ops.reduction import max as maximum_of
from tinygrad_edu.ops.reduction import peak, shifted_logsumexp
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.quick import as_a_whole, laid_out_for_sums

__all__ = [
    "elu",
    "gelu",
    "leaky_relu",
    "log_softmax",
    "maxout",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]

F = TypeVar("F", bound=Callable[..., Any])


class Traits(NamedTuple):
    """What others need to know of an activation."""

    steepest: float | None  # its largest slope; None if it does not work on each element by itself
    rectifier: bool  # whether it is a relative of ReLU, so that He's initialization suits it


TRAITS: dict[Callable[..., Any], Traits] = {}
"""All activations that are known by name: to layers, to their initialization, to `unit_health`."""


def activation(*, steepest: float | None = None, rectifier: bool = False) -> Callable[[F], F]:
    """Make an activation known by its name; `nn` derives the rest from that."""

    def register(op: F) -> F:
        TRAITS[op] = Traits(steepest, rectifier)
        return op

    return register


@activation(steepest=0.25)
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


@as_a_whole
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


@activation(steepest=1.0)
@implements(np.tanh)
@differentiable
def tanh(x: Operand) -> Any:
    """Hyperbolic tangent, elementwise, from -1 to 1, as `numpy.tanh`.

    ::

        y = tanh(x)
        dy/dx = 1 - y**2

    Parameters as `numpy.tanh`.

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


@activation(steepest=1.0, rectifier=True)
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


@activation(steepest=1.0, rectifier=True)
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


@activation(steepest=1.0, rectifier=True)
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


@activation(steepest=1.0, rectifier=True)
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


@activation(steepest=1.13, rectifier=True)
@differentiable
def gelu(x: Operand) -> Any:
    """Gaussian error linear unit, elementwise, in its tanh form.

    ::

        y = x * sigmoid(2 * u)
        u = sqrt(2 / pi) * (x + 0.044715 * x**3)
        dy/dx = sigmoid(2 * u) + 2 * y * (1 - sigmoid(2 * u)) * du/dx
        du/dx = sqrt(2 / pi) * (1 + 0.134145 * x**2)

    It differs by less than 5e-4 from the form
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


@activation(steepest=1.1, rectifier=True)
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


@advised
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


@activation()
@differentiable
def softmax(x: Operand, axis: int = -1) -> Any:
    """Exponentials divided by their sum: scores turned into probabilities.

    ::

        y = exp(x) / sum(exp(x))
        dL/dx = y * (g - sum(g * y))

    Right for scores of any size, and for scores of minus infinity (probability 0).

    Parameters
    ----------
    x : Tensor or array_like
        Scores, floating point.
    axis : int, optional
        The axis that sums to 1.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1000.0, 1000.0], requires_grad=True)
    >>> y = tg.softmax(x)
    >>> y[0].backward()
    >>> y.data, x.grad
    (array([0.5, 0.5]), array([ 0.25, -0.25]))
    """
    x = laid_out_for_sums(as_array(x), axis)
    e = np.exp(x - peak(x, axis))
    y = e / np.add.reduce(e, axis=axis, keepdims=True)
    return y, lambda g: y * (g - np.add.reduce(g * y, axis=axis, keepdims=True))


@activation()
@differentiable
def log_softmax(x: Operand, axis: int = -1) -> Any:
    """Logarithm of the softmax, without computing the softmax.

    ::

        y = x - logsumexp(x)
        dL/dx = g - exp(y) * sum(g)

    Parameters
    ----------
    x : Tensor or array_like
        Scores, floating point.
    axis : int, optional
        The axis whose exponentials sum to 1.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1000.0, 1000.0], requires_grad=True)
    >>> y = tg.log_softmax(x)
    >>> y[0].backward()
    >>> y.data.round(4), x.grad
    (array([-0.6931, -0.6931]), array([ 0.5, -0.5]))
    """
    x = laid_out_for_sums(as_array(x), axis)
    shifted = x - peak(x, axis)
    y = shifted - shifted_logsumexp(shifted, axis)
    return y, lambda g: g - np.exp(y) * np.add.reduce(g, axis=axis, keepdims=True)
