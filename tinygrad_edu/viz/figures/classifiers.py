"""Figures of classifiers of points in the plane: where they decide what, and where they err."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb

from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.figures.axes import CLASSES, new_ax
from tinygrad_edu.viz.figures.neurons import in_use
from tinygrad_edu.viz.figures.plane import (
    Plane,
    draw_boundary,
    draw_image,
    points_and_labels,
    probability,
    scatter,
)

__all__ = ["decision_boundary", "error_scatter"]


def decision_boundary(
    f: Callable[[Any], Any],
    X: Any,
    y: Any,
    ax: Axes | None = None,
    *,
    logits: bool = False,
    resolution: int = 200,
) -> Axes:
    """Draw where a classifier decides for which class, with the data on top.

    Parameters
    ----------
    f : callable
        Takes points of shape (n, 2); returns, as an array or a Tensor, the probability of the
        second of two classes in shape (n,) or (n, 1), or the scores of all in shape (n, classes).
    X : array_like
        The data, of shape (n, 2).
    y : array_like
        Their labels, of shape (n,).
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    logits : bool, optional
        Whether ``f`` returns what goes into a sigmoid, not a probability.
    resolution : int, optional
        The number of points along each side at which ``f`` is evaluated.

    Returns
    -------
    Axes
        With an image, and a scatter plot of each class.

    Raises
    ------
    ValueError
        If the data are not points of the plane with a label each, or ``f`` returns another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import viz
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> ax = viz.decision_boundary(lambda x: x[:, 0], X, [0, 1])
    >>> len(ax.images), [points.get_label() for points in ax.collections][-2:]
    (1, ['0', '1'])
    """
    if not callable(f):
        raise TypeError(f"f must be a function of points; got {type(f).__name__}")
    X, y = points_and_labels(X, y)
    plane = Plane(X, resolution)
    scores = _scores(f, plane.points)
    ax = new_ax(ax, (5.0, 4.2))
    if scores.shape[1] == 1:
        p = plane.image(probability(scores[:, 0]) if logits else scores[:, 0])
        draw_image(ax, p, plane)
        draw_boundary(ax, p - 0.5, plane)
    else:
        _draw_regions(ax, plane.image(scores.argmax(axis=1)), plane, scores.shape[1])
    scatter(ax, X, y, classes=max(2, scores.shape[1]))
    ax.set(xlabel="x₁", ylabel="x₂")
    return ax


def _scores(f: Callable[[Any], Any], points: Array) -> Array:
    """What a classifier says of each point, in a column for each class, or in one."""
    with in_use(f):
        scores = array_of(f(points))
    if scores.shape == (len(points),):
        scores = scores[:, None]
    if scores.ndim != 2 or len(scores) != len(points) or scores.dtype.kind not in "biuf":
        raise ValueError(
            f"f must return numbers of shape (n,) or (n, classes) for points of shape (n, 2); for "
            f"{points.shape} it returned {scores.dtype} of shape {scores.shape}"
        )
    return scores


def _draw_regions(ax: Axes, winners: Array, plane: Plane, classes: int) -> None:
    """Draw where each of several classes wins."""
    tints = [_tint(CLASSES[c % len(CLASSES)]) for c in range(classes)]
    draw_image(ax, winners, plane, ListedColormap(tints), (0, classes - 1))
    for c in range(classes):
        draw_boundary(ax, (winners == c) - 0.5, plane, 1.0)


def _tint(color: str) -> tuple[float, ...]:
    """The color as a light ground."""
    return tuple(1 - 0.4 * (1 - channel) for channel in to_rgb(color))


def error_scatter(
    X: Any,
    y: Any,
    predictions: Any,
    ax: Axes | None = None,
    *,
    scale: float = 40.0,
) -> Axes:
    """Draw the data, with what is classified wrongly in large marks.

    The area of a mark is ``scale * (wrong + 0.2)``: an error is six times as large.

    Parameters
    ----------
    X : array_like
        The data, of shape (n, 2).
    y : array_like
        Their labels, of shape (n,).
    predictions : array_like
        The predicted labels, of shape (n,).
    ax : Axes, optional
        Where to draw; on a new figure if there is none.
    scale : float, optional
        The area of all marks, in points squared.

    Returns
    -------
    Axes
        With a scatter plot of each class, and the accuracy as title.

    Raises
    ------
    ValueError
        If the data are not points of the plane with a label and a prediction each.

    Examples
    --------
    >>> from tinygrad_edu import viz
    >>> ax = viz.error_scatter([[0, 0], [0, 1], [1, 1]], [0, 0, 1], [0, 1, 1])
    >>> ax.collections[0].get_sizes(), ax.get_title()
    (array([ 8., 48.]), 'accuracy 66.7 %: 1 of 3 wrong')
    """
    X, y = points_and_labels(X, y)
    predictions = array_of(predictions)
    if y.shape != predictions.shape:
        raise ValueError(
            f"labels and predictions must have the same shape; got {y.shape} and "
            f"{predictions.shape}"
        )
    wrong = y != predictions
    accuracy = f"{1 - wrong.mean():.1%}".replace("%", " %")
    ax = new_ax(ax, (5.0, 4.2))
    scatter(ax, X, y, scale * (wrong + 0.2))
    ax.set(xlabel="x₁", ylabel="x₂", title=f"accuracy {accuracy}: {wrong.sum()} of {len(y)} wrong")
    return ax
