"""Linear algebra: parts of matrices, norms, inverses, determinants and linear systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, chain, implements, is_tensor, values
from tinygrad_edu.ops.indexing import scatter_add
from tinygrad_edu.ops.shape import as_array, named

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

# --- parts of a matrix ------------------------------------------------------------------


@implements(np.diagonal)
@differentiable
def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonal of matrices, as `numpy.diagonal`.

    ::

        y[i] = x[i, i + offset]
        dL/dx = zeros, with g on the diagonal

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or more.
    offset : int, optional
        0 for the main diagonal, above it positive.
    axis1, axis2 : int, optional
        The axes of rows and columns.

    Returns
    -------
    Tensor
        Of the other axes, and the diagonal as the last.

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

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or more.
    offset : int, optional
        0 for the main diagonal, above it positive.
    axis1, axis2 : int, optional
        The axes of rows and columns.

    Returns
    -------
    Tensor
        Of the other axes.

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

    Parameters
    ----------
    x : Tensor or array_like
        Of two axes or one.
    k : int, optional
        0 for the main diagonal, above it positive.

    Returns
    -------
    Tensor
        Of one axis, or two.

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

        y[i, j] = x[i, j] if j - i >= k else 0
        dL/dx = triu(g, k)

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., m, n).
    k : int, optional
        The diagonal that the triangle begins with.

    Returns
    -------
    Tensor
        Of the shape of x.

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

        y[i, j] = x[i, j] if j - i <= k else 0
        dL/dx = tril(g, k)

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., m, n).
    k : int, optional
        The diagonal that the triangle ends with.

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.tril(tg.Tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([[1., 0.],
           [3., 4.]])
    """
    return np.tril(x, k), lambda g: np.tril(g, k)


# --- norms ------------------------------------------------------------------------------


@implements(np.linalg.norm)
@differentiable
def norm(x: Operand, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Length of vectors, or norm of matrices, as `numpy.linalg.norm`.

    ::

        y = sum(abs(x)**p)**(1/p)      # p = ord, of vectors; 2 by default
        dy/dx = sign(x) * (abs(x) / y)**(p - 1)

        y = max(s)                     # ord=2 of a matrix x = U @ diag(s) @ Vh
        dL/dx = g * outer(U[:, 0], Vh[0])

    At 0 no norm has a derivative; it is taken to be 0, the subgradient of least norm. Where
    ``inf`` and the other norms that choose find a tie, those that tie share equally.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    ord : float, "fro", "nuc" or None, optional
        Which norm: for vectors any number; for matrices "fro" (the default), "nuc" (the sum of
        the singular values), 1, -1, inf, -inf (sums of columns or rows), 2, -2 (the largest or
        the smallest singular value).
    axis : int, pair of int or None, optional
        The axis of vectors, or the axes of matrices; by default all of x, for the default norm
        all elements in a row.
    keepdims : bool, optional
        Leave the reduced axes in the result, with length 1.

    Returns
    -------
    Tensor
        As x, without the reduced axes.

    Raises
    ------
    ValueError
        If there is no such norm for so many axes.
    NotImplementedError
        In ``backward(create_graph=True)``, for the norms by singular values.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([3.0, 4.0], requires_grad=True)
    >>> y = tg.norm(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (5.0, array([0.6, 0.8]))
    """
    x = as_array(x)
    y = np.linalg.norm(x, ord, axis, keepdims)
    every = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(i % x.ndim for i in every)

    def closure(g: Any) -> Any:
        expanded = (g, y) if keepdims else (np.expand_dims(g, axes), np.expand_dims(y, axes))
        return chain(expanded[0], _norm_slope(x, expanded[1], ord, axes))

    return y, closure


def _norm_slope(x: Any, y: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """The derivative of a norm y, in the shape of x."""
    constants, matrices = values(x), len(axes) == 2
    if ord in (None, "fro", "f") or (ord == 2 and not matrices):
        return x / np.where(y == 0, 1, y)
    if matrices and ord in (2, -2, "nuc"):
        if is_tensor(x):
            raise NotImplementedError(f"no second derivative is known for norm(ord={ord!r})")
        return np.moveaxis(_singular_slope(np.moveaxis(x, axes, (-2, -1)), ord), (-2, -1), axes)
    if ord == 0:
        return np.zeros_like(constants)
    signs = np.sign(constants)
    if matrices or abs(ord) == np.inf:  # an extreme of sums, or of the elements themselves
        sums = np.abs(constants)
        if matrices:
            sums = sums.sum(axes[0] if abs(ord) == 1 else axes[1], keepdims=True)
        chosen = sums == values(y)
        return signs * (chosen / chosen.sum(axes, keepdims=True)).astype(signs.dtype)
    if ord == 1:
        return signs
    return signs * np.where(constants == 0, 1, np.abs(x) / np.where(y == 0, 1, y)) ** (ord - 1)


def _singular_slope(x: Any, ord: Any) -> Any:
    """The derivative of a function of singular values: that of each is outer(u, v)."""
    U, s, Vh = np.linalg.svd(x, full_matrices=False)
    tiny = np.finfo(s.dtype).eps * max(x.shape) * s.max(-1, initial=0, keepdims=True)
    chosen = s > tiny  # the least subgradient takes no direction in which x is zero
    if ord != "nuc":
        extreme = (s.max if ord == 2 else s.min)(-1, keepdims=True)
        chosen &= np.abs(s - extreme) <= tiny
        chosen = chosen / np.maximum(chosen.sum(-1, keepdims=True), 1)
    return (U * chosen[..., None, :].astype(s.dtype)) @ Vh


# --- inverses, determinants, linear systems -----------------------------------------------


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
    return np.linalg.det(x), lambda g: chain(g[..., None, None], _cofactors(x))


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
    return y, lambda g: chain(g[..., None, None], np.linalg.inv(x).mT)


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
