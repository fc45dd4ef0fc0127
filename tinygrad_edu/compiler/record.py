"""Record a function, and check that the recording holds for other data."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu.compiler.recording import Recording
from tinygrad_edu.compiler.tracing import Tape
from tinygrad_edu.compiler.values import Value, key_of, same_numbers
from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import leaves, tree_map

__all__ = ["record"]

R = TypeVar("R", bound=Recording)


def record(make: Callable[..., R], function: Callable[..., Any], args: tuple[Any, ...]) -> R:
    """A recording of a function.

    Parameters
    ----------
    make : callable
        From the function, its arguments by name, and ``vary=`` to the recording.
    function : callable
        What is recorded.
    args : tuple
        Its arguments.
    """
    for x in leaves(args):
        if isinstance(x, Tensor) and x.requires_grad:
            raise TypeError(
                f"an argument of a compiled function is data; got {describe(x)}, which requires a "
                "gradient"
            )
    arguments = dict(zip(_argument_names(function, args), args, strict=True))
    recording = make(function, arguments)
    changed = _changed_constant(recording, make, function, arguments)
    if changed is not None:
        raise ValueError(
            "the function uses numbers that differ from call to call, but do not come from NumPy's "
            f"functions of the arguments and Tensors ({describe(changed.example)}"
            + (f", in {changed.source}" if changed.source else "")
            + "). Draw random numbers outside, and hand them in; let a table that is looked up be "
            "a variable of the function, or a Tensor"
        )
    return recording


def _argument_names(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    bound = inspect.signature(function).bind(*args).arguments
    if len(bound) == len(args):
        return [*bound]
    return [f"argument{i}" for i in range(1, len(args) + 1)]


def _changed_constant(
    recording: Recording,
    make: Callable[..., Recording],
    function: Callable[..., Any],
    arguments: dict[str, Any],
) -> Any:
    """A value that is another one in a recording of other numbers; None if there is none."""
    try:
        again = make(function, arguments, vary=_varied)
    except (ArithmeticError, LookupError, ValueError, np.linalg.LinAlgError):
        return None  # the function does not take these numbers
    return _difference(recording.tape, again.tape)


def _varied(x: Any) -> Any:
    """Other numbers of the same kind: probabilities stay in [0, 1], positive numbers positive."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "iu":
        return np.where(x > 0, x - 1, 1).astype(x.dtype)  # class indices stay valid
    if isinstance(x, np.ndarray) and x.dtype.kind == "b":
        return ~x
    return x * 0.7320508 + 0.0141421


def _difference(a: Tape, b: Tape) -> Any:
    """An example of a value that is on one tape and not on the other; None if there is none."""
    numbers = [{value: i for i, value in enumerate(tape.values)} for tape in (a, b)]
    for x, y in zip(a.values, b.values, strict=False):
        if x.function != y.function or _call(x, numbers[0]) != _call(y, numbers[1]):
            return x
        if x.is_constant and not same_numbers(x.example, y.example):
            return x
    rest = a.values[len(b.values) :] or b.values[len(a.values) :]
    return rest[0] if rest else None


def _call(value: Value, numbers: dict[Value, int]) -> Any:
    """What a function is called with, with a value's number on the tape in its place."""

    def numbered(x: Any) -> Any:
        return (Value, numbers[x]) if isinstance(x, Value) else x

    return key_of(tree_map(numbered, (value.args, value.options)))
