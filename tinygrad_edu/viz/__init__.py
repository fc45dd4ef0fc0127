"""Pictures of computations: drawn graphs, pages to follow a gradient on, figures of training.

The public functions are in three subpackages, one for each way to draw:

graph
    `draw_graph`, with Graphviz.
explorer
    `explore`, a page with a script of its own, and `explore_side_by_side`, a page with two of them;
    what they say is in ``story``.
figures
    Figures and animations of training, with matplotlib.

The first two show the same thing: ``model`` reads a graph, ``folding`` makes it small enough to be
seen, ``view`` holds the vertices and arrows that are drawn, and ``gradients`` repeats the backward
pass. ``calls`` and ``arrays`` turn operations and numbers into text, ``formulas`` and ``mathml``
what the docstrings of the operations state into mathematics.

The subpackages are imported at their first use: with Graphviz and matplotlib, they take longer than
the rest of the library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.viz.explorer import explore
    from tinygrad_edu.viz.explorer.side_by_side import explore_side_by_side
    from tinygrad_edu.viz.figures import (
        activation_curve,
        activation_curves,
        activation_histograms,
        animate_training,
        decision_boundary,
        error_scatter,
        gradient_flow,
        loss_surface,
        network_diagram,
        neuron_boundaries,
        save_animation,
        training_curves,
        update_grid,
    )
    from tinygrad_edu.viz.graph import draw_graph

__all__ = [
    "activation_curve",
    "activation_curves",
    "activation_histograms",
    "animate_training",
    "decision_boundary",
    "draw_graph",
    "error_scatter",
    "explore",
    "explore_side_by_side",
    "gradient_flow",
    "loss_surface",
    "network_diagram",
    "neuron_boundaries",
    "save_animation",
    "training_curves",
    "update_grid",
]

_ROOMS = {  # all else is a figure
    "draw_graph": "graph",
    "explore": "explorer",
    "explore_side_by_side": "explorer.side_by_side",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS.get(name, 'figures')}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
