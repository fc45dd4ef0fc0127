"""Figures of training: activations, curves, updates, the flow of gradients, paths of optimizers.

As seaborn's, each function takes the axes to draw on, makes them if there are none, and returns
them, so that figures are put together and changed with matplotlib itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, PowerNorm
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tinygrad_edu.nn import activations as known
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import grad
from tinygrad_edu.viz.axes import GRAY, INK, LINES, Array, Grid, figure_of, new_ax, new_axes, tidy

__all__ = [
    "activation_curve",
    "activation_curves",
    "activation_histograms",
    "gradient_flow",
    "loss_surface",
    "training_curves",
    "update_grid",
]

# --------------------------------------------------------------------------------------
# Activations
# --------------------------------------------------------------------------------------


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

    Examples
    --------
    >>> from tinygrad_edu.viz import figures
    >>> ax = figures.activation_curve("tanh")
    >>> f, slope = ax.lines
    >>> ax.get_title(), slope.get_ydata().max().item()
    ('tanh', 1.0)
    """
    f = known.find(activation)
    ax = new_ax(ax, (4.2, 3.2))
    x = np.linspace(*span, 1001)
    ax.plot(x, f(x), color=LINES[0], linewidth=2.2, label="f(x)")
    slope = grad(lambda t: f(t).sum())(x)
    ax.plot(x, slope, color=LINES[1], linewidth=2.2, linestyle=(0, (4, 1.5)), label="f ′(x)")
    ax.set(xlabel="x", title=getattr(f, "__name__", "activation"), xlim=span)
    ax.legend(frameon=False, loc="upper left")
    tidy(ax)
    return ax


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
    >>> from tinygrad_edu.viz import figures
    >>> axes = figures.activation_curves(["sigmoid", "tanh", "relu"])
    >>> axes.shape, axes[0, 2].get_title()
    ((1, 3), 'relu')
    """
    activations = list(activations)
    columns = min(columns, len(activations))
    rows = -(-len(activations) // columns)
    grid = new_axes(axes, rows, columns, (3.1, 2.7))
    for ax in grid.flat[len(activations) :]:
        ax.set_visible(False)
    for ax, activation in zip(grid.flat, activations, strict=False):
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
        The time of each array, evenly spaced; 0, 1, 2, ... by default.
    bins : int, optional
        The number of bins of a histogram.
    margin : float, optional
        How close to a limit is saturated, as a fraction of the distance between 0 and 1.

    Returns
    -------
    array of Axes
        Of shape (2, layers).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.viz import figures
    >>> h = np.tanh(np.random.default_rng(0).normal(0, [[[1]], [[3]], [[9]]], (3, 100, 4)))
    >>> axes = figures.activation_histograms({"layer 1": h})
    >>> saturated = axes[1, 0].lines[0]
    >>> saturated.get_ydata().round(2)
    array([0.03, 0.45, 0.78])
    """
    layers = {name: np.asarray(values, float) for name, values in activations.items()}
    grid = new_axes(
        axes, 2, len(layers), (2.6, 2.3), sharex=True, sharey="row", height_ratios=(1.6, 1)
    )
    finite = np.concatenate([v[np.isfinite(v)] for v in layers.values()])
    low, high = LIMITS.get(activation, (np.inf, -np.inf))
    edges = np.linspace(
        min(finite.min(initial=0), low if np.isfinite(low) else 0),
        max(finite.max(initial=0), high if np.isfinite(high) else 0) or 1,
        bins + 1,
    )
    mesh = None
    for (name, values), (above, below) in zip(layers.items(), grid.T, strict=True):
        time = np.arange(len(values)) if steps is None else np.asarray(steps, float)
        share = np.array([np.histogram(v, edges)[0] / v.size for v in values])
        mesh = above.pcolormesh(
            _edges(time),
            edges,
            share.T,
            cmap="cividis",
            norm=PowerNorm(0.5, 0, 0.25),
            rasterized=True,
        )
        near = (values <= low + margin) | (values >= high - margin)
        curves = {"saturated outputs": near.mean(axis=(1, 2))} if activation in LIMITS else {}
        curves["dead units"] = (values == 0).all(axis=1).mean(axis=1)
        for (label, curve), color in zip(curves.items(), LINES[1::-1], strict=False):
            below.plot(time, curve, color=color, linewidth=2, label=label)
        above.set_title(name)
        below.set(xlabel="step", ylim=(-0.03, 1.03))
        below.yaxis.set_major_formatter(PercentFormatter(1))
        below.xaxis.set_major_locator(MaxNLocator(3))
        tidy(below)
    grid[0, 0].set_ylabel("output")
    grid[1, 0].set_ylabel("fraction")
    grid[1, 0].legend(frameon=False, fontsize="small")
    figure_of(grid[0, 0]).colorbar(
        mesh, ax=list(grid[0]), label="share of outputs", format=PercentFormatter(1), extend="max"
    )
    return grid


def _edges(centers: Array) -> Array:
    """The edges of the cells around evenly spaced centers."""
    step = centers[1] - centers[0] if len(centers) > 1 else 1
    return np.append(centers, centers[-1] + step) - step / 2


# --------------------------------------------------------------------------------------
# Training
# --------------------------------------------------------------------------------------


def training_curves(
    history: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    log: bool = False,
) -> Axes:
    """Draw loss, accuracy and the like over the epochs.

    What is called an accuracy has the axis on the right, in percent; all else has that on the left.

    Parameters
    ----------
    history : mapping of str to sequence, or iterable of mappings
        A sequence of numbers for each name; or a record of each epoch.
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    names : sequence of str, optional
        What to draw; by default whatever is called a loss or an accuracy, or else everything.
    log : bool, optional
        Whether the axis on the left is logarithmic.

    Returns
    -------
    Axes
        That on the left.

    Raises
    ------
    ValueError
        If the history does not have what is to be drawn.

    Examples
    --------
    >>> from tinygrad_edu.viz import figures
    >>> ax = figures.training_curves({"loss": [0.7, 0.4, 0.3], "accuracy": [0.5, 0.8, 0.9]})
    >>> [line.get_label() for line in ax.lines], ax.get_xlabel()
    (['loss'], 'epoch')
    """
    series = _series(history)
    if names is None:
        names = [name for name in series if _is(name, "loss") or _is(name, "accuracy")]
    names = list(names) or list(series)
    if missing := [name for name in names if name not in series]:
        raise ValueError(f"no {', '.join(missing)} in the history; it has {', '.join(series)}")
    ax = new_ax(ax)
    right = None
    for name, color in zip(names, cycle(LINES), strict=False):
        if _is(name, "accuracy") and right is None and not all(_is(n, "accuracy") for n in names):
            right = ax.twinx()
            right.spines["top"].set_visible(False)
        where = right if right is not None and _is(name, "accuracy") else ax
        time = np.asarray(series.get("epoch", range(len(series[name]))))
        style = "--" if _is(name, "val") else "-"
        where.plot(time, series[name], style, color=color, linewidth=2, label=name)
    tidy(ax)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if log:
        ax.set_yscale("log")
    percent = right if right is not None else ax if _is(names[0], "accuracy") else None
    if percent is not None:
        percent.yaxis.set_major_formatter(PercentFormatter(1))
        percent.set_ylabel("accuracy")
    if right is not None:
        right.spines["right"].set_visible(True)
    left = [name for name in names if percent is not ax and not _is(name, "accuracy")]
    if left:
        ax.set_ylabel(left[0] if len(left) == 1 else "loss" if _is(left[0], "loss") else "value")
    lines = [*ax.lines, *(right.lines if right is not None else ())]
    if len(lines) > 1:
        # below the axes, where no curve runs
        ax.legend(
            lines,
            [str(line.get_label()) for line in lines],
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            ncols=min(4, len(lines)),
            frameon=False,
        )
    return ax


def _series(history: Any) -> dict[str, list[float]]:
    if isinstance(history, Mapping):  # what is reported for each layer is a dict itself
        return {name: list(v) for name, v in history.items() if not isinstance(v, Mapping)}
    records = [record._asdict() if hasattr(record, "_asdict") else record for record in history]
    names = dict.fromkeys(name for record in records for name in record)
    number = (int, float, np.number)
    return {
        name: [record.get(name, np.nan) for record in records]
        for name in names
        if all(isinstance(record.get(name, np.nan), number) for record in records)
    }


def _is(name: str, kind: str) -> bool:
    return kind in name.lower()


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

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.viz import figures
    >>> axes = figures.update_grid({"W": np.zeros((10, 2, 2)), "b": np.zeros((10, 2))})
    >>> axes.shape, axes[0, 1].get_title(), axes[1, 2].get_title()
    ((2, 3), 'W[0, 1]', 'b[1]')
    """
    curves = {
        f"{name}{list(index) or ''}": values[(slice(None), *index)]
        for name, values in ((name, np.asarray(values)) for name, values in updates.items())
        for index in np.ndindex(values.shape[1:])
    }
    rows = -(-len(curves) // columns)
    grid = new_axes(axes, rows, columns, (2.9, 1.55), sharex=True)
    owners = list(updates)
    for ax in grid.flat[len(curves) :]:
        ax.set_visible(False)
    for ax, (title, curve) in zip(grid.flat, curves.items(), strict=False):
        color = LINES[owners.index(title.split("[")[0]) % len(LINES)]
        time = np.arange(1, len(curve) + 1) if steps is None else steps
        ax.axhline(0, color=GRAY, linewidth=0.8)
        ax.plot(time, curve, color=color, linewidth=1.8)
        ax.set_title(title, fontsize="medium")
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

    Examples
    --------
    >>> from tinygrad_edu.viz import figures
    >>> ax = figures.gradient_flow({"W1": [1e-4, 1e-3], "W2": [1e-2, 1e-1]})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['W1', 'W2']
    """
    if isinstance(norms, Mapping):
        labels, values = list(norms), np.array(list(norms.values()), float)
    else:
        values = np.asarray(norms, float).T
        labels = [f"layer {i + 1}" for i in range(len(values))]
    time = np.arange(values.shape[1]) if steps is None else np.asarray(steps, float)
    ax = new_ax(ax, (6.4, 0.9 + 0.3 * len(labels)))
    positive = values[np.isfinite(values) & (values > 0)]
    low, high = limits or (positive.min(initial=1.0), positive.max(initial=0.0) or 1.0)
    cmap = colormaps["inferno"].with_extremes(bad="#c9ced6")
    mesh = ax.pcolormesh(
        _edges(time),
        np.arange(len(labels) + 1) - 0.5,
        np.ma.masked_where(~(values > 0), values),
        norm=LogNorm(low, max(high, low * 10)),
        cmap=cmap,
        rasterized=True,
    )
    ax.set_facecolor("#c9ced6")
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xlabel="step", title="norm of the gradient")
    ax.xaxis.set_major_locator(MaxNLocator(5))
    figure_of(ax).colorbar(mesh, ax=ax, pad=0.02)
    return ax


# --------------------------------------------------------------------------------------
# Optimizers
# --------------------------------------------------------------------------------------


def loss_surface(
    loss: Callable[[Any, Any], Any],
    optimizers: Mapping[str, Callable[[list[Tensor]], Optimizer]],
    start: tuple[float, float],
    ax: Axes | None = None,
    *,
    steps: int = 100,
    span: tuple[tuple[float, float], tuple[float, float]] = ((-2.0, 2.0), (-2.0, 2.0)),
) -> Axes:
    """Let several optimizers go downhill on one loss of two numbers, and draw their paths.

    Parameters
    ----------
    loss : callable
        A function of two Tensors x and y that works element by element.
    optimizers : mapping of str to callable
        For each name a function that makes an optimizer of a list of parameters.
    start : tuple of float
        Where all begin.
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    steps : int, optional
        How many steps each takes.
    span : pair of tuples of float, optional
        The part of the plane that is drawn, as ((x0, x1), (y0, y1)).

    Returns
    -------
    Axes
        With contours of the loss, and a line for each optimizer.

    Examples
    --------
    >>> from functools import partial
    >>> from tinygrad_edu import optim
    >>> from tinygrad_edu.viz import figures
    >>> ax = figures.loss_surface(
    ...     lambda x, y: x**2 + 10 * y**2,
    ...     {"SGD": partial(optim.SGD, lr=0.05), "Adam": partial(optim.Adam, lr=0.1)},
    ...     start=(-1.5, 1.0),
    ... )
    >>> path = ax.lines[0].get_xydata()
    >>> path.shape, abs(path[-1]).max() < 0.01
    ((101, 2), np.True_)
    """
    ax = new_ax(ax, (6.2, 4.6))
    (x0, x1), (y0, y1) = span
    x, y = np.meshgrid(np.linspace(x0, x1, 200), np.linspace(y0, y1, 200))
    height = np.asarray(loss(x, y))
    levels = np.quantile(height, np.linspace(0, 1, 20) ** 1.5)  # closer where it is low
    ax.contourf(x, y, height, np.unique(levels), cmap="Greys", alpha=0.55)
    ax.contour(x, y, height, np.unique(levels), colors=GRAY, linewidths=0.5, alpha=0.6)
    for (name, make), color, mark in zip(
        optimizers.items(), cycle(LINES), cycle("os^Dvp*"), strict=False
    ):
        path = _descend(loss, make, start, steps)
        ax.plot(
            *path.T,
            color=color,
            marker=mark,
            markersize=5,
            markevery=max(1, steps // 12),
            markeredgecolor="white",
            markeredgewidth=0.6,
            linewidth=2,
            label=f"{name} ({loss(*path[-1]):.2g})",
        )
    ax.plot(*start, marker="X", color=INK, markersize=10, markeredgecolor="white", label="_start")
    ax.annotate("start", start, xytext=(-10, -16), textcoords="offset points", fontsize="small")
    ax.set(xlabel="x", ylabel="y", xlim=(x0, x1), ylim=(y0, y1))
    ax.legend(title=f"loss after {steps} steps", fontsize="small", framealpha=0.9)
    return ax


def _descend(
    loss: Callable[[Any, Any], Any],
    make: Callable[[list[Tensor]], Optimizer],
    start: tuple[float, float],
    steps: int,
) -> Array:
    """Where an optimizer was, before the first and after each step."""
    position = [Tensor(float(value), requires_grad=True) for value in start]
    optimizer = make(position)
    path = [start]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(*position).backward()
        optimizer.step()
        path.append((position[0].item(), position[1].item()))
    return np.array(path)
