"""Shape and order: the same elements under other indices, and their gradients back again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, identity, implements, is_tensor

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor


def as_array(x: Any) -> Any:
    """What has the attributes of an array: Tensors and arrays as they are, lists converted."""
    return x if hasattr(x, "shape") else np.asarray(x)


def named(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Call an operation after the public function above it, in messages and pictures."""

    def rename(body: Callable[..., Any]) -> Callable[..., Any]:
        body.__name__ = name
        return body

    return rename


@implements(np.reshape)
@differentiable
def reshape(x: Operand, shape: Any) -> Any:
    """Elements in another shape, in row-major (C) order, as `numpy.reshape`.

    ::

        y = reshape(x, shape)
        dL/dx = reshape(g, x.shape)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    shape : int or tuple of int
        The new shape, for the same number of elements; one length may be -1, for what remains.

    Returns
    -------
    Tensor
        Of the new shape.

    Raises
    ------
    ValueError
        If the new shape is not for as many elements.

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.

    Returns
    -------
    Tensor
        Of one axis.

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        The axes to remove; all those of length 1 by default.

    Returns
    -------
    Tensor
        Of fewer axes.

    Raises
    ------
    ValueError
        If an axis to remove is longer than 1.

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int or tuple of int
        Where the new axes are in the result.

    Returns
    -------
    Tensor
        Of more axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.expand_dims(tg.Tensor([1.0, 2.0]), axis=0).shape
    (1, 2)
    """
    before = np.shape(x)
    return np.expand_dims(x, axis), lambda g: g.reshape(before)


@implements(np.transpose)
@differentiable
def transpose(x: Operand, axes: Any = None) -> Any:
    """Axes in another order, as `numpy.transpose`; ``x.T`` for the reverse order.

    ::

        y = transpose(x, axes)
        dL/dx = transpose(g, argsort(axes))

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axes : tuple of int, optional
        For every axis of the result the axis of x; by default in reverse.

    Returns
    -------
    Tensor
        Of the shape so rearranged.

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis1, axis2 : int
        The axes to exchange.

    Returns
    -------
    Tensor
        Of the shape so rearranged.

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

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., m, n).

    Returns
    -------
    Tensor
        Of shape (..., n, m).

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    source, destination : int or sequence of int
        From where to where.

    Returns
    -------
    Tensor
        Of the shape so rearranged.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.moveaxis(tg.Tensor([[[1.0, 2.0, 3.0]]]), -1, 0).shape
    (3, 1, 1)
    """
    return np.moveaxis(x, source, destination), lambda g: np.moveaxis(g, destination, source)


@implements(np.broadcast_to)
@differentiable
def broadcast_to(x: Operand, shape: Any) -> Any:
    """Elements repeated along axes that are missing or of length 1, as `numpy.broadcast_to`.

    ::

        y = broadcast_to(x, shape)
        dL/dx = sum(g) over the axes that were repeated

    Parameters
    ----------
    x : Tensor or array_like
        Any shape that broadcasts to the new one.
    shape : int or tuple of int
        The new shape.

    Returns
    -------
    Tensor
        Of the new shape.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.broadcast_to(x, (3, 2)).sum().backward()
    >>> x.grad
    array([3., 3.])
    """
    return np.broadcast_to(x, shape), identity


@implements(np.atleast_1d)
def atleast_1d(*arrays: Operand) -> Any:
    """Operands with one axis or more, as `numpy.atleast_1d`.

    ::

        y = reshape(x, 1) if x is 0-d, else x
        dL/dx = reshape(g, x.shape)

    Parameters
    ----------
    *arrays : Tensor or array_like
        Any shapes.

    Returns
    -------
    Tensor, or tuple of Tensor if there are several operands
        A number becomes a Tensor of one element; the rest is as it was.

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

    Parameters
    ----------
    *arrays : Tensor or array_like
        Any shapes.

    Returns
    -------
    Tensor, or tuple of Tensor if there are several operands
        What has fewer axes becomes a single row; the rest is as it was.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.atleast_2d(tg.Tensor([1.0, 2.0])).shape
    (1, 2)
    """
    shaped = tuple(x if x.ndim > 1 else reshape(x, (1, x.size)) for x in map(as_array, arrays))
    return shaped if len(shaped) != 1 else shaped[0]


@implements(np.flip)
@differentiable
def flip(x: Operand, axis: Axis = None) -> Any:
    """Elements in reverse order along axes, as `numpy.flip`.

    ::

        y = flip(x, axis)
        dL/dx = flip(g, axis)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        The axes to reverse; all by default.

    Returns
    -------
    Tensor
        Of the shape of x.

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

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or more.

    Returns
    -------
    Tensor
        Of the shape of x.

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

    Parameters
    ----------
    x : Tensor or array_like
        Of one axis or more.

    Returns
    -------
    Tensor
        Of the shape of x.

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

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    shift : int or tuple of int
        How far.
    axis : int, tuple of int or None, optional
        Along which axes; by default along the elements in a row.

    Returns
    -------
    Tensor
        Of the shape of x.

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

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or more.
    k : int, optional
        How many right angles.
    axes : tuple of two int, optional
        The plane, from the first axis towards the second.

    Returns
    -------
    Tensor
        Of the shape of x, or with the two axes exchanged.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.rot90(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[2., 4.],
           [1., 3.]])
    """
    return np.rot90(x, k, axes), lambda g: np.rot90(g, -k, axes)


@implements(*(getattr(np, name) for name in ["astype"] if hasattr(np, name)))  # since NumPy 2.1
def astype(x: Operand, dtype: DTypeLike) -> Tensor:
    """Elements converted to another type, as `numpy.ndarray.astype`.

    ::

        y = x
        dL/dx = g, converted back

    Only floating-point numbers have gradients: converted to another type, the values leave the
    graph, and no gradient comes back.

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
    floating = np.dtype(dtype).kind == "f"
    return _astype(x.detach() if is_tensor(x) and not floating else x, dtype)


@differentiable
@named("astype")
def _astype(x: Operand, dtype: DTypeLike) -> Any:
    return as_array(x).astype(dtype), identity


@implements(np.copy)
@differentiable
def copy(x: Operand) -> Any:
    """Elements in memory of their own, as `numpy.copy`.

    ::

        y = x
        dy/dx = 1

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.

    Returns
    -------
    Tensor
        Of the shape of x. Gradients flow through it; ``x.detach()`` is what cuts them.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.copy(x).sum().backward()
    >>> x.grad
    array([1., 1.])
    """
    return np.copy(x), identity
