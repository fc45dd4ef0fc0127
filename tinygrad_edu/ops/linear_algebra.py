"""Linear algebra: inverses, determinants, linear systems and norms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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

__all__ = [
    "cond",
    "det",
    "inv",
    "lstsq",
    "matrix_power",
    "multi_dot",
    "norm",
    "pinv",
    "slogdet",
    "solve",
    "tensorinv",
    "tensorsolve",
]


# --- inverses and determinants ----------------------------------------------------------------


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

    Right for singular matrices too, and to any order: the cofactors come from the singular
    values, and nothing is divided by those that are small. Second derivatives take n**2 numbers of
    memory, and k**4 more if k singular values are small.

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
    if is_tensor(x):
        return _recorded_cofactors(x)
    n = x.shape[-1]
    U, s, Vh = np.linalg.svd(x)
    sign = np.sign(np.linalg.det(U) * np.linalg.det(Vh))[..., None, None]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)  # of all but one
    return sign * (U * others[..., None, :]) @ Vh


def _recorded_cofactors(x: Any) -> Any:
    """The same by operations that can be differentiated any number of times, wherever x is.

    Between constant bases, those of its singular vectors, x is close to a diagonal matrix. There it
    is cut into blocks ``[[a, b], [c, d]]``, with the large singular values in a, which is inverted,
    and the small ones in d. Then ``det(x) = det(a) * det(rest)``, ``rest = d - c @ inv(a) @ b``,
    and the rest is as small a matrix as there are small singular values: none, as a rule.
    """
    n = x.shape[-1]
    if n <= SMALL or type(x.data) is not np.ndarray:
        return _minors(x)  # also while the compiler records: its shapes must hold for any values
    U, s, Vh = np.linalg.svd(x.data)
    k = int((s * CONDITION > s.max(-1, keepdims=True, initial=0)).sum(-1).min(initial=n))
    if k == 0:
        return _minors(x)
    if k == n:
        return np.linalg.det(x)[..., None, None] * np.linalg.inv(x).mT
    y = U.mT @ x @ Vh.mT
    a, b, c, d = y[..., :k, :k], y[..., :k, k:], y[..., k:, :k], y[..., k:, k:]
    inverse = np.linalg.inv(a)
    rest = d - c @ inverse @ b
    regular = U[..., :k] @ inverse.mT @ Vh[..., :k, :]
    left = U[..., k:] - U[..., :k] @ (c @ inverse).mT
    right = Vh[..., k:, :] - (inverse @ b).mT @ Vh[..., :k, :]
    factor = np.sign(np.linalg.det(U) * np.linalg.det(Vh)) * np.linalg.det(a)
    of_rest = _det_by_minors(rest)[..., None, None] * regular + left @ _minors(rest) @ right
    return factor[..., None, None] * of_rest


CONDITION = 1000  # of what is inverted, at most: that loses three digits
SMALL = 3  # up to this size the minors cost little, and are exact where x is all but zero


def _minors(x: Any) -> Any:
    """The cofactors as what they are, the signed determinants of n * n minors."""
    n = x.shape[-1]
    rest = np.nonzero(~np.eye(n, dtype=bool))[1].reshape(n, max(n - 1, 0))  # for a row the others
    minors = x[..., rest[:, None, :, None], rest[None, :, None, :]]
    signs = np.where(np.indices((n, n)).sum(0) % 2, -1, 1).astype(x.dtype)
    return signs * _det_by_minors(minors)


@differentiable
@shown_as("det")
def _det_by_minors(x: Any) -> Any:
    """The determinant of a matrix that may be nothing but rounding errors: none is divided by."""
    cofactors = _minors if is_tensor(x) else _cofactors
    return np.linalg.det(x), lambda g: g[..., None, None] * cofactors(x)


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


# --- linear systems ---------------------------------------------------------------------------


@implements(np.linalg.solve)
@differentiable
def solve(a: Operand, b: Operand) -> Any:
    """Solution of linear systems ``a @ y = b``, as `numpy.linalg.solve`.

    ::

        y = solve(a, b)
        dL/db = solve(a.mT, g)
        dL/da = -(dL/db @ y.mT)

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


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Operand, b: Operand, axes: Any = None) -> Tensor:
    """Solution of ``tensordot(a, y, y.ndim) == b``, as `numpy.linalg.tensorsolve`.

    ::

        y = solve(a, b), where a is a matrix with a row for every element of b
        dL/db, dL/da = those of `solve`

    Parameters as `numpy.linalg.tensorsolve`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([[[2.0, 0.0]], [[0.0, 4.0]]])
    >>> b = tg.Tensor([1.0, 1.0], requires_grad=True)
    >>> y = tg.tensorsolve(a, b)
    >>> y.sum().backward()
    >>> y.data, b.grad
    (array([[0.5 , 0.25]]), array([0.5 , 0.25]))
    """
    a, b = as_array(a), as_array(b)
    if axes is not None:
        a = np.moveaxis(a, axes, range(a.ndim - len(axes), a.ndim))
    shape = a.shape[b.ndim :]
    if a.size != b.size**2 or math.prod(shape) != b.size:
        raise np.linalg.LinAlgError(
            f"tensorsolve needs as many unknowns as equations; got a of shape {a.shape} and b of "
            f"shape {b.shape}"
        )
    return solve(a.reshape(b.size, b.size), b.reshape(-1)).reshape(shape)


@implements(np.linalg.tensorinv)
def tensorinv(x: Operand, ind: int = 2) -> Tensor:
    """Inverse with respect to ``tensordot(x, y, ind)``, as `numpy.linalg.tensorinv`.

    ::

        y = inv(x), where x is a matrix whose rows are its first ind axes
        dL/dx = that of `inv`

    Parameters as `numpy.linalg.tensorinv`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[[2.0, 0.0]], [[0.0, 4.0]]], requires_grad=True)
    >>> y = tg.tensorinv(x, ind=1)
    >>> y.sum().backward()
    >>> y.shape, x.grad.shape
    ((1, 2, 2), (2, 1, 2))
    """
    x = as_array(x)
    if ind <= 0:
        raise ValueError(f"ind must be at least 1; got {ind}")
    rows, columns = x.shape[:ind], x.shape[ind:]
    return inv(x.reshape(math.prod(rows), math.prod(columns))).reshape(columns + rows)


@implements(np.linalg.pinv)
@differentiable
def pinv(x: Operand, rcond: Any = None, *, rtol: Any = None) -> Any:
    """Pseudoinverse of matrices, by Moore and Penrose, as `numpy.linalg.pinv`.

    ::

        y = pinv(x)
        dL/dx = (I - x @ y) @ g.mT @ y @ y.mT + y.mT @ y @ g.mT @ (I - y @ x) - y.mT @ g @ y.mT

    The derivative keeps the rank: singular values that count as 0, below ``rcond`` (or ``rtol``)
    times the largest, stay 0. As they grow the pseudoinverse jumps, and has no derivative.

    Parameters as `numpy.linalg.pinv`, without ``hermitian``.

    References
    ----------
    .. [1] G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least
       squares problems whose variables separate", SIAM Journal on Numerical Analysis 10 (1973).

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[2.0], [0.0]], requires_grad=True)
    >>> y = tg.pinv(x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([[0.5, 0. ]]), array([[-0.25],
           [ 0.25]]))
    """
    x = as_array(x)
    cutoff = rcond if rtol is None else rtol
    y = np.linalg.pinv(x, cutoff)

    def closure(g: Any) -> Any:
        right, left = g.mT @ y @ y.mT, y.mT @ y @ g.mT
        return right - x @ (y @ right) + left - (left @ y) @ x - y.mT @ g @ y.mT

    return y, closure


@implements(np.linalg.lstsq)
def lstsq(a: Operand, b: Operand, rcond: float | None = None) -> LstsqResult:
    """Solution of least squares of ``a @ y = b``, as `numpy.linalg.lstsq`.

    ::

        y = pinv(a) @ b
        dL/db = pinv(a).T @ g
        dL/da = outer(b - a @ y, p @ dL/db) + outer(p.T @ y, g - a.T @ dL/db) - outer(dL/db, y)
        p = pinv(a)

    The derivative keeps the rank of a, as that of `pinv`. The residuals, the rank and the singular
    values are plain arrays, without a gradient; those of a sum of squares come from y.

    Parameters as `numpy.linalg.lstsq`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]
    >>> b = tg.Tensor([1.0, 3.0, 5.0], requires_grad=True)
    >>> y, residuals, rank, s = tg.lstsq(a, b)
    >>> y[1].backward()
    >>> y.data.round(4), b.grad.round(4)
    (array([1., 2.]), array([-0.5, -0. ,  0.5]))
    """
    plain = np.linalg.lstsq(values(a), values(b), rcond)
    return LstsqResult(_lstsq(a, b, rcond), *plain[1:])


class LstsqResult(NamedTuple):
    """What `lstsq` returns: a tuple, as NumPy's."""

    x: Any
    residuals: Any
    rank: Any
    s: Any


@differentiable
@shown_as("lstsq")
def _lstsq(a: Operand, b: Operand, rcond: Any) -> Any:
    a, b = as_array(a), as_array(b)
    y = np.linalg.lstsq(a, b, rcond)[0]
    cutoff = rcond
    if rcond is None or rcond < 0:  # what this function takes for it, unlike pinv
        cutoff = np.finfo(y.dtype).eps * (max(a.shape) if rcond is None else 1)

    def columns(x: Any) -> Any:
        return x[:, None] if b.ndim == 1 else x

    def of_a(g: Any) -> Any:
        inverse, g = np.linalg.pinv(a, cutoff), columns(g)
        back, x = inverse.T @ g, columns(y)
        outside = (columns(b) - a @ x) @ (inverse @ back).T
        return outside + (inverse.T @ x) @ (g - a.T @ back).T - back @ x.T

    return y, of_a, lambda g: np.linalg.pinv(a, cutoff).T @ g


# --- products ---------------------------------------------------------------------------------


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Operand]) -> Tensor:
    """Product of matrices, multiplied in the order that costs least, as `numpy.linalg.multi_dot`.

    ::

        y = multi_dot([x1, x2, x3])
        dL/dx2 = multi_dot([x1.T, g, x3.T])

    The first may be a row, the last a column of one axis only.

    Parameters as `numpy.linalg.multi_dot`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([[1.0, 2.0]], requires_grad=True)
    >>> y = tg.multi_dot([a, [[3.0], [4.0]], [[5.0, 6.0]]])
    >>> y.sum().backward()
    >>> y.data, a.grad
    (array([[55., 66.]]), array([[33., 44.]]))
    """
    return _multi_dot(*arrays)


@differentiable
@shown_as("multi_dot")
def _multi_dot(*arrays: Operand) -> Any:
    factors = [as_array(x) for x in arrays]
    y = np.linalg.multi_dot(factors)
    row, column = factors[0].ndim == 1, factors[-1].ndim == 1
    if row:
        factors[0] = factors[0][None]
    if column:
        factors[-1] = factors[-1][:, None]
    turned = [x.T for x in reversed(factors)]
    n = len(factors)

    def closure_of(i: int) -> Callable[[Any], Any]:
        def closure(g: Any) -> Any:
            g = g.reshape(factors[0].shape[0], factors[-1].shape[1])
            product = np.linalg.multi_dot([*turned[n - i :], g, *turned[: n - 1 - i]])
            return product.reshape(as_array(arrays[i]).shape)

        return closure

    return y, *map(closure_of, range(n))


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


# --- norms ------------------------------------------------------------------------------------


@implements(np.linalg.norm)
@differentiable
def norm(x: Operand, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Length of vectors, or norm of matrices, as `numpy.linalg.norm`.

    ::

        y = sqrt(sum(x**2))            # by default
        dL/dx = g * x / y

        y = sum(abs(x)**p)**(1/p)      # p = ord, of vectors
        dL/dx = g * sign(x) * (abs(x) / y)**(p - 1)

        y = max(s)                     # ord=2 of a matrix x = U @ diag(s) @ Vh
        dL/dx = g * outer(U[:, 0], Vh[0])

    At 0 no norm has a derivative; it is taken to be 0, the subgradient of least norm. Where
    ``inf`` and the other norms that choose find a tie, those that tie share equally.

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
    U, S, Vh = np.linalg.svd(x, full_matrices=False)
    s = values(S)  # what is chosen is constant
    tiny = np.finfo(s.dtype).eps * max(x.shape) * s.max(-1, initial=0, keepdims=True)
    chosen = s > tiny  # the least subgradient takes no direction in which x is zero
    if ord != "nuc":
        extreme = (s.max if ord == 2 else s.min)(-1, keepdims=True)
        chosen = chosen & (np.abs(s - extreme) <= tiny)
        chosen = chosen / np.maximum(chosen.sum(-1, keepdims=True), 1)
    return (U * chosen[..., None, :].astype(s.dtype)) @ Vh


@implements(np.linalg.cond)
@differentiable
def cond(x: Operand, p: Any = None) -> Any:
    """Condition number of matrices, as `numpy.linalg.cond`.

    ::

        y = norm(x, p) * norm(inv(x), p)      # p = 2 by default: the largest singular value
                                              # divided by the smallest
        dL/dx = what comes back through both norms

    A singular matrix has an infinite one, and no derivative: ``backward()`` raises LinAlgError.

    Parameters as `numpy.linalg.cond`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[4.0, 0.0], [0.0, 2.0]], requires_grad=True)
    >>> y = tg.cond(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (2.0, array([[ 0.5,  0. ],
           [ 0. , -1. ]]))
    """
    x = as_array(x)
    order = 2 if p is None else p

    def closure(g: Any) -> Any:
        square = x.shape[-1] == x.shape[-2]
        inverse, of_inverse = (inv if square else pinv).body(x)  # type: ignore[attr-defined]
        a, of_x = norm.body(x, order, (-2, -1))  # type: ignore[attr-defined]
        b, of_its_inverse = norm.body(inverse, order, (-2, -1))  # type: ignore[attr-defined]
        return of_x(g * b) + of_inverse(of_its_inverse(g * a))

    return np.linalg.cond(x, p), closure
