"""From what is seen of a graph to the text that Graphviz draws."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import card, palette
from tinygrad_edu.viz.folding import Fold, Vertex, View
from tinygrad_edu.viz.model import Constant, Graph, Kind, Scope, options
from tinygrad_edu.viz.render import Drawing
from tinygrad_edu.viz.summary import describe
from tinygrad_edu.viz.symbols import expression, inside, needs_expression, symbol

__all__ = ["Direction", "draw"]

Direction: TypeAlias = Literal["LR", "TB"]
Attributes: TypeAlias = dict[str, str]

DECADES = 8  # how far down from the largest gradient the eye can follow


def draw(
    view: View,
    gradients: Mapping[Node, NDArray[Any]],
    strengths: Mapping[Hashable, float] | None = None,
    *,
    direction: Direction = "LR",
    legend: bool = True,
    addressable: bool = False,
) -> Drawing:
    """Draw what is seen of a graph; with ids for a page to find its parts by, if addressable."""
    drawing = _empty(direction)
    clusters: dict[Scope, Drawing] = {(): drawing}
    keys = view.keys
    for vertex in view.vertices:
        attributes = _node(view.graph, vertex, gradients, keys[vertex] if addressable else "")
        _cluster(clusters, view.scope(vertex)).node(keys[vertex], **attributes)
    for leaf, user in _hanging(view).items():
        with clusters[view.scope(leaf)].subgraph() as rank:
            rank.attr(rank="same")
            rank.node(keys[leaf])
            rank.node(keys[user])
    for scope in sorted(clusters, key=len, reverse=True)[:-1]:  # the inner ones first
        clusters[scope[:-1]].subgraph(clusters[scope])
    strongest = max(filter(math.isfinite, (strengths or {}).values()), default=0.0)
    for edge in view.edges:
        attributes = {} if strengths is None else _strength(strengths.get(edge), strongest)
        if addressable:
            attributes["id"] = keys[edge]
        drawing.edge(keys[edge[0]], keys[edge[1]], **attributes)
    if legend:
        label = card.legend(_kinds(view), _scale(strongest))
        drawing.attr("graph", label=label, labelloc="b", labeljust="l")
    return drawing


def _empty(direction: Direction) -> Drawing:
    font = {"fontname": palette.FONT, "fontsize": "11"}
    return Drawing(
        "graph",
        format="svg",
        graph_attr={
            **font,
            "bgcolor": "transparent",
            "class": "tinygrad_edu",
            "fontcolor": palette.LINE,
            "nodesep": "0.2",
            "rankdir": direction,
            "ranksep": "0.35",
        },
        node_attr={**font, "margin": "0.08,0.05"},
        edge_attr={"arrowsize": "0.6", "color": palette.LINE, "penwidth": "1.2"},
    )


def _cluster(clusters: dict[Scope, Drawing], scope: Scope) -> Drawing:
    """The cluster of a scope, made with those around it when it is first needed."""
    for i in range(len(scope)):
        if scope[: i + 1] not in clusters:
            attributes = {
                "bgcolor": palette.CLUSTER,
                "color": palette.LINE,
                "label": card.title(scope[i]),
                "labeljust": "l",
                "penwidth": "0.8",
                "style": "rounded",
            }
            name = f"cluster_{len(clusters)}"
            clusters[scope[: i + 1]] = Drawing(name, graph_attr=attributes)
    return clusters[scope]


def _hanging(view: View) -> dict[Vertex, Vertex]:
    """Leaves to draw beside what uses them, not in front: the others then stand in a line."""
    users: dict[Vertex, set[Vertex]] = {}
    sources: dict[Vertex, set[Vertex]] = {}
    for source, target, _ in view.edges:
        users.setdefault(source, set()).add(target)
        sources.setdefault(target, set()).add(source)
    hanging = {}
    for leaf, found in users.items():
        if len(found) == 1 and _kind(view.graph, leaf) in ("parameter", "constant"):
            (user,) = found
            if len(sources[user]) > 1:  # one always stays in front
                sources[user].discard(leaf)
                hanging[leaf] = user
    return hanging


def _kind(graph: Graph, vertex: Vertex) -> Kind:
    return "fold" if isinstance(vertex, Fold) else graph.kind(vertex)


def _kinds(view: View) -> list[Kind]:
    """The kinds that are seen, in the order of the legend."""
    seen = {_kind(view.graph, vertex) for vertex in view.vertices}
    return [kind for kind in palette.LOOKS if kind in seen]


def _node(
    graph: Graph, vertex: Vertex, gradients: Mapping[Node, NDArray[Any]], key: str
) -> Attributes:
    ids = {"id": key} if key else {}
    if isinstance(vertex, Constant):
        label, tooltip = card.constant(vertex.data), describe(vertex.data)
        return {"label": label, "shape": "plain", "tooltip": card.text(tooltip), **ids}
    look = palette.LOOKS[_kind(graph, vertex)]
    name = vertex.name if isinstance(vertex, Fold) else graph.names[vertex]
    label = (
        card.card(name, "", [card.line(text) for text in inside(vertex.items)])
        if isinstance(vertex, Fold)
        else _card(graph, vertex, gradients, key)
    )
    return {
        "label": label,
        "tooltip": card.text(name, 1000),
        "shape": look.shape,
        "style": look.style,
        "fillcolor": look.fill,
        "color": look.border,
        "penwidth": look.width,
        "peripheries": look.lines,
        **ids,
    }


def _card(graph: Graph, node: Node, gradients: Mapping[Node, NDArray[Any]], key: str) -> str:
    rows = []
    if node._op and needs_expression(node):
        rows.append(card.line(expression(graph, node)))
    rows.append(card.entries("value", node._data, f"{key}-value" if key else ""))
    if node._requires_grad:
        rows.append(card.entries("grad", gradients.get(node), f"{key}-grad" if key else ""))
    badge = card.badge(symbol(node), options(node)) if node._op else ""
    named = node not in graph.unnamed
    return card.card(graph.names[node], describe(node._data), rows, badge, named=named)


# --- the size of gradients --------------------------------------------------------------------


def _strength(strength: float | None, strongest: float) -> Attributes:
    """An edge as thick and as bright as the gradient that flows back over it is large."""
    if strength is None:
        return {"style": "dotted", "penwidth": "0.8"}
    if not math.isfinite(strength):
        return {"color": palette.STRONG, "penwidth": "5", "label": str(strength), "style": "dashed"}
    share = _share(strength, strongest)
    tooltip = f"gradient {strength:.3g}"
    if not share:
        return {"style": "dashed", "penwidth": "0.8", "tooltip": tooltip}
    return {"color": palette.ramp(share), "penwidth": f"{0.8 + 5 * share:.2f}", "tooltip": tooltip}


def _share(strength: float, strongest: float) -> float:
    """Where a gradient lies between far too small to matter, 0, and the largest, 1: a logarithm."""
    if not strength:
        return 0.0
    return max(0.0, 1 + math.log10(strength / strongest) / DECADES)


def _scale(strongest: float) -> list[tuple[str, str, float]]:
    """Some magnitudes for the legend, with the color and the width of their edges."""
    shares = [1, 0.75, 0.5, 0.25] if strongest else []
    return [
        (f"{strongest * 10 ** (DECADES * (share - 1)):.0e}", palette.ramp(share), 0.8 + 5 * share)
        for share in shares
    ]
