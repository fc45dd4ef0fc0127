"""What a reader is asked before it is shown: the result of a step, or one number of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np

from tinygrad_edu.debugging import Suspect
from tinygrad_edu.debugging.mistakes import usual_mistakes
from tinygrad_edu.engine import Node
from tinygrad_edu.viz import mathml
from tinygrad_edu.viz.arrays import Array, array_of, number_rows
from tinygrad_edu.viz.calls import operands
from tinygrad_edu.viz.formulas import derivative_at
from tinygrad_edu.viz.gradients import Contribution, retrace
from tinygrad_edu.viz.model import Graph
from tinygrad_edu.viz.story import Step
from tinygrad_edu.viz.story.phrases import code, equation
from tinygrad_edu.viz.story.symbols import symbolic
from tinygrad_edu.viz.suspects import sizes_of, suspects_of_edge
from tinygrad_edu.viz.view import View

__all__ = ["questions"]

MOST_FIELDS = 4  # of an array with more numbers, one is asked
NEAR = 0.01  # so near is an answer that is worked out from rounded numbers


@dataclass(frozen=True, slots=True)
class Question:
    """Numbers to be found, and what to say of wrong ones."""

    asks: str
    fields: list[tuple[str, float]]
    """The name of each number, and what it is."""
    mistakes: list[tuple[int, list[float]]]
    """What to say, by its place among all sentences, if these are the numbers that were given."""
    hint: str = ""


def questions(view: View, steps: list[Step]) -> dict[str, Any]:
    """The question of every step that can be asked, and the sentences that answer.

    It can be asked where a reader sees all the numbers that are needed.
    """
    asked: dict[int, Question] = {}
    sentences: dict[str, int] = {}
    flows = (flow for flow in retrace(view.graph) if view.arrow(flow.edge) is not None)
    vertices = {key: vertex for vertex, key in view.keys.items()}
    for i, step in enumerate(steps):
        if step.phase == "backward":
            question = _of_an_edge(view.graph, next(flows), sentences)
        elif step.phase == "forward" and isinstance(node := vertices[step.node], Node):
            question = _of_a_value(view.graph, node, sentences)
        else:
            continue
        if question is not None:
            asked[i] = question
    return {
        "questions": {i: asdict(question) for i, question in asked.items()},
        "sentences": list(sentences),
        "near": NEAR,
    }


def _of_an_edge(graph: Graph, flow: Contribution, sentences: dict[str, int]) -> Question | None:
    """What comes back over an edge."""
    if not _seen(flow.incoming, *_operands(flow.node)):
        return None
    name = graph.names[flow.parent]
    said = chain(suspects_of_edge(flow), usual_mistakes(flow.fitted, sizes_of(graph)))
    asks = f"What comes back to {code(name)} over this edge?"
    called = f"∂{graph.names[graph.root]}/∂{name}" if flow.uses == 1 else f"to {name}"
    return _question(asks, called, flow.fitted, said, sentences, _rule(graph, flow))


def _of_a_value(graph: Graph, node: Node, sentences: dict[str, int]) -> Question | None:
    """What a node computes."""
    if not _seen(*_operands(node)):
        return None
    name = graph.names[node]
    others = (
        Suspect("other", f"That is {graph.names[x]}, from which it is computed.", x._array)
        for x in node._inputs
        if isinstance(x, Node)
    )
    said = chain(others, usual_mistakes(node._array, sizes_of(graph)))
    return _question(f"What is {code(name)}?", name, node._array, said, sentences)


def _operands(node: Node) -> list[Array]:
    return [array_of(value) for _, value in operands(node)]


def _seen(*arrays: Array) -> bool:
    """Whether a reader sees all numbers of these arrays."""
    return all(number_rows(array) for array in arrays)


def _question(
    asks: str,
    name: str,
    right: Array,
    suspects: Iterable[Suspect],
    sentences: dict[str, int],
    hint: str = "",
) -> Question | None:
    if number_rows(right) is None or right.dtype.kind != "f" or not np.isfinite(right).all():
        return None
    places = [*np.ndindex(right.shape)]
    if len(places) > MOST_FIELDS:
        places = [max(places, key=lambda place: abs(right[place]))]
        asks += f" Of its {right.size} numbers, one is enough."
    fields = [(name + str([*place]) * (place != ()), float(right[place])) for place in places]
    mistakes: dict[tuple[float, ...], str] = {}
    for suspect in suspects:
        if suspect.array.shape == right.shape:
            values = tuple(float(f"{suspect.array[place]:.6g}") for place in places)
            if not _told(values, [value for _, value in fields]):
                mistakes.setdefault(values, suspect.sentence)
    numbered = [
        (sentences.setdefault(sentence, len(sentences)), [*values])
        for values, sentence in mistakes.items()
        if np.isfinite(values).all()
    ]
    return Question(asks, fields, numbered, hint)


def _told(values: Iterable[float], right: list[float]) -> bool:
    """Whether numbers are taken for the right ones."""
    least = 1e-9 * max(map(abs, right))
    return all(abs(x - y) <= NEAR * abs(y) + least for x, y in zip(values, right, strict=True))


def _rule(graph: Graph, flow: Contribution) -> str:
    """The rule of the operation with the names of the program; empty if it states none."""
    node, formula = flow.node, derivative_at(flow.node, flow.position)
    if formula is None:
        return ""
    rule = symbolic(graph, node, formula.right)
    if rule is None:
        return f"<p>{code(formula.right)}</p>"
    if formula.of == "L":
        return equation(rule)
    ends = (mathml.identifier(graph.names[end]) for end in (node, flow.parent))
    return equation(mathml.gradient(*ends), rule)
