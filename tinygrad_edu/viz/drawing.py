"""From what is seen of a graph to the text that Graphviz draws."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from numpy.typing import NDArray

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import card, palette
from tinygrad_edu.viz.folding import Fold, Vertex, View
from tinygrad_edu.viz.model import Constant, Graph, Kind, Scope, options
from tinygrad_edu.viz.render import Drawing
from tinygrad_edu.viz.summary import describe, number
from tinygrad_edu.viz.symbols import expression, inside, needs_expression, symbol

__all__ = ["Direction", "draw"]

Direction: TypeAlias = Literal["LR", "TB"]
Attributes: TypeAlias = dict[str, str]

LEAST_DECADES, MOST_DECADES = 3, 12


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
    hanging = _hanging(view)
    _draw_nodes(drawing, view, gradients, hanging, addressable)
    _draw_edges(drawing, view, strengths, _every_other(hanging), addressable)
    if legend:
        scale = _Scale.of(strengths.values()).samples() if strengths else []
        drawing.attr("graph", label=card.legend(_kinds(view), scale), labelloc="b", labeljust="l")
    return drawing


def _draw_nodes(
    drawing: Drawing,
    view: View,
    gradients: Mapping[Node, NDArray[Any]],
    hanging: Mapping[Vertex, Vertex],
    addressable: bool,
) -> None:
    clusters: dict[Scope, Drawing] = {(): drawing}
    for vertex in view.vertices:
        key = view.keys[vertex]
        attributes = _node(view.graph, vertex, gradients, key if addressable else "")
        _cluster(clusters, view.scope(vertex)).node(key, **attributes)
    for leaf, user in hanging.items():
        with clusters[view.scope(leaf)].subgraph() as rank:
            rank.attr(rank="same")
            rank.node(view.keys[leaf])
            rank.node(view.keys[user])
    for scope in sorted(clusters, key=len, reverse=True)[:-1]:  # the inner ones first
        clusters[scope[:-1]].subgraph(clusters[scope])


def _draw_edges(
    drawing: Drawing,
    view: View,
    strengths: Mapping[Hashable, float] | None,
    below: set[Vertex],
    addressable: bool,
) -> None:
    scale = _Scale.of((strengths or {}).values())
    for edge in view.edges:
        source, target, _ = edge
        attributes = {} if strengths is None else scale.edge(strengths.get(edge))
        if addressable:
            attributes["id"] = view.keys[edge]
        if source in below:  # Graphviz puts what an edge leads to on the other side
            source, target = target, source
            attributes |= {"dir": "back", "class": "reversed"}
        drawing.edge(view.keys[source], view.keys[target], **attributes)


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


def _every_other(hanging: Mapping[Vertex, Vertex]) -> set[Vertex]:
    """Of the leaves beside one vertex every other, to be drawn on its other side."""
    beside: Counter[Vertex] = Counter()
    found = set()
    for leaf, user in hanging.items():
        beside[user] += 1
        if beside[user] % 2 == 0:
            found.add(leaf)
    return found


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


class _Scale(NamedTuple):
    """How edges show the size of a gradient: on a logarithmic scale down from the largest."""

    strongest: float
    decades: float

    @classmethod
    def of(cls, strengths: Iterable[float]) -> _Scale:
        """Make a scale that spans some strengths, within what the eye can tell apart."""
        positive = [s for s in strengths if 0 < s < math.inf]
        strongest, weakest = max(positive, default=1.0), min(positive, default=1.0)
        decades = math.log10(strongest) - math.log10(weakest)
        return cls(strongest, min(max(decades, LEAST_DECADES), MOST_DECADES))

    def edge(self, strength: float | None) -> Attributes:
        """Draw an edge as thick and as bright as the gradient that flows back over it is large."""
        if strength is None:
            return {"style": "dotted", "penwidth": "0.8"}
        tooltip = f"gradient {strength:.3g}"
        if not math.isfinite(strength):
            look = {"color": palette.STRONG, "penwidth": "5", "label": str(strength)}
            return {**look, "style": "dashed", "tooltip": tooltip}
        if not strength:
            return {"style": "dashed", "penwidth": "0.8", "tooltip": tooltip}
        share = 1 + (math.log10(strength) - math.log10(self.strongest)) / self.decades
        color, width = self._look(max(0.0, share))
        return {"color": color, "penwidth": f"{width:.2f}", "tooltip": tooltip}

    def samples(self) -> list[tuple[str, str, float]]:
        """Some sizes for the legend, with the color and the width of their edges."""
        shares = (1, 0.75, 0.5, 0.25, 0)
        sizes = (self.strongest * 10 ** (self.decades * (share - 1)) for share in shares)
        return [
            (number(size, digits=1), *self._look(share))
            for size, share in zip(sizes, shares, strict=True)
        ]

    @staticmethod
    def _look(share: float) -> tuple[str, float]:
        return palette.ramp(share), 0.8 + 5 * share
