"""Products of matrices entry by entry, and row by row; broadcasting as copies, and their sum."""

from __future__ import annotations

import ast
import json
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.viz import marks, mathml
from tinygrad_edu.viz.arrays import Array, number, number_rows
from tinygrad_edu.viz.story.phrases import display
from tinygrad_edu.viz.story.symbols import Values

__all__ = [
    "copies",
    "many_products",
    "product_attributes",
    "repeated_axes",
    "row_by_row",
    "sum_of_copies",
]

SIDES = ("left", "right")


class _Factor(NamedTuple):
    """A matrix in a product; it is written as it was, with a T if it is transposed."""

    array: Array
    turned: bool

    @property
    def matrix(self) -> Array:
        return self.array.T if self.turned else self.array


class _Product(NamedTuple):
    left: _Factor
    right: _Factor
    plus: Array | float


def product_attributes(expression: str, values: Values, result: Array) -> str:
    """The attributes of a formula with a product of matrices, by which a page can explain it.

    None, an empty text, if it is no such product, or if not all of it is written as numbers.
    """
    product = _product(expression, values, result)
    if product is None or any(number_rows(array) is None for array in _written(product, result)):
        return ""
    turned = [side for side, factor in zip(SIDES, product[:2], strict=True) if factor.turned]
    return f' data-product="{" ".join(turned)}"'


def many_products(expression: str, values: Values, result: Array) -> str:
    """What a product of matrices is that are too large to be written."""
    product = _product(expression, values, result)
    if product is None or product_attributes(expression, values, result):
        return ""
    (rows, terms), (_, columns) = product.left.matrix.shape, product.right.matrix.shape
    return (
        f"<p>Each of its {rows} × {columns} numbers adds up {terms} products, "
        "of a row of the left matrix and a column of the right one.</p>"
    )


def row_by_row(expression: str, values: Values, result: Array) -> str:
    """How ``x.T @ g`` adds up over the rows of both, which most often are samples."""
    product = _product(expression, values, result)
    if product is None or not product.left.turned or product.right.turned:
        return ""
    x, g = product.left.array, product.right.array
    if len(x) < 2 or any(number_rows(a) is None for a in (x, g, result)):
        return ""
    added = [np.outer(*rows) for rows in zip(x, g, strict=True)]
    parts = [
        {"added": number_rows(one), "sum": number_rows(total)}
        for one, total in zip(added, np.cumsum(added, axis=0), strict=True)
    ]
    keys = marks.key(x), marks.key(np.ravel(g) if g.shape[1:] == (1,) else g)
    factors = f' data-factors="{" ".join(keys)}"' if all(keys) else ""
    return f'<div class="by-row" data-rows="{escape(json.dumps(parts))}"{factors}></div>'


def _written(product: _Product, result: Array) -> list[Array]:
    return [product.left.array, product.right.array, np.asarray(product.plus), result]


def _product(expression: str, values: Values, result: Array) -> _Product | None:
    """The product of matrices that an expression is, perhaps with something added."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:  # it is in words, or there is none
        return None
    plus: Array | float = 0.0
    match tree:
        case ast.BinOp(left=left, op=ast.Add(), right=ast.Name(id=name)) if name in values:
            tree, plus = left, values[name]
    match tree:
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            factors = _factor(left, values), _factor(right, values)
        case _:
            return None
    if factors[0] is None or factors[1] is None:
        return None
    product = _Product(factors[0], factors[1], plus)
    return product if _is(product, result) else None


def _factor(tree: ast.expr, values: Values) -> _Factor | None:
    match tree:
        case ast.Name(id=name) if name in values and values[name].ndim in (1, 2):
            return _Factor(np.atleast_2d(values[name]), turned=False)
        case ast.Attribute(value=ast.Name(id=name), attr="T" | "mT") if name in values:
            return _Factor(values[name], turned=True) if values[name].ndim == 2 else None
    return None


def _is(product: _Product, result: Array) -> bool:
    """Whether a result is what the product makes, and not something in another form."""
    left, right = product.left.matrix, product.right.matrix
    if left.shape[1] != right.shape[0] or result.size != left.shape[0] * right.shape[1]:
        return False
    with np.errstate(all="ignore"):
        made = left @ right + product.plus
    return made.size == result.size and bool(
        np.allclose(made.ravel(), result.ravel(), rtol=1e-3, atol=1e-6, equal_nan=True)
    )


# --- broadcasting ---------------------------------------------------------------------------

LINES = {-2: "rows", -1: "columns"}
"""What there are several of along an axis, counted from the last."""


def copies(array: Array, shape: tuple[int, ...]) -> str:
    """An array as it is broadcast, its copies paler; an empty text if it is too large."""
    whole = np.broadcast_to(array, shape)
    kinds = [LINES[axis] for axis in repeated_axes(array.shape, shape) if axis in LINES]
    shown = mathml.matrix(whole, f"matrix copied {' '.join(kinds)}")
    return display(shown, kind="math aside") if shown else ""


def sum_of_copies(returned: Array, fitted: Array) -> str:
    """What came back to the copies, and below it or beside it the sum; empty if too large."""
    axes = repeated_axes(fitted.shape, returned.shape)
    if len(axes) != 1 or number_rows(returned) is None:
        return ""
    total = returned.sum(axis=axes[0], keepdims=True)
    rows = np.atleast_2d(np.concatenate([returned, total], axis=axes[0]))
    texts = [[number(x) for x in row] for row in rows]
    marked = np.concatenate(
        [_marked(returned), _marked(fitted.reshape(total.shape))], axis=axes[0]
    ).ravel()
    table = mathml.rows(texts, f"matrix summed {LINES[axes[0]]}", marked.tolist())
    return display(table, kind="math aside")


def _marked(array: Array) -> NDArray[np.object_]:
    """The mark of each number, in the shape of the array."""
    return np.array(marks.marked(array), dtype=object).reshape(array.shape)


def repeated_axes(shape: tuple[int, ...], whole: tuple[int, ...]) -> list[int]:
    """Along which axes, counted from the last, an array of a shape was copied."""
    padded = (1,) * (len(whole) - len(shape)) + shape
    return [axis for axis in range(-len(whole), 0) if padded[axis] != whole[axis]]
