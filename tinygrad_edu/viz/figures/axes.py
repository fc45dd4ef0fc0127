"""Where the figures draw, and in which colors: color-blind readers tell them apart."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tinygrad_edu.viz.arrays import Array

__all__ = [
    "CLASSES",
    "GRAY",
    "INK",
    "LINES",
    "Grid",
    "cell_edges",
    "figure_of",
    "new_ax",
    "new_axes",
    "new_grid",
    "tidy",
]

Grid = NDArray[Any]
"""An array of `matplotlib.axes.Axes`."""

LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's colors; first those that are read best as lines."""

CLASSES = ("#b2182b", "#2166ac", "#e69f00", "#117a5b", "#8a5a9e", "#555555")
"""One color for each class; of two classes, the ends of the map RdBu."""

INK, GRAY = "#1f2328", "#6b7280"

MOST_AXES = 200  # more take minutes to draw, and are too small to read


def new_ax(ax: Axes | None, figsize: tuple[float, float] = (5.6, 3.8)) -> Axes:
    """The axes that were given, or those of a new figure."""
    if ax is None:
        return plt.subplots(figsize=figsize, layout="constrained")[1]
    return _checked_axes(ax)


def new_axes(
    axes: Any,
    rows: int,
    columns: int,
    size: tuple[float, float],
    beside: float = 0.0,
    **options: Any,
) -> Grid:
    """The axes that were given, as an array of that shape, or those of a new figure.

    Of a new figure ``size`` is that of each picture, and ``beside`` the width of what stands on
    their right, in inches.
    """
    if axes is None:
        if rows * columns > MOST_AXES:
            raise ValueError(
                f"this figure would have {rows * columns:,} axes; more than {MOST_AXES} can hardly "
                "be read. Draw a part of it"
            )
        figsize = (columns * size[0] + beside, rows * size[1])
        figure = plt.figure(figsize=figsize, layout="constrained")
        return np.asarray(figure.subplots(rows, columns, squeeze=False, **options))
    given = np.array(axes, dtype=object)
    if given.size != rows * columns:
        raise ValueError(f"this figure needs {rows} x {columns} axes; got {given.size}")
    for ax in given.flat:
        _checked_axes(ax)
    return given.reshape(rows, columns)


def new_grid(axes: Any, n: int, columns: int, size: tuple[float, float], **options: Any) -> Grid:
    """The axes for n pictures in rows, as `new_axes`; places left over are invisible."""
    if columns < 1:
        raise ValueError(f"columns must be at least 1; got {columns}")
    columns = min(columns, n)
    grid = new_axes(axes, -(-n // columns), columns, size, **options)
    for ax in grid.flat[n:]:
        ax.set_visible(False)
    return grid


def _checked_axes(ax: Any) -> Axes:
    if not isinstance(ax, Axes):
        raise TypeError(
            f"figures are drawn on matplotlib's Axes, as plt.subplots() returns them; got "
            f"{type(ax).__name__}"
        )
    return ax


def figure_of(ax: Axes) -> Figure:
    """The figure in which the axes stand; of a subfigure, the whole one."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes were removed from their figure")
    return figure


def tidy(ax: Axes) -> None:
    """Leave out two of four spines, and draw a grid that stays behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#000000", alpha=0.1, linewidth=0.8)
    ax.set_axisbelow(True)


def cell_edges(centers: Array) -> Array:
    """The edges of the cells around some centers: halfway to the next ones."""
    if len(centers) == 1:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    middles = (centers[1:] + centers[:-1]) / 2
    return np.concatenate([[2 * centers[0] - middles[0]], middles, [2 * centers[-1] - middles[-1]]])
