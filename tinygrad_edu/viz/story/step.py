"""A step of the explorer."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its text, the parts of the graph that it is about, and what it changes there."""

    phase: str
    """One of "given", "forward", "seed", "backward" and "end"."""
    html: str
    node: str = ""
    """The vertex that is at work."""
    edges: list[str] = field(default_factory=list)
    """The arrows over which something flows."""
    target: str = ""
    """The vertex that gets a gradient."""
    gradient: list[str] = field(default_factory=list)
    """What the target's card says of its gradient, or of its tangent, from here on."""
    array: str = ""
    """The key of that gradient, where numbers are marked."""
