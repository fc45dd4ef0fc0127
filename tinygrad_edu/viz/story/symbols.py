"""Formulas of operations, with the names of a program for their symbols, and with its numbers."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from numbers import Number
from typing import Any, TypeAlias

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import calls, mathml
from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.calls import arguments, defaults, operands
from tinygrad_edu.viz.formulas import Formula, as_called, hold, losses_of_samples
from tinygrad_edu.viz.model import Graph

__all__ = [
    "Values",
    "arguments_in_words",
    "arriving",
    "numeric",
    "symbolic",
    "values_of",
    "with_numbers",
]

Values: TypeAlias = Mapping[str, Array]
"""What the symbols of a formula stand for."""

LONGEST_COLUMN = 4
MACRON = "\u0304"


# --- with names -------------------------------------------------------------------------------


def symbolic(graph: Graph, node: Node, expression: str) -> str | None:
    """A formula of a node's operation with the names of the program for its symbols.

    A symbol that stands for nothing of the program, such as g for what arrives on the way back, has
    a bar if something there is called the same. None if the formula is in words, or is an example.
    """
    if _symbols_in(expression) is None:
        return None
    given = arguments(node)
    scalars = {
        name: array
        for name, array in _arrays(node).items()
        if not array.ndim and not isinstance(given.get(name), Node)
    }
    names = _barred(graph) | _names(graph, node)
    return mathml.mathml(as_called(node, expression), scalars, names)


def arriving(graph: Graph) -> str:
    """How formulas call the gradient that arrives at an operation on the way back."""
    return _barred(graph).get("g", mathml.identifier("g"))


def _barred(graph: Graph) -> dict[str, str]:
    return {name: mathml.identifier(name + MACRON) for name in graph.names.values()}


def arguments_in_words(node: Node) -> dict[str, str]:
    """The arguments that say how, such as an axis; those left out are empty."""
    given = arguments(node)
    known = _arrays(node)
    words = {name: "" for name in defaults(node) if name not in known}
    return words | {
        name: mathml.words(calls.written(value, name))
        for name, value in given.items()
        if name not in known
    }


def _names(graph: Graph, node: Node) -> dict[str, str]:
    """How the symbols in the formulas of a node's operation are written."""
    names = {name: mathml.words("array") for name, array in _arrays(node).items() if array.ndim}
    names |= {
        name: mathml.identifier(graph.names[value])
        for name, value in arguments(node).items()
        if isinstance(value, Node)
    }
    return (
        _numbered(arguments_in_words(node) | names)
        | dict.fromkeys(("y", "loss"), mathml.identifier(graph.names[node]))
        | {"L": mathml.identifier(graph.names[graph.root])}
    )


def _numbered(named: dict[str, Any]) -> dict[str, Any]:
    """The same, with x1, x2 ... for operands of which there may be any number."""
    in_order = [value for name, value in named.items() if name.endswith("]")]
    return named | {f"x{i}": value for i, value in enumerate(in_order, start=1)}


def _symbols_in(expression: str) -> set[str] | None:
    """The names in a formula, without those of functions; None if it is in words, or an example."""
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError:
        return None
    # A string is a part of a formula that stands for an example, such as einsum's subscripts.
    if any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in nodes):
        return None
    functions = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
    return {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in functions}


# --- with numbers -----------------------------------------------------------------------------


def with_numbers(node: Node, formula: Formula, values: Values) -> str | None:
    """A formula of a node's operation with the numbers of the call, if it is what was computed."""
    if not hold(node):
        return None
    return numeric(as_called(node, formula.right), values, arguments_in_words(node))


def numeric(expression: str, values: Values, names: Mapping[str, str] | None = None) -> str | None:
    """An expression with numbers for its symbols.

    None if some are too large to be written, or if it is not known what they stand for.
    """
    used = _symbols_in(expression)
    if not used or not used & values.keys() or used - values.keys() - {"pi", *(names or {})}:
        return None
    if any(mathml.matrix(values[name]) is None for name in used & values.keys()):
        return None
    return mathml.mathml(expression, values, names)


def values_of(node: Node, incoming: Array | None = None) -> dict[str, Array]:
    """What the symbols in the formulas of a node's operation stand for."""
    values = _numbered(_arrays(node)) | dict.fromkeys(("y", "loss"), node._array)
    if incoming is not None:
        values["g"] = incoming
    values |= {"n": np.asarray(_terms(node))}
    if calls.name(node) in ("matmul", "dot") and values["b"].ndim == 1:
        columns = {"b"} if values["a"].ndim == 1 else {"b", "y", "g"}
        values |= {k: _column(v) for k, v in values.items() if k in columns}
    if calls.name(node) == "linear":  # samples are rows
        values |= {k: v.reshape(-1, v.shape[-1]) for k, v in values.items() if k in ("x", "y", "g")}
    if (
        losses_of_samples(node._op) and "labels" in values and hold(node)
    ):  # else a label may be no class
        values["labels"] = _rows(values["labels"], _first(node))
    return values


def _rows(labels: Array, scores: Array) -> Array:
    """Class indices as rows of 0 and a single 1."""
    return labels if labels.ndim == scores.ndim else np.eye(scores.shape[-1])[labels]


def _column(vector: Array) -> Array:
    """A vector as a matrix of one column, if it is short enough to be written so."""
    return vector[:, None] if vector.ndim == 1 and vector.size <= LONGEST_COLUMN else vector


def _arrays(node: Node) -> dict[str, Array]:
    """The arguments to compute with, and other numbers, by name."""
    computed_with = {position for position, _ in operands(node)}
    given = arguments(node)
    return {
        name: array_of(value)
        for position, (name, value) in enumerate((given | _left_out(node, given)).items())
        if (position in computed_with and name in given) or _is_number(value)
    }


def _left_out(node: Node, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in defaults(node).items() if name not in given}


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _terms(node: Node) -> int:
    """Over how many terms a mean is taken, which formulas call n."""
    array = _first(node)
    if (defaults(node) | arguments(node)).get("reduction") == "sum":
        return 1
    terms = array.size // max(1, node._array.size)
    return terms // array.shape[-1] if losses_of_samples(node._op) else terms


def _first(node: Node) -> Array:
    """The first operand."""
    (_, first), *_ = operands(node)
    return array_of(first)
