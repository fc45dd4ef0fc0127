"""The function of the user, line by line, and which line computes what."""

from __future__ import annotations

import inspect
import linecache
from textwrap import dedent
from typing import Any

from tinygrad_edu.engine import Node
from tinygrad_edu.source import Source
from tinygrad_edu.viz.view import Fold, Vertex, View

__all__ = ["program_table"]


def program_table(view: View) -> dict[str, Any] | None:
    """The lines of the function that was explored, and by vertex those in which it is computed.

    None if it is not known, as after a Tensor, or where a function has no source.
    """
    sources = {vertex: _sources(vertex) for vertex in view.vertices}
    first = next((found[0] for found in sources.values() if found), None)
    lines = _lines(first) if first else []
    if first is None or not lines:
        return None
    return {
        "file": first.file.replace("\\", "/").rpartition("/")[2],
        "begin": first.begin,
        "lines": lines,
        "running": {
            view.keys[vertex]: _running(vertex, found) for vertex, found in sources.items() if found
        },
    }


def _sources(vertex: Vertex) -> list[Source]:
    """Where the outermost function computes a vertex; several places of a fold."""
    items = vertex.items if isinstance(vertex, Fold) else [vertex]
    # A source is set only under an observer.
    found = (getattr(item, "_source", None) for item in items if isinstance(item, Node))
    return [source.outer for source in found if source and source.outer]


def _lines(source: Source) -> list[str]:
    """The lines of the function that a source is in."""
    lines = linecache.getlines(source.file)[source.begin - 1 :]
    return dedent("".join(inspect.getblock(lines))).splitlines() if lines else []


def _running(vertex: Vertex, sources: list[Source]) -> list[dict[str, Any]]:
    """The lines that compute a vertex, in parts; of a fold, which has many, as wholes."""
    parts = {source.line - source.begin: source[2:5] for source in sources}
    return [
        {"line": line, "parts": None if isinstance(vertex, Fold) else list(three)}
        for line, three in parts.items()
    ]
