"""Where in the user's program a node was made, and what the program calls it."""

from __future__ import annotations

import linecache
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from types import FrameType

from tinygrad_edu.engine import Node

__all__ = ["Recorder", "Source"]

LIBRARIES = ("tinygrad_edu", "numpy")


@dataclass(frozen=True, slots=True)
class Source:
    """A line of a program, in the middle of which is the part that was being computed."""

    file: str
    line: int
    before: str
    part: str
    after: str


@dataclass(slots=True)
class Recorder:
    """To be a context's observer: notes for each node its source and the variable that holds it."""

    sources: dict[Node, Source] = field(default_factory=dict)
    names: dict[Node, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    def __call__(self, node: Node) -> None:
        """Note where a node is being made."""
        frames = list(_user_frames(sys._getframe(1)))
        if frames:
            self.sources[node] = _source(frames[0])
        for frame in reversed(frames):  # the outermost function has the most telling names
            self._note_names(frame)

    def _note_names(self, frame: FrameType) -> None:
        """Note the computed Tensors among a function's variables; a name used again is numbered."""
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, Node) and value._op and value not in self.names:
                self.used[name] += 1
                again = f"_{self.used[name]}" if self.used[name] > 1 else ""
                self.names[value] = name + again


def _user_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The user's functions that are running, innermost first, up to where recording was begun."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == "tinygrad_edu.viz.explorer":
            return
        if module.partition(".")[0] not in LIBRARIES:
            yield frame
        frame = frame.f_back


def _source(frame: FrameType) -> Source:
    code = frame.f_code
    first, last, start, end = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    number = first or frame.f_lineno
    text = linecache.getline(code.co_filename, number, frame.f_globals).rstrip()
    line = text.encode()  # positions count bytes
    if start is None or end is None or last != first:
        start, end = len(line) - len(line.lstrip()), len(line)
    parts = (line[:start].lstrip(), line[start:end], line[end:])
    return Source(code.co_filename, number, *(part.decode(errors="replace") for part in parts))
