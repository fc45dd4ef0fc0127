"""Softmax and its logarithms: exponentials that are scaled so that none overflows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, as_array, values
from tinygrad_edu.ops.reduction import add_reduce, maximum_reduce, spread
from tinygrad_edu.quick import with_short_rows


@differentiable
def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Logarithm of a sum of exponentials, without overflow.

    ::

        y = log(sum(exp(x)))
        dL/dx = g * exp(x - y)

    Elements of minus infinity count for nothing.

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
    >>> x = tg.Tensor([1000.0, 1000.0], requires_grad=True)
    >>> y = tg.logsumexp(x)
    >>> y.backward()
    >>> round(y.item(), 4), x.grad
    (1000.6931, array([0.5, 0.5]))
    """
    top = peak(x, axis)
    with np.errstate(divide="ignore"):  # the logarithm of no element but minus infinities
        y = log_sum(x - top, axis) + top
    y = y if keepdims else np.squeeze(y, axis)
    shape = np.shape(x)
    return y, lambda g: spread(g, shape, axis) * np.exp(x - spread(y, shape, axis))


def peak(x: Any, axis: Axis) -> Any:
    """The largest element as a plain array: what to subtract before an exp, not differentiated.

    Limited to the finite numbers, so that inf - inf never comes up.
    """
    top = maximum_reduce(values(x), axis=axis, keepdims=True)
    if top.dtype.kind in "iub":
        return top
    largest = np.finfo(top.dtype).max
    return np.minimum(np.maximum(top, -largest), largest)


def log_sum(shifted: Any, axis: Axis) -> Any:
    """log(sum(exp(x))) of an x whose largest element is 0, with the axis kept.

    The elements that are 0 are counted instead of summed, so that what the others add to 1 is
    not rounded away: log_softmax([50, 0])[0] is -2e-22, not 0.
    """
    e = np.exp(shifted)
    top = np.equal(shifted, 0).astype(e.dtype)
    others = add_reduce(e - top, axis=axis, keepdims=True)
    return np.log1p(others + (add_reduce(top, axis=axis, keepdims=True) - 1))


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
    x = with_short_rows(as_array(x))
    e = np.exp(x - peak(x, axis))
    y = e / np.add.reduce(e, axis=axis, keepdims=True)
    return y, lambda g: y * (g - np.add.reduce(g * y, axis=axis, keepdims=True))


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
    x = with_short_rows(as_array(x))
    shifted = x - peak(x, axis)
    y = shifted - log_sum(shifted, axis)
    return y, lambda g: g - np.exp(y) * np.add.reduce(g, axis=axis, keepdims=True)
