"""What a function computes with that may be exchanged: modules, and what they consist of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from tinygrad_edu.compiler.values import key_of
from tinygrad_edu.nn.module import Module, changes
from tinygrad_edu.tensor import Tensor

__all__ = ["Structure"]

DEPTH = 4  # how far functions are followed that are called by the function


class Structure:
    """The modules that a function uses, and whether they are as they were.

    Parameters
    ----------
    function : callable
        What it finds in its closure, among global names, and in the object that it is a method of,
        is looked through.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._modules = [*dict.fromkeys(_modules_of(function, DEPTH))]
        self.key: Any = ()
        self.update()

    def has_changed(self) -> bool:
        """Whether something may have changed since the last `update`; in most cases nothing has."""
        return self.seen != changes.count or any(now != before for now, before in self.lists)

    def update(self) -> None:
        """Take note of how the modules are now."""
        self.seen: int = changes.count
        self.lists: list[tuple[list[Any], list[Any]]] = []
        self.key = tuple(map(self._key_of, self._modules))

    def _key_of(self, x: Any) -> Any:
        if isinstance(x, Module):
            parts = ((name, part) for name, part in vars(x).items() if name != "_name")
            return id(x), tuple((name, self._key_of(part)) for name, part in parts)
        if isinstance(x, list):
            if x and all(isinstance(part, Module) or callable(part) for part in x):
                self.lists.append((x, [*x]))  # whose changes are not those of an attribute
            return tuple(map(self._key_of, x))
        if isinstance(x, tuple):
            return tuple(map(self._key_of, x))
        if isinstance(x, dict):
            return tuple((name, self._key_of(part)) for name, part in x.items())
        if isinstance(x, Tensor):
            return id(x), x.requires_grad
        return key_of(x) if isinstance(x, bool | int | float | str | None) else id(x)


def _modules_of(x: Any, depth: int) -> Iterator[Module]:
    """The modules that something is, has, or uses as a function."""
    if isinstance(x, Module):
        yield x
    elif depth == 0:
        return
    elif isinstance(x, partial):
        for part in (x.func, *x.args, *x.keywords.values()):
            yield from _modules_of(part, depth - 1)
    elif isinstance(x, MethodType):
        for part in (x.__self__, x.__func__, *getattr(x.__self__, "__dict__", {}).values()):
            yield from _modules_of(part, depth - 1)
    elif isinstance(x, list | tuple):
        for part in x:
            yield from _modules_of(part, depth - 1)
    elif isinstance(x, dict):
        yield from _modules_of([*x.values()], depth)
    elif isinstance(x, FunctionType):
        for part in _names_of(x):
            yield from _modules_of(part, depth - 1)


def _names_of(function: FunctionType) -> list[Any]:
    """What a function refers to by name; of our own functions, what they were made with."""
    try:
        scope = inspect.getclosurevars(function)
    except ValueError:  # a name in the closure that has no value yet
        return []
    ours = (function.__module__ or "").startswith(("tinygrad_edu.", "numpy."))
    return [*scope.nonlocals.values(), *(() if ours else scope.globals.values())]
