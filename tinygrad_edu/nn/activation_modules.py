"""The activations as modules: functions without parameters, to stand between layers."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tinygrad_edu import ops
from tinygrad_edu.nn.activations import Activation, identity
from tinygrad_edu.nn.module import Module
from tinygrad_edu.ops._common import Operand
from tinygrad_edu.tensor import Tensor


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
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import Tensor, nn
    >>> layer = nn.LeakyReLU(negative_slope=0.1)
    >>> layer, layer(Tensor([-1.0, 2.0])).data
    (LeakyReLU(negative_slope=0.1), array([-0.1,  2. ]))

    A function of one's own becomes a module in the same way:

    >>> class Sine(nn.ActivationModule, function=tg.sin): ...
    >>> round(Sine()(Tensor(0.5)).item(), 4)
    0.4794
    """

    function: Activation

    options: dict[str, Any]

    def __init_subclass__(cls, function: Activation | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if function is not None:
            cls.function = staticmethod(function)
            cls.__doc__ = cls.__doc__ or f"`tinygrad_edu.{function.__name__}` as a module."

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
        """Return the options, for ``repr``."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


class Identity(ActivationModule, function=identity): ...


class Sigmoid(ActivationModule, function=ops.sigmoid): ...


class Tanh(ActivationModule, function=ops.tanh): ...


class ReLU(ActivationModule, function=ops.relu): ...


class LeakyReLU(ActivationModule, function=ops.leaky_relu): ...


class ELU(ActivationModule, function=ops.elu): ...


class Softplus(ActivationModule, function=ops.softplus): ...


class GELU(ActivationModule, function=ops.gelu): ...


class SiLU(ActivationModule, function=ops.silu): ...


class Mish(ActivationModule, function=ops.mish): ...


class Hardtanh(ActivationModule, function=ops.hardtanh): ...


class ReLU6(ActivationModule, function=ops.relu6): ...


class Softmax(ActivationModule, function=ops.softmax): ...


class LogSoftmax(ActivationModule, function=ops.log_softmax): ...


# Type checkers take the classes of a file without a list for public.
if not TYPE_CHECKING:
    __all__ = [module.__name__ for module in (ActivationModule, *ActivationModule.__subclasses__())]
