"""The training loop, as a generator that reports after each epoch what a person would plot.

>>> import numpy as np
>>> import tinygrad_edu as tg
>>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> y = np.array([0, 1, 1, 0])
>>> network = tg.nn.MLP([2, 8, 2], "tanh", rng=0)
>>> optimizer = tg.optim.Adam(network.parameters(), lr=0.1)
>>> for epoch in tg.train(network, x, y, loss=tg.softmax_cross_entropy, optimizer=optimizer,
...                       epochs=40, every=20, progress=False):
...     print(epoch.epoch, round(epoch.loss, 2), epoch.accuracy)
0 0.7 0.5
20 0.04 1.0
40 0.0 1.0
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu import ops
from tinygrad_edu.context import no_grad
from tinygrad_edu.debugging import explain_nonfinite, norm, unit_health
from tinygrad_edu.nn.init import Rng, as_rng
from tinygrad_edu.nn.module import Module
from tinygrad_edu.optim import Optimizer, clip_by_norm
from tinygrad_edu.tensor import Tensor

try:
    from tqdm.auto import tqdm
except ImportError:
    tqdm = None

__all__ = ["Epoch", "History", "train"]

Array: TypeAlias = NDArray[Any]
Loss: TypeAlias = Callable[[Any, Any], Any]
Accuracy: TypeAlias = Callable[[Array, Array], float]

HEALTH_SAMPLES = 1000  # enough to know the fraction of dead units


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


def train(
    model: Callable[[Any], Any],
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    rng: Rng = None,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    accuracy: Accuracy | None = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    every: int = 1,
    health: bool = True,
    progress: bool = True,
) -> Generator[Epoch, None, str]:
    """Train a model, and report after each epoch.

    One step, for each batch, is::

        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    Nothing happens before the first report is asked for: iterate, or hand the generator to
    `History`. Ctrl-C ends the training after the current step, as if it had been the last one.

    Parameters
    ----------
    model : Module or callable
        From samples to outputs. A module is told to behave as in training during the steps, and as
        in use otherwise.
    x : array_like
        The samples, along the first axis.
    y : array_like
        What the loss compares with the outputs; as many as there are samples.
    loss : callable
        From outputs and targets to a single number, as `softmax_cross_entropy`.
    optimizer : Optimizer
        Of the parameters to train.
    epochs : int
        How often all samples are used.
    batch_size : int, optional
        The number of samples in each step; all of them by default.
    shuffle : bool, optional
        Whether to take the samples in a new order in each epoch, or else in that of x.
    rng : Generator, RandomState, int or None, optional
        The source of randomness for the order.
    validation : tuple of array_like, optional
        Other samples and targets, to be judged only.
    accuracy : callable, optional
        From outputs and targets to a number. For the cross entropies it is known.
    clip_norm : float, optional
        The largest common norm of the gradients; see `optim.clip_by_norm`.
    patience : int, optional
        Stop when the loss, that of the validation data if there are any, has not become smaller in
        so many reports. The model is left as it was at its best.
    every : int, optional
        Report after so many epochs, and after the last one.
    health : bool, optional
        Whether to look for dead and saturated units.
    progress : bool, optional
        Whether to show a progress bar, if tqdm is installed.

    Returns
    -------
    str
        Why it ended: "finished", "stopped early" or "interrupted".

    Yields
    ------
    Epoch
        First the state before the training, as epoch 0; then after each epoch.

    Raises
    ------
    ValueError
        If there are no samples, x and y differ in length, x or y hold nan or inf, or a number is
        out of its range; before anything has changed.
    FloatingPointError
        If the loss or a gradient is not finite: which operation made the first nan. The model is as
        before that step.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> x = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> line = tg.nn.Linear(1, 1, init="zeros")
    >>> history = tg.History(
    ...     tg.train(line, x, 3 * x + 1, loss=tg.mean_squared_error, epochs=30, batch_size=5, rng=0,
    ...              optimizer=tg.optim.SGD(line.parameters(), lr=0.2), progress=False)
    ... )
    >>> round(line.W.item(), 3), round(line.b.item(), 3), history.stopped
    (3.0, 1.0, 'finished')
    """
    data = _checked(x, y, "x and y")
    others = None if validation is None else _checked(*validation, "the validation data")
    counts = {"epochs": epochs, "batch_size": batch_size, "patience": patience, "every": every}
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")
    run = _Run(model, loss, optimizer, accuracy or _known_accuracy(loss), clip_norm)
    batches = partial(_batches, *data, batch_size or len(data[0]), shuffle, as_rng(rng))
    return _train(
        run,
        batches,
        data=data,
        others=others,
        epochs=epochs,
        every=every,
        patience=patience,
        health=health,
        progress=progress,
    )


def _train(
    run: _Run,
    batches: Callable[[], Iterator[tuple[Array, Array]]],
    *,
    data: tuple[Array, Array],
    others: tuple[Array, Array] | None,
    epochs: int,
    every: int,
    patience: int | None,
    health: bool,
    progress: bool,
) -> Generator[Epoch, None, str]:
    best = _Best(run.parameters)
    stopped = "finished"
    with _bar(epochs, progress) as show:
        for number in range(epochs + 1):
            with _deferred_interrupt() as interrupted:
                if number > 0:
                    run.epoch(number, batches(), interrupted)
                last = number == epochs or interrupted()
                if number % every and not last:
                    show(None)
                    continue
                report = run.report(number, data, others, health)
            show(report)
            yield report
            if interrupted():
                return "interrupted"
            best.update(report)
            if patience is not None and best.age >= patience:
                stopped = "stopped early"
                break
    if patience is not None:
        best.restore()
    return stopped


class _Run:
    """A model in training."""

    def __init__(
        self,
        model: Callable[[Any], Any],
        loss: Loss,
        optimizer: Optimizer,
        accuracy: Accuracy | None,
        clip_norm: float | None,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.accuracy, self.clip_norm = accuracy, clip_norm
        self.parameters = optimizer.parameters
        self.names = _names(model, self.parameters)
        self.steps = 0
        self.squares = np.zeros(len(self.parameters))
        self.before = [p.data for p in self.parameters]

    def epoch(
        self,
        number: int,
        batches: Iterable[tuple[Array, Array]],
        interrupted: Callable[[], bool],
    ) -> None:
        """Do one step for each batch."""
        self._behave(training=True)
        self.steps = 0
        self.squares[:] = 0.0
        self.before = [p.data.copy() for p in self.parameters]
        with np.errstate(all="ignore"):  # what is not finite is found, and explained
            for x, y in batches:
                self.step(number, x, y)
                if interrupted():
                    break

    def step(self, number: int, x: Array, y: Array) -> None:
        """Change the parameters once, or raise and leave them as they are."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        if not math.isfinite(_number(loss)):
            raise FloatingPointError(self._explain(f"the loss is {loss.item()}", number, loss))
        loss.backward()
        try:
            if self.clip_norm is not None:
                clip_by_norm(self.parameters, self.clip_norm)
            self.optimizer.step()
        except FloatingPointError as error:
            raise FloatingPointError(self._explain(str(error), number, loss)) from None
        self.steps += 1
        self.squares += [norm(p.grad) ** 2 for p in self.parameters]

    def _explain(self, what: str, number: int, loss: Tensor) -> str:
        when = f"in epoch {number}, step {self.steps + 1}"
        return f"{what}, {when}; the model is as before this step\n{explain_nonfinite(loss)}"

    def _behave(self, *, training: bool) -> None:
        if isinstance(self.model, Module):
            self.model.train(training)

    def report(
        self,
        number: int,
        data: tuple[Array, Array],
        others: tuple[Array, Array] | None,
        health: bool,
    ) -> Epoch:
        """Judge the model as it is now."""
        self._behave(training=False)
        with np.errstate(all="ignore"):
            loss, accuracy = self.judge(*data)
            validation_loss, validation_accuracy = self.judge(*others) if others else (None, None)
            layers = unit_health(self.model, data[0][:HEALTH_SAMPLES]) if health else {}
            updates = [
                norm(p.data - old) for p, old in zip(self.parameters, self.before, strict=True)
            ]
            gradients = np.sqrt(self.squares / max(self.steps, 1)).tolist()
        return Epoch(
            epoch=number,
            loss=loss,
            accuracy=accuracy,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=self.optimizer.learning_rate,
            gradient_norm=dict(zip(self.names, gradients, strict=True)) if number else {},
            update_size=dict(zip(self.names, updates, strict=True)) if number else {},
            dead={name: layer.dead for name, layer in layers.items()},
            saturated={name: layer.saturated for name, layer in layers.items()},
        )

    def judge(self, x: Array, y: Array) -> tuple[float, float | None]:
        """Return loss and accuracy on some data."""
        with no_grad():
            outputs = self.model(x)
            loss = _number(self.loss(outputs, y))
        return loss, self.accuracy(outputs.data, y) if self.accuracy else None


def _number(loss: Any) -> float:
    if not isinstance(loss, Tensor) or loss.size != 1:
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"the loss must return a Tensor of a single number; got {got}")
    return float(loss.item())


def _names(model: Any, parameters: list[Tensor]) -> list[str]:
    known = {p: name for name, p in model.named_parameters()} if isinstance(model, Module) else {}
    return [known.get(p) or p.name or f"parameter {i}" for i, p in enumerate(parameters, start=1)]


def _checked(x: Any, y: Any, what: str) -> tuple[Array, Array]:
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"{what} must have the same length, at least 1; got shapes {x.shape} and {y.shape}"
        )
    for array in (x, y):
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{what} must be numbers; got dtype {array.dtype}")
        if not np.isfinite(array).all():
            at = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
            raise ValueError(f"{what} must be finite; got {array[at]} at {at}")
    return x, y


def _batches(
    x: Array, y: Array, size: int, shuffle: bool, rng: Any
) -> Iterator[tuple[Array, Array]]:
    """All samples once, so many at a time."""
    if size >= len(x):
        yield x, y
        return
    order = rng.permutation(len(x)) if shuffle else None
    for start in range(0, len(x), size):
        batch = slice(start, start + size)
        chosen = batch if order is None else order[batch]
        yield x[chosen], y[chosen]


# --------------------------------------------------------------------------------------
# Accuracy
# --------------------------------------------------------------------------------------


def _of_scores(outputs: Array, y: Array) -> float:
    labels = y.argmax(axis=-1) if y.shape == outputs.shape and y.dtype.kind == "f" else y
    return float(np.mean(outputs.argmax(axis=-1) == labels))


def _of_logits(outputs: Array, y: Array) -> float:
    return float(np.mean((outputs > 0) == (y > 0.5)))


def _of_probabilities(outputs: Array, y: Array) -> float:
    return float(np.mean((outputs > 0.5) == (y > 0.5)))


ACCURACIES: dict[Any, Accuracy] = {
    ops.softmax_cross_entropy: _of_scores,
    ops.sigmoid_cross_entropy: _of_logits,
    ops.binary_cross_entropy: _of_probabilities,
}


def _known_accuracy(loss: Any) -> Accuracy | None:
    return ACCURACIES.get(loss.func if isinstance(loss, partial) else loss)


# --------------------------------------------------------------------------------------
# Ends
# --------------------------------------------------------------------------------------


class _Best:
    """The parameters at the smallest loss so far, and how many reports ago that was."""

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.loss, self.age = math.inf, 0
        self.values: list[Array] = []

    def update(self, report: Epoch) -> None:
        loss = report.loss if report.validation_loss is None else report.validation_loss
        self.age += 1
        if loss < self.loss:
            self.loss, self.age = loss, 0
            self.values = [p.data.copy() for p in self.parameters]

    def restore(self) -> None:
        for p, values in zip(self.parameters, self.values, strict=False):
            p.data = values


@contextmanager
def _deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C wait for the end of a step; pressed twice, it does not wait."""
    pressed = threading.Event()

    def press(*_: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _bar(epochs: int, wanted: bool) -> Iterator[Callable[[Epoch | None], None]]:
    """A progress bar, if there is tqdm: a function to call after each epoch."""
    if tqdm is None or not wanted:
        yield lambda _: None
        return
    with tqdm(total=epochs, desc="training", unit="epoch") as bar:

        def show(report: Epoch | None) -> None:
            if report is not None:
                known = {"loss": report.loss, "accuracy": report.accuracy}
                bar.set_postfix({k: f"{v:.4g}" for k, v in known.items() if v is not None})
            bar.update(report is None or report.epoch > 0)

        yield show


# --------------------------------------------------------------------------------------
# History
# --------------------------------------------------------------------------------------


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
