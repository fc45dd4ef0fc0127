"""What forward and backward steps share: pieces of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import islice
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import formulas, marks, mathml
from tinygrad_edu.viz.arrays import Array, array_of, number, one_line, shape_and_dtype, texts
from tinygrad_edu.viz.calls import arguments, operands
from tinygrad_edu.viz.flags import Flag
from tinygrad_edu.viz.formulas import Formula
from tinygrad_edu.viz.model import Graph

__all__ = [
    "BREAK",
    "EQUALS",
    "PLUS",
    "array_math",
    "breakable",
    "code",
    "display",
    "equation",
    "flagged",
    "note",
    "symbols",
    "table",
    "unless_zero",
    "unstated",
]

MOST_ROWS = 20
EQUALS, PLUS = "<mo>=</mo>", "<mo>+</mo>"
BREAK = '<mspace width="0"/>'
BREAKS = {"=", "+", "−", "⊙"}  # in front of which a new line may begin
LONGEST_PIECE = 30


def code(text: str) -> str:
    """A piece of a program."""
    return f"<code>{escape(one_line(text, 120))}</code>"


def display(*parts: str, kind: str = "math", attributes: str = "") -> str:
    """A formula on a line of its own."""
    return f'<div class="{kind}"{attributes}>{breakable(*parts)}</div>'


def breakable(*parts: str) -> str:
    """A formula that goes on in a new line, at an operator, if it is too long.

    Browsers do not break lines inside of a formula; so it is written as several.
    """
    whole = ET.fromstring(f"<math>{''.join(parts)}</math>")  # noqa: S314 - our own markup
    lines: list[str] = []
    for piece in _pieces(list(whole)):
        line = ET.Element("math", displaystyle="true")
        line.extend(piece)
        if lines and piece[0].tag == "mo":  # at the beginning, it would be taken for a sign
            piece[0].set("form", "infix")
        lines.append(ET.tostring(line, encoding="unicode"))
    return "<wbr/>".join(lines)


def _pieces(parts: list[ET.Element]) -> Iterator[list[ET.Element]]:
    """A formula in pieces that begin with operators; in brackets only if it would be too long."""
    pieces: list[list[ET.Element]] = [[]]
    for part in parts:
        breaks = part.text in BREAKS or part.tag == "mspace"
        if breaks and pieces[-1] and pieces[-1][-1].tag != "mo":
            pieces.append([])
        pieces[-1].append(part)
    for piece in pieces:
        opened = [inner for part in piece for inner in (part if _opens(part) else [part])]
        if sum(map(_length, piece)) > LONGEST_PIECE and len(opened) > len(piece):
            yield from _pieces(opened)
        else:
            yield piece


def _opens(part: ET.Element) -> bool:
    """Whether a new line may begin inside: not in the parentheses around a negative number."""
    return part.tag == "mrow" and part.get("class") is None


def _length(part: ET.Element) -> int:
    """About how many characters wide a part of a formula is."""
    inner = [_length(child) for child in part]
    if part.tag in ("mfrac", "mtable"):  # one above the other
        return max(inner)
    return len(part.text or "") + sum(inner)


def equation(*sides: str | None, attributes: str = "") -> str:
    """What is equal, from the formula to the result; what would be said twice is said once."""
    different = list(dict.fromkeys(filter(None, sides)))
    parts = [part for side in different for part in (EQUALS, side)]
    return display(*parts[1:], attributes=attributes)


def unless_zero(arrays: Iterable[Array], sentence: str, otherwise: str) -> str:
    """A sentence, or if all numbers are 0 the other; both, where a page may change the numbers."""
    arrays = list(arrays)
    keys = " ".join(filter(None, map(marks.key, arrays)))
    if keys:
        return (
            f'<span data-unless-zero="{keys}">{sentence}</span>'
            f'<span data-if-zero="{keys}">{otherwise}</span>'
        )
    return sentence if any(map(np.any, arrays)) else otherwise


def array_math(array: Array) -> str:
    """An array in a formula: its numbers or, if they are many, what they are like."""
    return mathml.matrix(array) or mathml.outline(array)


def note(formula: Formula) -> str:
    """What an operation remarks on a formula."""
    return f"<p>{escape(formula.note)}</p>" if formula.note else ""


def unstated(node: Node) -> str:
    """A remark on the arguments of a call that the formulas of its operation leave out."""
    names = " and ".join(map(code, formulas.unstated(node)))
    return f"<p>The formula is that without {names}.</p>" if names else ""


def flagged(flag: Flag | None) -> str:
    """What is wrong, in a sentence."""
    return f'<p class="flag">{escape(flag.said)}</p>' if flag else ""


def symbols(graph: Graph, node: Node) -> str:
    """What the symbols of an operation stand for, where its formula is in words."""
    computed_with = {position for position, _ in operands(node)}
    known = [
        f"<i>{escape(symbol)}</i> is {_meaning(graph, value)}"
        for position, (symbol, value) in enumerate(arguments(node).items())
        if position in computed_with
    ]
    return f'<p class="symbols">Here {", ".join(known)}.</p>'


def _meaning(graph: Graph, value: Any) -> str:
    array = array_of(value)
    shape = f" {array.shape}" if array.ndim else ""
    if isinstance(value, Node):
        return f"{code(graph.names[value])}{shape}"
    return f"an array{shape}" if shape else number(array[()])


def table(graph: Graph, arrays: Mapping[Node, Array]) -> str:
    """The arrays of some Tensors, by name."""
    rows = [
        f"<tr><th>{code(graph.names[node])}<br/><small>{shape_and_dtype(array)}</small></th>"
        f"<td>{_in_shape(array)}</td></tr>"
        for node, array in islice(arrays.items(), MOST_ROWS)
    ]
    more = len(arrays) - len(rows)
    rest = f"<p>and {more} more</p>" if more else ""
    return f"<table>{''.join(rows)}</table>{rest}"


def _in_shape(array: Array) -> str:
    numbers = mathml.matrix(array)
    if numbers:
        return display(numbers)
    mark, text = marks.key(array), escape(", ".join(texts(array)))
    return f'<span data-n="{mark}">{text}</span>' if mark else text
