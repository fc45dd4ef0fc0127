"""What the page knows beside its story, as tables: its scripts look up and compute with them."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from tinygrad_edu.debugging.health import euclidean_norm
from tinygrad_edu.viz.arrays import Array, number_rows, printed, texts
from tinygrad_edu.viz.flags import way_of_nonfinite
from tinygrad_edu.viz.gradients import Contribution
from tinygrad_edu.viz.pages import json_number
from tinygrad_edu.viz.paths import Path, paths_to_leaves
from tinygrad_edu.viz.slopes import Slope
from tinygrad_edu.viz.view import Arrow, View

__all__ = ["layers_table", "paths_table", "slopes_table", "way_table"]

Table: TypeAlias = dict[str, Any]


def slopes_table(view: View, slopes: dict[Arrow, Slope]) -> Table:
    """By edge: its slope."""
    return {view.keys[arrow]: _slope(slope) for arrow, slope in slopes.items()}


def _slope(slope: Slope) -> Table:
    number = slope.number if slope.number is None else json_number(slope.number)
    return {"text": slope.text, "said": slope.said, "number": number}


def paths_table(view: View, flows: list[Contribution]) -> Table:
    """By name of each leaf: the paths to it, what each brings, and the sum."""
    names = view.graph.names
    sums = {flow.parent: flow.after for flow in flows}
    return {
        names[paths.leaf]: {
            "node": view.keys[view.homes[paths.leaf]],
            "count": f"{paths.count:,}",
            "paths": [_path(view, path) for path in paths.first],
            "shape": str(sums[paths.leaf].shape) if sums[paths.leaf].ndim else "",
            "gradient": _shown(sums[paths.leaf]),
        }
        for paths in paths_to_leaves(view.graph, flows)
    }


def way_table(view: View, flows: list[Contribution]) -> Table | None:
    """The way of a nan or an inf; None if there is none."""
    way = way_of_nonfinite(view.graph, flows)
    if way is None:
        return None
    arrows = dict.fromkeys(view.arrow(edge) for edge in way.edges)
    return {
        "said": way.said,
        "birth": view.keys[view.homes[way.birth]],
        "edges": [view.keys[arrow] for arrow in arrows if arrow],
        "back": way.back,
    }


def layers_table(view: View, flows: list[Contribution]) -> list[Table]:
    """Of each layer, or each parameter outside of any, how large its gradient is: its norm."""
    graph, layers = view.graph, dict[str, list[Contribution]]()
    complete = [flow for flow in flows if flow.nth == flow.uses and not flow.parent._op]
    for flow in sorted(complete, key=lambda flow: flow.parent._order):
        name = ".".join(graph.scopes[flow.parent]) or graph.names[flow.parent]
        layers.setdefault(name, []).append(flow)
    return [
        {
            "name": name,
            "nodes": [view.keys[view.homes[flow.parent]] for flow in found],
            "norm": json_number(norm := math.hypot(*(euclidean_norm(f.after) for f in found))),
            "text": printed(norm),
        }
        for name, found in layers.items()
    ]


def _path(view: View, path: Path) -> Table:
    names, arrows = view.graph.names, [view.arrow(flow.edge) for flow in path.flows]
    edges = list(dict.fromkeys(view.keys[arrow] for arrow in arrows if arrow))
    return {
        "edges": edges,
        "names": [names[view.graph.root], *(names[flow.parent] for flow in path.flows)],
        "whole": len(edges) == len(path.flows),  # else it goes through a fold
        "gradient": _shown(path.gradient),
    }


def _shown(array: Array) -> str | list[list[str]]:
    """The numbers of an array, row by row; a single one, or what a large one is like, as text."""
    rows = number_rows(array) if array.ndim else None
    return rows or texts(array)[0].replace("-", "−")
