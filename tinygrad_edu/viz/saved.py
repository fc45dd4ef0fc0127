"""What operations keep for the way back: the arrays that their closures hold."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any, TypeAlias

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.arrays import Array, array_of

__all__ = ["in_bytes", "saved", "saved_in_words"]

Held: TypeAlias = "Array | np.generic"

UNITS = "bytes", "kB", "MB", "GB"


def saved(nodes: Iterable[Node]) -> list[Held]:
    """The arrays, and NumPy's single numbers, that the closures of some nodes hold, each once.

    Views of one array are that array: it is what stays in memory. Parameters and data are among
    them, where a closure needs them.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> h = tg.tanh(x)
    >>> y = h * x
    >>> len(saved([h])), len(saved([y])), len(saved([h, y]))  # h; h and x; h is shared
    (1, 2, 2)
    """
    found = {id(owner): owner for node in nodes for owner in map(_owner, _held(node._closures))}
    return list(found.values())


def saved_in_words(node: Node, names: Mapping[Any, str]) -> str:
    """What a node keeps: operands, its own value or other arrays, and their size; else nothing."""
    kept = saved([node])
    if not kept:
        return ""
    operands = {id(_owner(array_of(x))): _called(x, names) for x in node._inputs if _is_array(x)}
    by_owner = {id(_owner(node._array)): names[node]} | operands
    found = [by_owner.get(id(x)) or (names[node] if _is_value(x, node) else "") for x in kept]
    others = found.count("")
    named = [name for name in dict.fromkeys([*operands.values(), names[node]]) if name in found]
    named += [f"{others} array{'s' * (others > 1)} of its own"] * (others > 0)
    return f"{', '.join(named)} ({in_bytes(kept)})"


def in_bytes(arrays: Iterable[Held]) -> str:
    """How much memory arrays take: ``96 bytes``, ``1.2 kB``."""
    size, unit = float(sum(array.nbytes for array in arrays)), 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {UNITS[unit]}"


def _held(value: Any) -> Iterator[Held]:
    """The arrays in what a closure has captured: in containers and in other functions, too."""
    pending, seen = [value], set()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case np.ndarray() | np.generic():
                yield value
            case Node():
                yield value._array
            case list() | tuple() | set() | frozenset():
                pending += reversed(list(value))
            case dict():
                pending += reversed(list(value.values()))
            case functools.partial():
                pending += [value.keywords, value.args, value.func]
            case MethodType():
                pending += [value.__self__, value.__func__]
            case FunctionType():
                cells = [cell.cell_contents for cell in value.__closure__ or ()]
                pending += [value.__kwdefaults__, value.__defaults__, *reversed(cells)]
            case object(__dict__=dict() as attributes) if not isinstance(value, type):
                pending.append(attributes)


def _owner(array: Held) -> Held:
    """The array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _is_array(operand: Any) -> bool:
    return isinstance(operand, Node | np.ndarray)


def _called(operand: Any, names: Mapping[Any, str]) -> str:
    return names[operand] if isinstance(operand, Node) else "the constant"


def _is_value(kept: Held, node: Node) -> bool:
    """Whether a number that a closure keeps is the value of its node, which is a copy of it."""
    value = node._array
    return value.ndim == 0 and kept.dtype == value.dtype and np.array_equal(kept, value)
