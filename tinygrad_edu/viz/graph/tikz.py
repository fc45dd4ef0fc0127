r"""A drawn graph in TikZ, for papers: as Graphviz has laid it out, with TeX's own letters.

Each stroke with which Graphviz would draw it is a line of TikZ, so that what stands where is what
all other formats show.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tinygrad_edu.viz.graph.strokes import Point, Shape, Text, parts_of

__all__ = ["tikz"]

HEAD = r"""% \usepackage{tikz}  % in the preamble
% \input{this file}   % inside of \resizebox{\linewidth}{!}{...} if it is too wide
\begin{tikzpicture}[x=1bp, y=1bp, every node/.style={inner sep=0, outer sep=0}]"""
ANCHORS = {"left": "base west", "center": "base", "right": "base east"}
LETTERS = "αβγδεζηθικλμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ"
NAMES = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
NAMES += " phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
TEX = {c: f"\\{c}" for c in "#$%&_{}"} | {c: f"${c}$" for c in "-<>|*"}
TEX |= {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", "…": r"\dots{}", "′": "$'$"}
TEX |= {"−": "$-$", "√": r"$\surd$", "×": r"$\times$", "·": r"$\cdot$"}
TEX |= {letter: f"$\\{name}$" for letter, name in zip(LETTERS, NAMES.split(), strict=True)}


def tikz(layout: str) -> str:
    """A picture in TikZ, from what Graphviz writes as JSON."""
    strokes = (stroke for part in parts_of(layout) for stroke in part.strokes)
    lines = [_text(s) if isinstance(s, Text) else _path(s) for s in strokes]
    found = sorted({color for line in lines for color in re.findall(r"tg([0-9a-f]{6})", line)})
    colors = [f"\\definecolor{{tg{color}}}{{HTML}}{{{color.upper()}}}" for color in found]
    return "\n".join([HEAD, *colors, *filter(None, lines), r"\end{tikzpicture}", ""])


def _path(shape: Shape) -> str:
    options = _colored("draw", shape.color) + _colored("fill", shape.fill)
    if not options:
        return ""
    options += [f"line width={shape.width:g}bp", *filter(None, [shape.dashes])]
    return f"\\path[{', '.join(options)}] {PATHS[shape.kind](shape.points)};"


def _text(text: Text) -> str:
    weight = "\\bfseries" if text.bold else ""
    font = f"\\sffamily{weight}\\fontsize{{{text.size:g}bp}}{{0}}\\selectfont"
    options = [f"anchor={ANCHORS[text.side]}", *_colored("text", text.color), f"font={font}"]
    return f"\\node[{', '.join(options)}] at {_point((text.x, text.y))} {{{_escaped(text.text)}}};"


def _colored(what: str, color: str) -> list[str]:
    """The options for a color of Graphviz's, which may have an opacity; none for none."""
    if not color:
        return []
    rgb, opacity = color[1:7], color[7:]
    options = [f"{what}=tg{rgb}"]
    return [*options, f"{what} opacity={int(opacity, 16) / 255:.2g}"] if opacity else options


def _polygon(points: Sequence[Point]) -> str:
    return f"{_line(points)} -- cycle"


def _line(points: Sequence[Point]) -> str:
    return " -- ".join(map(_point, points))


def _curve(points: Sequence[Point]) -> str:
    first, *rest = map(_point, points)
    pieces = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    return first + "".join(f" .. controls {a} and {b} .. {end}" for a, b, end in pieces)


def _ellipse(points: Sequence[Point]) -> str:
    center, (across, up) = points
    return f"{_point(center)} ellipse [x radius={across:g}, y radius={up:g}]"


PATHS = {"polygon": _polygon, "line": _line, "curve": _curve, "ellipse": _ellipse}


def _point(point: Point) -> str:
    x, y = point
    return f"({x:g}, {y:g})"


def _escaped(text: str) -> str:
    """A text as TeX reads it; what not every TeX has a letter for, by its number."""
    return "".join(TEX.get(c, c if c < "\u0100" else f"U+{ord(c):04X}") for c in text)
