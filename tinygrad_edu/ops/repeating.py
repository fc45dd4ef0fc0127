"""Repeating elements, and padding arrays with more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, implements
from tinygrad_edu.ops.indexing import at, scatter_add

if TYPE_CHECKING:
    pass

__all__ = ["pad", "repeat", "tile"]


@implements(np.tile)
@differentiable
def tile(x: Operand, reps: int | Sequence[int]) -> Any:
    """Whole operand repeated along axes, as `numpy.tile`.

    ::

        y = tile(x, reps)
        dL/dx = sum of g over the repetitions

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    reps : int or tuple of int
        How many times along each axis, the last ones first; more than x has make new axes.

    Returns
    -------
    Tensor
        Longer by these factors.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.tile(x, 3)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 2., 1., 2., 1., 2.]), array([3., 3.]))
    """
    y, shape = np.tile(x, reps), np.shape(x)
    lengths = (1,) * (y.ndim - len(shape)) + shape
    times = np.ravel(reps).tolist()
    times = [1] * (y.ndim - len(times)) + times
    copies = [n for pair in zip(times, lengths, strict=True) for n in pair]
    every_copy = tuple(range(0, len(copies), 2))
    return y, lambda g: g.reshape(copies).sum(axis=every_copy).reshape(shape)


@implements(np.repeat)
@differentiable
def repeat(x: Operand, repeats: Any, axis: int | None = None) -> Any:
    """Every element, or slice along an axis, repeated, as `numpy.repeat`.

    ::

        y = repeat(x, repeats, axis)
        dL/dx = sum of g over the repetitions

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    repeats : int or array_like of int
        How many times, for all or for each position along the axis.
    axis : int, optional
        The axis; by default the elements in a row.

    Returns
    -------
    Tensor
        Longer along the axis.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.repeat(x, [1, 3])
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 2., 2., 2.]), array([1., 3.]))
    """
    y, shape = np.repeat(x, repeats, axis), np.shape(x)
    flat, along = (shape, axis % len(shape)) if axis is not None and shape else ((np.size(x),), 0)
    if np.ndim(repeats) == 0:
        copies = (*flat[: along + 1], int(repeats), *flat[along + 1 :])
        return y, lambda g: g.reshape(copies).sum(axis=along + 1).reshape(shape)
    sources = np.repeat(np.arange(flat[along]), repeats)  # the position that each came from
    return y, lambda g: scatter_add(g, at(sources, along), flat).reshape(shape)


_PADDING: dict[str, set[str]] = {
    "constant": {"constant_values"},
    "edge": set(),
    "reflect": set(),
    "symmetric": set(),
    "wrap": set(),
}


@implements(np.pad)
@differentiable
def pad(x: Operand, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    """Margins added on every side, as `numpy.pad`.

    ::

        y = pad(x, pad_width)
        dL/dx = g without the margins, for mode="constant"
        dL/dx = zeros, with g added where each element was copied from, for the other modes

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    pad_width : int or sequence
        The width of the margins: of all, or ``(before, after)`` of every axis, or a sequence of
        such pairs, one for each axis.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}, optional
        What the margins contain: a constant, or copies of the elements.
    **options
        ``constant_values=0`` with ``mode="constant"``, in the forms of ``pad_width``.

    Returns
    -------
    Tensor
        Larger by the margins.

    Raises
    ------
    ValueError
        If the mode is another one, or an option does not belong to it.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> tg.pad(x, 1).data
    array([0., 1., 2., 3., 0.])
    >>> y = tg.pad(x, (2, 0), mode="reflect")
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([3., 2., 1., 2., 3.]), array([1., 2., 2.]))
    """
    if mode not in _PADDING or options.keys() - _PADDING[mode]:
        raise ValueError(
            f"pad of a Tensor takes the modes {', '.join(_PADDING)}, and constant_values with the "
            f"first of them; got mode={mode!r} with {options or 'no options'}"
        )
    y, shape = np.pad(x, pad_width, mode, **options), np.shape(x)
    if mode == "constant":
        before = [pair[0] for pair in np.broadcast_to(pad_width, (len(shape), 2)).tolist()]
        inside = tuple(slice(i, i + n) for i, n in zip(before, shape, strict=True))
        return y, lambda g: g[inside]
    positions = np.arange(np.size(x)).reshape(shape)
    sources = np.pad(positions, pad_width, mode)  # the position that each element came from
    return y, lambda g: scatter_add(g, sources, (positions.size,)).reshape(shape)
