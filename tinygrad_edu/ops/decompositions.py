"""Decompositions of matrices: Cholesky, QR, eigenvalues and singular values.

A decomposition with several factors is one operation, which packs them into one array: each is
computed once, and the gradients of all factors come back together. Its public function cuts the
array into the factors.

Eigenvectors of equal eigenvalues, and singular vectors of equal singular values, may be turned
among themselves: how they move with the matrix is undefined. There, up to rounding, the part of
their derivative within the common subspace is taken to be 0, and an eigenvalue moves as in the
basis that was computed. That is right for what does not depend on the choice of a basis, if it
treats the values and the vectors by themselves: sums of f(w) over equal eigenvalues w, and
projections on the whole subspace. It is not for products of both, as ``V * f(w) @ V.mT``, nor for
second derivatives, which have such products inside.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements, shown_as, values

__all__ = ["cholesky", "eig", "eigh", "eigvals", "eigvalsh", "qr", "svd", "svdvals"]


# --- triangular factors -----------------------------------------------------------------------


@implements(np.linalg.cholesky)
@differentiable
def cholesky(x: Operand, *, upper: bool = False) -> Any:
    """Triangular factor of symmetric positive definite matrices, as `numpy.linalg.cholesky`.

    ::

        y @ y.mT = x
        dL/dx = lower(inv(y).mT @ half(y.mT @ g) @ inv(y))
        half(m) = tril(m), with half of the diagonal
        lower(m) = tril(m) + tril(m.mT, -1)

    NumPy reads the lower triangle of x only, and takes the upper for its mirror image; so the
    gradient is that of the lower triangle, and 0 above. With ``upper=True`` it is the other way.

    Parameters as `numpy.linalg.cholesky`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[4.0, 2.0], [2.0, 5.0]], requires_grad=True)
    >>> y = tg.cholesky(x)
    >>> y[1, 1].backward()
    >>> y.data, x.grad
    (array([[2., 0.],
           [1., 2.]]), array([[ 0.0625,  0.    ],
           [-0.25  ,  0.25  ]]))
    """
    y = np.linalg.cholesky(x, upper=upper)
    factor = y.mT if upper else y

    def closure(g: Any) -> Any:
        inner = np.tril(factor.mT @ (g.mT if upper else g))
        inner = inner - inner * np.eye(inner.shape[-1], dtype=inner.dtype) / 2
        left = np.linalg.solve(factor.mT, inner)
        return _of_triangle(np.linalg.solve(factor.mT, left.mT).mT, "U" if upper else "L")

    return y, closure


def _of_triangle(gradient: Any, which: str) -> Any:
    """The gradient of the one triangle that NumPy reads of a symmetric matrix."""
    if which in ("L", "l"):
        return np.tril(gradient) + np.tril(gradient.mT, -1)
    return np.triu(gradient) + np.triu(gradient.mT, 1)


@implements(np.linalg.qr)
def qr(x: Operand, mode: str = "reduced") -> Any:
    """Orthonormal columns times a triangular matrix, as `numpy.linalg.qr`.

    ::

        Q @ R = x
        dL/dx = (gQ + Q @ symmetric(m)) @ inv(R).mT, m = R @ gR.mT - gQ.mT @ Q
        symmetric(m) = tril(m) + tril(m, -1).mT

    This is for matrices x with at least as many rows as columns; of any other the first columns
    make Q and the others follow. Where they are linearly dependent, the factors have no derivative:
    ``backward()`` raises LinAlgError.

    The ``mode`` is "reduced" or "r", or "complete" where that is the same; of the further columns
    that it adds to Q else, and of "raw", no derivative is known: ValueError.

    Parameters as `numpy.linalg.qr`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[3.0, 1.0], [4.0, 3.0]], requires_grad=True)
    >>> Q, R = tg.qr(x)
    >>> R[0, 0].backward()
    >>> R.data.round(4), x.grad.round(4)
    (array([[-5., -3.],
           [ 0.,  1.]]), array([[-0.6,  0. ],
           [-0.8,  0. ]]))
    """
    x = as_array(x)
    m, n = x.shape[-2:] if x.ndim > 1 else (0, 0)  # of what is no matrix, NumPy complains
    if mode not in ("reduced", "r") and (mode != "complete" or m > n):
        raise ValueError(
            f"no derivative of qr is known with mode={mode!r} for an array of shape {x.shape}; "
            "use mode='reduced'"
        )
    packed: Any = _qr(x[..., :m] if m < n else x)
    Q, R = packed[..., :m, :], packed[..., m:, :]
    if m < n:
        R = np.concatenate([R, Q.mT @ x[..., m:]], axis=-1)
    return R if mode == "r" else QRResult(Q, R)


class QRResult(NamedTuple):
    """What `qr` returns: with names, as NumPy's."""

    Q: Any
    R: Any


@differentiable
@shown_as("qr")
def _qr(x: Operand) -> Any:
    """Q, and below it R, of matrices that have at least as many rows as columns."""
    Q, R = np.linalg.qr(x)
    m = Q.shape[-2]

    def closure(g: Any) -> Any:
        gQ, gR = g[..., :m, :], g[..., m:, :]
        inner = R @ gR.mT - gQ.mT @ Q
        inner = np.tril(inner) + np.tril(inner, -1).mT
        return np.linalg.solve(R, (gQ + Q @ inner).mT).mT

    return np.concatenate([Q, R], axis=-2), closure


# --- eigenvalues ------------------------------------------------------------------------------


def _diagonal_matrix(x: Any) -> Any:
    """The matrix with these elements on its diagonal, and 0 elsewhere."""
    return x[..., None, :] * np.eye(x.shape[-1], dtype=x.dtype)


def _inverse(x: Any, scale: Any) -> Any:
    """1 / x, and 0 where x is nothing but the rounding of numbers up to a scale."""
    tiny = np.finfo(x.dtype).eps * x.shape[-1]
    zero = np.abs(values(x)) <= tiny * np.abs(values(scale)).max(-1, keepdims=True, initial=0)
    return np.where(zero, 0, 1 / np.where(zero, 1, x))


def _inverse_gaps(w: Any) -> Any:
    """1 / (w[j] - w[i]) in row i and column j, and 0 between equal values."""
    return _inverse(w[..., None, :] - w[..., :, None], w[..., None, :])


@implements(np.linalg.eigh)
def eigh(x: Operand, UPLO: Literal["L", "U", "l", "u"] = "L") -> EighResult:
    """Eigenvalues and eigenvectors of symmetric matrices, as `numpy.linalg.eigh`.

    ::

        x @ V = V * w
        dL/dx = lower(V @ (diag(gw) + F * (V.mT @ gV)) @ V.mT), F[i, j] = 1 / (w[j] - w[i])
        lower(m) = tril(m) + tril(m.mT, -1)

    NumPy reads the lower triangle of x only, and takes the upper for its mirror image; so the
    gradient is that of the lower triangle, and 0 above. With ``UPLO="U"`` it is the other way.

    How the eigenvectors of equal eigenvalues move among themselves is undefined, and F is taken to
    be 0 there: right for sums over such eigenvalues and for projections on all their eigenvectors,
    but not for products of both, as ``V * f(w) @ V.mT``, nor for second derivatives.

    Parameters as `numpy.linalg.eigh`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[2.0, 1.0], [1.0, 2.0]], requires_grad=True)
    >>> w, V = tg.eigh(x)
    >>> w[1].backward()
    >>> w.data.round(4), x.grad.round(4)
    (array([1., 3.]), array([[0.5, 0. ],
           [1. , 0.5]]))
    """
    packed = _eigh(x, UPLO)
    return EighResult(packed[..., -1, :], packed[..., :-1, :])


class EighResult(NamedTuple):
    """What `eigh` returns: with names, as NumPy's."""

    eigenvalues: Any
    eigenvectors: Any


@differentiable
@shown_as("eigh")
def _eigh(x: Operand, UPLO: Any) -> Any:
    """The eigenvectors in columns, and below each its eigenvalue."""
    w, V = np.linalg.eigh(x, UPLO)

    def closure(g: Any) -> Any:
        gV, gw = g[..., :-1, :], g[..., -1, :]
        inner = _diagonal_matrix(gw) + _inverse_gaps(w) * (V.mT @ gV)
        return _of_triangle(V @ inner @ V.mT, UPLO)

    return np.concatenate([V, w[..., None, :]], axis=-2), closure


@implements(np.linalg.eigvalsh)
def eigvalsh(x: Operand, UPLO: Literal["L", "U", "l", "u"] = "L") -> Any:
    """Eigenvalues of symmetric matrices, as `numpy.linalg.eigvalsh`.

    ::

        x @ V = V * y
        dL/dx = lower(V * g @ V.mT)
        lower(m) = tril(m) + tril(m.mT, -1)

    V are the eigenvectors that `eigh` computes, and as there the gradient is that of the triangle
    that NumPy reads. Equal eigenvalues move as in the basis that was computed, so that the gradient
    of their sum is right.

    Parameters as `numpy.linalg.eigvalsh`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[2.0, 1.0], [1.0, 2.0]], requires_grad=True)
    >>> y = tg.eigvalsh(x)
    >>> y.max().backward()
    >>> y.data.round(4), x.grad.round(4)
    (array([1., 3.]), array([[0.5, 0. ],
           [1. , 0.5]]))
    """
    return eigh(x, UPLO).eigenvalues


@implements(np.linalg.eig)
def eig(x: Operand) -> EigResult:
    """Eigenvalues and eigenvectors of square matrices, as `numpy.linalg.eig`.

    ::

        x @ V = V * w
        dL/dx = inv(V).mT @ (diag(gw) + F * (m - V.mT @ V * diag(m))) @ V.mT, m = V.mT @ gV
        F[i, j] = 1 / (w[j] - w[i])

    Complex eigenvalues raise LinAlgError: operations compute with real numbers. Symmetric
    matrices have none, and `eigh` is faster and more exact for them. F is 0 between equal
    eigenvalues, as there. A matrix without a basis of eigenvectors has no derivative.

    Parameters as `numpy.linalg.eig`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 1.0], [0.0, 3.0]], requires_grad=True)
    >>> w, V = tg.eig(x)
    >>> w[1].backward()
    >>> w.data, x.grad.round(4)
    (array([1., 3.]), array([[0. , 0. ],
           [0.5, 1. ]]))
    """
    packed = _eig(x)
    return EigResult(packed[..., -1, :], packed[..., :-1, :])


class EigResult(NamedTuple):
    """What `eig` returns: with names, as NumPy's."""

    eigenvalues: Any
    eigenvectors: Any


@differentiable
@shown_as("eig")
def _eig(x: Operand) -> Any:
    """The eigenvectors in columns, and below each its eigenvalue."""
    w, V = np.linalg.eig(x)
    if w.dtype.kind == "c":
        raise np.linalg.LinAlgError(
            "eigenvalues are complex, and operations compute with real numbers; "
            "use .numpy() for values without gradients"
        )

    def closure(g: Any) -> Any:
        gV, gw = g[..., :-1, :], g[..., -1, :]
        turn = V.mT @ gV
        along = np.diagonal(turn, axis1=-2, axis2=-1)  # a vector keeps its length
        inner = _inverse_gaps(w) * (turn - V.mT @ V * along[..., None, :])
        return np.linalg.solve(V.mT, (_diagonal_matrix(gw) + inner) @ V.mT)

    return np.concatenate([V, w[..., None, :]], axis=-2), closure


@implements(np.linalg.eigvals)
def eigvals(x: Operand) -> Any:
    """Eigenvalues of square matrices, as `numpy.linalg.eigvals`.

    ::

        x @ V = V * y
        dL/dx = inv(V).mT * g @ V.mT

    Complex eigenvalues raise LinAlgError: operations compute with real numbers.

    Parameters as `numpy.linalg.eigvals`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 1.0], [0.0, 3.0]], requires_grad=True)
    >>> y = tg.eigvals(x)
    >>> y.max().backward()
    >>> y.data, x.grad.round(4)
    (array([1., 3.]), array([[0. , 0. ],
           [0.5, 1. ]]))
    """
    return eig(x).eigenvalues


# --- singular values --------------------------------------------------------------------------


@implements(np.linalg.svd)
def svd(x: Operand, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values and singular vectors, as `numpy.linalg.svd`.

    ::

        x = U * S @ Vh
        dL/dx = U @ (diag(gS) + (E * (p + q) + F * (p - q)) / 2) @ Vh, of square x
        p, q = a - a.mT, b - b.mT, where a = U.mT @ gU, b = Vh @ gVh.mT
        E[i, j], F[i, j] = 1 / (S[j] - S[i]), 1 / (S[j] + S[i])

    What gU and gVh have outside of the columns of U and the rows of Vh, where x is not square,
    adds ``(gU - U @ a) / S @ Vh`` and ``U / S @ (gVh - b.mT @ Vh)``.

    How the singular vectors of equal singular values move among themselves is undefined, and so
    are those of the singular value 0: E, F and 1 / S are taken to be 0 there. That is right for
    sums over such singular values and for the polar factor ``U @ Vh``.

    With ``full_matrices`` further vectors would be added to those of a matrix that is not square;
    no derivative is known for them: ValueError. The option ``hermitian`` is not taken.

    Parameters as `numpy.linalg.svd`, without ``hermitian``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]], requires_grad=True)
    >>> U, S, Vh = tg.svd(x, full_matrices=False)
    >>> S[0].backward()
    >>> S.data, x.grad
    (array([3., 2.]), array([[1., 0.],
           [0., 0.],
           [0., 0.]]))
    """
    shape = as_array(x).shape
    if compute_uv and full_matrices and len(shape) > 1 and shape[-1] != shape[-2]:
        raise ValueError(
            f"no derivative of svd is known with full_matrices=True for shape {shape}; "
            "pass full_matrices=False"
        )
    packed = _svd(x)
    m = shape[-2]
    U, S, Vh = packed[..., :m, :], packed[..., m, :], packed[..., m + 1 :, :].mT
    return SVDResult(U, S, Vh) if compute_uv else S


class SVDResult(NamedTuple):
    """What `svd` returns: with names, as NumPy's."""

    U: Any
    S: Any
    Vh: Any


@differentiable
@shown_as("svd")
def _svd(x: Operand) -> Any:
    """In columns: a left singular vector, its singular value, the right singular vector."""
    U, S, Vh = np.linalg.svd(x, full_matrices=False)
    m, n = U.shape[-2], Vh.shape[-1]

    def closure(g: Any) -> Any:
        gU, gS, gV = g[..., :m, :], g[..., m, :], g[..., m + 1 :, :]
        a, b = U.mT @ gU, Vh @ gV
        p, q = a - a.mT, b - b.mT
        sums = S[..., None, :] + S[..., :, None]
        turn = _inverse_gaps(S) * (p + q) + _inverse(sums, S[..., None, :]) * (p - q)
        gradient = U @ (_diagonal_matrix(gS) + turn / 2) @ Vh
        # Only what is not square has directions outside, where rounding errors would be divided.
        if m > n:
            gradient = gradient + ((gU - U @ a) * _inverse(S, S)[..., None, :]) @ Vh
        if m < n:
            gradient = gradient + (U * _inverse(S, S)[..., None, :]) @ (gV - Vh.mT @ b).mT
        return gradient

    return np.concatenate([U, S[..., None, :], Vh.mT], axis=-2), closure


@implements(np.linalg.svdvals)
def svdvals(x: Operand) -> Any:
    """Singular values, as `numpy.linalg.svdvals`.

    ::

        x = U * y @ Vh
        dL/dx = U * g @ Vh

    Equal singular values move as in the basis that was computed, so that the gradient of their sum
    is right.

    Parameters as `numpy.linalg.svdvals`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[3.0, 0.0], [0.0, -2.0]], requires_grad=True)
    >>> y = tg.svdvals(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([3., 2.]), array([[ 1.,  0.],
           [ 0., -1.]]))
    """
    return svd(x, compute_uv=False)
