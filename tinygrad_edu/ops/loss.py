"""Losses: how far predictions are from targets, as one number that training makes small."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, chain, is_tensor, values, weighted
from tinygrad_edu.ops.activation import logistic
from tinygrad_edu.ops.softmax import by_columns, log_softmax
from tinygrad_edu.tracing import Traced

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def _reduce(losses: Any, reduction: str) -> tuple[Any, float]:
    """The losses of the samples reduced to one, and the weight each of them has in it."""
    if reduction == "mean":
        weight = 1 / (np.size(losses) or math.nan)
        return np.add.reduce(losses, axis=None) * weight, weight
    if reduction == "sum":
        return np.add.reduce(losses, axis=None), 1.0
    if reduction == "none":
        return losses, 1.0
    raise ValueError(f'reduction must be "mean", "sum" or "none"; got {reduction!r}')


def _pair(predictions: Any, targets: Any, what: str) -> tuple[Any, Any]:
    """Predictions and targets to compute with; integer targets in the precision of the others.

    What would broadcast is refused: (n, 1) against (n,) would become an n by n loss.
    """
    predictions, targets = as_array(predictions), as_array(targets)
    if not is_tensor(targets) and targets.dtype.kind != "f":
        targets = targets.astype(predictions.dtype)
    if predictions.shape != targets.shape:
        raise ValueError(
            f"{what} and targets must have the same shape; got {predictions.shape} and "
            f"{targets.shape}"
        )
    return predictions, targets


def _is_one_number(predictions: Any, reduction: str) -> bool:
    """Whether Python's own arithmetic will do: for a single sample it is five times as fast."""
    return (
        isinstance(predictions, np.ndarray)
        and predictions.size == 1
        and predictions.dtype.kind == "f"
        and reduction in ("mean", "sum")
    )


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
    predictions, targets = _pair(predictions, targets, "predictions")
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
        If the shapes differ, a probability is outside of 0 to 1, or the reduction is unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> p = tg.Tensor([0.5, 1.0], requires_grad=True)
    >>> loss = tg.binary_cross_entropy(p, [0.0, 1.0])
    >>> loss.backward()
    >>> round(loss.item(), 4), p.grad
    (0.3466, array([ 1. , -0.5]))
    """
    p, y = _pair(probabilities, targets, "probabilities")
    if type(p) is type(y) is np.ndarray and _is_one_number(p, reduction):
        try:
            return _binary_cross_entropy_of_one(p, y)
        except (ValueError, ZeroDivisionError):
            pass  # at 0 and 1 the arrays know what to do
    outside = np.less(p, 0) | np.greater(p, 1)
    if type(outside) is not Traced and np.any(outside):
        raise ValueError(
            f"probabilities must lie between 0 and 1; got {values(p).min()} to {values(p).max()}. "
            "For what goes into a sigmoid there is sigmoid_cross_entropy"
        )
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p), np.log1p(-p)
    losses = -weighted(y, log_p) - weighted(1 - y, log_q)
    loss, weight = _reduce(losses, reduction)
    return (
        loss,
        lambda g: (chain(1 - y, 1 / (1 - p)) - chain(y, 1 / p)) * (g * weight),
        lambda g: chain(g * weight, log_q - log_p),
    )


def _binary_cross_entropy_of_one(probability: Any, target: Any) -> Any:
    p, y = probability.item(), target.item()
    log_p, log_q = math.log(p), math.log1p(-p)
    slope = (p - y) / (p * (1 - p))
    return (
        probability.dtype.type(-y * log_p - (1 - y) * log_q),
        lambda g: (g * slope).reshape(probability.shape),
        lambda g: (g * (log_q - log_p)).reshape(target.shape),
    )


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
        If the shapes differ, or the reduction is unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> logits = tg.Tensor([-1000.0, 0.0], requires_grad=True)
    >>> loss = tg.sigmoid_cross_entropy(logits, [1.0, 1.0])
    >>> loss.backward()
    >>> round(loss.item(), 4), logits.grad
    (500.3466, array([-0.5 , -0.25]))
    """
    z, y = _pair(logits, targets, "logits")
    if type(z) is type(y) and _is_one_number(z, reduction):
        loss, slope, slope_of_y = sigmoid_cross_entropy_of_one(z, y)
        return (
            loss,
            lambda g: (g * slope).reshape(z.shape),
            lambda g: (g * slope_of_y).reshape(y.shape),
        )
    p, q = logistic(z)
    # log(1 + exp(z)) - y * z without the difference of two large numbers
    wrong = weighted(1 - y, np.maximum(z, 0)) + weighted(y, np.maximum(-z, 0))
    losses = wrong + np.log1p(np.exp(-np.absolute(z)))
    loss, weight = _reduce(losses, reduction)
    return (
        loss,
        lambda g: (p * (1 - y) - q * y) * (g * weight),
        lambda g: z * (g * -weight),
    )


def sigmoid_cross_entropy_of_one(logit: Any, target: Any) -> tuple[Any, float, float]:
    """The loss of a single sample, and its slopes in the logit and in the target."""
    if type(logit) is Traced:
        one: tuple[Any, float, float] = logit.tape.call(
            sigmoid_cross_entropy_of_one, (logit, target)
        )
        return one
    z, y = logit.item(), target.item()
    e = math.exp(-abs(z))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    p, q = (larger, smaller) if z > 0 else (smaller, larger)
    weight = 1 - y if z > 0 else y
    loss = (weight * abs(z) if weight else 0) + math.log1p(e)
    return logit.dtype.type(loss), p * (1 - y) - q * y, -z


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
    logits = as_array(logits)
    target, total = _distribution(labels, logits)
    log_p = log_softmax(logits)
    losses = -np.add.reduce(weighted(target, log_p), axis=-1)
    loss, weight = _reduce(losses, reduction)

    def per_sample(g: Any) -> Any:
        return (g if reduction != "none" else g.reshape(*g.shape, 1)) * weight

    return (
        loss,
        lambda g: (np.exp(log_p) * total - target) * per_sample(g),
        lambda g: chain(per_sample(g), -log_p),
    )


def _distribution(labels: Any, logits: Any) -> tuple[Any, Any]:
    """The labels as probabilities in the shape of the logits, and the sum of every row."""
    labels, shape = as_array(labels), np.shape(logits)
    numbers = values(labels)
    if numbers.shape == shape and numbers.dtype.kind == "f":
        return labels, np.sum(labels, axis=-1, keepdims=True)
    if numbers.shape == shape and shape:
        raise TypeError(
            "labels in the shape of the logits are probabilities, and must be floating-point; got "
            f"{numbers.dtype}"
        )
    if numbers.shape != shape[:-1]:
        raise ValueError(
            f"labels must be class indices of shape {shape[:-1]} or probabilities of shape "
            f"{shape}, as the logits; got shape {numbers.shape}"
        )
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"class indices must be integers; got {numbers.dtype}")
    return one_hot(numbers, shape[-1], logits.dtype), 1


def one_hot(numbers: Any, classes: int, dtype: np.dtype[Any]) -> Any:
    """A row for each number, which is 1 there and 0 elsewhere."""
    if type(numbers) is Traced:
        return numbers.tape.call(one_hot, (numbers, classes, dtype))
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
        wrong = numbers[(numbers < 0) | (numbers >= classes)]
        raise ValueError(
            f"class indices must lie in 0 to {classes - 1}, for {classes} logits; got {wrong[0]}"
        )
    return by_columns(_one_hot_rows(classes, dtype).take(numbers, axis=0))


@lru_cache(maxsize=16)
def _one_hot_rows(classes: int, dtype: np.dtype[Any]) -> Any:
    return np.eye(classes, dtype=dtype)
