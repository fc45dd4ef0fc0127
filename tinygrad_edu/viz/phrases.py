"""Sentences and formulas about one operation, as HTML: the words of the explorer."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from html import escape
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import mathml
from tinygrad_edu.viz.formulas import Formula
from tinygrad_edu.viz.model import arguments
from tinygrad_edu.viz.summary import plain

__all__ = [
    "array_math",
    "broadcast",
    "code",
    "equation",
    "math",
    "numeric",
    "rule",
    "summed",
    "transposed",
    "values_of",
]

Array: TypeAlias = NDArray[Any]
Values: TypeAlias = Mapping[str, Array]


def code(text: str) -> str:
    """A piece of a program."""
    return f"<code>{escape(plain(text, 120))}</code>"


def math(*parts: str) -> str:
    """A formula on a line of its own."""
    return f'<div class="math"><math display="block">{"".join(parts)}</math></div>'


def array_math(array: Array) -> str:
    """An array in a formula: its numbers or, if they are many, what they are like."""
    return mathml.matrix(array) or mathml.outline(array)


def values_of(node: Node) -> dict[str, Array]:
    """What the symbols in the formulas of a node's operation stand for."""
    given = {name: _value(value) for name, value in arguments(node).items()}
    values = {name: value for name, value in given.items() if value is not None}
    in_order = [value for name, value in values.items() if name.endswith("]")]
    values |= {f"x{i}": value for i, value in enumerate(in_order, start=1)}
    return values | dict.fromkeys(("y", "loss"), node._data)


def _value(argument: Any) -> Array | None:
    if isinstance(argument, Node):
        return argument._data
    return np.asarray(argument) if isinstance(argument, Number | np.ndarray) else None


def equation(formula: Formula) -> str:
    """A formula of an operation as it is stated."""
    left, right = mathml.mathml(formula.left), mathml.mathml(formula.right)
    if left is None or right is None:
        return f'<p class="stated">{code(f"{formula.left} = {formula.right}")}</p>'
    return math(left, "<mo>=</mo>", right) + _note(formula)


def rule(formula: Formula, target: str) -> str:
    """How an operation passes a gradient on, with its own symbols."""
    of_target = mathml.gradient("<mi>L</mi>", target)
    right = mathml.mathml(formula.right)
    if right is None:
        return f'{math(of_target, "<mo>=</mo>")}<p class="stated">{escape(formula.right)}</p>'
    if formula.of == "L":
        return math(of_target, "<mo>=</mo>", right) + _note(formula)
    slope = mathml.gradient(mathml.identifier(formula.of), target)
    chain = mathml.mathml(f"g * ({formula.right})")
    return math(of_target, "<mo>=</mo><mi>g</mi><mo>·</mo>", slope, "<mo>=</mo>", str(chain))


def _note(formula: Formula) -> str:
    return f"<p>{escape(formula.note)}</p>" if formula.note else ""


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


def broadcast(name: str, array: Array, shape: tuple[int, ...]) -> str:
    """What broadcasting does to an operand on the way forward."""
    if array.shape == shape or not array.size:
        return ""
    copies = int(np.prod(shape)) // array.size
    return (
        f"<p>{code(name)} of shape {array.shape} is broadcast to {shape}: "
        f"each of its numbers is used {copies} times.</p>"
    )


def summed(name: str, shape: tuple[int, ...], returned: Array) -> str:
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


def transposed(formula: Formula, values: Values, name: str, returned: Array) -> str:
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
