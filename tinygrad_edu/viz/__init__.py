"""Pictures of computations: drawn graphs, pages to follow a gradient on, figures of training.

What draws is imported when it is first asked for: Graphviz, the page and matplotlib take longer to
import than the rest of the library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.viz.animation import (
        animate_training,
        save_animation,
    )
    from tinygrad_edu.viz.boundaries import (
        decision_boundary,
        error_scatter,
        network_diagram,
        neuron_boundaries,
    )
    from tinygrad_edu.viz.explorer import explore
    from tinygrad_edu.viz.figures import (
        activation_curve,
        activation_curves,
        activation_histograms,
        gradient_flow,
        loss_surface,
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
    "gradient_flow",
    "loss_surface",
    "network_diagram",
    "neuron_boundaries",
    "save_animation",
    "training_curves",
    "update_grid",
]

_HOMES = {
    "activation_curve": "figures",
    "activation_curves": "figures",
    "activation_histograms": "figures",
    "animate_training": "animation",
    "decision_boundary": "boundaries",
    "draw_graph": "graph",
    "error_scatter": "boundaries",
    "explore": "explorer",
    "gradient_flow": "figures",
    "loss_surface": "figures",
    "network_diagram": "boundaries",
    "neuron_boundaries": "boundaries",
    "save_animation": "animation",
    "training_curves": "figures",
    "update_grid": "figures",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
