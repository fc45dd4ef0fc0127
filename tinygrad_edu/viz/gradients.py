"""The backward pass, edge by edge, to be shown: it writes to no ``.grad``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.engine import Node, edges
from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.model import Edge, Graph
from tinygrad_edu.viz.view import Arrow, View

__all__ = [
    "Contribution",
    "edge_strengths",
    "gradients",
    "quantities",
    "retrace",
    "retraced",
    "root_gradient",
    "unit_seed",
]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one edge sends back: dL/d(node), through the node's closure, to one of its inputs."""

    node: Node
    position: int
    parent: Node
    incoming: Array
    """dL/d(node)."""
    returned: Array
    """What the closure made of it."""
    fitted: Array
    """The same in the shape and the dtype of the parent."""
    before: Array | None
    """What the parent had got over other edges."""
    after: Array
    index: int
    """Its place in the walk, counted from 0."""
    nth: int
    """Which of the contributions to the parent this is, counted from 1,"""
    uses: int
    """and of how many: the gradient is complete with the last."""

    @property
    def edge(self) -> Edge:
        """The edge of the graph, which points the other way."""
        return Edge(self.parent, self.node, self.position)

    def through(self, gradient: Array) -> Array:
        """What the closure makes of another gradient."""
        closure = self.node._closures[self.position]
        with np.errstate(all="ignore"):
            return np.asarray(closure(gradient) if closure else 0.0)

    @property
    def slope(self) -> Array:
        """The derivative of every element: what comes back of a gradient of 1."""
        return self.through(np.ones_like(self.incoming))


def retrace(graph: Graph, seed: Array | None = None) -> Iterator[Contribution]:
    """Go through the backward pass edge by edge, in the order of the engine.

    ``seed`` is the gradient of the root, with which it begins; ones by default.

    Raises
    ------
    RuntimeError
        If the data of a leaf was changed since the graph was recorded.
    """
    seed = unit_seed(graph) if seed is None else seed
    gradients = {graph.root: np.asarray(seed)}
    passed = edges({graph.root: seed})
    uses = Counter(edge[2] for edge in passed)
    seen: Counter[Node] = Counter()
    for i, (node, position, parent, _, returned, fitted) in enumerate(passed):
        fitted, before = np.asarray(fitted), gradients.get(parent)
        after = gradients[parent] = fitted if before is None else np.asarray(before + fitted)
        seen[parent] += 1
        yield Contribution(
            node=node,
            position=position,
            parent=parent,
            incoming=gradients[node],
            returned=np.asarray(returned),
            fitted=fitted,
            before=before,
            after=after,
            index=i,
            nth=seen[parent],
            uses=uses[parent],
        )


def unit_seed(graph: Graph) -> Array:
    """The gradient of the root with respect to itself."""
    return np.ones_like(graph.root._array)


def retraced(graph: Graph, seed: Array | None = None) -> dict[Node, Array]:
    """The gradient of every node that the backward pass reaches."""
    gradients = {graph.root: unit_seed(graph) if seed is None else seed}
    return gradients | {flow.parent: flow.after for flow in retrace(graph, seed)}


def quantities(graph: Graph, flows: Iterable[Contribution]) -> Iterator[tuple[str, Array]]:
    """All arrays that a story tells of, with a key for each; of the same graph, the same keys.

    The value of each node, and what each edge sends back: as the closure returned it, in the shape
    of the parent, and added to what the parent had got.
    """
    for i, node in enumerate(graph.nodes):
        yield f"v{i}", node._array
    for flow in flows:
        yield f"r{flow.index}", flow.returned
        yield f"f{flow.index}", flow.fitted
        yield f"a{flow.index}", flow.after


# --- as the picture of a graph shows them ---------------------------------------------------


def gradients(graph: Graph) -> dict[Node, Array]:
    """The gradients to show: those of the root; none before ``backward()``.

    They are computed again, since a ``.grad`` does not say what it is the gradient of: it may come
    from another loss, or from several. But where a leaf has none, ``backward()`` was not called.
    """
    seed = root_gradient(graph)
    if seed is None or all(node._grad is None for node in graph.nodes):
        return {}
    try:
        found = retraced(graph, seed)
    except RuntimeError:  # the data are newer than the graph
        return {}
    called = all(node._op or node._grad is not None for node in found)
    return found if called else {}


def root_gradient(graph: Graph) -> Array | None:
    """The gradient with which backward began at the root; None if it is not known.

    A single number that does not keep its gradient is taken for the loss itself. An array is none:
    its gradient was handed to ``backward``, or came from a loss that is not in the picture.
    """
    if graph.root._grad is not None:
        return array_of(graph.root._grad)
    return unit_seed(graph) if graph.root._array.size == 1 else None


def edge_strengths(view: View, seed: Array) -> dict[Arrow, float]:
    """How large the gradient is that flows back over each arrow: its root mean square.

    Of several edges in one arrow the strongest counts; an arrow without a gradient is left out.
    """
    strengths: dict[Arrow, float] = {}
    for flow in retrace(view.graph, seed):
        arrow = view.arrow(flow.edge)
        if arrow is not None and flow.fitted.size:
            strength = _root_mean_square(flow.fitted)
            strengths[arrow] = float(np.maximum(strength, strengths.get(arrow, 0.0)))  # NaN wins
    return strengths


def _root_mean_square(array: Array) -> float:
    sizes = np.abs(array).astype(float)
    largest = float(sizes.max())
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.sqrt(np.mean(np.square(sizes / largest))))  # 1e200**2 is infinite
