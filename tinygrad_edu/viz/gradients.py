"""The backward pass once more, slowly: what every edge of a graph sends back, nothing written."""

from __future__ import annotations

from collections.abc import Iterator
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
    "ones",
    "retrace",
    "retraced",
    "root_gradient",
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

    @property
    def edge(self) -> Edge:
        """The edge of the graph, which points the other way."""
        return Edge(self.parent, self.node, self.position)


def retrace(graph: Graph, seed: Array | None = None) -> Iterator[Contribution]:
    """Go through the backward pass edge by edge, in the order of the engine.

    ``seed`` is the gradient of the root, with which it begins; ones by default.

    Raises
    ------
    RuntimeError
        If the data of a leaf was changed since the graph was recorded.
    """
    seed = ones(graph) if seed is None else seed
    gradients = {graph.root: seed}
    for node, position, parent, incoming, returned, fitted in edges({graph.root: seed}):
        before = gradients.get(parent)
        after = gradients[parent] = fitted if before is None else before + fitted
        yield Contribution(
            node, position, parent, incoming, np.asarray(returned), fitted, before, after
        )


def ones(graph: Graph) -> Array:
    """The gradient of the root with respect to itself."""
    return np.ones_like(graph.root._array)


def retraced(graph: Graph, seed: Array | None = None) -> dict[Node, Array]:
    """The gradient of every node that the backward pass reaches."""
    gradients = {graph.root: ones(graph) if seed is None else seed}
    return gradients | {flow.parent: flow.after for flow in retrace(graph, seed)}


# --- as the picture of a graph shows them ---------------------------------------------------


def gradients(graph: Graph) -> dict[Node, Array]:
    """The gradients to show: a Tensor's own, and what passed through those that keep none.

    Before ``backward()`` there are none. After it the leaves have theirs, and those of the
    intermediate values, which nobody keeps, are worked out again.
    """
    own = {node: array_of(node._grad) for node in graph.nodes if node._grad is not None}
    seed = root_gradient(graph)
    if not own or seed is None:
        return own
    try:
        passed = {node: g for node, g in retraced(graph, seed).items() if node._op is not None}
    except RuntimeError:  # the data are newer than the graph, and only .grad is still true
        return own
    return passed | own


def root_gradient(graph: Graph) -> Array | None:
    """The gradient with which backward began at the root; None if nobody can tell.

    A single number that does not keep its gradient is taken for the loss itself. An array is none:
    its gradient was handed to ``backward``, or came from a loss that is not in the picture.
    """
    if graph.root._grad is not None:
        return array_of(graph.root._grad)
    return ones(graph) if graph.root._array.size == 1 else None


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
