"""Figures of what moves the parameters of a network: their updates, and their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.figures.axes import (
    GRAY,
    LINES,
    Grid,
    cell_edges,
    figure_of,
    new_ax,
    new_grid,
    tidy,
)
from tinygrad_edu.viz.figures.checks import floats, mapping, times

__all__ = ["gradient_flow", "update_grid"]

NO_NORM = "#c9ced6"


def update_grid(
    updates: Mapping[str, Any],
    axes: Any = None,
    *,
    columns: int = 3,
    steps: Sequence[float] | None = None,
) -> Grid:
    """Draw the updates of every single parameter over time, each on axes of its own.

    Parameters
    ----------
    updates : mapping of str to array_like
        For each Tensor an array of the shape of its own, with the steps in front: what was added.
    axes : array of Axes, optional
        Where to draw, one for each number; on a new figure if there are none.
    columns : int, optional
        How many stand in a row.
    steps : sequence of float, optional
        The time of each update; 1, 2, 3, ... by default.

    Returns
    -------
    array of Axes
        With one line each; places left over are invisible.

    Raises
    ------
    ValueError
        If the numbers of steps differ, or there are more numbers than can be looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import viz
    >>> axes = viz.update_grid({"W": np.zeros((10, 2, 2)), "b": np.zeros((10, 2))})
    >>> axes.shape, axes[0, 1].get_title(), axes[1, 2].get_title()
    ((2, 3), 'W[0, 1]', 'b[1]')
    """
    arrays = {
        name: array_of(changes, float)
        for name, changes in mapping("updates", updates, "arrays").items()
    }
    lengths = {name: len(changes) if changes.ndim else 0 for name, changes in arrays.items()}
    if 0 in lengths.values() or len(set(lengths.values())) > 1:
        shapes = {name: changes.shape for name, changes in arrays.items()}
        raise ValueError(
            f"every array of updates has the same number of steps in front; got {shapes}"
        )
    time = times(steps, min(lengths.values()), first=1)
    colors = dict(zip(arrays, cycle(LINES), strict=False))
    places = [(name, index) for name in arrays for index in np.ndindex(arrays[name].shape[1:])]
    if not places:
        raise ValueError("updates must be those of at least one number; got only empty arrays")
    grid = new_grid(axes, len(places), columns, (2.9, 1.55), sharex=True)
    for ax, (name, index) in zip(grid.flat, places, strict=False):
        ax.axhline(0, color=GRAY, linewidth=0.8)
        ax.plot(time, arrays[name][(slice(None), *index)], color=colors[name], linewidth=1.8)
        ax.set_title(f"{name}{list(index) or ''}", fontsize="medium")
        ax.ticklabel_format(axis="y", scilimits=(-2, 3))
        ax.yaxis.set_major_locator(MaxNLocator(3))
        tidy(ax)
    for column in grid.T:
        lowest = [ax for ax in column if ax.get_visible()][-1]
        lowest.set_xlabel("step")
        lowest.tick_params(labelbottom=True)
    for ax in grid[:, 0]:
        ax.set_ylabel("update")
    return grid


def gradient_flow(
    norms: Mapping[str, Any] | Any,
    ax: Axes | None = None,
    *,
    steps: Sequence[float] | None = None,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw the norm of the gradient of every layer over time, as a heat map on a log scale.

    The first layer is at the bottom: where gradients vanish on their way down, it is dark. A norm
    of 0, which has no logarithm, is gray.

    Parameters
    ----------
    norms : mapping of str to sequence, or array_like of shape (steps, layers)
        The norms of each layer, the first one first.
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    steps : sequence of float, optional
        The time of each row, in ascending order; 0, 1, 2, ... by default.
    limits : tuple of float, optional
        The norms at the ends of the color bar; those of the data by default.

    Returns
    -------
    Axes
        With one heat map, and a color bar beside it.

    Raises
    ------
    ValueError
        If the numbers of norms differ, or the limits are none.

    Examples
    --------
    >>> from tinygrad_edu import viz
    >>> ax = viz.gradient_flow({"W1": [1e-4, 1e-3], "W2": [1e-2, 1e-1]})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['W1', 'W2']
    """
    layers = norms
    if not isinstance(norms, Mapping):
        array = floats("norms", norms, "steps", "layers")
        layers = {f"layer {i}": column for i, column in enumerate(array.T, start=1)}
    rows = {
        name: floats(f"the norms of {name}", row, "steps")
        for name, row in mapping("norms", layers, "norms").items()
    }
    if len({len(row) for row in rows.values()}) > 1:
        counts = {name: len(row) for name, row in rows.items()}
        raise ValueError(f"every layer needs the same number of norms; got {counts}")
    image = np.stack(list(rows.values()))
    time = times(steps, image.shape[1])
    scale = _log_scale(image, limits)
    ax = new_ax(ax, (6.4, 0.9 + 0.3 * len(rows)))
    mesh = ax.pcolormesh(
        cell_edges(time),
        np.arange(len(rows) + 1) - 0.5,
        np.ma.masked_where(~(image > 0), image),
        norm=scale,
        cmap=colormaps["inferno"].with_extremes(bad=NO_NORM),
        rasterized=True,
    )
    ax.set_facecolor(NO_NORM)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xlabel="step", title="norm of the gradient")
    ax.xaxis.set_major_locator(MaxNLocator(5))
    figure_of(ax).colorbar(mesh, ax=ax, pad=0.02)
    return ax


def _log_scale(image: Array, limits: tuple[float, float] | None) -> LogNorm:
    """The scale of the color bar, over a factor of ten at least."""
    if limits is None:
        positive = image[np.isfinite(image) & (image > 0)]
        low, high = (positive.min(), positive.max()) if positive.size else (0.1, 1.0)
        return LogNorm(low, max(high, low * 10))
    if np.size(limits) != 2 or not 0 < limits[0] < limits[1]:
        raise ValueError(f"limits must be two norms, 0 < low < high; got {limits!r}")
    return LogNorm(*limits)
