"""The text of backward steps: how operations pass a gradient on, and where gradients add up."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from html import escape

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import marks, mathml
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.calls import arguments, expression, operands
from tinygrad_edu.viz.flags import flag_of_gradient
from tinygrad_edu.viz.formulas import Formula, derivative_at
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.model import Graph
from tinygrad_edu.viz.story import phrases, windows
from tinygrad_edu.viz.story.matrices import (
    product_attributes,
    repeated_axes,
    row_by_row,
    sum_of_copies,
)
from tinygrad_edu.viz.story.phrases import BREAK, EQUALS, PLUS, code, display, equation
from tinygrad_edu.viz.story.symbols import (
    Values,
    arriving,
    numeric,
    symbolic,
    values_of,
    with_numbers,
)

__all__ = ["contribution", "end", "seed"]

TIMES = "<mo>·</mo>"


def seed(graph: Graph, gradient: Array) -> str:
    """With which gradient it begins."""
    loss = _root(graph)
    return (
        "<h2>Backward begins</h2>"
        + equation(mathml.gradient(loss, loss), phrases.array_math(gradient))
        + f"<p>{code(graph.names[graph.root])} changes with itself one to one. From here on the "
        "chain rule is applied edge by edge, the latest operation first.</p>"
    )


def _root(graph: Graph) -> str:
    return mathml.identifier(graph.names[graph.root])


def contribution(graph: Graph, flow: Contribution) -> str:
    """How a gradient passes over one edge."""
    name, target = graph.names[flow.node], graph.names[flow.parent]
    arrives = mathml.gradient(_root(graph), mathml.identifier(name))
    values = values_of(flow.node, flow.incoming)
    return "".join(
        [
            f"<h2>{_way(graph, flow)}</h2>",
            f"<p>through {code(f'{name} = {expression(flow.node, graph.names)}')}</p>",
            "<h3>What arrives</h3>",
            equation(arriving(graph), arrives, phrases.array_math(values["g"])),
            '<div class="answer">',  # which may be asked for before it is shown
            "<h3>What this operation makes of it</h3>",
            *_passed_on(graph, flow, values),
            windows.backward(graph, flow),
            _summed(target, flow.fitted, flow.returned),
            f"<h3>What {code(target)} gets</h3>",
            _accumulated(graph, flow),
            phrases.flagged(flag_of_gradient(graph, flow.parent, flow.after)),
            "</div>",
        ]
    )


def _way(graph: Graph, flow: Contribution) -> str:
    """From where to where; of several edges between the same, which."""
    way = f"From {code(graph.names[flow.node])} to {code(graph.names[flow.parent])}"
    uses = [i for i, value in operands(flow.node) if value is flow.parent]
    which = f", as operand {uses.index(flow.position) + 1}" if len(uses) > 1 else ""
    return way + which


def _passed_on(graph: Graph, flow: Contribution, values: Values) -> Iterator[str]:
    """The local derivative, as a formula and with numbers."""
    node, given = flow.node, arguments(flow.node)
    symbol = list(given)[flow.position]
    formula = derivative_at(node, flow.position)
    result = phrases.array_math(_like(values.get(symbol), flow.returned))
    if formula is None:
        yield "<p>This operation states no formula for its derivative; its closure returned</p>"
        yield display(result)
        return
    rule = symbolic(graph, node, formula.right)
    if rule is None:
        yield f'<p class="stated">{escape(formula.right)}</p>{phrases.symbols(graph, node)}'
        yield display(mathml.words("the result: "), BREAK, result)
        return
    if formula.of == "L":
        numbers = with_numbers(node, formula, values)
        attributes = product_attributes(formula.right, values, flow.returned) if numbers else ""
        yield equation(rule, numbers, result, attributes=attributes)
        yield row_by_row(formula.right, values, flow.returned)
    else:
        ends = (mathml.identifier(graph.names[end]) for end in (node, flow.parent))
        edge, slope = mathml.gradient(*ends), flow.slope
        marks.add(f"s{flow.index}", slope)
        if slope.ndim:  # its numbers are in the product
            yield equation(edge, rule)
        else:
            numbers = with_numbers(node, formula, values)
            yield equation(edge, rule, numbers, phrases.array_math(slope))
        chain = numeric("g * slope", {"g": flow.incoming, "slope": slope})
        yield equation(arriving(graph) + TIMES + edge, chain, result)
    yield phrases.note(formula)
    yield phrases.unstated(node)
    yield _transposed(formula, values, graph.names[flow.parent], flow.returned)


def _like(argument: Array | None, gradient: Array) -> Array:
    """The gradient of a vector that is written as a column, as a column."""
    column = argument is not None and argument.shape == (*gradient.shape, 1)
    return gradient[:, None] if column and gradient.ndim == 1 else gradient


def _summed(name: str, fitted: Array, returned: Array) -> str:
    """Why a gradient is summed on the way back."""
    if returned.size <= fitted.size:
        return ""
    axes = [axis + returned.ndim for axis in repeated_axes(fitted.shape, returned.shape)]
    over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
    return (
        f"<p>{code(name)} has shape {fitted.shape}; on the way forward it was broadcast to "
        f"{returned.shape}. A number that was used several times gets a gradient from each use, "
        f"so what comes back is summed over {over}.</p>{sum_of_copies(returned, fitted)}"
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


def _accumulated(graph: Graph, flow: Contribution) -> str:
    """The contribution, added to those that came over other edges; a gradient once all have."""
    target = graph.names[flow.parent]
    total = mathml.gradient(_root(graph), mathml.identifier(target))
    after = phrases.array_math(flow.after)
    added = None if flow.before is None else _sum(flow.before, flow.fitted)
    if flow.uses == 1:
        return equation(total, after)
    if flow.nth < flow.uses:
        so_far = f"so far, {flow.nth} of {flow.uses}: "
        return (
            f'<div class="partial">{display(mathml.words(so_far), *_chain(added, after))}</div>'
            f"<p>{code(target)} is used {flow.uses} times. Each use has its own influence on "
            f"{code(graph.names[graph.root])}, and the influences add up.</p>"
        )
    return (
        equation(total, added, after)
        + f"<p>All {flow.uses} uses of {code(target)} are counted: this is its gradient.</p>"
    )


def _sum(before: Array, new: Array) -> str:
    written = numeric("before + new", {"before": before, "new": new})
    return written or phrases.array_math(before) + PLUS + phrases.array_math(new)


def _chain(added: str | None, after: str) -> tuple[str, ...]:
    return (after,) if added is None else (added, EQUALS, after)


def end(graph: Graph, gradients: Mapping[Node, Array]) -> str:
    """What all of it was for."""
    leaves = {node: g for node, g in gradients.items() if not node._op}
    root = code(graph.names[graph.root])
    use = phrases.unless_zero(
        leaves.values(),
        "A small step of a number changes "
        f"{root} by its gradient times as much; a small step against the gradient makes {root} "
        "smaller.",
        f"All of them are 0: no small step changes {root}.",
    )
    return (
        f"<h2>What came back</h2><p>The gradients of {root}, each in the shape of what it belongs "
        f"to:</p>{phrases.table(graph, leaves)}<p>{use}</p>"
    )
