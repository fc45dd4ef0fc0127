"""Samples and their targets: checked, and taken in mini-batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.debugging.nonfinite import first_nonfinite, is_finite
from tinygrad_edu.nn.init import Rng, as_rng
from tinygrad_edu.optim.checks import at_least_one
from tinygrad_edu.state import Random

__all__ = ["Array", "Samples", "batches", "batches_in_order", "checked_samples", "new_order"]

Array: TypeAlias = NDArray[Any]


class Samples(NamedTuple):
    """The inputs of a model, as ``model(*inputs)``, and what its loss compares the outputs with."""

    inputs: tuple[Array, ...]
    targets: Array


def batches(
    *arrays: ArrayLike, batch_size: int, shuffle: bool = True, rng: Rng = None
) -> Iterator[tuple[Array, ...]]:
    """Go through all samples once, in mini-batches.

    Parameters
    ----------
    *arrays : array_like
        All of the same length along the first axis: samples and targets, for example.
    batch_size : int
        The number of samples in a batch; the last batch may have fewer.
    shuffle : bool, optional
        Whether to take the samples in a random order, the same for all arrays. If they fit into
        one batch, they stay in their order.
    rng : Generator, RandomState, int or None, optional
        The source of randomness for the order. A seed gives the same order in every call; for
        another one in each epoch, make a generator before the first epoch and pass that.

    Returns
    -------
    iterator of tuple of ndarray
        A batch of each array. Of a single array it is a tuple, too: ``for (x_batch,) in ...``.

    Raises
    ------
    ValueError
        If there is no array, their lengths differ, or batch_size is less than 1.
    TypeError
        If batch_size is not an integer.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> x, y = np.arange(10).reshape(5, 2), np.array([0, 1, 2, 3, 4])
    >>> for x_batch, y_batch in tg.batches(x, y, batch_size=2, rng=0):
    ...     print(x_batch.tolist(), y_batch)
    [[4, 5], [8, 9]] [2 4]
    [[6, 7], [0, 1]] [3 0]
    [[2, 3]] [1]
    """
    found = [np.asarray(array) for array in arrays]
    lengths = {len(array) if array.ndim else None for array in found}
    if len(lengths) != 1 or None in lengths:
        raise ValueError(
            "batches takes one or more arrays of the same length along the first axis; "
            f"got {_shapes(found)}"
        )
    size, length = at_least_one("batch_size", batch_size), len(found[0])
    return batches_in_order(found, size, new_order(length, size, shuffle, as_rng(rng)))


def new_order(length: int, batch_size: int, shuffle: bool, rng: Random) -> Array | None:
    """The order of the samples in an epoch; None for that in which they are."""
    return rng.permutation(length) if shuffle and batch_size < length else None


def batches_in_order(
    arrays: Sequence[Array], size: int, order: Array | None
) -> Iterator[tuple[Array, ...]]:
    """The batches of an epoch."""
    for start in range(0, len(arrays[0]), size):
        batch = slice(start, start + size)
        chosen = batch if order is None else order[batch]
        yield tuple(array[chosen] for array in arrays)


def checked_samples(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> Samples:
    """Return samples and targets as arrays; raise ValueError if a model cannot learn from them."""
    if several := isinstance(x, tuple) and len(x) > 0:
        inputs = tuple(_checked_array(array, f"{x_name}[{i}]") for i, array in enumerate(x))
    else:
        inputs = (_checked_array(x, x_name),)
    targets = _checked_array(y, y_name)
    arrays = [*inputs, targets]
    if any(a.ndim == 0 or len(a) != len(targets) or len(a) == 0 for a in arrays):
        raise ValueError(
            f"{x_name} and {y_name} must have the same length, at least 1; got {_shapes(arrays)}"
            + (f" ({x_name} is a tuple, so each item is an input of the model)" if several else "")
        )
    return Samples(inputs, targets)


def _checked_array(values: Any, name: str) -> Array:
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of several lengths
        raise ValueError(f"{name} is no array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be numbers; got dtype {array.dtype}")
    if not is_finite(array):
        value, at = first_nonfinite(array)
        raise ValueError(f"{name} must be finite; got {value} at {at}")
    return array


def _shapes(arrays: list[Array]) -> str:
    """Put the shapes into words, as in "shapes (5, 2) and (5,)"."""
    if not arrays:
        return "none"
    *first, last = [str(array.shape) for array in arrays]
    return f"shapes {', '.join(first)} and {last}" if first else f"shape {last}"
