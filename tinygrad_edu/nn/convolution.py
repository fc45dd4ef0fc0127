"""Convolutional layers: for signals and images of several channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu import ops
from tinygrad_edu.errors import advised
from tinygrad_edu.nn import activations
from tinygrad_edu.nn.activations import Activation
from tinygrad_edu.nn.init import Initializer, Rng, as_rng
from tinygrad_edu.nn.layers import drawn, require_sizes
from tinygrad_edu.nn.module import Module, TorchNames
from tinygrad_edu.ops._common import Operand
from tinygrad_edu.ops.convolution import margins
from tinygrad_edu.ops.windows import per_axis
from tinygrad_edu.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "ConvTranspose2d"]


class _Convolution(Module):
    """What convolutions along one axis or two have in common."""

    AXES: ClassVar[int]
    TORCH: ClassVar[TorchNames] = (("weight", ("W",), False), ("bias", ("b",), False))
    PADDING_MODES: ClassVar[Mapping[str, str]] = {
        "zeros": "constant",
        "reflect": "reflect",
        "replicate": "edge",
        "circular": "wrap",
    }  # and what `pad` calls them

    @advised
    def __init__(
        self,
        inputs: int,
        outputs: int,
        window: int | tuple[int, ...],
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        activation: str | Activation | None = None,
        *,
        padding_mode: str = "zeros",
        init: str | Initializer = "he_normal",
        bias: bool = True,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(inputs, outputs, groups)
        if inputs % groups or outputs % groups:
            raise ValueError(
                f"the channels of a convolution are divided into {groups} groups; got {inputs} "
                f"inputs and {outputs} outputs"
            )
        if padding_mode not in self.PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {', '.join(self.PADDING_MODES)}; got {padding_mode!r}"
            )
        self.window: tuple[int, ...] = per_axis("window", window, self.AXES)
        self.stride: Any = stride
        self.padding: Any = padding
        self.padding_mode: str = padding_mode
        self.dilation: Any = dilation
        self.groups: int = groups
        self.activation: Activation = activations.find(activation)
        rng = as_rng(rng)
        self.W: Tensor = self._weights(init, inputs, outputs, rng, dtype)
        self.b: Tensor | None = drawn(bias_init, (outputs,), rng, dtype, "b") if bias else None

    def _weights(self, init: Any, inputs: int, outputs: int, rng: Any, dtype: DTypeLike) -> Tensor:
        return drawn(init, (outputs, inputs // self.groups, *self.window), rng, dtype, "W")

    def forward(self, x: Operand) -> Tensor:
        """Compute ``activation(conv(x, W) + b)``."""
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = self._padded(x), 0
        y = self._convolved(x, self.stride, padding, self.dilation, self.groups)
        return self.activation(y)  # type: ignore[no-any-return]

    def _padded(self, x: Operand) -> Any:
        """The images between margins that continue them."""
        of_axes = margins(
            type(self).__name__, self.window, self.stride, self.padding, self.dilation
        )
        before = ((0, 0),) * (np.ndim(x) - self.AXES)
        return ops.pad(x, (*before, *of_axes), self.PADDING_MODES[self.padding_mode])

    def _convolved(self, x: Operand, *where: Any) -> Tensor:
        op = ops.conv1d if self.AXES == 1 else ops.conv2d
        return op(x, self.W, self.b, *where)

    def _channels(self) -> tuple[int, int]:
        return self.W.shape[1] * self.groups, self.W.shape[0]

    def extra_repr(self) -> str:
        """Return the arguments, for ``repr``."""
        window = self.window if len(set(self.window)) > 1 else self.window[0]
        facts = [*map(str, (*self._channels(), window))]
        usual = {"stride": 1, "padding": 0, "padding_mode": "zeros", "dilation": 1, "groups": 1}
        facts += [
            f"{name}={getattr(self, name)!r}"
            for name, value in usual.items()
            if getattr(self, name) != value
        ]
        if self.activation is not activations.identity:
            facts.append(f"activation={getattr(self.activation, '__name__', self.activation)}")
        if self.b is None:
            facts.append("bias=False")
        return ", ".join(facts)


class Conv1d(_Convolution):  # numpydoc ignore=PR02
    """A convolution of signals, with an activation, if one is given.

    ::

        y = activation(conv1d(x, W, b))

    Parameters
    ----------
    inputs, outputs : int
        The number of channels of x and of y.
    window : int
        How long the windows are that the weights see.
    stride, padding, dilation, groups
        As in `tinygrad_edu.conv2d`.
    activation, padding_mode, init, bias, bias_init, rng, dtype
        As those of `Conv2d`.

    Attributes
    ----------
    W : Tensor
        The weights, of shape ``(outputs, inputs // groups, window)``.
    b : Tensor or None
        The bias, of shape ``(outputs,)``.

    Raises
    ------
    ValueError
        If a size is no positive integer, or channels cannot be divided into such groups.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Conv1d(2, 4, 3, padding="same", rng=0)
    >>> layer
    Conv1d(2, 4, 3, padding='same')
    >>> layer(np.ones((1, 2, 10))).shape
    (1, 4, 10)
    """

    AXES: ClassVar[int] = 1


class Conv2d(_Convolution):  # numpydoc ignore=PR02
    """A convolution of images, with an activation, if one is given.

    ::

        y = activation(conv2d(x, W, b))

    Parameters
    ----------
    inputs, outputs : int
        The number of channels of x and of y.
    window : int or tuple of int
        The shape of the windows that the weights see.
    stride, padding, dilation, groups
        As in `tinygrad_edu.conv2d`.
    activation : str, callable or None, optional
        A name in `activations.ACTIVATIONS`, or a function of a Tensor; none by default.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}, optional
        What the margins are filled with: zeros, the mirror image, the elements at the border again
        and again, or those of the opposite border.
    init : str or callable, optional
        How to draw the weights: a name in `init.INITIALIZERS`, or a function of a shape and a
        source of randomness.
    bias : bool, optional
        Whether there is a b.
    bias_init : str or callable, optional
        How to draw b, after W.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    W : Tensor
        The weights, of shape ``(outputs, inputs // groups, *window)``.
    b : Tensor or None
        The bias, of shape ``(outputs,)``.

    Raises
    ------
    ValueError
        If a size is no positive integer, or channels cannot be divided into such groups.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Conv2d(1, 16, 3, padding=1, activation="relu", rng=0)
    >>> layer
    Conv2d(1, 16, 3, padding=1, activation=relu)
    >>> layer(np.ones((2, 1, 28, 28))).shape
    (2, 16, 28, 28)
    """

    AXES: ClassVar[int] = 2


class ConvTranspose2d(_Convolution):
    """A transposed convolution of images: it makes larger what `Conv2d` makes smaller.

    ::

        y = activation(conv_transpose2d(x, W, b))

    Parameters
    ----------
    inputs, outputs : int
        The number of channels of x and of y.
    window : int or tuple of int
        The shape of the windows that the weights are put down on.
    stride, padding, output_padding, dilation, groups
        As in `tinygrad_edu.conv_transpose2d`.
    **options
        The others of `Conv2d`; but margins can only be zeros.

    Attributes
    ----------
    W : Tensor
        The weights, of shape ``(inputs, outputs // groups, *window)``.
    b : Tensor or None
        The bias, of shape ``(outputs,)``.

    Raises
    ------
    ValueError
        If a size is no positive integer, or channels cannot be divided into such groups.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.ConvTranspose2d(16, 1, 2, stride=2, rng=0)
    >>> layer(np.ones((2, 16, 7, 7))).shape
    (2, 1, 14, 14)
    """

    AXES: ClassVar[int] = 2
    PADDING_MODES: ClassVar[Mapping[str, str]] = {"zeros": "constant"}

    @advised
    def __init__(
        self,
        inputs: int,
        outputs: int,
        window: int | tuple[int, ...],
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(inputs, outputs, window, stride, padding, dilation, groups, **options)
        self.output_padding = output_padding

    def _weights(self, init: Any, inputs: int, outputs: int, rng: Any, dtype: DTypeLike) -> Tensor:
        # An initializer is told the shape of a convolution, in which outputs come first.
        W = drawn(init, (outputs // self.groups, inputs, *self.window), rng, dtype, "W")
        return Tensor(W.data.swapaxes(0, 1), requires_grad=True, name="W")

    def _channels(self) -> tuple[int, int]:
        return self.W.shape[0], self.W.shape[1] * self.groups

    def _convolved(self, x: Operand, *where: Any) -> Tensor:
        stride, padding, dilation, groups = where
        extra = self.output_padding
        return ops.conv_transpose2d(x, self.W, self.b, stride, padding, dilation, groups, extra)
