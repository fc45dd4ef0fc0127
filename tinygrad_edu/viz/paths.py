"""The paths from the root of a graph to a leaf: the gradient is the sum of what each brings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from tinygrad_edu.absorbing import absorbed, has_nan
from tinygrad_edu.broadcasting import broadcasts, unbroadcast
from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.gradients import Contribution, unit_seed
from tinygrad_edu.viz.model import Graph

__all__ = ["Path", "Paths", "paths_to_leaves"]

MOST_PATHS = 8

Leaving: TypeAlias = dict[Node, list[Contribution]]
"""The edges over which a gradient leaves a node."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the root back to a leaf."""

    flows: list[Contribution]
    """Its edges, from the root on."""
    gradient: Array
    """What it brings to the leaf."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths from the root back to a leaf."""

    leaf: Node
    count: int
    first: list[Path]
    """Some of them; all, if they are few."""


def paths_to_leaves(graph: Graph, flows: Iterable[Contribution]) -> Iterator[Paths]:
    """The paths to each leaf that gets a gradient, in the order in which the leaves were made."""
    leaving: Leaving = defaultdict(list)
    for flow in flows:
        leaving[flow.node].append(flow)
    reached = {flow.parent for found in leaving.values() for flow in found}
    for leaf in graph.nodes:
        if leaf in reached and not leaf._op:
            counts = _counts(graph, leaving, leaf)
            first = islice(_walk(graph, leaving, leaf, counts), MOST_PATHS)
            yield Paths(leaf, counts[graph.root], list(first))


def _counts(graph: Graph, leaving: Leaving, leaf: Node) -> dict[Node, int]:
    """How many paths lead from each node back to a leaf."""
    counts = dict.fromkeys(graph.nodes, 0) | {leaf: 1}
    for node in graph.nodes:  # the inputs of a node come before it
        if node in leaving:
            counts[node] = sum(counts[flow.parent] for flow in leaving[node])
    return counts


Trail: TypeAlias = "tuple[Contribution, Trail] | None"
"""The last edge of a path, and what comes before: paths that part share their beginning."""


def _walk(graph: Graph, leaving: Leaving, leaf: Node, counts: dict[Node, int]) -> Iterator[Path]:
    """Go along one path after the other, each with a gradient of its own."""
    pending: list[tuple[Node, Array, Trail]] = [(graph.root, unit_seed(graph), None)]
    while pending:
        node, gradient, trail = pending.pop()
        if node is leaf:
            yield Path(_edges(trail), gradient)
        pending += [
            (flow.parent, _passed(flow, gradient), (flow, trail))
            for flow in reversed(leaving[node])
            if counts[flow.parent]
        ]


def _edges(trail: Trail) -> list[Contribution]:
    found = []
    while trail:
        flow, trail = trail
        found.append(flow)
    return found[::-1]


def _passed(flow: Contribution, gradient: Array) -> Array:
    """What an edge makes of a gradient, as the engine does it: 0 times inf is 0."""
    returned = flow.through(gradient)
    if has_nan(returned):
        returned = absorbed(flow.through, gradient)
    parent = flow.parent._array
    if broadcasts(parent.shape, returned.shape):
        returned = unbroadcast(returned, parent.shape)
    return returned.reshape(parent.shape).astype(parent.dtype)
