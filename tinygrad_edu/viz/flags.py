"""What is wrong with a node, as a flag on its card: nan, inf, dead and saturated units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from tinygrad_edu.debugging.health import STEEPEST, health_of
from tinygrad_edu.debugging.nonfinite import first_nonfinite, is_finite, numbers_behind
from tinygrad_edu.engine import Node
from tinygrad_edu.ops.activation import TRAITS
from tinygrad_edu.viz import calls
from tinygrad_edu.viz.arrays import Array, printed
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.model import Edge, Graph

__all__ = ["Flag", "Row", "Way", "flag_of_gradient", "flag_of_value", "flags", "way_of_nonfinite"]

MOSTLY = 0.5  # from which share of its entries on a layer is called saturated

Row: TypeAlias = Literal["value", "grad"]
"""What on a card a flag belongs to."""


class Flag(NamedTuple):
    """What is wrong with the value or the gradient of a node."""

    label: str
    """In a word or two."""
    said: str
    """In a sentence."""


@dataclass(frozen=True, slots=True)
class Way:
    """The way of a nan or an inf through a graph."""

    said: str
    """Where it was born."""
    birth: Node
    edges: list[Edge]
    """Those over which it passed."""
    back: bool = False
    """Whether all values are finite, and only gradients are not."""


def flags(graph: Graph, gradients: Mapping[Node, Array]) -> dict[Node, dict[Row, Flag]]:
    """All flags, by node and by what they belong to."""
    found: dict[Node, dict[Row, Flag]] = {}
    for node in graph.nodes:
        if flag := flag_of_value(graph, node):
            found.setdefault(node, {})["value"] = flag
        if node in gradients and (flag := flag_of_gradient(graph, node, gradients[node])):
            found.setdefault(node, {})["grad"] = flag
    return found


def flag_of_value(graph: Graph, node: Node) -> Flag | None:
    """What is wrong with a value."""
    if not is_finite(node._array):
        return Flag(_kind(node._array), _origin(graph, node))
    if node._op in STEEPEST and node._array.size and node._closures and node._closures[0]:
        return _flag_of_units(node)
    return None


def flag_of_gradient(graph: Graph, node: Node, gradient: Array) -> Flag | None:
    """What is wrong with a gradient."""
    if is_finite(gradient):
        return None
    bad, at = first_nonfinite(gradient)
    said = f"The gradient of {graph.names[node]} is {printed(bad)}{_place(at)}."
    return Flag(_kind(gradient), said)


# --- nan and inf ----------------------------------------------------------------------------


def way_of_nonfinite(graph: Graph, flows: Iterable[Contribution]) -> Way | None:
    """The way of the first nan or inf: forward to the root; or if all values are finite, back."""
    wrong = {node: None for node in graph.nodes if not is_finite(node._array)}
    if wrong:
        birth = next(iter(wrong))
        passed = [edge for edge in graph.edges if edge.source in wrong and edge.target in wrong]
        return Way(_origin(graph, birth), birth, _reached(birth, passed))
    back = [flow for flow in flows if not is_finite(flow.fitted)]
    if not back:
        return None
    first = back[0]
    bad, at = first_nonfinite(first.fitted)
    said = (
        f"All values are finite, but on the way back {calls.name(first.node)} makes of the "
        f"gradient of {graph.names[first.node]} one of {graph.names[first.parent]} that is "
        f"{printed(bad)}{_place(at)}."
    )
    return Way(said, first.node, [flow.edge for flow in back], back=True)


def _reached(birth: Node, edges: list[Edge]) -> list[Edge]:
    """Those of some edges, oldest first, that can be reached from a node."""
    reached, found = {birth}, []
    for edge in edges:
        if edge.source in reached:
            reached.add(edge.target)
            found.append(edge)
    return found


def _kind(array: Array) -> str:
    return "nan" if np.isnan(array).any() else "inf"


def _origin(graph: Graph, node: Node) -> str:
    """Where the first entry of a node that is not finite comes from."""
    name, (bad, at) = graph.names[node], first_nonfinite(node._array)
    here = f"{name} is {printed(bad)}{_place(at)}"
    if not node._op:
        return f"{here}, and was given so."
    before = [
        graph.names[x]
        for _, x in calls.operands(node)
        if isinstance(x, Node) and not is_finite(x._array)
    ]
    if before:
        return f"{here}. It comes from {' and '.join(dict.fromkeys(before))}."
    numbers = ", ".join(printed(x) for x in numbers_behind(node, at))
    return f"{here}. It is born here: {calls.name(node)}" + (
        f" was given {numbers}." if numbers else " was given numbers that are finite."
    )


def _place(at: tuple[int, ...]) -> str:
    return f" at [{', '.join(map(str, at))}]" if at else ""


# --- units that pass little on --------------------------------------------------------------


def _flag_of_units(node: Node) -> Flag | None:
    health = health_of(node)
    samples = node._array.size // health.units
    dead = round(health.dead * health.units)
    if dead == health.units == node._array.size == 1:
        return Flag("dead", "Its slope is 0 here: no gradient comes through.")
    if dead and (samples > 1 or dead == health.units):
        label = "dead" if dead == health.units else f"{dead} of {health.units} dead"
        where = f"for each of the {samples} samples" if samples > 1 else "for this sample"
        said = (
            f"{dead} of its {health.units} units are dead: their slope is 0 {where}, and no "
            "gradient comes through."
        )
        return Flag(label, said)
    traits = TRAITS[node._op] if node._op else None
    if traits and not traits.rectifier and health.saturated >= MOSTLY:
        said = (
            f"At {health.saturated:.0%} of its entries the slope is below a twentieth of "
            f"{printed(traits.steepest)}, the steepest: little of a gradient comes through."
        )
        return Flag("saturated", said)
    return None
