"""Arithmetic: the operators ``+ - * / ** %`` and their kin. Operands broadcast, as NumPy's do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, implements

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "add",
    "divide",
    "divmod",
    "floor_divide",
    "multiply",
    "negative",
    "positive",
    "remainder",
    "subtract",
]


@implements(np.add)
@differentiable
def add(a: Operand, b: Operand) -> Any:
    """Sum of two operands, ``a + b``, as `numpy.add`.

    ::

        y = a + b
        dy/da = 1
        dy/db = 1

    Parameters as `numpy.add`.

    Examples
    --------
    An operand that was broadcast gets the sum of the gradients of its copies:

    >>> import tinygrad_edu as tg
    >>> b = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> (tg.Tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]) + b).sum().backward()
    >>> b.grad
    array([3., 3.])
    """
    return np.add(a, b), lambda g: g, lambda g: g


@implements(np.subtract)
@differentiable
def subtract(a: Operand, b: Operand) -> Any:
    """Difference of two operands, ``a - b``, as `numpy.subtract`.

    ::

        y = a - b
        dy/da = 1
        dy/db = -1

    Parameters as `numpy.subtract`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> b = tg.Tensor(2.0, requires_grad=True)
    >>> y = 5.0 - b
    >>> y.backward()
    >>> y.item(), b.grad.item()
    (3.0, -1.0)
    """
    return np.subtract(a, b), lambda g: g, np.negative


@implements(np.multiply)
@differentiable
def multiply(a: Operand, b: Operand) -> Any:
    """Product of two operands, element by element, ``a * b``, as `numpy.multiply`.

    ::

        y = a * b
        dy/da = b
        dy/db = a

    Parameters as `numpy.multiply`.

    Examples
    --------
    A Tensor used twice gets the sum over both paths:

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> y.backward()
    >>> y.item(), x.grad.item()
    (9.0, 6.0)
    """
    return np.multiply(a, b), lambda g: g * b, lambda g: g * a


@implements(np.divide)
@differentiable
def divide(a: Operand, b: Operand) -> Any:
    """Quotient of two operands, ``a / b``, as `numpy.divide`.

    ::

        y = a / b
        dy/da = 1 / b
        dy/db = -y / b

    Parameters as `numpy.divide`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> b = tg.Tensor(2.0, requires_grad=True)
    >>> y = 6.0 / b
    >>> y.backward()
    >>> y.item(), b.grad.item()
    (3.0, -1.5)
    """
    y = np.divide(a, b)
    return y, lambda g: g / b, lambda g: g * (-y / b)


@implements(np.negative)
@differentiable
def negative(x: Operand) -> Any:
    """Negative of every element, ``-x``, as `numpy.negative`.

    ::

        y = -x
        dy/dx = -1

    Parameters as `numpy.negative`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> y = -x
    >>> y.backward()
    >>> y.item(), x.grad.item()
    (-2.0, -1.0)
    """
    return np.negative(x), np.negative


@implements(np.positive)
@differentiable
def positive(x: Operand) -> Any:
    """The operand itself, ``+x``, as a node of its own, as `numpy.positive`.

    ::

        y = x
        dy/dx = 1

    Parameters as `numpy.positive`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> y = +x
    >>> y.backward()
    >>> y.item(), x.grad.item()
    (2.0, 1.0)
    """
    return np.positive(x), lambda g: g


@implements(np.remainder)
@differentiable
def remainder(a: Operand, b: Operand) -> Any:
    """Remainder of a division, ``a % b``, of the sign of b, as `numpy.remainder`.

    ::

        y = a - b * floor(a / b)
        dy/da = 1
        dy/db = -floor(a / b)

    At a multiple of b, where the remainder jumps, these are the derivatives from above.

    Parameters as `numpy.remainder`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> b = tg.Tensor(3.0, requires_grad=True)
    >>> y = 7.5 % b
    >>> y.backward()
    >>> y.item(), b.grad.item()
    (1.5, -2.0)
    """
    return np.remainder(a, b), lambda g: g, lambda g: g * -np.floor(np.divide(a, b))


@implements(np.floor_divide)
@differentiable
def floor_divide(a: Operand, b: Operand) -> Any:
    """Quotient rounded down, ``a // b``, as `numpy.floor_divide`; flat almost everywhere.

    ::

        y = floor(a / b)
        dy/da = 0
        dy/db = 0

    Parameters as `numpy.floor_divide`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor(7.5, requires_grad=True)
    >>> y = a // 2.0
    >>> y.backward()
    >>> y.item(), a.grad.item()
    (3.0, 0.0)
    """
    return np.floor_divide(a, b), lambda g: g * 0.0, lambda g: g * 0.0


@implements(np.divmod)
def divmod(a: Operand, b: Operand) -> tuple[Tensor, Tensor]:
    """Quotient rounded down, and remainder, as `numpy.divmod`.

    ::

        quotient, y = a // b, a % b
        dy/da = 1
        dy/db = -floor(a / b)

    The quotient is flat almost everywhere: its derivatives are 0.

    Parameters as `numpy.divmod`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> b = tg.Tensor(3.0, requires_grad=True)
    >>> quotient, y = divmod(7.5, b)
    >>> y.backward()
    >>> quotient.item(), y.item(), b.grad.item()
    (2.0, 1.5, -2.0)
    """
    return floor_divide(a, b), remainder(a, b)
