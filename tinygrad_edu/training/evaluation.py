"""Evaluating a model: its loss and accuracy on some data, and the health of its units."""

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
from tinygrad_edu.training.data import Array, Samples

__all__ = ["Accuracy", "Evaluator", "Loss", "Model", "known_accuracy", "single_number"]

Model: TypeAlias = Callable[..., Any]
Loss: TypeAlias = Callable[[Any, Any], Any]
Accuracy: TypeAlias = Callable[[Array, Array], float]

HEALTH_SAMPLES = 1000  # enough to know the fraction of dead units


@dataclass(frozen=True)
class Evaluator:
    """A model, and what to evaluate it on after an epoch."""

    model: Model
    loss: Loss
    accuracy: Accuracy | None
    training: Samples
    validation: Samples | None
    health: bool

    def evaluate(self) -> dict[str, Any]:
        """Return the fields of an `Epoch` that depend on the parameters as they are now."""
        if isinstance(self.model, Module):
            self.model.eval()
        with np.errstate(all="ignore"):
            loss, accuracy = self._loss_and_accuracy(self.training)
            validation = (
                self._loss_and_accuracy(self.validation) if self.validation else (None, None)
            )
            samples = [array[:HEALTH_SAMPLES] for array in self.training.inputs]
            layers = unit_health(self.model, *samples) if self.health else {}
        return {
            "loss": loss,
            "accuracy": accuracy,
            "validation_loss": validation[0],
            "validation_accuracy": validation[1],
            "dead": {name: layer.dead for name, layer in layers.items()},
            "saturated": {name: layer.saturated for name, layer in layers.items()},
        }

    def _loss_and_accuracy(self, samples: Samples) -> tuple[float, float | None]:
        with no_grad():
            outputs = self.model(*samples.inputs)
            loss = single_number(self.loss(outputs, samples.targets))
        if self.accuracy is None:
            return loss, None
        accuracy = self.accuracy(outputs.data, samples.targets)
        if np.ndim(accuracy) != 0 or accuracy is None:
            raise ValueError(f"the accuracy must be a single number; got {accuracy!r}")
        return loss, float(accuracy)


def single_number(loss: Any) -> float:
    """Return the value of a loss; raise ValueError if it is not a Tensor of one element."""
    if not isinstance(loss, Tensor) or loss.size != 1:
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"the loss must return a Tensor of a single number; got {got}")
    return float(loss.item())


# --- the accuracy that belongs to a loss ---------------------------------------------------


def _accuracy_of_scores(outputs: Array, y: Array) -> float:
    """Compare the class of the highest score with class indices, or with one-hot rows."""
    labels = y.argmax(axis=-1) if y.shape == outputs.shape and y.dtype.kind == "f" else y
    return float(np.mean(outputs.argmax(axis=-1) == labels))


def _accuracy_of_logits(outputs: Array, y: Array) -> float:
    return float(np.mean((outputs > 0) == (y > 0.5)))


def _accuracy_of_probabilities(outputs: Array, y: Array) -> float:
    return float(np.mean((outputs > 0.5) == (y > 0.5)))


ACCURACIES: dict[Any, Accuracy] = {
    ops.softmax_cross_entropy: _accuracy_of_scores,
    ops.sigmoid_cross_entropy: _accuracy_of_logits,
    ops.binary_cross_entropy: _accuracy_of_probabilities,
}


def known_accuracy(loss: Any) -> Accuracy | None:
    """Return the accuracy for a cross entropy, whose outputs are scores, logits or probabilities.

    Options may be bound to it, as in ``partial(softmax_cross_entropy, reduction="sum")``. Of
    another loss it is not known what the outputs mean: None.
    """
    return ACCURACIES.get(loss.func if isinstance(loss, partial) else loss)
