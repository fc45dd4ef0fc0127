"""Run a function, and note every number and array that its lines assign."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.viz.arrays import Array

__all__ = ["Assignment", "assignments"]


class Assignment(NamedTuple):
    """What a line has made of a variable."""

    name: str
    value: Array
    line: int
    code: str
    """The line as it is written, as far as that is known."""


def assignments(
    function: Callable[..., Any], arguments: Mapping[str, Any], found: list[Assignment]
) -> None:
    """Call a function, and append what its lines assign, also to its arguments and in place.

    Of what it calls nothing is noted. A tracer that was set before, as that of a debugger, is set
    again afterwards, also if the function raises.
    """
    tracer = _Tracer(function.__code__, found)
    before = sys.gettrace()
    sys.settrace(tracer.enter)
    try:
        function(**arguments)
    finally:
        sys.settrace(before)


class _Tracer:
    """Looks at the variables of one function, before each of its lines and at its end."""

    def __init__(self, code: Any, found: list[Assignment]) -> None:
        self._code = code
        self._found = found
        self._known: dict[str, Array] = {}
        self._line = 0

    def enter(self, frame: FrameType, event: str, _: Any) -> Any:
        """Note with which arguments the function is called; go on with its lines."""
        if event != "call" or frame.f_code is not self._code or self._line:
            return None
        self._known = dict(_numbers_in(frame))
        self._line = frame.f_lineno
        return self.step

    def step(self, frame: FrameType, event: str, _: Any) -> Any:
        """Note what the line before has changed."""
        if event in ("line", "return"):
            for name, value in _numbers_in(frame):
                if name not in self._known or _differ(self._known[name], value):
                    self._known[name] = value
                    code = linecache.getline(
                        self._code.co_filename, self._line, frame.f_globals
                    ).strip()
                    self._found.append(Assignment(name, value, self._line, code))
            self._line = frame.f_lineno
        return self.step


def _numbers_in(frame: FrameType) -> list[tuple[str, Array]]:
    """Copies of the numbers and arrays among the variables of a function."""
    return [
        (name, np.array(value))
        for name, value in frame.f_locals.items()
        if isinstance(value, np.ndarray | np.number | int | float)
        and np.asarray(value).dtype != "O"
    ]


def _differ(a: Array, b: Array) -> bool:
    return a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
