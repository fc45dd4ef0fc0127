"""Joining arrays, and splitting them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements, shown_as
from tinygrad_edu.ops.indexing import index_on_axis
from tinygrad_edu.ops.shape import atleast_1d, atleast_2d, atleast_3d, reshape
from tinygrad_edu.trees import leaves

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "append",
    "array_split",
    "block",
    "column_stack",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "split",
    "stack",
    "vsplit",
    "vstack",
]


@implements(np.concatenate)
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


@implements(np.dstack)
def dstack(arrays: Sequence[Operand]) -> Tensor:
    """Operands one behind the other: joined along the third axis, as `numpy.dstack`.

    ::

        y = concatenate(arrays, axis=2), where one axis makes a row of columns
        dL/dx1 = the part of g where x1 is

    Parameters as `numpy.dstack`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.dstack([tg.Tensor([1.0, 2.0]), [3.0, 4.0]]).data
    array([[[1., 3.],
            [2., 4.]]])
    """
    return concatenate([atleast_3d(x) for x in arrays], axis=2)


@implements(np.append)
def append(x: Operand, more: Operand, axis: int | None = None) -> Tensor:
    """An operand with another one at its end, as `numpy.append`.

    ::

        y = concatenate([x, more], axis)
        dL/dx = the part of g where x is
        dL/dmore = the part of g where more is

    Parameters as `numpy.append`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.append(x, 3.0)
    >>> (y * [10.0, 20.0, 30.0]).sum().backward()
    >>> y.data, x.grad
    (array([1., 2., 3.]), array([10., 20.]))
    """
    return concatenate([x, more], axis)


@implements(np.block)
def block(arrays: Any) -> Tensor:
    """An array put together from blocks in nested lists, as `numpy.block`.

    ::

        y = [[A, B], [C, D]], as one matrix
        dL/dA = the part of g where A is

    Parameters as `numpy.block`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> A = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.block([[A, np.ones((2, 1))], [np.zeros((1, 2)), 1.0]])
    >>> y.sum().backward()
    >>> y.data, A.grad
    (array([[1., 2., 1.],
           [3., 4., 1.],
           [0., 0., 1.]]), array([[1., 1.],
           [1., 1.]]))
    """
    depth = _depth(arrays)
    ndim = max(depth, *(np.ndim(x) for x in leaves(arrays)))

    y: Tensor = _joined(arrays, -depth, ndim)
    return y


def _joined(part: Any, axis: int, ndim: int) -> Any:
    """A list of blocks joined along an axis, counted from the end; or a single block."""
    if isinstance(part, list):
        return concatenate([_joined(x, axis + 1, ndim) for x in part], axis)
    x = as_array(part)
    return reshape(x, (*(1,) * (ndim - x.ndim), *x.shape))


def _depth(arrays: Any) -> int:
    """How deep the lists are nested: equally everywhere."""
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(x) for x in arrays}
    if len(depths) != 1:
        raise ValueError(f"block takes lists of one depth, and none empty; got depths {depths}")
    return depths.pop() + 1


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


@implements(np.hsplit)
def hsplit(x: Operand, indices_or_sections: Any) -> list[Tensor]:
    """Parts from left to right: split along the second axis, as `numpy.hsplit`.

    ::

        y1, y2, ... = split(x, indices_or_sections, axis=1), or axis=0 if x has one axis only
        dL/dx = the gradients of the parts, joined again

    Parameters as `numpy.hsplit`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> left, right = tg.hsplit(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), 2)
    >>> right.data
    array([[2.],
           [4.]])
    """
    return _split_on(1 if np.ndim(x) > 1 else 0, x, indices_or_sections)


@implements(np.vsplit)
def vsplit(x: Operand, indices_or_sections: Any) -> list[Tensor]:
    """Parts from top to bottom: split along the first of two axes or more, as `numpy.vsplit`.

    ::

        y1, y2, ... = split(x, indices_or_sections, axis=0)
        dL/dx = the gradients of the parts, joined again

    Parameters as `numpy.vsplit`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> upper, lower = tg.vsplit(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), 2)
    >>> lower.data
    array([[3., 4.]])
    """
    return _split_on(0, x, indices_or_sections, least=2)


@implements(np.dsplit)
def dsplit(x: Operand, indices_or_sections: Any) -> list[Tensor]:
    """Parts one behind the other: split along the third axis, as `numpy.dsplit`.

    ::

        y1, y2, ... = split(x, indices_or_sections, axis=2)
        dL/dx = the gradients of the parts, joined again

    Parameters as `numpy.dsplit`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> front, back = tg.dsplit(tg.Tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2)
    >>> back.data
    array([[[2.],
            [4.]]])
    """
    return _split_on(2, x, indices_or_sections, least=3)


def _split_on(axis: int, x: Any, indices_or_sections: Any, least: int = 1) -> list[Tensor]:
    if np.ndim(x) < least:
        raise ValueError(f"split along axis {axis} of {least} or more; got shape {np.shape(x)}")
    return split(x, indices_or_sections, axis)


def _parts(cut: Callable[..., Any], x: Any, indices_or_sections: Any, axis: int) -> list[Tensor]:
    x = as_array(x)
    positions = cut(np.arange(x.shape[axis]), indices_or_sections)  # NumPy knows where to cut
    slices = [slice(p[0], p[-1] + 1) if len(p) else slice(0) for p in positions]
    return [x[index_on_axis(part, axis % x.ndim)] for part in slices]
