"""The text of forward mode: how each value moves, from how its operands do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import calls, mathml
from tinygrad_edu.viz.arrays import Array, number, texts
from tinygrad_edu.viz.formulas import derivative_at
from tinygrad_edu.viz.gradients import retraced
from tinygrad_edu.viz.model import Graph
from tinygrad_edu.viz.story import forward, phrases
from tinygrad_edu.viz.story.phrases import PLUS, code, display, equation
from tinygrad_edu.viz.story.step import Step
from tinygrad_edu.viz.story.symbols import numeric, symbolic, values_of, with_numbers
from tinygrad_edu.viz.tangents import Movement, Push, movements
from tinygrad_edu.viz.view import Fold, View

__all__ = ["steps_of_tangents"]

TIMES = "<mo>·</mo>"
# Operations that do to a tangent what they do to a value, whichever operand it belongs to.
LINEAR = {"concatenate", "dot", "expand_dims", "getitem", "matmul", "mean", "negative", "positive"}
LINEAR |= {"ravel", "reshape", "squeeze", "stack", "sum", "swapaxes", "transpose"}


def steps_of_tangents(view: View, directions: Mapping[Node, Array]) -> Iterator[Step]:
    """All steps of forward mode: the inputs move, and value by value all that depends on them."""
    graph, keys = view.graph, view.keys
    moving = {movement.node: movement for movement in movements(graph, directions)}
    yield Step("given", _given(graph))
    for leaf, tangent in directions.items():
        if leaf in view.homes and view.homes[leaf] is leaf:
            html = _leaf(graph, leaf, tangent)
            yield Step("forward", html, target=keys[leaf], gradient=texts(tangent))
    for vertex in view.computed():
        inputs = [keys[arrow] for arrow in view.arrows if arrow.target is vertex]
        if isinstance(vertex, Fold):
            yield Step("forward", forward.folded(view, vertex), keys[vertex], inputs)
            continue
        movement = moving.get(vertex)
        html = forward.computation(graph, vertex) + _moves(graph, vertex, movement)
        if movement is None:
            yield Step("forward", html, keys[vertex], inputs)
        else:
            moved = texts(movement.tangent)
            yield Step("forward", html, keys[vertex], inputs, keys[vertex], moved)
    yield Step("end", _end(graph, directions, moving.get(graph.root)))


def _dotted(name: str) -> str:
    """How fast something moves: its name with a dot."""
    return f'<mover accent="true">{mathml.identifier(name)}<mo>˙</mo></mover>'


def _given(graph: Graph) -> str:
    leaves = {node: node._array for node in graph.nodes if not node._op}
    x = mathml.identifier("x")
    return (
        f"<h2>What is given</h2>{phrases.table(graph, leaves)}"
        f"<p>In forward mode, every value comes with a tangent: how fast it moves when the inputs "
        f"move in one direction. The tangent of <math>{x}</math> is written "
        f"<math>{_dotted('x')}</math>. Each operation computes its value, and its tangent from "
        "those of its operands: by the chain rule, in the order of the program.</p>"
    )


def _leaf(graph: Graph, leaf: Node, tangent: Array) -> str:
    name = graph.names[leaf]
    return (
        f"<h2>{code(name)} moves</h2>{equation(_dotted(name), phrases.array_math(tangent))}"
        f"<p>This direction is chosen, and not computed: {code(name)} grows by this, times a "
        "little. What follows says how everything else grows then.</p>"
    )


def _moves(graph: Graph, node: Node, movement: Movement | None) -> str:
    """How a computed value moves."""
    if movement is None:
        return f"<p>{code(graph.names[node])} stays as it is: nothing that it depends on moves.</p>"
    parts = ["<h3>How it moves</h3>"]
    for push in movement.pushes:
        parts += _push(graph, node, push)
    total = phrases.array_math(movement.tangent)
    added = None
    if len(movement.pushes) > 1:
        brought = {f"b{i}": push.brought for i, push in enumerate(movement.pushes)}
        added = numeric(" + ".join(brought), brought)
        added = added or PLUS.join(map(phrases.array_math, brought.values()))
        parts.append("<p>The operands move at once, and what they bring adds up:</p>")
    return "".join([*parts, equation(_dotted(graph.names[node]), added, total)])


def _push(graph: Graph, node: Node, push: Push) -> Iterator[str]:
    """What one operand brings, by the rule of the operation."""
    name, parent = graph.names[node], graph.names[push.parent]
    formula = derivative_at(node, push.position)
    result = phrases.array_math(push.brought)
    rule = symbolic(graph, node, formula.right) if formula is not None else None
    if formula is not None and rule is not None and formula.of == "y":
        edge = mathml.gradient(mathml.identifier(name), mathml.identifier(parent))
        # Of an operation on every element by itself, the gradient of 1 is the slope.
        closure = node._closures[push.position]
        with np.errstate(all="ignore"):
            slope = np.asarray(closure(np.ones_like(node._array)) if closure else 0.0)
        values = values_of(node, np.ones_like(node._array))
        numbers = with_numbers(node, formula, values)
        yield equation(edge, rule, numbers, phrases.array_math(slope))
        chain = numeric("slope * moved", {"slope": slope, "moved": push.tangent})
        yield equation(edge + TIMES + _dotted(parent), chain, result)
    elif calls.name(node) in LINEAR:
        names = graph.names | {push.parent: f"{parent}˙"}
        once = sum(x is push.parent for x in node._inputs) == 1
        said = f", for {code(calls.expression(node, names))}" if once else ""
        yield f"<p>It is linear in {code(parent)}: the tangent goes the way of the value{said}.</p>"
        yield display(result)
    else:
        yield f"<p>What {code(parent)} brings, the derivative in the direction of its tangent:</p>"
        yield display(result)


def _end(graph: Graph, directions: Mapping[Node, Array], movement: Movement | None) -> str:
    """What came out, and what backpropagation says of it."""
    root = graph.names[graph.root]
    tangent = np.zeros_like(graph.root._array) if movement is None else movement.tangent
    said = ""
    if graph.root._array.size == 1:
        gradients = retraced(graph)
        total = sum(
            float(np.sum(gradients[x] * v)) for x, v in directions.items() if x in gradients
        )
        if np.allclose(total, tangent):
            said = (
                " Backpropagation needs one walk for all directions. Its gradients times these "
                f"tangents, all added up, are {number(total, digits=4)}, too."
            )
    return (
        f"<h2>What came out</h2>{equation(_dotted(root), phrases.array_math(tangent))}"
        f"<p>One walk forward says how {code(root)} moves in one direction; another direction "
        f"needs another walk.{said}</p>"
    )
