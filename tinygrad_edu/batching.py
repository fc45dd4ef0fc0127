"""vmap: a function of one sample, for many."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.trees import Tree, leaves, tree_map

__all__ = ["vmap"]


def vmap(
    f: Callable[..., Tree], in_axes: int | Sequence[int | None] | None = 0, out_axes: int = 0
) -> Callable[..., Tree]:
    """The function that applies f to each sample, and stacks the results.

    ::

        vmap(f)(x, y)[i] = f(x[i], y[i])

    It is a loop: f runs once for each sample, and so it costs as much as that. An expression of
    whole arrays is faster by far; this is for what has none, as the gradient of each sample.

    Parameters
    ----------
    f : callable
        A function of a sample.
    in_axes : int or sequence of int or None, optional
        The axis along which the samples of an argument lie; a sequence has one for each argument.
        None stands for an argument that is the same for all. An argument may be a list, tuple or
        dict of arrays: the axis is then that of each of them.
    out_axes : int, optional
        The axis of the results along which the samples shall lie.

    Returns
    -------
    callable
        Takes the arguments of f, with one more axis each; returns the results, with one more axis,
        in the structure of what f returns.

    Raises
    ------
    ValueError
        When called: if there are no samples, or numbers of samples that differ; or if an argument
        has no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> def loss(w, x, y):
    ...     return (x @ w - y) ** 2
    >>> X, Y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 2.0])
    >>> tg.vmap(tg.grad(loss), in_axes=(None, 0, 0))(np.ones(2), X, Y)
    array([[ 4.,  8.],
           [30., 40.]])
    """

    @functools.wraps(f)
    def function(*args: Tree, **options: Any) -> Tree:
        axes = [*in_axes] if isinstance(in_axes, Sequence) else [in_axes] * len(args)
        if len(axes) != len(args):
            raise ValueError(f"in_axes={in_axes} does not fit {len(args)} arguments")
        sizes = {
            _samples(x, axis)
            for arg, axis in zip(args, axes, strict=True)
            if axis is not None
            for x in leaves(arg)
        }
        if len(sizes) != 1 or sizes == {0}:
            raise ValueError(
                "vmap needs arguments with one number of samples, and at least one; got "
                f"{sorted(sizes) or 'none'}"
            )
        results = [
            f(*(_sample(x, axis, i) for x, axis in zip(args, axes, strict=True)), **options)
            for i in range(sizes.pop())
        ]
        return tree_map(lambda *ys: ops.stack(ys, out_axes), *results)

    return function


def _samples(x: Any, axis: int) -> int:
    shape: tuple[int, ...] = np.shape(x)
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"vmap finds no samples along axis {axis} of an argument of shape {shape}")
    return shape[axis]


def _sample(arg: Tree, axis: int | None, i: int) -> Tree:
    if axis is None:
        return arg
    return tree_map(lambda x: ops.take(x, i, axis), arg)
