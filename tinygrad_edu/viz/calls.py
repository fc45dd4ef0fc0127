"""The call that made a node: its arguments, and how a student writes it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import lru_cache
from numbers import Number
from types import EllipsisType
from typing import Any

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import number

__all__ = [
    "arguments",
    "defaults",
    "expression",
    "name",
    "operands",
    "options",
    "order_matters",
    "same",
    "symbol",
    "written",
]

SYMBOLS = {
    "absolute": "|x|",
    "add": "+",
    "divide": "/",
    "floor_divide": "//",
    "getitem": "[ ]",
    "matmul": "@",
    "multiply": "*",
    "negative": "−x",
    "positive": "+x",
    "power": "**",
    "relu": "ReLU",
    "remainder": "%",
    "sigmoid": "σ",
    "sqrt": "√",
    "subtract": "−",
    "transpose": "T",
}
MOST_OPERANDS = 5  # of a call with any number of them: the others are left out
INFIX = {"add", "divide", "floor_divide", "matmul", "multiply", "power", "remainder", "subtract"}
COMMUTATIVE = {"add", "fmax", "fmin", "hypot", "logaddexp", "maximum", "minimum", "multiply"}


# --- its arguments ------------------------------------------------------------------------


def operands(node: Node) -> Iterator[tuple[int, Any]]:
    """The arguments to compute with, by position; the others say how."""
    for position, value in enumerate(node._inputs):
        differentiable = position < len(node._closures) and isinstance(value, Number | list)
        if differentiable or isinstance(value, Node | np.ndarray):
            yield position, value


def arguments(node: Node) -> dict[str, Any]:
    """The arguments of the call, by their names in the operation's signature."""
    bound: dict[str, Any] = {}
    for parameter in _parameters(node._op):
        rest = node._inputs[len(bound) :]
        if parameter.kind is parameter.VAR_POSITIONAL:
            bound |= {f"{parameter.name}[{i}]": value for i, value in enumerate(rest)}
        elif rest and parameter.kind is not parameter.KEYWORD_ONLY:
            bound[parameter.name] = rest[0]
    return bound | node._options


def options(node: Node) -> str:
    """What the call says beside its operands, as it is written: ``axis=0``, ``[1:]``."""
    computed_with = {position for position, _ in operands(node)}
    usual = defaults(node)
    return ", ".join(
        f"[{written(value, name)}]" if name == "index" else f"{name}={written(value, name)}"
        for position, (name, value) in enumerate(arguments(node).items())
        if position not in computed_with and not same(value, usual.get(name))
    )


def defaults(node: Node) -> dict[str, Any]:
    """What the arguments are that can be left out of the call."""
    return {p.name: p.default for p in _parameters(node._op) if p.default is not p.empty}


@lru_cache(maxsize=256)
def _parameters(op: Any) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(op).parameters.values())


def same(value: Any, default: Any) -> bool:
    """Whether an argument is as if it had been left out."""
    return value is default or (type(value) is type(default) and bool(np.all(value == default)))


# --- how it is written --------------------------------------------------------------------


def name(node: Node) -> str:
    """The name of the operation."""
    return str(node._op.__name__)  # type: ignore[union-attr]  # only of what was computed


def symbol(node: Node) -> str:
    """The operation: in its symbol where that is short, else by its name."""
    return SYMBOLS.get(name(node), name(node))


def expression(node: Node, names: Mapping[Any, str]) -> str:
    """The call, with the names of its operands: ``x @ W``."""
    parts = [
        names[value] if isinstance(value, Node) else _constant(value) for _, value in operands(node)
    ]
    if name(node) in INFIX and len(parts) == 2:
        return f"{parts[0]} {symbol(node)} {parts[1]}"
    if name(node) == "getitem":
        return f"{parts[0]}{options(node) or '[array]'}"
    if len(parts) > MOST_OPERANDS:
        parts[2:-1] = ["…"]
    return f"{name(node)}({', '.join(filter(None, [*parts, options(node)]))})"


def order_matters(node: Node) -> bool:
    """Whether a picture without the expression leaves open what was computed: a - b, or b - a."""
    return name(node) not in COMMUTATIVE and len(list(operands(node))) > 1


def _constant(value: Any) -> str:
    array = np.asarray(value)
    return number(array[()]) if array.ndim == 0 else "array"


def written(value: Any, argument: str = "") -> str:
    """An argument as it is written in a call; an index, as it is written between brackets."""
    if argument == "index":
        return ", ".join(map(written, value if isinstance(value, tuple) else (value,)))
    match value:
        case slice():
            parts = ["" if part is None else str(part) for part in (value.start, value.stop)]
            return ":".join(parts if value.step is None else [*parts, str(value.step)])
        case EllipsisType():
            return "..."
        case np.generic():
            return repr(value.item())
        case np.ndarray():
            return f"array of shape {value.shape}"
    return repr(value)
