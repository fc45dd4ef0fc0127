"""The text of forward steps: what is given, and how each value is computed."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.source import Source
from tinygrad_edu.viz import mathml
from tinygrad_edu.viz.arrays import Array, one_line
from tinygrad_edu.viz.calls import expression, operands
from tinygrad_edu.viz.flags import flag_of_value
from tinygrad_edu.viz.formulas import Formula, formulas
from tinygrad_edu.viz.model import Graph
from tinygrad_edu.viz.saved import saved_in_words
from tinygrad_edu.viz.story import phrases, windows
from tinygrad_edu.viz.story.matrices import copies, many_products, product_attributes
from tinygrad_edu.viz.story.phrases import code, equation
from tinygrad_edu.viz.story.symbols import symbolic, values_of, with_numbers
from tinygrad_edu.viz.view import Fold, View

__all__ = ["computation", "folded", "given", "kept"]


def given(graph: Graph) -> str:
    """What there is before anything is computed."""
    leaves = {node: node._array for node in graph.nodes if not node._op}
    flags = "".join(phrases.flagged(flag_of_value(graph, node)) for node in leaves)
    return (
        f"<h2>What is given</h2>{phrases.table(graph, leaves)}{flags}"
        "<p>Forward, each operation computes its value from these. Then, backward, each operation "
        f"passes on how much {code(graph.names[graph.root])} changes with each of its inputs.</p>"
    )


def folded(view: View, fold: Fold) -> str:
    """What is computed inside a fold, without the steps."""
    lines = "".join(f"<li>{escape(line)}</li>" for line in view.contents(fold))
    return f"<h2>{code(fold.name)}, folded</h2><ul>{lines}</ul>"


def computation(graph: Graph, node: Node) -> str:
    """How a node's value is computed."""
    name = graph.names[node]
    stated = [formula for formula in formulas(node._op) if not formula.by]
    values = values_of(node)
    rule = stated[0].right if stated else ""
    numbers = with_numbers(node, stated[0], values) if stated else None
    return "".join(
        [
            f"<h2>{code(f'{name} = {expression(node, graph.names)}')}</h2>",
            _source(getattr(node, "_source", None)),  # set only under an observer
            *_equations(graph, node, stated),
            phrases.unstated(node) if stated else "",
            '<div class="answer">',  # which may be asked for before it is shown
            "<h3>With numbers</h3>",
            equation(
                mathml.identifier(name),
                numbers,
                phrases.array_math(values["y"]),
                attributes=product_attributes(rule, values, values["y"]) if numbers else "",
            ),
            many_products(rule, values, values["y"]),
            windows.forward(graph, node),
            phrases.flagged(flag_of_value(graph, node)),
            *_broadcast_notes(graph, node),
            "</div>",
        ]
    )


def kept(graph: Graph, node: Node) -> str:
    """What an operation remembers of this, for its derivatives."""
    words = saved_in_words(node, graph.names) or "nothing"
    return f'<p class="kept">Kept for the way back: {escape(one_line(words, 200))}.</p>'


def _source(source: Source | None) -> str:
    if source is None:
        return ""
    file = source.file.replace("\\", "/").rpartition("/")[2]
    line = f"{escape(source.before)}<mark>{escape(source.part)}</mark>{escape(source.after)}"
    # Where the outermost function computes it itself, its listing beside the story shows the line.
    listed = source.outer and source.outer[:2] == source[:2]
    kind = "source listed" if listed else "source"
    return (
        f'<figure class="{kind}"><figcaption>{escape(file)}, line {source.line}</figcaption>'
        f"<code>{line}</code></figure>"
    )


def _equations(graph: Graph, node: Node, stated: list[Formula]) -> Iterator[str]:
    """The formulas of an operation, with the names of the program; those in words as they are."""
    in_words = False
    for formula in stated:
        left, right = (symbolic(graph, node, side) for side in (formula.left, formula.right))
        if left is None or right is None:
            in_words = True
            yield f'<p class="stated">{code(f"{formula.left} = {formula.right}")}</p>'
        else:
            yield equation(left, right) + phrases.note(formula)
    if in_words:
        yield phrases.symbols(graph, node)


def _broadcast_notes(graph: Graph, node: Node) -> list[str]:
    """What broadcasting does to the operands of an operation on every element by itself."""
    if not any(formula.of == "y" for formula in formulas(node._op)):
        return []
    return [
        _broadcast_note(graph.names[operand], operand._array, node._array.shape)
        for _, operand in operands(node)
        if isinstance(operand, Node)
    ]


def _broadcast_note(name: str, array: Array, shape: tuple[int, ...]) -> str:
    if array.shape == shape or not array.size:
        return ""
    times = int(np.prod(shape)) // array.size
    if times == 1:
        return ""
    return (
        f"<p>{code(name)} of shape {array.shape} is broadcast to {shape}: "
        f"each of its numbers is used {times} times.</p>{copies(array, shape)}"
    )
