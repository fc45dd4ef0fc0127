"""Hints for a gradient, each a little more than the one before; none is the solution."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import array_of, number
from tinygrad_edu.viz.calls import arguments, expression
from tinygrad_edu.viz.formulas import derivative_at
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.model import Graph

__all__ = ["hints_for"]

WORD = re.compile(r"\b[^\W\d]\w*\b(?!\()")  # but no function that is called


def hints_for(graph: Graph, node: Node, flows: Sequence[Contribution]) -> Iterator[str]:
    """Hints for the gradient of a node: its shape, what it is used for, the rule of each use."""
    arriving = [flow for flow in flows if flow.parent is node]
    shape = node._array.shape
    yield (
        f"Its gradient has the shape that it has itself, {shape}."
        if shape
        else "Its gradient is a single number, as it is itself."
    )
    calls = " and ".join(dict.fromkeys(_call(graph, flow.node) for flow in arriving))
    if len(arriving) == 1:
        yield f"It is used once, in {calls}."
    else:
        yield f"It is used {len(arriving)} times, in {calls}: what comes back is added up."
    for flow in arriving:
        yield f"{_call(graph, flow.node)} sends back {_rule(graph, flow)}.{_summed(flow)}"


def _call(graph: Graph, node: Node) -> str:
    return f"{graph.names[node]} = {expression(node, graph.names)}"


def _rule(graph: Graph, flow: Contribution) -> str:
    """What an operation sends back to an input, in the names of the program."""
    node, given = flow.node, arguments(flow.node)
    arrives = "1" if node is graph.root else f"d{graph.names[graph.root]}/d{graph.names[node]}"
    formula = derivative_at(node, flow.position)
    if formula is None:
        return f"what its closure makes of {arrives}"
    meant = {"g": arrives, "y": graph.names[node], "loss": graph.names[node]}
    for name, value in given.items():
        if isinstance(value, Node):
            meant[name] = graph.names[value]
        elif array_of(value).ndim == 0 and array_of(value).dtype.kind in "iuf":
            meant[name] = number(value)
    rule = WORD.sub(lambda word: meant.get(word[0], word[0]), formula.right)
    if formula.of == "L" or node is graph.root:
        return rule.removeprefix("1 * ")
    if rule == "1":
        return f"{arrives} as it is"
    return f"{arrives} * {rule}" if WORD.fullmatch(rule) else f"{arrives} * ({rule})"


def _summed(flow: Contribution) -> str:
    """That a gradient is summed to the shape of what was broadcast."""
    if flow.returned.shape == flow.fitted.shape:
        return ""
    return (
        f" That has shape {flow.returned.shape}, since it was broadcast; it is added up to "
        f"{flow.fitted.shape}."
    )
