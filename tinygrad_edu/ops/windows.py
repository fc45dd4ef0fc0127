"""Windows: pieces of an array at regular distances, and pieces added up where they overlap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, values
from tinygrad_edu.quick import as_a_whole

__all__ = ["overlap_add", "sliding_windows"]


@differentiable
def sliding_windows(
    x: Operand, window: int | tuple[int, ...], stride: Any = 1, dilation: Any = 1
) -> Any:
    """Windows on the last axes: pieces of one shape, at regular distances.

    ::

        y[..., i, j] = x[..., i * stride + j * dilation]
        dL/dx = overlap_add(g, ...)

    Convolutions are products with such windows, and pooling takes their maxima or means. For
    windows side by side, as in NumPy, there is `sliding_window_view`.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape ``(..., *lengths)``.
    window : int or tuple of int
        The shape of a window: for the last axis, or for as many of the last axes.
    stride : int or tuple of int, optional
        The distance from one window to the next.
    dilation : int or tuple of int, optional
        The distance between neighbors in a window.

    Returns
    -------
    Tensor
        Of shape ``(..., *positions, *window)``, with
        ``positions = (lengths - dilation * (window - 1) - 1) // stride + 1``.

    Raises
    ------
    ValueError
        If there is no place for a window, or an argument is no positive integer.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0, 4.0, 5.0], requires_grad=True)
    >>> y = tg.sliding_windows(x, 3, stride=2)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[1., 2., 3.],
           [3., 4., 5.]]), array([1., 1., 2., 1., 1.]))
    """
    x = as_array(x)
    window = per_axis("window", window, np.size(window))
    stride, dilation = (
        per_axis(name, value, len(window))
        for name, value in (("stride", stride), ("dilation", dilation))
    )
    if x.ndim < len(window):
        raise ValueError(f"a window of shape {window} does not fit on an array of shape {x.shape}")
    lengths = x.shape[x.ndim - len(window) :]
    positions(lengths, window, stride, dilation)
    return (
        _windows_of(values(x), window, stride, dilation),
        lambda g: overlap_add(g, lengths, stride, dilation),
    )


@differentiable
def overlap_add(x: Operand, shape: Any, stride: Any = 1, dilation: Any = 1) -> Any:
    """Windows added up at their places: what goes back through `sliding_windows`.

    ::

        y = zeros(shape); y[..., i * stride + j * dilation] += x[..., i, j]
        dL/dx = sliding_windows(g, ...)

    Parameters
    ----------
    x : Tensor or array_like
        Windows, of shape ``(..., *positions, *window)``.
    shape : int or tuple of int
        The lengths of the last axes of the result.
    stride : int or tuple of int, optional
        The distance from one window to the next.
    dilation : int or tuple of int, optional
        The distance between neighbors in a window.

    Returns
    -------
    Tensor
        Of shape ``(..., *shape)``, and of the dtype of x.

    Raises
    ------
    ValueError
        If the windows do not fit into the shape, or an argument is no positive integer.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.overlap_add([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 5, stride=2)
    array([1., 2., 7., 5., 6.])
    """
    x = as_array(x)
    shape = per_axis("shape", shape, np.size(shape))
    axes = len(shape)
    stride, dilation = (
        per_axis(name, value, axes) for name, value in (("stride", stride), ("dilation", dilation))
    )
    if x.ndim < 2 * axes:
        raise ValueError(
            f"overlap_add takes windows of shape (..., *positions, *window) for {axes} axes; "
            f"got shape {x.shape}"
        )
    window, count = x.shape[x.ndim - axes :], x.shape[x.ndim - 2 * axes : x.ndim - axes]
    possible = positions(shape, window, stride, dilation)
    if any(n > m for n, m in zip(count, possible, strict=True)):
        raise ValueError(f"a shape {shape} has places for {possible} windows; got {count}")
    taken = tuple(slice(n) for n in count) + (slice(None),) * axes
    return (
        _added(values(x), shape, stride, dilation),
        lambda g: sliding_windows(g, window, stride, dilation)[(..., *taken)],
    )


@as_a_whole
def _windows_of(x: Any, window: Any, stride: Any, dilation: Any) -> Any:
    """All windows, as a view."""
    spans = tuple(d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True))
    every: Any = sliding_window_view(x, spans, tuple(range(x.ndim - len(window), x.ndim)))
    return every[(..., *(slice(None, None, step) for step in (*stride, *dilation)))]


@as_a_whole
def _added(x: Any, shape: Any, stride: Any, dilation: Any) -> Any:
    """The sum of all windows, each at its place, laid out in memory as they are."""
    axes = len(shape)
    window, count = x.shape[x.ndim - axes :], x.shape[x.ndim - 2 * axes : x.ndim - axes]
    slices = [x[(..., *offset)] for offset in np.ndindex(*window)]
    lengths = (*x.shape[: x.ndim - 2 * axes], *shape)
    y: Any = np.zeros_like(slices[0], shape=lengths) if slices else np.zeros(lengths, x.dtype)
    add_slices(y, slices, window, count, stride, dilation)
    return y


def add_slices(
    y: Any, slices: Iterable[Any], window: Any, count: Any, stride: Any, dilation: Any
) -> None:
    """Add to zeros, for every element of a window, what it has in all windows."""
    if 0 in count or 0 in y.shape:
        return
    spans = (d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True))
    apart = all(s >= span for s, span in zip(stride, spans, strict=True))
    for offset, x in zip(np.ndindex(*window), slices, strict=True):
        of_axes = zip(offset, count, stride, dilation, strict=True)
        place = (..., *(slice(d * i, d * i + s * (n - 1) + 1, s) for i, n, s, d in of_axes))
        if apart:
            y[place] = x
        else:
            y[place] += x


# --- the arithmetic of windows ----------------------------------------------------------------


def positions(lengths: Any, window: Any, stride: Any, dilation: Any) -> tuple[int, ...]:
    """How many windows there are along each axis; an error that shows the sum if there is none."""
    return tuple(
        count_windows(n, k, s, (0, 0), d)
        for n, k, s, d in zip(lengths, window, stride, dilation, strict=True)
    )


def count_windows(n: int, k: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """How many windows of length k there are on n elements between margins."""
    before, after = padding
    span = dilation * (k - 1) + 1
    count = (n + before + after - span) // stride + 1
    if count < 1:
        margins = f"2*{before}" if before == after else f"({before} + {after})"
        raise ValueError(
            f"a window of {k} has no place on an axis of {n}: "
            f"({n} + {margins} - {dilation}*({k} - 1) - 1) // {stride} + 1 = {count} positions. "
            "Expected at least 1: a smaller window, more padding, or a larger input"
        )
    return count


def per_axis(name: str, value: Any, axes: int, least: int = 1) -> tuple[int, ...]:
    """An integer for each axis, from one for all or from as many."""
    given = tuple(value) if np.ndim(value) == 1 else (value,) * axes
    if len(given) == axes and all(_is_integer(n) and n >= least for n in given):
        return tuple(map(int, given))
    least_one = "positive" if least else "not negative"
    each = f", or {axes} of them" if axes > 1 else ""
    raise ValueError(f"{name} must be an integer, {least_one}{each}; got {value!r}")


def _is_integer(n: Any) -> bool:
    return isinstance(n, int | np.integer) and not isinstance(n, bool)
