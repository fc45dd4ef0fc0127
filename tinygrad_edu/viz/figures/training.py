"""The curves of a training: losses and accuracies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.figures.axes import LINES, new_ax, tidy
from tinygrad_edu.viz.figures.checks import floats

__all__ = ["training_curves"]


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
    TypeError
        If it is neither a mapping nor records, or has something else than numbers.

    Examples
    --------
    >>> from tinygrad_edu import viz
    >>> ax = viz.training_curves({"loss": [0.7, 0.4, 0.3], "accuracy": [0.5, 0.8, 0.9]})
    >>> [line.get_label() for line in ax.lines], ax.get_xlabel()
    (['loss'], 'epoch')
    """
    series = _series(history)
    chosen = _chosen(series, names)
    curves = {name: floats(f"{name} in the history", series[name], "epochs") for name in chosen}
    epochs = {name: _epochs(series, name) for name in chosen}
    left_names = [name for name in chosen if not _is(name, "accuracy")]
    ax = new_ax(ax)
    # Accuracies alone have the axis on the left.
    right = ax.twinx() if 0 < len(left_names) < len(chosen) else None
    lines: list[Line2D] = []
    for name, color in zip(chosen, cycle(LINES), strict=False):
        where = ax if right is None or name in left_names else right
        style = "--" if _is(name, "val") else "-"
        lines += where.plot(epochs[name], curves[name], style, color=color, linewidth=2, label=name)
    _label(ax, right, left_names)
    if log:
        ax.set_yscale("log")
    if len(lines) > 1:
        # below the axes, where no curve runs
        ax.legend(
            handles=lines,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            ncols=2,  # more would be wider than the axes
            frameon=False,
        )
    return ax


def _series(history: Any) -> dict[str, Any]:
    """What there is for every epoch, by name."""
    if isinstance(history, Mapping):  # what is reported for each layer is a dict itself
        return {name: v for name, v in history.items() if not isinstance(v, Mapping)}
    records = [
        record._asdict() if hasattr(record, "_asdict") else record
        for record in (history if isinstance(history, Iterable) else [history])
    ]
    for record in records:
        if not isinstance(record, Mapping):
            raise TypeError(
                "a history is a mapping of names to numbers, one for each epoch, or a record of "
                f"each epoch; got {type(record).__name__}"
            )
    names = dict.fromkeys(name for record in records for name in record)
    number = (int, float, np.number)
    return {
        name: [record.get(name, np.nan) for record in records]
        for name in names
        if all(isinstance(record.get(name, np.nan), number) for record in records)
    }


def _chosen(series: Mapping[str, Any], names: Sequence[str] | None) -> list[str]:
    """What is to be drawn."""
    if names is None:
        known = [name for name in series if _is(name, "loss") or _is(name, "accuracy")]
        chosen = known or [name for name in series if name != "epoch"]
    else:
        chosen = [names] if isinstance(names, str) else list(names)
    if missing := [name for name in chosen if name not in series]:
        raise ValueError(f"no {', '.join(missing)} in the history; it has {', '.join(series)}")
    if not chosen:
        raise ValueError(f"nothing to draw; the history has {', '.join(series) or 'nothing'}")
    return chosen


def _epochs(series: Mapping[str, Any], name: str) -> Array:
    n = len(series[name])
    epochs = np.asarray(series.get("epoch", range(n)))
    if len(epochs) != n:
        raise ValueError(f"the history has {len(epochs)} epochs, but {n} numbers for {name}")
    return epochs


def _label(ax: Axes, right: Axes | None, left_names: Sequence[str]) -> None:
    """Say what the axes are of: that on the right, or on the left if it is alone, of accuracies."""
    tidy(ax)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if left_names:
        ax.set_ylabel(_common_name(left_names))
    percent = right if left_names else ax
    if percent is not None:
        percent.yaxis.set_major_formatter(PercentFormatter(1))
        percent.set_ylabel("accuracy")
    if right is not None:
        right.spines["top"].set_visible(False)


def _common_name(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return "loss" if _is(names[0], "loss") else "value"


def _is(name: str, kind: str) -> bool:
    return kind in name.lower()
