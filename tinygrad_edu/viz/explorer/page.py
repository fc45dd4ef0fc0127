"""Write the page: the picture of a graph, and its story, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import Any

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import javascript, pages
from tinygrad_edu.viz.arrays import Array, one_line, shape_and_dtype
from tinygrad_edu.viz.calls import expression, name
from tinygrad_edu.viz.explorer import tables
from tinygrad_edu.viz.explorer.program import program_table
from tinygrad_edu.viz.explorer.questions import questions
from tinygrad_edu.viz.flags import flags
from tinygrad_edu.viz.gradients import retrace, retraced
from tinygrad_edu.viz.graph import palette
from tinygrad_edu.viz.graph.dot import Direction, draw
from tinygrad_edu.viz.live import Live
from tinygrad_edu.viz.model import Constant
from tinygrad_edu.viz.saved import saved_in_words
from tinygrad_edu.viz.slopes import slopes
from tinygrad_edu.viz.story import Step
from tinygrad_edu.viz.tangents import Tangents
from tinygrad_edu.viz.view import Fold, Vertex, View

__all__ = ["page"]

LONGEST_LABEL = 200

SCRIPTS = ["numbers", "writing", "story", "playing", "turn", "pointing", "camera"]
SCRIPTS += ["slopes", "light", "paths", "way", "matrices", "windows", "program"]
SCRIPTS += ["handout", "lockstep"]
LIVE_SCRIPTS = ["live", "engines", "changing"]
"""The files of the page's one script, in order; each sees what those before it define."""

STYLES = ["page", "windows"]
"""The sheets of the page, in order."""


def page(
    title: str,
    view: View,
    steps: list[Step],
    direction: Direction,
    tangents: Tangents | None = None,
    live: Live | None = None,
) -> str:
    """The HTML of the page; its scripts step through what is in its data.

    In forward mode there are tangents in the place of gradients, and nothing flows back.
    """
    backward = tangents is None
    gradients = retraced(view.graph) if tangents is None else tangents
    flows = list(retrace(view.graph)) if backward else []
    found = slopes(view, flows)
    labels = {arrow: slope.text for arrow, slope in found.items()}
    drawing = draw(
        view,
        gradients,
        labels=labels,
        flags=flags(view.graph, gradients if backward else {}),
        direction=direction,
        legend=False,
        addressable=True,
        roomy=live is not None,
    )
    picture = drawing.pipe("svg", encoding="utf-8").replace(palette.STYLE, "")
    sheets = [_part(f"{name}.css") for name in [*STYLES, *(["live"] if live else [])]]
    data: dict[str, Any] = {
        "steps": [asdict(step) for step in steps],
        "nodes": {view.keys[vertex]: _details(view, vertex, gradients) for vertex in view.vertices},
        "edges": {
            view.keys[arrow]: {"source": view.keys[arrow.source], "target": view.keys[arrow.target]}
            for arrow in view.arrows
        },
        "slopes": tables.slopes_table(view, found),
        "paths": tables.paths_table(view, flows),
        "way": tables.way_table(view, flows),
        "layers": tables.layers_table(view, flows),
        "program": program_table(view),
        "brings": "gradient" if backward else "tangent",
        **questions(view, steps if backward else []),
    }
    scripts = [_part(f"script/{name}.js") for name in SCRIPTS]
    if live:
        program = javascript.program(view.graph)
        data["live"] = live.data() | _repeating(live, program)
        if not program.missing:
            scripts.append(javascript.source(program.operations))
        scripts += [_part(f"script/{name}.js") for name in LIVE_SCRIPTS]
    return pages.write(
        _part("page.html"),
        title=title,
        last=len(steps) - 1,
        root=escape(one_line(view.graph.names[view.graph.root])),
        style="\n".join([*sheets, palette.THEMED]),
        data=data,
        script=_script([*scripts, _part("script/begin.js")]),
        live=_part("live.html") if live else "",
        graph=picture[picture.index("<svg") :],
    )


def _part(file: str) -> str:
    return pages.part(__package__, file)


def _script(parts: list[str]) -> str:
    inside = "\n".join(parts)
    return f'"use strict";\n(() => {{\n{inside}}})();'


def _repeating(live: Live, program: javascript.Program) -> dict[str, Any]:
    """What the page needs to repeat the recorded operations itself, or why it cannot."""
    if program.missing:
        operations = ", ".join(sorted(set(map(name, program.missing))))
        return {"cannot": f"This page cannot recompute {operations}: it stays a film."}
    if live.changes():
        reason = "For other numbers the program computes something else, as an if may decide"
        return {"cannot": f"{reason}: it stays a film."}
    places = [i for i, item in enumerate(live.graph.items) if isinstance(item, Node)]
    return {"cannot": "", "program": program.data, "places": places}


def _details(view: View, vertex: Vertex, gradients: Mapping[Node, Array]) -> dict[str, str]:
    """What is shown of a vertex when a reader points at it."""
    if isinstance(vertex, Fold):
        label = f"{vertex.name}: {'; '.join(view.contents(vertex))}"
        return {"label": one_line(label, LONGEST_LABEL)}
    if isinstance(vertex, Constant):
        label = f"constant, {shape_and_dtype(vertex.data)}"
        return {"label": label, "value": _written(vertex.data)}
    names = view.graph.names
    made = f"= {expression(vertex, names)}" if vertex._op else f"is {view.kind(vertex)}"
    label = f"{names[vertex]} {made}, {shape_and_dtype(vertex._array)}"
    details = {"label": one_line(label, LONGEST_LABEL), "value": _written(vertex._array)}
    if vertex in gradients:
        details["gradient"] = _written(gradients[vertex])
    if kept := saved_in_words(vertex, names):
        details["kept"] = kept
    return details


def _written(array: Array) -> str:
    """An array in full, or if it is large its corners."""
    return np.array2string(array, precision=4, threshold=200, edgeitems=3, max_line_width=80)
