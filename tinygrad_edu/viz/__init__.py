"""Pictures of computations: drawn graphs, and pages on which a gradient can be followed.

What draws is imported when it is first asked for: Graphviz and the page take longer to import than
the rest of the library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.viz.explorer import explore
    from tinygrad_edu.viz.graph import draw_graph

__all__ = ["draw_graph", "explore"]

_HOMES = {"draw_graph": "graph", "explore": "explorer"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
