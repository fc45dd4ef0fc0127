"""record: run a training step on a tape, and make sure that what is noted holds for other data."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Sequence
from keyword import iskeyword
from typing import Any

import numpy as np

from tinygrad_edu.compiler.recording import Recording
from tinygrad_edu.context import within
from tinygrad_edu.engine import next_order, nodes_of
from tinygrad_edu.errors import describe

from tinygrad_edu.optim.base import Optimizer
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.tracing import Tape, Value, key_of, mapped, same_numbers

__all__ = ["record"]


@within(recording=True, observer=None)
def record(
    function: Callable[..., Tensor], optimizer: Optimizer | None, args: tuple[Any, ...]
) -> tuple[Recording, dict[str, Tensor]]:
    """A recording of the step, and its parameters by name."""
    begin = next_order()
    loss = _checked(function(*args))
    leaves = [x for x in nodes_of(loss) if x._op is None and x._requires_grad and x._order < begin]
    names = _argument_names(function, args)
    parameters = dict(zip(_names_of(leaves, function, names), leaves, strict=True))
    arguments = dict(zip(names, args, strict=True))
    for x in args:
        if any(x is p for p in leaves):
            raise TypeError(
                f"an argument of a compiled step is data; got {x!r}, which requires a gradient"
            )
    recording = Recording(function, arguments, parameters, optimizer)
    _require_same(recording, function, arguments, parameters, optimizer)
    return recording, parameters


def _checked(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        what = f"a {type(loss).__name__}" if not isinstance(loss, Tensor) else "a constant Tensor"
        raise TypeError(
            f"the function must return a Tensor that depends on a parameter; it returned {what}"
        )
    if loss.size != 1:
        raise ValueError(
            f"the loss must be a single number; it has shape {loss.shape}. Reduce it with .sum() "
            "or .mean()"
        )
    return loss


def _argument_names(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    bound = inspect.signature(function).bind(*args).arguments
    if len(bound) == len(args):
        return [*bound]
    return [f"argument{i}" for i in range(1, len(args) + 1)]


def _names_of(
    parameters: Sequence[Tensor], function: Callable[..., Any], taken: Sequence[str]
) -> list[str]:
    """A name for each parameter, all of them different: its own, or that of its variable."""
    try:
        scope = inspect.getclosurevars(function)
        variables = {id(x): name for name, x in {**scope.globals, **scope.nonlocals}.items()}
    except TypeError:  # no function of Python's
        variables = {}
    names = [_identifier(p.name or variables.get(id(p), "p")) for p in parameters]
    times, seen = Counter([*names, *taken]), Counter[str]()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name}{seen[name]}" if times[name] > 1 else name)
    return unique


def _identifier(name: str) -> str:
    """A name that Python takes, as near as can be to any text."""
    name = re.sub(r"\W", "_", name)
    return name if name.isidentifier() and not iskeyword(name) else f"p_{name}"


def _require_same(
    recording: Recording,
    function: Callable[..., Tensor],
    arguments: dict[str, Any],
    parameters: dict[str, Tensor],
    optimizer: Optimizer | None,
) -> None:
    """Record again with other numbers: what is constant in a program must not change then."""
    try:
        again = Recording(function, arguments, parameters, optimizer, vary=_varied)
    except (ArithmeticError, LookupError, ValueError, np.linalg.LinAlgError):
        return  # these numbers will not do
    changed = _changed_constant(recording.tape, again.tape)
    if changed is not None:
        raise ValueError(
            "the function uses numbers that differ from call to call, but do not come from NumPy's "
            f"functions of the arguments and Tensors ({describe(changed)}); draw random numbers "
            "and look tables up outside, and hand in what comes out"
        )


def _varied(x: Any) -> Any:
    """Other numbers of the same kind: probabilities stay such, and what is positive stays so."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "iu":
        return np.where(x > 0, x - 1, 1).astype(x.dtype)  # class indices stay such, too
    if isinstance(x, np.ndarray) and x.dtype.kind == "b":
        return ~x
    return x * 0.7320508 + 0.0141421


def _changed_constant(a: Tape, b: Tape) -> Any:
    """A constant of a tape that is no constant, as another recording shows; None if all are."""
    numbers = [{value: i for i, value in enumerate(tape.values)} for tape in (a, b)]
    for x, y in zip(a.values, b.values, strict=False):
        if x.function != y.function or _call(x, numbers[0]) != _call(y, numbers[1]):
            return x.example
        if x.is_constant and not same_numbers(x.example, y.example):
            return x.example
    rest = a.values[len(b.values) :] or b.values[len(a.values) :]
    return rest[0].example if rest else None


def _call(value: Value, numbers: dict[Value, int]) -> Any:
    """What a function is called with, where values are told by their numbers on the tape."""

    def told(x: Any) -> Any:
        return (Value, numbers[x]) if isinstance(x, Value) else x

    return key_of(mapped(told, (value.args, value.options)))
