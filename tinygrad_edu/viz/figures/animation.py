"""Animations of training: the outputs of one network, or of several side by side, on the plane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.text import Text

from tinygrad_edu.nn.containers import Sequential
from tinygrad_edu.nn.module import Module
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.figures.axes import GRAY, Grid
from tinygrad_edu.viz.figures.neurons import linear_layers, neuron_images
from tinygrad_edu.viz.figures.plane import Plane, draw_image, points_and_labels, scatter

__all__ = ["animate_training"]


def animate_training(
    networks: Mapping[str, Sequence[Sequential]] | Sequence[Sequential],
    X: Any,
    y: Any,
    *,
    epochs: Sequence[int] | None = None,
    unit: str = "epoch",
    resolution: int = 80,
    size: tuple[float, float] = (2.4, 1.7),
    interval: int = 200,
) -> FuncAnimation:
    """Animate how the decision boundaries of networks change in training.

    There is one column for each network: on top the output, below it every hidden neuron, with the
    data on top of all and the epoch in a box.

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
        What is counted in the box.
    resolution : int, optional
        The number of points along each side at which the networks are evaluated.
    size : tuple of float, optional
        Width and height of each picture, in inches.
    interval : int, optional
        The time between two frames, in milliseconds.

    Returns
    -------
    FuncAnimation
        For `save_animation`, or for a notebook by its ``to_jshtml()``.

    Raises
    ------
    ValueError
        If the numbers of frames differ, or there are none; or if networks of one column do.
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
    columns = [_Column(name, over_time, plane) for name, over_time in frames.items()]
    rows = max(len(column.images) for column in columns)
    figure, axes = plt.subplots(
        rows,
        len(columns),
        figsize=(size[0] * len(columns) + 0.5, size[1] * rows + 0.4),
        layout="constrained",
        squeeze=False,
    )
    alike = all(column.images.keys() == columns[0].images.keys() for column in columns)
    for column, places in zip(columns, axes.T, strict=True):
        column.draw(places, X, y, with_names=not alike or column is columns[0])

    def show(frame: int) -> list[Artist]:
        return [artist for column in columns for artist in column.show(frame, labels[frame])]

    show(0)
    figure.canvas.draw()  # lay out once, not in every frame
    figure.set_layout_engine("none")
    return FuncAnimation(figure, show, frames=len(labels), interval=interval, init_func=list)


class _Column:
    """A network at several times: its output, and below it every hidden neuron."""

    def __init__(self, name: str, over_time: Sequence[Sequential], plane: Plane) -> None:
        self.name = name
        self.over_time = over_time
        self.plane = plane
        self.images = neuron_images(over_time[0], plane)

    def draw(self, places: Grid, X: Array, y: Array, with_names: bool) -> None:
        """Draw it as it was at first, with the data on top; places left over are invisible."""
        self.pictures: list[AxesImage] = []
        for ax, (neuron, image) in zip(places, self.images.items(), strict=False):
            self.pictures.append(draw_image(ax, image, self.plane))
            scatter(ax, X, y, 7.0)
            ax.set(xticks=[], yticks=[])
            if with_names:
                ax.set_ylabel(neuron.replace(", ", "\n"), fontsize="small")
        for ax in places[len(self.images) :]:
            ax.set_visible(False)
        places[0].set_title(self.name)
        self.box = _box(places[0])

    def show(self, frame: int, label: str) -> list[Artist]:
        """Show it at another time; returns what has changed."""
        images = neuron_images(self.over_time[frame], self.plane)
        for picture, image in zip(self.pictures, images.values(), strict=True):
            picture.set_data(image)
        self.box.set_text(label)
        return [*self.pictures, self.box]


def _box(ax: Axes) -> Text:
    return ax.text(
        0.03,
        0.95,
        "",
        transform=ax.transAxes,
        va="top",
        fontsize="small",
        zorder=10,
        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": GRAY, "alpha": 0.9},
    )


def _frames(networks: Any) -> dict[str, list[Sequential]]:
    """The networks of each column over time, which must be alike."""
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
            raise ValueError(f"the networks of a column must be alike; got layers of {shapes}")
    counts = {name: len(over_time) for name, over_time in frames.items()}
    if 0 in counts.values() or len(set(counts.values())) != 1:
        raise ValueError(f"every network needs the same number of frames; got {counts}")
    return frames


def _shapes(network: Sequential) -> tuple[tuple[int, ...], ...]:
    return tuple(layer.W.shape for layer in linear_layers(network))


def _labels(n: int, epochs: Sequence[int] | None, unit: str) -> list[str]:
    """What the box says in each of n frames."""
    if epochs is not None and len(epochs) != n:
        raise ValueError(f"there are {n} frames, but {len(epochs)} epochs")
    return [f"{unit} {epoch}" for epoch in (range(n) if epochs is None else epochs)]
