"""Order: the same elements in other places along their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Axis, Operand, implements, values
from tinygrad_edu.ops.indexing import taken_along_axis

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["flip", "fliplr", "flipud", "roll", "rot90", "sort"]


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


@implements(np.sort)
@differentiable
def sort(x: Operand, axis: int | None = -1, kind: Any = "stable") -> Any:
    """Elements in ascending order, as `numpy.sort`.

    ::

        y = take_along_axis(x, argsort(x, axis), axis)
        dL/dx = g, every element at the place that its value came from

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int or None, optional
        The axis along which to sort, the last by default; None for the elements in a row.
    kind : str, optional
        The algorithm. "stable" keeps the order of elements that tie.

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([3.0, 1.0, 2.0], requires_grad=True)
    >>> y = tg.sort(x)
    >>> (y * [10.0, 20.0, 30.0]).sum().backward()
    >>> y.data, x.grad
    (array([1., 2., 3.]), array([30., 10., 20.]))
    """
    order = np.argsort(values(x), axis, kind)
    return taken_along_axis(x, order, axis)
