"""Shape: the same elements under other indices, and their gradients back again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, as_array, implements, is_tensor, shown_as

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "astype",
    "atleast_1d",
    "atleast_2d",
    "broadcast_to",
    "copy",
    "expand_dims",
    "ravel",
    "reshape",
    "squeeze",
]


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
    return np.broadcast_to(x, shape), lambda g: g


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
    return np.copy(x), lambda g: g
