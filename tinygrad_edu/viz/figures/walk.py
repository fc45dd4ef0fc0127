"""The steps of the explorer as an animation: the drawn graph, and what happens in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Patch, PathPatch
from matplotlib.path import Path
from matplotlib.text import Text as Words
from matplotlib.textpath import TextPath

from tinygrad_edu.viz.graph.palette import FAINT, INK, LINE
from tinygrad_edu.viz.graph.strokes import Point, Shape, Text, parts_of
from tinygrad_edu.viz.story import Step
from tinygrad_edu.viz.view import View

__all__ = ["animate_walk"]

FLOW = {"forward": "#0072b2", "seed": "#d55e00", "backward": "#d55e00"}
PALE, HALF = 0.22, 0.5  # what is yet to come, and what is not complete
CAPTION, MARGIN, NARROWEST = 54.0, 8.0, 420.0  # points
ROWS = {"value": "value", "grad": "grad", "tangent": "grad"}
POINTS = 72  # in an inch
THICK = 3.0
FONT = "DejaVu Sans"  # which comes with matplotlib
TITLES = {"given": "given", "forward": "forward", "seed": "backward", "backward": "backward"}


def animate_walk(title: str, view: View, steps: Sequence[Step], layout: str) -> FuncAnimation:
    """Animate the steps of a view; ``layout`` is its drawing, as Graphviz writes it as JSON."""
    parts = list(parts_of(layout))
    across = [point for part in parts for s in part.strokes for point in _corners(s)]
    left, right = min(x for x, _ in across), max(x for x, _ in across)
    bottom, top = min(y for _, y in across), max(y for _, y in across)
    width = max(right - left + 2 * MARGIN, NARROWEST)
    height = top - bottom + 2 * MARGIN + CAPTION
    figure = Figure(figsize=(width / POINTS, height / POINTS), facecolor="white")
    begin = (left + right - width) / 2
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(begin, begin + width), ylim=(bottom - MARGIN, bottom - MARGIN + height))
    ax.set_axis_off()
    pictures = {part.key: _Picture(ax, part.strokes) for part in parts}
    walk = _Walk(view, steps, pictures)
    head: dict[str, Any] = {"x": begin + MARGIN, "family": FONT, "va": "baseline"}
    above = bottom - MARGIN + height
    ax.text(y=above - 20, s=title, color=INK, fontsize=12, weight="bold", **head)
    said = ax.text(y=above - 40, s="", color=INK, fontsize=11, **head)
    head |= {"x": begin + width - MARGIN, "ha": "right"}
    where = ax.text(y=above - 20, s="", color=FAINT, fontsize=10, **head)

    def show(i: int) -> list[Artist]:
        walk.show(i)
        said.set_text(_heading(steps[i]))
        _fit(said, width - 2 * MARGIN, 11)
        where.set_text(f"step {i} of {len(steps) - 1} · {TITLES.get(steps[i].phase, 'done')}")
        return []

    return FuncAnimation(figure, show, frames=len(steps), init_func=list)


def _heading(step: Step) -> str:
    """What a step is about, in words: its heading, and the sentence below it."""
    found = re.match(r"<h2>(.*?)</h2>(?:<p>(through .*?)</p>)?", step.html)
    words = ", ".join(filter(None, found.groups())) if found else ""
    return unescape(re.sub("<.*?>", "", words))


class _Walk:
    """What is known of each vertex and each arrow at each step."""

    def __init__(self, view: View, steps: Sequence[Step], pictures: Mapping[str, _Picture]) -> None:
        self.steps = steps
        self.nodes = {view.keys[v]: pictures[view.keys[v]] for v in view.vertices}
        self.edges = {view.keys[a]: pictures[view.keys[a]] for a in view.arrows}
        self.targets = {view.keys[a]: view.keys[a.target] for a in view.arrows}
        self.computed = {s.node: i for i, s in enumerate(steps) if s.phase == "forward"}
        self.arrivals: dict[str, list[int]] = {}
        self.flows: dict[str, int] = {}
        for i, step in enumerate(steps):
            if step.target:
                self.arrivals.setdefault(step.target, []).append(i)
            if step.phase == "backward":
                for edge in step.edges:
                    self.flows.setdefault(edge, i)

    def show(self, now: int) -> None:
        """Show how it is at a step."""
        step = self.steps[now]
        flow = FLOW.get(step.phase, LINE)
        for key, card in self.nodes.items():
            computed = self.computed.get(key, 0) <= now
            card.set_alpha(1 if computed else PALE)
            card.set_visible("value", computed)
            arrivals = self.arrivals.get(key, [])
            so_far = [i for i in arrivals if i <= now]
            card.set_visible("grad", bool(so_far))
            if so_far:
                card.write("grad", self.steps[so_far[-1]].gradient)
                card.set_alpha(1 if len(so_far) == len(arrivals) else HALF, "grad")
            at_work = key in (step.node, step.target)
            card.set_outline(flow if at_work else None)
        for key, arrow in self.edges.items():
            arrow.set_alpha(1 if self.computed.get(self.targets[key], 0) <= now else PALE)
            gone = self.flows.get(key, now) < now
            arrow.set_color(flow if key in step.edges else FLOW["backward"] if gone else None)


class _Picture:
    """A card or an arrow as it is drawn, and what can be changed in it."""

    def __init__(self, ax: Axes, strokes: Sequence[Shape | Text]) -> None:
        self.lines: list[tuple[Patch, Shape]] = []
        self.words: dict[str, list[tuple[Words, Text]]] = {}
        self.rows: dict[str, list[Artist]] = {}  # what is behind "value" and "grad" on a card
        row = ""
        for stroke in strokes:
            if isinstance(stroke, Shape):
                patch = _patch(stroke)
                ax.add_artist(patch)
                self.lines.append((patch, stroke))
                self.rows.setdefault(row, []).append(patch)
                continue
            words = _words(ax, stroke)
            begins = stroke.color == FAINT and stroke.text in ROWS
            self.rows.setdefault("" if begins else row, []).append(words)
            row = ROWS[stroke.text] if begins else row
            if not begins:
                self.words.setdefault(row, []).append((words, stroke))

    def set_alpha(self, alpha: float, row: str | None = None) -> None:
        """Make all of it pale, or what stands in a row."""
        for name, artists in self.rows.items():
            if row in (None, name):
                for artist in artists:
                    artist.set_alpha(alpha)

    def set_visible(self, row: str, visible: bool) -> None:
        """Show what stands in a row, or not."""
        for artist in self.rows.get(row, []):
            artist.set_visible(visible)

    def write(self, row: str, texts: Sequence[str]) -> None:
        """Replace the texts in a row."""
        for (words, stroke), text in zip(self.words.get(row, []), texts, strict=False):
            words.set_text(text)
            _fit(words, stroke.width, stroke.size)

    def set_outline(self, color: str | None) -> None:
        """Draw its outline in a color; as it was, for None."""
        for patch, shape in self.lines[:1]:
            patch.set_edgecolor(color or shape.color or "none")
            patch.set_linewidth(THICK if color else shape.width)

    def set_color(self, color: str | None) -> None:
        """Draw all of it in a color; as it was, for None."""
        for patch, shape in self.lines:
            patch.set_edgecolor(color or shape.color or "none")
            patch.set_linewidth(THICK if color else shape.width)
            if shape.fill:
                patch.set_facecolor(color or shape.fill)


# --- strokes in matplotlib, where a unit is a point -----------------------------------------------


def _patch(shape: Shape) -> Patch:
    look: dict[str, Any] = {
        "edgecolor": shape.color or "none",
        "facecolor": shape.fill or "none",
        "linewidth": shape.width,
        "linestyle": shape.dashes or "solid",
    }
    if shape.kind == "ellipse":
        center, (across, up) = shape.points
        return Ellipse(center, 2 * across, 2 * up, **look)
    if shape.kind == "curve":
        codes = [Path.MOVETO, *[Path.CURVE4] * (len(shape.points) - 1)]
        return PathPatch(Path(shape.points, codes), **look)
    closed = shape.kind == "polygon"
    points = [*shape.points, *shape.points[: int(closed)]]
    return PathPatch(Path(points, closed=closed), **look)


def _words(ax: Axes, text: Text) -> Words:
    words = ax.text(
        text.x,
        text.y,
        text.text,
        color=text.color or "none",
        family=FONT,
        ha=text.side,
        va="baseline",
        weight="bold" if text.bold else "normal",
        parse_math=False,
    )
    _fit(words, text.width, text.size)
    return words


def _fit(words: Words, width: float, size: float) -> None:
    """Write words in a size, or in a smaller one if they would be too wide."""
    length = TextPath((0, 0), words.get_text(), size, prop=words.get_fontproperties()).get_extents()
    words.set_fontsize(size * min(1.0, width / max(length.width, 1e-9)))


def _corners(stroke: Shape | Text) -> tuple[Point, ...]:
    """What has to be in the picture."""
    return stroke.points if isinstance(stroke, Shape) and stroke.kind != "ellipse" else ()
