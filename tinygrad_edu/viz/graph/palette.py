"""Colors, after Okabe and Ito: color-blind readers can tell them apart, also on paper.

Lines and labels outside of cards are of a middle gray, which can be read on light and dark pages.
Cards have a background of their own; in an SVG it is dark where the reader prefers dark pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tinygrad_edu.viz.model import Kind

__all__ = [
    "BADGE",
    "CLUSTER",
    "FAINT",
    "FONT",
    "INK",
    "LINE",
    "LOOKS",
    "ON_BADGE",
    "STYLE",
    "THEMED",
    "Look",
    "ramp",
]

FONT = "Helvetica,Arial,sans-serif"
INK, FAINT = "#1f2328", "#59636e"  # on a card: text, and what explains it
BADGE, ON_BADGE = "#3d4754", "#ffffff"
LINE = "#7d8590"  # on the page
CLUSTER = LINE + "12"  # with an opacity: hardly there
STRONG = "#d55e00"  # a large gradient


class Look(NamedTuple):
    """How a node of a kind is drawn."""

    shape: str
    fill: str
    border: str
    style: str = "filled"
    width: str = "1"
    lines: str = "1"


LOOKS: dict[Kind, Look] = {
    "input": Look("note", "#e1effa", "#0072b2"),
    "parameter": Look("box", "#fdeccf", "#d17a00", width="2.2"),
    "intermediate": Look("box", "#f6f8fa", "#8b949e", "rounded,filled"),
    "output": Look("box", "#d9f2e8", "#009e73", lines="2"),
    "fold": Look("folder", "#f6e6f0", "#b3568c"),
}

DARK = {
    INK: "#e6edf3",
    FAINT: "#a2abb5",
    BADGE: "#57626f",
    LOOKS["input"].fill: "#10304a",
    LOOKS["parameter"].fill: "#46310c",
    LOOKS["intermediate"].fill: "#21262d",
    LOOKS["output"].fill: "#0e3b2e",
    LOOKS["fold"].fill: "#40243a",
}


def _rules(color: Callable[[str, str], str]) -> str:
    return "\n".join(
        f'.tinygrad_edu [{attribute}="{light}"] {{ {attribute}: {color(light, dark)} }}'
        for light, dark in DARK.items()
        for attribute in ("fill", "stroke")
    )


STYLE = f"<style>@media (prefers-color-scheme: dark) {{\n{_rules(lambda _, dark: dark)}\n}}</style>"
"""The same colors for a dark page, for an SVG by itself: as the reader's system prefers."""

THEMED = _rules(lambda light, dark: f"light-dark({light}, {dark})")
"""Both, for an SVG inside a page that has a color scheme of its own."""


def ramp(share: float) -> str:
    """A color between that of lines, for 0, and a strong one, for 1."""
    low, high = (int(color[1:], 16).to_bytes(3) for color in (LINE, STRONG))
    return "#" + "".join(
        f"{round(a + share * (b - a)):02x}" for a, b in zip(low, high, strict=True)
    )
