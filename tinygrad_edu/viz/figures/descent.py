"""Paths of optimizers, on their way down the surface of a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from tinygrad_edu.optim import Optimizer
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.figures.axes import GRAY, INK, LINES, new_ax
from tinygrad_edu.viz.figures.checks import mapping

__all__ = ["loss_surface"]


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

    Raises
    ------
    ValueError
        If the loss does not work element by element.
    TypeError
        If the loss returns no Tensor, or what should make an optimizer is no function.

    Examples
    --------
    >>> from functools import partial
    >>> from tinygrad_edu import optim
    >>> from tinygrad_edu import viz
    >>> ax = viz.loss_surface(
    ...     lambda x, y: x**2 + 10 * y**2,
    ...     {"SGD": partial(optim.SGD, lr=0.05), "Adam": partial(optim.Adam, lr=0.1)},
    ...     start=(-1.5, 1.0),
    ... )
    >>> path = ax.lines[0].get_xydata()
    >>> path.shape, abs(path[-1]).max() < 0.01
    ((101, 2), np.True_)
    """
    makers = mapping("optimizers", optimizers, "functions that make an optimizer")
    for name, make in makers.items():
        if not callable(make):
            raise TypeError(
                "optimizers must be functions that make an optimizer of a list of parameters, as "
                f"functools.partial(optim.SGD, lr=0.1); got {type(make).__name__} for {name!r}"
            )
    if np.shape(start) != (2,):
        raise ValueError(f"start must be a pair of numbers; got {start!r}")
    if np.shape(span) != (2, 2):
        raise ValueError(f"span must be ((x0, x1), (y0, y1)); got {span!r}")
    if steps < 0:
        raise ValueError(f"steps must not be negative; got {steps}")
    with np.errstate(all="ignore"):  # a path may diverge; it is drawn as far as it is finite
        paths = {name: _descend(loss, make, start, steps) for name, make in makers.items()}
        ends = {name: float(loss(*path[-1])) for name, path in paths.items()}
        x, y = np.meshgrid(*(np.linspace(low, high, 200) for low, high in span))
        height = array_of(loss(x, y))
    if height.shape != x.shape:
        raise ValueError(
            "the loss must work element by element, so that it can be drawn; of arrays of shape "
            f"{x.shape} it returned {height.shape}"
        )
    ax = new_ax(ax, (6.2, 5.2))
    _draw_contours(ax, x, y, height)
    widths = np.linspace(5.0, 1.5, len(paths))  # one that lies on another leaves its edges free
    looks = zip(paths, widths, cycle(LINES), cycle("os^Dvp*"), strict=False)
    for name, width, color, mark in looks:
        ax.plot(
            *paths[name].T,
            color=color,
            marker=mark,
            markersize=5,
            markevery=max(1, steps // 12),
            markeredgecolor="white",
            markeredgewidth=0.6,
            linewidth=width,
            label=f"{name} ({ends[name]:.2g})",
        )
    ax.plot(*start, marker="X", color=INK, markersize=10, markeredgecolor="white", label="_start")
    ax.annotate("start", start, xytext=(-10, -16), textcoords="offset points", fontsize="small")
    ax.set(xlabel="x", ylabel="y", xlim=span[0], ylim=span[1])
    ax.legend(
        title=f"loss after {steps} steps",
        fontsize="small",
        loc="upper center",
        bbox_to_anchor=(0.5, -0.12),  # below the axes, where no path runs
        ncols=2,
        frameon=False,
    )
    return ax


def _draw_contours(ax: Axes, x: Array, y: Array, height: Array) -> None:
    """Draw a surface from above, with contours that are closer where it is low."""
    finite = height[np.isfinite(height)]
    if finite.size == 0 or finite.min() == finite.max():
        return  # there is nothing to see
    levels = np.unique(np.quantile(finite, np.linspace(0, 1, 20) ** 1.5))
    ax.contourf(x, y, height, levels, cmap="Greys", alpha=0.55)
    ax.contour(x, y, height, levels, colors=GRAY, linewidths=0.5, alpha=0.6)


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
        here = loss(*position)
        if not isinstance(here, Tensor):
            raise TypeError(
                f"the loss must return a Tensor if it is given two; got {type(here).__name__}"
            )
        here.backward()
        try:
            optimizer.step()
        except FloatingPointError:  # it diverged; the path ends here
            break
        path.append((position[0].item(), position[1].item()))
    return np.array(path)
