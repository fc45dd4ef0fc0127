"""Reductions along axes: sums, products and extremes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu import quick
from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, implements, values

# NumPy's stubs do not know that ufunc.reduce takes a tuple of axes.
add_reduce: Any = np.add.reduce
multiply_reduce: Any = np.multiply.reduce
maximum_reduce: Any = np.maximum.reduce
minimum_reduce: Any = np.minimum.reduce


def kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The shape after a reduction with ``keepdims=True``."""
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def spread(reduced: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """A reduced array back in the full shape: every element gets its reduction's value."""
    return quick.broadcast_to(reduced.reshape(kept(shape, axis)), shape)


@implements(np.sum)
@differentiable
def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum of the elements, as `numpy.sum`.

    ::

        y = sum(x)
        dL/dx = broadcast_to(g, x.shape)

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
        lambda g: spread(g, shape, axis),
    )


@implements(np.prod)
@differentiable
def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product of the elements, as `numpy.prod`.

    ::

        y = prod(x)
        dL/dx[i] = g * prod(x[j] for j != i)

    Exact where elements are zero: nothing is divided.

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
    >>> x = tg.Tensor([0.0, 2.0, 3.0], requires_grad=True)
    >>> x.prod().backward()
    >>> x.grad
    array([6., 0., 0.])
    """
    shape = np.shape(x)
    return (
        multiply_reduce(x, axis=axis, keepdims=keepdims),
        lambda g: spread(g, shape, axis) * _product_of_others(x, axis),
    )


def _product_of_others(x: Any, axis: Axis) -> Any:
    """For every element the product of all others along the axes."""
    shapes = np.shape(x), kept(np.shape(x), axis)
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


@implements(np.max)
@differentiable
def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element, as `numpy.max`; nan if any element is.

    ::

        y = max(x)
        dL/dx = g * (x == y) / sum(x == y)

    Elements that tie share the gradient equally.

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
    >>> x = tg.Tensor([3.0, 1.0, 3.0], requires_grad=True)
    >>> y = x.max()
    >>> y.backward()
    >>> y.item(), x.grad
    (3.0, array([0.5, 0. , 0.5]))
    """
    y = maximum_reduce(x, axis=axis, keepdims=keepdims)
    return y, lambda g: _share_among_ties(g, x, y, axis)


@implements(np.min)
@differentiable
def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element, as `numpy.min`; nan if any element is.

    ::

        y = min(x)
        dL/dx = g * (x == y) / sum(x == y)

    Elements that tie share the gradient equally.

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
    tied = np.equal(x, spread(values(y), shape, axis))
    share = tied / add_reduce(tied, axis=axis, keepdims=True)
    return spread(g, shape, axis) * share.astype(g.dtype)
