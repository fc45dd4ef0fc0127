"""What the arguments of optimizers must be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

__all__ = [
    "at_least_one",
    "at_least_zero",
    "fraction",
    "list_of_tensors",
    "one_for_each",
    "require_parameters",
]


def list_of_tensors(who: str, given: Any) -> list[Tensor]:
    """Return the Tensors as a list; a single one is refused, since it would be cut into rows."""
    if isinstance(given, Iterable) and not isinstance(given, Tensor):
        found = [*given]
        strangers = [type(x).__name__ for x in found if not isinstance(x, Tensor)]
        if not strangers:
            return found
        got = strangers[0]
    else:
        got = f"a single {type(given).__name__}"
    raise TypeError(
        f"{who} takes a list of Tensors; got {got}. Of a module, pass its .parameters()"
    )


def require_parameters(parameters: list[Tensor]) -> None:
    """Refuse what an optimizer cannot change."""
    for p in parameters:
        if not (p.is_leaf and p.requires_grad):
            raise ValueError(
                "a parameter must be a leaf that requires a gradient, as made by "
                f"Tensor(data, requires_grad=True); got {p!r}"
            )
    if not parameters:
        raise ValueError("an optimizer needs at least one parameter; got none")
    if len(set(parameters)) < len(parameters):
        raise ValueError("each parameter must be given once; one of them came twice")


def one_for_each(parameters: list[Tensor], decay: Any) -> list[float]:
    """Return a weight decay for each parameter, from one for all or from as many."""
    decays = [decay] * len(parameters) if np.ndim(decay) == 0 else [*decay]
    if len(decays) != len(parameters):
        raise ValueError(
            f"weight_decay must be a number, or one for each of the {len(parameters)} "
            f"parameters; got {len(decays)} of them"
        )
    return [at_least_zero("the weight decay", d) for d in decays]


def at_least_zero(what: str, value: Any) -> float:
    """Return a number that is finite and not negative."""
    number = _number(what, value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{what} must be finite and not negative; got {value}")
    return number


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
