"""Normalization: values brought to mean 0 and variance 1, over the samples or over the features."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, values

__all__ = ["batch_norm", "layer_norm", "rms_norm"]


@differentiable
def batch_norm(
    x: Operand,
    gain: Operand = None,
    b: Operand = None,
    mean: Any = None,
    var: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Every channel brought to mean 0 and variance 1, over all samples; then scaled and shifted.

    ::

        y = gain * u + b
        u = (x - average(x)) / s
        s = sqrt(average((x - average(x))**2) + eps)
        dL/dx = gain / s * (g - average(g) - u * average(g * u))
        dL/dgain = unbroadcast(g * u, gain.shape)  # the sum over the samples and places
        dL/db = unbroadcast(g, b.shape)

    where averages are those of a channel: over the samples, and all their places.

    With a mean and a variance, these take the place of those of the batch, and are constants:
    ``dL/dx = gain / s * g``. So `nn.BatchNorm` computes when it does not learn.

    Parameters
    ----------
    x : Tensor or array_like
        Samples, of shape (N, C, ...).
    gain, b : Tensor, array_like or None, optional
        Factors and shifts, of shape (C,); none by default.
    mean, var : array_like or None, optional
        Of shape (C,); those of the batch by default.
    eps : float, optional
        What is added to the variance, so that it is never 0.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Raises
    ------
    ValueError
        If shapes do not fit; or if there is but one value for each channel, and so no variance.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]], requires_grad=True)
    >>> y = tg.batch_norm(x, gain=[1.0, 2.0])
    >>> y[0].sum().backward()
    >>> y.data.round(3), x.grad.round(3)
    (array([[-0.926, -1.852],
           [-0.463, -0.926],
           [ 1.389,  2.777]]), array([[ 0.176,  0.035],
           [-0.22 , -0.044],
           [ 0.044,  0.009]]))
    """
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"batch_norm takes x of shape (N, C, ...); got {x.shape}")
    channels = x.shape[1]
    _require_shapes("batch_norm", (channels,), x, gain=gain, b=b, mean=mean, var=var)
    axes = 0, *range(2, x.ndim)
    lengths = (channels, *(1,) * (x.ndim - 2))
    gain = 1 if gain is None else as_array(gain).reshape(lengths)
    if (mean is None) != (var is None):
        raise ValueError("batch_norm takes both a mean and a variance, or none of them")
    if mean is not None:
        rest = 1 / np.sqrt(as_array(values(var)).reshape(lengths) + eps)
        u = (x - as_array(values(mean)).reshape(lengths)) * rest
        return (
            _shifted(u * gain, b, lengths),
            lambda g: g * gain * rest,
            lambda g: np.add.reduce(g * u, axis=axes),
            lambda g: np.add.reduce(g, axis=axes),
        )
    if x.size == channels:
        raise ValueError(
            f"batch_norm of x of shape {x.shape} has a single value for each channel, whose "
            "variance is 0: give more samples; or, when nothing is to be learned, mean and var, "
            "as nn.BatchNorm does after .eval()"
        )
    d = x - np.mean(x, axis=axes, keepdims=True)
    rest = 1 / np.sqrt(np.mean(d * d, axis=axes, keepdims=True) + eps)
    scale = rest * gain

    def closure(g: Any) -> Any:
        # What belongs to a channel is multiplied first: large arrays are gone through less often.
        along = scale * rest * rest * np.mean(g * d, axis=axes, keepdims=True)
        return g * scale - (d * along + scale * np.mean(g, axis=axes, keepdims=True))

    return (
        _shifted(d * scale, b, lengths),
        closure,
        lambda g: np.add.reduce(g * d, axis=axes) * rest.reshape(-1),
        lambda g: np.add.reduce(g, axis=axes),
    )


@differentiable
def layer_norm(
    x: Operand, gain: Operand = None, b: Operand = None, axis: Any = -1, eps: float = 1e-5
) -> Any:
    """Every sample brought to mean 0 and variance 1, over its features; then scaled and shifted.

    ::

        y = gain * u + b
        u = (x - average(x)) / s
        s = sqrt(average((x - average(x))**2) + eps)
        dL/dx = (gain * g - average(gain * g) - u * average(gain * g * u)) / s
        dL/dgain = unbroadcast(g * u, gain.shape)  # the sum over the samples
        dL/db = unbroadcast(g, b.shape)

    where averages are over the last axis, or the last axes.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., k).
    gain, b : Tensor, array_like or None, optional
        Factors and shifts, of shape (k,); none by default.
    axis : int or tuple of int, optional
        The last axis, or several of the last; gain and b have as many.
    eps : float, optional
        What is added to the variance, so that it is never 0.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Raises
    ------
    ValueError
        If shapes do not fit, or the axes are not the last.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016, arXiv:1607.06450.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0, 6.0]], requires_grad=True)
    >>> y = tg.layer_norm(x)
    >>> y[0, 0].backward()
    >>> y.data.round(3), x.grad.round(3)
    (array([[-0.926, -0.463,  1.389]]), array([[ 0.176, -0.22 ,  0.044]]))
    """
    x = as_array(x)
    axes, samples = _last_axes("layer_norm", x, axis)
    _require_shapes("layer_norm", x.shape[len(samples) :], x, gain=gain, b=b)
    gain = 1 if gain is None else as_array(gain)
    u, of_u = _normalized(x, axes, eps)
    return (
        _shifted(u * gain, b),
        lambda g: of_u(g * gain),
        lambda g: np.add.reduce(g * u, axis=samples),
        lambda g: np.add.reduce(g, axis=samples),
    )


@differentiable
def rms_norm(x: Operand, gain: Operand = None, axis: Any = -1, eps: float = 1e-6) -> Any:
    """Every sample divided by the root of its mean square, over its features; then scaled.

    ::

        y = gain * u
        u = x / s
        s = sqrt(average(x**2) + eps)
        dL/dx = (gain * g - u * average(gain * g * u)) / s
        dL/dgain = unbroadcast(g * u, gain.shape)  # the sum over the samples

    A `layer_norm` that leaves the mean where it is. Averages are over the last axis, or the last
    axes.

    Parameters
    ----------
    x : Tensor or array_like
        Of shape (..., k).
    gain : Tensor, array_like or None, optional
        Factors, of shape (k,); none by default.
    axis : int or tuple of int, optional
        The last axis, or several of the last; gain has as many.
    eps : float, optional
        What is added to the mean square, so that it is never 0.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Raises
    ------
    ValueError
        If shapes do not fit, or the axes are not the last.

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[3.0, 4.0]], requires_grad=True)
    >>> y = tg.rms_norm(x)
    >>> y[0, 0].backward()
    >>> y.data.round(3), x.grad.round(3)
    (array([[0.849, 1.131]]), array([[ 0.181, -0.136]]))
    """
    x = as_array(x)
    axes, samples = _last_axes("rms_norm", x, axis)
    _require_shapes("rms_norm", x.shape[len(samples) :], x, gain=gain)
    gain = 1 if gain is None else as_array(gain)
    u, of_u = _normalized(x, axes, eps, centered=False)
    return u * gain, lambda g: of_u(g * gain), lambda g: np.add.reduce(g * u, axis=samples)


def _normalized(x: Any, axes: Any, eps: float, centered: bool = True) -> tuple[Any, Any]:
    """Divide x, without its mean, by sqrt(average(x**2) + eps); and the closure of that."""

    def average(z: Any) -> Any:
        return np.mean(z, axis=axes, keepdims=True)

    d = x - average(x) if centered else x
    rest = 1 / np.sqrt(average(d * d) + eps)
    u = d * rest

    def closure(g: Any) -> Any:
        along = u * average(g * u)
        return rest * (g - average(g) - along if centered else g - along)

    return u, closure


def _shifted(y: Any, b: Any, shape: Any = None) -> Any:
    if b is None:
        return y
    return y + (as_array(b) if shape is None else as_array(b).reshape(shape))


def _last_axes(name: str, x: Any, axis: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes to normalize over, and the axes of the samples before them."""
    axes = tuple(sorted(a % x.ndim for a in np.atleast_1d(axis).tolist())) if x.ndim else ()
    first = x.ndim - len(axes)
    if not axes or axes != tuple(range(first, x.ndim)):
        raise ValueError(
            f"{name} normalizes over the last axes of x; got axis={axis} for shape {x.shape}"
        )
    return axes, tuple(range(first))


def _require_shapes(name: str, shape: tuple[int, ...], x: Any, **given: Any) -> None:
    for argument, value in given.items():
        if value is not None and np.shape(value) != shape:
            raise ValueError(
                f"{name} of x of shape {x.shape} takes {argument} of shape {shape}; got "
                f"{np.shape(value)}"
            )
