"""Reductions along axes: sums, means, products, extremes; running sums, and differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu import quick
from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, as_array, implements, values

__all__ = [
    "cumprod",
    "cumsum",
    "diff",
    "logsumexp",
    "max",
    "mean",
    "min",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
]

# NumPy's stubs do not know that ufunc.reduce takes a tuple of axes.
add_reduce: Any = np.add.reduce
multiply_reduce: Any = np.multiply.reduce
maximum_reduce: Any = np.maximum.reduce
minimum_reduce: Any = np.minimum.reduce


def _shape_kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The shape after a reduction with ``keepdims=True``."""
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _expanded(reduced: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """What a reduction returned, repeated along the axes that it reduced."""
    return quick.broadcast_to(reduced.reshape(_shape_kept(shape, axis)), shape)


@implements(np.sum)
@differentiable
def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum of the elements, as `numpy.sum`.

    ::

        y = sum(x)
        dL/dx = broadcast_to(g, x.shape)

    Parameters as `numpy.sum`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> x.sum(axis=0).data
    array([4., 6.])
    >>> x.sum().backward()
    >>> x.grad
    array([[1., 1.],
           [1., 1.]])
    """
    shape = np.shape(x)
    return (
        add_reduce(x, axis=axis, keepdims=keepdims),
        lambda g: _expanded(g, shape, axis),
    )


@implements(np.mean)
@differentiable
def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean of the elements, as `numpy.mean`.

    ::

        y = sum(x) / n
        dL/dx = broadcast_to(g / n, x.shape)

    Parameters as `numpy.mean`, without ``where``.

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
    return y, lambda g: _expanded(g / n, shape, axis)


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into each element of a reduction."""
    return math.prod(n for n, m in zip(shape, _shape_kept(shape, axis), strict=True) if n != m)


@implements(np.var)
@differentiable
def var(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Variance of the elements, as `numpy.var`.

    ::

        y = sum((x - mean(x))**2) / (n - ddof)
        dL/dx = g * 2 * (x - mean(x)) / (n - ddof)

    Parameters as `numpy.var`, without ``where``, ``mean`` and ``correction``.

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
    return y, lambda g: _expanded(g * 2 / n, shape, axis) * _deviation(x, axis)


def _deviation(x: Any, axis: Axis) -> Any:
    return x - np.mean(x, axis=axis, keepdims=True)


@implements(np.std)
@differentiable
def std(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Standard deviation of the elements, as `numpy.std`.

    ::

        y = sqrt(sum((x - mean(x))**2) / (n - ddof))
        dL/dx = g * (x - mean(x)) / ((n - ddof) * y)

    Where all elements are equal the slope is taken to be 0, the subgradient of least norm.

    Parameters as `numpy.std`, without ``where``, ``mean`` and ``correction``.

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
    return y, lambda g: _expanded(g / (unit * n), shape, axis) * _deviation(x, axis)


@implements(np.prod)
@differentiable
def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product of the elements, as `numpy.prod`.

    ::

        y = prod(x)
        dL/dx[i] = g * prod(x[j] for j != i)

    Exact where elements are zero: nothing is divided.

    Parameters as `numpy.prod`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([0.0, 2.0, 3.0], requires_grad=True)
    >>> x.prod().backward()
    >>> x.grad
    array([6., 0., 0.])
    """
    shape = np.shape(x)
    return (
        multiply_reduce(x, axis=axis, keepdims=keepdims),
        lambda g: _expanded(g, shape, axis) * _product_of_others(x, axis),
    )


def _product_of_others(x: Any, axis: Axis) -> Any:
    """For every element the product of all others along the axes."""
    shapes = np.shape(x), _shape_kept(np.shape(x), axis)
    last = [i for i, (n, m) in enumerate(zip(*shapes, strict=True)) if n != m]
    order = [i for i in range(np.ndim(x)) if i not in last] + last
    rows = np.transpose(x, order)
    shape = np.shape(rows)
    rows = rows.reshape(
        *shape[: len(shape) - len(last)], math.prod(shape[len(shape) - len(last) :])
    )
    others = product_of_earlier(rows) * np.flip(product_of_earlier(np.flip(rows, -1)), -1)
    return np.transpose(others.reshape(shape), np.argsort(order))


def product_of_earlier(x: Any) -> Any:
    """For every element the product of those before it on the last axis."""
    ones = np.ones_like(values(x)[..., :1])  # none of an empty axis
    return np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)


@implements(np.max, np.amax)
@differentiable
def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element, as `numpy.max`; nan if any element is.

    ::

        y = max(x)
        dL/dx = g * (x == y) / sum(x == y)

    Elements that tie share the gradient equally.

    Parameters as `numpy.max`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([3.0, 1.0, 3.0], requires_grad=True)
    >>> y = x.max()
    >>> y.backward()
    >>> y.item(), x.grad
    (3.0, array([0.5, 0. , 0.5]))
    """
    y = maximum_reduce(x, axis=axis, keepdims=keepdims)
    return y, lambda g: _share_among_ties(g, x, y, axis)


@implements(np.min, np.amin)
@differentiable
def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element, as `numpy.min`; nan if any element is.

    ::

        y = min(x)
        dL/dx = g * (x == y) / sum(x == y)

    Elements that tie share the gradient equally.

    Parameters as `numpy.min`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([3.0, 1.0, 1.0], requires_grad=True)
    >>> y = x.min()
    >>> y.backward()
    >>> y.item(), x.grad
    (1.0, array([0. , 0.5, 0.5]))
    """
    y = minimum_reduce(x, axis=axis, keepdims=keepdims)
    return y, lambda g: _share_among_ties(g, x, y, axis)


def _share_among_ties(g: Any, x: Any, y: Any, axis: Axis) -> Any:
    """The gradient of an extreme, shared equally by the elements that attain it."""
    shape = np.shape(x)
    tied = np.equal(x, _expanded(values(y), shape, axis))
    share = tied / add_reduce(tied, axis=axis, keepdims=True)
    return _expanded(g, shape, axis) * share.astype(g.dtype)


@implements(np.ptp)
def ptp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Range of the values, largest minus smallest ("peak to peak"), as `numpy.ptp`.

    ::

        y = max(x) - min(x)
        dL/dx = g for the largest, -g for the smallest, 0 for the others

    Parameters as `numpy.ptp`.

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
    x = quick.laid_out_for_sums(as_array(x), axis)
    top = peak(x, axis)
    with np.errstate(divide="ignore"):  # the logarithm of no element but minus infinities
        y = shifted_logsumexp(x - top, axis) + top
    y = y if keepdims else np.squeeze(y, axis)
    shape = np.shape(x)
    return y, lambda g: _expanded(g, shape, axis) * np.exp(x - _expanded(y, shape, axis))


@quick.as_a_whole
def peak(x: Any, axis: Axis) -> Any:
    """The largest element as a plain array: what to subtract before an exp, not differentiated.

    Limited to the finite numbers, so that inf - inf never comes up.
    """
    top = maximum_reduce(values(x), axis=axis, keepdims=True)
    if top.dtype.kind in "iub":
        return top
    largest = np.finfo(top.dtype).max
    return np.minimum(np.maximum(top, -largest), largest)


@quick.as_a_whole
def shifted_logsumexp(shifted: Any, axis: Axis) -> Any:
    """log(sum(exp(x))) of an x whose largest element is 0, with the axis kept.

    The elements that are 0 are counted instead of summed, so that what the others add to 1 is
    not rounded away: log_softmax([50, 0])[0] is -2e-22, not 0.
    """
    e = np.exp(shifted)
    top = np.equal(shifted, 0).astype(e.dtype)
    others = add_reduce(e - top, axis=axis, keepdims=True)
    return np.log1p(others + (add_reduce(top, axis=axis, keepdims=True) - 1))


@implements(np.cumsum)
@differentiable
def cumsum(x: Operand, axis: int | None = None) -> Any:
    """Running sum, as `numpy.cumsum`.

    ::

        y[i] = sum(x[j] for j <= i)
        dL/dx[i] = sum(g[j] for j >= i)

    Parameters as `numpy.cumsum`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = x.cumsum()
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 3., 6.]), array([3., 2., 1.]))
    """
    shape, along = np.shape(x), 0 if axis is None else axis

    def closure(g: Any) -> Any:
        return np.flip(np.cumsum(np.flip(g, along), axis=along), along).reshape(shape)

    return np.cumsum(x, axis=axis), closure


@implements(np.cumprod)
@differentiable
def cumprod(x: Operand, axis: int | None = None) -> Any:
    """Running product, as `numpy.cumprod`.

    ::

        y[i] = prod(x[j] for j <= i)
        dL/dx[k] = prod(x[j] for j < k) * s[k]

    with ``s[k] = g[k] + x[k + 1] * s[k + 1]``: exact where elements are zero, nothing is divided.

    Parameters as `numpy.cumprod`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> y = x.cumprod()
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([2., 0., 0.]), array([1., 8., 0.]))
    """
    y, shape = np.cumprod(x, axis=axis), np.shape(x)
    if np.size(x) == 0:
        return y, lambda g: g.reshape(shape)

    def closure(g: Any) -> Any:
        line = np.ravel(x) if axis is None else np.moveaxis(x, axis, -1)
        g = np.moveaxis(g, -1 if axis is None else axis, -1)
        s = [g[..., -1]]
        for k in reversed(range(line.shape[-1] - 1)):
            s.append(g[..., k] + line[..., k + 1] * s[-1])
        slope = product_of_earlier(line) * np.stack(s[::-1], axis=-1)
        return slope.reshape(shape) if axis is None else np.moveaxis(slope, -1, axis)

    return y, closure


@implements(np.diff)
@differentiable
def diff(x: Operand, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbors, as `numpy.diff`.

    ::

        y[i] = x[i + 1] - x[i]
        dL/dx[i] = g[i - 1] - g[i]

    Parameters as `numpy.diff`, without ``prepend`` and ``append``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 4.0, 9.0], requires_grad=True)
    >>> y = tg.diff(x)
    >>> (y * y).sum().backward()
    >>> y.data, x.grad
    (array([3., 5.]), array([-6., -4., 10.]))
    """
    x = as_array(x)  # which is the result for n = 0
    y = np.diff(x, n, axis)
    times = x.shape[axis] - y.shape[axis]  # n at most; a Python int leaves float32 alone
    widths = np.zeros((y.ndim, 2), int)
    widths[axis] = times
    return y, lambda g: (-1) ** times * np.diff(np.pad(g, widths), times, axis)
