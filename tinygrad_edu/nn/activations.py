"""The activations by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from tinygrad_edu.nn.names import by_name
from tinygrad_edu.ops._common import Operand
from tinygrad_edu.ops.activation import TRAITS

__all__ = ["ACTIVATIONS", "Activation", "find"]

Activation: TypeAlias = Callable[[Any], Any]


def identity(x: Operand) -> Any:
    """No activation: x itself."""
    return x


ACTIVATIONS: dict[str, Activation] = {f.__name__: f for f in [identity, *TRAITS]}
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
    TypeError
        If it is the class of a module, as ``nn.ReLU`` in place of ``nn.ReLU()``.
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
    elu, softplus, gelu, silu, softmax, log_softmax, mish, hardtanh, relu6
    """
    if activation is None:
        return identity
    if isinstance(activation, type):
        name = activation.__name__
        raise TypeError(f"an activation is a module, not its class; got {name}: write nn.{name}()")
    return by_name("activation", activation, ACTIVATIONS)
