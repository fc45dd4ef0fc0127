"""The steps of the explorer: the text beside the graph, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import Array, texts
from tinygrad_edu.viz.gradients import retrace, unit_seed
from tinygrad_edu.viz.story import backward, forward
from tinygrad_edu.viz.view import Fold, Vertex, View

__all__ = ["Step", "steps_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its text, the parts of the graph that it is about, and what it changes there."""

    phase: str
    """One of "given", "forward", "seed", "backward" and "end"."""
    html: str
    node: str = ""
    """The vertex that is at work."""
    edges: list[str] = field(default_factory=list)
    """The arrows over which something flows."""
    target: str = ""
    """The vertex that gets a gradient."""
    gradient: list[str] = field(default_factory=list)
    """What the target's card says of its gradient from here on."""


def steps_of(view: View) -> Iterator[Step]:
    """All steps of a graph: forward node by node, then backward edge by edge."""
    graph, keys = view.graph, view.keys
    yield Step("given", forward.given(graph))
    for vertex in _computed(view):
        html = (
            forward.folded(view, vertex)
            if isinstance(vertex, Fold)
            else forward.computation(graph, vertex)
        )
        inputs = [keys[arrow] for arrow in view.arrows if arrow.target is vertex]
        yield Step("forward", html, keys[vertex], inputs)

    root, seed = graph.root, unit_seed(graph)
    yield Step("seed", backward.seed(graph, seed), target=keys[root], gradient=texts(seed))
    gradients: dict[Node, Array] = {}
    for flow in retrace(graph):
        gradients[flow.parent] = flow.after
        arrow = view.arrow(flow.edge)
        if arrow is not None:
            yield Step(
                "backward",
                backward.contribution(graph, flow),
                keys[arrow.target],
                [keys[arrow]],
                keys[arrow.source],
                [] if isinstance(arrow.source, Fold) else texts(flow.after),
            )
    yield Step("end", backward.end(graph, gradients))


def _computed(view: View) -> list[Node | Fold]:
    """The vertices that compute something, in the order in which they are done."""
    done: dict[Vertex, None] = {}
    for node in view.graph.nodes:
        if node._op:
            done.pop(view.homes[node], None)  # a fold is done when the last in it is
            done[view.homes[node]] = None
    return [vertex for vertex in done if isinstance(vertex, Node | Fold)]
