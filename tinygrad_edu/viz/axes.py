"""What the figures share: where to draw, and colors that color-blind readers tell apart."""

from __future__ import annotations

from typing import Any, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

__all__ = ["CLASSES", "GRAY", "INK", "LINES", "Array", "Grid", "figure_of", "new_ax", "new_axes"]
__all__ += ["tidy"]

Array: TypeAlias = NDArray[Any]
Grid: TypeAlias = NDArray[Any]
"""An array of `matplotlib.axes.Axes`."""

LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's colors; first those that are read best as lines."""

CLASSES = ("#b2182b", "#2166ac", "#e69f00", "#117a5b", "#8a5a9e", "#555555")
"""One color for each class; of two classes, the ends of the map RdBu."""

INK, GRAY = "#1f2328", "#6b7280"


def new_ax(ax: Axes | None, figsize: tuple[float, float] = (5.6, 3.8)) -> Axes:
    """The axes that were given, or those of a new figure."""
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax


def new_axes(axes: Any, rows: int, columns: int, size: tuple[float, float], **options: Any) -> Grid:
    """The axes that were given, as an array of that shape, or those of a new figure."""
    if axes is None:
        figsize = (columns * size[0], rows * size[1])
        return np.asarray(
            plt.figure(figsize=figsize, layout="constrained").subplots(
                rows, columns, squeeze=False, **options
            )
        )
    given = np.array(axes, dtype=object)
    if given.size != rows * columns:
        raise ValueError(f"this figure needs {rows} x {columns} axes; got {given.size}")
    return given.reshape(rows, columns)


def figure_of(ax: Axes) -> Any:
    """The figure in which the axes stand; of a subfigure, the whole one."""
    return ax.get_figure(root=True)


def tidy(ax: Axes) -> None:
    """Leave out two of four spines, and draw a grid that stays behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#000000", alpha=0.1, linewidth=0.8)
    ax.set_axisbelow(True)
