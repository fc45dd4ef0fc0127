"""A graph in Mermaid, the language in which Markdown pages draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import Array, number_rows, one_line, shape_and_dtype, texts
from tinygrad_edu.viz.calls import expression, options, order_matters, symbol
from tinygrad_edu.viz.graph.palette import CLUSTER, INK, LINE, LOOKS
from tinygrad_edu.viz.model import Constant, Kind, Scope
from tinygrad_edu.viz.view import Fold, Vertex, View

__all__ = ["mermaid"]

SHAPES: dict[Kind, tuple[str, str]] = {
    "input": ("[", "]"),
    "parameter": ("[", "]"),
    "constant": ("((", "))"),
    "intermediate": ("(", ")"),
    "output": ("([", "])"),
    "fold": ("[[", "]]"),
}
# Cards have light grounds and dark text, which can be read on light and on dark pages.
STYLES: dict[str, str] = {
    kind: f"fill:{look.fill},stroke:{look.border},color:{INK},stroke-width:{look.width}px"
    for kind, look in LOOKS.items()
}
STYLES |= {"constant": f"fill:none,stroke:{LINE},color:{LINE}"}
STYLES |= {"scope": f"fill:{CLUSTER},stroke:{LINE},color:{LINE}"}
CODES = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}


def mermaid(view: View, gradients: Mapping[Node, Array], direction: str) -> str:
    """A view of a graph as a flowchart: scopes are its subgraphs, kinds of nodes its classes."""
    keys = view.keys
    lines = [f"flowchart {direction}", *_inside(view, gradients, ())]
    lines += [f"  {keys[arrow.source]} --> {keys[arrow.target]}" for arrow in view.arrows]
    lines += [f"  classDef {name} {style}" for name, style in STYLES.items()]
    return "\n".join(lines) + "\n"


def _inside(
    view: View, gradients: Mapping[Node, Array], scope: Scope, key: str = "s"
) -> Iterator[str]:
    """The vertices of a scope, or outside of all, and the scopes in it, each with a key."""
    indent = "  " * (len(scope) + 1)
    inner: dict[Scope, None] = {}
    for vertex in view.vertices:
        around = view.scope(vertex)
        if around == scope:
            kind = view.kind(vertex)
            left, right = SHAPES[kind]
            label = "<br/>".join(_rows(view, gradients, vertex))
            yield f'{indent}{view.keys[vertex]}{left}"{label}"{right}:::{kind}'
        elif around[: len(scope)] == scope:
            inner[around[: len(scope) + 1]] = None
    for i, deeper in enumerate(inner):
        yield f'{indent}subgraph {key}{i} ["{_text(deeper[-1])}"]'
        yield from _inside(view, gradients, deeper, f"{key}{i}_")
        yield f"{indent}end"
        yield f"{indent}class {key}{i} scope"


def _rows(view: View, gradients: Mapping[Node, Array], vertex: Vertex) -> Iterator[str]:
    """What a card says, line by line."""
    if isinstance(vertex, Constant):
        yield _text(_content(vertex.data))
        return
    title = f"<b>{_text(view.name(vertex))}</b>"
    if isinstance(vertex, Fold):
        yield title
        yield from map(_text, view.contents(vertex))
        return
    if vertex._op:
        yield _text(f"{symbol(vertex)} {options(vertex)}".strip())
    yield f"{title} {_text(shape_and_dtype(vertex._array))}"
    if vertex._op and order_matters(vertex):
        yield _text(expression(vertex, view.graph.names))
    yield _text(f"value {_content(vertex._array)}")
    if vertex._requires_grad:
        yield _text(f"grad {_content(gradients.get(vertex))}")


def _content(array: Array | None) -> str:
    """The numbers of an array, rows behind each other; or what it is like."""
    rows = None if array is None else number_rows(array)
    return "; ".join(map(", ".join, rows)) if rows else ", ".join(texts(array))


def _text(value: str) -> str:
    """A text as it is, whatever it holds."""
    return "".join(CODES.get(c, c) for c in one_line(value, 100))
