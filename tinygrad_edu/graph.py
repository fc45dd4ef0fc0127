"""The graph that a computation has left behind."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.engine import Node

__all__ = ["nodes_of"]


def nodes_of(root: Node) -> list[Any]:
    """The root and all that it was computed from, the oldest first."""
    found, pending = {root}, [root]
    while pending:
        for x in pending.pop()._inputs:
            if isinstance(x, Node) and x not in found:
                found.add(x)
                pending.append(x)
    return sorted(found, key=lambda node: node._order)
