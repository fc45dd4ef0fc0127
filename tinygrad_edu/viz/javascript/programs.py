"""A recorded graph as data, for ``engine.js`` to run it again with other numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.calls import arguments, defaults, name
from tinygrad_edu.viz.formulas import hold
from tinygrad_edu.viz.javascript.expressions import Operation, operation
from tinygrad_edu.viz.model import Constant, Graph
from tinygrad_edu.viz.pages import json_number

__all__ = ["Program", "encoded", "program"]


@dataclass(frozen=True, slots=True)
class Program:
    """A graph as data, and the operations in it; to be run if nothing is missing."""

    data: dict[str, Any]
    """``{"items": [...], "root": 5}``, as JSON can say it; the items are in the graph's order."""
    operations: tuple[Operation, ...]
    missing: dict[Node, str]
    """What cannot be computed in a page, by node: the operation, and what there is against it."""


def program(graph: Graph) -> Program:
    """Write a graph as a program.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz.model import read_graph
    >>> x = tg.Tensor(0.5, requires_grad=True)
    >>> found = program(read_graph(tg.tanh(x)))
    >>> [item.get("call") for item in found.data["items"]][1]["arguments"]
    {'x': {'item': 0}}
    >>> found.missing
    {}
    >>> program(read_graph(tg.cumsum(x))).missing.values()
    dict_values(['cumsum has no formula to compute with'])
    """
    places = {item: i for i, item in enumerate(graph.items)}
    sources = {(edge.target, edge.position): places[edge.source] for edge in graph.edges}
    used: dict[str, Operation] = {}
    missing: dict[Node, str] = {}
    items: list[dict[str, Any]] = []
    for item in graph.items:
        array = array_of(item.data if isinstance(item, Constant) else item)
        items.append({"dtype": str(array.dtype)})
        if isinstance(item, Constant) or item._op is None:
            items[-1]["value"] = encoded(array)
            continue
        try:
            found = _operation(item)
            items[-1]["call"] = _call(item, found, sources)
            used[found.name] = found
        except NotImplementedError as error:
            missing[item] = f"{name(item)} {error}"
    return Program({"items": items, "root": places[graph.root]}, tuple(used.values()), missing)


def _operation(node: Node) -> Operation:
    found = operation(node._op) if node._op else None
    if found is None:
        raise NotImplementedError("has no formula to compute with")
    if not hold(node):
        raise NotImplementedError("has no formula for these arguments")
    return found


def _call(node: Node, found: Operation, sources: Mapping[tuple[Node, int], int]) -> dict[str, Any]:
    """The call that made a node: which operation, of what, and over which edges gradients pass."""
    written: dict[str, Any] = {}
    edges: list[dict[str, Any]] = []
    for position, (argument, value) in enumerate(arguments(node).items()):
        item = sources.get((node, position))
        group, _, place = argument.partition("[")  # arrays[0], arrays[1] ... are one argument
        if argument == "index":
            written[argument] = _index(node, value)
        elif place:
            written.setdefault(group, {"items": []})["items"].append(item)
        else:
            written[argument] = _option(argument, value) if item is None else {"item": item}
        if isinstance(value, Node) and value._requires_grad:
            if group not in found.slopes | found.gradients:
                raise NotImplementedError(f"states no derivative by {argument}")
            edge = {"position": position, "name": group, "parent": item}
            edges.append(edge | ({"place": int(place[:-1])} if place else {}))
    left_out = {k: _option(k, value) for k, value in defaults(node).items() if k not in written}
    return {"operation": found.name, "arguments": written | left_out, "edges": edges}


def _index(node: Node, index: Any) -> dict[str, Any]:
    """Which elements an index chooses of an array, all of them in a row."""
    given = arguments(node)
    shape = given["shape"] if "shape" in given else array_of(given["x"]).shape
    chosen = np.arange(int(np.prod(shape))).reshape(shape)[_plain(index)]
    return {"positions": np.ravel(chosen).tolist(), "shape": list(np.shape(chosen))}


def _plain(index: Any) -> Any:
    """An index without Tensors."""
    if isinstance(index, tuple):
        return tuple(map(_plain, index))
    return index._array if isinstance(index, Node) else index


def _option(argument: str, value: Any) -> Any:
    """An argument that says how, as JSON."""
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            return encoded(np.asarray(value))["data"][0]
        case np.generic():
            return _option(argument, value.item())
        case np.ndarray() | list() | tuple():
            return [_option(argument, part) for part in value]
    raise NotImplementedError(f"takes a {type(value).__name__} for {argument}")


def encoded(array: Array) -> dict[str, Any]:
    """An array as JSON, which has no nan and no inf: those are words that JavaScript reads."""
    numbers = np.asarray(array, dtype=np.float64).ravel()
    return {"shape": list(array.shape), "data": list(map(json_number, numbers.tolist()))}
