"""Losses: how far predictions are from targets, as one number that training makes small."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_edu import quick
from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, is_tensor, values, weighted
from tinygrad_edu.ops.activation import log_softmax, logistic
from tinygrad_edu.quick import as_a_whole

__all__ = [
    "binary_cross_entropy",
    "mean_squared_error",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def _reduce(losses: Any, reduction: str) -> tuple[Any, float]:
    """The losses of the samples reduced to one, and the weight each of them has in it."""
    if reduction == "none" or np.ndim(losses) == 0:
        return losses, 1.0
    weight = 1 / (np.size(losses) or math.nan) if reduction == "mean" else 1.0
    return np.add.reduce(losses, axis=None) * weight, weight


def _require_known(reduction: Any) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction must be "mean", "sum" or "none"; got {reduction!r}')


def _pair(predictions: Any, targets: Any, what: str, reduction: Any) -> tuple[Any, Any]:
    """Predictions and targets to compute with; integer targets in the precision of the others.

    What would broadcast is refused: (n, 1) against (n,) would become an n by n loss.
    """
    _require_known(reduction)
    predictions, targets = as_array(predictions), as_array(targets)
    if not is_tensor(targets) and targets.dtype.kind != "f":
        targets = targets.astype(predictions.dtype)
    if predictions.shape != targets.shape:
        raise ValueError(
            f"{what} and targets must have the same shape; got {predictions.shape} and "
            f"{targets.shape}{_reshaped('targets', targets.shape, predictions.shape)}"
        )
    if reduction == "none":
        return predictions, targets
    return quick.as_numbers(predictions, targets)


def _reshaped(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """How to bring labels or targets to a shape that takes the same numbers, for a message."""
    if (*shape, 1) == wanted:
        return f". Write {name}[:, None]" if len(shape) == 1 else f". Write {name}[..., None]"
    if (*wanted, 1) == shape:
        return f". Write {name}.ravel()" if len(wanted) == 1 else f". Write {name}[..., 0]"
    return ""


@differentiable
def mean_squared_error(
    predictions: Operand, targets: Operand, reduction: Reduction = "mean"
) -> Any:
    """Squared difference between predictions and targets.

    ::

        loss = mean((predictions - targets)**2)
        dL/dpredictions = g * 2 * (predictions - targets) / n
        dL/dtargets = -dL/dpredictions

    Parameters
    ----------
    predictions, targets : Tensor or array_like
        Of the same shape.
    reduction : {"mean", "sum", "none"}, optional
        Over all elements.

    Returns
    -------
    Tensor
        A single number; of the shape of the predictions with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, or the reduction is unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> predictions = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> loss = tg.mean_squared_error(predictions, [0.0, 4.0])
    >>> loss.backward()
    >>> loss.item(), predictions.grad
    (2.5, array([ 1., -2.]))
    """
    predictions, targets = _pair(predictions, targets, "predictions", reduction)
    error = predictions - targets
    loss, weight = _reduce(error * error, reduction)
    return loss, lambda g: g * error * (2 * weight), lambda g: g * error * (-2 * weight)


@differentiable
def binary_cross_entropy(
    probabilities: Operand, targets: Operand, reduction: Reduction = "mean"
) -> Any:
    """Cross entropy of probabilities with targets between 0 and 1.

    ::

        loss = mean(-targets * log(probabilities) - (1 - targets) * log(1 - probabilities))
        dL/dprobabilities = g / n * ((1 - targets) / (1 - probabilities) - targets / probabilities)
        dL/dtargets = g / n * (log(1 - probabilities) - log(probabilities))

    A term of weight 0 is 0, however small its probability; a probability of exactly 0 or 1 for
    the wrong target costs inf. Prefer `sigmoid_cross_entropy`, which takes what goes into the
    sigmoid and loses nothing.

    Parameters
    ----------
    probabilities : Tensor or array_like
        Between 0 and 1.
    targets : Tensor or array_like
        Of the same shape; 0, 1 or in between.
    reduction : {"mean", "sum", "none"}, optional
        Over all elements.

    Returns
    -------
    Tensor
        A single number; of the shape of the probabilities with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, a probability or a target is outside of 0 to 1, or the reduction is
        unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> p = tg.Tensor([0.5, 1.0], requires_grad=True)
    >>> loss = tg.binary_cross_entropy(p, [0.0, 1.0])
    >>> loss.backward()
    >>> round(loss.item(), 4), p.grad
    (0.3466, array([ 1. , -0.5]))
    """
    p, y = _pair(probabilities, targets, "probabilities", reduction)
    _require_fractions(
        values(p), "probabilities", "for what goes into a sigmoid there is sigmoid_cross_entropy"
    )
    _require_fractions(values(y), "targets", OTHER_LABELS)
    log_p, log_q = _logarithms(p)
    loss, weight = _reduce(-weighted(y, log_p) - weighted(1 - y, log_q), reduction)
    return (
        loss,
        lambda g: (weighted(1 - y, 1 / (1 - p)) - weighted(y, 1 / p)) * (g * weight),
        lambda g: (log_q - log_p) * (g * weight),
    )


@as_a_whole
def _require_fractions(x: Any, what: str, otherwise: str) -> None:
    if isinstance(x, np.floating):
        outside = x < 0 or x > 1
    else:  # these pass over nan
        outside = x.size and (np.fmin.reduce(x, None) < 0 or np.fmax.reduce(x, None) > 1)
    if outside:
        raise ValueError(
            f"{what} must lie between 0 and 1; got {x.min()} to {x.max()}: {otherwise}"
        )


OTHER_LABELS = (
    "write (targets + 1) / 2 if they are -1 and 1; for class indices there is softmax_cross_entropy"
)


def _logarithms(p: Any) -> tuple[Any, Any]:
    """log(p) and log(1 - p)."""
    if quick.is_number(p):
        return quick.logarithms_of_number(p)
    with np.errstate(divide="ignore"):
        return np.log(p), np.log1p(-p)


@differentiable
def sigmoid_cross_entropy(logits: Operand, targets: Operand, reduction: Reduction = "mean") -> Any:
    """Binary cross entropy of ``sigmoid(logits)``, without computing the sigmoid.

    ::

        loss = mean(log(1 + exp(logits)) - targets * logits)
        dL/dlogits = g * (sigmoid(logits) - targets) / n
        dL/dtargets = -g * logits / n

    Exact to a few ulp for logits of any size, where the loss on probabilities is inf or nan.

    Parameters
    ----------
    logits : Tensor or array_like
        What goes into the sigmoid: any real numbers.
    targets : Tensor or array_like
        Of the same shape; 0, 1 or in between.
    reduction : {"mean", "sum", "none"}, optional
        Over all elements.

    Returns
    -------
    Tensor
        A single number; of the shape of the logits with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, a target is outside of 0 to 1, or the reduction is unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> logits = tg.Tensor([-1000.0, 0.0], requires_grad=True)
    >>> loss = tg.sigmoid_cross_entropy(logits, [1.0, 1.0])
    >>> loss.backward()
    >>> round(loss.item(), 4), logits.grad
    (500.3466, array([-0.5 , -0.25]))
    """
    z, y = _pair(logits, targets, "logits", reduction)
    _require_fractions(values(y), "targets", OTHER_LABELS)
    p, q, log_p, log_q = _sigmoids(z)
    loss, weight = _reduce(-weighted(y, log_p) - weighted(1 - y, log_q), reduction)
    return (
        loss,
        lambda g: (p * (1 - y) - q * y) * (g * weight),  # p - y, and exact where p is nearly y
        lambda g: z * (g * -weight),
    )


def _sigmoids(z: Any) -> tuple[Any, Any, Any, Any]:
    """sigmoid(z), sigmoid(-z) and the logarithms of both, exact for every z."""
    if quick.is_number(z):
        return quick.sigmoids_of_number(z)
    rest = np.log1p(np.exp(-np.absolute(z)))
    return *logistic(z), np.minimum(z, 0) - rest, np.minimum(-z, 0) - rest


@differentiable
def softmax_cross_entropy(logits: Operand, labels: Operand, reduction: Reduction = "mean") -> Any:
    """Cross entropy of ``softmax(logits)`` along the last axis, without computing the softmax.

    ::

        loss = mean(-sum(labels * log_softmax(logits)))
        dL/dlogits = g * (softmax(logits) - labels) / n

    where class indices stand for rows of 0 and a single 1. Right for logits of any size, and for
    logits of minus infinity.

    Parameters
    ----------
    logits : Tensor or array_like
        Scores of shape (..., classes).
    labels : Tensor or array_like
        Class indices, integers of shape (...); or probabilities, floating point in the shape of
        the logits.
    reduction : {"mean", "sum", "none"}, optional
        Over all samples.

    Returns
    -------
    Tensor
        A single number; of the shape of the samples with ``reduction="none"``.

    Raises
    ------
    TypeError
        If class indices are not integers.
    ValueError
        If shapes do not fit, a class index is out of range, or the reduction is unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> logits = tg.Tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    >>> loss = tg.softmax_cross_entropy(logits, [0, 1])
    >>> loss.backward()
    >>> round(loss.item(), 4), logits.grad.round(4)
    (0.6691, array([[-0.1065,  0.0533,  0.0533],
           [ 0.1667, -0.3333,  0.1667]]))
    """
    _require_known(reduction)
    logits, labels = as_array(logits), as_array(labels)
    _require_fitting(labels, logits)
    log_p = log_softmax(logits)

    def per_sample(g: Any) -> Any:
        return (g if reduction != "none" else g[..., None]) * weight

    if labels.dtype.kind == "f":
        total = np.sum(labels, axis=-1, keepdims=True)
        loss, weight = _reduce(-np.add.reduce(weighted(labels, log_p), axis=-1), reduction)
        return (
            loss,
            lambda g: (np.exp(log_p) * total - labels) * per_sample(g),
            lambda g: per_sample(g) * -log_p,
        )
    classes = logits.shape[-1]
    indices = class_indices(values(labels), classes)
    chosen = log_p.reshape(-1, classes)[np.arange(indices.size), indices.reshape(-1)]
    loss, weight = _reduce(-chosen.reshape(indices.shape), reduction)
    return (
        loss,
        lambda g: (np.exp(log_p) - quick.one_hot(indices, classes, logits.dtype)) * per_sample(g),
        None,
    )


def _require_fitting(labels: Any, logits: Any) -> None:
    """Labels must be class indices, or probabilities in the shape of the logits."""
    shape, kind = logits.shape, labels.dtype.kind
    if labels.shape == shape and shape:
        if kind != "f":
            raise TypeError(
                "labels in the shape of the logits are probabilities, and must be floating-point; "
                f"got {labels.dtype}. Write labels.astype(float)"
                + (", or labels.argmax(-1) for class indices" if len(shape) > 1 else _FOR_TWO)
            )
    elif labels.shape != shape[:-1]:
        raise ValueError(
            f"labels must be class indices of shape {shape[:-1]} or probabilities of shape "
            f"{shape}, as the logits; got shape {labels.shape}"
            + _reshaped("labels", labels.shape, shape[:-1])
        )
    elif kind not in "iu":
        raise TypeError(
            f"class indices must be integers; got {labels.dtype}. Write labels.astype(int)"
        )


_FOR_TWO = "; for two classes and one logit per sample there is sigmoid_cross_entropy"


@as_a_whole
def class_indices(labels: Any, classes: int) -> Any:
    """The labels, if each of them is the index of a class."""
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        wrong = labels[(labels < 0) | (labels >= classes)]
        raise ValueError(
            f"class indices must lie in 0 to {classes - 1}, for {classes} logits; got {wrong[0]}"
            + (_FOR_TWO if classes == 1 else "")
        )
    return labels
