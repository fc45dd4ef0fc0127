"""Losses: how far predictions are from targets, as one number that training makes small."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_edu import quick
from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, is_tensor, values, weighted
from tinygrad_edu.ops.activation import log_softmax, logistic, softplus
from tinygrad_edu.ops.indexing import picked
from tinygrad_edu.quick import as_a_whole

__all__ = [
    "binary_cross_entropy",
    "focal_loss",
    "mean_squared_error",
    "nll_loss",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def reduce(losses: Any, reduction: str, total: Any = None) -> tuple[Any, Any]:
    """The losses of the samples reduced to one, and the weight each of them has in it.

    For a mean, ``total`` is what to divide their sum by; their number, if it is not given.
    """
    if reduction == "none" or (np.ndim(losses) == 0 and total is None):
        return losses, 1.0
    if total is None:
        total = np.size(losses)
    weight = _inverse(total, losses.dtype) if reduction == "mean" else 1.0
    return np.add.reduce(losses, axis=None) * weight, weight


@as_a_whole
def _inverse(total: Any, dtype: Any) -> Any:
    """1 / total, and nan of nothing: the mean of no samples."""
    inverse = 1 / (total or math.nan)
    return inverse if isinstance(total, int) else np.dtype(dtype).type(inverse)


def require_known(reduction: Any) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction must be "mean", "sum" or "none"; got {reduction!r}')


def pair(
    predictions: Any, targets: Any, what: str, reduction: Any, other: str = "targets"
) -> tuple[Any, Any]:
    """Predictions and targets to compute with; integer targets in the precision of the others.

    What would broadcast is refused: (n, 1) against (n,) would become an n by n loss.
    """
    require_known(reduction)
    predictions, targets = as_array(predictions), as_array(targets)
    if not is_tensor(targets) and targets.dtype.kind != "f":
        targets = targets.astype(predictions.dtype)
    if predictions.shape != targets.shape:
        raise ValueError(
            f"{what} and {other} must have the same shape; got {predictions.shape} and "
            f"{targets.shape}{_reshaped(other, targets.shape, predictions.shape)}"
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
    predictions, targets = pair(predictions, targets, "predictions", reduction)
    error = predictions - targets
    loss, weight = reduce(error * error, reduction)
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
    p, y = pair(probabilities, targets, "probabilities", reduction)
    _require_fractions(
        values(p), "probabilities", "for what goes into a sigmoid there is sigmoid_cross_entropy"
    )
    _require_fractions(values(y), "targets", OTHER_LABELS)
    log_p, log_q = _logarithms(p)
    loss, weight = reduce(-weighted(y, log_p) - weighted(1 - y, log_q), reduction)
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
def sigmoid_cross_entropy(
    logits: Operand,
    targets: Operand,
    reduction: Reduction = "mean",
    weight: Any = None,
    pos_weight: Any = None,
    ignore_index: float | None = None,
    label_smoothing: float = 0.0,
) -> Any:
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
    weight : array_like or None, optional
        A factor of every element of the loss, broadcast against the logits. A mean still divides
        by the number of elements.
    pos_weight : array_like or None, optional
        A factor of the part of the loss that the positive class has, broadcast: more than 1 where
        that class is rare.
    ignore_index : float or None, optional
        A target of this value counts for nothing, and not in a mean.
    label_smoothing : float, optional
        From 0 to 1: how far targets are moved towards 1/2.

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
    z, y = pair(logits, targets, "logits", reduction)
    if not (weight is pos_weight is ignore_index is None and label_smoothing == 0):
        options = reduction, weight, pos_weight, ignore_index, label_smoothing
        return _weighted_sigmoid_cross_entropy(z, y, *options)
    _require_fractions(values(y), "targets", OTHER_LABELS)
    p, q, log_p, log_q = _sigmoids(z)
    loss, weight = reduce(-weighted(y, log_p) - weighted(1 - y, log_q), reduction)
    return (
        loss,
        lambda g: (p * (1 - y) - q * y) * (g * weight),  # p - y, and exact where p is nearly y
        lambda g: z * (g * -weight),
    )


def _weighted_sigmoid_cross_entropy(
    z: Any,
    y: Any,
    reduction: str,
    weight: Any,
    pos_weight: Any,
    ignore_index: float | None,
    label_smoothing: float,
) -> tuple[Any, ...]:
    keep = 1 - _smoothing(label_smoothing)
    counts = 1 if ignore_index is None else np.not_equal(values(y), ignore_index).astype(z.dtype)
    if ignore_index is not None:
        y = y * counts
    _require_fractions(values(y), "targets", OTHER_LABELS)
    factor, positive = (
        _broadcast(name, x, z) for name, x in (("weight", weight), ("pos_weight", pos_weight))
    )
    factor = factor * counts
    y = y * keep + (1 - keep) / 2
    p, q, log_p, log_q = _sigmoids(z)
    each = factor * (-weighted(y * positive, log_p) - weighted(1 - y, log_q))
    total = None if ignore_index is None else np.add.reduce(counts, axis=None)
    loss, share = reduce(each, reduction, total)
    return (
        loss,
        lambda g: (p * (1 - y) - q * y * positive) * (g * share * factor),
        lambda g: (log_q - positive * log_p) * (g * share * factor * keep),
    )


def _smoothing(label_smoothing: Any) -> float:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be from 0 to 1; got {label_smoothing!r}")
    return float(label_smoothing)


def _broadcast(name: str, x: Any, z: Any) -> Any:
    """Weights in the precision of the logits, if they broadcast against these; 1 for none."""
    if x is None:
        return 1
    x = as_array(values(x))
    try:
        fits = np.broadcast_shapes(x.shape, z.shape) == z.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} must broadcast against {z.shape}, the logits; got {x.shape}")
    return x.astype(z.dtype)


def _sigmoids(z: Any) -> tuple[Any, Any, Any, Any]:
    """sigmoid(z), sigmoid(-z) and the logarithms of both, exact for every z."""
    if quick.is_number(z):
        return quick.sigmoids_of_number(z)
    rest = np.log1p(np.exp(-np.absolute(z)))
    return *logistic(z), np.minimum(z, 0) - rest, np.minimum(-z, 0) - rest


@differentiable
def focal_loss(
    logits: Operand,
    targets: Any,
    gamma: float = 2.0,
    alpha: float | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Binary cross entropy in which what is easy counts for less: for rare positives.

    ::

        loss = mean(m**gamma * log(1 + exp(u)))
        m = sigmoid(u)                 # the probability of the wrong class
        u = s * logits
        s = 1 - 2 * targets
        dL/dlogits = g / n * s * m**gamma * (gamma * (1 - m) * log(1 + exp(u)) + m)

    With alpha, targets of 1 are weighted with alpha, and those of 0 with 1 - alpha. With gamma=0
    this is `sigmoid_cross_entropy`. Exact for logits of any size.

    Parameters
    ----------
    logits : Tensor or array_like
        What goes into the sigmoid: any real numbers.
    targets : Tensor or array_like
        Of the same shape; 0 or 1.
    gamma : float, optional
        How little what is easy counts; at least 0.
    alpha : float or None, optional
        The weight of targets of 1, between 0 and 1.
    reduction : {"mean", "sum", "none"}, optional
        Over all elements.

    Returns
    -------
    Tensor
        A single number; of the shape of the logits with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, a target is not 0 or 1, gamma or alpha is out of range, or the
        reduction is unknown.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection", ICCV 2017.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> logits = tg.Tensor([4.0, 0.0], requires_grad=True)
    >>> loss = tg.focal_loss(logits, [1.0, 1.0], reduction="sum")
    >>> loss.backward()
    >>> round(loss.item(), 4), logits.grad.round(4)
    (0.1733, array([-0.    , -0.2983]))
    """
    require_known(reduction)
    if not gamma >= 0 or not (alpha is None or 0 <= alpha <= 1):
        raise ValueError(
            f"gamma must be at least 0, and alpha from 0 to 1; got gamma={gamma}, alpha={alpha}"
        )
    z, y = pair(logits, values(targets), "logits", "none")
    require_two("targets", y, 0, 1, OTHER_LABELS)
    sign = 1 - 2 * y
    u = z * sign
    a = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
    m, rest = logistic(u)
    ce = softplus(u)
    easy = a * m**gamma
    loss, share = reduce(weighted(easy, ce), reduction)
    return loss, lambda g: easy * sign * (weighted(gamma * rest, ce) + m) * (g * share)


@as_a_whole
def require_two(what: str, x: Any, low: float, high: float, otherwise: str) -> None:
    """Refuse other numbers than these two."""
    wrong = x[(x != low) & (x != high)]
    if wrong.size:
        raise ValueError(f"{what} must be {low} or {high}; got {wrong[0]}: {otherwise}")


@differentiable
def softmax_cross_entropy(
    logits: Operand,
    labels: Operand,
    reduction: Reduction = "mean",
    weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Any:
    """Cross entropy of ``softmax(logits)`` along the last axis, without computing the softmax.

    ::

        loss = mean(-sum(labels * log_softmax(logits), axis=-1))
        dL/dlogits = g * (softmax(logits) - labels) / n  # of labels that add up to 1
        dL/dlabels = -g * log_softmax(logits) / n

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
    weight : array_like or None, optional
        A factor for each class, of shape (classes,). A mean of class indices divides by the sum of
        the weights of the labels, one of probabilities by the number of samples, as in PyTorch.
    ignore_index : int or None, optional
        A class index that counts for nothing, and not in a mean; it may be no class at all.
    label_smoothing : float, optional
        From 0 to 1: how much of every label is spread over all classes.

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

    References
    ----------
    Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, for the
    smoothing.

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
    require_known(reduction)
    logits, labels = as_array(logits), as_array(labels)
    _require_fitting(labels, logits)
    smoothing = _smoothing(label_smoothing)
    classes = logits.shape[-1]
    weight = _class_weights(weight, classes, logits.dtype)
    log_p = log_softmax(logits)
    if labels.dtype.kind == "f":
        if ignore_index is not None:
            raise TypeError("ignore_index is for class indices; these labels are probabilities")
        targets = labels if smoothing == 0 else labels * (1 - smoothing) + smoothing / classes
        targets = targets if weight is None else targets * weight
        loss, of_logits, of_targets = _dense(log_p, targets, reduction)
        if targets is labels:
            return loss, of_logits, of_targets
        factor = (1 - smoothing) * (1 if weight is None else weight)
        return loss, of_logits, lambda g: of_targets(g) * factor
    indices, present = _present(values(labels), classes, ignore_index, logits.dtype)
    counts = _counts(indices, present, weight)
    if smoothing:
        of_all = None if counts is None else np.add.reduce(counts, axis=None)
        rows = quick.one_hot(indices, classes, logits.dtype) * (1 - smoothing) + smoothing / classes
        rows = rows if weight is None else rows * weight
        rows = rows if present is None else rows * present[..., None]
        return *_dense(log_p, rows, reduction, of_all)[:2], None
    loss, share = _likelihood(log_p, indices, counts, reduction)

    def closure(g: Any) -> Any:
        rows = quick.one_hot(indices, classes, logits.dtype)
        return (np.exp(log_p) - rows) * _of_samples(g, share, reduction)

    return loss, closure, None


def _of_samples(g: Any, share: Any, reduction: str) -> Any:
    """The gradient of the loss of each sample, beside its classes."""
    return (g if reduction != "none" else g[..., None]) * share


def _likelihood(log_p: Any, indices: Any, counts: Any, reduction: str) -> tuple[Any, Any]:
    """The loss of labels, and the weight that each sample has in it, beside its classes."""
    rows = log_p.reshape(-1, log_p.shape[-1])
    chosen = rows[np.arange(indices.size), indices.reshape(-1)].reshape(indices.shape)
    if counts is None:
        return reduce(-chosen, reduction)
    loss, share = reduce(-weighted(counts, chosen), reduction, np.add.reduce(counts, axis=None))
    return loss, (share * counts)[..., None]


def _dense(log_p: Any, rows: Any, reduction: str, of_all: Any = None) -> tuple[Any, ...]:
    """The loss of rows of probabilities, and the closures for logits and rows."""
    total = np.add.reduce(rows, axis=-1, keepdims=True)
    loss, share = reduce(-np.add.reduce(weighted(rows, log_p), axis=-1), reduction, of_all)
    return (
        loss,
        lambda g: (np.exp(log_p) * total - rows) * _of_samples(g, share, reduction),
        lambda g: _of_samples(g, share, reduction) * -log_p,
    )


@differentiable
def nll_loss(
    log_probabilities: Operand,
    labels: Any,
    reduction: Reduction = "mean",
    weight: Any = None,
    ignore_index: int | None = None,
) -> Any:
    """Negative log-likelihood of labels, of logarithms of probabilities along the last axis.

    ::

        loss = mean(-sum(labels * log_probabilities, axis=-1))
        dL/dlog_probabilities = -g / n * labels

    where class indices stand for rows of 0 and a single 1. Prefer `softmax_cross_entropy`, which
    takes what goes into the softmax.

    Parameters
    ----------
    log_probabilities : Tensor or array_like
        Of shape (..., classes), as `log_softmax` returns them.
    labels : Tensor or array_like of int
        Class indices, of shape (...).
    reduction, weight, ignore_index
        As in `softmax_cross_entropy`.

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
    >>> log_p = tg.Tensor([[-0.1, -2.4], [-1.0, -0.5]], requires_grad=True)
    >>> loss = tg.nll_loss(log_p, [0, 0])
    >>> loss.backward()
    >>> loss.item(), log_p.grad
    (0.55, array([[-0.5, -0. ],
           [-0.5, -0. ]]))
    """
    require_known(reduction)
    log_p, labels = as_array(log_probabilities), as_array(labels)
    if labels.shape != log_p.shape[:-1] or not log_p.ndim:
        raise ValueError(
            f"labels must be class indices of shape {log_p.shape[:-1]}, for log_probabilities of "
            f"shape {log_p.shape}; got {labels.shape}"
            + _reshaped("labels", labels.shape, log_p.shape[:-1])
        )
    _require_fitting(labels, log_p)
    classes, dtype = log_p.shape[-1], log_p.dtype
    weight = _class_weights(weight, classes, dtype)
    indices, present = _present(values(labels), classes, ignore_index, dtype)
    loss, share = _likelihood(log_p, indices, _counts(indices, present, weight), reduction)
    return (
        loss,
        lambda g: quick.one_hot(indices, classes, dtype) * _of_samples(g, -share, reduction),
    )


def _class_weights(weight: Any, classes: int, dtype: Any) -> Any:
    if weight is None:
        return None
    weight = as_array(values(weight))
    if weight.shape != (classes,):
        raise ValueError(
            f"weight must have a number for each of the {classes} classes, shape ({classes},); got "
            f"{weight.shape}"
        )
    return weight.astype(dtype)


def _present(labels: Any, classes: int, ignore_index: int | None, dtype: Any) -> tuple[Any, Any]:
    """Class indices, and 1 for those that are not ignored, else 0; None if none can be."""
    if ignore_index is None:
        return class_indices(labels, classes), None
    present = np.not_equal(labels, ignore_index)
    return class_indices(labels * present, classes), present.astype(dtype)


def _counts(indices: Any, present: Any, weight: Any) -> Any:
    """How much each sample counts; None if all of them count the same."""
    if weight is None:
        return present
    counts = picked(weight, indices)
    return counts if present is None else counts * present


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
