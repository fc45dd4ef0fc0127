"""The report of an epoch, and all reports of a training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Epoch", "History"]


class Epoch(NamedTuple):
    """The report of one epoch.

    Attributes
    ----------
    epoch : int
        Its number, from 1; 0 is the state before the training.
    loss : float
        On all training data, evaluated after the epoch.
    accuracy : float or None
        The fraction of the training data that is classified correctly; None if that is not known.
    validation_loss, validation_accuracy : float or None
        The same on the validation data; None without such data.
    learning_rate : float
        Of the next step.
    gradient_norm : dict of str to float
        For each parameter the norm of its gradient: the root mean square over the steps of the
        epoch. Empty in epoch 0.
    update_size : dict of str to float
        For each parameter the norm of its change in the epoch. Empty in epoch 0.
    dead, saturated : dict of str to float
        For each layer the fraction of dead units, and of saturated outputs; see
        `debugging.UnitHealth`.
    """

    epoch: int
    loss: float
    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    learning_rate: float = math.nan
    gradient_norm: Mapping[str, float] = {}
    update_size: Mapping[str, float] = {}
    dead: Mapping[str, float] = {}
    saturated: Mapping[str, float] = {}


class History(Mapping[str, Any]):
    """The reports of a training: ``history["loss"]`` is a list of numbers, one for each report.

    What is reported for each parameter or layer is a dict of such lists. What was never reported
    is not in it, such as ``"accuracy"`` after a regression; what is missing in some of the reports
    is nan there.

    ``first + second`` joins the histories of a training that was continued. The epochs of the
    second count on from the last of the first; its epoch 0, the state before its first step, is
    left out. `tinygrad_edu.save` takes a history as it is, and ``History(...)`` makes one of what
    `tinygrad_edu.load` returns.

    Parameters
    ----------
    epochs : iterable of Epoch or mapping, optional
        The reports, or their numbers as a History has them: by name, one for each report. If this
        is what `train_epochs` returns, the training is run.

    Attributes
    ----------
    epochs : list of Epoch
        The reports.
    stopped : str or None
        Why the training ended: "finished", "stopped early" or "interrupted". None if the reports
        do not come from a training, or were loaded.

    Raises
    ------
    TypeError
        If a report is no Epoch.
    ValueError
        If numbers by name are not those of reports: of another name, or not one for each.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.training import Epoch
    >>> history = tg.History()
    >>> for i, loss in enumerate([0.7, 0.5]):
    ...     history.append(Epoch(i, loss, learning_rate=0.1, dead={"layers.0": 0.0}))
    >>> list(history), history["loss"], history["dead"]
    (['epoch', 'loss', 'learning_rate', 'dead'], [0.7, 0.5], {'layers.0': [0.0, 0.0]})
    >>> (history + history)["epoch"]
    [0, 1, 2]
    >>> tg.History({"epoch": [0, 1], "loss": [0.7, 0.5]}).epochs[1].loss
    0.5
    """

    def __init__(self, epochs: Iterable[Epoch] | Mapping[str, Any] = ()) -> None:
        self.epochs: list[Epoch] = []
        self.stopped: str | None = None
        reports: Iterator[Any] = iter(epochs)
        if isinstance(epochs, Mapping) and epochs:
            reports = _reports(epochs)
        while True:  # rather than `for`, which would drop what the generator returns
            try:
                self.append(next(reports))
            except StopIteration as end:
                self.stopped = end.value
                return

    def append(self, epoch: Epoch) -> None:
        """Add a report."""
        if not isinstance(epoch, Epoch):
            raise TypeError(f"a History holds reports, each an Epoch; got {type(epoch).__name__}")
        self.epochs.append(epoch)

    def __add__(self, other: History) -> History:
        if not isinstance(other, History):
            return NotImplemented
        joined = History(self.epochs)
        last = self.epochs[-1].epoch if self.epochs else 0
        for report in other.epochs:
            if report.epoch > 0 or not self.epochs:
                joined.append(report._replace(epoch=last + report.epoch))
        joined.stopped = other.stopped or self.stopped
        return joined

    def __getitem__(self, name: str) -> Any:
        if name not in [*self]:
            raise KeyError(f"{name!r} is not reported; these are: {', '.join(self) or 'none'}")
        column = [getattr(epoch, name) for epoch in self.epochs]
        if not any(isinstance(value, Mapping) for value in column):
            return [math.nan if value is None else value for value in column]
        keys = dict.fromkeys(key for value in column for key in value)
        return {key: [value.get(key, math.nan) for value in column] for key in keys}

    def __iter__(self) -> Iterator[str]:
        for name in Epoch._fields:
            if any(getattr(epoch, name) not in (None, {}) for epoch in self.epochs):
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        """Show the first and the last report as a table, under what the training was."""
        if not self.epochs:
            return "History()"
        ends = [self.epochs[0], self.epochs[-1]] if len(self.epochs) > 1 else self.epochs
        number = ends[-1].epoch
        title = f"History of {number} epoch{'s' * (number != 1)}"
        columns = []
        for name in Epoch._fields[:5]:  # from the number of the epoch to validation_accuracy
            if name in self:
                cells = [name, *(_cell(getattr(report, name)) for report in ends)]
                columns.append([cell.rjust(max(map(len, cells))) for cell in cells])
        return "\n".join(
            [
                title if self.stopped is None else f"{title}, {self.stopped}",
                *("  ".join(row) for row in zip(*columns, strict=True)),
            ]
        )

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw loss and accuracy over the epochs, by `viz.training_curves`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; on a new figure if there is none.
        **options
            Those of `viz.training_curves`.

        Returns
        -------
        matplotlib.axes.Axes
            With a curve for each.
        """
        from tinygrad_edu.viz import figures  # noqa: PLC0415 - matplotlib is needed for this alone

        return figures.training_curves(self, ax, **options)


def _reports(columns: Mapping[str, Any]) -> Iterator[Epoch]:
    """The reports with these numbers; nan stands for what a report does not have."""
    defaults = Epoch._field_defaults
    numbers: list[Any] = []
    for name, column in columns.items():
        if name not in Epoch._fields or isinstance(column, Mapping) != (defaults.get(name) == {}):
            raise ValueError(f"a History has no numbers of this kind: {name!r}")
        numbers += column.values() if isinstance(column, Mapping) else [column]
    shapes = {np.shape(column) for column in numbers}
    if not {"epoch", "loss"} <= {*columns} or len(shapes) > 1 or len(shapes.pop()) != 1:
        raise ValueError(
            "a History is made of the epoch and the loss of each report, and of as many numbers of "
            f"every other kind; got {', '.join(columns)}"
        )
    for i in range(len(columns["epoch"])):
        yield Epoch(**{name: _field(name, column, i) for name, column in columns.items()})


def _field(name: str, column: Any, i: int) -> Any:
    if isinstance(column, Mapping):
        return {key: float(x[i]) for key, x in column.items() if not np.isnan(x[i])}
    if name == "epoch":
        return int(column[i])
    value = float(column[i])
    absent = math.isnan(value) and Epoch._field_defaults.get(name, value) is None
    return None if absent else value


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
