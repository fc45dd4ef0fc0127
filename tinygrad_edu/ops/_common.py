"""What the operations share: the chain rule at hard points, and the way to NumPy's functions."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from tinygrad_edu.engine import Node, differentiable
from tinygrad_edu.tracing import Traced

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "NUMPY",
    "Axis",
    "Operand",
    "chain",
    "constant",
    "elementwise",
    "identity",
    "implements",
    "is_tensor",
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
    """Let ``np.function(tensor)`` call the decorated operation."""

    def register(op: F) -> F:
        NUMPY.update(dict.fromkeys(functions, op))
        return op

    return register


def is_tensor(x: Any) -> bool:
    """Whether a body runs on Tensors, to be recorded, or on arrays."""
    return isinstance(x, Node)


def values(x: Any) -> Any:
    """The plain values of a Tensor or an array: what is used as a constant."""
    return x._data if isinstance(x, Node) else x


def identity(g: Any) -> Any:
    """The closure of an input that the output changes with, one to one."""
    return g


def chain(g: Any, slope: Any) -> Any:
    """The chain rule ``g * slope``, in which a path of zero sensitivity contributes zero.

    Where nothing depends on the output (g = 0), nothing depends on the input either, however
    steep the operation is there: 0 * inf and 0 * nan are 0. This is what makes the gradient of
    ``where(x > 0, sqrt(x), 0)`` zero, not nan, at x <= 0.
    """
    product = g * slope
    if isinstance(slope, float) and math.isfinite(slope):
        return product
    if type(product) is Traced:  # a program that is being recorded calls this function
        return product.tape.call(chain, (g, slope))
    numbers = values(product)
    if (
        type(numbers) is Traced or (total := np.vdot(numbers, numbers)) != total
    ):  # the fastest way to find a nan
        product = np.where((values(g) == 0) & np.isnan(numbers), 0, product)
    return product


def weighted(weights: Any, x: Any) -> Any:
    """``weights * x``, in which what has no weight counts for nothing, infinite or not."""
    with np.errstate(invalid="ignore"):  # on the way back the engine sees to it
        return chain(weights, x)


@lru_cache(maxsize=256)
def constant(value: float, dtype: np.dtype[Any]) -> Any:
    """A number as a 0-d array, which NumPy combines with small arrays twice as fast."""
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array


def elementwise(function: np.ufunc, slope: str, example: str, note: str = "") -> Unary:
    """An operation on every element by itself, from its derivative as a formula in x and y.

    The formula is the code: it is what the closure computes, what the docstring says, and what
    the pictures show. ``example`` is "x -> y, dy/dx", and stands in the docstring as a doctest.
    """
    name = function.__name__
    derivative = eval(f"lambda x, y: {slope}", vars(np))  # noqa: S307 - our own formulas

    def body(x: Operand) -> tuple[Any, ...]:
        y = function(x)
        return y, lambda g: chain(g, derivative(x, y))

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
    Parameters
    ----------
    x : Tensor or array_like
        Any shape, floating point.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor({at}, requires_grad=True)
    >>> y = tg.{name}(x)
    >>> y.backward()
    >>> round(y.item(), 4), round(x.grad.item(), 4)
    ({gives})
    """


def as_array(x: Any) -> Any:
    """What has the attributes of an array: Tensors and arrays as they are, lists converted."""
    return x if hasattr(x, "shape") else np.asarray(x)


def named(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Call an operation after the public function above it, in messages and pictures."""

    def rename(body: Callable[..., Any]) -> Callable[..., Any]:
        body.__name__ = name
        return body

    return rename
