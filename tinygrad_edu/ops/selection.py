"""Choosing among values: where, maximum, minimum, clip. Ties share the gradient equally."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, implements, values

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "choose",
    "clip",
    "fmax",
    "fmin",
    "maximum",
    "minimum",
    "select",
    "where",
]


@implements(np.where)
@differentiable
def where(condition: Operand, a: Operand, b: Operand) -> Any:
    """Elements of a where the condition holds, of b elsewhere, as `numpy.where`.

    ::

        y = where(condition, a, b)
        dL/da = where(condition, g, 0)
        dL/db = where(condition, 0, g)

    What is not chosen has no influence, so a nan or an infinite slope on that side does no harm:
    the gradient of ``where(x > 0, sqrt(x), 0)`` is 0 for x <= 0. The condition gets no gradient.

    Parameters as `numpy.where`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([0.0, 4.0], requires_grad=True)
    >>> y = tg.where(x > 0, tg.sqrt(x), 0.0)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([0., 2.]), array([0.  , 0.25]))
    """
    y = np.where(condition, a, b)
    return (
        y,
        None,
        lambda g: np.where(condition, g, 0),
        lambda g: np.where(condition, 0, g),
    )


@implements(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Operand], default: Operand = 0) -> Tensor:
    """Elements of the first choice whose condition holds, as `numpy.select`.

    ::

        y = where(c1, x1, where(c2, x2, default))
        dL/dx1 = where(c1, g, 0)
        dL/dx2 = where(c2 & ~c1, g, 0)

    What is not chosen has no influence, as in `where`.

    Parameters as `numpy.select`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-2.0, 0.5, 3.0], requires_grad=True)
    >>> y = tg.select([x < 0, x < 1], [0.0, x * x], 2 * x - 1)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([0.  , 0.25, 5.  ]), array([0., 1., 2.]))
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            "select takes a choice for every condition, and one at least; "
            f"got {len(condlist)} conditions and {len(choicelist)} choices"
        )
    y = default
    for condition, x in zip(reversed(condlist), reversed(choicelist), strict=True):
        y = where(condition, x, y)
    return y  # type: ignore[no-any-return]  # no longer the default, which may be anything


@implements(np.choose)
def choose(a: Any, choices: Sequence[Operand]) -> Tensor:
    """Elements of the choices that an array of positions names, as `numpy.choose`.

    ::

        y[i] = choices[a[i]][i]
        dL/dx1 = where(a == 1, g, 0)   # of the choice x1 at position 1

    Parameters as `numpy.choose`, without ``mode``: a position out of range raises ValueError.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = tg.choose([0, 1, 1], [x, 10 * x])
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([ 1., 20., 30.]), array([ 1., 10., 10.]))
    """
    positions = np.choose(values(a), np.arange(len(choices)))  # themselves, if all are in range
    y = choices[0]
    for i in range(len(choices)):
        y = where(positions == i, choices[i], y)
    return y  # type: ignore[no-any-return]  # of where, not a choice itself


@implements(np.maximum)
@differentiable
def maximum(a: Operand, b: Operand) -> Any:
    """Larger of two operands, element by element, as `numpy.maximum`; nan if either is.

    ::

        y = maximum(a, b)
        dL/da = where(a > b, g, where(a == b, g / 2, 0))
        dL/db = where(b > a, g, where(a == b, g / 2, 0))

    Parameters as `numpy.maximum`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> tg.maximum(a, 2.0).sum().backward()
    >>> a.grad
    array([0. , 0.5, 1. ])
    """
    y = np.maximum(a, b)
    return (
        y,
        lambda g: _share(g, np.greater(a, b), np.equal(a, b)),
        lambda g: _share(g, np.less(a, b), np.equal(a, b)),
    )


@implements(np.minimum)
@differentiable
def minimum(a: Operand, b: Operand) -> Any:
    """Smaller of two operands, element by element, as `numpy.minimum`; nan if either is.

    ::

        y = minimum(a, b)
        dL/da = where(a < b, g, where(a == b, g / 2, 0))
        dL/db = where(b < a, g, where(a == b, g / 2, 0))

    Parameters as `numpy.minimum`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> tg.minimum(a, 2.0).sum().backward()
    >>> a.grad
    array([1. , 0.5, 0. ])
    """
    y = np.minimum(a, b)
    return (
        y,
        lambda g: _share(g, np.less(a, b), np.equal(a, b)),
        lambda g: _share(g, np.greater(a, b), np.equal(a, b)),
    )


@implements(np.fmax)
@differentiable
def fmax(a: Operand, b: Operand) -> Any:
    """Larger of two operands, element by element, as `numpy.fmax`; a nan loses against a number.

    ::

        y = fmax(a, b)
        dL/da = where((a > b) | isnan(b), g, where(a == b, g / 2, 0))
        dL/db = where((b > a) | isnan(a), g, where(a == b, g / 2, 0))

    Parameters as `numpy.fmax`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> tg.fmax(a, [2.0, 2.0, float("nan")]).sum().backward()
    >>> a.grad
    array([0. , 0.5, 1. ])
    """
    y = np.fmax(a, b)
    return (
        y,
        lambda g: _share(g, np.greater(a, b) | np.isnan(b), np.equal(a, b)),
        lambda g: _share(g, np.less(a, b) | np.isnan(a), np.equal(a, b)),
    )


@implements(np.fmin)
@differentiable
def fmin(a: Operand, b: Operand) -> Any:
    """Smaller of two operands, element by element, as `numpy.fmin`; a nan loses against a number.

    ::

        y = fmin(a, b)
        dL/da = where((a < b) | isnan(b), g, where(a == b, g / 2, 0))
        dL/db = where((b < a) | isnan(a), g, where(a == b, g / 2, 0))

    Parameters as `numpy.fmin`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> tg.fmin(a, [2.0, 2.0, float("nan")]).sum().backward()
    >>> a.grad
    array([1. , 0.5, 1. ])
    """
    y = np.fmin(a, b)
    return (
        y,
        lambda g: _share(g, np.less(a, b) | np.isnan(b), np.equal(a, b)),
        lambda g: _share(g, np.greater(a, b) | np.isnan(a), np.equal(a, b)),
    )


def _share(g: Any, chosen: Any, tied: Any) -> Any:
    """The gradient of an operand: all of it where chosen, half where tied, else none."""
    return np.where(chosen, g, np.where(tied, g * 0.5, 0))


@implements(np.clip)
@differentiable
def clip(x: Operand, min: Operand = None, max: Operand = None) -> Any:
    """Elements limited to the closed interval from min to max, as `numpy.clip`.

    ::

        y = minimum(maximum(x, min), max)
        dL/dx = where((min <= x) & (x <= max), g, 0)
        dL/dmin = where((x < min) & (min <= max), g, 0)
        dL/dmax = where(maximum(x, min) > max, g, 0)

    The slope is 1 on the closed interval, at its ends too; a limit gets the gradient of the
    elements that it replaced. Where the limits are crossed, min > max, every element becomes max.

    Parameters as `numpy.clip`, without the older names ``a_min`` and ``a_max`` of the limits.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-1.0, 0.0, 0.5, 2.0], requires_grad=True)
    >>> y = x.clip(0.0, 1.0)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([0. , 0. , 0.5, 1. ]), array([0., 1., 1., 0.]))
    """
    y = np.clip(x, min, max)
    low = -np.inf if min is None else values(min)
    high = np.inf if max is None else values(max)
    is_max = np.greater(np.maximum(values(x), low), high)
    is_min = np.less(x, low) & ~is_max
    return (
        y,
        lambda g: np.where(is_min | is_max, 0, g),
        lambda g: np.where(is_min, g, 0),
        lambda g: np.where(is_max, g, 0),
    )
