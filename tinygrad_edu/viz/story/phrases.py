"""What both ways of the story share: pieces of HTML, and formulas with numbers in them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from html import escape
from itertools import islice
from numbers import Number
from typing import Any, TypeAlias

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import mathml
from tinygrad_edu.viz.arrays import Array, array_of, number, one_line, shape_and_dtype, texts
from tinygrad_edu.viz.calls import arguments, operands
from tinygrad_edu.viz.formulas import Formula
from tinygrad_edu.viz.model import Graph

__all__ = [
    "EQUALS",
    "Values",
    "array_math",
    "code",
    "display",
    "note",
    "numeric",
    "symbols",
    "table",
    "values_of",
    "worked_out",
]

Values: TypeAlias = Mapping[str, Array]
"""What the symbols of a formula stand for."""

MOST_ROWS = 20
EQUALS = "<mo>=</mo>"


def code(text: str) -> str:
    """A piece of a program."""
    return f"<code>{escape(one_line(text, 120))}</code>"


def display(*parts: str) -> str:
    """A formula on a line of its own."""
    return f'<div class="math"><math display="block">{"".join(parts)}</math></div>'


def array_math(array: Array) -> str:
    """An array in a formula: its numbers or, if they are many, what they are like."""
    return mathml.matrix(array) or mathml.outline(array)


def note(formula: Formula) -> str:
    """What an operation remarks on a formula."""
    return f"<p>{escape(formula.note)}</p>" if formula.note else ""


def symbols(graph: Graph, node: Node, extra: str = "") -> str:
    """What the symbols of an operation stand for here."""
    computed_with = {position for position, _ in operands(node)}
    known = [
        f"<i>{escape(symbol)}</i> is {_meaning(graph, value)}"
        for position, (symbol, value) in enumerate(arguments(node).items())
        if position in computed_with
    ]
    return f'<p class="symbols">Here {", ".join([*known, *filter(None, [extra])])}.</p>'


def _meaning(graph: Graph, value: Any) -> str:
    array = array_of(value)
    shape = f" {array.shape}" if array.ndim else ""
    if isinstance(value, Node):
        return f"{code(graph.names[value])}{shape}"
    return f"an array{shape}" if shape else number(array[()])


def table(graph: Graph, arrays: Mapping[Node, Array]) -> str:
    """The arrays of some Tensors, by name."""
    rows = [
        f"<tr><th>{code(graph.names[node])}</th><td>{shape_and_dtype(array)}</td>"
        f"<td>{escape(', '.join(texts(array)))}</td></tr>"
        for node, array in islice(arrays.items(), MOST_ROWS)
    ]
    more = len(arrays) - len(rows)
    rest = f"<p>and {more} more</p>" if more else ""
    return f"<table>{''.join(rows)}</table>{rest}"


# --- formulas with numbers --------------------------------------------------------------------


def values_of(node: Node) -> dict[str, Array]:
    """What the symbols in the formulas of a node's operation stand for."""
    given = {name: _value(value) for name, value in arguments(node).items()}
    values = {name: value for name, value in given.items() if value is not None}
    in_order = [value for name, value in values.items() if name.endswith("]")]
    values |= {f"x{i}": value for i, value in enumerate(in_order, start=1)}
    return values | dict.fromkeys(("y", "loss"), node._array)


def _value(argument: Any) -> Array | None:
    if isinstance(argument, Node):
        return argument._array
    return np.asarray(argument) if isinstance(argument, Number | np.ndarray) else None


def numeric(expression: str, values: Values) -> str | None:
    """An expression with numbers for its symbols; None if some are too large to be written."""
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError:
        return None
    # A string is a part of a formula that stands for an example, such as einsum's subscripts.
    if any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in ast.walk(tree)):
        return None
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} & values.keys()
    if not used or any(mathml.matrix(values[name]) is None for name in used):
        return None
    return mathml.mathml(expression, values)


def worked_out(left: list[str], numbers: str | None, result: Array) -> str:
    """A calculation with its result, which begins a new line if it is an array."""
    shown = array_math(result)
    if numbers is None:
        return display(*left, shown) if left else display("<mtext>the result:&#160;</mtext>", shown)
    if result.ndim == 0:
        return display(*left, numbers, EQUALS, shown)
    return display(*left, numbers) + display(EQUALS, shown)
