"""Forward and backward, told step by step: what the explorer says beside the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import islice
from typing import Any

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.source import Source
from tinygrad_edu.viz import card, mathml, phrases
from tinygrad_edu.viz.folding import Fold, View
from tinygrad_edu.viz.formulas import Formula, derivative, formulas
from tinygrad_edu.viz.model import Edge, Graph, arguments, operands
from tinygrad_edu.viz.phrases import Array, code, math
from tinygrad_edu.viz.summary import describe
from tinygrad_edu.viz.symbols import expression, inside
from tinygrad_edu.viz.trace import Contribution, retrace

__all__ = ["Step", "tell"]

MOST_ROWS = 20
EQUALS, PLUS = "<mo>=</mo>", "<mo>+</mo>"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what is told, where in the graph it happens, and what it changes there."""

    phase: str
    """One of "given", "forward", "seed", "backward" and "end"."""
    html: str
    node: str = ""
    """The vertex that is at work."""
    edges: list[str] = field(default_factory=list)
    """The edges over which something flows."""
    target: str = ""
    """The vertex that gets a gradient."""
    gradient: list[str] = field(default_factory=list)
    """What the target's card says of its gradient from here on."""


def tell(view: View) -> Iterator[Step]:
    """Tell what happens in a graph: forward node by node, then backward edge by edge."""
    yield _given(view.graph)
    for vertex in _computed(view):
        html = _inside(vertex) if isinstance(vertex, Fold) else _computation(view.graph, vertex)
        inputs = [view.keys[edge] for edge in view.edges if edge[1] is vertex]
        yield Step("forward", html, view.keys[vertex], inputs)
    yield _seed(view)
    gradients: dict[Node, Array] = {}
    for flow in retrace(view.graph):
        edge = view.edge(Edge(flow.parent, flow.node, flow.position))
        if edge in view.edges:
            seen = [] if isinstance(edge[0], Fold) else card.texts(flow.after)
            keys = view.keys
            html = _backward(view.graph, flow)
            yield Step("backward", html, keys[edge[1]], [keys[edge]], keys[edge[0]], seen)
        gradients[flow.parent] = flow.after
    yield _end(view.graph, gradients)


def _computed(view: View) -> list[Node | Fold]:
    """The vertices that compute something, in the order in which they are done."""
    done: dict[Any, None] = {}
    for item in view.graph.items:
        if isinstance(item, Node) and item._op:
            done.pop(view.homes[item], None)  # a fold is done when the last in it is
            done[view.homes[item]] = None
    return list(done)


# --- forward --------------------------------------------------------------------------------


def _given(graph: Graph) -> Step:
    leaves = [item for item in graph.items if isinstance(item, Node) and not item._op]
    name = graph.names[graph.root]
    short = "" if name == "L" else f" In formulas, L is short for {code(name)}."
    return Step(
        "given",
        f"<h2>What is given</h2>{_table(graph, {leaf: leaf._data for leaf in leaves})}"
        f"<p>Forward, each operation computes its value from these. Then, backward, each operation "
        f"passes on how much {code(name)} changes with each of its inputs.{short}</p>",
    )


def _table(graph: Graph, arrays: Mapping[Node, Array]) -> str:
    rows = [
        f"<tr><th>{code(graph.names[node])}</th><td>{describe(array)}</td>"
        f"<td>{escape(', '.join(card.texts(array)))}</td></tr>"
        for node, array in islice(arrays.items(), MOST_ROWS)
    ]
    more = len(arrays) - len(rows)
    rest = f"<p>and {more} more</p>" if more else ""
    return f"<table>{''.join(rows)}</table>{rest}"


def _inside(fold: Fold) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in inside(fold.items))
    return f"<h2>{code(fold.name)}, folded</h2><ul>{lines}</ul>"


def _computation(graph: Graph, node: Node) -> str:
    """How a node's value comes about."""
    name = graph.names[node]
    stated = [formula for formula in formulas(node._op) if not formula.by]
    values = phrases.values_of(node)
    source = getattr(node, "_source", None)  # nobody may have watched
    parts = [f"<h2>{code(f'{name} = {expression(graph, node)}')}</h2>", _source(source)]
    parts += [phrases.equation(formula) for formula in stated]
    parts += [_symbols(graph, node), "<h3>With numbers</h3>"]
    numbers = phrases.numeric(stated[0].right, values) if stated else None
    parts.append(_worked_out([mathml.identifier(name), EQUALS], numbers, node._data))
    if any(formula.of == "y" for formula in formulas(node._op)):
        for _, operand in operands(node):
            if isinstance(operand, Node):
                parts.append(
                    phrases.broadcast(graph.names[operand], operand._data, node._data.shape)
                )
    return "".join(parts)


def _worked_out(left: list[str], numbers: str | None, result: Array) -> str:
    """A calculation with its result, which begins a new line if it is an array."""
    shown = phrases.array_math(result)
    if numbers is None:
        return math(*left, shown) if left else math("<mtext>the result:&#160;</mtext>", shown)
    if result.ndim == 0:
        return math(*left, numbers, EQUALS, shown)
    return math(*left, numbers) + math(EQUALS, shown)


def _source(source: Source | None) -> str:
    if source is None:
        return ""
    file = source.file.replace("\\", "/").rpartition("/")[2]
    line = f"{escape(source.before)}<mark>{escape(source.part)}</mark>{escape(source.after)}"
    return (
        f'<figure class="source"><figcaption>{escape(file)}, line {source.line}</figcaption>'
        f"<code>{line}</code></figure>"
    )


def _symbols(graph: Graph, node: Node, extra: str = "") -> str:
    """What the symbols of an operation stand for here."""
    known = [
        f"<i>{escape(symbol)}</i> is {code(graph.names[value])}"
        + (f" {value._data.shape}" if value._data.ndim else "")
        for symbol, value in arguments(node).items()
        if isinstance(value, Node)
    ]
    return f'<p class="symbols">Here {", ".join([*known, *filter(None, [extra])])}.</p>'


# --- backward -------------------------------------------------------------------------------


def _seed(view: View) -> Step:
    root = view.graph.root
    one = np.ones_like(root._data)
    loss = mathml.identifier("L")
    html = (
        "<h2>Backward begins</h2>"
        + math(mathml.gradient(loss, loss), EQUALS, phrases.array_math(one))
        + f"<p>{code(view.graph.names[root])} changes with itself one to one. From here on the "
        "chain rule is applied edge by edge, the latest operation first.</p>"
    )
    return Step("seed", html, target=view.keys[root], gradient=card.texts(one))


def _backward(graph: Graph, flow: Contribution) -> str:
    """How a gradient passes over one edge."""
    node, parent = (mathml.identifier(graph.names[n]) for n in (flow.node, flow.parent))
    name = graph.names[flow.parent]
    arriving, leaving = (mathml.gradient("<mi>L</mi>", n) for n in (node, parent))
    return "".join(
        [
            f"<h2>From {code(graph.names[flow.node])} to {code(name)}</h2>",
            f"<p>through {code(f'{graph.names[flow.node]} = {expression(graph, flow.node)}')}</p>",
            "<h3>What arrives</h3>",
            math("<mi>g</mi>", EQUALS, arriving, EQUALS, phrases.array_math(flow.incoming)),
            "<h3>What this operation makes of it</h3>",
            *_passed_on(graph, flow),
            phrases.summed(name, flow.fitted.shape, flow.returned),
            f"<h3>What {code(name)} gets</h3>",
            _accumulated(graph, flow, leaving),
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
        yield math(phrases.array_math(flow.returned))
        return
    values = phrases.values_of(flow.node) | {"g": flow.incoming}
    yield phrases.rule(formula, mathml.identifier(formula.by))
    yield _symbols(graph, flow.node, "<i>g</i> is what arrives")
    numbers = phrases.numeric(_expression(formula), values)
    yield _worked_out([], numbers, flow.returned)
    yield phrases.transposed(formula, values, graph.names[flow.parent], flow.returned)


def _expression(formula: Formula) -> str:
    return formula.right if formula.of == "L" else f"g * ({formula.right})"


def _accumulated(graph: Graph, flow: Contribution, leaving: str) -> str:
    """The contribution added to those that came over other edges."""
    before, new, after = (
        None if array is None else phrases.array_math(array)
        for array in (flow.before, flow.fitted, flow.after)
    )
    if before is None:
        return math(leaving, EQUALS, str(after))
    return (
        math(leaving, "<mo>+=</mo>", str(new))
        + math(leaving, EQUALS, before, PLUS, str(new))
        + math(EQUALS, str(after))
        + f"<p>{code(graph.names[flow.parent])} is used more than once. Each use has its own "
        "influence on L, and the influences add up.</p>"
    )


def _end(graph: Graph, gradients: Mapping[Node, Array]) -> Step:
    leaves = {node: g for node, g in gradients.items() if not node._op}
    return Step(
        "end",
        f"<h2>What came back</h2><p>The gradients of {code(graph.names[graph.root])}, one for "
        f"each parameter, in its shape:</p>{_table(graph, leaves)}"
        "<p>A small step against its gradient makes each of them a little better.</p>",
    )
