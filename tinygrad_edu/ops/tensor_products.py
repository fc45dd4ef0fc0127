"""Products of arrays with any number of axes, up to the one that writes them all: einsum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements


@implements(np.tensordot, np.linalg.tensordot)
@differentiable
def tensordot(a: Operand, b: Operand, axes: Any = 2) -> Any:
    """Sum product over any axes of a and of b, as `numpy.tensordot`.

    ::

        y = tensordot(a, b, axes)
        dL/da = tensordot(g, b, the axes of b that are in y), with the axes of a in order
        dL/db = tensordot(a, g, the axes of a that are in y), with the axes of b in order

    Parameters
    ----------
    a, b : Tensor or array_like
        Any shapes.
    axes : int or pair of sequences of int, optional
        The last so many axes of a and the first of b; or the axes of a, and those of b to pair
        with them.

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
        return y, *contracted(a, b, range(a.ndim - axes, a.ndim), range(axes))
    of_a, of_b = (np.atleast_1d(part).tolist() for part in axes)
    return y, *contracted(a, b, [i % a.ndim for i in of_a], [i % b.ndim for i in of_b])


def contracted(
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


@implements(np.outer, np.linalg.outer)
@differentiable
def outer(a: Operand, b: Operand) -> Any:
    """Product of every element of a with every element of b, as `numpy.outer`.

    ::

        y[i, j] = a[i] * b[j]
        dL/da = g @ b
        dL/db = a @ g

    Parameters
    ----------
    a, b : Tensor or array_like
        Of m and of n elements.

    Returns
    -------
    Tensor
        Of shape (m, n).

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


@implements(np.kron)
@differentiable
def kron(a: Operand, b: Operand) -> Any:
    """Kronecker product: b, scaled by each element of a, as `numpy.kron`.

    ::

        y = [[a[0, 0] * b, a[0, 1] * b, ...], ...]
        dL/da[i, j] = sum(block (i, j) of g * b)
        dL/db = sum(a[i, j] * block (i, j) of g)

    Parameters
    ----------
    a, b : Tensor or array_like
        Any shapes.

    Returns
    -------
    Tensor
        As long along each axis as those of a and b multiplied.

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


@implements(np.einsum)
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
