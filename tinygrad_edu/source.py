"""Where in the user's program an operation was called."""

from __future__ import annotations

import ast
import builtins
import linecache
import os
import sys
from collections.abc import Iterator
from itertools import islice
from opcode import opname
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Source", "may_call", "source_of", "source_of_caller", "user_frames"]

LIBRARIES = tuple(f"{Path(file).parent}{os.sep}" for file in (__file__, str(np.__file__)))


class Source(NamedTuple):
    """A line of a program, in the middle of which is the part that was being computed."""

    file: str
    line: int
    before: str
    part: str
    after: str
    begin: int = 0
    """The line with which the function begins."""
    outer: Source | None = None
    """What the outermost function of the program was computing, where that is known."""

    def __str__(self) -> str:
        """The line, in its file as it is called from where the program runs."""
        file = self.file.removeprefix(f"{Path.cwd()}{os.sep}")
        return f"line {self.line} of {file}: {self.before}{self.part}{self.after}"


def user_frames(outermost: FrameType | None = None) -> Iterator[FrameType]:
    """The functions that are running and belong to no library, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not outermost and frame is not None:
        if not frame.f_code.co_filename.startswith(LIBRARIES):
            yield frame
        frame = frame.f_back


def source_of_caller() -> Source | None:
    """What the user's program is computing just now."""
    return next(map(source_of, user_frames()), None)


def source_of(frame: FrameType) -> Source:
    """What a function is computing just now."""
    code = frame.f_code
    first, last, start, end = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    number = first or frame.f_lineno
    text = linecache.getline(code.co_filename, number, frame.f_globals).rstrip()
    line = text.encode()  # positions count bytes
    if start is None or end is None or last != first:
        start, end = len(line) - len(line.lstrip()), len(line)
    pieces = (line[:start].lstrip(), line[start:end], line[end:])
    before, part, after = (piece.decode(errors="replace") for piece in pieces)
    return Source(code.co_filename, number, before, part, after, code.co_firstlineno)


def may_call(frame: FrameType, *functions: Any) -> bool:
    """Whether a function calls one of these just now, as far as its source tells.

    What is not written in Python, as ``math.exp`` and ``float``, has no frame of its own; but the
    line names it. Where there is no source, any call may be one of them.
    """
    key = frame.f_code, frame.f_lasti
    if key not in _callees:
        if len(_callees) >= MANY:
            _callees.clear()
        _callees[key] = _callee(frame)
    name = _callees[key]
    if not name:
        return name is not None
    first, *rest = name.split(".")
    found = frame.f_locals.get(first, frame.f_globals.get(first, vars(builtins).get(first)))
    for part in rest:
        found = getattr(found, part, None)
    return any(found is function for function in functions)


MANY = 1000  # places in programs: more are not remembered
_callees: dict[Any, str | None] = {}


def _callee(frame: FrameType) -> str | None:
    """What a function calls just now, as it is written; None if it calls nothing."""
    if "CALL" not in opname[frame.f_code.co_code[frame.f_lasti]]:
        return None
    part = source_of(frame).part
    try:
        tree = ast.parse(part, mode="eval").body
    except SyntaxError:
        return ""
    return ast.unparse(tree.func) if isinstance(tree, ast.Call) else ""
