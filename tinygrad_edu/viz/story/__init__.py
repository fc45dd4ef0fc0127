"""The steps of the explorer: the text beside the graph, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import marks
from tinygrad_edu.viz.arrays import Array, texts
from tinygrad_edu.viz.gradients import quantities, retrace, unit_seed
from tinygrad_edu.viz.story import backward, forward
from tinygrad_edu.viz.story.step import Step
from tinygrad_edu.viz.story.tangents import steps_of_tangents
from tinygrad_edu.viz.view import Fold, View

__all__ = ["Step", "steps_of", "steps_of_tangents"]


def steps_of(view: View) -> Iterator[Step]:
    """All steps of a graph: forward node by node, then backward edge by edge."""
    graph, keys = view.graph, view.keys
    flows = list(retrace(graph))
    for key, array in quantities(graph, flows):
        marks.add(key, array)
    yield Step("given", forward.given(graph))
    for vertex in view.computed():
        html = (
            forward.folded(view, vertex)
            if isinstance(vertex, Fold)
            else forward.computation(graph, vertex) + forward.kept(graph, vertex)
        )
        inputs = [keys[arrow] for arrow in view.arrows if arrow.target is vertex]
        yield Step("forward", html, keys[vertex], inputs)

    root, seed = graph.root, unit_seed(graph)
    yield Step("seed", backward.seed(graph, seed), target=keys[root], gradient=texts(seed))
    gradients: dict[Node, Array] = {}
    for flow in flows:
        gradients[flow.parent] = flow.after
        arrow = view.arrow(flow.edge)
        if arrow is not None:
            shown = not isinstance(arrow.source, Fold)
            yield Step(
                "backward",
                backward.contribution(graph, flow),
                keys[arrow.target],
                [keys[arrow]],
                keys[arrow.source],
                texts(flow.after) if shown else [],
                marks.key(flow.after) if shown else "",
            )
    yield Step("end", backward.end(graph, gradients))
