"""Write a view of a graph in the language of Graphviz."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias, get_args

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import Array, shape_and_dtype
from tinygrad_edu.viz.calls import expression, options, order_matters, symbol
from tinygrad_edu.viz.flags import Flag, Row
from tinygrad_edu.viz.graph import cards, palette
from tinygrad_edu.viz.graph.drawing import Drawing
from tinygrad_edu.viz.graph.mermaid import mermaid
from tinygrad_edu.viz.graph.scale import Scale, Stroke
from tinygrad_edu.viz.model import Constant, Graph, Scope
from tinygrad_edu.viz.saved import saved_in_words
from tinygrad_edu.viz.tangents import Tangents
from tinygrad_edu.viz.view import Arrow, Fold, Vertex, View

__all__ = ["Direction", "draw"]

Direction: TypeAlias = Literal["LR", "TB"]
Attributes: TypeAlias = dict[str, str]
Flags: TypeAlias = Mapping[Node, Mapping[Row, Flag]]


def draw(
    view: View,
    gradients: Mapping[Node, Array],
    strengths: Mapping[Arrow, float] | None = None,
    *,
    labels: Mapping[Arrow, str] | None = None,
    flags: Flags | None = None,
    direction: Direction = "LR",
    legend: bool = True,
    addressable: bool = False,
    roomy: bool = False,
) -> Drawing:
    """Draw a view of a graph, with labels on its arrows and flags on its cards if there are some.

    If addressable, its parts have ids by which a page finds them; if roomy, there is room on the
    cards for longer numbers.
    """
    if direction not in get_args(Direction):
        raise ValueError(f"direction must be 'LR' or 'TB'; got {direction!r}")
    drawing = _empty(direction)
    labels = labels or {}
    if labels:
        drawing.attr("graph", nodesep="0.3")  # room for them between cards in a rank
    # Where there are labels, Graphviz leads arrows within a rank around what is beside them.
    kinds = ["parameter"] * (direction == "LR") if labels else ["parameter", "constant"]
    beside = _beside(view, kinds)
    _add_vertices(drawing, view, gradients, flags or {}, beside, addressable, roomy)
    looks: dict[Arrow, Attributes] = {}
    samples: list[tuple[str, Stroke]] = []
    if strengths is not None:
        scale = Scale.of(strengths.values())
        looks = {arrow: scale.edge(strengths.get(arrow)) for arrow in view.arrows}
        samples = scale.samples() if strengths else []
    for arrow, label in labels.items():
        # Within a rank Graphviz draws detours around a label, but not around one from outside.
        kind = "xlabel" if arrow.source in beside else "label"
        looks[arrow] = looks.get(arrow, {}) | {kind: cards.arrow(label)}
    _add_arrows(drawing, view, looks, _every_other(beside), addressable)
    if legend:
        seen = {view.kind(vertex) for vertex in view.vertices}
        label = cards.legend([kind for kind in palette.LOOKS if kind in seen], samples)
        drawing.attr("graph", label=label, labelloc="b", labeljust="l")
    drawing.mermaid = lambda: mermaid(view, gradients, direction)
    return drawing


def _add_vertices(
    drawing: Drawing,
    view: View,
    gradients: Mapping[Node, Array],
    flags: Flags,
    beside: Mapping[Vertex, Vertex],
    addressable: bool,
    roomy: bool,
) -> None:
    clusters = _clusters(view, drawing)
    for vertex in view.vertices:
        key = view.keys[vertex]
        attributes = _vertex(view, vertex, gradients, flags, key if addressable else "", roomy)
        clusters[view.scope(vertex)].node(key, **attributes)
    for leaf, user in beside.items():
        with clusters[view.scope(leaf)].subgraph() as rank:
            rank.attr(rank="same")
            rank.node(view.keys[leaf])
            rank.node(view.keys[user])
    if len(clusters) > 2:
        # Else the scopes are laid out one by one, and some arrows between them point backward.
        drawing.attr("graph", newrank="true")
    for scope in sorted(clusters, key=len, reverse=True)[:-1]:  # the inner ones first
        clusters[scope[:-1]].subgraph(clusters[scope])


def _add_arrows(
    drawing: Drawing,
    view: View,
    looks: Mapping[Arrow, Attributes],
    below: set[Vertex],
    addressable: bool,
) -> None:
    for arrow in view.arrows:
        attributes = dict(looks.get(arrow, {}))
        if addressable:
            attributes["id"] = view.keys[arrow]
        ends = view.keys[arrow.source], view.keys[arrow.target]
        if arrow.source in below:  # in a rank, the head of an edge is below its tail
            ends = ends[::-1]
            attributes |= {"dir": "back", "class": "reversed"}
        drawing.edge(*ends, **attributes)


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
        edge_attr={**font, "arrowsize": "0.6", "color": palette.LINE, "penwidth": "1.2"},
    )


# --- where the nodes stand --------------------------------------------------------------------


def _clusters(view: View, drawing: Drawing) -> dict[Scope, Drawing]:
    """A drawing for each scope, also for those that only have others in them."""
    clusters: dict[Scope, Drawing] = {(): drawing}
    for scope in map(view.scope, view.vertices):
        for around in (scope[: i + 1] for i in range(len(scope))):
            if around not in clusters:
                attributes = {
                    "bgcolor": palette.CLUSTER,
                    "color": palette.LINE,
                    "label": cards.title(around[-1]),
                    "labeljust": "l",
                    "penwidth": "0.8",
                    "style": "rounded",
                }
                name = f"cluster_{len(clusters)}"
                clusters[around] = Drawing(name, graph_attr=attributes)
    return clusters


def _beside(view: View, kinds: Collection[str]) -> dict[Vertex, Vertex]:
    """Leaves to draw beside what uses them, not in front: the others then stand in a line."""
    users: dict[Vertex, set[Vertex]] = {}
    sources: dict[Vertex, set[Vertex]] = {}
    for source, target, _ in view.arrows:
        users.setdefault(source, set()).add(target)
        sources.setdefault(target, set()).add(source)
    beside = {}
    for leaf, found in users.items():
        if len(found) == 1 and view.kind(leaf) in kinds:
            (user,) = found
            if len(sources[user]) > 1:  # one always stays in front
                sources[user].discard(leaf)
                beside[leaf] = user
    return beside


def _every_other(beside: Mapping[Vertex, Vertex]) -> set[Vertex]:
    """Of the leaves beside one vertex every other, to be drawn on its other side."""
    count: Counter[Vertex] = Counter()
    found = set()
    for leaf, user in beside.items():
        count[user] += 1
        if count[user] % 2 == 0:
            found.add(leaf)
    return found


# --- what the nodes show ----------------------------------------------------------------------


def _vertex(
    view: View,
    vertex: Vertex,
    gradients: Mapping[Node, Array],
    flags: Flags,
    key: str,
    roomy: bool,
) -> dict[str, str]:
    """The attributes of a vertex; with ids for what is on it, if it has a key."""
    ids = {"id": key} if key else {}
    if isinstance(vertex, Constant):
        tooltip = cards.text(shape_and_dtype(vertex.data))
        return {"label": cards.constant(vertex.data), "shape": "plain", "tooltip": tooltip, **ids}
    if isinstance(vertex, Fold):
        label = cards.card(vertex.name, "", [cards.line(text) for text in view.contents(vertex)])
    else:
        label = _card(view.graph, vertex, gradients, flags.get(vertex, {}), key, roomy)
    look = palette.LOOKS[view.kind(vertex)]
    return {
        "label": label,
        "tooltip": cards.text(_tooltip(view, vertex), 1000),
        "shape": look.shape,
        "style": look.style,
        "fillcolor": look.fill,
        "color": look.border,
        "penwidth": look.width,
        "peripheries": look.lines,
        **ids,
    }


def _tooltip(view: View, vertex: Node | Fold) -> str:
    """The name of a vertex, and what its operation keeps."""
    kept = saved_in_words(vertex, view.graph.names) if isinstance(vertex, Node) else ""
    return f"{view.name(vertex)}; kept for the way back: {kept}" if kept else view.name(vertex)


def _card(
    graph: Graph,
    node: Node,
    gradients: Mapping[Node, Array],
    flags: Mapping[Row, Flag],
    key: str,
    roomy: bool,
) -> str:
    rows = []
    if node._op and order_matters(node):
        rows.append(cards.line(expression(node, graph.names)))
    rows.append(cards.entries("value", node._array, f"{key}-value" if key else "", roomy))
    moves = isinstance(gradients, Tangents)
    if node in gradients or (node._requires_grad and not moves):
        label = "tangent" if moves else "grad"
        gradient = gradients.get(node)
        rows.append(cards.entries(label, gradient, f"{key}-grad" if key else "", roomy))
    rows += [cards.flag(_flagged(row, flag), f"{key}-{row}-flag") for row, flag in flags.items()]
    badge = cards.badge(symbol(node), options(node)) if node._op else ""
    named = node not in graph.unnamed
    return cards.card(graph.names[node], shape_and_dtype(node._array), rows, badge, named=named)


def _flagged(row: Row, flag: Flag) -> str:
    return flag.label if row == "value" else f"grad {flag.label}"
