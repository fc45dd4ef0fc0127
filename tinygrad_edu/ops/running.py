"""Running sums and products along an axis, and the differences that undo them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements
from tinygrad_edu.ops.reduction import product_of_earlier


@implements(np.cumsum)
@differentiable
def cumsum(x: Operand, axis: int | None = None) -> Any:
    """Running sum, as `numpy.cumsum`.

    ::

        y[i] = sum(x[j] for j <= i)
        dL/dx[i] = sum(g[j] for j >= i)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int or None, optional
        The axis to run along; by default the elements of the flattened x.

    Returns
    -------
    Tensor
        Of the shape of x; one-dimensional without an axis.

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int or None, optional
        The axis to run along; by default the elements of the flattened x.

    Returns
    -------
    Tensor
        Of the shape of x; one-dimensional without an axis.

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    n : int, optional
        How many times to take differences.
    axis : int, optional
        The axis; the last by default.

    Returns
    -------
    Tensor
        As x, shorter by n along the axis.

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
    times = min(n, x.shape[axis])  # a Python int, which leaves float32 alone
    widths = np.zeros((y.ndim, 2), int)
    widths[axis] = times
    return y, lambda g: (-1) ** times * np.diff(np.pad(g, widths), times, axis)
