"""Linear algebra: inverses, determinants and linear systems."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements, is_tensor, named, values


@implements(np.linalg.inv)
@differentiable
def inv(x: Operand) -> Any:
    """Inverse of matrices, as `numpy.linalg.inv`.

    ::

        y = inv(x)
        dL/dx = -(y.mT @ g @ y.mT)

    To multiply by an inverse, `solve` is faster and more exact.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., n, n).

    Returns
    -------
    Tensor
        Of the shape of x.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular, or not square.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[2.0, 0.0], [0.0, 4.0]], requires_grad=True)
    >>> y = tg.inv(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[0.5 , 0.  ],
           [0.  , 0.25]]), array([[-0.25  , -0.125 ],
           [-0.125 , -0.0625]]))
    """
    y = np.linalg.inv(x)
    return y, lambda g: -(y.mT @ g @ y.mT)


@implements(np.linalg.det)
@differentiable
def det(x: Operand) -> Any:
    """Determinant of matrices, as `numpy.linalg.det`.

    ::

        y = det(x)
        dL/dx = g * cofactors(x)       # det(x) * inv(x).mT, of a regular matrix

    Right for singular matrices too: the cofactors come from the singular values, and nothing is
    divided. In ``backward(create_graph=True)`` they are computed as what they are, determinants
    of minors: right to any order, and meant for small matrices.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., n, n).

    Returns
    -------
    Tensor
        Of shape (...).

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrices are not square.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    >>> y = tg.det(x)
    >>> y.backward()
    >>> y.item(), x.grad.round(4)
    (0.0, array([[ 4., -2.],
           [-2.,  1.]]))
    """
    x = as_array(x)
    return np.linalg.det(x), lambda g: g[..., None, None] * _cofactors(x)


def _cofactors(x: Any) -> Any:
    """For every element the derivative of the determinant: its signed minor."""
    n = x.shape[-1]
    same = np.eye(n, dtype=bool)
    if not is_tensor(x):
        U, s, Vh = np.linalg.svd(x)
        sign = np.sign(np.linalg.det(U) * np.linalg.det(Vh))[..., None, None]
        others = np.where(same, 1, s[..., None, :]).prod(-1)  # the product of all but one
        return sign * (U * others[..., None, :]) @ Vh
    rest = np.nonzero(~same)[1].reshape(n, max(n - 1, 0))  # for every row the others
    minors = x[..., rest[:, None, :, None], rest[None, :, None, :]]
    signs = np.where(np.indices((n, n)).sum(0) % 2, -1, 1).astype(x.dtype)
    return signs * np.linalg.det(minors)


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


@implements(np.linalg.slogdet)
def slogdet(x: Operand) -> SlogdetResult:
    """Sign and logarithm of the absolute value of a determinant, as `numpy.linalg.slogdet`.

    ::

        sign, y = sign(det(x)), log(abs(det(x)))
        dL/dx = g * inv(x).mT

    It neither overflows nor underflows, as a determinant easily does.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., n, n).

    Returns
    -------
    sign : ndarray
        1, -1, or 0 for a singular matrix; constant, and so without a gradient.
    logabsdet : Tensor
        Of shape (...); minus infinity for a singular matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrices are not square; in ``backward()`` if one is singular.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[2.0, 0.0], [0.0, -4.0]], requires_grad=True)
    >>> sign, y = tg.slogdet(x)
    >>> y.backward()
    >>> sign.item(), round(y.item(), 4), x.grad.diagonal()
    (-1.0, 2.0794, array([ 0.5 , -0.25]))
    """
    return SlogdetResult(np.linalg.slogdet(values(x))[0], _logabsdet(x))


@differentiable
@named("slogdet")
def _logabsdet(x: Operand) -> Any:
    y = np.linalg.slogdet(x)[1]
    return y, lambda g: g[..., None, None] * np.linalg.inv(x).mT


@implements(np.linalg.solve)
@differentiable
def solve(a: Operand, b: Operand) -> Any:
    """Solution of linear systems ``a @ y = b``, as `numpy.linalg.solve`.

    ::

        y = solve(a, b)
        dL/db = solve(a.mT, g)
        dL/da = -outer(dL/db, y)

    Parameters
    ----------
    a : Tensor or array_like
        Matrices of shape (..., n, n).
    b : Tensor or array_like
        One vector of shape (n,), or columns of shape (..., n, k).

    Returns
    -------
    Tensor
        Of shape (..., n) for a vector, else (..., n, k).

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular, or not square.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([[2.0, 0.0], [0.0, 4.0]], requires_grad=True)
    >>> b = tg.Tensor([1.0, 1.0], requires_grad=True)
    >>> y = tg.solve(a, b)
    >>> y.sum().backward()
    >>> y.data, a.grad, b.grad
    (array([0.5 , 0.25]), array([[-0.25  , -0.125 ],
           [-0.125 , -0.0625]]), array([0.5 , 0.25]))
    """
    a, b = as_array(a), as_array(b)
    y, vector = np.linalg.solve(a, b), b.ndim == 1

    def columns(x: Any) -> Any:
        return x[..., None] if vector else x

    def of_b(g: Any) -> Any:
        """The gradient of b, as columns."""
        return np.linalg.solve(a.mT, columns(g))

    return (
        y,
        lambda g: -(of_b(g) @ columns(y).mT),
        lambda g: of_b(g)[..., 0] if vector else of_b(g),
    )


@implements(np.linalg.matrix_power)
@differentiable
def matrix_power(x: Operand, n: int) -> Any:
    """Matrices multiplied by themselves n times, as `numpy.linalg.matrix_power`.

    ::

        y = x @ x @ ... @ x
        dL/dx = sum(power(x.mT, i) @ g @ power(x.mT, n - 1 - i) for i in range(n))

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., m, m).
    n : int
        The exponent; of a negative one the inverse is multiplied.

    Returns
    -------
    Tensor
        Of the shape of x.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrices are not square; for negative n if one is singular.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 1.0], [0.0, 1.0]], requires_grad=True)
    >>> y = tg.matrix_power(x, 3)
    >>> y[0, 1].backward()
    >>> y.data, x.grad
    (array([[1., 3.],
           [0., 1.]]), array([[3., 3.],
           [1., 3.]]))
    """
    x = as_array(x)

    def closure(g: Any) -> Any:
        gradient = np.where(False, g, 0)
        for i in range(min(n, 0), max(n, 0)):
            left, right = np.linalg.matrix_power(x.mT, i), np.linalg.matrix_power(x.mT, n - 1 - i)
            gradient = gradient + (left @ g @ right if n > 0 else -(left @ g @ right))
        return gradient

    return np.linalg.matrix_power(x, n), closure
