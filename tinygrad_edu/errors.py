"""Errors: how they name what they are about, and the one exception of our own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu.migrants import ARGUMENTS

F = TypeVar("F", bound=Callable[..., Any])


class GradientError(AssertionError):
    """A derivative does not agree with the difference quotient of its function."""


def describe_call(op: Any, inputs: tuple[Any, ...]) -> str:
    """An operation with its inputs: ``matmul(x: (2, 3) float64, W: (3,) float64)``."""
    return f"{op.__name__}({', '.join(map(describe, inputs))})"


def describe(x: Any) -> str:
    """An input: name, shape and dtype of a Tensor or an array, and the beginning of other things.

    Never the numbers: there may be pages of them before a message comes to the point.
    """
    if isinstance(x, list | tuple) and any(hasattr(part, "dtype") for part in x):
        parts = [*map(describe, x[:MANY]), *["..."] * (len(x) > MANY)]
        return f"[{', '.join(parts)}]"
    array = getattr(x, "_array", x)
    if not isinstance(array, np.ndarray):
        text = repr(x)
        return text if len(text) <= LONG else f"{text[:LONG]}..."
    name = "array" if array is x else x.name or "Tensor"
    return f"{name}: {array.shape} {array.dtype}"


MANY, LONG = 3, 100  # parts of a list, letters

# --- calls that other libraries would understand ---------------------------------------------


def advised(function: F) -> F:
    """Answer to arguments that have another name in other libraries with the name here."""

    @wraps(function)
    def call(*inputs: Any, **options: Any) -> Any:
        try:
            return function(*inputs, **options)
        except TypeError as error:
            if function.__name__ == "__init__" and inputs:  # perhaps that of a base class
                name_arguments(error, function, options, type(inputs[0]).__name__)
            else:
                name_arguments(error, function, options)
            raise

    return call  # type: ignore[return-value]  # of the same signature


def name_arguments(
    error: TypeError, function: Any, options: dict[str, Any], called: str | None = None
) -> None:
    """Let an error say which arguments there are, if one was given that there is not."""
    from inspect import Parameter, signature  # noqa: PLC0415 - rarely needed, and slow to import

    parameters = signature(function).parameters
    taken = [name for name in parameters if name != "self"]
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
    unknown = [] if open_ended else [name for name in options if name not in parameters]
    if unknown:
        names = " and ".join(f"{name}=" for name in unknown)
        advice = ", ".join(filter(None, (_advice(name, taken) for name in unknown)))
        error.args = (
            f"{called or function.__qualname__.rpartition('.')[2]} has no argument {names}"
            + (advice and f": {advice}")
            + f". It takes {', '.join(taken)}",
        )


def _advice(name: str, taken: list[str]) -> str:
    """What to write in place of an argument, if that is known."""
    here = ARGUMENTS.get(name)
    if isinstance(here, int):
        here = taken[here] if here < len(taken) else None
    if here in taken:
        return f"write {here}= in place of {name}="
    return here if here is not None and " " in here else ""


def name_lists(error: TypeError, op: Any, inputs: tuple[Any, ...]) -> None:
    """Let an error say how a list of Tensors becomes one, if an operation was given a list."""
    if any(map(_holds_tensors, inputs)):
        error.args = (
            f"{op.__name__} takes a Tensor, not a list of them: tg.stack([...]) makes one of them",
        )


def _holds_tensors(x: Any) -> bool:
    return isinstance(x, list | tuple) and any(
        getattr(part, "requires_grad", False) or _holds_tensors(part) for part in x
    )
