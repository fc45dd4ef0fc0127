"""What the arguments of optimizers must be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral
from types import MethodType
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

__all__ = [
    "at_least_one",
    "at_least_zero",
    "fraction",
    "list_of_tensors",
    "two_fractions",
    "yes_or_no",
]


def list_of_tensors(who: str, given: Any) -> list[Tensor]:
    """Return the Tensors as a list; a single one is refused, since it would be cut into rows."""
    if isinstance(given, Iterable) and not isinstance(given, Tensor | Mapping):
        found = [*given]
        strangers = [type(x).__name__ for x in found if not isinstance(x, Tensor)]
        if not strangers:
            return found
        got = strangers[0]
    else:
        got = f"a single {type(given).__name__}"
    if isinstance(given, MethodType):
        raise TypeError(
            f"{who} takes a list of Tensors; got a method: write model.{given.__name__}()"
        )
    if hasattr(given, "parameters"):
        raise TypeError(
            f"{who} takes a list of Tensors; got a {type(given).__name__}: pass its .parameters(), "
            "as in optim.SGD(model.parameters(), lr=0.1)"
        )
    raise TypeError(f"{who} takes a list of Tensors; got {got}")


def at_least_zero(what: str, value: Any) -> float:
    """Return a number that is finite and not negative."""
    number = _number(what, value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{what} must be finite and not negative; got {value}")
    return number


def yes_or_no(what: str, value: Any) -> bool:
    """Return a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} must be True or False; got {value!r}")
    return bool(value)


def two_fractions(what: str, value: Any) -> tuple[float, float]:
    """Return the factors of two running means."""
    if np.shape(value) != (2,):
        raise ValueError(f"{what} must be two numbers; got {value!r}")
    # At 1 nothing new would be learned, and the correction of the means divide by 0.
    first, second = (fraction(f"{what}[{i}]", x, below_one=True) for i, x in enumerate(value))
    return first, second


def fraction(what: str, value: Any, *, below_one: bool = False) -> float:
    """Return a number from 0 to 1, or below 1."""
    number = _number(what, value)
    if not 0 <= number <= 1 or (below_one and number == 1):
        bound = "at least 0 and below 1" if below_one else "in 0 to 1"
        raise ValueError(f"{what} must lie {bound}; got {value}")
    return number


def at_least_one(what: str, value: Any) -> int:
    """Return a number of times."""
    if not isinstance(value, Integral):
        raise TypeError(f"{what} must be an integer; got {value!r}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1; got {value}")
    return int(value)


def _number(what: str, value: Any) -> float:
    """A Python float: one of NumPy's in its place would widen parameters of single precision."""
    if not isinstance(value, str | bytes) and np.ndim(value) == 0:
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise TypeError(f"{what} must be a number; got {value!r}")
