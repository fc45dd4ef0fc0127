"""Draw the graph of a computation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import card, palette
from tinygrad_edu.viz.model import Constant, Graph, Item, options_of, read_graph
from tinygrad_edu.viz.summary import describe
from tinygrad_edu.viz.symbols import SYMBOLS
from tinygrad_edu.viz.trace import gradients

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor
    from tinygrad_edu.viz.render import Drawing

__all__ = ["draw_graph"]


def draw_graph(
    root: Tensor,
    names: Mapping[str, Any] | None = None,
    *,
    constants: bool = True,
    direction: Literal["LR", "TB"] = "LR",
    legend: bool = True,
) -> Drawing:
    """Draw what a Tensor was computed from, with values and gradients."""
    from tinygrad_edu.viz.render import Drawing  # noqa: PLC0415 - graphviz takes 17 ms to import

    if not isinstance(root, Node):
        raise TypeError(
            f"draw_graph draws what a Tensor was computed from; got {type(root).__name__}"
        )
    graph = read_graph(root, names, constants=constants)
    drawing = Drawing(
        "tinygrad_edu",
        format="svg",
        graph_attr={
            "rankdir": direction,
            "bgcolor": "transparent",
            "nodesep": "0.2",
            "ranksep": "0.3",
            "fontname": palette.FONT,
        },
        node_attr={"fontname": palette.FONT, "margin": "0.08,0.05"},
        edge_attr={"color": palette.LINE, "arrowsize": "0.6", "penwidth": "1.2"},
    )
    grads = gradients(graph)
    keys = {item: f"n{i}" for i, item in enumerate(graph.items)}
    for item, key in keys.items():
        drawing.node(key, **_node(graph, item, grads.get(item)))
    for edge in graph.edges:
        drawing.edge(keys[edge.source], keys[edge.target])
    return drawing


def _node(graph: Graph, item: Item, gradient: Any) -> dict[str, str]:
    if isinstance(item, Constant):
        return {"label": card.constant(item.data), "shape": "plain"}
    look = palette.LOOKS[graph.kind(item)]
    badge = ""
    if item._op is not None:
        symbol = SYMBOLS.get(item._op.__name__, item._op.__name__)
        badge = card.badge(symbol, options_of(item))
    rows = [card.entries("value", item._data)]
    if item._requires_grad:
        rows.append(card.entries("grad", gradient))
    return {
        "label": card.card(graph.names[item], describe(item._data), rows, badge),
        "shape": look.shape,
        "style": look.style,
        "fillcolor": look.fill,
        "color": look.border,
        "penwidth": look.width,
        "peripheries": look.lines,
    }
