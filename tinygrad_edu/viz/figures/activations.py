"""Figures of activations: their curves, and how they saturate and die in training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import PowerNorm
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tinygrad_edu.context import no_grad
from tinygrad_edu.nn import activations as known
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import vjp
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.figures.axes import (
    LINES,
    Grid,
    cell_edges,
    figure_of,
    new_ax,
    new_axes,
    new_grid,
    tidy,
)
from tinygrad_edu.viz.figures.checks import floats, mapping, times

__all__ = ["activation_curve", "activation_curves", "activation_histograms"]


def activation_curve(
    activation: str | Callable[[Any], Any],
    ax: Axes | None = None,
    *,
    span: tuple[float, float] = (-5.0, 5.0),
) -> Axes:
    """Draw an activation with its derivative, which the library computes.

    Parameters
    ----------
    activation : str or callable
        A name in `tinygrad_edu.nn.activations.ACTIVATIONS`, or a function of a Tensor that works
        element by element.
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    span : tuple of float, optional
        The first and the last x.

    Returns
    -------
    Axes
        With two lines: the function, and its derivative.

    Raises
    ------
    ValueError
        If the activation is unknown, or does not work element by element.

    Examples
    --------
    >>> from tinygrad_edu import viz
    >>> ax = viz.activation_curve("tanh")
    >>> f, slope = ax.lines
    >>> ax.get_title(), slope.get_ydata().max().item()
    ('tanh', 1.0)
    """
    f = known.find(activation)
    low, high = _span(span)
    x = np.linspace(low, high, 1001)
    y, slope = _evaluate(f, x)
    ax = new_ax(ax, (4.2, 3.2))
    ax.plot(x, y, color=LINES[0], linewidth=2.2, label="f(x)")
    ax.plot(x, slope, color=LINES[1], linewidth=2.2, linestyle=(0, (4, 1.5)), label="f ′(x)")
    ax.set(xlabel="x", title=getattr(f, "__name__", type(f).__name__), xlim=(low, high))
    ax.legend(frameon=False, loc="upper left")
    tidy(ax)
    return ax


def _span(span: Any) -> tuple[float, float]:
    low, high = floats("span", span, "2") if np.size(span) == 2 else (0, 0)
    if not low < high:
        raise ValueError(f"span must be the first and the last x, as (-5, 5); got {span!r}")
    return float(low), float(high)


def _evaluate(f: Callable[[Any], Any], x: Array) -> tuple[Array, Array]:
    """A function and its derivative."""
    with no_grad():
        y, every_other = f(Tensor(x)), f(Tensor(x[::2]))
    if not isinstance(y, Tensor):
        raise TypeError(
            f"an activation returns a Tensor if it is given one; got {type(y).__name__}"
        )
    if y.shape != x.shape:
        raise ValueError(f"of {x.shape} an activation returns the same shape; got {y.shape}")
    if not np.allclose(every_other.data, y.data[::2], equal_nan=True):
        raise ValueError(
            "a curve can be drawn of a function that works element by element; what this one "
            "makes of an element depends on the others"
        )
    with no_grad():  # arrays, although f may have parameters
        return y.data, vjp(f, x)[1](np.ones_like(x))


def activation_curves(
    activations: Iterable[str | Callable[[Any], Any]],
    axes: Any = None,
    *,
    columns: int = 4,
    span: tuple[float, float] = (-5.0, 5.0),
) -> Grid:
    """Draw several activations with their derivatives, side by side.

    Parameters
    ----------
    activations : iterable of str or callable
        As that of `activation_curve`.
    axes : array of Axes, optional
        Where to draw, one for each; on a new figure if there are none.
    columns : int, optional
        How many stand in a row.
    span : tuple of float, optional
        The first and the last x.

    Returns
    -------
    array of Axes
        One row of the figure in each row; places left over are invisible.

    Examples
    --------
    >>> from tinygrad_edu import viz
    >>> axes = viz.activation_curves(["sigmoid", "tanh", "relu"])
    >>> axes.shape, axes[0, 2].get_title()
    ((1, 3), 'relu')
    """
    chosen = [activations] if isinstance(activations, str) else list(activations)
    if not chosen:
        raise ValueError("there must be an activation to draw; got none")
    grid = new_grid(axes, len(chosen), columns, (3.1, 2.7))
    for ax, activation in zip(grid.flat, chosen, strict=False):
        activation_curve(activation, ax, span=span)
        if ax is not grid[0, 0]:
            ax.get_legend().remove()  # one says it for all
    return grid


LIMITS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "elu": (-1.0, np.inf)}
"""Where activations saturate; the rectifiers are flat only at 0, where they are dead."""


def activation_histograms(
    activations: Mapping[str, Any],
    axes: Any = None,
    *,
    activation: str = "tanh",
    steps: Sequence[float] | None = None,
    bins: int = 50,
    margin: float = 0.02,
) -> Grid:
    """Draw how the outputs of every layer are distributed, over time.

    Above, for each layer, the histogram at each step as a column of a heat map. Below, the
    fraction of the outputs that are saturated (within a margin of a limit of the activation), and
    of the units that are dead (0 for every sample).

    Parameters
    ----------
    activations : mapping of str to array_like
        For each layer an array of shape (steps, samples, units).
    axes : array of Axes, optional
        Where to draw, two for each layer; on a new figure if there are none.
    activation : str, optional
        The name of the activation, from which its limits follow.
    steps : sequence of float, optional
        The time of each array, in ascending order; 0, 1, 2, ... by default.
    bins : int, optional
        The number of bins of a histogram.
    margin : float, optional
        How close to a limit is saturated, as a fraction of the distance between 0 and 1.

    Returns
    -------
    array of Axes
        Of shape (2, layers).

    Raises
    ------
    ValueError
        If an array has no such shape, the numbers of steps differ, or the activation is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import viz
    >>> h = np.tanh(np.random.default_rng(0).normal(0, [[[1]], [[3]], [[9]]], (3, 100, 4)))
    >>> axes = viz.activation_histograms({"layer 1": h})
    >>> saturated = axes[1, 0].lines[0]
    >>> saturated.get_ydata().round(2)
    array([0.03, 0.45, 0.78])
    """
    known.find(activation)
    layers = {
        name: floats(f"the outputs of {name}", outputs, "steps", "samples", "units")
        for name, outputs in mapping("activations", activations, "outputs").items()
    }
    if len({len(outputs) for outputs in layers.values()}) > 1:
        counts = {name: len(outputs) for name, outputs in layers.items()}
        raise ValueError(f"every layer needs the same number of steps; got {counts}")
    time = times(steps, len(next(iter(layers.values()))))
    edges = _bin_edges(list(layers.values()), LIMITS.get(activation, ()), bins)
    grid = new_axes(
        axes,
        2,
        len(layers),
        (2.4, 2.3),
        beside=1.2,
        sharex=True,
        sharey="row",
        height_ratios=(1.6, 1),
    )
    meshes = []
    for (name, outputs), (above, below) in zip(layers.items(), grid.T, strict=True):
        above.set_title(name)
        meshes.append(_draw_histograms(above, time, edges, outputs))
        curves = {}
        if activation in LIMITS:
            curves["saturated outputs"] = _saturated(outputs, *LIMITS[activation], margin)
        curves["dead units"] = (outputs == 0).all(axis=1).mean(axis=1)
        _draw_fractions(below, time, curves)
    grid[0, 0].set_ylabel("output")
    grid[1, 0].set_ylabel("fraction")
    grid[1, 0].legend(frameon=False, fontsize="small")
    figure_of(grid[0, 0]).colorbar(
        meshes[-1],
        ax=list(grid[0]),
        label="share of outputs",
        format=PercentFormatter(1, decimals=0),
        extend="max",
    )
    return grid


def _bin_edges(layers: list[Array], limits: tuple[float, ...], bins: int) -> Array:
    """The edges of bins from the smallest to the largest output; those have 0 and the limits."""
    if bins < 1:
        raise ValueError(f"bins must be at least 1; got {bins}")
    every = np.concatenate([[0.0], limits, *(outputs.ravel() for outputs in layers)])
    every = every[np.isfinite(every)]
    return np.linspace(every.min(), every.max() or 1.0, bins + 1)


def _draw_histograms(ax: Axes, time: Array, edges: Array, outputs: Array) -> QuadMesh:
    share = np.array([np.histogram(now, edges)[0] / now.size for now in outputs])
    return ax.pcolormesh(
        cell_edges(time),
        edges,
        share.T,
        cmap="cividis",
        norm=PowerNorm(0.5, 0, 0.25),
        rasterized=True,
    )


def _draw_fractions(ax: Axes, time: Array, curves: Mapping[str, Array]) -> None:
    for (label, curve), color in zip(curves.items(), LINES[1::-1], strict=False):
        ax.plot(time, curve, color=color, linewidth=2, label=label)
    ax.set(xlabel="step", ylim=(-0.03, 1.03))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.xaxis.set_major_locator(MaxNLocator(3))
    tidy(ax)


def _saturated(outputs: Array, low: float, high: float, margin: float) -> Array:
    """The fraction of the outputs that are close to a limit, at each step."""
    near = (outputs <= low + margin) | (outputs >= high - margin)
    return np.asarray(near.mean(axis=(1, 2)))
