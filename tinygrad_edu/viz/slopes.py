"""What each edge does to the gradient that flows back over it, in a few characters."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.debugging.health import euclidean_norm
from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import one_line, printed
from tinygrad_edu.viz.calls import arguments
from tinygrad_edu.viz.formulas import Formula, derivative_at
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.model import Graph
from tinygrad_edu.viz.view import Arrow, View

__all__ = ["Slope", "slope_of", "slopes"]

LONGEST_NAME = 8


@dataclass(frozen=True, slots=True)
class Slope:
    """What an edge does to a gradient."""

    text: str
    """In short: ``× 0.239``."""
    said: str
    """In a sentence."""
    number: float | None = None
    """The slope, if the edge leads from one number to one number."""


def slopes(view: View, flows: Iterable[Contribution]) -> dict[Arrow, Slope]:
    """The slope of every arrow over which a gradient flows."""
    found: dict[Arrow, list[Contribution]] = {}
    for flow in flows:
        arrow = view.arrow(flow.edge)
        if arrow is not None and flow.fitted.size:
            found.setdefault(arrow, []).append(flow)
    return {
        arrow: slope_of(view.graph, over[0]) if len(over) == 1 else _several(len(over))
        for arrow, over in found.items()
    }


def slope_of(graph: Graph, flow: Contribution) -> Slope:
    """What one edge does to the gradient."""
    formula = derivative_at(flow.node, flow.position)
    product = _product(graph, flow.node, formula)
    if flow.incoming.size == 1 or (formula and formula.of == "y"):
        slope = _times(flow)
    elif product:
        slope = Slope(product, f"the gradient g as a matrix, in a product: {product}")
    else:
        slope = _stretched(flow)
    if flow.returned.size > flow.fitted.size:
        name = graph.names[flow.parent]
        said = f"{slope.said}; then summed, since {name} was broadcast"
        return Slope(f"{slope.text}, Σ", said)
    return slope


def _times(flow: Contribution) -> Slope:
    """Every entry of the gradient is multiplied by its own slope."""
    each = flow.slope
    least, most = np.min(each), np.max(each)
    if least == most:
        factor = printed(least)
        if each.size == flow.incoming.size == 1:
            number = float(least) if np.isfinite(least) else None  # JSON has no others
            return Slope(f"× {factor}", f"the gradient, times {factor}", number)
        return Slope(f"× {factor}", f"every entry of the gradient, times {factor}")
    low, high = printed(least, digits=2), printed(most, digits=2)
    said = f"the gradient, times a slope for every entry, from {low} to {high}"
    return Slope(f"× {low} … {high}", said)


def _product(graph: Graph, node: Node, formula: Formula | None) -> str | None:
    """The gradient g in a matrix product, with the name of the other factor."""
    try:
        tree = ast.parse(formula.right if formula else "", mode="eval").body
    except SyntaxError:  # it is in words
        return None
    match tree:
        case ast.BinOp(left=left, op=ast.MatMult(), right=ast.Name(id="g")):
            factor = _factor(graph, node, left)
            return factor and f"{factor} @ g"
        case ast.BinOp(left=ast.Name(id="g"), op=ast.MatMult(), right=right):
            factor = _factor(graph, node, right)
            return factor and f"g @ {factor}"
    return None


def _factor(graph: Graph, node: Node, tree: ast.expr) -> str | None:
    """An operand of a node, perhaps transposed; None if it has no short name."""
    turned = isinstance(tree, ast.Attribute) and tree.attr in ("T", "mT")
    symbol = tree.value if isinstance(tree, ast.Attribute) else tree
    operand = arguments(node).get(symbol.id) if isinstance(symbol, ast.Name) else None
    if not isinstance(operand, Node) or len(graph.names[operand]) > LONGEST_NAME:
        return None
    return one_line(graph.names[operand]) + ("ᵀ" if turned else "")


def _stretched(flow: Contribution) -> Slope:
    """For all that has no simpler form: how much longer, or shorter, the gradient becomes."""
    before, after = euclidean_norm(flow.incoming), euclidean_norm(flow.fitted)
    share = printed(after / before if before else 0.0)
    return Slope(f"‖g‖ × {share}", f"the length of the gradient, its Euclidean norm, times {share}")


def _several(count: int) -> Slope:
    return Slope(f"{count} edges", f"{count} edges in one")
