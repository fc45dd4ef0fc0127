"""What a module consists of, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["Line", "Summary", "shape_of"]

MANY = 3  # outputs of one shape


class Line(NamedTuple):
    """A module in a summary."""

    depth: int
    name: str
    output: str
    """The shapes of what it returned; empty if it was not called."""
    parameters: int


@dataclass(frozen=True)
class Summary:
    """A table of the modules in a module, as ``module.summary(x)`` returns it."""

    lines: list[Line]
    learned: int
    """How many numbers learn."""
    kept: int
    """How many do not."""
    size: int
    """How many bytes all of them take."""

    def __repr__(self) -> str:
        rows = [("layer", "output", "parameters")]
        rows += [
            (
                "  " * line.depth + line.name,
                line.output,
                f"{line.parameters:,}" * bool(line.parameters),
            )
            for line in self.lines
        ]
        first, second = (max(len(row[i]) for row in rows) for i in range(2))
        table = [f"{a:{first}}  {b:{second}}  {c:>10}".rstrip() for a, b, c in rows]
        kept = f", {self.kept:,} numbers that do not learn" if self.kept else ""
        return "\n".join([*table, f"{self.learned:,} parameters{kept}, {self.size:,} bytes"])


def shape_of(outputs: Any) -> str:
    """The shape of an output, or those of several: of the steps of a sequence, how many."""
    if isinstance(outputs, tuple | list):
        shapes = [*map(shape_of, outputs)]
        if len(shapes) > MANY and len(set(shapes)) == 1:
            return f"{len(shapes)} times {shapes[0]}"
        return ", ".join(shapes)
    return str(getattr(outputs, "shape", type(outputs).__name__))
