"""What holds while operations run: context-local, so threads and async tasks never meet."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar, Token
from copy import copy
from typing import Any, NamedTuple, ParamSpec, TypeVar

__all__ = ["Context", "current", "no_grad", "scope", "within"]

P = ParamSpec("P")
R = TypeVar("R")


class Context(NamedTuple):
    """What an operation finds when it runs."""

    recording: bool = True
    scope: tuple[str, ...] = ()
    nested: bool = False  # inside a function that a transform differentiates
    observer: Callable[[Any], None] | None = None  # shown every node as it is recorded


_context = ContextVar("tinygrad_edu", default=Context())
current: Callable[[], Context] = _context.get


class within:  # noqa: N801 - used like a function, as no_grad and scope are
    """Change the context inside a ``with`` block, or inside a function decorated with it."""

    __slots__ = ("_changes", "_token")

    _token: Token[Context]

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def __enter__(self) -> None:
        self._token = _context.set(self._changed(current()))

    def __exit__(self, *exception: object) -> None:
        _context.reset(self._token)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Change the context whenever the function runs."""

        @functools.wraps(function)
        def decorated(*args: P.args, **kwargs: P.kwargs) -> R:
            with copy(self):  # every call has a token of its own
                return function(*args, **kwargs)

        return decorated

    def _changed(self, context: Context) -> Context:
        return context._replace(**self._changes)


class no_grad(within):  # noqa: N801 - as PyTorch's
    """Record nothing inside the ``with`` block; also a decorator.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     (x * x).requires_grad
    False
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(recording=False)


class scope(within):  # noqa: N801 - as no_grad
    """Group the nodes made inside the ``with`` block under a name; also a decorator. Scopes nest.

    Parameters
    ----------
    name : str
        The name of the group.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> with tg.scope("layer1"):
    ...     y = tg.Tensor(1.0, requires_grad=True) * 2.0
    >>> y.scope
    ('layer1',)
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def _changed(self, context: Context) -> Context:
        path = (*context.scope, self._name)  # not by _replace, which is slow
        return Context(context.recording, path, context.nested, context.observer)
