"""The activations by name, and as modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from tinygrad_edu import ops
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.names import named
from tinygrad_edu.ops._common import Operand
from tinygrad_edu.tensor import Tensor

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "Activation",
    "ActivationModule",
    "Identity",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "find",
]

Activation: TypeAlias = Callable[[Any], Any]


def identity(x: Operand) -> Any:
    """No activation: x itself."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    "identity": identity,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "elu": ops.elu,
    "softplus": ops.softplus,
    "gelu": ops.gelu,
    "silu": ops.silu,
    "softmax": ops.softmax,
    "log_softmax": ops.log_softmax,
}
"""The activations by name."""


def find(activation: str | Activation | None) -> Activation:
    """Return an activation by its name; a function stays itself, None is the identity.

    Parameters
    ----------
    activation : str, callable or None
        A name in `ACTIVATIONS`, or a function of a Tensor.

    Returns
    -------
    callable
        The activation.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> nn.activations.find("tanh").__name__
    'tanh'
    >>> nn.activations.find("than")
    Traceback (most recent call last):
        ...
    ValueError: unknown activation 'than'; known are identity, sigmoid, tanh, relu, leaky_relu,
    elu, softplus, gelu, silu, softmax, log_softmax
    """
    if activation is None:
        return identity
    return named("activation", activation, ACTIVATIONS)


class ActivationModule(Module):
    """A function without parameters as a module; its options are bound when it is made.

    Parameters
    ----------
    *values, **options
        The options of the function, as ``negative_slope`` of `leaky_relu`.

    Raises
    ------
    TypeError
        If the function has no such option.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> layer = nn.LeakyReLU(negative_slope=0.1)
    >>> layer, layer(Tensor([-1.0, 2.0])).data
    (LeakyReLU(negative_slope=0.1), array([-0.1,  2. ]))
    """

    function: Activation

    options: dict[str, Any]

    def __init__(self, *values: Any, **options: Any) -> None:
        known = [*inspect.signature(self.function).parameters][1:]
        if len(values) > len(known) or not options.keys() <= {*known[len(values) :]}:
            raise TypeError(
                f"{type(self).__name__} takes {', '.join(known) or 'no options'}; "
                f"got {', '.join([*map(repr, values), *options])}"
            )
        self.options = dict(zip(known, values, strict=False)) | options

    def forward(self, x: Operand) -> Tensor:
        """Apply the function."""
        return self.function(x, **self.options)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Tell the options."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


class Identity(ActivationModule):
    """The input itself, as a module."""

    function: Activation = staticmethod(identity)


class Sigmoid(ActivationModule):
    """`tinygrad_edu.sigmoid` as a module."""

    function: Activation = staticmethod(ops.sigmoid)


class Tanh(ActivationModule):
    """`tinygrad_edu.tanh` as a module."""

    function: Activation = staticmethod(ops.tanh)


class ReLU(ActivationModule):
    """`tinygrad_edu.relu` as a module."""

    function: Activation = staticmethod(ops.relu)


class LeakyReLU(ActivationModule):
    """`tinygrad_edu.leaky_relu` as a module."""

    function: Activation = staticmethod(ops.leaky_relu)


class ELU(ActivationModule):
    """`tinygrad_edu.elu` as a module."""

    function: Activation = staticmethod(ops.elu)


class Softplus(ActivationModule):
    """`tinygrad_edu.softplus` as a module."""

    function: Activation = staticmethod(ops.softplus)


class GELU(ActivationModule):
    """`tinygrad_edu.gelu` as a module."""

    function: Activation = staticmethod(ops.gelu)


class SiLU(ActivationModule):
    """`tinygrad_edu.silu` as a module."""

    function: Activation = staticmethod(ops.silu)


class Softmax(ActivationModule):
    """`tinygrad_edu.softmax` as a module."""

    function: Activation = staticmethod(ops.softmax)


class LogSoftmax(ActivationModule):
    """`tinygrad_edu.log_softmax` as a module."""

    function: Activation = staticmethod(ops.log_softmax)
