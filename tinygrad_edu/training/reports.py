"""What a training reports after each epoch, and all that it has reported."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Epoch", "History"]


class Epoch(NamedTuple):
    """What is known after an epoch.

    Attributes
    ----------
    epoch : int
        Its number, from 1; 0 is the state before the training.
    loss : float
        Of all training data, with the parameters as they are at the end of the epoch.
    accuracy : float or None
        The fraction of the training data that is classified right.
    validation_loss, validation_accuracy : float or None
        The same of the validation data.
    learning_rate : float
        That of the next step.
    gradient_norm : dict of str to float
        The norm of the gradient of each parameter, as root mean square over the steps of the epoch.
    update_size : dict of str to float
        The norm of the change of each parameter in the epoch.
    dead, saturated : dict of str to float
        The fraction of dead units and of saturated outputs in each layer; see `UnitHealth`.
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
    """The reports of a training, by name: ``history["loss"]`` is a list with a number for each.

    What is reported for each parameter or layer is a dict of such lists.

    Parameters
    ----------
    epochs : iterable of Epoch, optional
        What `train` returns: the training is run, and its reports are collected.

    Attributes
    ----------
    epochs : list of Epoch
        The reports.
    stopped : str or None
        Why the training ended: "finished", "stopped early" or "interrupted".

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.training import Epoch
    >>> history = tg.History()
    >>> for i, loss in enumerate([0.7, 0.5]):
    ...     history.append(Epoch(i, loss, learning_rate=0.1, dead={"layers.0": 0.0}))
    >>> list(history), history["loss"], history["dead"]
    (['epoch', 'loss', 'learning_rate', 'dead'], [0.7, 0.5], {'layers.0': [0.0, 0.0]})
    """

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        self.epochs: list[Epoch] = []
        self.stopped: str | None = None
        reports = iter(epochs)
        while True:
            try:
                self.append(next(reports))
            except StopIteration as end:
                self.stopped = end.value
                return

    def append(self, epoch: Epoch) -> None:
        """Add a report."""
        if not isinstance(epoch, Epoch):
            raise TypeError(f"a History holds reports of `train`; got {type(epoch).__name__}")
        self.epochs.append(epoch)

    def __getitem__(self, name: str) -> Any:
        if name not in Epoch._fields:
            raise KeyError(f"{name!r} is not reported; these are: {', '.join(Epoch._fields)}")
        values = [getattr(epoch, name) for epoch in self.epochs]
        if not any(isinstance(value, Mapping) for value in values):
            return values
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: [value.get(key, math.nan) for value in values] for key in keys}

    def __iter__(self) -> Iterator[str]:
        for name in Epoch._fields:
            if any(getattr(epoch, name) not in (None, {}) for epoch in self.epochs):
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        if not self.epochs:
            return "History()"
        last = self.epochs[-1]
        return f"History(epoch={last.epoch}, loss={last.loss:.4g}, accuracy={last.accuracy})"

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw loss and accuracy over the epochs, by `viz.figures.training_curves`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; on a new figure if there is none.
        **options
            Those of `viz.figures.training_curves`.

        Returns
        -------
        matplotlib.axes.Axes
            With a curve for each.
        """
        from tinygrad_edu.viz import figures  # noqa: PLC0415 - matplotlib is needed for this alone

        return figures.training_curves(self, ax, **options)
