"""What is seen of a graph: its items, or folds of several, and the arrows between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.calls import symbol
from tinygrad_edu.viz.model import Edge, Graph, Item, Kind, Scope

__all__ = ["Arrow", "Fold", "Homes", "Vertex", "View"]

MOST_KINDS = 4  # of operations that a fold names


@dataclass(eq=False, slots=True)
class Fold:
    """Several items that are shown as one."""

    name: str
    scope: Scope
    items: list[Item] = field(default_factory=list)

    def contents(self) -> list[str]:
        """What is inside, in a few lines."""
        nodes = [item for item in self.items if isinstance(item, Node)]
        operations = Counter(symbol(node) for node in nodes if node._op)
        sizes = [node._array.size for node in nodes if not node._op and node._requires_grad]
        lines = []
        if operations:
            most = [f"{n} {kind}" for kind, n in operations.most_common(MOST_KINDS)]
            others = len(operations) - len(most)
            rest = [_count(others, "other kind")] if others else []
            lines.append(f"{_count(operations.total(), 'operation')}: {', '.join(most + rest)}")
        if sizes:
            lines.append(f"{_count(len(sizes), 'parameter')}: {_count(sum(sizes), 'number')}")
        return lines


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


Vertex: TypeAlias = Item | Fold


class Arrow(NamedTuple):
    """An edge between two vertices. Those of a fold are drawn as one, whatever their position."""

    source: Vertex
    target: Vertex
    position: int


Homes: TypeAlias = dict[Item, Vertex]
"""Where each item is seen: as itself, or in a fold."""


@dataclass(slots=True)
class View:
    """What is seen of a graph: its vertices, and the arrows between them."""

    graph: Graph
    homes: Homes
    vertices: list[Vertex] = field(init=False)
    arrows: list[Arrow] = field(init=False)
    keys: dict[Vertex | Arrow, str] = field(init=False)
    """A short name for each vertex and each arrow, by which a page finds it in the picture."""

    def __post_init__(self) -> None:
        self.vertices = list(dict.fromkeys(self.homes.values()))
        arrows = map(self.arrow, self.graph.edges)
        self.arrows = list(dict.fromkeys(arrow for arrow in arrows if arrow is not None))
        self.keys = {vertex: f"n{i}" for i, vertex in enumerate(self.vertices)}
        self.keys |= {arrow: f"e{i}" for i, arrow in enumerate(self.arrows)}

    def arrow(self, edge: Edge) -> Arrow | None:
        """As which arrow an edge of the graph is drawn; None if it is hidden in a fold."""
        source, target = self.homes[edge.source], self.homes[edge.target]
        if source is target:
            return None
        folded = isinstance(source, Fold) or isinstance(target, Fold)
        return Arrow(source, target, 0 if folded else edge.position)

    def scope(self, vertex: Vertex) -> Scope:
        """The scope in which a vertex is drawn."""
        return vertex.scope if isinstance(vertex, Fold) else self.graph.scopes[vertex]

    def kind(self, vertex: Vertex) -> Kind:
        """What a vertex is to the picture."""
        return "fold" if isinstance(vertex, Fold) else self.graph.kind(vertex)

    def name(self, vertex: Vertex) -> str:
        """What a vertex is called; a constant has no name."""
        return vertex.name if isinstance(vertex, Fold) else self.graph.names.get(vertex, "")
