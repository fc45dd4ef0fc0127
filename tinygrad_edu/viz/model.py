"""What a picture shows of a graph: its nodes, its edges, their names and their scopes.

The drawing and the explorer both start here. Everything walks the nodes in the order in which
they were made, so that nothing recurses and the cost is linear in the size of the graph.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node

__all__ = ["Constant", "Edge", "Graph", "Item", "Kind", "options_of", "read_graph"]

Array: TypeAlias = NDArray[Any]
Kind: TypeAlias = str
"""One of "input", "parameter", "constant", "intermediate", "output" and "fold"."""


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
    """A name for every Tensor."""
    scopes: dict[Item, tuple[str, ...]] = field(default_factory=dict)

    def kind(self, item: Item) -> Kind:
        """What an item is to the graph."""
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
    """Read the graph below a root."""
    graph = Graph(root)
    seen: dict[int, Constant] = {}
    for node in _nodes(root):
        for position, value in _operands(node):
            source = value if isinstance(value, Node) else seen.get(id(value))
            if source is None:
                if not constants:
                    continue
                source = Constant(np.asarray(value))
                graph.items.append(source)
                if isinstance(value, np.ndarray):  # an array used twice is drawn once
                    seen[id(value)] = source
            graph.edges.append(Edge(source, node, position))
        graph.items.append(node)
    graph.names = _names(graph, names or {})
    graph.scopes = _scopes(graph)
    return graph


def _nodes(root: Node) -> list[Node]:
    """The root and all that it was computed from, oldest first."""
    found = {root}
    stack = [root]
    while stack:
        for parent in stack.pop()._inputs:
            if isinstance(parent, Node) and parent not in found:
                found.add(parent)
                stack.append(parent)
    # A leaf that was given new data counts as young; it still comes before what uses it.
    return sorted(found, key=lambda node: (node._op is not None, node._order))


def _operands(node: Node) -> Iterator[tuple[int, Any]]:
    """The arguments that are values, with their positions; the others are options."""
    for position, value in enumerate(node._inputs):
        differentiable = position < len(node._closures) and value is not None
        if differentiable or isinstance(value, Node | np.ndarray):
            yield position, value


def options_of(node: Node) -> str:
    """The options that a node's operation was called with, as written: ``axis=0``."""
    parameters = _parameters(node._op)
    operands = {position for position, _ in _operands(node)}
    positional = {
        parameters[i].name: value
        for i, value in enumerate(node._inputs)
        if i not in operands and i < len(parameters) and parameters[i].default != value
    }
    return ", ".join(f"{k}={v!r}" for k, v in (positional | node._options).items())


@lru_cache(maxsize=256)
def _parameters(op: Any) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(op).parameters.values())


# --- names --------------------------------------------------------------------------------


def _names(graph: Graph, given: Mapping[str, Any]) -> dict[Item, str]:
    """The name given for each Tensor, else its own, else a letter and a number."""
    known = dict(reversed([(t, name) for name, t in _tensors(given)]))  # the first name wins
    nodes = [item for item in graph.items if isinstance(item, Node)]
    names: dict[Item, str] = {node: known.get(node) or node.name or "" for node in nodes}
    taken = set(names.values())
    count: Counter[str] = Counter()
    for node in nodes:
        if names[node]:
            continue
        letter = _LETTERS[graph.kind(node)]
        count[letter] += 1
        while f"{letter}{count[letter]}" in taken:
            count[letter] += 1
        names[node] = f"{letter}{count[letter]}"
    return names


_LETTERS = {"input": "x", "parameter": "p", "intermediate": "t", "output": "t"}


def _tensors(given: Any, path: str = "") -> Iterator[tuple[str, Node]]:
    """The Tensors in a mapping of names, in lists and dicts of them, and in modules."""
    if isinstance(given, Node):
        yield path, given
    elif isinstance(given, Mapping):
        for key, value in given.items():
            yield from _tensors(value, f"{path}.{key}" if path else str(key))
    elif isinstance(given, list | tuple):
        for i, value in enumerate(given):
            yield from _tensors(value, f"{path}[{i}]")
    elif hasattr(given, "named_parameters") and not isinstance(given, type):
        for key, value in given.named_parameters():
            yield f"{path}.{key}" if path else key, value


# --- scopes -------------------------------------------------------------------------------


def _scopes(graph: Graph) -> dict[Item, tuple[str, ...]]:
    """The scope of each item: a parameter and a constant belong where they are used."""
    scopes: dict[Item, tuple[str, ...]] = {
        item: item._context.scope if isinstance(item, Node) else () for item in graph.items
    }
    users: dict[Item, tuple[str, ...]] = {}
    for edge in graph.edges:
        scope = scopes[edge.target]
        users[edge.source] = _common(users.get(edge.source, scope), scope)
    for item, scope in users.items():
        if graph.kind(item) in ("parameter", "constant"):
            scopes[item] = scope
    return scopes


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(x for x, y in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
