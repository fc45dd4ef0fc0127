"""What may be given by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

__all__ = ["named"]

T = TypeVar("T")


def named(kind: str, given: Any, known: Mapping[str, T]) -> T:
    """Return what has a name; a function stays itself."""
    if callable(given):
        return given  # type: ignore[no-any-return]  # it is of the kind, or shows when it is called
    if given not in [*known]:  # a list asks for no hash
        raise ValueError(f"unknown {kind} {given!r}; known are {', '.join(known)}")
    return known[given]
