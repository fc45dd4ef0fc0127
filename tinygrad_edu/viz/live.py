"""A computation that can be repeated with other numbers, and what a live page has to know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinygrad_edu.context import within
from tinygrad_edu.engine import Node
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.arrays import Array, number_rows, texts
from tinygrad_edu.viz.gradients import Contribution, quantities, retrace
from tinygrad_edu.viz.marks import Marks
from tinygrad_edu.viz.model import Graph, read_graph
from tinygrad_edu.viz.paths import Path, paths_to_leaves
from tinygrad_edu.viz.slopes import slopes
from tinygrad_edu.viz.view import View

__all__ = ["Compute", "Live", "Repeated"]

TRIES = 0.1, 1.0, 10.0  # how large random numbers are with which a function is tried
MOST_NUMBERS = 100  # of a leaf, that a reader may change one by one

Numbers: TypeAlias = list[float | str] | str
"""An array as a page knows it: its numbers, row by row; of a large one what its card says."""

Given: TypeAlias = Sequence[Sequence[float | str]]
"""The numbers of each leaf, row by row; those that are not finite as text."""

Compute: TypeAlias = Callable[[], tuple[Any, dict[str, Any]]]
"""Computes something: its root, and names for Tensors."""


class Repeated(NamedTuple):
    """A computation with other numbers in its leaves."""

    root: Any
    names: dict[str, Any]
    stand_ins: dict[Node, Node]
    """For the leaves that were given, those with other numbers."""


class Live:
    """A computation, and how to repeat it with other numbers in its leaves.

    Parameters
    ----------
    view
        The computation, as it is shown.
    marks
        What of it is on the page.
    compute
        Computes it again: the root, and names for Tensors. Without it, the recorded operations are
        repeated.
    since
        What is younger was made by the computation itself, and is no leaf whose numbers to change.
    stand_ins
        For leaves that were given, those in the graph that stand in for them.
    batches
        For leaves that are one row of a batch, all rows.
    """

    def __init__(
        self,
        view: View,
        marks: Marks,
        compute: Compute | None = None,
        since: float = np.inf,
        stand_ins: Mapping[Node, Node] | None = None,
        batches: Mapping[Node, Array] | None = None,
    ) -> None:
        self.graph: Graph = view.graph
        self._stand_ins = dict(stand_ins or {})
        self._originals = {stand_in: leaf for leaf, stand_in in self._stand_ins.items()}
        self._batches = dict(batches or {})
        self.leaves: list[Node] = [
            node
            for node in self.graph.nodes
            if _can_change(node) and (node._order < since or node in self._originals)
        ]
        self._view = view
        self._compute = compute
        values = {node: f"v{i}" for i, node in enumerate(self.graph.nodes)}
        flows = list(retrace(self.graph))
        gradients = {flow.parent: f"a{flow.index}" for flow in flows}
        self._nodes = {
            view.keys[vertex]: {"value": values[vertex], "gradient": gradients.get(vertex, "")}
            for vertex in view.vertices
            if isinstance(vertex, Node)
        }
        self._root = values[self.graph.root]
        self._values = [values[leaf] for leaf in self.leaves]
        self._gradients = [gradients.get(leaf) for leaf in self.leaves]
        self._complete = {self._root, *self._values, *filter(None, self._gradients)}
        self._slopes = _slopes(view, flows, gradients)
        self._paths = {
            key: [flow.index for flow in p.flows] for key, p in _paths(view.graph, flows)
        }
        parts = [*self._nodes.values(), *self._slopes.values()]
        shown = {key for keys in parts for key in keys.values() if key} | self._paths.keys()
        self._wanted = marks.used | self._complete | shown

    def data(self) -> dict[str, Any]:
        """What the page has to know."""
        names, keys, homes = self.graph.names, self._view.keys, self._view.homes
        found = self._found(self.graph)
        parts = zip(self.leaves, self._values, self._gradients, strict=True)
        return {
            "name": names[self.graph.root],
            "root": self._root,
            "leaves": [
                {
                    "name": names[leaf],
                    "rows": self._rows(leaf),
                    "node": keys[homes[leaf]],
                    "shape": leaf._array.shape,
                    "value": value,
                    "gradient": gradient,
                }
                for leaf, value, gradient in parts
            ],
            "nodes": self._nodes,
            "slopes": self._slopes,
            "paths": self._paths,
            "shapes": {key: array.shape for key, array in found.items()},
            "whole": [key for key, array in found.items() if array.dtype.kind in "iub"],
            "arrays": self._numbers(found),
        }

    def _rows(self, leaf: Node) -> list[Numbers]:
        """Of what is a row of a batch, the numbers of every row."""
        batch = self._batches.get(self._originals.get(leaf, leaf), ())
        return [_numbers(row) for row in batch]

    def run(self, given: Given) -> dict[str, Numbers] | None:
        """The arrays of the page for other numbers in the leaves; None if the graph is another."""
        with np.errstate(all="ignore"):  # who tries everything divides by 0, too
            graph = read_graph(self.repeat(given).root)
            if list(_structure(graph)) != list(_structure(self.graph)):
                return None
            return self._numbers(self._found(graph))

    def changes(self) -> bool:
        """Whether the function is seen to compute something else for some other numbers.

        An ``if`` may go the other way, a mask have other entries, random numbers be drawn. Tried
        are the numbers of the other sign, and a few at random.
        """
        if self._compute is None:  # the operations are what they are
            return False
        rng = np.random.default_rng(seed=0)
        given = [leaf._array.ravel() for leaf in self.leaves]
        tries = [[-x for x in given]]
        tries += [[scale * rng.normal(size=x.shape) for x in given] for scale in TRIES]
        for numbers in tries:
            with suppress(Exception):  # to refuse numbers is not to compute something else
                if self.run([x.tolist() for x in numbers]) is None:
                    return True
        return False

    def repeat(self, given: Given) -> Repeated:
        """Compute with other numbers in the leaves.

        What a function holds is not changed: other Tensors stand in for its leaves.
        """
        stand_ins = dict(self._stand_ins)  # also of what is not in the graph as it is now
        for leaf, numbers in zip(self.leaves, given, strict=True):
            array = np.array([*map(float, numbers)], leaf._array.dtype).reshape(leaf._array.shape)
            original = self._originals.get(leaf, leaf)
            stand_ins[original] = Tensor(array, leaf._requires_grad, name=leaf.name)
        if self._compute is None:
            return Repeated(_replayed(self.graph, stand_ins), {}, stand_ins)
        with within(stand_in=lambda x: stand_ins.get(x, x)):
            root, names = self._compute()
        return Repeated(root, {k: stand_ins.get(x, x) for k, x in names.items()}, stand_ins)

    def _found(self, graph: Graph) -> dict[str, Array]:
        """The arrays that the page shows."""
        flows = list(retrace(graph))
        found = {key: x for key, x in quantities(graph, flows) if key in self._wanted}
        passed = {f"s{flow.index}": flow for flow in flows}
        found |= {key: passed[key].slope for key in sorted(self._wanted & passed.keys())}
        return found | {key: path.gradient for key, path in _paths(graph, flows)}

    def _numbers(self, found: Mapping[str, Array]) -> dict[str, Numbers]:
        return {
            key: _numbers(array)
            if key in self._complete or number_rows(array)
            else ", ".join(texts(array))
            for key, array in found.items()
        }


def _can_change(node: Node) -> bool:
    """Whether a node is a leaf whose numbers can be changed one by one."""
    array = node._array
    return node._op is None and array.dtype.kind == "f" and 0 < array.size <= MOST_NUMBERS


def _slopes(
    view: View, flows: list[Contribution], gradients: Mapping[Node, str]
) -> dict[str, dict[str, str]]:
    """For each edge, of which arrays its label tells: slopes, or gradients before and after it."""
    labels = slopes(view, flows)
    found = {}
    for flow in flows:
        arrow = view.arrow(flow.edge)
        if arrow is None or arrow not in labels:
            continue
        label = labels[arrow].text
        if label.startswith("×"):
            found[view.keys[arrow]] = {"slope": f"s{flow.index}"}
        elif label.startswith("‖"):
            before = gradients.get(flow.node, "")  # the root has none, it begins with 1
            found[view.keys[arrow]] = {"before": before, "after": f"f{flow.index}"}
    return found


def _paths(graph: Graph, flows: list[Contribution]) -> Iterator[tuple[str, Path]]:
    """The paths to each leaf, with a key for what comes back over each."""
    for i, paths in enumerate(paths_to_leaves(graph, flows)):
        for j, path in enumerate(paths.first):
            yield f"p{i}.{j}", path


def _replayed(graph: Graph, stand_ins: Mapping[Node, Node]) -> Node:
    """The root, computed by the recorded operations from others in place of some leaves."""
    known = dict(stand_ins)
    for node in graph.nodes:
        if node._op:
            inputs = [known.get(x, x) if isinstance(x, Node) else x for x in node._inputs]
            known[node] = node._op(*inputs, **node._options)
    return known[graph.root]


def _structure(graph: Graph) -> Iterator[Any]:
    """What is computed from what: of equal graphs, pictures differ only in their numbers."""
    index = {node: i for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        inputs = [index[x] if isinstance(x, Node) else repr(x) for x in node._inputs]
        yield node._op, node._array.shape, node._array.dtype, inputs, repr(node._options)


def _numbers(array: Array) -> Numbers:
    """The numbers of an array, as JSON can hold them."""
    return [x if np.isfinite(x) else _NOT_FINITE[str(x)] for x in array.ravel().tolist()]


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # as JavaScript reads them
