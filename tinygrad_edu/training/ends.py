"""How a training comes to its end: at its best, when Ctrl-C is pressed; and how far it is."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from tinygrad_edu.tensor import Tensor
from tinygrad_edu.training.reports import Epoch

try:
    from tqdm.auto import tqdm
except ImportError:
    tqdm = None

__all__ = ["Best", "deferred_interrupt", "progress_bar"]


class Best:
    """The parameters at the smallest loss so far, for those who have patience; else nothing."""

    def __init__(self, parameters: list[Tensor], patience: int | None) -> None:
        self.parameters: list[Tensor] = parameters
        self.patience: int | None = patience
        self.loss: float = math.inf
        self.age: int = 0
        self.values: list[NDArray[Any]] = []

    def update(self, report: Epoch) -> None:
        """Look at the next report."""
        if self.patience is None:
            return
        loss = report.loss if report.validation_loss is None else report.validation_loss
        self.age += 1
        if loss < self.loss:
            self.loss, self.age = loss, 0
            self.values = [p.data.copy() for p in self.parameters]

    @property
    def is_too_long_ago(self) -> bool:
        """Whether the patience is at its end."""
        return self.patience is not None and self.age >= self.patience

    def restore(self) -> None:
        """Give the parameters their values of that time; if no loss was a number, leave them."""
        if self.values:
            for p, values in zip(self.parameters, self.values, strict=True):
                p.data = values


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
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
def progress_bar(epochs: int, wanted: bool) -> Iterator[Callable[[Epoch | None], None]]:
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
