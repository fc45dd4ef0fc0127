"""What a picture shows of a graph: its nodes, its edges, their names and their scopes.

The drawing and the explorer both start here. Everything walks the nodes in the order in which
they were made, so that nothing recurses and the cost is linear in the size of the graph.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Number
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node

__all__ = [
    "Constant",
    "Edge",
    "Graph",
    "Item",
    "Kind",
    "arguments",
    "operands",
    "options",
    "read_graph",
]

Array: TypeAlias = NDArray[Any]
Kind: TypeAlias = str
"""One of "input", "parameter", "constant", "intermediate", "output" and "fold"."""
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
    arrays: dict[int, Constant] = {}  # an array used twice is drawn once
    for node in _nodes(root):
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
    _give_names(graph, names or {})
    _give_scopes(graph)
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
    return sorted(found, key=lambda node: node._order)


def operands(node: Node) -> Iterator[tuple[int, Any]]:
    """The arguments to compute with, by position; the others say how."""
    for position, value in enumerate(node._inputs):
        differentiable = position < len(node._closures) and isinstance(value, Number | list)
        if differentiable or isinstance(value, Node | np.ndarray):
            yield position, value


def arguments(node: Node) -> dict[str, Any]:
    """The arguments of the call that made a node, by their names in the operation's signature."""
    bound: dict[str, Any] = {}
    for parameter in _parameters(node._op):
        rest = node._inputs[len(bound) :]
        if parameter.kind is parameter.VAR_POSITIONAL:
            bound |= {f"{parameter.name}[{i}]": value for i, value in enumerate(rest)}
        elif rest and parameter.kind is not parameter.KEYWORD_ONLY:
            bound[parameter.name] = rest[0]
    return bound | node._options


def options(node: Node) -> str:
    """What a node's call says beside its operands, as it is written: ``axis=0``, ``[1:]``."""
    computed_with = {position for position, _ in operands(node)}
    defaults = {parameter.name: parameter.default for parameter in _parameters(node._op)}
    return ", ".join(
        f"[{_index(value)}]" if name == "index" else f"{name}={_written(value)}"
        for position, (name, value) in enumerate(arguments(node).items())
        if position not in computed_with and not _same(value, defaults.get(name))
    )


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(np.all(value == default)))


def _index(index: Any) -> str:
    """An index as it is written between brackets."""
    return ", ".join(map(_written, index if isinstance(index, tuple) else (index,)))


def _written(value: Any) -> str:
    """An argument as it is written in a call."""
    match value:
        case slice():
            parts = ["" if part is None else str(part) for part in (value.start, value.stop)]
            return ":".join(parts if value.step is None else [*parts, str(value.step)])
        case EllipsisType():
            return "..."
        case np.generic():
            return repr(value.item())
        case np.ndarray():
            return f"array of shape {value.shape}"
    return repr(value)


@lru_cache(maxsize=256)
def _parameters(op: Any) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(op).parameters.values())


# --- names --------------------------------------------------------------------------------


def _give_names(graph: Graph, given: Mapping[str, Any]) -> None:
    """Give each Tensor the name given for it, else its own, else a letter and a number."""
    known = dict(
        reversed([(tensor, name) for name, tensor in named_tensors(given)])
    )  # the first wins
    nodes = [item for item in graph.items if isinstance(item, Node)]
    graph.names = {node: known.get(node) or node.name or "" for node in nodes}
    graph.unnamed = {node for node in nodes if not graph.names[node]}
    taken = set(graph.names.values())
    made_up = {
        "input": _numbered("x"),
        "parameter": _numbered("p"),
        "intermediate": _numbered("t"),
        "output": itertools.chain(["L"], _numbered("L")),  # as in dL/dx
    }
    for node in nodes:
        if node in graph.unnamed:
            names = made_up[graph.kind(node)]
            graph.names[node] = next(name for name in names if name not in taken)


def _numbered(letter: str) -> Iterator[str]:
    return (f"{letter}{i}" for i in itertools.count(1))


def named_tensors(given: Any, path: str = "", depth: int = 4) -> Iterator[tuple[str, Node]]:
    """The Tensors in a mapping of names, in lists and dicts of them, and in modules."""
    if isinstance(given, Node):
        yield path, given
    elif depth == 0:  # a list may contain itself
        return
    elif isinstance(given, Mapping):
        for key, value in given.items():
            yield from named_tensors(value, f"{path}.{key}" if path else str(key), depth - 1)
    elif isinstance(given, list | tuple):
        for i, value in enumerate(given):
            yield from named_tensors(value, f"{path}[{i}]", depth - 1)
    elif hasattr(given, "named_parameters") and not isinstance(given, type):
        for key, value in given.named_parameters():
            yield f"{path}.{key}" if path else key, value


# --- scopes -------------------------------------------------------------------------------


def _give_scopes(graph: Graph) -> None:
    """Draw what was computed where that was, and parameters and constants where they are used."""
    graph.scopes = {item: item._scope if isinstance(item, Node) else () for item in graph.items}
    used: dict[Item, Scope] = {}
    for edge in graph.edges:
        if graph.kind(edge.source) in ("parameter", "constant"):
            scope = graph.scopes[edge.target]
            used[edge.source] = _common(used.get(edge.source, scope), scope)
    graph.scopes |= used


def _common(a: Scope, b: Scope) -> Scope:
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False))
    return tuple(x for x, _ in pairs)
