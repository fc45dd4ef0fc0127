"""Windows of convolutions and pools, to be moved: which elements made which, and how they add up.

The arrays are tables. Whoever points at an element of the result, or goes through them by arrow
keys, sees the elements that it was made of, each with its factor, and their sum.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import calls, mathml
from tinygrad_edu.viz.arrays import Array, array_of, number
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.model import Graph
from tinygrad_edu.viz.story.phrases import EQUALS, PLUS, code, display
from tinygrad_edu.viz.story.symbols import MACRON
from tinygrad_edu.viz.story.taps import Indices, Padded, Taps, taps_of

__all__ = ["backward", "forward"]

MOST_CELLS, MOST_COLUMNS, MOST_TABLES, MOST_TERMS = 250, 10, 6, 800
LONGEST_SUM = 12  # terms, each of which is also written as the number that it is

TIMES = "<mo>·</mo>"
LARGEST = "max"  # what is written below the largest element, where others have their factor


class _Grid(NamedTuple):
    """An array as tables of its last two axes."""

    key: str
    """"large", "weight" or "small"."""
    name: str
    array: Array
    padded: Padded
    is_blank: bool = False
    """Whether nothing is in the margins, as in those of a maximum."""

    @property
    def elements(self) -> Indices:
        """The number of each element, margins counted, and left out."""
        whole: Indices = np.arange(math.prod(self.padded.whole)).reshape(self.padded.whole)
        inside: Indices = whole[self.padded.inside]
        return inside

    def texts(self) -> list[str]:
        """What is written in each cell, margins included."""
        whole = np.full(self.padded.whole, "" if self.is_blank else "0", dtype=object)
        whole[self.padded.inside] = np.vectorize(_text, otypes=[object])(self.array)
        return [str(text) for text in whole.ravel()]

    def written(self, element: int) -> str:
        """An element of it, with its index, in MathML."""
        index = np.unravel_index(element, self.padded.whole)
        before = [0] * (len(index) - len(self.padded.margins)) + [m for m, _ in self.padded.margins]
        where = ", ".join(str(i - b) for i, b in zip(index, before, strict=True))
        return f"{mathml.identifier(self.name)}{mathml.words(f'[{where}]')}"


class _Term(NamedTuple):
    """What an element of the result is made of: an element of each grid, or one and a number."""

    first: int
    second: int | None
    factor: str


class _Made(NamedTuple):
    """What is shown of an element of the result."""

    lit: dict[str, str]
    """The cells that it is made of, and what is written below each."""
    sum: str
    """In MathML."""


Sum = Callable[[int, list[_Term]], list[str]]
"""How an element of the result is made of its terms: a chain of equal formulas, in MathML."""


def forward(graph: Graph, node: Node) -> str:
    """How each element of the output is made of those in its window."""
    taps = taps_of(node)
    if taps is None:
        return ""
    grids = _grids(graph, node, taps)
    given = calls.arguments(node)
    if taps.weight is None:
        make = _mean(grids, taps) if taps.size is not None else _maximum(grids)
        largest = None if taps.size is not None else np.where(_is_largest(node, taps), LARGEST, "")
        return _told(grids["small"], [grids["large"]], taps, make, largest)
    gathered, bias = _gathered_by(node), given.get("b")
    result = grids[gathered]
    first = grids["small" if gathered == "large" else "large"]
    make = _products(first, grids["weight"], result, None if bias is None else array_of(bias))
    return _told(result, [first, grids["weight"]], taps, make)


def backward(graph: Graph, flow: Contribution) -> str:
    """How the gradient of each element is made of those of the outputs that it had a part in."""
    taps = taps_of(flow.node)
    symbols = [*calls.arguments(flow.node)]
    symbol = symbols[flow.position]
    if taps is None or symbol not in ("x", "W"):
        return ""
    grids = _grids(graph, flow.node, taps, flow)
    computed = _gathered_by(flow.node)
    given = "large" if computed == "small" else "small"
    if symbol == "W":
        first, second, result = grids[given], grids[computed], grids["weight"]
    elif taps.weight is None:
        taps, shares = _shares(flow.node, taps)
        factors = np.array([*map(_text, shares)])
        return _told(grids["large"], [grids["small"]], taps, _shared(grids["small"]), factors)
    else:
        first, second, result = grids[computed], grids["weight"], grids[given]
    return _told(result, [first, second], taps, _products(first, second, result))


def _gathered_by(node: Node) -> str:
    return "large" if calls.name(node) == "conv_transpose2d" else "small"


def _grids(
    graph: Graph, node: Node, taps: Taps, flow: Contribution | None = None
) -> dict[str, _Grid]:
    """The arrays: on the way back, with the gradient of the output in its place."""
    given = calls.arguments(node)
    arrays = {"x": given["x"], "W": given.get("W")}
    values = {key: array_of(x) for key, x in arrays.items() if x is not None}
    names = {key: graph.names[x] if isinstance(x, Node) else key for key, x in arrays.items()}
    values["y"], names["y"] = node._array, graph.names[node]
    if flow is not None:
        target = [*given][flow.position]
        arrives = f"g{MACRON}" if "g" in graph.names.values() else "g"
        values["y"], names["y"] = flow.incoming, arrives
        by = f"∂{graph.names[graph.root]}/∂{names[target]}"
        values[target], names[target] = flow.returned, by
    computed = _gathered_by(node)
    symbols = {"small": "y", "large": "x"} if computed == "small" else {"small": "x", "large": "y"}
    symbols |= {"weight": "W"} if "W" in values else {}
    blank = calls.name(node) == "max_pool"
    return {
        key: _Grid(
            key,
            names[symbol],
            values[symbol],
            taps.around if key == "large" else Padded(values[symbol].shape, ()),
            blank and key == "large",
        )
        for key, symbol in symbols.items()
    }


def _shares(node: Node, taps: Taps) -> tuple[Taps, NDArray[np.float64]]:
    """Which elements of a pool get a part of the gradient, and which part."""
    if taps.size is not None:
        return taps, 1 / taps.size[taps.small]
    chosen = taps.to(_is_largest(node, taps))
    return chosen, 1 / np.bincount(chosen.small)[chosen.small]


def _is_largest(node: Node, taps: Taps) -> NDArray[np.bool_]:
    """Which elements are the maximum of the window that they are met in."""
    x = taps.around.pad(array_of(calls.arguments(node)["x"]).astype(float), -np.inf).ravel()
    tied: NDArray[np.bool_] = x[taps.large] == node._array.ravel()[taps.small]
    return tied


# --- sums ---------------------------------------------------------------------------------------


def _products(first: _Grid, second: _Grid, result: _Grid, bias: Array | None = None) -> Sum:
    """A sum of products, and of a bias."""
    a, b = first.padded.pad(first.array).ravel(), second.padded.pad(second.array).ravel()
    a_texts, b_texts = first.texts(), second.texts()

    def make(element: int, terms: list[_Term]) -> list[str]:
        pairs = [(term.first, term.second or 0) for term in terms]
        factors = [_number(a_texts[i]) + TIMES + _number(b_texts[j], inside=True) for i, j in pairs]
        products = [_number(_text(a[i] * b[j]), inside=True) for i, j in pairs]
        if bias is not None:
            channel = np.unravel_index(element, result.padded.whole)[1]
            added = _number(_text(bias[channel]), inside=True)
            factors, products = [*factors, added], [*products, added]
        return [PLUS.join(factors), *[PLUS.join(products)] * (1 < len(products) <= LONGEST_SUM)]

    return make


def _maximum(grids: dict[str, _Grid]) -> Sum:
    texts = grids["large"].texts()

    def make(_: int, terms: list[_Term]) -> list[str]:
        known = [_number(texts[term.first]) for term in terms if texts[term.first]]
        return ["<mi>max</mi>" + mathml.fenced("(", "<mo>,</mo>".join(known), ")")]

    return make


def _mean(grids: dict[str, _Grid], taps: Taps) -> Sum:
    texts = grids["large"].texts()

    def make(element: int, terms: list[_Term]) -> list[str]:
        added = PLUS.join(_number(texts[term.first], inside=i > 0) for i, term in enumerate(terms))
        size = _text(taps.size[element])  # type: ignore[index]  # of a mean it is known
        return [f"<mfrac><mrow>{added}</mrow><mn>{size}</mn></mfrac>"]

    return make


def _shared(small: _Grid) -> Sum:
    texts = small.texts()

    def make(_: int, terms: list[_Term]) -> list[str]:
        return [PLUS.join(_number(texts[t.first]) + TIMES + _number(t.factor) for t in terms)]

    return make


def _text(value: float) -> str:
    return number(value).replace("-", "−")


def _number(text: str, inside: bool = False) -> str:
    """A number in a formula; inside a sum or a product, a negative one is in brackets."""
    written = f"<mn>{text}</mn>"
    return mathml.fenced("(", written, ")") if inside and text.startswith("−") else written


# --- tables -------------------------------------------------------------------------------------


def _told(
    result: _Grid,
    factors: list[_Grid],
    taps: Taps,
    make: Sum,
    written: NDArray[np.str_] | None = None,
) -> str:
    """The tables, and for each element of the result what it is made of."""
    taps, written = _only(taps, written, result, result.elements)
    elements = result.elements
    if not _fit(elements, factors, taps):
        elements = elements.reshape(-1, *elements.shape[-2:])[:1]
        taps, written = _only(taps, written, result, elements)
        if not _fit(elements, factors, taps):
            return ""
    terms = _terms(result, elements, factors, taps, written)
    made = {element: _made(result, element, of_it, factors, make) for element, of_it in terms}
    widest = max(len(text) for one in made.values() for text in one.lit.values())
    tables = [_tables(grid, getattr(taps, grid.key)) for grid in factors]
    shown = "".join(f'<div class="factor">{table}</div>' for table in tables)
    some = elements.size < result.array.size
    of_all = f" Of {code(result.name)} only the first table is shown." if some else ""
    return (
        f'<div class="windows" data-cells="{escape(json.dumps(made))}">'
        f'<p class="hint">Point at an element of {code(result.name)}, or go through them with the '
        f"arrow keys, to see what it is made of.{of_all}</p>"
        f'<div class="grids" style="--widest: {widest}ch">{shown}'
        f'<div class="result">{_tables(result, elements.ravel(), is_result=True)}</div></div>'
        '<div class="sum" aria-live="polite"></div></div>'
    )


def _only(
    taps: Taps, written: NDArray[np.str_] | None, result: _Grid, elements: Indices
) -> tuple[Taps, NDArray[np.str_] | None]:
    """What some elements of the result are made of."""
    chosen = np.isin(getattr(taps, result.key), elements)
    return taps.to(chosen), None if written is None else written[chosen]


def _fit(elements: Indices, factors: list[_Grid], taps: Taps) -> bool:
    """Whether the tables can be read at a glance."""
    if not 0 < len(taps.large) <= MOST_TERMS or not _is_small(elements.size, elements.shape):
        return False
    used = [(grid, _tables_of(grid, getattr(taps, grid.key))) for grid in factors]
    return all(
        len(tables) <= MOST_TABLES
        and _is_small(len(tables) * math.prod(grid.padded.whole[-2:]), grid.padded.whole)
        for grid, tables in used
    )


def _is_small(size: int, shape: tuple[int, ...]) -> bool:
    return size <= MOST_CELLS and shape[-1] <= MOST_COLUMNS


def _tables_of(grid: _Grid, elements: Indices) -> Indices:
    """The numbers of the tables in which elements are."""
    return np.unique(elements // math.prod(grid.padded.whole[-2:]))


def _terms(
    result: _Grid,
    elements: Indices,
    factors: list[_Grid],
    taps: Taps,
    written: NDArray[np.str_] | None,
) -> Iterator[tuple[int, list[_Term]]]:
    """For each element of the result, what it is made of."""
    found: dict[int, list[_Term]] = {int(element): [] for element in elements.ravel()}
    first = getattr(taps, factors[0].key)
    second = getattr(taps, factors[1].key) if len(factors) > 1 else None
    texts = factors[1].texts() if len(factors) > 1 else []
    for i, element in enumerate(getattr(taps, result.key)):
        j = None if second is None else int(second[i])
        factor = "" if j is None else texts[j]
        factor = factor if written is None else str(written[i])
        found[int(element)].append(_Term(int(first[i]), j, factor))
    yield from found.items()


def _made(
    result: _Grid, element: int, terms: list[_Term], factors: list[_Grid], make: Sum
) -> _Made:
    """What an element of the result is made of."""
    lit = {f"{factors[0].key}-{term.first}": _below(term.factor) for term in terms}
    if len(factors) > 1:
        lit |= {f"{factors[1].key}-{term.second}": "" for term in terms}
    value = result.padded.pad(result.array).ravel()[element]
    sides = [*make(element, terms), _number(_text(value))] if terms else ["<mn>0</mn>"]
    chain = [part for side in dict.fromkeys(sides) for part in (EQUALS, side)]
    return _Made(lit, display(result.written(element), *chain))


def _below(factor: str) -> str:
    """What is written below an element."""
    return f"× {factor}" if factor not in ("", LARGEST) else factor


def _tables(grid: _Grid, used: Indices, is_result: bool = False) -> str:
    """The tables in which elements are that are used; of the result without its margins."""
    texts, inside = grid.texts(), {*grid.elements.ravel().tolist()}
    rows, columns = grid.padded.whole[-2:]
    lead = grid.padded.whole[:-2]
    html = []
    for table in _tables_of(grid, used).tolist():
        where = ", ".join(map(str, np.unravel_index(table, lead))) if lead else ""
        name = f"{grid.name}[{where}]" if where else grid.name
        cells = [
            [
                _cell(grid, element, texts[element], element in inside)
                for element in range(start, start + columns)
                if not is_result or element in inside
            ]
            for start in range(table * rows * columns, (table + 1) * rows * columns, columns)
        ]
        body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells if row)
        html.append(f'<table class="grid"><caption>{code(name)}</caption>{body}</table>')
    return "".join(html)


def _cell(grid: _Grid, element: int, text: str, is_inside: bool) -> str:
    kind = "" if is_inside else ' class="margin"'
    return f'<td data-cell="{grid.key}-{element}"{kind}>{text}</td>'
