"""The plane around some points: functions on it as images, with the points on top."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage

from tinygrad_edu import ops
from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.figures.axes import CLASSES, INK
from tinygrad_edu.viz.figures.checks import floats

__all__ = [
    "Plane",
    "draw_boundary",
    "draw_image",
    "points_and_labels",
    "probability",
    "scatter",
]

MARKS = "osD^vPX"  # one more than there are colors: more classes still differ in one of both


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
    axes : tuple of ndarray
        The grid points along each side.
    points : ndarray
        The grid points, of shape (resolution**2, 2), row by row.
    """

    extent: tuple[float, float, float, float]
    axes: tuple[Array, Array]
    points: Array

    def __init__(self, X: Any, resolution: int = 200, margin: float = 0.08) -> None:
        points = _points(X)
        if resolution < 2:
            raise ValueError(f"resolution must be at least 2 points a side; got {resolution}")
        low, high = points.min(axis=0), points.max(axis=0)
        around = np.where(high > low, margin * (high - low), 0.5)  # some width, also for a line
        (x0, y0), (x1, y1) = low - around, high + around
        self.extent = (float(x0), float(x1), float(y0), float(y1))
        self.axes = np.linspace(x0, x1, resolution), np.linspace(y0, y1, resolution)
        self.points = np.stack(np.meshgrid(*self.axes), axis=-1).reshape(-1, 2)

    def image(self, values: Array) -> Array:
        """The values at the grid points as an image, its origin below."""
        columns, rows = map(len, self.axes)
        return values.reshape(rows, columns, *values.shape[1:])


def _points(X: Any) -> Array:
    points = floats("points of the plane", X, "n", "2")
    if points.shape[1] != 2:
        raise ValueError(f"points of the plane must have the shape (n, 2); got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points of the plane must be finite; some are nan or inf")
    return points


def points_and_labels(X: Any, y: Any) -> tuple[Array, Array]:
    """Data to be drawn: points of shape (n, 2), and the label of each."""
    points, labels = _points(X), array_of(y)
    if labels.shape != (len(points),):
        raise ValueError(
            f"every point has one label; got {len(points)} points, and labels of shape "
            f"{labels.shape}"
        )
    return points, labels


def scatter(ax: Axes, X: Array, y: Array, size: Any = 22.0, classes: int = 2) -> None:
    """Draw points, each class in its color and with its mark."""
    for label, c in _numbered(y, classes).items():
        chosen = y == label
        ax.scatter(
            X[chosen, 0],
            X[chosen, 1],
            s=np.broadcast_to(size, len(X))[chosen],
            color=CLASSES[c % len(CLASSES)],
            marker=MARKS[c % len(MARKS)],
            edgecolors="white",
            linewidths=0.5 if np.max(size) > 12 else 0.3,
            label=str(label),
        )


def _numbered(y: Array, classes: int) -> dict[Any, int]:
    """The number of each label: itself if it is that of a class, so that none may be missing."""
    labels = np.unique(y)
    numbers = set(range(classes))
    if numbers.issuperset(labels.tolist()):
        return {label: int(label) for label in labels}
    return {label: i for i, label in enumerate(labels)}


def draw_image(
    ax: Axes,
    image: Array,
    plane: Plane,
    cmap: str | Colormap = "RdBu",
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


def draw_boundary(ax: Axes, height: Array, plane: Plane, linewidth: float = 1.2) -> None:
    """Draw where an image of the plane is 0, if it is anywhere."""
    if height.min() < 0 < height.max():
        ax.contour(*plane.axes, height, [0.0], colors=INK, linewidths=linewidth)


def probability(logits: Array) -> Array:
    """The logistic function of an array."""
    return array_of(ops.sigmoid(logits))
