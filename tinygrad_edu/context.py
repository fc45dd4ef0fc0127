"""What holds while operations run: context-local, so threads and async tasks never meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

__all__ = ["Context", "current", "no_grad", "scope", "within"]


class Context(NamedTuple):
    """What an operation finds when it runs."""

    recording: bool = True
    scope: tuple[str, ...] = ()
    nested: bool = False  # inside a function that a transform differentiates
    observer: Callable[[Any], None] | None = None  # shown every node as it is recorded


_context = ContextVar("tinygrad_edu", default=Context())
current = _context.get


@contextmanager
def within(**changes: Any) -> Iterator[None]:
    """Change the context inside a ``with`` block, or inside a function decorated with it."""
    token = _context.set(current()._replace(**changes))
    try:
        yield
    finally:
        _context.reset(token)


def no_grad() -> Any:
    """Record nothing inside the ``with`` block; also a decorator.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     (x * x).requires_grad
    False
    """
    return within(recording=False)


def scope(name: str) -> Any:
    """Group the nodes made inside the ``with`` block under a name; scopes nest.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> with tg.scope("layer1"):
    ...     y = tg.Tensor(1.0, requires_grad=True) * 2.0
    >>> y.scope
    ('layer1',)
    """
    return within(scope=(*current().scope, name))
