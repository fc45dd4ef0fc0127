"""A view of a graph: its items, or folds of several, and the arrows between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.calls import symbol
from tinygrad_edu.viz.model import Edge, Graph, Item, Kind, Scope
from tinygrad_edu.viz.saved import in_bytes, saved

__all__ = ["Arrow", "Fold", "Homes", "Vertex", "View"]

MOST_KINDS = 4  # of operations, and of shapes, that a fold names


@dataclass(eq=False, slots=True)
class Fold:
    """Several items that are shown as one."""

    name: str
    scope: Scope
    items: list[Item] = field(default_factory=list)
    note: str = ""
    """What else there is to say of them."""

    def contents(self) -> list[str]:
        """What is inside, in a few lines."""
        nodes = [item for item in self.items if isinstance(item, Node)]
        operations = Counter(symbol(node) for node in nodes if node._op)
        sizes = [node._array.size for node in nodes if not node._op and node._requires_grad]
        lines = [self.note] if self.note else []
        if operations:
            most = [f"{n} {kind}" for kind, n in operations.most_common(MOST_KINDS)]
            others = len(operations) - len(most)
            rest = [_count(others, "other kind")] if others else []
            lines.append(f"{_count(operations.total(), 'operation')}: {', '.join(most + rest)}")
        if sizes:
            lines.append(f"{_count(len(sizes), 'parameter')}: {_count(sum(sizes), 'number')}")
        if kept := saved(nodes):
            lines.append(f"kept for the way back: {_count(len(kept), 'array')}, {in_bytes(kept)}")
        return lines


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _shapes(items: Iterable[Item]) -> str:
    """The shapes of some Tensors: ``(4, 2)``, ``3 × (4, 2)``."""
    counts = Counter(item._array.shape for item in items if isinstance(item, Node))
    written = [f"{n} × {shape}" if n > 1 else str(shape) for shape, n in counts.items()]
    return ", ".join(written[:MOST_KINDS] + ["…"] * (len(written) > MOST_KINDS))


Vertex: TypeAlias = Item | Fold


class Arrow(NamedTuple):
    """An edge between two vertices. Those of a fold are drawn as one, whatever their position."""

    source: Vertex
    target: Vertex
    position: int


Homes: TypeAlias = dict[Item, Vertex]
"""The vertex that shows each item: the item itself, or a fold."""


@dataclass(slots=True)
class View:
    """A view of a graph: its vertices, and the arrows between them."""

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
        """The role of a vertex in the picture."""
        return "fold" if isinstance(vertex, Fold) else self.graph.kind(vertex)

    def computed(self) -> list[Node | Fold]:
        """The vertices that compute something, in the order in which they are done."""
        done: dict[Vertex, None] = {}
        for node in self.graph.nodes:
            if node._op:
                done.pop(self.homes[node], None)  # a fold is done when the last in it is
                done[self.homes[node]] = None
        return [vertex for vertex in done if isinstance(vertex, Node | Fold)]

    def contents(self, fold: Fold) -> list[str]:
        """What is inside a fold, and the shapes of what goes in and comes out, in a few lines."""
        into: dict[Item, None] = {}
        out: dict[Item, None] = {}
        for edge in self.graph.edges:
            source, target = self.homes[edge.source], self.homes[edge.target]
            if source is not target:
                if target is fold and self.graph.kind(edge.source) in ("input", "intermediate"):
                    into[edge.source] = None
                if source is fold:
                    out[edge.source] = None
        ways = [f"{way} {_shapes(items)}" for way, items in (("in", into), ("out", out)) if items]
        return [", ".join(ways), *fold.contents()] if ways else fold.contents()

    def name(self, vertex: Vertex) -> str:
        """What a vertex is called; a constant has no name."""
        return vertex.name if isinstance(vertex, Fold) else self.graph.names.get(vertex, "")
