"""What the operations share, and the way from NumPy's functions to them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_edu.engine import Node, differentiable
from tinygrad_edu.errors import advised
from tinygrad_edu.quick import as_a_whole

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "NUMPY",
    "Axis",
    "Operand",
    "Unary",
    "as_array",
    "elementwise",
    "implements",
    "is_tensor",
    "merged",
    "shown_as",
    "values",
    "weighted",
]

Operand: TypeAlias = Any
"""What an operation accepts: a Tensor, or whatever NumPy turns into an array."""

Axis: TypeAlias = int | tuple[int, ...] | None

Unary: TypeAlias = "Callable[[Operand], Tensor]"

F = TypeVar("F", bound=Callable[..., Any])

NUMPY: dict[Any, Callable[..., Any]] = {}
"""NumPy's functions, and the operations that stand in for them when given a Tensor."""


def implements(*functions: Any) -> Callable[[F], F]:
    """Let ``np.function(tensor)`` call the decorated operation.

    One that is made of others, and no `differentiable` body, gets the messages of such a body.
    """

    def register(op: F) -> F:
        op = op if hasattr(op, "body") else advised(op)
        NUMPY.update(dict.fromkeys(functions, op))
        return op

    return register


def shown_as(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a body the name of the public function that calls it, for messages and pictures."""

    def rename(body: Callable[..., Any]) -> Callable[..., Any]:
        body.__name__ = name
        return body

    return rename


def is_tensor(x: Any) -> bool:
    """Whether a body runs on Tensors, to be recorded, or on arrays."""
    return isinstance(x, Node)


def values(x: Any) -> Any:
    """The plain values of a Tensor or an array: what is used as a constant."""
    return x.data if isinstance(x, Node) else x


def as_array(x: Any) -> Any:
    """What has the attributes of an array: Tensors and arrays as they are, lists converted."""
    return x if hasattr(x, "shape") else np.asarray(x)


def merged(x: Any, axis: Axis) -> tuple[Any, tuple[int, ...]]:
    """The array with the axes to reduce made into a single one, its first; and these axes."""
    x = as_array(x)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    rest = [i for i in range(x.ndim) if i not in axes]
    shape = math.prod(x.shape[i] for i in axes), *(x.shape[i] for i in rest)
    return x.transpose([*axes, *rest]).reshape(shape), axes


@as_a_whole
def weighted(weights: Any, x: Any) -> Any:
    """``weights * x``, in which what has no weight counts for nothing, infinite or not.

    For weights such as labels and probabilities. What has no weight on the way back, a gradient of
    zero, is left to the engine.
    """
    if isinstance(x, np.floating):
        return weights * x if weights else weights
    numbers = values(x)
    if not math.isfinite(np.vdot(numbers, numbers)):  # the fastest way to find out
        x = np.where((values(weights) == 0) & ~np.isfinite(numbers), 0, x)
    return weights * x


def elementwise(function: Any, slope: str, example: str, note: str = "") -> Unary:
    """An operation on every element by itself, from its derivative as a formula in x and y.

    The formula is the code: it is what the closure computes, what the docstring says, and what
    the pictures show. ``example`` is "x -> y, dy/dx", and stands in the docstring as a doctest.
    """
    name = function.__name__
    derivative = eval(f"lambda x, y: {slope}", vars(np))  # noqa: S307 - our own formulas

    def body(x: Operand) -> tuple[Any, ...]:
        y = function(x)
        return y, lambda g: g * derivative(x, y)

    at, gives = example.split(" -> ")
    body.__name__ = body.__qualname__ = name
    body.__module__ = sys._getframe(1).f_globals["__name__"]  # where readers and doctest find it
    body.__doc__ = _ELEMENTWISE.format(
        name=name, slope=slope, at=at, gives=gives, note=note and f"\n    {note}\n"
    )
    return implements(function)(differentiable(body))


_ELEMENTWISE = """{name}(x) of every element, as `numpy.{name}`.

    ::

        y = {name}(x)
        dy/dx = {slope}
{note}
    Parameters as `numpy.{name}`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor({at}, requires_grad=True)
    >>> y = tg.{name}(x)
    >>> y.backward()
    >>> y.data.round(4).item(), x.grad.round(4).item()
    ({gives})
    """
