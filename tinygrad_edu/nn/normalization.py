"""Layers that bring values to mean 0 and variance 1; they keep what they learned of both."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu import ops
from tinygrad_edu.errors import advised
from tinygrad_edu.nn.layers import require_sizes
from tinygrad_edu.nn.module import Module, TorchNames, write_buffer
from tinygrad_edu.ops._common import Operand, as_array, values
from tinygrad_edu.tensor import Tensor

__all__ = ["BatchNorm", "LayerNorm", "RMSNorm"]

NORM: TorchNames = (("weight", ("gain",), False), ("bias", ("b",), False))


class BatchNorm(Module):
    """Every channel brought to mean 0 and variance 1, over all samples; then scaled and shifted.

    ::

        y = gain * (x - mean) / sqrt(var + eps) + b

    In training, mean and variance are those of the batch, and of both a running mean is kept::

        running = (1 - momentum) * running + momentum * of the batch

    Not in training, the running ones are used. That of the variance is an estimate without bias,
    as in PyTorch: of the squares it divides the sum by n - 1.

    Parameters
    ----------
    channels : int
        The length of axis 1 of x, which has the shape (N, C, ...).
    eps : float, optional
        What is added to the variance.
    momentum : float, optional
        How much a batch counts in the running statistics.
    affine : bool, optional
        Whether there are gain and b.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    gain, b : Tensor or None
        Of shape ``(channels,)``; at first 1 and 0.
    running_mean, running_var : Tensor
        Of the same shape; they do not learn, and are saved. At first 0 and 1.

    Raises
    ------
    ValueError
        If the number of channels is no positive integer; when it is called in training, if there is
        but one value for each channel.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.BatchNorm(2)
    >>> layer([[1.0, 10.0], [3.0, 50.0]]).data.round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> layer.running_mean.data, layer.running_var.data
    (array([0.2, 3. ]), array([ 1.1, 80.9]))
    >>> layer.eval()([[0.2, 3.0]]).data
    array([[0., 0.]])
    """

    BUFFERS: ClassVar[tuple[str, ...]] = ("running_mean", "running_var")
    TORCH: ClassVar[TorchNames] = NORM

    @advised
    def __init__(
        self,
        channels: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(channels)
        self.eps: float = eps
        self.momentum: float = momentum
        self.gain: Tensor | None = _filled(1, (channels,), dtype, "gain") if affine else None
        self.b: Tensor | None = _filled(0, (channels,), dtype, "b") if affine else None
        self.running_mean: Tensor = Tensor(np.zeros(channels, dtype), name="running_mean")
        self.running_var: Tensor = Tensor(np.ones(channels, dtype), name="running_var")

    def forward(self, x: Operand) -> Tensor:
        """Normalize, by the batch in training, else by the running statistics."""
        channels = self.running_mean.size
        x = as_array(x)
        if x.ndim < 2 or x.shape[1] != channels:
            raise ValueError(
                f"BatchNorm({channels}) takes x of shape (N, {channels}, ...); got {x.shape}"
            )
        if not self.training:
            mean, var = self.running_mean, self.running_var
            return ops.batch_norm(x, self.gain, self.b, mean, var, self.eps)
        y = ops.batch_norm(x, self.gain, self.b, eps=self.eps)
        self._follow(values(x))
        return y

    def _follow(self, x: Any) -> None:
        """Let the running statistics follow those of a batch."""
        axes, n = (0, *range(2, x.ndim)), x.size // x.shape[1]
        mean = x.mean(axis=axes, keepdims=True)
        var = np.var(x, axis=axes, mean=mean) * (n / (n - 1))
        for buffer, of_batch in (self.running_mean, mean.reshape(-1)), (self.running_var, var):
            write_buffer(buffer, (1 - self.momentum) * buffer.data + self.momentum * of_batch)

    def extra_repr(self) -> str:
        """Return the number of channels, for ``repr``."""
        return str(self.running_mean.size)


class LayerNorm(Module):
    """Every sample brought to mean 0 and variance 1, over its features; then scaled and shifted.

    ::

        y = gain * (x - mean(x)) / sqrt(var(x) + eps) + b

    Parameters
    ----------
    features : int or tuple of int
        The length of the last axis of x, or of several of the last.
    eps : float, optional
        What is added to the variance.
    bias : bool, optional
        Whether there is a b.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    gain : Tensor
        The factors, at first 1.
    b : Tensor or None
        The shifts, at first 0.

    Raises
    ------
    ValueError
        If a length is no positive integer.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016, arXiv:1607.06450.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.LayerNorm(3)([[1.0, 2.0, 6.0]]).data.round(3)
    array([[-0.926, -0.463,  1.389]])
    """

    TORCH: ClassVar[TorchNames] = NORM

    @advised
    def __init__(
        self,
        features: int | tuple[int, ...],
        eps: float = 1e-5,
        bias: bool = True,
        dtype: DTypeLike = float,
    ) -> None:
        shape = _shape_of(features)
        self.eps: float = eps
        self.gain: Tensor = _filled(1, shape, dtype, "gain")
        self.b: Tensor | None = _filled(0, shape, dtype, "b") if bias else None

    def forward(self, x: Operand) -> Tensor:
        """Normalize."""
        x = as_array(x)
        _require_features(self, x)
        axes = tuple(range(-self.gain.ndim, 0))
        return ops.layer_norm(x, self.gain, self.b, axes, self.eps)

    def extra_repr(self) -> str:
        """Return the lengths, for ``repr``."""
        return ", ".join(map(str, self.gain.shape))


class RMSNorm(Module):
    """Every sample divided by the root of its mean square, over its features; then scaled.

    ::

        y = gain * x / sqrt(mean(x**2) + eps)

    Parameters
    ----------
    features : int or tuple of int
        The length of the last axis of x, or of several of the last.
    eps : float, optional
        What is added to the mean square.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    gain : Tensor
        The factors, at first 1.

    Raises
    ------
    ValueError
        If a length is no positive integer.

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.RMSNorm(2)([[3.0, 4.0]]).data.round(3)
    array([[0.849, 1.131]])
    """

    TORCH: ClassVar[TorchNames] = NORM

    @advised
    def __init__(
        self, features: int | tuple[int, ...], eps: float = 1e-6, dtype: DTypeLike = float
    ) -> None:
        self.eps: float = eps
        self.gain: Tensor = _filled(1, _shape_of(features), dtype, "gain")

    def forward(self, x: Operand) -> Tensor:
        """Normalize."""
        x = as_array(x)
        _require_features(self, x)
        return ops.rms_norm(x, self.gain, tuple(range(-self.gain.ndim, 0)), self.eps)

    def extra_repr(self) -> str:
        """Return the lengths, for ``repr``."""
        return ", ".join(map(str, self.gain.shape))


def _shape_of(features: int | tuple[int, ...]) -> tuple[int, ...]:
    shape = features if isinstance(features, tuple) else (features,)
    require_sizes(*shape)
    return shape


def _filled(value: float, shape: tuple[int, ...], dtype: DTypeLike, name: str) -> Tensor:
    return Tensor(np.full(shape, value, dtype), requires_grad=True, name=name)


def _require_features(layer: LayerNorm | RMSNorm, x: Any) -> None:
    shape = layer.gain.shape
    if x.shape[max(0, x.ndim - len(shape)) :] != shape:
        lengths = ", ".join(map(str, shape))
        raise ValueError(
            f"{type(layer).__name__}({lengths}) takes x of shape (..., {lengths}); got {x.shape}"
        )
