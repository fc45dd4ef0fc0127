"""Joining, splitting, repeating and padding arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, implements
from tinygrad_edu.ops.indexing import at, scatter_add
from tinygrad_edu.ops.shape import as_array, atleast_1d, atleast_2d, named

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor


@implements(np.concatenate)
def concatenate(arrays: Sequence[Operand], axis: int | None = 0) -> Tensor:
    """Operands one after the other along an axis, as `numpy.concatenate`.

    ::

        y = concatenate([x1, x2, ...], axis)
        dL/dx1 = the part of g where x1 is

    Parameters
    ----------
    arrays : sequence of Tensor or array_like
        Of one shape, except for the length of the axis.
    axis : int or None, optional
        The axis to join along; None for the elements of each in a row.

    Returns
    -------
    Tensor
        As long along the axis as all of them together.

    Raises
    ------
    ValueError
        If there is none, or the shapes do not fit.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.concatenate([a, [3.0]])
    >>> (y * [10.0, 20.0, 30.0]).sum().backward()
    >>> y.data, a.grad
    (array([1., 2., 3.]), array([10., 20.]))
    """
    return _concatenate(*arrays, axis=axis)


@differentiable
@named("concatenate")
def _concatenate(*arrays: Operand, axis: int | None) -> Any:
    y = np.concatenate(arrays, axis)
    shapes = [as_array(x).shape for x in arrays]
    lengths = [math.prod(shape) if axis is None else shape[axis] for shape in shapes]
    along, closures, end = (0 if axis is None else axis % y.ndim), [], 0
    for shape, n in zip(shapes, lengths, strict=True):
        start, end = end, end + n
        closures.append(_part(at(slice(start, end), along), shape))
    return y, *closures


def _part(index: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda g: g[index].reshape(shape)


@implements(np.stack)
def stack(arrays: Sequence[Operand], axis: int = 0) -> Tensor:
    """Operands side by side along a new axis, as `numpy.stack`.

    ::

        y = stack([x1, x2, ...], axis)
        dL/dx1 = take(g, 0, axis)

    Parameters
    ----------
    arrays : sequence of Tensor or array_like
        All of one shape.
    axis : int, optional
        Where the new axis is in the result.

    Returns
    -------
    Tensor
        As long along the new axis as there are operands.

    Raises
    ------
    ValueError
        If there is none, or the shapes differ.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.stack([a, a * a], axis=1)
    >>> y.sum().backward()
    >>> y.data, a.grad
    (array([[1., 1.],
           [2., 4.]]), array([3., 5.]))
    """
    return _stack(*arrays, axis=axis)


@differentiable
@named("stack")
def _stack(*arrays: Operand, axis: int) -> Any:
    y = np.stack(arrays, axis)
    shape = np.shape(arrays[0])
    return y, *(_part(at(i, axis % y.ndim), shape) for i in range(len(arrays)))


@implements(np.hstack)
def hstack(arrays: Sequence[Operand]) -> Tensor:
    """Operands from left to right: joined along the second axis, as `numpy.hstack`.

    ::

        y = concatenate(arrays, axis=1), or axis=0 if they have one axis only
        dL/dx1 = the part of g where x1 is

    Parameters
    ----------
    arrays : sequence of Tensor or array_like
        Of one shape, except for the length of the axis.

    Returns
    -------
    Tensor
        As long along the axis as all of them together.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.hstack([tg.Tensor([[1.0], [2.0]]), [[3.0], [4.0]]]).data
    array([[1., 3.],
           [2., 4.]])
    """
    shaped = [atleast_1d(x) for x in arrays]
    return concatenate(shaped, axis=1 if shaped and shaped[0].ndim > 1 else 0)


@implements(np.vstack)
def vstack(arrays: Sequence[Operand]) -> Tensor:
    """Operands from top to bottom: joined along the first axis, as `numpy.vstack`.

    ::

        y = concatenate(arrays, axis=0), where one axis makes a row
        dL/dx1 = the part of g where x1 is

    Parameters
    ----------
    arrays : sequence of Tensor or array_like
        Of one shape, except for the length of the axis.

    Returns
    -------
    Tensor
        As long along the axis as all of them together.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.vstack([tg.Tensor([1.0, 2.0]), [3.0, 4.0]]).data
    array([[1., 2.],
           [3., 4.]])
    """
    return concatenate([atleast_2d(x) for x in arrays], axis=0)


@implements(np.column_stack)
def column_stack(arrays: Sequence[Operand]) -> Tensor:
    """Operands as the columns of a matrix, as `numpy.column_stack`.

    ::

        y = concatenate(arrays, axis=1), where one axis makes a column
        dL/dx1 = the part of g where x1 is

    Parameters
    ----------
    arrays : sequence of Tensor or array_like
        Columns of shape (n,), or matrices of n rows.

    Returns
    -------
    Tensor
        Of n rows.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.column_stack([tg.Tensor([1.0, 2.0]), [3.0, 4.0]]).data
    array([[1., 3.],
           [2., 4.]])
    """
    shaped = map(as_array, arrays)
    return concatenate([x if x.ndim > 1 else x.reshape(-1, 1) for x in shaped], axis=1)


@implements(np.split)
def split(x: Operand, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts of equal length along an axis, or parts between given positions, as `numpy.split`.

    ::

        y1, y2, ... = x[:i], x[i:j], ...
        dL/dx = the gradients of the parts, joined again

    Parameters
    ----------
    x : Tensor or array_like
        Of one axis or more.
    indices_or_sections : int or sequence of int
        The number of parts, or the positions at which a new part begins.
    axis : int, optional
        The axis to split along.

    Returns
    -------
    list of Tensor
        The parts, in order.

    Raises
    ------
    ValueError
        If the length is no multiple of the number of parts; `array_split` takes any.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    >>> first, second = tg.split(x, 2)
    >>> (first * second).sum().backward()
    >>> x.grad
    array([3., 4., 1., 2.])
    """
    return _parts(np.split, x, indices_or_sections, axis)


@implements(np.array_split)
def array_split(x: Operand, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts of about equal length along an axis, or between positions, as `numpy.array_split`.

    ::

        y1, y2, ... = x[:i], x[i:j], ...
        dL/dx = the gradients of the parts, joined again

    Parameters
    ----------
    x : Tensor or array_like
        Of one axis or more.
    indices_or_sections : int or sequence of int
        The number of parts, or the positions at which a new part begins.
    axis : int, optional
        The axis to split along.

    Returns
    -------
    list of Tensor
        The parts, in order; if they cannot be equal, the first ones are longer by one.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> [part.shape for part in tg.array_split(tg.Tensor([1.0, 2.0, 3.0]), 2)]
    [(2,), (1,)]
    """
    return _parts(np.array_split, x, indices_or_sections, axis)


def _parts(cut: Callable[..., Any], x: Any, indices_or_sections: Any, axis: int) -> list[Tensor]:
    x = as_array(x)
    positions = cut(np.arange(x.shape[axis]), indices_or_sections)  # NumPy knows where to cut
    slices = [slice(p[0], p[-1] + 1) if len(p) else slice(0) for p in positions]
    return [x[at(part, axis % x.ndim)] for part in slices]


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


_PADDING: dict[str, set[str]] = {
    "constant": {"constant_values"},
    "edge": set(),
    "reflect": set(),
    "symmetric": set(),
    "wrap": set(),
}
