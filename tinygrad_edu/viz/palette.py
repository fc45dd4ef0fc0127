"""Colors, after Okabe and Ito: told apart by color-blind readers, and on paper.

What stands on a card has the card's own light ground. What stands on the page, which may be light
or dark, is of a middle gray that is read on both.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BADGE", "FAINT", "FONT", "INK", "LINE", "LOOKS", "MONO", "Look"]

FONT = "Helvetica,Arial,sans-serif"
INK, FAINT = "#1f2328", "#59636e"  # on a card: text, and what explains it
LINE = "#7d8590"  # on the page
BADGE = "#3d4754"


class Look(NamedTuple):
    """How a node of a kind is drawn."""

    shape: str
    fill: str
    border: str
    style: str = "filled"
    width: str = "1"
    lines: str = "1"


LOOKS = {
    "input": Look("note", "#e1effa", "#0072b2"),
    "parameter": Look("box", "#fdeccf", "#d17a00", width="2.2"),
    "intermediate": Look("box", "#f6f8fa", "#8b949e", "rounded,filled"),
    "output": Look("box", "#d9f2e8", "#009e73", lines="2"),
    "fold": Look("folder", "#f6e6f0", "#b3568c"),
}
