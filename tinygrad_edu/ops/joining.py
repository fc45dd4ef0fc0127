"""Joining arrays, and splitting them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.errors import advised
from tinygrad_edu.ops._common import Operand, as_array, implements, shown_as
from tinygrad_edu.ops.indexing import index_on_axis
from tinygrad_edu.ops.shape import atleast_1d, atleast_2d

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["array_split", "column_stack", "concatenate", "hstack", "split", "stack", "vstack"]


@implements(np.concatenate)
@advised
def concatenate(arrays: Sequence[Operand], axis: int | None = 0) -> Tensor:
    """Operands one after the other along an axis, as `numpy.concatenate`.

    ::

        y = concatenate([x1, x2, ...], axis)
        dL/dx1 = the part of g where x1 is

    Parameters as `numpy.concatenate`.

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
@shown_as("concatenate")
def _concatenate(*arrays: Operand, axis: int | None) -> Any:
    y = np.concatenate(arrays, axis)
    shapes = [as_array(x).shape for x in arrays]
    lengths = [math.prod(shape) if axis is None else shape[axis] for shape in shapes]
    along, closures, end = (0 if axis is None else axis % y.ndim), [], 0
    for shape, n in zip(shapes, lengths, strict=True):
        start, end = end, end + n
        closures.append(_part(index_on_axis(slice(start, end), along), shape))
    return y, *closures


def _part(index: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda g: g[index].reshape(shape)


@implements(np.stack)
@advised
def stack(arrays: Sequence[Operand], axis: int = 0) -> Tensor:
    """Operands side by side along a new axis, as `numpy.stack`.

    ::

        y = stack([x1, x2, ...], axis)
        dL/dx1 = take(g, 0, axis)

    Parameters as `numpy.stack`.

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
@shown_as("stack")
def _stack(*arrays: Operand, axis: int) -> Any:
    y = np.stack(arrays, axis)
    shape = np.shape(arrays[0])
    return y, *(_part(index_on_axis(i, axis % y.ndim), shape) for i in range(len(arrays)))


@implements(np.hstack)
def hstack(arrays: Sequence[Operand]) -> Tensor:
    """Operands from left to right: joined along the second axis, as `numpy.hstack`.

    ::

        y = concatenate(arrays, axis=1), or axis=0 if they have one axis only
        dL/dx1 = the part of g where x1 is

    Parameters as `numpy.hstack`.

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

    Parameters as `numpy.vstack`.

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

    Parameters as `numpy.column_stack`.

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
@advised
def split(x: Operand, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts of equal length along an axis, or parts between given positions, as `numpy.split`.

    ::

        y1, y2, ... = x[:i], x[i:j], ...
        dL/dx = the gradients of the parts, joined again

    A length that is no multiple of the number of parts raises ValueError; `array_split` takes any.

    Parameters as `numpy.split`.

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
@advised
def array_split(x: Operand, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts of about equal length along an axis, or between positions, as `numpy.array_split`.

    ::

        y1, y2, ... = x[:i], x[i:j], ...
        dL/dx = the gradients of the parts, joined again

    Parameters as `numpy.array_split`.

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
    return [x[index_on_axis(part, axis % x.ndim)] for part in slices]
