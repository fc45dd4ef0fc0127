"""A picture as Graphviz would draw it, stroke by stroke, for those who draw it in another way.

Graphviz says in JSON what it would do: take a pen, a fill, a font; draw a polygon, a curve, a text.
Here these are shapes and texts that know themselves how they are drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from tinygrad_edu.viz.graph.palette import ON_BADGE

__all__ = ["Part", "Point", "Shape", "Text", "parts_of"]

LAYERS = ("_draw_", "_ldraw_", "_hdraw_", "_tdraw_")  # shapes, labels, the heads of arrows, tails
NUMBER = re.compile(r"-?(\d[\d.e+-]*|inf)|nan")
BOLD = 1  # among the characteristics of a font
KINDS = {"p": "polygon", "l": "line", "b": "curve", "e": "ellipse"}

Point: TypeAlias = tuple[float, float]


class Shape(NamedTuple):
    """An outline, filled or not; colors are empty for what is not to be seen."""

    kind: Literal["polygon", "line", "curve", "ellipse"]
    points: tuple[Point, ...]
    """Corners; of a curve a point, then two controls and a point each; center and radii."""
    color: str
    fill: str
    width: float
    dashes: str


class Text(NamedTuple):
    """A text on its base line; ``side`` of it is at ``x``."""

    text: str
    side: Literal["left", "center", "right"]
    x: float
    y: float
    width: float
    color: str
    size: float
    bold: bool


class Part(NamedTuple):
    """The picture as a whole, a cluster, an edge or a node."""

    key: str
    """Its id, if it has one."""
    strokes: list[Shape | Text]


def parts_of(layout: str) -> Iterator[Part]:
    """The parts of a picture, from the ground up, out of what Graphviz writes as JSON."""
    graph = json.loads(layout)
    objects = graph.get("objects", [])
    clusters = [part for part in objects if "nodes" in part]
    nodes = [part for part in objects if "nodes" not in part]
    for part in [graph, *clusters, *graph.get("edges", []), *nodes]:
        yield Part(part.get("id", ""), [s for layer in LAYERS for s in _drawn(part.get(layer, []))])


def _drawn(strokes: list[Mapping[str, Any]]) -> Iterator[Shape | Text]:
    tool = _Tool()
    for stroke in strokes:
        match stroke["op"]:
            case "c":
                tool.color = _visible(stroke["color"])
            case "C":
                tool.fill = _visible(stroke["color"])
            case "F":
                tool.size = stroke["size"]
            case "t":
                tool.bold = bool(stroke["fontchar"] & BOLD)
            case "S" if width := re.fullmatch(r"setlinewidth\((.*)\)", stroke["style"]):
                tool.width = float(width[1])
            case "S":
                tool.dashes = stroke["style"] if stroke["style"] in ("dashed", "dotted") else ""
            case "T" if stroke["text"].strip():
                yield tool.text(stroke)
            case op if op.lower() in KINDS:
                yield tool.shape(stroke)


def _visible(color: str) -> str:
    """A color; empty for one that is wholly transparent."""
    return "" if color == "transparent" or re.fullmatch("#......00", color) else color


@dataclass
class _Tool:
    """What Graphviz draws with at a time: a pen, a fill and a font."""

    color: str = "#000000"
    fill: str = ""
    width: float = 1.0
    dashes: str = ""
    size: float = 11.0
    bold: bool = False

    def shape(self, stroke: Mapping[str, Any]) -> Shape:
        """An outline with this pen and this fill."""
        kind: Any = KINDS[stroke["op"].lower()]
        points = stroke["points"] if kind != "ellipse" else (stroke["rect"][:2], stroke["rect"][2:])
        fill = self.fill if stroke["op"].isupper() and kind != "line" else ""
        return Shape(
            kind, tuple((x, y) for x, y in points), self.color, fill, self.width, self.dashes
        )

    def text(self, stroke: Mapping[str, Any]) -> Text:
        """A text in this font.

        Other letters are not as wide as those that were measured: numbers below each other are to
        end where they would, and an operation is to stand in the middle of its badge.
        """
        text = stroke["text"].replace("\\\\", "\\")  # which labels in Graphviz's language double
        (x, y), width = stroke["pt"], stroke["width"]
        left = x - width * {"l": 0, "c": 0.5, "r": 1}[stroke["align"]]
        side: Any = "right" if NUMBER.fullmatch(text) else "left"
        if self.color == ON_BADGE or stroke["align"] == "c":
            side = "center"
        x = left + width * {"left": 0, "center": 0.5, "right": 1}[side]
        return Text(text, side, x, y, width, self.color, self.size, self.bold)
