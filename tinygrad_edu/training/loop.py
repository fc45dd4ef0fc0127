"""The training loop: the steps of each epoch, then a report; and how a training ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_edu.debugging import explain_nonfinite
from tinygrad_edu.debugging.health import euclidean_norm
from tinygrad_edu.interrupts import CtrlC, deferred_interrupt
from tinygrad_edu.nn.init import Rng, as_rng
from tinygrad_edu.nn.module import Module
from tinygrad_edu.optim import Optimizer, clip_by_norm
from tinygrad_edu.optim.checks import at_least_one, at_least_zero
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.training.data import (
    Array,
    Samples,
    batches_in_order,
    checked_samples,
    new_order,
)
from tinygrad_edu.training.evaluation import (
    Accuracy,
    Evaluator,
    Loss,
    Model,
    known_accuracy,
    single_number,
)
from tinygrad_edu.training.history import Epoch, History

try:
    from tqdm.auto import tqdm
except ImportError:
    tqdm = None

if TYPE_CHECKING:
    from tinygrad_edu.compiler import CompiledStep
    from tinygrad_edu.compiler.program import Backend

__all__ = ["train", "train_epochs"]

Compile: TypeAlias = bool | Literal["numpy", "numba"]
"""Whether steps are taken by a compiled program, and of which backend."""


def train(
    model: Model,
    x: ArrayLike | tuple[ArrayLike, ...],
    y: ArrayLike,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    rng: Rng = None,
    validation: tuple[ArrayLike | tuple[ArrayLike, ...], ArrayLike] | None = None,
    accuracy: Accuracy | None = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    every: int = 1,
    health: bool = True,
    progress: bool = True,
    compile: Compile = False,
) -> History:
    """Train a model, and return the history of its loss, its accuracy and more.

    One step, for each batch, is::

        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    Ctrl-C ends the training after the current step, as if it had been the last one; pressed twice,
    it interrupts at once. To train on, call it again: ``history += train(...)``. To see each report
    while the training goes on, use `train_epochs`.

    Parameters
    ----------
    model : Module or callable
        From samples to outputs. During the steps a module is in training mode, else in evaluation
        mode, in which it is left.
    x : array_like or tuple of array_like
        The samples, along the first axis. A tuple holds several inputs of equal length: the model
        is called as ``model(*x)``.
    y : array_like
        The targets, which the loss compares with the outputs; as many as there are samples.
    loss : callable
        From outputs and targets to a single number, such as `softmax_cross_entropy`.
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
        Other samples and targets, on which the model is evaluated only.
    accuracy : callable, optional
        From outputs and targets, as arrays, to a number. For the cross entropies it is known.
    clip_norm : float, optional
        The largest common norm of the gradients; see `optim.clip_by_norm`.
    patience : int, optional
        For early stopping: end when so many reports in a row did not bring a smaller loss, that
        on the validation data if there are any. However the training ends, the model then gets
        the parameters of the smallest loss that was reported.
    every : int, optional
        Report after so many epochs, and after the last one.
    health : bool, optional
        Whether to look for dead and saturated units.
    progress : bool, optional
        Whether to show a progress bar, if tqdm is installed.
    compile : bool or {"numpy", "numba"}, optional
        Whether to take the steps by a compiled program, and of which backend; see
        `tinygrad_edu.compile`. The norms of gradients are then not reported.

    Returns
    -------
    History
        The reports: first of the state before the training, as epoch 0, then after each epoch. Its
        ``stopped`` says why the training ended: "finished", "stopped early" or "interrupted".

    Raises
    ------
    TypeError
        If an argument is of another kind.
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
    >>> optimizer = tg.optim.SGD(line.parameters(), lr=0.2)
    >>> history = tg.train(line, x, 3 * x + 1, loss=tg.mean_squared_error, optimizer=optimizer,
    ...                    epochs=30, batch_size=5, rng=0, progress=False)
    >>> round(line.W.item(), 3), round(line.b.item(), 3), history.stopped
    (3.0, 1.0, 'finished')
    """
    with deferred_interrupt(CtrlC()):
        return History(
            train_epochs(
                model,
                x,
                y,
                loss=loss,
                optimizer=optimizer,
                epochs=epochs,
                batch_size=batch_size,
                shuffle=shuffle,
                rng=rng,
                validation=validation,
                accuracy=accuracy,
                clip_norm=clip_norm,
                patience=patience,
                every=every,
                health=health,
                progress=progress,
                compile=compile,
            )
        )


def train_epochs(
    model: Model,
    x: ArrayLike | tuple[ArrayLike, ...],
    y: ArrayLike,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    rng: Rng = None,
    validation: tuple[ArrayLike | tuple[ArrayLike, ...], ArrayLike] | None = None,
    accuracy: Accuracy | None = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    every: int = 1,
    health: bool = True,
    progress: bool = True,
    compile: Compile = False,
) -> Generator[Epoch, None, str]:
    """Train a model like `train`, one epoch at a time, and yield the report of each.

    This is a generator: it trains while it is iterated over, and does nothing before. Between the
    reports the model can be looked at, drawn or saved; to leave the loop ends the training, with
    the model as it is then.

    Parameters
    ----------
    model, x, y, loss, optimizer, epochs, batch_size, shuffle, rng, validation, accuracy, \
clip_norm, patience, every, health, progress, compile
        As in `train`.

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
    TypeError, ValueError, FloatingPointError
        As in `train`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> x = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> line = tg.nn.Linear(1, 1, init="zeros")
    >>> optimizer = tg.optim.SGD(line.parameters(), lr=0.2)
    >>> for epoch in tg.train_epochs(line, x, 3 * x + 1, loss=tg.mean_squared_error,
    ...                              optimizer=optimizer, epochs=10, every=5, progress=False):
    ...     print(epoch.epoch, round(epoch.loss, 4), round(line.W.item(), 2))
    0 4.3158 0.0
    5 0.6793 1.65
    10 0.1368 2.39
    """
    training = checked_samples(x, y)
    for name, function in {"model": model, "loss": loss}.items():
        if not callable(function):
            raise TypeError(f"the {name} must be a function or a module; got {function!r}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            "optimizer must be made with the parameters to train, as "
            f"optim.SGD(model.parameters(), lr=0.1); got {optimizer!r}"
        )
    size = len(training.targets) if batch_size is None else at_least_one("batch_size", batch_size)
    rng = as_rng(rng)
    if compile not in (False, True, "numpy", "numba"):
        raise ValueError(f'compile must be True, False, "numpy" or "numba"; got {compile!r}')
    arrays = [*training.inputs, training.targets]
    trainer = _Trainer(model, loss, optimizer, clip_norm, arrays, size)
    if compile:
        trainer.compile("numpy" if compile is True else compile)
    return _epochs(
        trainer,
        Evaluator(
            model,
            loss,
            accuracy or known_accuracy(loss),
            training,
            None if validation is None else _checked_validation(validation),
            health,
        ),
        _EarlyStopping(optimizer.parameters, patience),
        lambda: new_order(len(training.targets), size, shuffle, rng),
        epochs=at_least_one("epochs", epochs),
        every=at_least_one("every", every),
        progress=progress,
    )


def _checked_validation(validation: Any) -> Samples:
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise TypeError(
            f"validation must be a pair of samples and targets; got {type(validation).__name__}"
        )
    x, y = validation
    return checked_samples(x, y, "the validation samples", "the validation targets")


def _epochs(
    trainer: _Trainer,
    evaluator: Evaluator,
    early_stopping: _EarlyStopping,
    order: Callable[[], Array | None],
    *,
    epochs: int,
    every: int,
    progress: bool,
) -> Generator[Epoch, None, str]:
    stopped = "finished"
    handler = CtrlC()  # one for all epochs: if it is pressed late in one, the next one ends early
    with _progress_bar(epochs, progress) as show:
        for number in range(epochs + 1):
            with deferred_interrupt(handler) as ctrl_c:
                if number > 0:
                    trainer.run_epoch(number, order(), ctrl_c)
                if number % every and number < epochs and not ctrl_c.pressed:
                    show(number, None)
                    continue
                report = Epoch(number, **evaluator.evaluate(), **trainer.summary())
                show(number, report)
            yield report
            early_stopping.update(report)
            if ctrl_c.pressed:
                stopped = "interrupted"
                break
            if early_stopping.is_due:
                stopped = "stopped early"
                break
    early_stopping.restore_best()
    return stopped


# --- the steps --------------------------------------------------------------------------------


class _Trainer:
    """Does the steps of an epoch, and measures the gradients and updates in them."""

    def __init__(
        self,
        model: Model,
        loss: Loss,
        optimizer: Optimizer,
        clip_norm: float | None,
        arrays: list[Array],
        size: int,
    ) -> None:
        self.arrays, self.size = arrays, size  # inputs and targets; of a batch
        self.compiled: CompiledStep | None = None
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.clip_norm = None if clip_norm is None else at_least_zero("clip_norm", clip_norm)
        self.parameters = optimizer.parameters
        self.names = _unique_names(model, self.parameters)
        self.steps = 0  # in the last epoch, as the following
        self.norms = np.zeros(len(self.parameters))  # of all gradients of the epoch together
        self.parameters_before: list[Array] = []

    def compile(self, backend: Backend) -> None:
        """Take the steps by a program from now on."""
        from tinygrad_edu.compiler import compile  # noqa: PLC0415 - slow to import

        model, loss = self.model, self.loss
        step = (
            (lambda x, y: loss(model(x), y)) if len(self.arrays) == 2 else _of_several(model, loss)
        )
        self.compiled = compile(step, self.optimizer, clip_norm=self.clip_norm, backend=backend)

    def run_epoch(self, number: int, order: Array | None, ctrl_c: CtrlC) -> None:
        """Do one step for each batch."""
        self.steps = 0
        self.norms[:] = 0.0
        self.parameters_before = [p.data.copy() for p in self.parameters]
        # NumPy need not warn of what is not finite: that raises an error, with an explanation.
        with np.errstate(all="ignore"), _training_mode(self.model):
            if self.compiled is not None:
                self._run_compiled(self.compiled, number, order, ctrl_c)
                return
            for *inputs, targets in batches_in_order(self.arrays, self.size, order):
                self._step(number, inputs, targets)
                if ctrl_c.pressed:
                    break

    def _run_compiled(
        self, step: CompiledStep, number: int, order: Array | None, ctrl_c: CtrlC
    ) -> None:
        """Do the steps in one call; if one cannot be done, once more to tell why."""
        before = self.optimizer.steps
        try:
            step.epoch(*self.arrays, batch_size=self.size, order=order)
        except KeyboardInterrupt:
            if not ctrl_c.pressed:
                raise
        except FloatingPointError:
            self.steps = self.optimizer.steps - before
            rest = islice(batches_in_order(self.arrays, self.size, order), self.steps, None)
            *inputs, targets = next(rest)
            self._step(number, inputs, targets)
            raise

    def _step(self, number: int, inputs: list[Array], targets: Array) -> None:
        """Change the parameters once, or raise and leave them as they are."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(*inputs), targets)
        if not math.isfinite(single_number(loss)):
            raise FloatingPointError(self._explain(f"the loss is {loss.item()}", number, loss))
        loss.backward()
        try:
            if self.clip_norm is not None:
                clip_by_norm(self.parameters, self.clip_norm)
            self.optimizer.step()
        except FloatingPointError as error:
            raise FloatingPointError(self._explain(str(error), number, loss)) from None
        self.steps += 1
        self.norms = np.hypot(self.norms, [euclidean_norm(p.grad) for p in self.parameters])

    def _explain(self, what: str, number: int, loss: Tensor) -> str:
        when = f"in epoch {number}, step {self.steps + 1}"
        return f"{what}, {when}; the model is as before this step\n{explain_nonfinite(loss)}"

    def summary(self) -> dict[str, Any]:
        """Return the fields of an `Epoch` that are about its steps; empty before the first."""
        with np.errstate(all="ignore"):
            norms = (self.norms / math.sqrt(max(self.steps, 1))).tolist()
            updates = [
                euclidean_norm(p.data - before)
                for p, before in zip(self.parameters, self.parameters_before, strict=False)
            ]
        return {
            "learning_rate": self.optimizer.learning_rate,
            "gradient_norm": dict(zip(self.names, norms, strict=True)) if self.steps else {},
            "update_size": dict(zip(self.names, updates, strict=False)),
        }


def _of_several(model: Model, loss: Loss) -> Callable[..., Any]:
    """The loss of a model of several inputs."""

    def loss_of(*arrays: Any) -> Any:
        *inputs, targets = arrays
        return loss(model(*inputs), targets)

    return loss_of


@contextmanager
def _training_mode(model: Any) -> Iterator[None]:
    if isinstance(model, Module):
        model.train()
    try:
        yield
    finally:
        if isinstance(model, Module):
            model.eval()


def _unique_names(model: Any, parameters: list[Tensor]) -> list[str]:
    """Name the parameters: by their path in the model, their own name or their position.

    Where two have the same name, the second one gets a number.
    """
    paths = {p: path for path, p in model.named_parameters()} if isinstance(model, Module) else {}
    names = [paths.get(p) or p.name or f"parameter {i}" for i, p in enumerate(parameters, start=1)]
    return [
        f"{name} ({n})" if (n := names[: i + 1].count(name)) > 1 else name
        for i, name in enumerate(names)
    ]


# --- early stopping and progress --------------------------------------------------------


class _EarlyStopping:
    """Keeps the parameters of the smallest loss so far; does nothing if the patience is None."""

    def __init__(self, parameters: list[Tensor], patience: int | None) -> None:
        self.parameters = parameters
        self.patience = None if patience is None else at_least_one("patience", patience)
        self.best_loss = math.inf
        self.best_values: list[Array] = []
        self.reports_since_best = 0

    def update(self, report: Epoch) -> None:
        """Compare the loss of the next report with the smallest so far."""
        if self.patience is None:
            return
        loss = report.loss if report.validation_loss is None else report.validation_loss
        self.reports_since_best += 1
        if loss < self.best_loss:
            self.best_loss, self.reports_since_best = loss, 0
            self.best_values = [p.data.copy() for p in self.parameters]

    @property
    def is_due(self) -> bool:
        """Whether the patience is at its end."""
        return self.patience is not None and self.reports_since_best >= self.patience

    def restore_best(self) -> None:
        """Give the parameters their best values, if any loss was a number."""
        if self.best_values:
            for p, value in zip(self.parameters, self.best_values, strict=True):
                p.data = value


@contextmanager
def _progress_bar(epochs: int, wanted: bool) -> Iterator[Callable[[int, Epoch | None], None]]:
    """Show a progress bar; yield a function to call with each epoch, and its report if any."""
    if tqdm is None or not wanted:
        yield lambda *_: None
        return
    with tqdm(total=epochs, desc="training", unit="epoch") as bar:

        def show(number: int, report: Epoch | None) -> None:
            if report is not None:
                known = {"loss": report.loss, "accuracy": report.accuracy}
                bar.set_postfix({k: f"{v:.4g}" for k, v in known.items() if v is not None})
            bar.update(number - bar.n)

        yield show
