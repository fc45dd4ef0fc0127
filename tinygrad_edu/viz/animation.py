"""Animations of training: what one network, or several side by side, make of the plane."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.animation import FFMpegWriter, FuncAnimation, HTMLWriter, PillowWriter
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Text

from tinygrad_edu.nn.layers import Sequential
from tinygrad_edu.viz.axes import GRAY
from tinygrad_edu.viz.boundaries import Plane, neuron_images, picture, scatter

try:
    from tqdm import tqdm
except ModuleNotFoundError:  # the bar is a convenience
    tqdm = None

__all__ = ["animate_training", "save_animation"]


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
        If the numbers of frames differ, or there are none.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz import animation
    >>> X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    >>> frames = [tg.nn.MLP([2, 3, 1], rng=seed) for seed in range(2)]
    >>> movie = animation.animate_training({"ReLU": frames}, X, y)
    >>> "<script" in movie.to_jshtml()
    True
    """
    columns = dict(networks) if isinstance(networks, Mapping) else {"": networks}
    epochs = _epochs(columns, epochs)
    plane = Plane(X, resolution)
    pictures = [neuron_images(column[0], plane) for column in columns.values()]
    rows = max(map(len, pictures))
    figure, axes = plt.subplots(
        rows,
        len(columns),
        figsize=(size[0] * len(columns) + 0.5, size[1] * rows + 0.4),
        layout="constrained",
        squeeze=False,
    )
    alike = all(images.keys() == pictures[0].keys() for images in pictures)
    images, boxes = [], []
    for i, (name, column) in enumerate(zip(columns, axes.T, strict=True)):
        images.append(
            [picture(ax, x, plane) for ax, x in zip(column, pictures[i].values(), strict=False)]
        )
        for ax, label in zip(column, pictures[i], strict=False):
            scatter(ax, X, y, 7.0)
            ax.set(xticks=[], yticks=[])
            if i == 0 or not alike:
                ax.set_ylabel(label.replace(", ", "\n"), fontsize="small")
        for ax in column[len(pictures[i]) :]:
            ax.set_visible(False)
        column[0].set_title(name)
        boxes.append(_box(column[0], f"{unit} {epochs[0]}"))

    figure.canvas.draw()  # lay out once, not in every frame
    figure.set_layout_engine("none")

    def draw(frame: int) -> list[Artist]:
        for column, shown, box in zip(columns.values(), images, boxes, strict=True):
            new = neuron_images(column[frame], plane)
            for image, values in zip(shown, new.values(), strict=True):
                image.set_data(values)
            box.set_text(f"{unit} {epochs[frame]}")
        return [*(image for shown in images for image in shown), *boxes]

    return FuncAnimation(figure, draw, frames=len(epochs), interval=interval, init_func=list)


def _epochs(columns: Mapping[str, Sequence[Sequential]], epochs: Sequence[int] | None) -> list[int]:
    lengths = {name: len(column) for name, column in columns.items()}
    if not lengths or min(lengths.values()) == 0 or len({*lengths.values()}) != 1:
        raise ValueError(f"every network needs the same number of frames; got {lengths}")
    frames = next(iter(lengths.values()))
    if epochs is not None and len(epochs) != frames:
        raise ValueError(f"there are {frames} frames, but {len(epochs)} epochs")
    return list(range(frames) if epochs is None else epochs)


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


def save_animation(
    animation: FuncAnimation,
    path: str | PathLike[str],
    *,
    fps: int = 5,
    dpi: int = 90,
    progress: bool = True,
) -> Path:
    """Save an animation; the suffix of the path says as what.

    Parameters
    ----------
    animation : FuncAnimation
        What `animate_training` returned.
    path : path
        With the suffix ``.gif`` (needs Pillow), ``.html`` (a page of its own, with buttons) or
        ``.mp4`` (needs ffmpeg).
    fps : int, optional
        Frames in a second.
    dpi : int, optional
        Pixels in an inch.
    progress : bool, optional
        Whether to show a progress bar, if tqdm is installed.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ValueError
        If the suffix is another one.
    RuntimeError
        If ffmpeg is needed and not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz import animation
    >>> X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    >>> frames = [tg.nn.MLP([2, 1], rng=seed) for seed in range(3)]
    >>> movie = animation.animate_training(frames, X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = animation.save_animation(movie, Path(folder) / "a.gif", progress=False)
    ...     path.name, path.stat().st_size > 1000
    ('a.gif', True)
    """
    path = Path(path)
    writers: dict[str, Callable[..., Any]] = {
        ".gif": PillowWriter,
        ".html": _page,
        ".mp4": FFMpegWriter,
    }
    if path.suffix not in writers:
        raise ValueError(f"an animation is saved as {', '.join(writers)}; got {path.name!r}")
    if path.suffix == ".mp4" and not FFMpegWriter.isAvailable():
        raise RuntimeError("ffmpeg is not installed; save the animation as .gif or .html instead")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _progress_bar(f"saving {path.name}", progress) as advance:
        animation.save(
            path, writer=writers[path.suffix](fps=fps), dpi=dpi, progress_callback=advance
        )
    if path.suffix == ".html":
        page = path.read_text(encoding="utf-8")
        path.write_text(_without_network(page), encoding="utf-8")
    return path


ICONS = {
    "minus": "−",
    "fast-backward": "◀◀",
    "step-backward": "|◀",
    "play fa-flip-horizontal": "◀",
    "pause": "❚❚",
    "play": "▶",
    "step-forward": "▶|",
    "fast-forward": "▶▶",
    "plus": "+",
}


def _without_network(page: str) -> str:
    """Matplotlib's page with characters on its buttons, instead of a font from the network."""
    page = re.sub(r'<link rel="stylesheet"\s+href="https://[^>]*>', "", page)
    for icon, character in ICONS.items():
        page = page.replace(f'<i class="fa fa-{icon}"></i>', character)
    return page


def _page(fps: int) -> HTMLWriter:
    """The writer of pages, as ``to_jshtml`` sets it up: with the frames inside."""
    return HTMLWriter(fps=fps, embed_frames=True, default_mode="loop")


@contextmanager
def _progress_bar(what: str, wanted: bool) -> Iterator[Callable[[int, int], None] | None]:
    if tqdm is None or not wanted:
        yield None
        return
    with tqdm(desc=what, unit="frame") as bar:

        def advance(_frame: int, total: int) -> None:
            bar.total = total
            bar.update()

        yield advance
