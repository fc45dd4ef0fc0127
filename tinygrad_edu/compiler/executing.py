"""Source that was written, made into code whose lines a traceback can show."""

from __future__ import annotations

import builtins
import itertools
import linecache
from types import CodeType

__all__ = ["code_of"]

_number = itertools.count(1)


def code_of(source: str, what: str) -> CodeType:
    """The code of some source, to be executed.

    Parameters
    ----------
    source : str
        Lines of Python.
    what : str
        What it is, for tracebacks.
    """
    filename = f"<{what} {next(_number)}>"
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = len(source), None, lines, filename
    return builtins.compile(source, filename, "exec")
