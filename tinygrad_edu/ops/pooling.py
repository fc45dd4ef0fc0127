"""Pooling: what is left of every window of an image, its maximum or its mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, shown_as, values
from tinygrad_edu.ops.indexing import scatter_add
from tinygrad_edu.ops.windows import (
    add_slices,
    count_windows,
    overlap_add,
    per_axis,
    sliding_windows,
)
from tinygrad_edu.quick import as_a_whole

__all__ = ["adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "max_pool"]


@differentiable
def max_pool(
    x: Operand,
    window: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:
    """Maximum of every window.

    ::

        y[n, c, i, j] = max(x[n, c, window at i, j])
        window at i = i * stride - padding + dilation * arange(K)
        dL/dx[n, c] = g[n, c, i, j] at the largest element of each window

    Elements that tie share the gradient equally; margins are minus infinity, and so never the
    maximum of anything. nan stays nan.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (N, C, L) or (N, C, H, W); the window moves along all axes but the first two.
    window : int or tuple of int
        The shape of a window, one length for all axes or one for each.
    stride : int, tuple of int or None, optional
        The distance from one window to the next; by default they lie side by side.
    padding : int or tuple of int, optional
        The width of the margins on both sides of an axis, at most half of the window.
    dilation : int or tuple of int, optional
        The distance between neighbors in a window.
    ceil_mode : bool, optional
        Whether the last window may reach beyond the end, if it begins before it: so no element is
        left out when the windows do not come out even.

    Returns
    -------
    Tensor
        Of shape (N, C, H', W'), with
        ``H' = (H + 2 * padding - dilation * (K - 1) - 1) // stride + 1``.

    Raises
    ------
    ValueError
        If x has no such shape, or there is no place for the window.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[[1.0, 5.0, 2.0, 2.0]]], requires_grad=True)
    >>> y = tg.max_pool(x, 2)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[[5., 2.]]]), array([[[0. , 1. , 0.5, 0.5]]]))
    """
    x = as_array(x)
    window, stride, margins, dilation = places(
        "max_pool", x, window, stride, padding, dilation, ceil_mode
    )
    numbers, inside = values(x), _inside(x, margins)
    if any(map(any, margins)):
        numbers = _padded(numbers, margins, _lowest(x.dtype))
    windows = sliding_windows(numbers, window, stride, dilation)
    y = _reduced(np.maximum, windows)
    lengths = numbers.shape[2:]
    return y, lambda g: _at_maxima(g, windows, y, lengths, stride, dilation)[inside]


@differentiable
@shown_as("max_pool")
def _at_maxima(g: Any, windows: Any, y: Any, lengths: Any, stride: Any, dilation: Any) -> Any:
    """What goes back through the maxima y of windows: g, where the largest elements are."""
    window = windows.shape[y.ndim :]

    def closure(h: Any) -> Any:
        taken = sliding_windows(h, window, stride, dilation) * _shares(windows, y)
        return np.add.reduce(taken, axis=tuple(range(y.ndim, windows.ndim)))

    return _put_back(values(g), windows, y, lengths, stride, dilation), closure


@as_a_whole
def _put_back(g: Any, windows: Any, y: Any, lengths: Any, stride: Any, dilation: Any) -> Any:
    """The gradient, divided among the elements of each window that tie for its maximum."""
    g, window = np.asarray(g), windows.shape[y.ndim :]
    tied, count = _tied(windows, y)
    share = np.empty_like(y, dtype=g.dtype)  # and so laid out in memory as the windows are
    with np.errstate(divide="ignore", invalid="ignore"):  # a maximum that is nan ties with none
        np.divide(g, count, out=share)
    if not count.all():
        share = np.where(g == 0, 0, share)
    x: Any = np.zeros_like(share, shape=(*y.shape[:2], *lengths))
    add_slices(x, (share * mask for mask in tied), window, y.shape[2:], stride, dilation)
    return x


@as_a_whole
def _shares(windows: Any, y: Any) -> Any:
    """The share of every element of each window in the maximum."""
    tied, count = _tied(windows, y)
    with np.errstate(invalid="ignore"):
        shares = [mask / count for mask in tied]
    return np.stack(shares, axis=-1).reshape(windows.shape).astype(y.dtype)


def _tied(windows: Any, y: Any) -> tuple[list[Any], Any]:
    """For every element of a window, where it is the maximum; and how many are, of each window."""
    tied = [np.equal(x, y) for x in _slices(windows)]
    count = tied[0].astype(np.min_scalar_type(len(tied)))
    for mask in tied[1:]:
        count += mask
    return tied, count


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


@as_a_whole
def _padded(x: Any, margins: Any, value: Any) -> Any:
    """The array between margins of a number, laid out in memory as it is."""
    lengths = (n + before + after for n, (before, after) in zip(x.shape[2:], margins, strict=True))
    y = np.full_like(x, value, shape=(*x.shape[:2], *lengths))
    y[_inside(x, margins)] = x
    return y


@as_a_whole
def _reduced(function: Any, windows: Any) -> Any:
    """A ufunc of two applied to all elements of each window: slice by slice, which is fast."""
    first, *rest = _slices(windows)
    y = np.array(first)
    for x in rest:
        function(y, x, out=y)
    return y


def _slices(windows: Any) -> list[Any]:
    """For every element of a window, where it comes in all of them."""
    axes = (windows.ndim - 2) // 2
    return [windows[(..., *offset)] for offset in np.ndindex(*windows.shape[-axes:])]


@differentiable
def avg_pool(
    x: Operand,
    window: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Mean of every window.

    ::

        y[n, c, i, j] = mean(x[n, c, window at i, j])
        window at i = i * stride - padding + arange(K)
        dL/dx[n, c] = g[n, c, i, j] / K**2, added at every element of each window

    Margins are zeros that count, as in PyTorch. What a window has beyond them, in ``ceil_mode``,
    does not count: it is divided by fewer.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (N, C, L) or (N, C, H, W); the window moves along all axes but the first two.
    window, stride, padding, ceil_mode
        As in `max_pool`.
    count_include_pad : bool, optional
        Whether the zeros of the margins count in the mean.

    Returns
    -------
    Tensor
        Of shape (N, C, H', W'), with ``H' = (H + 2 * padding - K) // stride + 1``.

    Raises
    ------
    ValueError
        If x has no such shape, or there is no place for the window.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[[1.0, 5.0, 2.0, 2.0]]], requires_grad=True)
    >>> y = tg.avg_pool(x, 2)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[[3., 2.]]]), array([[[0.5, 0.5, 0.5, 0.5]]]))
    """
    x = as_array(x)
    window, stride, margins, dilation = places("avg_pool", x, window, stride, padding, 1, ceil_mode)
    numbers, inside = values(x), _inside(x, margins)
    if any(map(any, margins)):
        numbers = _padded(numbers, margins, 0)
    size = sizes(x, window, stride, margins, count_include_pad)
    y = _reduced(np.add, sliding_windows(numbers, window, stride, dilation)) / size
    lengths = numbers.shape[2:]

    def closure(g: Any) -> Any:
        spread = np.broadcast_to((g / size)[(..., *(None,) * len(lengths))], (*g.shape, *window))
        return overlap_add(spread, lengths, stride, dilation)[inside]

    return y, closure


def sizes(x: Any, window: Any, stride: Any, margins: Any, with_margins: bool) -> Any:
    """How many elements of each window count: one number if they are the same everywhere."""
    of_axes = []
    for n, k, s, (before, after) in zip(x.shape[2:], window, stride, margins, strict=True):
        starts = np.arange(0, n + before + after - k + 1, s) - before
        first, end = (-before, n + before) if with_margins else (0, n)
        of_axes.append(np.minimum(starts + k, end) - np.maximum(starts, first))
    found: Any = math.prod(np.ix_(*of_axes))
    return math.prod(window) if np.all(found == math.prod(window)) else found.astype(x.dtype)


# --- windows of as many places as are wanted --------------------------------------------------


@differentiable
def adaptive_max_pool(x: Operand, size: int | tuple[int, ...]) -> Any:
    """Maximum of every window, of which there are as many as are wanted.

    ::

        y[n, c, i, j] = max(x[n, c, window at i, j])
        window at i = arange(i * H // H', ceil((i + 1) * H / H'))
        dL/dx[n, c] = g[n, c, i, j] at the largest element of each window

    An axis of H elements is divided
    into H' windows of about the same length. Elements that tie share the gradient equally.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (N, C, L) or (N, C, H, W).
    size : int or tuple of int
        How many windows there are along each axis but the first two: H' and W'.

    Returns
    -------
    Tensor
        Of shape (N, C, H', W').

    Raises
    ------
    ValueError
        If x has no such shape, or a size is no positive integer.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[[1.0, 5.0, 2.0, 3.0, 0.0]]], requires_grad=True)
    >>> y = tg.adaptive_max_pool(x, 2)  # of the first three elements, and of the last three
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[[5., 3.]]]), array([[[0., 1., 0., 1., 0.]]]))
    """
    x = as_array(x)
    index, counted = divided("adaptive_max_pool", x, size)
    windows = np.where(counted, values(x)[index], _lowest(x.dtype))
    over = tuple(range(x.ndim, windows.ndim))
    y = np.maximum.reduce(windows, axis=over)
    tied = np.equal(windows, np.expand_dims(y, over)) & counted
    shares = _quotient(tied, np.add.reduce(tied, axis=over, keepdims=True), y.dtype)
    return y, lambda g: scatter_add(np.expand_dims(g, over) * shares, index, x.shape)


@differentiable
def adaptive_avg_pool(x: Operand, size: int | tuple[int, ...]) -> Any:
    """Mean of every window, of which there are as many as are wanted.

    ::

        y[n, c, i, j] = mean(x[n, c, window at i, j])
        window at i = arange(i * H // H', ceil((i + 1) * H / H'))
        dL/dx[n, c] = g[n, c, i, j] / size of the window, added at every element of each window

    With a size of 1 it is the mean of a whole image, with
    which networks for images of any size end.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (N, C, L) or (N, C, H, W).
    size : int or tuple of int
        How many windows there are along each axis but the first two: H' and W'.

    Returns
    -------
    Tensor
        Of shape (N, C, H', W').

    Raises
    ------
    ValueError
        If x has no such shape, or a size is no positive integer.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[[1.0, 5.0, 3.0, 3.0, 0.0]]], requires_grad=True)
    >>> y = tg.adaptive_avg_pool(x, 2)  # of the first three elements, and of the last three
    >>> y.sum().backward()
    >>> y.data, x.grad.round(2)
    (array([[[3., 2.]]]), array([[[0.33, 0.33, 0.67, 0.33, 0.33]]]))
    """
    x = as_array(x)
    index, counted = divided("adaptive_avg_pool", x, size)
    over = tuple(range(x.ndim, counted.ndim + 2))
    shares = (counted / counted.sum(axis=tuple(range(-len(over), 0)), keepdims=True)).astype(
        x.dtype if x.dtype.kind == "f" else float
    )
    y = np.add.reduce(values(x)[index] * shares, axis=over)
    return y, lambda g: scatter_add(np.expand_dims(g, over) * shares, index, x.shape)


def divided(name: str, x: Any, size: Any) -> tuple[Any, Any]:
    """The index of all windows of x, (N, C, positions, window); and which elements count.

    Windows differ in length by one at most: the short ones have their last element twice, which
    does not count.
    """
    axes = x.ndim - 2
    if axes < 1 or 0 in x.shape[2:]:
        raise ValueError(f"{name} takes x of shape (N, C, L) or (N, C, H, W); got {x.shape}")
    index: list[Any] = []
    counted: Any = np.True_
    for axis, (n, m) in enumerate(zip(x.shape[2:], per_axis("size", size, axes), strict=True)):
        i = np.arange(m)
        start, end = i * n // m, -(-(i + 1) * n // m)
        positions = start[:, None] + np.arange((end - start).max())
        shape = [1] * 2 * axes
        shape[axis], shape[axes + axis] = positions.shape
        index.append(np.minimum(positions, end[:, None] - 1).reshape(shape))
        counted = counted & (positions < end[:, None]).reshape(shape)
    return (slice(None), slice(None), *index), counted


@as_a_whole
def _quotient(x: Any, count: Any, dtype: Any) -> Any:
    with np.errstate(invalid="ignore"):  # a maximum that is nan ties with none
        return (x / count).astype(dtype)


def _inside(x: Any, margins: Any) -> tuple[Any, ...]:
    """The index of what is no margin."""
    if not any(map(any, margins)):
        return (...,)
    return (..., *(slice(p, p + n) for n, (p, _) in zip(x.shape[2:], margins, strict=True)))


def places(
    name: str, x: Any, window: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Any, ...]:
    """Window, stride, margins and dilation along each axis."""
    axes = x.ndim - 2
    if axes < 1:
        raise ValueError(f"{name} takes x of shape (N, C, L) or (N, C, H, W); got {x.shape}")
    window = per_axis("window", window, axes)
    stride = window if stride is None else per_axis("stride", stride, axes)
    padding, dilation = per_axis("padding", padding, axes, 0), per_axis("dilation", dilation, axes)
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(padding, window, dilation, strict=True)):
        raise ValueError(
            f"{name} takes a padding of at most half of the window {window}; got {padding}"
        )
    of_axes = zip(x.shape[2:], window, stride, padding, dilation, strict=True)
    margins = tuple(_margins(*of_axis, ceil_mode) for of_axis in of_axes)
    return window, stride, margins, dilation


def _margins(n: int, k: int, stride: int, p: int, dilation: int, ceil_mode: bool) -> Any:
    """The margins of an axis; the second is wider if the last window reaches beyond it."""
    span = dilation * (k - 1) + 1
    rest = n + 2 * p - span
    beyond = stride - rest % stride if rest % stride else 0
    begins_before_the_end = rest + beyond < n + p
    if ceil_mode and beyond and begins_before_the_end:
        return p, p + beyond
    count_windows(n, k, stride, (p, p), dilation)
    return p, p
