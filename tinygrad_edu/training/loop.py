"""The loop: for each epoch its steps, then a report."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

from numpy.typing import ArrayLike

from tinygrad_edu.nn.init import Rng, as_rng
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.optim.checks import at_least_one, at_least_zero
from tinygrad_edu.training.data import Data, batches, checked_data
from tinygrad_edu.training.ends import Best, deferred_interrupt, progress_bar
from tinygrad_edu.training.judging import Accuracy, Judge, Loss, known_accuracy
from tinygrad_edu.training.learning import Learner
from tinygrad_edu.training.reports import Epoch

__all__ = ["train"]


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
    >>> history = tg.History(
    ...     tg.train(line, x, 3 * x + 1, loss=tg.mean_squared_error, epochs=30, batch_size=5, rng=0,
    ...              optimizer=tg.optim.SGD(line.parameters(), lr=0.2), progress=False)
    ... )
    >>> round(line.W.item(), 3), round(line.b.item(), 3), history.stopped
    (3.0, 1.0, 'finished')
    """
    data = checked_data(x, y)
    others = None if validation is None else _checked_validation(validation)
    for name, function in {"model": model, "loss": loss}.items():
        if not callable(function):
            raise TypeError(f"the {name} must be a function or a module; got {function!r}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            "optimizer must be made with the parameters to train, as "
            f"optim.SGD(model.parameters(), lr=0.1); got {optimizer!r}"
        )
    if clip_norm is not None:
        clip_norm = at_least_zero("clip_norm", clip_norm)
    if patience is not None:
        patience = at_least_one("patience", patience)
    size = len(data[0]) if batch_size is None else at_least_one("batch_size", batch_size)
    return _reports(
        Learner(model, loss, optimizer, clip_norm),
        Judge(model, loss, accuracy or known_accuracy(loss), data, others, health),
        partial(batches, *data, size, shuffle, as_rng(rng)),
        epochs=at_least_one("epochs", epochs),
        every=at_least_one("every", every),
        patience=patience,
        progress=progress,
    )


def _checked_validation(validation: Any) -> Data:
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise TypeError(
            f"validation must be a pair of samples and targets; got {type(validation).__name__}"
        )
    x, y = validation
    return checked_data(x, y, "the validation samples", "the validation targets")


def _reports(
    learner: Learner,
    judge: Judge,
    new_batches: Callable[[], Iterator[Data]],
    *,
    epochs: int,
    every: int,
    patience: int | None,
    progress: bool,
) -> Generator[Epoch, None, str]:
    best = Best(learner.parameters, patience)
    stopped = "finished"
    with progress_bar(epochs, progress) as show:
        for number in range(epochs + 1):
            with deferred_interrupt() as interrupted:
                if number > 0:
                    learner.do_epoch(number, new_batches(), interrupted)
                last = number == epochs or interrupted()
                if number % every and not last:
                    show(None)
                    continue
                report = Epoch(number, **judge.judge(), **learner.tell())
                show(report)
            yield report
            best.update(report)
            if interrupted():
                stopped = "interrupted"
                break
            if best.is_too_long_ago:
                stopped = "stopped early"
                break
    best.restore()
    return stopped
