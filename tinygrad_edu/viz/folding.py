"""Make a large graph small enough to be read: fold scopes, and what repeats itself."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.model import Constant, Edge, Graph, Item, Scope

__all__ = ["Fold", "Vertex", "View", "arrange"]

LONGEST_PERIOD, LEAST_REPEATS = 24, 4


@dataclass(eq=False, slots=True)
class Fold:
    """Several items that are shown as one."""

    name: str
    scope: Scope
    items: list[Item] = field(default_factory=list)


Vertex: TypeAlias = Item | Fold
EdgeKey: TypeAlias = tuple[Vertex, Vertex, int]
Homes: TypeAlias = dict[Item, Vertex]
"""Where each item is seen: as itself, or in a fold."""


@dataclass(slots=True)
class View:
    """What is seen of a graph: its vertices, and the edges that lie between two of them."""

    graph: Graph
    homes: Homes
    vertices: list[Vertex] = field(init=False)
    edges: dict[EdgeKey, list[Edge]] = field(init=False)
    """Edges of the graph that are drawn as one stand together; those inside a fold are missing."""
    keys: dict[Hashable, str] = field(init=False)
    """A short name for each vertex and each edge, by which a page finds it in the picture."""

    def __post_init__(self) -> None:
        self.edges = {}
        for edge in self.graph.edges:
            if self.homes[edge.source] is not self.homes[edge.target]:
                self.edges.setdefault(self.edge(edge), []).append(edge)
        self.vertices = list(dict.fromkeys(self.homes.values()))
        self.keys = {vertex: f"n{i}" for i, vertex in enumerate(self.vertices)}
        self.keys |= {edge: f"e{i}" for i, edge in enumerate(self.edges)}

    def edge(self, edge: Edge) -> EdgeKey:
        """As which edge between vertices an edge of the graph is drawn."""
        source, target = self.homes[edge.source], self.homes[edge.target]
        folded = isinstance(source, Fold) or isinstance(target, Fold)
        return source, target, 0 if folded else edge.position

    def scope(self, vertex: Vertex) -> Scope:
        """The scope in which a vertex is drawn."""
        return vertex.scope if isinstance(vertex, Fold) else self.graph.scopes[vertex]


def arrange(graph: Graph, depth: int | None, max_nodes: int) -> View:
    """Fold the scopes below a depth; and, if there is still too much to see, all that can be."""
    depths = [depth]
    if depth is None:
        deepest = max(map(len, graph.scopes.values()))
        depths += range(deepest - 1, -1, -1)
    for at_most in depths:
        homes = _fold_scopes(graph, at_most)
        if _size(homes) <= max_nodes:
            return View(graph, homes)
    homes = _fold_repeats(graph, homes)
    if _size(homes) > max_nodes:
        raise ValueError(
            f"the graph has {len(homes):,} nodes, and still {_size(homes):,} where scopes and what "
            f"repeats itself are folded; more than max_nodes={max_nodes} can hardly be read. Group "
            "operations with `with tg.scope(name):`, draw an earlier Tensor, or give another "
            "max_nodes="
        )
    return View(graph, homes)


def _size(homes: Homes) -> int:
    return len(set(homes.values()))


# --- scopes -------------------------------------------------------------------------------


def _fold_scopes(graph: Graph, depth: int | None) -> Homes:
    """Let each scope deeper than ``depth`` be one vertex. The root always stays itself."""
    homes: Homes = {item: item for item in graph.items}
    if depth is None:
        return homes
    folds: dict[Scope, Fold] = {}
    for item in graph.items:
        scope = graph.scopes[item][: depth + 1]
        if len(scope) > depth and item is not graph.root:
            folds.setdefault(scope, Fold(scope[-1], scope[:-1])).items.append(item)
    for fold in folds.values():
        if len(fold.items) > 1:
            homes |= dict.fromkeys(fold.items, fold)
    return homes


# --- repeated structure -------------------------------------------------------------------


def _fold_repeats(graph: Graph, homes: Homes) -> Homes:
    """Show the first and the last of many equal pieces, and all between them as one vertex."""
    operations = [
        item
        for item in graph.items
        if isinstance(item, Node) and item._op and item is not graph.root
    ]
    sequence = list(dict.fromkeys(homes[item] for item in operations))
    folds: dict[Vertex, Fold] = {}
    for start, period, repeats in _repetitions(_signatures(graph, homes, sequence)):
        hidden = sequence[start + period : start + period * (repeats - 1)]
        fold = Fold(f"{repeats - 2} times the same", _scope(graph, hidden))
        folds |= dict.fromkeys(hidden, fold)
    homes = {item: folds.get(home, home) for item, home in homes.items()}
    new = set(folds.values())
    _draw_in_leaves(graph, homes, new)
    for item, home in homes.items():
        if home in new:
            home.items.append(item)
    return homes


def _signatures(graph: Graph, homes: Homes, sequence: Sequence[Vertex]) -> list[int]:
    """A number for each vertex, equal for those that do the same to what came just before."""
    index = {vertex: i for i, vertex in enumerate(sequence)}
    parts: list[list[Any]] = [[] for _ in sequence]
    for item, home in homes.items():
        if isinstance(item, Node) and item._op and home in index:
            parts[index[home]].append((item._op.__name__, item._data.shape))
    for edge in graph.edges:
        source, target = index.get(homes[edge.source]), index.get(homes[edge.target])
        if target is not None and source != target:
            parts[target].append(None if source is None else min(target - source, LONGEST_PERIOD))
    known: dict[Any, int] = {}
    return [known.setdefault(tuple(part), len(known)) for part in parts]


def _repetitions(signatures: list[int]) -> Iterator[tuple[int, int, int]]:
    """Where a piece of the sequence follows itself: (start, length of the piece, how often)."""
    s, n = np.array(signatures), len(signatures)
    repeats = np.zeros((LONGEST_PERIOD + 1, n), dtype=int)
    for period in range(1, min(LONGEST_PERIOD, n - 1) + 1):
        repeats[period, :-period] = 1 + _run_lengths(s[period:] == s[:-period]) // period
    repeats[repeats < LEAST_REPEATS] = 0
    longest = np.argmax(repeats * np.arange(LONGEST_PERIOD + 1)[:, None], axis=0)
    start = 0
    while start < n:
        period = int(longest[start])
        if period:
            yield start, period, int(repeats[period, start])
        start += max(1, period * int(repeats[period, start]))


def _run_lengths(same: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each position, how many True follow from there on."""
    stops = np.append(np.flatnonzero(~same), len(same))
    here = np.arange(len(same))
    return stops[np.searchsorted(stops, here)] - here


def _draw_in_leaves(graph: Graph, homes: Homes, folds: set[Fold]) -> None:
    """Let a leaf that only one of the folds uses be in that fold."""
    users: dict[Item, set[Vertex]] = {}
    for edge in graph.edges:
        if isinstance(edge.source, Constant) or edge.source._op is None:
            users.setdefault(edge.source, set()).add(homes[edge.target])
    homes |= {leaf: user for leaf, (user, *others) in users.items() if not others and user in folds}


def _scope(graph: Graph, vertices: Sequence[Vertex]) -> Scope:
    scopes = {v.scope if isinstance(v, Fold) else graph.scopes[v] for v in vertices}
    return scopes.pop() if len(scopes) == 1 else ()
