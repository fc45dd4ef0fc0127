"""Products of vectors, matrices and arrays of any shape; their gradients are products again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements
from tinygrad_edu.quick import add_row, product

__all__ = [
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "linear",
    "matmul",
    "outer",
    "tensordot",
    "vdot",
    "vecdot",
]


@implements(np.matmul, np.linalg.matmul)
@differentiable
def matmul(a: Operand, b: Operand) -> Any:
    """Matrix product, ``a @ b``, as `numpy.matmul`.

    ::

        y = a @ b
        dL/da = g @ b.mT
        dL/db = a.mT @ g

    Parameters as `numpy.matmul`.

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
        dL/db = sum(g, axis=0)         # of x of two axes; of more, over all but the last

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
    if x.shape[-1] != W.shape[0]:
        raise ValueError(_misfit(x.shape, W.shape))
    samples = list(range(x.ndim - 1))
    return (
        product(x, W) if b is None else _with_bias(product(x, W), b),
        lambda g: product(g, W.T),
        lambda g: product(x.T, g) if x.ndim == 2 else np.tensordot(x, g, (samples, samples)),
        lambda g: g,
    )


def _misfit(x: tuple[int, ...], W: tuple[int, ...]) -> str:
    """What to say of samples that have not as many features as a layer has weights for."""
    n, features = W[0], math.prod(x[1:])
    advice = ""
    if len(x) > 2 and features == n:
        sizes = "*".join(map(str, x[1:]))
        advice = f". {sizes} = {n}: write x.reshape(len(x), -1), or nn.Flatten() in front of it"
    return f"linear with W of shape {W} takes x of shape (..., {n}); got {x}{advice}"


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

    Parameters as `numpy.dot`.

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
        return matmul.body(a, b)  # type: ignore[attr-defined]  # functions take attributes
    of_a, of_b = [a.ndim - 1], [max(b.ndim - 2, 0)]
    return np.tensordot(a, b, (of_a, of_b)), *_contraction_closures(a, b, of_a, of_b)


@implements(np.inner)
@differentiable
def inner(a: Operand, b: Operand) -> Any:
    """Sum product over the last axis of both operands, as `numpy.inner`.

    ::

        y = a @ b.T                    # for two axes
        dL/da = g @ b
        dL/db = g.T @ a

    Parameters as `numpy.inner`.

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
    return y, *_contraction_closures(a, b, [a.ndim - 1], [b.ndim - 1])


@implements(np.vdot)
@differentiable
def vdot(a: Operand, b: Operand) -> Any:
    """Sum product of all elements, as `numpy.vdot`.

    ::

        y = sum(ravel(a) * ravel(b))
        dL/da = g * reshape(b, a.shape)
        dL/db = g * reshape(a, b.shape)

    Parameters as `numpy.vdot`.

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

        y = sum(a * b)
        dL/da = g * b
        dL/db = g * a

    Parameters as `numpy.vecdot`, but where the operands have not equally many axes, ``axis`` is
    counted from the end.

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


@implements(np.outer, np.linalg.outer)
@differentiable
def outer(a: Operand, b: Operand) -> Any:
    """Product of every element of a with every element of b, as `numpy.outer`.

    ::

        y = outer(a, b)                # y[i, j] = a[i] * b[j]
        dL/da = g @ b
        dL/db = a @ g

    Parameters as `numpy.outer`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.outer(a, [3.0, 4.0])
    >>> y.sum().backward()
    >>> y.data, a.grad
    (array([[3., 4.],
           [6., 8.]]), array([7., 7.]))
    """
    a, b = as_array(a), as_array(b)
    return (
        np.outer(a, b),
        lambda g: (g @ b.reshape(-1)).reshape(a.shape),
        lambda g: (a.reshape(-1) @ g).reshape(b.shape),
    )


@implements(np.cross, np.linalg.cross)
@differentiable
def cross(
    a: Operand,
    b: Operand,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Any:
    """Vector product in space, as `numpy.cross`.

    ::

        y = cross(a, b)
        dL/da = cross(b, g)
        dL/db = cross(g, a)

    Only of vectors of three numbers.

    Parameters as `numpy.cross`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = tg.cross(a, [0.0, 0.0, 1.0])
    >>> y[0].backward()
    >>> y.data, a.grad
    (array([ 2., -1.,  0.]), array([0., 1., 0.]))
    """
    of_a, of_b, of_y = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    vectors = np.moveaxis(a, of_a, -1), np.moveaxis(b, of_b, -1)
    if any(x.shape[-1] != 3 for x in vectors):
        lengths = [x.shape[-1] for x in vectors]
        raise ValueError(f"cross takes vectors of three numbers; got vectors of {lengths}")

    def gradient(x: Any, axis: int, ndim: int) -> Any:
        """In the shape of an operand, but for axes that were broadcast."""
        for _ in range(np.ndim(x) - ndim):
            x = x.sum(axis=0)
        return np.moveaxis(x, -1, axis)

    a, b = vectors
    return (
        np.moveaxis(_vector_product(a, b), -1, of_y),
        lambda g: gradient(_vector_product(b, np.moveaxis(g, of_y, -1)), of_a, a.ndim),
        lambda g: gradient(_vector_product(np.moveaxis(g, of_y, -1), a), of_b, b.ndim),
    )


def _vector_product(a: Any, b: Any) -> Any:
    return np.roll(a, -1, -1) * np.roll(b, 1, -1) - np.roll(a, 1, -1) * np.roll(b, -1, -1)


@implements(np.kron)
@differentiable
def kron(a: Operand, b: Operand) -> Any:
    """Kronecker product: b, scaled by each element of a, as `numpy.kron`.

    ::

        y = [[a[0, 0] * b, a[0, 1] * b, ...], ...]
        dL/da[i, j] = sum(block (i, j) of g * b)
        dL/db = sum(a[i, j] * block (i, j) of g)

    Parameters as `numpy.kron`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 10.0], requires_grad=True)
    >>> y = tg.kron(a, [1.0, 2.0, 3.0])
    >>> y.sum().backward()
    >>> y.data, a.grad
    (array([ 1.,  2.,  3., 10., 20., 30.]), array([6., 6.]))
    """
    a, b = as_array(a), as_array(b)
    y = np.kron(a, b)
    shape_a, shape_b = ((1,) * (y.ndim - x.ndim) + x.shape for x in (a, b))
    blocks = [n for pair in zip(shape_a, shape_b, strict=True) for n in pair]
    axes = list(range(y.ndim))
    in_a, in_b = [2 * i for i in axes], [2 * i + 1 for i in axes]  # their axes in the blocks

    def blockwise(g: Any, x: Any, x_shape: tuple[int, ...], in_x: list[int]) -> Any:
        """The sum over the blocks of g, or within them, weighted by an operand."""
        return np.tensordot(g.reshape(blocks), x.reshape(x_shape), (in_x, axes))

    return (
        y,
        lambda g: blockwise(g, b, shape_b, in_b).reshape(a.shape),
        lambda g: blockwise(g, a, shape_a, in_a).reshape(b.shape),
    )


@implements(np.tensordot, np.linalg.tensordot)
@differentiable
def tensordot(a: Operand, b: Operand, axes: Any = 2) -> Any:
    """Sum product over any axes of a and of b, as `numpy.tensordot`.

    ::

        y = tensordot(a, b, axes)
        dL/da = tensordot(g, b, the axes of b that are in y), with the axes of a in order
        dL/db = tensordot(a, g, the axes of a that are in y), with the axes of b in order

    Parameters as `numpy.tensordot`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.tensordot(a, [[1.0, 2.0], [3.0, 4.0]], axes=([0, 1], [1, 0]))
    >>> y.backward()
    >>> y.item(), a.grad
    (29.0, array([[1., 3.],
           [2., 4.]]))
    """
    a, b = as_array(a), as_array(b)
    y = np.tensordot(a, b, axes)
    if isinstance(axes, int):
        return y, *_contraction_closures(a, b, range(a.ndim - axes, a.ndim), range(axes))
    of_a, of_b = (np.atleast_1d(part).tolist() for part in axes)
    return y, *_contraction_closures(a, b, [i % a.ndim for i in of_a], [i % b.ndim for i in of_b])


def _contraction_closures(
    a: Any, b: Any, of_a: Sequence[int], of_b: Sequence[int]
) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The closures of a sum product over pairs of axes, of a and of b."""
    free_a = [i for i in range(a.ndim) if i not in of_a]
    free_b = [i for i in range(b.ndim) if i not in of_b]
    from_a = list(range(len(free_a)))  # the axes of y, and of g, that come from a
    from_b = list(range(len(free_a), len(free_a) + len(free_b)))
    # A product leaves the axes summed over in the order of the other operand.
    order_a = free_a + [i for _, i in sorted(zip(of_b, of_a, strict=True))]
    order_b = [j for _, j in sorted(zip(of_a, of_b, strict=True))] + free_b
    return (
        lambda g: np.tensordot(g, b, (from_b, free_b)).transpose(np.argsort(order_a).tolist()),
        lambda g: np.tensordot(a, g, (free_a, from_a)).transpose(np.argsort(order_b).tolist()),
    )


@differentiable
def einsum(subscripts: str, *operands: Operand, optimize: Any = False) -> Any:
    """Sum of products in Einstein's notation, as `numpy.einsum`.

    ::

        y = einsum("ij,jk->ik", a, b)
        dL/da = einsum("ik,jk->ij", g, b)
        dL/db = einsum("ik,ij->jk", g, a)

    Each gradient is the einsum in which g and the operand exchange their places.

    Parameters
    ----------
    subscripts : str
        One letter for each axis of each operand, and those of the result after ``->``: one that
        is not there is summed over. ``...`` stands for axes that broadcast.
    *operands : Tensor or array_like
        As many as there are groups of letters.
    optimize : bool or str, optional
        Look for a fast order of the products, as worthwhile for three operands or more.

    Returns
    -------
    Tensor
        Of the axes named in the result.

    Raises
    ------
    TypeError
        If the subscripts are not a string.
    ValueError
        If they do not fit the operands.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> A = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = tg.einsum("i,ij,j->", [1.0, 2.0], A, [3.0, 4.0])
    >>> y.backward()
    >>> y.item(), A.grad
    (61.0, array([[3., 4.],
           [6., 8.]]))
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            "einsum takes its subscripts as a string, as in einsum('ij,jk->ik', a, b); "
            f"got {type(subscripts).__name__}"
        )
    arrays = [as_array(x) for x in operands]
    y = np.einsum(subscripts, *arrays, optimize=optimize)
    terms, result = _letters(subscripts, [x.ndim for x in arrays])

    def closure(k: int) -> Callable[[Any], Any]:
        def gradient(g: Any) -> Any:
            exchanged, factors = _exchanged(g, arrays, terms, result, k)
            return np.einsum(exchanged, *factors, optimize=bool(optimize))

        return gradient

    return y, None, *(closure(k) for k in range(len(arrays)))


@implements(np.einsum)
def _einsum_of_lists(*operands: Any, optimize: Any = False) -> Any:
    """NumPy's other notation, ``np.einsum(a, [0, 1], b, [1, 2], [0, 2])``, in letters."""
    if not isinstance(operands[0], str):
        *lists, result = operands[1::2] + operands[2 * (len(operands) // 2) :]
        if len(operands) % 2 == 0:
            lists, result = [*lists, result], None
        arrow = "" if result is None else "->" + _letters_of(result)
        operands = (",".join(map(_letters_of, lists)) + arrow, *operands[: 2 * len(lists) : 2])
    return einsum(*operands, optimize=optimize)


def _letters_of(axes: Sequence[Any]) -> str:
    return "".join("..." if i is Ellipsis else ascii_letters[i] for i in axes)


def _letters(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with ``...`` and ``->`` written out."""
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    fresh = "".join(c for c in ascii_letters if c not in subscripts)
    more = [n - len(term.replace("...", "")) for n, term in zip(ndims, terms, strict=True)]
    longest = max((n for n, term in zip(more, terms, strict=True) if "..." in term), default=0)
    if not arrow:
        once = sorted(c for c in set(inputs) - set(".,") if inputs.count(c) == 1)
        result = "..." * ("..." in inputs) + "".join(once)
    dots = fresh[:longest]
    terms = [t.replace("...", dots[longest - n :]) for n, t in zip(more, terms, strict=True)]
    return terms, result.replace("...", dots)


def _exchanged(
    g: Any, arrays: list[Any], terms: list[str], result: str, k: int
) -> tuple[str, list[Any]]:
    """The einsum that is the gradient of the k-th operand: its subscripts and its operands."""
    factors = [g, *arrays[:k], *arrays[k + 1 :]]
    names = [result, *terms[:k], *terms[k + 1 :]]
    lengths: dict[str, int] = {}
    for x, name in zip(factors, names, strict=True):
        for c, n in zip(name, x.shape, strict=True):
            lengths[c] = n if lengths.get(c, 1) == 1 else lengths[c]
    fresh = (c for c in ascii_letters if c not in "".join([result, *terms]))
    target = ""
    for c, n in zip(terms[k], arrays[k].shape, strict=True):
        if c in target:  # a diagonal: beside it the gradient is zero
            again = next(fresh)
            factors.append(np.eye(n, dtype=g.dtype))
            names.append(c + again)
            c = again
        elif lengths.get(c) != n:  # summed over in this operand alone: all of it gets the same
            factors.append(np.ones(n, g.dtype))
            names.append(c)
        target += c
    return f"{','.join(names)}->{target}", factors
