"""Shape: the same elements in other places, and their gradients back again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, as_array, implements, is_tensor, shown_as
from tinygrad_edu.ops.indexing import index_on_axis, scatter_add

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "astype",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_to",
    "copy",
    "diag",
    "diagonal",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "moveaxis",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "rollaxis",
    "rot90",
    "squeeze",
    "swapaxes",
    "tile",
    "trace",
    "transpose",
    "tril",
    "triu",
]


@implements(np.reshape)
@differentiable
def reshape(x: Operand, shape: Any) -> Any:
    """Elements in another shape, in row-major (C) order, as `numpy.reshape`.

    ::

        y = reshape(x, shape)
        dL/dx = reshape(g, x.shape)

    Parameters as `numpy.reshape`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    >>> y = x.reshape(3, -1)
    >>> y[2].sum().backward()
    >>> y.data, x.grad
    (array([[1., 2.],
           [3., 4.],
           [5., 6.]]), array([[0., 0., 0.],
           [0., 1., 1.]]))
    """
    x = as_array(x)
    before = x.shape
    return x.reshape(shape), lambda g: g.reshape(before)


@implements(np.ravel)
@differentiable
def ravel(x: Operand) -> Any:
    """Elements in a row, in row-major (C) order, as `numpy.ravel`.

    ::

        y = ravel(x)
        dL/dx = reshape(g, x.shape)

    Parameters as `numpy.ravel`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> (tg.ravel(x) * [0.0, 1.0, 2.0, 3.0]).sum().backward()
    >>> x.grad
    array([[0., 1.],
           [2., 3.]])
    """
    x = as_array(x)
    before = x.shape
    return x.ravel(), lambda g: g.reshape(before)


@implements(np.squeeze)
@differentiable
def squeeze(x: Operand, axis: Axis = None) -> Any:
    """Axes of length 1 removed, as `numpy.squeeze`.

    ::

        y = squeeze(x, axis)
        dL/dx = reshape(g, x.shape)

    Parameters as `numpy.squeeze`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.Tensor([[[1.0], [2.0]]]).squeeze(axis=0).shape
    (2, 1)
    """
    x = as_array(x)
    before = x.shape
    return x.squeeze(axis), lambda g: g.reshape(before)


@implements(np.expand_dims)
@differentiable
def expand_dims(x: Operand, axis: int | tuple[int, ...]) -> Any:
    """Axes of length 1 inserted, as `numpy.expand_dims`.

    ::

        y = expand_dims(x, axis)
        dL/dx = reshape(g, x.shape)

    Parameters as `numpy.expand_dims`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.expand_dims(tg.Tensor([1.0, 2.0]), axis=0).shape
    (1, 2)
    """
    before = np.shape(x)
    return np.expand_dims(x, axis), lambda g: g.reshape(before)


@implements(np.atleast_1d)
def atleast_1d(*arrays: Operand) -> Any:
    """Operands with one axis or more, as `numpy.atleast_1d`.

    ::

        y = reshape(x, 1) if x is 0-d, else x
        dL/dx = reshape(g, x.shape)

    Parameters as `numpy.atleast_1d`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.atleast_1d(tg.Tensor(1.0)).shape
    (1,)
    """
    shaped = tuple(x if x.ndim else reshape(x, 1) for x in map(as_array, arrays))
    return shaped if len(shaped) != 1 else shaped[0]


@implements(np.atleast_2d)
def atleast_2d(*arrays: Operand) -> Any:
    """Operands with two axes or more, as `numpy.atleast_2d`.

    ::

        y = reshape(x, (1, -1)) if x has less than two axes, else x
        dL/dx = reshape(g, x.shape)

    Parameters as `numpy.atleast_2d`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.atleast_2d(tg.Tensor([1.0, 2.0])).shape
    (1, 2)
    """
    shaped = tuple(x if x.ndim > 1 else reshape(x, (1, x.size)) for x in map(as_array, arrays))
    return shaped if len(shaped) != 1 else shaped[0]


@implements(np.atleast_3d)
def atleast_3d(*arrays: Operand) -> Any:
    """Operands with three axes or more, as `numpy.atleast_3d`.

    ::

        y = reshape(x, (1, -1, 1)) if x has one axis, expand_dims(x, 2) if two, else x
        dL/dx = reshape(g, x.shape)

    Parameters as `numpy.atleast_3d`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.atleast_3d(tg.Tensor([1.0, 2.0])).shape, tg.atleast_3d(tg.Tensor([[1.0, 2.0]])).shape
    ((1, 2, 1), (1, 2, 1))
    """
    shaped = tuple(
        x if x.ndim > 2 else reshape(x, (*atleast_2d(x).shape, 1)) for x in map(as_array, arrays)
    )
    return shaped if len(shaped) != 1 else shaped[0]


@implements(np.broadcast_to)
@differentiable
def broadcast_to(x: Operand, shape: Any) -> Any:
    """Elements repeated along axes that are missing or of length 1, as `numpy.broadcast_to`.

    ::

        y = broadcast_to(x, shape)
        dL/dx = unbroadcast(g, x.shape)  # the sum over the axes that were repeated

    Parameters as `numpy.broadcast_to`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.broadcast_to(x, (3, 2)).sum().backward()
    >>> x.grad
    array([3., 3.])
    """
    return np.broadcast_to(x, shape), lambda g: g


@implements(np.transpose)
@differentiable
def transpose(x: Operand, axes: Any = None) -> Any:
    """Axes in another order, as `numpy.transpose`; ``x.T`` for the reverse order.

    ::

        y = transpose(x, axes)
        dL/dx = transpose(g, argsort(axes))

    Parameters as `numpy.transpose`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> W = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> W.T[0].sum().backward()
    >>> W.grad
    array([[1., 0.],
           [1., 0.]])
    """
    x = as_array(x)
    if axes is None:
        return x.transpose(), lambda g: g.transpose()
    return x.transpose(axes), lambda g: g.transpose(_inverse(axes))


def _inverse(axes: Any) -> tuple[int, ...]:
    """The order of axes that undoes an order of axes."""
    axes = np.atleast_1d(axes)
    return tuple(np.argsort(axes % axes.size).tolist())


@implements(np.swapaxes)
@differentiable
def swapaxes(x: Operand, axis1: int, axis2: int) -> Any:
    """Two axes exchanged, as `numpy.swapaxes`; ``x.mT`` for the last two.

    ::

        y = swapaxes(x, axis1, axis2)
        dL/dx = swapaxes(g, axis1, axis2)

    Parameters as `numpy.swapaxes`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.swapaxes(tg.Tensor([[[1.0, 2.0, 3.0]]]), 0, 2).shape
    (3, 1, 1)
    """
    return as_array(x).swapaxes(axis1, axis2), lambda g: g.swapaxes(axis1, axis2)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Operand) -> Tensor:
    """Every matrix transposed: the last two axes exchanged, as `numpy.matrix_transpose`.

    ::

        y = x.mT
        dL/dx = g.mT

    Parameters as `numpy.matrix_transpose`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.matrix_transpose(tg.Tensor([[[1.0, 2.0, 3.0]]])).shape
    (1, 3, 1)
    """
    return swapaxes(x, -1, -2)


@implements(np.moveaxis)
@differentiable
def moveaxis(x: Operand, source: Any, destination: Any) -> Any:
    """Axes moved to new positions, the others in their order, as `numpy.moveaxis`.

    ::

        y = moveaxis(x, source, destination)
        dL/dx = moveaxis(g, destination, source)

    Parameters as `numpy.moveaxis`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.moveaxis(tg.Tensor([[[1.0, 2.0, 3.0]]]), -1, 0).shape
    (3, 1, 1)
    """
    return np.moveaxis(x, source, destination), lambda g: np.moveaxis(g, destination, source)


@implements(np.rollaxis)
def rollaxis(x: Operand, axis: int, start: int = 0) -> Tensor:
    """An axis moved to before another one, as `numpy.rollaxis`; `moveaxis` is easier to read.

    ::

        y = moveaxis(x, axis, start), or start - 1 where the axis leaves a place before it
        dL/dx = g, with the axis moved back

    Parameters as `numpy.rollaxis`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.rollaxis(tg.Tensor([[[1.0, 2.0, 3.0]]]), 2).shape
    (3, 1, 1)
    """
    numbered = np.empty(range(np.ndim(x)))  # every axis is as long as its number says
    return transpose(x, np.rollaxis(numbered, axis, start).shape)


@implements(np.flip)
@differentiable
def flip(x: Operand, axis: Axis = None) -> Any:
    """Elements in reverse order along axes, as `numpy.flip`.

    ::

        y = flip(x, axis)
        dL/dx = flip(g, axis)

    Parameters as `numpy.flip`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = tg.flip(x)
    >>> y[0].backward()
    >>> y.data, x.grad
    (array([3., 2., 1.]), array([0., 0., 1.]))
    """
    return np.flip(x, axis), lambda g: np.flip(g, axis)


@implements(np.fliplr)
def fliplr(x: Operand) -> Tensor:
    """Columns in reverse order: from left to right, as `numpy.fliplr`.

    ::

        y = x[:, ::-1]
        dL/dx = g[:, ::-1]

    Parameters as `numpy.fliplr`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.fliplr(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[2., 1.],
           [4., 3.]])
    """
    return flip(x, 1)


@implements(np.flipud)
def flipud(x: Operand) -> Tensor:
    """Rows in reverse order: upside down, as `numpy.flipud`.

    ::

        y = x[::-1]
        dL/dx = g[::-1]

    Parameters as `numpy.flipud`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.flipud(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[3., 4.],
           [1., 2.]])
    """
    return flip(x, 0)


@implements(np.roll)
@differentiable
def roll(x: Operand, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """Elements shifted along axes; what leaves at one end comes in at the other, as `numpy.roll`.

    ::

        y = roll(x, shift, axis)
        dL/dx = roll(g, -shift, axis)

    Parameters as `numpy.roll`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = tg.roll(x, 1)
    >>> y[0].backward()
    >>> y.data, x.grad
    (array([3., 1., 2.]), array([0., 0., 1.]))
    """
    return np.roll(x, shift, axis), lambda g: np.roll(g, np.negative(shift), axis)


@implements(np.rot90)
@differentiable
def rot90(x: Operand, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Elements turned by k right angles, counterclockwise, as `numpy.rot90`.

    ::

        y = rot90(x, k, axes)
        dL/dx = rot90(g, -k, axes)

    Parameters as `numpy.rot90`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.rot90(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[2., 4.],
           [1., 3.]])
    """
    return np.rot90(x, k, axes), lambda g: np.rot90(g, -k, axes)


@implements(np.tile)
@differentiable
def tile(x: Operand, reps: int | Sequence[int]) -> Any:
    """Whole operand repeated along axes, as `numpy.tile`.

    ::

        y = tile(x, reps)
        dL/dx = sum of g over the repetitions

    Parameters as `numpy.tile`.

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

    Parameters as `numpy.repeat`.

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
    return y, lambda g: scatter_add(g, index_on_axis(sources, along), flat).reshape(shape)


@implements(np.pad)
@differentiable
def pad(x: Operand, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    """Margins added on every side, as `numpy.pad`.

    ::

        y = pad(x, pad_width)
        dL/dx = g without the margins, for mode="constant"
        dL/dx = zeros, with g added where each element was copied from, for the other modes

    Parameters as `numpy.pad`, but ``mode`` is one of "constant", "edge", "reflect", "symmetric" and
    "wrap", and ``constant_values`` must not require a gradient.

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
    if mode not in _MODES or options.keys() - ({"constant_values"} if mode == "constant" else ()):
        raise ValueError(
            f"pad of a Tensor takes the modes {', '.join(_MODES)}, and constant_values with the "
            f"first of them; got mode={mode!r} with {options or 'no options'}"
        )
    y, shape = np.pad(x, pad_width, mode, **options), np.shape(x)
    if mode == "constant":
        before = np.argwhere(np.pad(np.ones((1,) * len(shape)), pad_width))[0].tolist()
        inside = tuple(slice(i, i + n) for i, n in zip(before, shape, strict=True))
        return y, lambda g: g[inside]
    positions = np.arange(np.size(x)).reshape(shape)
    sources = np.pad(positions, pad_width, mode)  # the position that each element came from
    return y, lambda g: scatter_add(g, sources, (positions.size,)).reshape(shape)


_MODES = "constant", "edge", "reflect", "symmetric", "wrap"


@implements(np.diagonal)
@differentiable
def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonal of matrices, as `numpy.diagonal`.

    ::

        y[i] = x[i, i + offset]
        dL/dx = zeros, with g on the diagonal

    Parameters as `numpy.diagonal`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.diagonal(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 4.]), array([[1., 0.],
           [0., 1.]]))
    """
    x = as_array(x)
    y = x.diagonal(offset, axis1, axis2)
    shape = (*y.shape[:-1], x.shape[axis1], x.shape[axis2])
    i = np.arange(y.shape[-1])
    index = ..., i + max(-offset, 0), i + max(offset, 0)

    def closure(g: Any) -> Any:
        matrices: Any = scatter_add(g, index, shape)
        return np.moveaxis(matrices, (-2, -1), (axis1, axis2))

    return y, closure


@implements(np.trace)
def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of the diagonal of matrices, as `numpy.trace`.

    ::

        y = sum(x[i, i + offset])
        dL/dx = zeros, with g on the diagonal

    Parameters as `numpy.trace`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.trace(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (5.0, array([[1., 0.],
           [0., 1.]]))
    """
    return diagonal(x, offset, axis1, axis2).sum(-1)


@implements(np.linalg.diagonal)
def _diagonal_of_last(x: Operand, *, offset: int = 0) -> Tensor:
    return diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def _trace_of_last(x: Operand, *, offset: int = 0) -> Tensor:
    return trace(x, offset, -2, -1)


@implements(np.diag)
@differentiable
def diag(x: Operand, k: int = 0) -> Any:
    """Diagonal of a matrix, or the matrix that has a vector on its diagonal, as `numpy.diag`.

    ::

        y = diag(x, k)
        dL/dx = diag(g, k)             # of a square matrix

    Parameters as `numpy.diag`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.diag(x)
    >>> (y @ [10.0, 20.0]).sum().backward()
    >>> y.data, x.grad
    (array([[1., 0.],
           [0., 2.]]), array([10., 20.]))
    """
    y, shape = np.diag(x, k), np.shape(x)
    if len(shape) == 1:
        return y, lambda g: np.diagonal(g, k)
    i = np.arange(len(y))
    return y, lambda g: scatter_add(g, (i + max(-k, 0), i + max(k, 0)), shape)


@implements(np.triu)
@differentiable
def triu(x: Operand, k: int = 0) -> Any:
    """Upper triangle of matrices, zeros below it, as `numpy.triu`.

    ::

        y = triu(x, k)                 # x[i, j] where j - i >= k, else 0
        dL/dx = triu(g, k)

    Parameters as `numpy.triu`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.triu(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[1., 2.],
           [0., 4.]])
    """
    return np.triu(x, k), lambda g: np.triu(g, k)


@implements(np.tril)
@differentiable
def tril(x: Operand, k: int = 0) -> Any:
    """Lower triangle of matrices, zeros above it, as `numpy.tril`.

    ::

        y = tril(x, k)                 # x[i, j] where j - i <= k, else 0
        dL/dx = tril(g, k)

    Parameters as `numpy.tril`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.tril(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[1., 0.],
           [3., 4.]])
    """
    return np.tril(x, k), lambda g: np.tril(g, k)


@implements(*(getattr(np, name) for name in ["astype"] if hasattr(np, name)))  # since NumPy 2.1
def astype(x: Operand, dtype: DTypeLike) -> Tensor:
    """Elements converted to another type, as `numpy.ndarray.astype`.

    ::

        y = x
        dL/dx = g, converted back

    Only floating-point numbers have gradients: converted to integers or booleans, the values leave
    the graph. Complex numbers are refused while a gradient is recorded, since they could come back.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    dtype : dtype
        The new type.

    Returns
    -------
    Tensor
        A copy of the new type.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([0.5, 1.5], requires_grad=True)
    >>> y = x.astype("float32")
    >>> y.sum().backward()
    >>> y.dtype, x.grad.dtype
    (dtype('float32'), dtype('float64'))
    >>> x.astype(int).requires_grad
    False
    """
    integer = np.dtype(dtype).kind in "iub"
    return _astype(x.detach() if is_tensor(x) and integer else x, dtype)


@differentiable
@shown_as("astype")
def _astype(x: Operand, dtype: DTypeLike) -> Any:
    return as_array(x).astype(dtype), lambda g: g


@implements(np.copy)
@differentiable
def copy(x: Operand) -> Any:
    """Elements in memory of their own, as `numpy.copy`.

    ::

        y = x
        dy/dx = 1

    Gradients flow through it; ``x.detach()`` is what cuts them.

    Parameters as `numpy.copy`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.copy(x).sum().backward()
    >>> x.grad
    array([1., 1.])
    """
    return np.copy(x), lambda g: g
