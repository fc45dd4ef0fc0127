"""Arguments that may be given by name, as activations and initializers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

__all__ = ["by_name"]

T = TypeVar("T")


def by_name(kind: str, given: Any, known: Mapping[str, T]) -> T:
    """Return what is known by a name; a function stays itself."""
    if callable(given):
        return given  # type: ignore[no-any-return]  # another one fails when it is called
    if given not in [*known]:  # a list compares; what is given may have no hash
        raise ValueError(f"unknown {kind} {given!r}; known are {', '.join(known)}")
    return known[given]
