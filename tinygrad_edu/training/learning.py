"""The steps of a training, and what is seen of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_edu.debugging import explain_nonfinite
from tinygrad_edu.debugging.health import norm
from tinygrad_edu.nn.module import Module
from tinygrad_edu.optim import Optimizer, clip_by_norm
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.training.data import Array, Data
from tinygrad_edu.training.judging import Loss, Model, single_number

__all__ = ["Learner"]


class Learner:
    """A model, and the steps that change it; with what was seen of them in the last epoch."""

    def __init__(
        self, model: Model, loss: Loss, optimizer: Optimizer, clip_norm: float | None
    ) -> None:
        self.model: Model = model
        self.loss: Loss = loss
        self.optimizer: Optimizer = optimizer
        self.clip_norm: float | None = clip_norm
        self.parameters: list[Tensor] = optimizer.parameters
        self.names: list[str] = _names(model, self.parameters)
        self.steps: int = 0
        self.norms: Array = np.zeros(len(self.parameters))  # of all gradients of the epoch together
        self.before: list[Array] = []

    def do_epoch(
        self, number: int, batches: Iterable[Data], interrupted: Callable[[], bool]
    ) -> None:
        """Do one step for each batch."""
        self.steps = 0
        self.norms[:] = 0.0
        self.before = [p.data.copy() for p in self.parameters]
        # What is not finite is found, and explained.
        with np.errstate(all="ignore"), _in_training(self.model):
            for x, y in batches:
                self._do_step(number, x, y)
                if interrupted():
                    break

    def _do_step(self, number: int, x: Array, y: Array) -> None:
        """Change the parameters once, or raise and leave them as they are."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
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
        self.norms = np.hypot(self.norms, [norm(p.grad) for p in self.parameters])

    def _explain(self, what: str, number: int, loss: Tensor) -> str:
        when = f"in epoch {number}, step {self.steps + 1}"
        return f"{what}, {when}; the model is as before this step\n{explain_nonfinite(loss)}"

    def tell(self) -> dict[str, Any]:
        """What an `Epoch` tells of the steps that were done last."""
        with np.errstate(all="ignore"):
            norms = (self.norms / math.sqrt(max(self.steps, 1))).tolist()
            changes = [
                norm(p.data - old) for p, old in zip(self.parameters, self.before, strict=False)
            ]
        return {
            "learning_rate": self.optimizer.learning_rate,
            "gradient_norm": dict(zip(self.names, norms, strict=True)) if self.steps else {},
            "update_size": dict(zip(self.names, changes, strict=False)),
        }


@contextmanager
def _in_training(model: Any) -> Iterator[None]:
    if isinstance(model, Module):
        model.train()
    try:
        yield
    finally:
        if isinstance(model, Module):
            model.eval()


def _names(model: Any, parameters: list[Tensor]) -> list[str]:
    """What to call the parameters: no two alike."""
    known = {p: name for name, p in model.named_parameters()} if isinstance(model, Module) else {}
    names = [known.get(p) or p.name or f"parameter {i}" for i, p in enumerate(parameters, start=1)]
    return [
        f"{name} ({n})" if (n := names[: i + 1].count(name)) > 1 else name
        for i, name in enumerate(names)
    ]
