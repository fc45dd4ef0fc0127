"""Layers, and networks made of them: expressions over Tensors, nothing more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu import ops
from tinygrad_edu.errors import advised
from tinygrad_edu.migrants import LINEAR, answering
from tinygrad_edu.nn import activations, init
from tinygrad_edu.nn.activation_modules import ActivationModule
from tinygrad_edu.nn.activations import Activation
from tinygrad_edu.nn.containers import Sequential
from tinygrad_edu.nn.init import Initializer, Rng, as_rng
from tinygrad_edu.nn.module import Module, TorchNames
from tinygrad_edu.ops._common import Operand, as_array
from tinygrad_edu.ops.activation import TRAITS
from tinygrad_edu.ops.noise import require_probability
from tinygrad_edu.tensor import Tensor

__all__ = ["MLP", "Dropout", "Flatten", "Linear", "Maxout", "PReLU"]

RECTIFIERS: list[Activation] = [f for f, traits in TRAITS.items() if traits.rectifier]


@answering(LINEAR)
class Linear(Module):
    """A linear layer with an activation, if one is given.

    ::

        y = activation(x @ W + b)

    Parameters
    ----------
    inputs, outputs : int
        The number of features of x and of y.
    activation : str, callable or None, optional
        A name in `activations.ACTIVATIONS`, or a function of a Tensor; none by default.
    init : str, callable or None, optional
        How to draw the weights: a name in `init.INITIALIZERS`, or a function of a shape and a
        source of randomness. By default "he_normal" if the activation is a relative of ReLU, else
        "xavier_normal".
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
        The weights, of shape ``(inputs, outputs)``.
    b : Tensor or None
        The bias, of shape ``(outputs,)``.

    Raises
    ------
    ValueError
        If a size is no positive integer, or a name unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Linear(2, 3, activation="relu", rng=0)
    >>> layer
    Linear(2, 3, activation=relu)
    >>> layer([[1.0, 2.0], [3.0, 4.0]]).data.round(2)
    array([[0.34, 0.  , 1.36],
           [0.8 , 0.  , 3.37]])
    """

    @advised
    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: str | Activation | None = None,
        *,
        init: str | Initializer | None = None,
        bias: bool = True,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(inputs, outputs)
        rng = as_rng(rng)
        self.activation: Activation = activations.find(activation)
        init = init or default_init(self.activation)
        self.W: Tensor = drawn(init, (inputs, outputs), rng, dtype, "W")
        self.b: Tensor | None = drawn(bias_init, (outputs,), rng, dtype, "b") if bias else None

    def forward(self, x: Operand) -> Tensor:
        """Compute ``activation(x @ W + b)``."""
        return self.activation(ops.linear(x, self.W, self.b))  # type: ignore[no-any-return]

    TORCH: ClassVar[TorchNames] = (("weight", ("W",), True), ("bias", ("b",), False))

    def extra_repr(self) -> str:
        """Return the sizes and the activation, for ``repr``."""
        facts = [*map(str, self.W.shape)]
        if self.activation is not activations.identity:
            facts.append(f"activation={getattr(self.activation, '__name__', self.activation)}")
        if self.b is None:
            facts.append("bias=False")
        return ", ".join(facts)


def require_sizes(*sizes: Any) -> None:
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise ValueError(f"the size of a layer must be a positive integer; got {size!r}")


def default_init(activation: Any) -> str:
    if isinstance(activation, ActivationModule):
        activation = activation.function
    elif isinstance(activation, partial):
        activation = activation.func
    return "he_normal" if activation in RECTIFIERS else "xavier_normal"


def drawn(
    initializer: str | Initializer, shape: tuple[int, ...], rng: Any, dtype: DTypeLike, name: str
) -> Tensor:
    values = np.asarray(init.find(initializer)(shape, rng), dtype)
    if values.shape != shape:
        raise ValueError(
            f"the initializer of {name} must return an array of shape {shape}; got {values.shape}"
        )
    return Tensor(values, requires_grad=True, name=name)


class Maxout(Module):
    """A layer whose units are the largest of several linear functions each.

    ::

        y[j] = max over p of (x @ W + b)[j * pieces + p]

    Parameters
    ----------
    inputs, outputs : int
        The number of features of x and of y.
    pieces : int, optional
        The number of linear functions in each unit.
    init, bias_init, rng, dtype
        As those of `Linear`.

    References
    ----------
    Goodfellow et al., "Maxout networks", ICML 2013.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Maxout(2, 3, pieces=4, rng=0)
    >>> layer([[1.0, 2.0]]).shape, layer.linear.W.shape
    ((1, 3), (2, 12))
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        pieces: int = 2,
        *,
        init: str | Initializer = "he_normal",
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(inputs, outputs, pieces)
        self.pieces: int = pieces
        self.linear: Linear = Linear(
            inputs, outputs * pieces, init=init, bias_init=bias_init, rng=rng, dtype=dtype
        )

    def forward(self, x: Operand) -> Tensor:
        """Compute the largest of the pieces."""
        return ops.maxout(self.linear(x), self.pieces)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the number of pieces, for ``repr``."""
        return f"pieces={self.pieces}"


class Dropout(Module):
    """In training, set a random part of the values to 0, and scale up the others.

    ::

        y = x * mask / (1 - p),  mask = 0 with probability p, else 1

    so that the expected value stays. Not in training, ``y = x``.

    Parameters
    ----------
    p : float, optional
        The probability with which a value is set to 0; at least 0, below 1.
    rng : Generator, RandomState, int or None, optional
        The source of randomness; several layers may share a generator. Its state is a part of
        ``state_dict()``, so that a training can go on exactly.

    Raises
    ------
    ValueError
        If p is no such probability.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR
    15, 2014.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 1.0, 1.0, 1.0, 1.0])
    >>> dropout = tg.nn.Dropout(0.5, rng=0)
    >>> dropout(x).data
    array([2., 0., 0., 0., 2.])
    >>> dropout.eval()(x).data
    array([1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        require_probability(p)
        self.p: float = p
        self.rng: np.random.Generator | np.random.RandomState = as_rng(rng)

    def forward(self, x: Operand) -> Any:
        """Apply a new mask."""
        if not self.training or self.p == 0:
            return x
        return ops.dropout(x, self.p, self.rng)

    def extra_repr(self) -> str:
        """Return the probability, for ``repr``."""
        return f"p={self.p}"


class Flatten(Module):
    """All axes but the first made into one: images as rows of features.

    ::

        y = reshape(x, (len(x), -1))

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.nn.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def forward(self, x: Operand) -> Tensor:
        """Make rows."""
        x = as_array(x)
        if not x.ndim:
            raise ValueError("Flatten takes samples, along the first axis; got a number")
        return ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class PReLU(Module):
    """A rectified linear unit whose slope below zero is learned, one for each channel, or for all.

    ::

        y = where(x > 0, x, slope * x)

    Parameters
    ----------
    channels : int, optional
        The number of slopes: 1, or as many as x has channels along axis 1.
    slope : float, optional
        Of all channels at first.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    slope : Tensor
        The slopes, of shape ``(channels,)``.

    Raises
    ------
    ValueError
        If the number of channels is no positive integer.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.PReLU(2)([[-4.0, 4.0]]).data
    array([[-1.,  4.]])
    """

    TORCH: ClassVar[TorchNames] = (("weight", ("slope",), False),)

    def __init__(self, channels: int = 1, slope: float = 0.25, dtype: DTypeLike = float) -> None:
        require_sizes(channels)
        slopes = np.full(channels, slope, dtype)
        self.slope: Tensor = Tensor(slopes, requires_grad=True, name="slope")

    def forward(self, x: Operand) -> Tensor:
        """Apply the function."""
        return ops.prelu(x, self.slope)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the number of channels, for ``repr``."""
        return str(self.slope.size)


class MLP(Sequential):
    """A multilayer perceptron: linear layers with an activation after each but the last.

    ::

        h[0] = x
        h[i] = activation(h[i - 1] @ W[i] + b[i])
        y    = output(h[-1] @ W[-1] + b[-1])

    The losses on logits take what the last layer computes as it is: then there is no ``output``.

    Parameters
    ----------
    sizes : sequence of int
        The number of inputs, of units in each hidden layer, of outputs. Also taken is the form of
        micrograd, ``MLP(inputs, [units, ..., outputs])``.
    activation : str or callable, optional
        After each hidden layer; as in `Linear`.
    output : str, callable or None, optional
        After the last layer; none by default.
    init, bias_init, rng, dtype
        As those of `Linear`. A ``rng`` serves all layers, in their order.

    Raises
    ------
    ValueError
        If there are less than two sizes, a size is no positive integer, or a name unknown.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> network = tg.nn.MLP([2, 4, 3, 1], activation="tanh", output="sigmoid", rng=0)
    >>> network
    MLP(
      layers.0: Linear(2, 4, activation=tanh)
      layers.1: Linear(4, 3, activation=tanh)
      layers.2: Linear(3, 1, activation=sigmoid)
    )
    >>> network([[1.0, 2.0]]).data.round(4)
    array([[0.4152]])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Activation = "relu",
        output: str | Activation | None = None,
        *,
        init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        counts: Any = activation
        if isinstance(counts, list | tuple):  # MLP(3, [4, 4, 1]), as micrograd has it
            sizes, activation = [*_as_list(sizes), *counts], "relu"
        sizes = _as_list(sizes)
        if len(sizes) < 2:
            raise ValueError(f"an MLP has at least two sizes, of input and output; got {sizes}")
        rng = as_rng(rng)
        after_each = [activation] * (len(sizes) - 2) + [output]
        layers = [
            Linear(n, m, after, init=init, bias_init=bias_init, rng=rng, dtype=dtype)
            for (n, m), after in zip(pairwise(sizes), after_each, strict=True)
        ]
        for i, layer in enumerate(layers, start=1):
            for parameter in layer.parameters():
                parameter.name = f"{parameter.name}{i}"  # W1, b1, W2, ...: for pictures
        super().__init__(*layers)


def _as_list(sizes: Any) -> list[Any]:
    return [*sizes] if isinstance(sizes, Iterable) else [sizes]
