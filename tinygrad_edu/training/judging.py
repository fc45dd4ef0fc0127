"""What a model is worth: loss, accuracy, the health of its units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.context import no_grad
from tinygrad_edu.debugging import unit_health
from tinygrad_edu.nn.module import Module
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.training.data import Array, Data

__all__ = ["Accuracy", "Judge", "Loss", "Model", "known_accuracy", "single_number"]

Model: TypeAlias = Callable[[Any], Any]
Loss: TypeAlias = Callable[[Any, Any], Any]
Accuracy: TypeAlias = Callable[[Array, Array], float]

HEALTH_SAMPLES = 1000  # enough to know the fraction of dead units


@dataclass(frozen=True)
class Judge:
    """What is told of a model between the epochs."""

    model: Model
    loss: Loss
    accuracy: Accuracy | None
    data: Data
    others: Data | None
    health: bool

    def judge(self) -> dict[str, Any]:
        """What an `Epoch` tells of the model as it is now."""
        if isinstance(self.model, Module):
            self.model.eval()
        with np.errstate(all="ignore"):
            loss, accuracy = self._judged(*self.data)
            validation = self._judged(*self.others) if self.others else (None, None)
            samples = self.data[0][:HEALTH_SAMPLES]
            layers = unit_health(self.model, samples) if self.health else {}
        return {
            "loss": loss,
            "accuracy": accuracy,
            "validation_loss": validation[0],
            "validation_accuracy": validation[1],
            "dead": {name: layer.dead for name, layer in layers.items()},
            "saturated": {name: layer.saturated for name, layer in layers.items()},
        }

    def _judged(self, x: Array, y: Array) -> tuple[float, float | None]:
        """Loss and accuracy on some data."""
        with no_grad():
            outputs = self.model(x)
            loss = single_number(self.loss(outputs, y))
        if self.accuracy is None:
            return loss, None
        accuracy = self.accuracy(outputs.data, y)
        if np.ndim(accuracy) != 0 or accuracy is None:
            raise ValueError(f"the accuracy must be a single number; got {accuracy!r}")
        return loss, float(accuracy)


def single_number(loss: Any) -> float:
    """The value of a loss, if it is one."""
    if not isinstance(loss, Tensor) or loss.size != 1:
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"the loss must return a Tensor of a single number; got {got}")
    return float(loss.item())


# --- the accuracy that belongs to a loss ---------------------------------------------------


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


def known_accuracy(loss: Any) -> Accuracy | None:
    """The accuracy for a loss whose outputs are known to be scores, logits or probabilities."""
    return ACCURACIES.get(loss.func if isinstance(loss, partial) else loss)
