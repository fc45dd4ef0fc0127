"""What the arguments of optimizers must be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygrad_edu.tensor import Tensor

__all__ = ["at_least_one", "at_least_zero", "fraction", "one_for_each", "require_parameters"]


def require_parameters(parameters: list[Tensor]) -> None:
    """Refuse what an optimizer cannot change."""
    for p in parameters:
        if not isinstance(p, Tensor):
            raise TypeError(f"an optimizer takes Tensors; got {type(p).__name__}")
        if not (p.is_leaf and p.requires_grad):
            raise ValueError(
                "a parameter must be a leaf that requires a gradient, as made by "
                f"Tensor(data, requires_grad=True); got {p!r}"
            )
    if not parameters:
        raise ValueError("an optimizer needs at least one parameter; got none")
    if len(set(parameters)) < len(parameters):
        raise ValueError("each parameter must be given once; one of them came twice")


def one_for_each(parameters: list[Tensor], decay: float | Sequence[float]) -> list[float]:
    """Return a weight decay for each parameter, from one for all or from as many."""
    decays = [decay] * len(parameters) if isinstance(decay, int | float) else [*decay]
    if len(decays) != len(parameters):
        raise ValueError(
            f"weight_decay must be a number, or one for each of the {len(parameters)} "
            f"parameters; got {len(decays)} of them"
        )
    return [at_least_zero("the weight decay", d) for d in decays]


def at_least_zero(what: str, value: float) -> float:
    """Return a number that is finite and not negative."""
    if not 0 <= value < math.inf:
        raise ValueError(f"{what} must be finite and not negative; got {value}")
    return value


def fraction(what: str, value: float) -> float:
    """Return a number from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{what} must lie in 0 to 1; got {value}")
    return value


def at_least_one(what: str, value: int) -> int:
    """Return a number of times."""
    if value < 1:
        raise ValueError(f"{what} must be at least 1; got {value}")
    return value
