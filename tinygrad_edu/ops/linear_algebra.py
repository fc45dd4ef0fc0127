"""Linear algebra: inverses, determinants, linear systems and norms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import (
    Axis,
    Operand,
    as_array,
    implements,
    is_tensor,
    merged,
    shown_as,
    values,
)
from tinygrad_edu.ops.shape import expand_dims

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["det", "inv", "matrix_power", "norm", "slogdet", "solve"]


@implements(np.linalg.inv)
@differentiable
def inv(x: Operand) -> Any:
    """Inverse of matrices, as `numpy.linalg.inv`.

    ::

        y = inv(x)
        dL/dx = -(y.mT @ g @ y.mT)

    To multiply by an inverse, `solve` is faster and more exact.

    Parameters as `numpy.linalg.inv`.

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

    Parameters as `numpy.linalg.det`.

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


@implements(np.linalg.slogdet)
def slogdet(x: Operand) -> SlogdetResult:
    """Sign and logarithm of the absolute value of a determinant, as `numpy.linalg.slogdet`.

    ::

        sign, y = sign(det(x)), log(abs(det(x)))
        dL/dx = g * inv(x).mT

    It neither overflows nor underflows, as a determinant easily does. The sign is constant: a plain
    array, without a gradient. At a singular matrix the logarithm is minus infinity, and has none
    either: ``backward()`` raises LinAlgError.

    Parameters as `numpy.linalg.slogdet`.

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


class SlogdetResult(NamedTuple):
    """What `slogdet` returns: with names, as NumPy's."""

    sign: Any
    logabsdet: Any


@differentiable
@shown_as("slogdet")
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

    Parameters as `numpy.linalg.solve`.

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

    Parameters as `numpy.linalg.matrix_power`.

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

    For the norms by singular values (``ord`` 2, -2 and "nuc" of a matrix) no second derivative is
    known: ``backward(create_graph=True)`` raises NotImplementedError.

    Parameters as `numpy.linalg.norm`.

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
        return expanded[0] * _norm_slope(x, expanded[1], ord, axes)

    return y, closure


@implements(np.linalg.vector_norm)
def _vector_norm(x: Operand, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
    rows, axes = merged(x, axis)
    y = norm(rows, ord, axis=0)
    return expand_dims(y, axes) if keepdims else y


@implements(np.linalg.matrix_norm)
def _matrix_norm(x: Operand, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    return norm(x, ord, axis=(-2, -1), keepdims=keepdims)


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
        chosen = chosen & (np.abs(s - extreme) <= tiny)
        chosen = chosen / np.maximum(chosen.sum(-1, keepdims=True), 1)
    return (U * chosen[..., None, :].astype(s.dtype)) @ Vh
