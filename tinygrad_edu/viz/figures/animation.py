"""Animations of training: the outputs of one network, or of several side by side, on the plane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.figure import SubFigure
from matplotlib.image import AxesImage

from tinygrad_edu.nn.containers import Sequential
from tinygrad_edu.nn.module import Module
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.figures.neurons import linear_layers, neuron_images
from tinygrad_edu.viz.figures.plane import Plane, draw_image, points_and_labels, scatter
from tinygrad_edu.viz.figures.saving import MOVING

__all__ = ["animate_training"]

NEURONS_IN_A_ROW = 4
MOST_COLUMNS = 8  # of networks side by side
TITLE: dict[str, Any] = {"fontsize": "small", "pad": 3, "y": 1.0}


def animate_training(
    networks: Mapping[str, Sequence[Sequential]] | Sequence[Sequential],
    X: Any,
    y: Any,
    *,
    epochs: Sequence[int] | None = None,
    unit: str = "epoch",
    resolution: int = 80,
    size: tuple[float, float] = (1.7, 1.4),
    interval: int = 200,
) -> FuncAnimation:
    """Animate how the decision boundaries of networks change in training.

    Each network is a block of pictures: the output, and beside it every hidden neuron, the layers
    below each other, with the data on top of all and the epoch above the output.

    Parameters
    ----------
    networks : mapping of str to sequence of Sequential, or sequence of Sequential
        For each name the same network at several times, as copies; or those of one network.
    X : array_like
        The data, of shape (n, 2).
    y : array_like
        Their labels, of shape (n,).
    epochs : sequence of int, optional
        The epoch of each frame; 0, 1, 2, ... by default.
    unit : str, optional
        What is counted above the output.
    resolution : int, optional
        The number of points along each side at which the networks are evaluated.
    size : tuple of float, optional
        Width and height of each picture, in inches; that of the output is larger.
    interval : int, optional
        The time between two frames, in milliseconds.

    Returns
    -------
    FuncAnimation
        For `save_animation`, or for a notebook by its ``to_jshtml()``.

    Raises
    ------
    ValueError
        If the numbers of frames differ, or there are none; or if the sizes of one network do.
    TypeError
        If there is one network in the place of several.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    >>> frames = [tg.nn.MLP([2, 3, 1], rng=seed) for seed in range(2)]
    >>> movie = viz.animate_training({"ReLU": frames}, X, y)
    >>> "<script" in movie.to_jshtml()
    True
    """
    frames = _frames(networks)
    labels = _labels(len(next(iter(frames.values()))), epochs, unit)
    X, y = points_and_labels(X, y)
    plane = Plane(X, resolution)
    blocks = [_Block(name, over_time, plane) for name, over_time in frames.items()]
    wide = max(block.columns for block in blocks)
    beside = max(1, min(len(blocks), MOST_COLUMNS // wide))
    below = -(-len(blocks) // beside)
    rows = max(block.rows for block in blocks)
    figure = plt.figure(
        figsize=(size[0] * wide * beside, (size[1] * rows + 0.5) * below), layout="constrained"
    )
    places = figure.subfigures(below, beside, squeeze=False).flat
    for block, place in zip(blocks, places, strict=False):
        block.draw(place, X, y)

    def show(frame: int) -> list[Artist]:
        return [artist for block in blocks for artist in block.show(frame, labels[frame])]

    show(0)
    figure.canvas.draw()  # lay out once, not in every frame
    figure.set_layout_engine("none")
    return FuncAnimation(figure, show, frames=len(labels), interval=interval, init_func=list)


class _Block:
    """A network at several times: its output, and beside it every hidden neuron."""

    def __init__(self, name: str, over_time: Sequence[Sequential], plane: Plane) -> None:
        self.name = name
        self.over_time = over_time
        self.plane = plane
        self.images = neuron_images(over_time[0], plane)
        widths = [columns for *_, columns in _shapes(over_time[0])][:-1]
        places = [(i, j) for i, width in enumerate(widths) for j in range(width)]
        self.hidden: list[tuple[int, int]] = []  # the row and column of each, layers in new rows
        row = 0
        for layer, neuron in places:
            if neuron % NEURONS_IN_A_ROW == 0 and (layer, neuron) != (0, 0):
                row += 1
            self.hidden.append((row, neuron % NEURONS_IN_A_ROW))
        self.rows = row + 1
        self.large = min(self.rows, 2)  # rows, and columns, of the output
        self.columns = self.large + max((column + 1 for _, column in self.hidden), default=0)

    def draw(self, figure: SubFigure, X: Array, y: Array) -> None:
        """Draw it as it was at first, with the data on top."""
        grid = figure.add_gridspec(self.rows, self.columns)
        cells = [grid[: self.large, : self.large]]
        cells += [grid[row, self.large + column] for row, column in self.hidden]
        self.pictures: list[AxesImage] = []
        for cell, (neuron, image) in zip(cells, self.images.items(), strict=True):
            ax = figure.add_subplot(cell)
            self.pictures.append(draw_image(ax, image, self.plane))
            scatter(ax, X, y, 7.0)
            ax.set(xticks=[], yticks=[])
            ax.set_title(neuron, **TITLE)
        figure.suptitle(self.name)
        self.time = figure.axes[0].set_title("", loc="right", **TITLE)
        for artist in (*self.pictures, self.time):
            artist.set_gid(MOVING)

    def show(self, frame: int, label: str) -> list[Artist]:
        """Show it at another time; returns what has changed."""
        images = neuron_images(self.over_time[frame], self.plane)
        for picture, image in zip(self.pictures, images.values(), strict=True):
            picture.set_data(image)
        self.time.set_text(label)
        return [*self.pictures, self.time]


def _frames(networks: Any) -> dict[str, list[Sequential]]:
    """The networks of each name over time, which must be alike."""
    given = networks if isinstance(networks, Mapping) else {"": networks}
    frames: dict[str, list[Sequential]] = {}
    for name, over_time in given.items():
        if isinstance(over_time, Module) or not isinstance(over_time, Iterable):
            raise TypeError(
                "networks must be those of several times, as a sequence of copies; got one "
                f"{type(over_time).__name__}"
            )
        frames[name] = list(over_time)
        shapes = {_shapes(network) for network in frames[name]}
        if len(shapes) > 1:
            raise ValueError(f"the networks of one name must be alike; got layers of {shapes}")
    counts = {name: len(over_time) for name, over_time in frames.items()}
    if 0 in counts.values() or len(set(counts.values())) != 1:
        raise ValueError(f"every network needs the same number of frames; got {counts}")
    return frames


def _shapes(network: Sequential) -> tuple[tuple[int, ...], ...]:
    return tuple(layer.W.shape for layer in linear_layers(network))


def _labels(n: int, epochs: Sequence[int] | None, unit: str) -> list[str]:
    """What is said above the output in each of n frames."""
    if epochs is not None and len(epochs) != n:
        raise ValueError(f"there are {n} frames, but {len(epochs)} epochs")
    return [f"{unit} {epoch}" for epoch in (range(n) if epochs is None else epochs)]
