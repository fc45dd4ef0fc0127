"""Marks on the numbers of a page: of which array each of them is, so that it can be written anew.

A page whose numbers can be changed has to know what stands where. The story is told by many small
functions that hand arrays on, also as columns and rows of others; a number of such a view is still
the same number, at the same place in memory. So that is how it is recognized: what tells the story
need not know that there are marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from tinygrad_edu.viz.arrays import Array, number_rows

__all__ = ["Marks", "add", "key", "marked", "marking"]


class Marks:
    """What is known of the places in memory where the numbers of a computation lie."""

    def __init__(self) -> None:
        self._kept: list[Array] = []  # so that no others take their places
        self.used: set[str] = set()
        """The keys of those that are on the page."""
        self._numbers: dict[int, tuple[str, int]] = {}
        self._wholes: dict[tuple[int, tuple[int, ...]], str] = {}

    def add(self, key: str, array: Array) -> None:
        """Note an array; what lies where another was noted keeps the key of the first."""
        array = np.asarray(array)
        self._kept.append(array)
        self._wholes.setdefault(_whole(array), key)
        if number_rows(array):
            for i, address in enumerate(_addresses(array)):
                self._numbers.setdefault(address, (key, i))

    def key(self, array: Array) -> str:
        """The key of an array, or of one at the same place; empty if it is not known."""
        key = self._wholes.get(_whole(array), "")
        self.used |= {key} - {""}
        return key

    def numbers(self, array: Array) -> list[str]:
        """The mark for each number: its array, its place in it and, unless 3, its digits."""
        digits = "" if array.ndim else ":4"
        found = [self._numbers.get(address) for address in _addresses(array)]
        self.used |= {place[0] for place in found if place}
        return [f"{place[0]}:{place[1]}{digits}" if place else "" for place in found]


def _whole(array: Array) -> tuple[int, tuple[int, ...]]:
    return array.__array_interface__["data"][0], (*array.shape, *array.strides)


def _addresses(array: Array) -> list[int]:
    """The place of each number in memory, row by row."""
    offsets = np.tensordot(array.strides, np.indices(array.shape), axes=1)
    return [_whole(array)[0] + int(offset) for offset in np.ravel(offsets)]


# --- while a story is told --------------------------------------------------------------------

_marks: ContextVar[Marks | None] = ContextVar("marks", default=None)


@contextmanager
def marking(marks: Marks) -> Iterator[None]:
    """Mark all numbers that are written in the block."""
    token = _marks.set(marks)
    try:
        yield
    finally:
        _marks.reset(token)


def add(key: str, array: Array) -> None:
    """Note an array, where numbers are marked."""
    if marks := _marks.get():
        marks.add(key, array)


def key(array: Array) -> str:
    """The key of an array; empty if numbers are not marked, or if it is none that is known."""
    marks = _marks.get()
    return marks.key(array) if marks else ""


def marked(array: Array) -> list[str]:
    """An attribute for the element of each number of an array; empty where there is no mark."""
    marks = _marks.get()
    if marks is None:
        return [""] * array.size
    return [f' data-n="{mark}"' if mark else "" for mark in marks.numbers(array)]
