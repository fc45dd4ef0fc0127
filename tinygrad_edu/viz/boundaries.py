"""Figures of two-dimensional data: what a network, and each neuron in it, makes of the plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.image import AxesImage
from matplotlib.patches import FancyArrowPatch

from tinygrad_edu import ops
from tinygrad_edu.context import no_grad
from tinygrad_edu.nn.layers import Linear, Sequential
from tinygrad_edu.ops._common import values
from tinygrad_edu.viz.axes import CLASSES, GRAY, INK, Array, Grid, new_ax, new_axes

__all__ = [
    "Plane",
    "decision_boundary",
    "error_scatter",
    "layer_inputs",
    "network_diagram",
    "neuron_boundaries",
    "neuron_images",
    "picture",
    "scatter",
]

MARKS = "osD^vP"  # classes differ by their marks too, not by their colors alone


class Plane:
    """The part of the plane around some points, as a grid on which functions are evaluated.

    Parameters
    ----------
    X : array_like
        Points, of shape (n, 2).
    resolution : int, optional
        The number of grid points along each side.
    margin : float, optional
        How far it extends beyond the points, as a fraction of their range.

    Attributes
    ----------
    extent : tuple of float
        The ends x0, x1, y0, y1, as matplotlib's ``imshow`` takes them.
    points : ndarray
        The grid points, of shape (resolution**2, 2), row by row.
    """

    def __init__(self, X: Any, resolution: int = 200, margin: float = 0.08) -> None:
        X = np.asarray(X, float)
        if X.ndim != 2 or X.shape[1] != 2:
            raise ValueError(f"points of the plane have shape (n, 2); got {X.shape}")
        low, high = X.min(axis=0), X.max(axis=0)
        (x0, y0), (x1, y1) = low - margin * (high - low), high + margin * (high - low)
        self.extent = (float(x0), float(x1), float(y0), float(y1))
        self.axes = np.linspace(x0, x1, resolution), np.linspace(y0, y1, resolution)
        self.points = np.stack(np.meshgrid(*self.axes), axis=-1).reshape(-1, 2)
        self.shape = (resolution, resolution)

    def image(self, values: Array) -> Array:
        """The values at the grid points as an image, its origin below."""
        return values.reshape(*self.shape, *values.shape[1:])


def scatter(ax: Axes, X: Array, y: Array, size: Any = 22.0) -> None:
    """Draw points, each class in its color and with its mark."""
    for c, label in enumerate(np.unique(y)):
        chosen = np.asarray(y) == label
        ax.scatter(
            np.asarray(X)[chosen, 0],
            np.asarray(X)[chosen, 1],
            s=np.broadcast_to(size, len(X))[chosen],
            color=CLASSES[c % len(CLASSES)],
            marker=MARKS[c % len(MARKS)],
            edgecolors="white",
            linewidths=0.5 if np.max(size) > 12 else 0.3,
            label=str(label),
        )


def picture(
    ax: Axes,
    image: Array,
    plane: Plane,
    cmap: Any = "RdBu",
    limits: tuple[float, float] = (-0.6, 1.6),
) -> AxesImage:
    """Show an image of the plane; the ends of the map stay free for the points on top."""
    return ax.imshow(
        image,
        cmap=cmap,
        vmin=limits[0],
        vmax=limits[1],
        origin="lower",
        extent=plane.extent,
        aspect="auto",
        interpolation="nearest",
        alpha=0.85,
    )


def decision_boundary(
    f: Callable[[Any], Any],
    X: Any,
    y: Any,
    ax: Axes | None = None,
    *,
    logits: bool = False,
    resolution: int = 200,
) -> Axes:
    """Draw where a classifier decides for which class, with the data on top.

    Parameters
    ----------
    f : callable
        Takes points of shape (n, 2); returns, as an array or a Tensor, the probability of the
        second of two classes in shape (n,) or (n, 1), or the scores of all in shape (n, classes).
    X : array_like
        The data, of shape (n, 2).
    y : array_like
        Their labels, of shape (n,).
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    logits : bool, optional
        Whether ``f`` returns what goes into a sigmoid, not a probability.
    resolution : int, optional
        The number of points along each side at which ``f`` is evaluated.

    Returns
    -------
    Axes
        With an image, and a scatter plot of each class.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.viz import boundaries
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> ax = boundaries.decision_boundary(lambda x: x[:, 0], X, [0, 1])
    >>> len(ax.images), [points.get_label() for points in ax.collections][-2:]
    (1, ['0', '1'])
    """
    ax = new_ax(ax, (5.0, 4.2))
    plane = Plane(X, resolution)
    with no_grad():
        scores = _array(f(plane.points))
    if scores.ndim == 2 and scores.shape[1] > 1:
        regions = plane.image(scores.argmax(axis=1))
        tints = ListedColormap([_tint(color) for color in CLASSES[: scores.shape[1]]])
        picture(ax, regions, plane, tints, (0, scores.shape[1] - 1))
        for c in range(scores.shape[1]):
            if 0 < (regions == c).mean() < 1:
                ax.contour(*plane.axes, regions == c, [0.5], colors=INK, linewidths=1)
    else:
        scores = scores.reshape(-1)
        p = plane.image(probability(scores) if logits else scores)
        picture(ax, p, plane)
        _boundary(ax, plane, p - 0.5)
    scatter(ax, X, y)
    ax.set(xlabel="x₁", ylabel="x₂")
    return ax


def error_scatter(
    X: Any,
    y: Any,
    predictions: Any,
    ax: Axes | None = None,
    *,
    scale: float = 15.0,
) -> Axes:
    """Draw the data, with what is classified wrongly in large marks.

    The area of a mark is ``scale * (wrong + 0.2)``: an error is six times as large.

    Parameters
    ----------
    X : array_like
        The data, of shape (n, 2).
    y : array_like
        Their labels, of shape (n,).
    predictions : array_like
        The predicted labels, of shape (n,).
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    scale : float, optional
        The area of all marks, in points squared.

    Returns
    -------
    Axes
        With a scatter plot of each class, and the accuracy as title.

    Examples
    --------
    >>> from tinygrad_edu.viz import boundaries
    >>> ax = boundaries.error_scatter([[0, 0], [0, 1], [1, 1]], [0, 0, 1], [0, 1, 1])
    >>> ax.collections[0].get_sizes(), ax.get_title()
    (array([ 3., 18.]), 'accuracy 66.7 %: 1 of 3 wrong')
    """
    X, y, predictions = np.asarray(X), np.asarray(y), np.asarray(predictions)
    if y.shape != predictions.shape:
        raise ValueError(
            f"labels and predictions must have the same shape; got {y.shape} and "
            f"{predictions.shape}"
        )
    ax = new_ax(ax, (5.0, 4.2))
    wrong = y != predictions
    scatter(ax, X, y, scale * (wrong + 0.2))
    ax.set(
        xlabel="x₁",
        ylabel="x₂",
        title=f"accuracy {1 - wrong.mean():.1%}: {wrong.sum()} of {len(y)} wrong".replace(
            "%", " %"
        ),
    )
    return ax


def layer_inputs(network: Sequential, x: Any) -> list[Array]:
    """What every linear layer of a network computes, before its activation.

    Parameters
    ----------
    network : Sequential
        An `MLP`, or linear layers and functions.
    x : array_like
        Samples of shape (n, inputs).

    Returns
    -------
    list of ndarray
        For each linear layer an array of shape (n, units); that of the output comes last.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz.boundaries import layer_inputs
    >>> network = tg.nn.MLP([2, 4, 3, 1], rng=0)
    >>> [z.shape for z in layer_inputs(network, [[0.0, 1.0]])]
    [(1, 4), (1, 3), (1, 1)]
    """
    found = []
    with no_grad():
        for layer in network:
            if isinstance(layer, Linear):
                z = ops.linear(x, layer.W, layer.b)
                found.append(_array(z))
                x = layer.activation(z)
            else:
                x = layer(x)
    return found


def neuron_boundaries(
    network: Sequential, X: Any, y: Any, axes: Any = None, *, resolution: int = 150
) -> Grid:
    """Draw the decision boundary of the output, and of every hidden neuron.

    The output is shown as a probability. A hidden neuron divides the plane into where its input
    is above zero (blue) and where it is not (red).

    Parameters
    ----------
    network : Sequential
        An `MLP` with two inputs, and one output or two.
    X : array_like
        The data, of shape (n, 2).
    y : array_like
        Their labels, of shape (n,).
    axes : array of Axes, optional
        Where to draw, one for the output and one for each hidden neuron; on a new figure if there
        are none.
    resolution : int, optional
        The number of points along each side at which the network is evaluated.

    Returns
    -------
    array of Axes
        In one row: the output, then the neurons of the first hidden layer, and so on.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz import boundaries
    >>> X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    >>> axes = boundaries.neuron_boundaries(tg.nn.MLP([2, 3, 1], rng=0), X, y)
    >>> [ax.get_title() for ax in axes.flat]
    ['output', 'layer 1, neuron 1', 'layer 1, neuron 2', 'layer 1, neuron 3']
    """
    plane = Plane(X, resolution)
    images = neuron_images(network, plane)
    grid = new_axes(axes, 1, len(images), (2.1, 2.2), sharex=True, sharey=True)
    for ax, (title, image) in zip(grid.flat, images.items(), strict=True):
        picture(ax, image, plane)
        _boundary(ax, plane, image - 0.5)
        scatter(ax, X, y, 9.0)
        ax.set(title=title, xticks=[], yticks=[])
    return grid


def neuron_images(network: Sequential, plane: Plane) -> dict[str, Array]:
    """The picture of each neuron on the plane: the output's probability, the hidden ones' sign."""
    *hidden, output = layer_inputs(network, plane.points)
    z = output[:, -1] if output.shape[1] == 1 else output[:, 1] - output[:, 0]
    images = {"output": plane.image(probability(z))}
    for i, layer in enumerate(hidden, start=1):
        for j, z in enumerate(layer.T, start=1):
            images[f"layer {i}, neuron {j}"] = plane.image((z > 0).astype(float))
    return images


def probability(logits: Array) -> Array:
    """The logistic function of an array."""
    return _array(ops.sigmoid(logits))


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

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz import boundaries
    >>> ax = boundaries.network_diagram(tg.nn.MLP([2, 1, 1], rng=0))
    >>> [text.get_text() for text in ax.texts][:4]
    ['$x_{1}$', '$x_{2}$', '$z^{(1)}_{1}$', '$h^{(1)}_{1}$']
    """
    layers = [layer for layer in network if isinstance(layer, Linear)]
    sizes = [layers[0].W.shape[0], *(layer.W.shape[1] for layer in layers)]
    ax = new_ax(ax, (2.6 + 1.9 * len(layers), 0.8 + 0.75 * max(sizes)))
    heights = [np.arange(n)[::-1] - (n - 1) / 2 for n in sizes]
    limit = max(np.abs(layer.W.data).max() for layer in layers) or 1.0
    for j, at in enumerate(heights[0], start=1):
        _node(ax, 0, at, f"$x_{{{j}}}$", "#e8eaee")
    for i, layer in enumerate(layers, start=1):
        last = i == len(layers)
        left, z, h = 2.6 * (i - 1) + 0.28, 2.6 * i - 0.9, 2.6 * i
        weights = layer.W.data
        starts = np.stack(np.broadcast_arrays(left, heights[i - 1][:, None] + 0 * weights), -1)
        ends = np.stack(np.broadcast_arrays(z - 0.28, heights[i][None] + 0 * weights), -1)
        lines = LineCollection(
            list(np.stack([starts, ends], axis=2).reshape(-1, 2, 2)),
            linewidths=(0.4 + 4 * np.abs(weights) / limit).ravel(),
            array=weights.ravel(),
            cmap="RdBu",
            clim=(-limit, limit),
            zorder=1,
        )
        ax.add_collection(lines)
        name = getattr(layer.activation, "__name__", "f")
        name = "softmax" if last and sizes[-1] > 1 else "sigmoid" if last else name
        for j, at in enumerate(heights[i], start=1):
            arrow = FancyArrowPatch(
                (z + 0.28, at), (h - 0.28, at), arrowstyle="-|>", mutation_scale=10, color=GRAY
            )
            ax.add_patch(arrow)
            _node(ax, z, at, f"$z^{{({i})}}_{{{j}}}$", "#ffffff")
            _node(ax, h, at, f"$p_{{{j}}}$" if last else f"$h^{{({i})}}_{{{j}}}$", "#d9e8f5")
        ax.text((z + h) / 2, -max(sizes) / 2 - 0.15, name, ha="center", va="top", color=GRAY)
    ax.set(xlim=(-0.5, 2.6 * len(layers) + 0.5), ylim=(-max(sizes) / 2 - 0.6, max(sizes) / 2))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _node(ax: Axes, x: float, y: float, label: str, color: str) -> None:
    ax.scatter(x, y, s=560, color=color, edgecolors=INK, linewidths=1.1, zorder=2)
    ax.text(x, y, label, ha="center", va="center", fontsize=10.5, zorder=3)


def _boundary(ax: Axes, plane: Plane, height: Array) -> None:
    if height.min() < 0 < height.max():
        ax.contour(*plane.axes, height, [0.0], colors=INK, linewidths=1.2)


def _tint(color: str) -> tuple[float, ...]:
    """The color as a light ground."""
    return tuple(1 - 0.4 * (1 - channel) for channel in to_rgb(color))


def _array(x: Any) -> Array:
    return np.asarray(values(x))
