"""Distances as losses: how far numbers, vectors and distributions are from each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, values, weighted
from tinygrad_edu.ops.linear_algebra import norm
from tinygrad_edu.ops.loss import Reduction, pair, reduce, require_known, require_two
from tinygrad_edu.quick import as_a_whole

__all__ = [
    "cosine_similarity",
    "gaussian_nll_loss",
    "hinge_loss",
    "huber_loss",
    "kl_divergence",
    "l1_loss",
]


@differentiable
def l1_loss(predictions: Operand, targets: Operand, reduction: Reduction = "mean") -> Any:
    """Absolute difference between predictions and targets.

    ::

        loss = mean(abs(predictions - targets))
        dL/dpredictions = g * sign(predictions - targets) / n
        dL/dtargets = -dL/dpredictions

    Where they are equal the slope is taken to be 0.

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
    >>> loss = tg.l1_loss(predictions, [0.0, 4.0])
    >>> loss.backward()
    >>> loss.item(), predictions.grad
    (1.5, array([ 0.5, -0.5]))
    """
    predictions, targets = pair(predictions, targets, "predictions", reduction)
    error = predictions - targets
    loss, weight = reduce(np.absolute(error), reduction)
    slope = np.sign(values(error))
    return loss, lambda g: slope * (g * weight), lambda g: slope * (g * -weight)


@differentiable
def huber_loss(
    predictions: Operand, targets: Operand, delta: float = 1.0, reduction: Reduction = "mean"
) -> Any:
    """Squared difference where it is small, absolute difference where it is large.

    ::

        loss = mean(where(abs(e) <= delta, e**2 / 2, delta * (abs(e) - delta / 2)))
        e = predictions - targets
        dL/dpredictions = g * clip(e, -delta, delta) / n
        dL/dtargets = -dL/dpredictions

    Outliers pull with no more than delta.

    Parameters
    ----------
    predictions, targets : Tensor or array_like
        Of the same shape.
    delta : float, optional
        Where the square ends; positive.
    reduction : {"mean", "sum", "none"}, optional
        Over all elements.

    Returns
    -------
    Tensor
        A single number; of the shape of the predictions with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, delta is not positive, or the reduction is unknown.

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> predictions = tg.Tensor([0.5, 9.0], requires_grad=True)
    >>> loss = tg.huber_loss(predictions, [0.0, 0.0], reduction="sum")
    >>> loss.backward()
    >>> loss.item(), predictions.grad
    (8.625, array([0.5, 1. ]))
    """
    if not delta > 0:
        raise ValueError(f"delta must be positive; got {delta}")
    predictions, targets = pair(predictions, targets, "predictions", reduction)
    error = predictions - targets
    slope = np.clip(error, -delta, delta)
    loss, weight = reduce(slope * (error - slope * 0.5), reduction)
    return loss, lambda g: slope * (g * weight), lambda g: slope * (g * -weight)


@differentiable
def hinge_loss(scores: Operand, labels: Any, reduction: Reduction = "mean") -> Any:
    """How far scores are from the right side of a margin of 1: the loss of support vector machines.

    ::

        loss = mean(maximum(0, 1 - labels * scores))
        dL/dscores = where(labels * scores < 1, -g * labels, 0) / n

    On the margin the slope is taken to be 0.

    Parameters
    ----------
    scores : Tensor or array_like
        Any real numbers.
    labels : Tensor or array_like
        Of the same shape; -1 or 1.
    reduction : {"mean", "sum", "none"}, optional
        Over all elements.

    Returns
    -------
    Tensor
        A single number; of the shape of the scores with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, a label is not -1 or 1, or the reduction is unknown.

    References
    ----------
    Cortes and Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> scores = tg.Tensor([0.5, 2.0, 0.5], requires_grad=True)
    >>> loss = tg.hinge_loss(scores, [1, 1, -1], reduction="sum")
    >>> loss.backward()
    >>> loss.item(), scores.grad
    (2.0, array([-1., -0.,  1.]))
    """
    require_known(reduction)
    scores, labels = pair(scores, values(labels), "scores", "none", "labels")
    require_two("labels", labels, -1, 1, "write 2 * labels - 1 if they are 0 and 1")
    gap = 1 - labels * scores
    slope = -labels * np.greater(gap, 0)
    loss, weight = reduce(np.maximum(gap, 0), reduction)
    return loss, lambda g: slope * (g * weight)


@differentiable
def kl_divergence(
    log_probabilities: Operand, targets: Operand, reduction: Reduction = "mean"
) -> Any:
    """Kullback-Leibler divergence of distributions from the targets, along the last axis.

    ::

        loss = mean(sum(targets * (log(targets) - log_probabilities), axis=-1))
        dL/dlog_probabilities = -g / n * targets
        dL/dtargets = g / n * (log(targets) - log_probabilities + 1)

    with n the number of samples: the mean is PyTorch's "batchmean". A target of 0 counts for
    nothing.

    Parameters
    ----------
    log_probabilities : Tensor or array_like
        Of shape (..., classes), as `log_softmax` returns them.
    targets : Tensor or array_like
        Probabilities, of the same shape.
    reduction : {"mean", "sum", "none"}, optional
        Over all samples.

    Returns
    -------
    Tensor
        A single number; of the shape of the samples with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, a target is negative, or the reduction is unknown.

    References
    ----------
    Kullback and Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22,
    1951.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> logits = tg.Tensor([[0.0, 0.0]], requires_grad=True)
    >>> loss = tg.kl_divergence(tg.log_softmax(logits), [[1.0, 0.0]])
    >>> loss.backward()
    >>> round(loss.item(), 4), logits.grad
    (0.6931, array([[-0.5,  0.5]]))
    """
    require_known(reduction)
    log_p, t = pair(log_probabilities, targets, "log_probabilities", "none")
    if not log_p.ndim:
        raise ValueError("kl_divergence takes distributions along the last axis; got numbers")
    _require_all("targets", values(t), np.greater_equal, "must not be negative")
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.log(t) - log_p  # nan where both are 0, which counts for nothing
    loss, weight = reduce(np.add.reduce(weighted(t, difference), axis=-1), reduction)

    def per_sample(g: Any) -> Any:
        return (g if reduction != "none" else g[..., None]) * weight

    return loss, lambda g: per_sample(g) * -t, lambda g: per_sample(g) * (difference + 1)


@differentiable
def gaussian_nll_loss(
    predictions: Operand, targets: Operand, variances: Operand, reduction: Reduction = "mean"
) -> Any:
    """Negative log-likelihood of targets under normal distributions, without its constant.

    ::

        loss = mean((log(variances) + (predictions - targets)**2 / variances) / 2)
        dL/dpredictions = g / n * (predictions - targets) / variances
        dL/dtargets = -dL/dpredictions
        dL/dvariances = g / n * (1 - (predictions - targets)**2 / variances) / (2 * variances)

    So a network learns how sure it is.

    Parameters
    ----------
    predictions, targets : Tensor or array_like
        Of the same shape.
    variances : Tensor or array_like
        Positive, of the same shape; as `softplus` or `exp` returns them.
    reduction : {"mean", "sum", "none"}, optional
        Over all elements.

    Returns
    -------
    Tensor
        A single number; of the shape of the predictions with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, a variance is not positive, or the reduction is unknown.

    References
    ----------
    Nix and Weigend, "Estimating the mean and variance of the target probability distribution", ICNN
    1994.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> variances = tg.Tensor([1.0, 4.0], requires_grad=True)
    >>> loss = tg.gaussian_nll_loss([0.0, 0.0], [2.0, 2.0], variances, reduction="sum")
    >>> loss.backward()
    >>> round(loss.item(), 4), variances.grad
    (3.1931, array([-1.5,  0. ]))
    """
    require_known(reduction)
    mean, t = pair(predictions, targets, "predictions", "none")
    variances = pair(predictions, variances, "predictions", "none", "variances")[1]
    _require_all("variances", values(variances), np.greater, "must be positive")
    error = mean - t
    ratio = error / variances
    loss, weight = reduce((np.log(variances) + error * ratio) * 0.5, reduction)
    return (
        loss,
        lambda g: ratio * (g * weight),
        lambda g: ratio * (g * -weight),
        lambda g: (1 - error * ratio) / variances * (g * (weight * 0.5)),
    )


@as_a_whole
def _require_all(what: str, x: Any, condition: Any, otherwise: str) -> None:
    """Refuse numbers that do not compare to 0 as they should; nan is not compared."""
    wrong = x[~condition(x, 0) & (x == x)]  # noqa: PLR0124 - only nan differs from itself
    if wrong.size:
        raise ValueError(f"{what} {otherwise}; got {wrong[0]}")


@differentiable
def cosine_similarity(a: Operand, b: Operand, axis: int = -1) -> Any:
    """Cosine of the angle between vectors: 1 if they point in the same direction, -1 if opposite.

    ::

        y = sum(a * b) / (norm(a) * norm(b))
        dL/da = g * (b / norm(b) - y * a / norm(a)) / norm(a)
        dL/db = g * (a / norm(a) - y * b / norm(b)) / norm(b)

    Of a vector of length 0 it is 0, and so is the gradient.

    Parameters
    ----------
    a, b : Tensor or array_like
        Vectors along an axis; the other axes broadcast against each other.
    axis : int, optional
        The axis.

    Returns
    -------
    Tensor
        Of the shape of the vectors, without the axis.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([3.0, 4.0], requires_grad=True)
    >>> y = tg.cosine_similarity(a, [1.0, 0.0])
    >>> y.backward()
    >>> round(y.item(), 4), a.grad
    (0.6, array([ 0.128, -0.096]))
    """
    a, b = as_array(a), as_array(b)
    if not a.ndim or not b.ndim or a.shape[axis] != b.shape[axis]:
        raise ValueError(
            f"cosine_similarity takes vectors of one length along axis {axis}; got shapes "
            f"{a.shape} and {b.shape}"
        )
    (a_unit, a_rest), (b_unit, b_rest) = _directions(a, axis), _directions(b, axis)
    y = np.add.reduce(a_unit * b_unit, axis=axis, keepdims=True)

    def spread(g: Any) -> Any:
        return np.expand_dims(g, axis)

    return (
        np.squeeze(y, axis),
        lambda g: spread(g) * (b_unit - y * a_unit) * a_rest,
        lambda g: spread(g) * (a_unit - y * b_unit) * b_rest,
    )


def _directions(x: Any, axis: int) -> tuple[Any, Any]:
    """Vectors divided by their lengths, and 1 / length; both are 0 for a length of 0."""
    length = norm(x, axis=axis, keepdims=True)
    nothing = np.equal(values(length), 0)
    rest = np.where(nothing, 0, 1 / np.where(nothing, 1, length))
    return x * rest, rest
