"""The formulas in the docstring of an operation: its value, and its derivatives.

Each operation states them in the literal block of its docstring, in Python's syntax::

    y = tanh(x)
    dy/dx = 1 - y**2

``dy/dx`` stands for operations on every element by itself, whose input gets ``g * dy/dx``;
``dL/dx`` is the gradient of the input as it is, with g for that of the output.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.engine import Node
from tinygrad_edu.viz import calls
from tinygrad_edu.viz.arrays import Array, array_of

__all__ = [
    "Formula",
    "derivative",
    "derivative_at",
    "formulas",
    "hold",
    "losses_of_samples",
    "unstated",
]

BLOCK = re.compile(r"^::\n\n((?: {4}.*\n?|\n)+)", re.MULTILINE)
LINE = re.compile(r"(?P<left>[^=]*[^=\s]) = (?P<right>.*?)(?:\s{2,}# (?P<note>.*))?$")
GRADIENT = re.compile(r"d(?P<of>\w+)/d(?P<by>\w+?)(?:\[.*\])?$")

REDUCTIONS = {"average", "log_softmax", "logsumexp", "max", "mean", "min", "norm", "prod"}
REDUCTIONS |= {"softmax", "sum"}
"""Functions of which a formula does not say along which axis: along that of the call."""

LEFT_OPEN = {"axis", "keepdims", "reduction"}
"""Arguments that say over which elements: a formula is for any of them."""
OF_NO_EFFECT = {"kind", "optimize"}
"""Arguments on how to compute, not what."""


@dataclass(frozen=True, slots=True)
class Formula:
    """One line of the block: ``left = right  # note``."""

    left: str
    right: str
    note: str = ""

    @property
    def of(self) -> str:
        """What a derivative is of: "L", or "y"; empty for no derivative."""
        match = GRADIENT.match(self.left)
        return match["of"] if match else ""

    @property
    def by(self) -> str:
        """The argument that a derivative is with respect to; empty for no derivative."""
        match = GRADIENT.match(self.left)
        return match["by"] if match else ""


@lru_cache(maxsize=512)
def formulas(op: Callable[..., Any] | None) -> tuple[Formula, ...]:
    """The formulas in an operation's docstring; none if it states none.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> for formula in formulas(tg.tanh):
    ...     print(formula.left, "=", formula.right)
    y = tanh(x)
    dy/dx = 1 - y**2
    """
    block = BLOCK.search(_docstring(op))
    matches = (LINE.match(line.strip()) for line in block[1].splitlines()) if block else ()
    return tuple(Formula(m["left"], m["right"], m["note"] or "") for m in matches if m)


def _docstring(op: Callable[..., Any] | None) -> str:
    """Of an operation, or of the public function that it is shown as."""
    if op is None:
        return ""
    return inspect.getdoc(op) or inspect.getdoc(getattr(ops, op.__name__, None)) or ""


def derivative(op: Callable[..., Any] | None, argument: str, place: int) -> Formula | None:
    """The formula for the gradient of an argument, given its name and its place among operands.

    Operations on any number of operands state it for the first, or for the first two.
    """
    stated = [formula for formula in formulas(op) if formula.by]
    named = [formula for formula in stated if formula.by == argument]
    if named or "[" not in argument:
        return named[0] if named else None
    return stated[min(place, len(stated) - 1)] if stated else None


def as_called(node: Node, text: str) -> str:
    """A formula with what it leaves open: the axis of a call, and how a loss is reduced.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    >>> as_called(x.mean(axis=0), "sum(x) / n")
    'sum(x, axis=0) / n'
    >>> as_called(tg.l1_loss(x, np.zeros((2, 3)), "sum"), "mean(abs(predictions - targets))")
    'sum(abs(predictions - targets))'
    """
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return text  # in words
    return ast.unparse(_AsCalled(node).visit(tree))


class _AsCalled(ast.NodeTransformer):
    def __init__(self, node: Node) -> None:
        given = calls.defaults(node) | calls.arguments(node)
        operands = [array.ndim for array in _operands(node)]
        self.reduction = given.get("reduction")
        self.axis = given.get("axis") if max(operands, default=0) > 1 else None

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="mean"), args=[x], keywords=[]) if self.reduction:
                name = ast.Name(str(self.reduction))
                return x if self.reduction == "none" else ast.Call(name, [x], [])
            case ast.Call(func=ast.Name(id=name), args=[_], keywords=[]) if name in REDUCTIONS:
                if self.axis is not None:
                    axis = ast.parse(repr(self.axis), mode="eval").body
                    return ast.Call(node.func, node.args, [ast.keyword("axis", axis)])
        return node


def losses_of_samples(op: Callable[..., Any] | None) -> bool:
    """Whether an operation is a mean over samples, each with its classes along the last axis."""
    stated = formulas(op)
    return bool(stated) and stated[0].left == "loss" and "axis=-1" in stated[0].right


def hold(node: Node) -> bool:
    """Whether the formulas of a node's operation are those of this call."""
    condition = CONDITIONS.get(calls.name(node))
    return not unstated(node) and (condition is None or condition(*_operands(node)))


def _operands(node: Node) -> list[Array]:
    return [array_of(value) for _, value in calls.operands(node)]


def _axes(*numbers: int) -> Callable[..., bool]:
    return lambda *operands: all(array.ndim in numbers for array in operands)


def _add_up_to_one(_: Array, labels: Array) -> bool:
    """Whether labels are classes, or probabilities."""
    return labels.dtype.kind != "f" or bool(np.allclose(labels.sum(-1), 1))


CONDITIONS = {
    "dot": _axes(1, 2),
    "inner": _axes(2),
    "outer": _axes(1),
    "softmax_cross_entropy": _add_up_to_one,
}
"""On operands, where operations state formulas for some only."""


def unstated(node: Node) -> list[str]:
    """The arguments that a call gives, and that change what it computes, but in no formula."""
    words = {
        word
        for formula in formulas(node._op)
        for word in re.findall(r"\w+", f"{formula.left} {formula.right}")
    }
    usual = calls.defaults(node)
    return [
        name
        for name, value in calls.arguments(node).items()
        if name in usual
        and name not in words | LEFT_OPEN | OF_NO_EFFECT
        and not calls.same(value, usual[name])
    ]


def derivative_at(node: Node, position: int) -> Formula | None:
    """The formula for the gradient of what is at a position among the inputs of a node."""
    place = [at for at, _ in calls.operands(node)].index(position)
    return derivative(node._op, [*calls.arguments(node)][position], place)
