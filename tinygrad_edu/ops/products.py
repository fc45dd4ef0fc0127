"""Products of vectors and matrices: sums of products, whose gradients are products again."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements
from tinygrad_edu.ops.tensor_products import contracted
from tinygrad_edu.quick import add_row, product


@implements(np.matmul, np.linalg.matmul)
@differentiable
def matmul(a: Operand, b: Operand) -> Any:
    """Matrix product, ``a @ b``.

    ::

        y = a @ b
        dL/da = g @ b.mT
        dL/db = a.mT @ g

    Parameters
    ----------
    a, b : Tensor or array_like
        Matrices of shapes (..., m, n) and (..., n, k), broadcast over the leading axes. With one
        axis a is a row, b a column.

    Returns
    -------
    Tensor
        Of shape (..., m, k), without the axis of a row or a column.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> A = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> x = tg.Tensor([1.0, -1.0], requires_grad=True)
    >>> y = A @ x
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([-1., -1.]), array([4., 6.]))
    """
    a, b = as_array(a), as_array(b)
    if a.ndim == 1 or b.ndim == 1:
        return _product_with_vector(a, b)
    return product(a, b), lambda g: product(g, b.mT), lambda g: product(a.mT, g)


def _product_with_vector(a: Any, b: Any) -> tuple[Any, ...]:
    y = np.matmul(a, b)
    if a.ndim == b.ndim == 1:
        return y, lambda g: g * b, lambda g: g * a
    if a.ndim == 1:  # a row
        return (
            y,
            lambda g: np.matmul(g[..., None, :], b.mT),
            lambda g: np.matmul(a[:, None], g[..., None, :]),
        )
    return (  # b is a column
        y,
        lambda g: np.matmul(g[..., None], b[None, :]),
        lambda g: np.matmul(a.mT, g[..., None])[..., 0],
    )


@differentiable
def linear(x: Operand, W: Operand, b: Operand = None) -> Any:
    """Linear layer, ``x @ W + b``, in one node.

    ::

        y = x @ W + b
        dL/dx = g @ W.T
        dL/dW = x.T @ g
        dL/db = sum(g) over all axes but the last

    Parameters
    ----------
    x : Tensor or array_like
        Samples of shape (..., n).
    W : Tensor or array_like
        Weights of shape (n, k).
    b : Tensor, array_like or None, optional
        Bias of shape (k,); none by default.

    Returns
    -------
    Tensor
        Of shape (..., k).

    Raises
    ------
    ValueError
        If W has not two axes, or the shapes do not fit.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> W = tg.Tensor([[1.0, 0.0], [0.0, 2.0]], requires_grad=True)
    >>> b = tg.Tensor([0.5, 0.5], requires_grad=True)
    >>> y = tg.linear([[1.0, 2.0], [3.0, 4.0]], W, b)
    >>> y.sum().backward()
    >>> y.data, W.grad, b.grad
    (array([[1.5, 4.5],
           [3.5, 8.5]]), array([[4., 4.],
           [6., 6.]]), array([2., 2.]))
    """
    x, W = as_array(x), as_array(W)
    if x.ndim == 0 or W.ndim != 2:
        raise ValueError(
            f"linear takes x of shape (..., n) and W of (n, k); got {x.shape} and {W.shape}"
        )
    samples = list(range(x.ndim - 1))
    return (
        product(x, W) if b is None else _with_bias(product(x, W), b),
        lambda g: product(g, W.T),
        lambda g: product(x.T, g) if x.ndim == 2 else np.tensordot(x, g, (samples, samples)),
        lambda g: g,
    )


def _with_bias(y: Any, b: Any) -> Any:
    sum = add_row(y, as_array(b))
    if sum.shape != y.shape:
        raise ValueError(f"a bias of shape {np.shape(b)} does not fit x @ W of {y.shape}")
    return sum


@implements(np.dot)
@differentiable
def dot(a: Operand, b: Operand) -> Any:
    """Sum product over the last axis of a and the last but one of b, as `numpy.dot`.

    ::

        y = a @ b                      # for two axes or one
        dL/da = g @ b.mT
        dL/db = a.mT @ g

    With more axes, every matrix of a meets every matrix of b, where ``a @ b`` pairs them.

    Parameters
    ----------
    a, b : Tensor or array_like
        Of shapes (..., n) and (..., n, k), or (n,); a number multiplies.

    Returns
    -------
    Tensor
        Of the axes of a and then b, without those summed over.

    Raises
    ------
    ValueError
        If the lengths of the axes summed over differ.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.dot(a, [3.0, 4.0])
    >>> y.backward()
    >>> y.item(), a.grad
    (11.0, array([3., 4.]))
    """
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return np.dot(a, b), lambda g: g * b, lambda g: g * a
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul.body(a, b)  # type: ignore[attr-defined]
    of_a, of_b = [a.ndim - 1], [max(b.ndim - 2, 0)]
    return np.tensordot(a, b, (of_a, of_b)), *contracted(a, b, of_a, of_b)


@implements(np.inner)
@differentiable
def inner(a: Operand, b: Operand) -> Any:
    """Sum product over the last axis of both operands, as `numpy.inner`.

    ::

        y = a @ b.T                    # for two axes
        dL/da = g @ b
        dL/db = g.T @ a

    Parameters
    ----------
    a, b : Tensor or array_like
        With last axes of one length; a number multiplies.

    Returns
    -------
    Tensor
        Of the axes of a and then b, without the last ones.

    Raises
    ------
    ValueError
        If the lengths of the last axes differ.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.inner(a, [3.0, 4.0])
    >>> y.backward()
    >>> y.item(), a.grad
    (11.0, array([3., 4.]))
    """
    a, b = as_array(a), as_array(b)
    y = np.inner(a, b)
    if a.ndim == 0 or b.ndim == 0 or a.ndim == b.ndim == 1:
        return y, lambda g: g * b, lambda g: g * a
    return y, *contracted(a, b, [a.ndim - 1], [b.ndim - 1])


@implements(np.vdot)
@differentiable
def vdot(a: Operand, b: Operand) -> Any:
    """Sum product of all elements, as `numpy.vdot`.

    ::

        y = sum(ravel(a) * ravel(b))
        dL/da = g * reshape(b, a.shape)
        dL/db = g * reshape(a, b.shape)

    Parameters
    ----------
    a, b : Tensor or array_like
        With equally many elements.

    Returns
    -------
    Tensor
        A single number.

    Raises
    ------
    ValueError
        If the numbers of elements differ.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([[1.0, 2.0]], requires_grad=True)
    >>> y = tg.vdot(a, [[3.0], [4.0]])
    >>> y.backward()
    >>> y.item(), a.grad
    (11.0, array([[3., 4.]]))
    """
    a, b = as_array(a), as_array(b)
    return (
        np.vdot(a, b),
        lambda g: g * b.reshape(a.shape),
        lambda g: g * a.reshape(b.shape),
    )


@implements(np.vecdot, np.linalg.vecdot)
@differentiable
def vecdot(a: Operand, b: Operand, axis: int = -1) -> Any:
    """Sum product of vectors along one axis, as `numpy.vecdot`.

    ::

        y = sum(a * b, axis)
        dL/da = expand_dims(g, axis) * b
        dL/db = expand_dims(g, axis) * a

    Parameters
    ----------
    a, b : Tensor or array_like
        Broadcast against each other.
    axis : int, optional
        The axis of the vectors; the last by default.

    Returns
    -------
    Tensor
        Of the broadcast shape, without the axis.

    Raises
    ------
    ValueError
        If the vectors differ in length, or the axis is counted from the start where the operands
        have not equally many.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.vecdot(a, [1.0, -1.0])
    >>> y.sum().backward()
    >>> y.data, a.grad
    (array([-1., -1.]), array([[ 1., -1.],
           [ 1., -1.]]))
    """
    if axis >= 0 and np.ndim(a) != np.ndim(b):
        raise ValueError(f"count the axis from the end, where axes differ; got axis={axis}")
    return (
        np.vecdot(a, b, axis=axis),  # type: ignore[call-overload]  # NumPy's stubs forget it
        lambda g: np.expand_dims(g, axis) * b,
        lambda g: np.expand_dims(g, axis) * a,
    )
