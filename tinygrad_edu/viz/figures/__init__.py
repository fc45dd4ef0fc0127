"""Figures of training, with matplotlib.

As seaborn's, each function takes the axes to draw on, makes them if there are none, and returns
them, so that figures are put together and changed with matplotlib itself.
"""

from tinygrad_edu.viz.figures.activations import (
    activation_curve,
    activation_curves,
    activation_histograms,
)
from tinygrad_edu.viz.figures.animation import animate_training
from tinygrad_edu.viz.figures.changes import gradient_flow, update_grid
from tinygrad_edu.viz.figures.classifiers import decision_boundary, error_scatter
from tinygrad_edu.viz.figures.descent import loss_surface
from tinygrad_edu.viz.figures.network import network_diagram
from tinygrad_edu.viz.figures.neurons import neuron_boundaries
from tinygrad_edu.viz.figures.saving import save_animation
from tinygrad_edu.viz.figures.training import training_curves

__all__ = [
    "activation_curve",
    "activation_curves",
    "activation_histograms",
    "animate_training",
    "decision_boundary",
    "error_scatter",
    "gradient_flow",
    "loss_surface",
    "network_diagram",
    "neuron_boundaries",
    "save_animation",
    "training_curves",
    "update_grid",
]
