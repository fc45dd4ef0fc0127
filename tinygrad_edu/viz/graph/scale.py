"""How edges show the size of the gradient that flows back over them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from tinygrad_edu.viz.arrays import number
from tinygrad_edu.viz.graph import palette

__all__ = ["Scale", "Stroke"]

LEAST_DECADES, MOST_DECADES = 3, 12
THINNEST, THICKEST = 0.8, 5.8


class Stroke(NamedTuple):
    """How a line is drawn."""

    color: str
    width: float


class Scale(NamedTuple):
    """A logarithmic scale down from the largest gradient."""

    strongest: float
    decades: float

    @classmethod
    def of(cls, strengths: Iterable[float]) -> Scale:
        """Make a scale that spans some strengths, within what the eye can tell apart."""
        positive = [s for s in strengths if 0 < s < math.inf]
        strongest, weakest = max(positive, default=1.0), min(positive, default=1.0)
        decades = math.log10(strongest) - math.log10(weakest)
        return cls(strongest, min(max(decades, LEAST_DECADES), MOST_DECADES))

    def edge(self, strength: float | None) -> dict[str, str]:
        """The attributes of an edge: as thick and as bright as its gradient is large."""
        if strength is None:
            return {"style": "dotted", "penwidth": str(THINNEST)}
        tooltip = f"gradient {strength:.3g}"
        if not math.isfinite(strength):
            look = {"color": palette.STRONG, "penwidth": "5", "label": str(strength)}
            return {**look, "style": "dashed", "tooltip": tooltip}
        if not strength:
            return {"style": "dashed", "penwidth": str(THINNEST), "tooltip": tooltip}
        share = 1 + (math.log10(strength) - math.log10(self.strongest)) / self.decades
        stroke = _stroke(max(0.0, share))
        return {"color": stroke.color, "penwidth": f"{stroke.width:.2f}", "tooltip": tooltip}

    def samples(self) -> list[tuple[str, Stroke]]:
        """Some sizes for the legend, and how their edges are drawn."""
        shares = (1, 0.75, 0.5, 0.25, 0)
        sizes = (self.strongest * 10 ** (self.decades * (share - 1)) for share in shares)
        return [
            (number(size, digits=1), _stroke(share))
            for size, share in zip(sizes, shares, strict=True)
        ]


def _stroke(share: float) -> Stroke:
    return Stroke(palette.ramp(share), THINNEST + (THICKEST - THINNEST) * share)
