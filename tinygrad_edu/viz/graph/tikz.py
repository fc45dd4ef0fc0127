r"""A drawn graph in TikZ, for papers: as Graphviz has laid it out, with TeX's own letters.

Graphviz says in JSON with which strokes it would draw a picture: pens, polygons, curves and texts,
one after the other. Each is a line of TikZ here, so that what stands where is what all other
formats show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tinygrad_edu.viz.graph.palette import ON_BADGE

__all__ = ["tikz"]

Stroke: TypeAlias = Mapping[str, Any]
"""One of the operations that Graphviz draws with."""

HEAD = r"""% \usepackage{tikz}  % in the preamble
% \input{this file}   % inside of \resizebox{\linewidth}{!}{...} if it is too wide
\begin{tikzpicture}[x=1bp, y=1bp, every node/.style={inner sep=0, outer sep=0}]"""
LAYERS = ("_draw_", "_ldraw_", "_hdraw_", "_tdraw_")  # shapes, labels, the heads of arrows, tails
NUMBER = re.compile(r"-?(\d[\d.e+-]*|inf)|nan")
BOLD = 1  # among the characteristics of a font
LETTERS = "αβγδεζηθικλμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ"
NAMES = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
NAMES += " phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
TEX = {c: f"\\{c}" for c in "#$%&_{}"} | {c: f"${c}$" for c in "-<>|*"}
TEX |= {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", "…": r"\dots{}", "′": "$'$"}
TEX |= {"−": "$-$", "√": r"$\surd$", "×": r"$\times$", "·": r"$\cdot$"}
TEX |= {letter: f"$\\{name}$" for letter, name in zip(LETTERS, NAMES.split(), strict=True)}


def tikz(layout: str) -> str:
    """A picture in TikZ, from what Graphviz writes as JSON."""
    graph = json.loads(layout)
    objects = graph.get("objects", [])
    parts = [
        graph,
        *(part for part in objects if "nodes" in part),  # clusters lie below nodes and edges
        *graph.get("edges", []),
        *(part for part in objects if "nodes" not in part),
    ]
    lines = [line for part in parts for line in _lines(part)]
    found = sorted({color for line in lines for color in re.findall(r"tg([0-9a-f]{6})", line)})
    colors = [f"\\definecolor{{tg{color}}}{{HTML}}{{{color.upper()}}}" for color in found]
    return "\n".join([HEAD, *colors, *lines, r"\end{tikzpicture}", ""])


def _lines(part: Mapping[str, Any]) -> Iterator[str]:
    """The strokes of a node, an edge, a cluster or of the whole."""
    for layer in LAYERS:
        pen = _Pen()
        for stroke in part.get(layer, []):
            if line := pen.draw(stroke):
                yield line


class _Pen:
    """What Graphviz draws with: a pen, a fill and a font, which strokes change."""

    def __init__(self) -> None:
        self.color, self.fill = "#000000", ""
        self.width, self.dashes = 1.0, ""
        self.size, self.bold = 11.0, False

    def draw(self, stroke: Stroke) -> str:
        """The line of TikZ for a stroke; empty if it only changes what is drawn with."""
        match stroke["op"]:
            case "c":
                self.color = stroke["color"]
            case "C":
                self.fill = stroke["color"]
            case "F":
                self.size = stroke["size"]
            case "t":
                self.bold = bool(stroke["fontchar"] & BOLD)
            case "S" if width := re.fullmatch(r"setlinewidth\((.*)\)", stroke["style"]):
                self.width = float(width[1])
            case "S":
                self.dashes = stroke["style"]
            case "T":
                return self._text(stroke)
            case "P" | "p":
                return self._path(" -- ".join(map(_point, stroke["points"])) + " -- cycle", stroke)
            case "L":
                return self._path(" -- ".join(map(_point, stroke["points"])), stroke)
            case "B" | "b":
                return self._path(_curve(stroke["points"]), stroke)
            case "E" | "e":
                x, y, width, height = stroke["rect"]
                ellipse = f"{_point((x, y))} ellipse [x radius={width:g}, y radius={height:g}]"
                return self._path(ellipse, stroke)
        return ""

    def _path(self, path: str, stroke: Stroke) -> str:
        options = _colored("draw", self.color)
        if stroke["op"].isupper():
            options += _colored("fill", self.fill)
        if not options:
            return ""
        options.append(f"line width={self.width:g}bp")
        if self.dashes in ("dashed", "dotted"):
            options.append(self.dashes)
        return f"\\path[{', '.join(options)}] {path};"

    def _text(self, stroke: Stroke) -> str:
        text = stroke["text"].replace("\\\\", "\\")  # which labels in Graphviz's language double
        if not text.strip():
            return ""
        x, y = stroke["pt"]
        # Where it begins. TeX's letters are less wide than those that were measured: numbers below
        # each other are to end where they would, and an operation is to stand in its badge.
        x -= stroke["width"] * {"l": 0, "c": 0.5, "r": 1}[stroke["align"]]
        anchor = "base west"
        if self.color == ON_BADGE or stroke["align"] == "c":
            x, anchor = x + stroke["width"] / 2, "base"
        elif NUMBER.fullmatch(text):
            x, anchor = x + stroke["width"], "base east"
        weight = "\\bfseries" if self.bold else ""
        font = f"\\sffamily{weight}\\fontsize{{{self.size:g}bp}}{{0}}\\selectfont"
        options = [f"anchor={anchor}", *_colored("text", self.color), f"font={font}"]
        return f"\\node[{', '.join(options)}] at {_point((x, y))} {{{_escaped(text)}}};"


def _colored(what: str, color: str) -> list[str]:
    """An option for a color of Graphviz's, which may have an opacity; none for an invisible one."""
    match re.fullmatch("#([0-9a-f]{6})([0-9a-f]{2})?", color):
        case None:
            return []
        case found if found[2] == "00":
            return []
        case found:
            option = f"{what}=tg{found[1]}"
            opacity = f"{what} opacity={int(found[2], 16) / 255:.2g}" if found[2] else ""
            return [option, opacity] if opacity else [option]


def _curve(points: Sequence[Sequence[float]]) -> str:
    """Bézier curves behind each other: a point, then two controls and a point each."""
    first, *rest = map(_point, points)
    pieces = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    return first + "".join(f" .. controls {a} and {b} .. {end}" for a, b, end in pieces)


def _point(point: Sequence[float]) -> str:
    x, y = point
    return f"({x:g}, {y:g})"


def _escaped(text: str) -> str:
    """A text as TeX reads it; what not every TeX has a letter for, by its number."""
    return "".join(TEX.get(c, c if c < "\u0100" else f"U+{ord(c):04X}") for c in text)
