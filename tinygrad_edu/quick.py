"""Faster ways to call NumPy, each with what it saves, apart from the operations that use them.

Each function says what it saves, in nanoseconds where arrays are small (NumPy 2.4, one core; see
`docs/benchmarks.md` for the machine). Without them the library would compute the same, only slower.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "add_at_rows",
    "add_row",
    "as_a_whole",
    "as_numbers",
    "broadcast_to",
    "is_held_once",
    "is_number",
    "laid_out_for_sums",
    "logarithms_of_number",
    "one_hot",
    "product",
    "sigmoids_of_number",
    "sum_of_rows",
]

F = TypeVar("F", bound=Callable[..., Any])
Array = NDArray[Any]


def as_a_whole(function: F) -> F:
    """Let a subclass of ndarray among the arguments answer for the call, by NumPy's protocol.

    As for NumPy's own functions (NEP 18): a function that looks at types or at numbers, and so
    cannot be recorded call by call, is recorded by the compiler as a single call.
    """

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        for x in args:
            if type(x) is not np.ndarray and isinstance(x, np.ndarray):
                return x.__array_function__(call, (type(x),), args, {})
        return function(*args)

    call._implementation = function  # type: ignore[attr-defined]  # where NumPy looks for it
    return call  # type: ignore[return-value]  # of the same signature


# --- products ---------------------------------------------------------------------------------


def product(a: Any, b: Any) -> Any:
    """``a @ b``. Of two matrices ``a.dot(b)`` takes 280 ns, where ``a @ b`` takes 570."""
    if a.ndim == b.ndim == 2 and type(a) is type(b) and isinstance(a, np.ndarray):
        return a.dot(b)
    return np.matmul(a, b)


def add_row(y: Any, row: Any) -> Any:
    """``y + row``. To a single row, arrays of one shape are added in 380 ns instead of 590."""
    if y.ndim == 2 and len(y) == 1 and type(row) is np.ndarray and row.ndim == 1:
        return y + row[None]
    return y + row


# --- sums, and what comes back from them ------------------------------------------------------


def sum_of_rows(x: Any) -> Any:
    """The sum over the first axis. Of 300 rows a product takes 470 ns, ``x.sum(0)`` 4200."""
    if len(x) == 1:
        return x[0]
    if x.ndim == 2 and isinstance(x, np.ndarray):
        return x.T.dot(_ones(len(x), x.dtype))
    return x.sum(axis=0)


@functools.lru_cache(maxsize=64)
def _ones(n: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones


def broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    """``np.broadcast_to(x, shape)``, which takes 2100 ns where a small array is filled in 290.

    Of a large one it saves more: it has no layout in memory of its own, to be mixed with that of
    others. Of 1.6 million numbers of images ``g * x`` takes 1.5 ms so, and 13 if they differ.
    """
    if type(x) is not np.ndarray or math.prod(shape) > FEW:
        return np.broadcast_to(x, shape)
    full = np.empty(shape, x.dtype)
    full[...] = x
    return full


@as_a_whole
def laid_out_for_sums(x: Any, axis: Any) -> Any:
    """The same array, laid out so that sums along a short axis are fast, along a long one exact.

    Along rows of two NumPy takes 4500 ns for 300 sums and 9400 for 300 maxima, and less than 1000
    from column to column. What is long is laid out in one piece: only there NumPy adds in pairs, so
    that the errors of a million float32 numbers stay below 1e-6 instead of adding up to 1e-5.
    """
    if not isinstance(x, np.ndarray) or not isinstance(axis, int):
        return x
    if x.ndim == 2 and x.shape[1] <= SHORT:
        return np.asfortranarray(x)
    if x.shape[axis] < LONG:
        return x
    if axis in (-1, x.ndim - 1):
        return np.ascontiguousarray(x)
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, axis, -1)), -1, axis)


SHORT, LONG = 16, 1024
FEW = 4096


def add_at_rows(y: Array, rows: Array, x: Array) -> None:
    """``np.add.at(y, rows, x)`` for a contiguous y: of 2048 rows of 64 it takes 190 us, not 820.

    NumPy is fast where it adds numbers, and slow where it adds rows.
    """
    n = y[:1].size
    if n == 0 or not len(y):
        return
    columns = np.arange(n)
    flat = rows.reshape(-1, 1) * n + columns
    np.add.at(y.reshape(-1), flat.reshape(-1), x.reshape(-1))


# --- class indices ----------------------------------------------------------------------------

FEW = 64  # of up to so many classes, the one-hot rows are cached


@as_a_whole
def one_hot(indices: Any, classes: int, dtype: np.dtype[Any]) -> Array:
    """A row for each index, which is 1 there and 0 elsewhere: 410 ns for 128 of 10 classes.

    Of few classes the rows are taken from a cached matrix; else zeros are written into, which
    is faster than to compare with all classes by a factor of eight, and needs no such matrix.
    """
    if classes <= FEW:
        rows: Array = _identity_matrix(classes, dtype).take(indices, axis=0)
        return rows
    rows = np.zeros((indices.size, classes), dtype)
    rows[np.arange(indices.size), indices.reshape(-1)] = 1
    return rows.reshape(*indices.shape, classes)


@functools.lru_cache(maxsize=64)
def _identity_matrix(n: int, dtype: np.dtype[Any]) -> Array:
    return np.eye(n, dtype=dtype)


# --- a single number: Python's arithmetic is several times as fast as NumPy's ------------------


def as_numbers(*arrays: Any) -> tuple[Any, ...]:
    """The elements of arrays of one floating-point number each as scalars; others as they are.

    Arithmetic takes 50 ns on scalars, 350 on arrays: a single sample's loss 2.5 us instead of 10.
    """
    for x in arrays:
        if not isinstance(x, np.ndarray) or x.size != 1 or x.dtype.kind != "f":
            return arrays
    return tuple(x[(0,) * x.ndim] for x in arrays)


def is_number(x: Any) -> bool:
    """Whether it is a scalar of NumPy's, or stands for one."""
    return isinstance(x, np.floating | np.ndarray) and x.ndim == 0


@as_a_whole
def sigmoids_of_number(x: Any) -> tuple[Any, Any, Any, Any]:
    """sigmoid(x), sigmoid(-x) and their logarithms: 600 ns instead of 6000."""
    e, number = math.exp(-abs(x)), x.dtype.type
    larger, smaller = number(1 / (1 + e)), number(e / (1 + e))
    log_larger = number(-math.log1p(e))
    log_smaller = log_larger - abs(x)
    if x > 0:
        return larger, smaller, log_larger, log_smaller
    return smaller, larger, log_smaller, log_larger


@as_a_whole
def logarithms_of_number(p: Any) -> tuple[Any, Any]:
    """log(p) and log(1 - p): 300 ns instead of 1000."""
    number = p.dtype.type
    return number(_log(p)), number(_log(1 - p) if p > 0.5 else math.log1p(-p))


def _log(x: Any) -> float:
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


# --- references to an array ---------------------------------------------------------------------


def is_held_once(array: Any) -> bool:
    """Whether only the caller has a reference to an array, so that it may be kept without a copy.

    That saves 25 MB of copies in a step of a network of 2048 units. Where the interpreter does not
    count references, the answer is no.
    """
    return type(array) is np.ndarray and array.base is None and _references(array) == _ONCE


_references: Callable[[Any], int] = getattr(sys, "getrefcount", lambda _: 0)


def _references_of_a_new_array() -> int:
    """What `is_held_once` counts for an array that its caller holds in one variable."""

    def references(array: Any) -> int:
        return _references(array) or -1

    array = np.empty(0)
    return references(array)


_ONCE = _references_of_a_new_array()
