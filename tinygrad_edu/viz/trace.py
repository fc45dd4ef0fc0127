"""The backward pass once more, slowly: every contribution of every edge, and nothing written."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node, _fit, _stale
from tinygrad_edu.viz.folding import View
from tinygrad_edu.viz.model import Graph

__all__ = ["Contribution", "edge_strengths", "gradients", "retrace"]

Array: TypeAlias = NDArray[Any]


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


def retrace(graph: Graph) -> Iterator[Contribution]:
    """Go through the backward pass edge by edge, in the order of the engine.

    Raises
    ------
    RuntimeError
        If the data of a leaf was changed since the graph was recorded.
    """
    gradients: dict[Node, Array] = {graph.root: np.ones_like(graph.root._data)}
    for node in reversed(graph.items):
        if not isinstance(node, Node) or node not in gradients:
            continue
        for position, (parent, closure) in enumerate(
            zip(node._inputs, node._closures, strict=False)
        ):
            if closure is None or not isinstance(parent, Node) or not parent._requires_grad:
                continue
            if parent._order > node._order:
                raise RuntimeError(_stale(parent, node))
            with np.errstate(divide="ignore", invalid="ignore"):
                returned = closure(gradients[node])
            fitted = _fit(returned, parent, node)
            before = gradients.get(parent)
            after = gradients[parent] = fitted if before is None else before + fitted
            yield Contribution(
                node, position, parent, gradients[node], np.asarray(returned), fitted, before, after
            )


def gradients(graph: Graph) -> dict[Node, Array]:
    """The gradients to show: a Tensor's own, and what passed through those that keep none.

    Before ``backward()`` there are none. After it the leaves have theirs, and those of the
    intermediate values, which nobody keeps, are worked out again.
    """
    nodes = [item for item in graph.items if isinstance(item, Node)]
    own = {n: _values(n.grad) for n in nodes if n.grad is not None}
    if not own:
        return {}
    passed = {graph.root: np.ones_like(graph.root._data)} if graph.root._op else {}
    try:
        passed |= {c.parent: c.after for c in retrace(graph) if c.parent._op is not None}
    except RuntimeError:  # the data are newer than the graph, and only .grad is still true
        return own
    return passed | own


def _values(gradient: Any) -> Array:
    return gradient._data if isinstance(gradient, Node) else np.asarray(gradient)


def edge_strengths(view: View) -> dict[Hashable, float]:
    """How large the gradient is that flows back over each drawn edge: its root mean square.

    Of several edges that are drawn as one the strongest counts; one without a gradient is left out.
    """
    strengths = {
        (c.node, c.position): float(np.sqrt(np.mean(np.square(c.fitted, dtype=float))))
        for c in retrace(view.graph)
        if c.fitted.size
    }
    flows = {
        key: [strengths[e.target, e.position] for e in edges if (e.target, e.position) in strengths]
        for key, edges in view.edges.items()
    }
    return {key: max(found) for key, found in flows.items() if found}
