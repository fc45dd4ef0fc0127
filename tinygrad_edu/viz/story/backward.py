"""The text of backward steps: how operations pass a gradient on, and where gradients add up."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from html import escape

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import mathml
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.calls import arguments, expression, operands
from tinygrad_edu.viz.formulas import Formula, derivative
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.model import Graph
from tinygrad_edu.viz.story import phrases
from tinygrad_edu.viz.story.phrases import EQUALS, Values, code, display

__all__ = ["contribution", "end", "seed"]

PLUS, PLUS_EQUALS, G_TIMES = "<mo>+</mo>", "<mo>+=</mo>", "<mi>g</mi><mo>·</mo>"


def seed(graph: Graph, gradient: Array) -> str:
    """With which gradient it begins."""
    loss = mathml.identifier("L")
    return (
        "<h2>Backward begins</h2>"
        + display(mathml.gradient(loss, loss), EQUALS, phrases.array_math(gradient))
        + f"<p>{code(graph.names[graph.root])} changes with itself one to one. From here on the "
        "chain rule is applied edge by edge, the latest operation first.</p>"
    )


def contribution(graph: Graph, flow: Contribution) -> str:
    """How a gradient passes over one edge."""
    name, target = graph.names[flow.node], graph.names[flow.parent]
    arriving, leaving = (
        mathml.gradient("<mi>L</mi>", mathml.identifier(end)) for end in (name, target)
    )
    return "".join(
        [
            f"<h2>From {code(name)} to {code(target)}</h2>",
            f"<p>through {code(f'{name} = {expression(flow.node, graph.names)}')}</p>",
            "<h3>What arrives</h3>",
            display("<mi>g</mi>", EQUALS, arriving, EQUALS, phrases.array_math(flow.incoming)),
            "<h3>What this operation makes of it</h3>",
            *_passed_on(graph, flow),
            _summed(target, flow.fitted.shape, flow.returned),
            f"<h3>What {code(target)} gets</h3>",
            _accumulated(target, leaving, flow),
        ]
    )


def _passed_on(graph: Graph, flow: Contribution) -> Iterator[str]:
    """The local derivative, as a formula and with numbers."""
    given = arguments(flow.node)
    symbol = list(given)[flow.position]
    place = [position for position, _ in operands(flow.node)].index(flow.position)
    formula = derivative(flow.node._op, symbol, place)
    if formula is None:
        yield "<p>This operation states no formula for its derivative; its closure returned</p>"
        yield display(phrases.array_math(flow.returned))
        return
    values = phrases.values_of(flow.node) | {"g": flow.incoming}
    yield _rule(formula, mathml.identifier(formula.by))
    yield phrases.symbols(graph, flow.node, "<i>g</i> is what arrives")
    numbers = phrases.numeric(_chained(formula), values)
    yield phrases.worked_out([], numbers, flow.returned)
    yield _transposed(formula, values, graph.names[flow.parent], flow.returned)


def _chained(formula: Formula) -> str:
    """What the operation passes on, as an expression: a slope is multiplied with what arrives."""
    return formula.right if formula.of == "L" else f"g * ({formula.right})"


def _rule(formula: Formula, target: str) -> str:
    """How an operation passes a gradient on, with its own symbols."""
    of_target = mathml.gradient("<mi>L</mi>", target)
    right = mathml.mathml(formula.right)
    if right is None:
        return f'{display(of_target, EQUALS)}<p class="stated">{escape(formula.right)}</p>'
    if formula.of == "L":
        return display(of_target, EQUALS, right) + phrases.note(formula)
    slope = mathml.gradient(mathml.identifier(formula.of), target)
    chain = str(mathml.mathml(_chained(formula)))
    return display(of_target, EQUALS, G_TIMES, slope, EQUALS, chain) + phrases.note(formula)


def _summed(name: str, shape: tuple[int, ...], returned: Array) -> str:
    """Why a gradient is summed on the way back."""
    if returned.shape == shape or returned.size <= np.prod(shape):
        return ""
    extra = returned.ndim - len(shape)
    stretched = [i + extra for i, n in enumerate(shape) if n != returned.shape[i + extra]]
    axes = [*range(extra), *stretched]
    over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
    return (
        f"<p>{code(name)} has shape {shape}; on the way forward it was broadcast to "
        f"{returned.shape}. A number that was used several times gets a gradient from each use, "
        f"so what comes back is summed over {over}.</p>"
    )


def _transposed(formula: Formula, values: Values, name: str, returned: Array) -> str:
    """Why a matrix is transposed: it makes the shapes fit."""
    match ast.parse(formula.right, mode="eval").body if mathml.mathml(formula.right) else None:
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            a, b = _shape(left, values), _shape(right, values)
            turned = isinstance(left, ast.Attribute) or isinstance(right, ast.Attribute)
            if turned and a[1:] and b[1:] and (*a[:-1], b[-1]) == returned.shape:
                return (
                    f"<p>The transpose makes the shapes fit: {a} @ {b} gives {returned.shape}, "
                    f"as {code(name)} needs it.</p>"
                )
    return ""


def _shape(factor: ast.expr, values: Values) -> tuple[int, ...]:
    """The shape of a name, or of its transpose; of anything else none."""
    match factor:
        case ast.Name(id=name) if name in values:
            return values[name].shape
        case ast.Attribute(value=ast.Name(id=name), attr="T" | "mT") if name in values:
            *stack, m, n = values[name].shape if values[name].ndim > 1 else (0, 0)
            return (*stack, n, m)
    return ()


def _accumulated(target: str, leaving: str, flow: Contribution) -> str:
    """The contribution, added to those that came over other edges."""
    new, after = phrases.array_math(flow.fitted), phrases.array_math(flow.after)
    if flow.before is None:
        return display(leaving, EQUALS, after)
    return (
        display(leaving, PLUS_EQUALS, new)
        + display(leaving, EQUALS, phrases.array_math(flow.before), PLUS, new)
        + display(EQUALS, after)
        + f"<p>{code(target)} is used more than once. Each use has its own influence on L, and the "
        "influences add up.</p>"
    )


def end(graph: Graph, gradients: Mapping[Node, Array]) -> str:
    """What all of it was for."""
    leaves = {node: g for node, g in gradients.items() if not node._op}
    return (
        f"<h2>What came back</h2><p>The gradients of {code(graph.names[graph.root])}, one for "
        f"each parameter, in its shape:</p>{phrases.table(graph, leaves)}"
        "<p>A small step against its gradient makes each of them a little better.</p>"
    )
