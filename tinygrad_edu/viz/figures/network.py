"""A network as a directed graph of its neurons."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import FancyArrowPatch

from tinygrad_edu.nn.containers import Sequential
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.figures.axes import GRAY, INK, new_ax
from tinygrad_edu.viz.figures.neurons import linear_layers

__all__ = ["network_diagram"]

LAYER, ACTIVATION = 2.6, 0.9  # the distances from layer to layer, and from z to h
RADIUS = 0.28
MOST_NODES = 120
INPUT, SUM, OUTPUT = "#e8eaee", "#ffffff", "#d9e8f5"


def network_diagram(network: Sequential, ax: Axes | None = None) -> Axes:
    """Draw a network as a directed graph: inputs, and for each neuron its input z and output h.

    The wider an arrow, the larger its weight; blue ones are positive, red ones negative.

    Parameters
    ----------
    network : Sequential
        An `MLP`.
    ax : Axes, optional
        Where to draw; on a new figure if there is none.

    Returns
    -------
    Axes
        With a label for each node.

    Raises
    ------
    TypeError
        If the network is no Sequential.
    ValueError
        If it has no linear layer, or more units than can be told apart.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> ax = viz.network_diagram(tg.nn.MLP([2, 1, 1], rng=0))
    >>> [text.get_text() for text in ax.texts][:4]
    ['$x_{1}$', '$x_{2}$', '$z^{(1)}_{1}$', '$h^{(1)}_{1}$']
    """
    layers = linear_layers(network)
    sizes = [layers[0].W.shape[0], *(layer.W.shape[1] for layer in layers)]
    if sum(sizes) > MOST_NODES:
        raise ValueError(
            f"a diagram of {sum(sizes):,} units can hardly be read; draw a network with at most "
            f"{MOST_NODES}"
        )
    ax = new_ax(ax, (2.6 + 1.9 * len(layers), 0.8 + 0.75 * max(sizes)))
    heights = [np.arange(n)[::-1] - (n - 1) / 2 for n in sizes]
    limit = max(np.abs(layer.W.data).max() for layer in layers) or 1.0
    for j, height in enumerate(heights[0], start=1):
        _draw_node(ax, 0, height, f"$x_{{{j}}}$", INPUT)
    for i, layer in enumerate(layers, start=1):
        h = LAYER * i
        z = h - ACTIVATION
        starts, ends = (h - LAYER + RADIUS, heights[i - 1]), (z - RADIUS, heights[i])
        _draw_weights(ax, layer.W.data, starts, ends, limit)
        last = i == len(layers)
        for j, height in enumerate(heights[i], start=1):
            arrow = FancyArrowPatch(
                (z + RADIUS, height),
                (h - RADIUS, height),
                arrowstyle="-|>",
                mutation_scale=10,
                color=GRAY,
            )
            ax.add_patch(arrow)
            _draw_node(ax, z, height, f"$z^{{({i})}}_{{{j}}}$", SUM)
            name = f"$p_{{{j}}}$" if last else f"$h^{{({i})}}_{{{j}}}$"
            _draw_node(ax, h, height, name, OUTPUT)
        name = getattr(layer.activation, "__name__", "f")
        if last:  # its activation is part of the loss
            name = "softmax" if sizes[-1] > 1 else "sigmoid"
        ax.text((z + h) / 2, -max(sizes) / 2 - 0.15, name, ha="center", va="top", color=GRAY)
    ax.set(xlim=(-0.5, LAYER * len(layers) + 0.5), ylim=(-max(sizes) / 2 - 0.6, max(sizes) / 2))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _draw_weights(
    ax: Axes,
    weights: Array,
    starts: tuple[float, Array],
    ends: tuple[float, Array],
    limit: float,
) -> None:
    """Draw a line for each weight, from each place on the left to each on the right."""
    (x0, y0), (x1, y1) = starts, ends
    lines = [[(x0, left), (x1, right)] for left in y0 for right in y1]
    collection = LineCollection(
        lines,
        linewidths=(0.4 + 4 * np.abs(weights) / limit).ravel(),
        array=weights.ravel(),
        cmap="RdBu",
        clim=(-limit, limit),
        zorder=1,
    )
    ax.add_collection(collection)


def _draw_node(ax: Axes, x: float, y: float, label: str, color: str) -> None:
    ax.scatter(x, y, s=560, color=color, edgecolors=INK, linewidths=1.1, zorder=2)
    ax.text(x, y, label, ha="center", va="center", fontsize=10.5, zorder=3)
