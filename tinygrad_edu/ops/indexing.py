"""Indexing: elements chosen by position, and gradients put back where they came from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as windows
from numpy.typing import DTypeLike, NDArray

from tinygrad_edu import quick
from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements, is_tensor, values
from tinygrad_edu.quick import as_a_whole

__all__ = [
    "compress",
    "embedding",
    "extract",
    "getitem",
    "partition",
    "scatter_add",
    "sliding_window_view",
    "sort",
    "take",
    "take_along_axis",
]


@differentiable
def getitem(x: Operand, index: Any) -> Any:
    """Elements at an index, ``x[index]``: any index that NumPy knows.

    ::

        y = x[index]
        dL/dx = scatter_add(g, index, x.shape)  # zeros, with g added at the index

    An element that is chosen twice gets the sum of both gradients.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    index : int, slice, None, Ellipsis, array_like of int or bool, Tensor, or a tuple of these
        As for a NumPy array.

    Returns
    -------
    Tensor
        Of the shape that NumPy gives.

    Raises
    ------
    IndexError
        If the index does not fit.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = x[[0, 0, 1]]
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 1., 2.]), array([2., 1., 0.]))
    """
    x, index = as_array(x), values(index)
    shape = x.shape
    return x[index], lambda g: scatter_add(g, index, shape)


@differentiable
def scatter_add(x: Operand, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with values added at an index: what goes back through `getitem`.

    ::

        y = scatter_add(x, index, shape)  # zeros, with x added at the index
        dL/dx = g[index]

    Parameters
    ----------
    x : Tensor or array_like
        The values, in the shape of ``y[index]``.
    index : index
        As for `getitem`.
    shape : tuple of int
        The shape of the result.

    Returns
    -------
    Tensor
        Of that shape, and of the dtype of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.scatter_add([1.0, 2.0, 3.0], [0, 0, 1], (4,))
    array([3., 3., 0., 0.])
    """
    x, index = as_array(x), values(index)
    # Of Tensors the sum is an operation again, so that it is recorded.
    y = scatter_add(x, index, shape) if is_tensor(x) else scattered(x, index, shape)
    return y, lambda g: g[index]


@as_a_whole
def scattered(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with values added at an index, of arrays."""
    y = np.zeros(shape, x.dtype)
    parts = index if type(index) is tuple else (index,)
    if any(map(_may_repeat, parts)):
        rows = np.asarray(parts[0])
        are_rows = len(parts) == 1 and rows.dtype.kind in "iu"
        if are_rows and x.shape == (*rows.shape, *y.shape[1:]):
            quick.add_at_rows(y, rows, x)
        else:
            np.add.at(y, index, x)
    else:
        y[index] = x
    return y


def _may_repeat(part: Any) -> bool:
    """Whether this part of an index can name an element twice: only a list of positions can."""
    if part is None or part is Ellipsis or isinstance(part, slice | int):
        return False
    positions = np.asarray(part)
    return positions.ndim > 0 and positions.dtype.kind != "b"


@implements(np.take)
@differentiable
def take(x: Operand, indices: Any, axis: int | None = None) -> Any:
    """Elements at positions along an axis, as `numpy.take`.

    ::

        y = x[..., indices, ...]
        dL/dx = zeros, with g added at the indices

    Parameters as `numpy.take`, without ``mode``: a position out of range raises IndexError.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> words = tg.Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    >>> y = tg.take(words, [2, 0, 2], axis=0)
    >>> y.sum().backward()
    >>> y.data, words.grad
    (array([[5., 6.],
           [1., 2.],
           [5., 6.]]), array([[1., 1.],
           [0., 0.],
           [2., 2.]]))
    """
    return _taken(x, indices, axis)


def _taken(x: Any, indices: Any, axis: int | None) -> tuple[Any, ...]:
    x, indices = as_array(x), as_array(values(indices))
    shape = x.shape
    if axis is None or not shape:
        flat, index = (x.size,), (indices,)
    else:
        flat, index = shape, index_on_axis(indices, axis % len(shape))
    return x.take(indices, axis), lambda g: scatter_add(g, index, flat).reshape(shape)


def index_on_axis(index: Any, axis: int) -> tuple[Any, ...]:
    """The index that applies ``index`` to one axis, and takes all of the others."""
    return (*(slice(None),) * axis, index)


@differentiable
def embedding(indices: Any, W: Operand, padding_idx: int | None = None) -> Any:
    """Rows of a table, one for each index: a vector for every word or letter.

    ::

        y = W[indices]
        dL/dW = scatter_add(g, indices, W.shape)  # zeros, with g added at the indices

    A row that is taken twice gets the sum of both gradients; no matrix of zeros and ones is made.

    Parameters
    ----------
    indices : Tensor or array_like of int
        Any shape; from 0 to n - 1.
    W : Tensor or array_like
        The table, of shape (n, k).
    padding_idx : int or None, optional
        A row that gets no gradient: that of the sign with which short texts are filled up.

    Returns
    -------
    Tensor
        Of the shape of the indices, and a last axis of length k.

    Raises
    ------
    TypeError
        If the indices are not whole numbers.
    ValueError
        If W has not two axes.
    IndexError
        If an index is negative, or W has no such row.

    References
    ----------
    Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model", JMLR 3, 2003.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> W = tg.Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    >>> y = tg.embedding([2, 0, 2], W)
    >>> y.sum().backward()
    >>> y.data, W.grad
    (array([[5., 6.],
           [1., 2.],
           [5., 6.]]), array([[1., 1.],
           [0., 0.],
           [2., 2.]]))
    """
    W, indices = as_array(W), as_array(values(indices))
    shape = W.shape
    if len(shape) != 2:
        raise ValueError(f"embedding takes a table W of shape (n, k); got {shape}")
    if indices.dtype.kind not in "iu" and indices.size:
        raise TypeError(
            f"the indices of an embedding are whole numbers; got {indices.dtype}. Write "
            "indices.astype(int)"
        )
    rows = _indices_of_rows(indices, len(W))
    if padding_idx is None:
        return picked(values(W), rows), None, lambda g: scatter_add(g, rows, shape)
    learns = np.not_equal(rows, require_row(padding_idx, len(W)))[..., None]
    return (
        picked(values(W), rows),
        None,
        lambda g: scatter_add(np.where(learns, g, 0), rows, shape),
    )


def require_row(padding_idx: int, n: int) -> int:
    """The row of n that gets no gradient; a negative one is counted from the end."""
    if padding_idx not in range(-n, n):
        raise ValueError(f"padding_idx must be a row of {n}, or None; got {padding_idx!r}")
    return int(padding_idx) % n


@as_a_whole
def picked(table: Any, indices: Any) -> Any:
    """Rows of a table. Unlike `numpy.take`, it is recorded for the sake of the indices, too."""
    return table.take(indices, axis=0)


@as_a_whole
def _indices_of_rows(indices: Any, n: int) -> Any:
    """The indices, if each of them is that of a row."""
    if indices.size and not 0 <= indices.min() <= indices.max() < n:
        wrong = indices[(indices < 0) | (indices >= n)]
        raise IndexError(
            f"an embedding of {n} rows takes indices from 0 to {n - 1}; got {wrong[0]}"
        )
    return indices.astype(np.intp, copy=False)


def one_hot(labels: Any, classes: int, dtype: DTypeLike = float) -> NDArray[Any]:
    """Rows that are 1 at the label and 0 elsewhere, a row for every label.

    A plain array, since labels are whole numbers and have no gradient.

    Parameters
    ----------
    labels : Tensor or array_like of int
        Class indices, of any shape.
    classes : int
        The number of classes, the length of every row.
    dtype : dtype, optional
        The type of the result.

    Returns
    -------
    ndarray
        Of the shape of the labels, and a last axis of that length.

    Raises
    ------
    TypeError
        If the labels are not whole numbers.
    ValueError
        If a label is negative, or there are not as many classes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    indices = np.asarray(values(labels))
    if indices.dtype.kind not in "iu":
        raise TypeError(f"labels are whole numbers; got {indices.dtype}")
    if indices.size and not 0 <= indices.min() <= indices.max() < classes:
        raise ValueError(
            f"labels of {classes} classes are from 0 to {classes - 1}; "
            f"got labels from {indices.min()} to {indices.max()}"
        )
    rows: NDArray[Any] = quick.one_hot(indices, classes, np.dtype(dtype))
    return rows


@implements(np.take_along_axis)
@differentiable
def take_along_axis(x: Operand, indices: Any, axis: int | None = -1) -> Any:
    """Elements at positions of their own for every row, as `numpy.take_along_axis`.

    ::

        y[i, j] = x[i, indices[i, j]]
        dL/dx = zeros, with g added at the indices

    Parameters as `numpy.take_along_axis`.

    Examples
    --------
    The probability that a model gives to the right class of every sample:

    >>> import tinygrad_edu as tg
    >>> p = tg.Tensor([[0.9, 0.1], [0.4, 0.6]], requires_grad=True)
    >>> y = tg.take_along_axis(p, [[0], [1]], axis=1)
    >>> y.sum().backward()
    >>> y.data, p.grad
    (array([[0.9],
           [0.6]]), array([[1., 0.],
           [0., 1.]]))
    """
    return _taken_along_axis(x, as_array(values(indices)), axis)


def _taken_along_axis(x: Any, indices: Any, axis: int | None) -> tuple[Any, ...]:
    x = as_array(x)
    shape = x.shape
    flat = shape if axis is not None else (x.size,)
    return (
        np.take_along_axis(x, indices, axis),
        lambda g: scatter_add(g, _index_along_axis(indices, axis or 0, flat), flat).reshape(shape),
    )


def _index_along_axis(indices: Any, axis: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index for which ``x[index]`` is ``take_along_axis(x, indices, axis)``."""
    index = list(np.ogrid[tuple(slice(n) for n in shape)])  # on the other axes every element's own
    index[axis] = indices
    return tuple(index)


@implements(np.sort)
@differentiable
def sort(x: Operand, axis: int | None = -1, kind: Any = "stable") -> Any:
    """Elements in ascending order, as `numpy.sort`.

    ::

        y = take_along_axis(x, argsort(x, axis), axis)
        dL/dx = g, every element at the place that its value came from

    Parameters as `numpy.sort`, without ``stable``; ``kind`` is "stable" by default, which keeps the
    order of elements that tie.

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
    return _taken_along_axis(x, order, axis)


@implements(np.partition)
@differentiable
def partition(x: Operand, kth: Any, axis: int | None = -1) -> Any:
    """Elements with the k-th in its sorted place, smaller ones before it, as `numpy.partition`.

    ::

        y = sort(x, axis)
        dL/dx = g, every element at the place that its value came from

    NumPy leaves open in which order the others come; here they are sorted, too.

    Parameters as `numpy.partition`, without ``kind``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([3.0, 1.0, 2.0], requires_grad=True)
    >>> smallest = tg.partition(x, 0)[0]
    >>> smallest.backward()
    >>> smallest.item(), x.grad
    (1.0, array([0., 1., 0.]))
    """
    x = as_array(x)
    np.partition(np.arange(x.size if axis is None else x.shape[axis]), kth)  # is there a k-th?
    return _taken_along_axis(x, np.argsort(values(x), axis, "stable"), axis)


@implements(np.lib.stride_tricks.sliding_window_view)
@differentiable
def sliding_window_view(x: Operand, window_shape: Any, axis: Any = None) -> Any:
    """All windows of a shape, as `numpy.lib.stride_tricks.sliding_window_view`.

    ::

        y[i, j] = x[i + j], for the element j of the window that begins at i
        dL/dx = zeros, with g added where each element was copied from

    Sums over windows are convolutions, and their maxima are pooling.

    Parameters as `numpy.lib.stride_tricks.sliding_window_view`, without ``writeable``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 5.0, 2.0, 4.0], requires_grad=True)
    >>> y = tg.sliding_window_view(x, 2).max(axis=-1)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([5., 5., 4.]), array([0., 2., 0., 1.]))
    """
    x = as_array(x)
    shape, size = x.shape, x.size
    sources = windows(np.arange(size).reshape(shape), window_shape, axis)
    return (
        windows(x, window_shape, axis),
        lambda g: scatter_add(g, sources, (size,)).reshape(shape),
    )


@implements(np.compress)
@differentiable
def compress(condition: Any, x: Operand, axis: int | None = None) -> Any:
    """Slices along an axis for which a condition holds, as `numpy.compress`.

    ::

        y = take(x, flatnonzero(condition), axis)
        dL/dx = zeros, with g at what was taken

    Parameters as `numpy.compress`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.compress([False, True], x, axis=0)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[3., 4.]]), array([[0., 0.],
           [1., 1.]]))
    """
    return _chosen(condition, x, axis)


@implements(np.extract)
@differentiable
def extract(condition: Any, x: Operand) -> Any:
    """Elements for which a condition holds, in a row, as `numpy.extract`.

    ::

        y = x[condition]
        dL/dx = zeros, with g at what was chosen

    Parameters as `numpy.extract`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, -2.0, 3.0], requires_grad=True)
    >>> tg.extract(x > 0, x).sum().backward()
    >>> x.grad
    array([1., 0., 1.])
    """
    return _chosen(condition, x, None)


def _chosen(condition: Any, x: Any, axis: int | None) -> tuple[Any, ...]:
    y, closure = _taken(x, np.flatnonzero(values(condition)), axis)
    return y, None, closure
