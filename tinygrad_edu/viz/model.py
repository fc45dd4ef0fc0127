"""What a picture shows of a graph: its nodes, its edges, their names and their scopes.

The drawing and the explorer both start here. Everything walks the nodes in the order in which
they were made, so that nothing recurses and the cost is linear in the size of the graph.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_edu.engine import Node, nodes_of
from tinygrad_edu.trees import named_leaves
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.calls import operands

__all__ = [
    "Constant",
    "Edge",
    "Graph",
    "Item",
    "Kind",
    "Scope",
    "checked_names",
    "common_scope",
    "named_tensors",
    "read_graph",
]

Kind: TypeAlias = Literal["input", "parameter", "constant", "intermediate", "output", "fold"]
"""The role of an item in a graph; a fold stands for several items in a picture of it."""

Scope: TypeAlias = tuple[str, ...]


@dataclass(eq=False, slots=True)
class Constant:
    """An input of an operation that is no Tensor: a number, or an array."""

    data: Array


Item: TypeAlias = Node | Constant


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` is the input of ``target`` at a position among its arguments."""

    source: Item
    target: Node
    position: int


@dataclass(slots=True)
class Graph:
    """All that a root was computed from."""

    root: Node
    items: list[Item] = field(default_factory=list)
    """Oldest first; a constant stands before the first operation that takes it."""
    edges: list[Edge] = field(default_factory=list)
    names: dict[Item, str] = field(default_factory=dict)
    """A name for every Tensor: given, or made up."""
    unnamed: set[Item] = field(default_factory=set)
    """Those whose name was made up."""
    scopes: dict[Item, Scope] = field(default_factory=dict)
    """Where each is drawn."""

    @property
    def nodes(self) -> list[Node]:
        """The items that are Tensors."""
        return [item for item in self.items if isinstance(item, Node)]

    def kind(self, item: Item) -> Kind:
        """The role of an item in the graph."""
        if isinstance(item, Constant):
            return "constant"
        if item is self.root:
            return "output"
        if item._op is not None:
            return "intermediate"
        return "parameter" if item._requires_grad else "input"


def read_graph(
    root: Node, names: Mapping[str, Any] | None = None, *, constants: bool = True
) -> Graph:
    """Read the graph below a root; names are as in `draw_graph`."""
    graph = Graph(root)
    arrays: dict[int, Constant] = {}  # an array used twice is drawn once
    for node in nodes_of(root):
        for position, value in operands(node):
            source = value if isinstance(value, Node) else arrays.get(id(value))
            if source is None:
                if not constants:
                    continue
                source = Constant(np.asarray(value))
                graph.items.append(source)
                if isinstance(value, np.ndarray):
                    arrays[id(value)] = source
            graph.edges.append(Edge(source, node, position))
        graph.items.append(node)
    _give_names(graph, checked_names(names))
    _give_scopes(graph)
    return graph


# --- names --------------------------------------------------------------------------------


def checked_names(names: Any) -> dict[str, Any]:
    """The names that were given, as a dict, which is empty for None."""
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise TypeError(
            "names must be a mapping of names to Tensors, as locals() is one; got "
            f"{type(names).__name__}"
        )
    return dict(names)


def _give_names(graph: Graph, given: Mapping[str, Any]) -> None:
    """Give each Tensor the name given for it, else its own, else a letter and a number."""
    known: dict[Item, str] = {}
    for name, tensor in named_tensors(given):
        known.setdefault(tensor, name)
    graph.names = {node: str(known.get(node) or node.name or "") for node in graph.nodes}
    graph.unnamed = {node for node, name in graph.names.items() if not name}
    taken = set(graph.names.values())
    made_up = {
        "input": _numbered("x"),
        "parameter": _numbered("p"),
        "intermediate": _numbered("t"),
        "output": itertools.chain(["L"], _numbered("L")),  # as in dL/dx
    }
    for node in graph.nodes:
        if node in graph.unnamed:
            names = made_up[graph.kind(node)]
            graph.names[node] = next(name for name in names if name not in taken)


def _numbered(letter: str) -> Iterator[str]:
    return (f"{letter}{i}" for i in itertools.count(1))


def named_tensors(given: Any) -> Iterator[tuple[str, Node]]:
    """The Tensors in a mapping of names, in lists and dicts of them, and in modules."""
    for name, x in named_leaves(given, index="[{}]"):
        if isinstance(x, Node):
            yield name, x
        elif hasattr(x, "named_parameters") and not isinstance(x, type):
            for path, parameter in x.named_parameters():
                yield f"{name}.{path}" if name else path, parameter


# --- scopes -------------------------------------------------------------------------------


def _give_scopes(graph: Graph) -> None:
    """The scope of each item: where it was computed; of parameters and constants, where used."""
    graph.scopes = {item: item._scope if isinstance(item, Node) else () for item in graph.items}
    used: dict[Item, Scope] = {}
    for edge in graph.edges:
        if graph.kind(edge.source) in ("parameter", "constant"):
            scope = graph.scopes[edge.target]
            used[edge.source] = common_scope(used.get(edge.source, scope), scope)
    graph.scopes |= used


def common_scope(a: Scope, b: Scope) -> Scope:
    """The innermost scope around two."""
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False))
    return tuple(x for x, _ in pairs)
