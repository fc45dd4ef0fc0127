"""Wrong answers to the question for a gradient that are to be expected from its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tinygrad_edu.broadcasting import unbroadcast
from tinygrad_edu.debugging import Suspect
from tinygrad_edu.debugging.mistakes import usual_mistakes
from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.calls import expression
from tinygrad_edu.viz.calls import name as name_of
from tinygrad_edu.viz.formulas import formulas
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.model import Graph

__all__ = ["sizes_of", "suspects_of", "suspects_of_edge"]


def suspects_of(graph: Graph, node: Node, flows: Sequence[Contribution]) -> Iterator[Suspect]:
    """Wrong answers for the gradient of a node, given the whole backward pass."""
    arriving = [flow for flow in flows if flow.parent is node]
    gradients = {graph.root: np.ones_like(graph.root._array)}
    gradients |= {flow.parent: flow.after for flow in flows}
    yield from _incomplete(arriving)
    for flow in arriving:
        yield from _single_samples(flow)
    yield from usual_mistakes(gradients[node], sizes_of(graph))
    only = arriving[0] if len(arriving) == 1 else None
    others = {_called(graph, other): g for other, g in gradients.items() if other is not node}
    if only:
        yield from _slope_alone(only)
    for name, gradient in others.items():
        yield Suspect("other", f"That is the gradient of {name}.", gradient)
    if only:
        yield from _sent_back(_called(graph, only.node), only, others)
    yield Suspect("value", "That is its value, not its gradient.", node._array)


def suspects_of_edge(flow: Contribution) -> Iterator[Suspect]:
    """Wrong answers for what passes back over one edge."""
    yield from _single_samples(flow)
    arrives = "That is what arrives; the rule of this operation makes something else of it."
    yield Suspect("other", arrives, flow.incoming)
    yield from _slope_alone(flow)
    if flow.before is not None:
        whole = "That is the whole sum; what comes over this edge is one of its terms."
        yield Suspect("uses", whole, flow.after)
    yield Suspect("value", "That is its value, not its gradient.", flow.parent._array)


def sizes_of(graph: Graph) -> set[int]:
    """The lengths of axes and of whole arrays in a graph, over which means may be taken."""
    arrays = [node._array for node in graph.nodes]
    return {n for x in arrays for n in (x.size, *x.shape) if n > 1}


def _called(graph: Graph, node: Node) -> str:
    """The name that a reader knows, else what is computed."""
    unnamed = node in graph.unnamed and node._op is not None
    return expression(node, graph.names) if unnamed else graph.names[node]


def _incomplete(arriving: Sequence[Contribution]) -> Iterator[Suspect]:
    """What comes over one of several edges, or over all but one."""
    used = f"it is used {len(arriving)} times, and every use counts"
    for flow in arriving if len(arriving) > 1 else ():
        yield Suspect("uses", f"That is what one use brings: {used}.", flow.fitted)
    for flow in arriving if len(arriving) > 2 else ():
        rest = arriving[-1].after - flow.fitted
        yield Suspect("uses", f"One use is missing: {used}.", rest)


def _single_samples(flow: Contribution) -> Iterator[Suspect]:
    """What one sample brings, if a sum is taken over several."""
    shape = flow.fitted.shape
    extra = flow.returned.ndim - len(shape)
    if extra > 0 and flow.returned.shape[extra:] == shape:
        said = "That is what one sample brings: all of them are added up."
        for sample in flow.returned.reshape(-1, *shape):
            yield Suspect("sum", said, sample)


def _slope_alone(flow: Contribution) -> Iterator[Suspect]:
    """The slope of an operation on every element, without what arrives."""
    if any(formula.of == "y" for formula in formulas(flow.node._op)):
        said = f"That is the slope of {name_of(flow.node)} alone, without what arrives there."
        yield Suspect("slope", said, flow.slope)


def _sent_back(right: str, flow: Contribution, gradients: Mapping[str, Array]) -> Iterator[Suspect]:
    """What comes back if an operation is given the gradient of something else."""
    for name, gradient in gradients.items():
        if name != right and gradient.shape == flow.incoming.shape:
            yield Suspect(
                "slope",
                f"That is worked out from the gradient of {name}, where that of {right} belongs.",
                unbroadcast(flow.through(gradient), flow.parent._array.shape),
            )
