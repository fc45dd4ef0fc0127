"""A network as a directed graph of its neurons."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from tinygrad_edu.nn.layers import Linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.figures.axes import GRAY, INK, new_ax

__all__ = ["network_diagram"]

LAYER, ACTIVATION = 2.6, 0.9  # the distances from layer to layer, and from z to h
RADIUS = 0.28
MOST_NODES = 120
INPUT, SUM, OUTPUT = "#e8eaee", "#ffffff", "#d9e8f5"


def network_diagram(network: Module, ax: Axes | None = None) -> Axes:
    """Draw a network as a directed graph: inputs, and for each neuron its input z and output h.

    The wider an arrow, the larger its weight; blue ones are positive, red ones negative.

    Parameters
    ----------
    network : Module
        An `MLP`; or a module of your own, with linear layers that follow each other in the order in
        which it got them.
    ax : Axes, optional
        Where to draw; on a new figure if there is none.

    Returns
    -------
    Axes
        With a label for each node.

    Raises
    ------
    TypeError
        If the network is no module.
    ValueError
        If it has no linear layer, or some that do not fit together; or more units than can be told
        apart.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> ax = viz.network_diagram(tg.nn.MLP([2, 1, 1], rng=0))
    >>> [text.get_text() for text in ax.texts][:4]
    ['$x_{1}$', '$x_{2}$', '$z^{(1)}_{1}$', '$h^{(1)}_{1}$']
    """
    layers = _layers(network)
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
    _draw_key(ax, limit)
    return ax


def _layers(network: Module) -> list[Linear]:
    """The linear layers of a network, each of which takes what the one before it gives."""
    if not isinstance(network, Module):
        raise TypeError(f"network must be a module, as an MLP is one; got {type(network).__name__}")
    found = [m for _, m in network.named_modules() if isinstance(m, Linear)]
    if not found:
        raise ValueError(f"the network has no linear layer; it is {network}")
    shapes = [layer.W.shape for layer in found]
    if any(a[1] != b[0] for a, b in pairwise(shapes)):
        raise ValueError(
            "a diagram has layers that follow each other; the linear layers of this network have "
            f"weights of shapes {', '.join(map(str, shapes))}"
        )
    return found


def _draw_key(ax: Axes, limit: float) -> None:
    """Say how wide and in which color the arrow of a weight is."""
    colors = colormaps["RdBu"]
    sizes = [-limit, -limit / 4, limit / 4, limit]
    lines = [
        Line2D([], [], color=colors(0.5 + size / limit / 2), linewidth=_width(size, limit))
        for size in sizes
    ]
    ax.legend(
        lines,
        [f"{size:.2g}" for size in sizes],
        title="weight",
        loc="upper center",
        bbox_to_anchor=(0.5, 0.02),
        ncols=len(sizes),
        frameon=False,
        fontsize="small",
        title_fontsize="small",
    )


def _width(weight: Any, limit: float) -> Any:
    return 0.4 + 4 * np.abs(weight) / limit


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
        linewidths=_width(weights, limit).ravel(),
        array=weights.ravel(),
        cmap="RdBu",
        clim=(-limit, limit),
        zorder=1,
    )
    ax.add_collection(collection)


def _draw_node(ax: Axes, x: float, y: float, label: str, color: str) -> None:
    ax.scatter(x, y, s=560, color=color, edgecolors=INK, linewidths=1.1, zorder=2)
    ax.text(x, y, label, ha="center", va="center", fontsize=10.5, zorder=3)
