"""Animations of training: what one network, or several side by side, make of the plane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Text

from tinygrad_edu.nn.layers import Sequential
from tinygrad_edu.nn.module import Module
from tinygrad_edu.viz.figures.axes import GRAY
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
    columns = _columns(networks)
    labels = _labels(columns, epochs, unit)
    X, y = points_and_labels(X, y)
    plane = Plane(X, resolution)
    first = [neuron_images(column[0], plane) for column in columns.values()]
    rows = max(map(len, first))
    figure, axes = plt.subplots(
        rows,
        len(columns),
        figsize=(size[0] * len(columns) + 0.5, size[1] * rows + 0.4),
        layout="constrained",
        squeeze=False,
    )
    alike = all(images.keys() == first[0].keys() for images in first)
    shown, boxes = [], []
    for i, (name, images, places) in enumerate(zip(columns, first, axes.T, strict=True)):
        shown.append(
            [
                draw_image(ax, image, plane)
                for ax, image in zip(places, images.values(), strict=False)
            ]
        )
        for ax, neuron in zip(places, images, strict=False):
            scatter(ax, X, y, 7.0)
            ax.set(xticks=[], yticks=[])
            if i == 0 or not alike:
                ax.set_ylabel(neuron.replace(", ", "\n"), fontsize="small")
        for ax in places[len(images) :]:
            ax.set_visible(False)
        places[0].set_title(name)
        boxes.append(_box(places[0], labels[0]))

    figure.canvas.draw()  # lay out once, not in every frame
    figure.set_layout_engine("none")

    def draw(frame: int) -> list[Artist]:
        for column, pictures, box in zip(columns.values(), shown, boxes, strict=True):
            images = neuron_images(column[frame], plane)
            for picture, image in zip(pictures, images.values(), strict=True):
                picture.set_data(image)
            box.set_text(labels[frame])
        return [*(picture for pictures in shown for picture in pictures), *boxes]

    return FuncAnimation(figure, draw, frames=len(labels), interval=interval, init_func=list)


def _columns(networks: Any) -> dict[str, list[Sequential]]:
    """The networks of each column over time, which must be alike."""
    given = networks if isinstance(networks, Mapping) else {"": networks}
    columns: dict[str, list[Sequential]] = {}
    for name, frames in given.items():
        if isinstance(frames, Module) or not isinstance(frames, Iterable):
            raise TypeError(
                "networks must be those of several times, as a sequence of copies; got one "
                f"{type(frames).__name__}"
            )
        columns[name] = list(frames)
        shapes = {_shapes(network) for network in columns[name]}
        if len(shapes) > 1:
            raise ValueError(f"the networks of a column must be alike; got layers of {shapes}")
    counts = {name: len(frames) for name, frames in columns.items()}
    if 0 in counts.values() or len(set(counts.values())) != 1:
        raise ValueError(f"every network needs the same number of frames; got {counts}")
    return columns


def _shapes(network: Sequential) -> tuple[tuple[int, ...], ...]:
    return tuple(layer.W.shape for layer in linear_layers(network))


def _labels(
    columns: Mapping[str, Sequence[Sequential]], epochs: Sequence[int] | None, unit: str
) -> list[str]:
    """What the box says in each frame."""
    frames = len(next(iter(columns.values())))
    if epochs is not None and len(epochs) != frames:
        raise ValueError(f"there are {frames} frames, but {len(epochs)} epochs")
    return [f"{unit} {epoch}" for epoch in (range(frames) if epochs is None else epochs)]


def _box(ax: Axes, text: str) -> Text:
    return ax.text(
        0.03,
        0.95,
        text,
        transform=ax.transAxes,
        va="top",
        fontsize="small",
        zorder=10,
        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": GRAY, "alpha": 0.9},
    )
