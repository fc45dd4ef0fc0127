"""The card of a node: name, shape, value and gradient, as one of Graphviz's HTML-like labels."""

from __future__ import annotations

from html import escape
from typing import Any

from numpy.typing import NDArray

from tinygrad_edu.viz.palette import BADGE, FAINT, INK, LINE
from tinygrad_edu.viz.summary import Summary, describe, numbers, plain, summarize

__all__ = ["badge", "card", "constant", "entries", "text"]

SMALL, MEDIUM = 9, 11
BAR_WIDTH, BAR_HEIGHT = 6, 16


def text(value: str, limit: int = 40) -> str:
    """A text as it is, whatever it holds, for an HTML-like label or an attribute."""
    return escape(plain(value, limit).replace("\\", "\\\\"))


def card(name: str, facts: str, rows: list[str], badge: str = "") -> str:
    """A label: the badge of the operation, and beside it what the operation made."""
    title = f'<TD COLSPAN="2" ALIGN="LEFT"><B>{_font(text(name))}</B>  {_small(facts)}</TD>'
    body = _table(f"<TR>{title}</TR>", *rows, spacing=2)
    left = f"<TD>{badge}</TD>" if badge else ""
    return f"<{_table(f'<TR>{left}<TD>{body}</TD></TR>')}>"


def badge(symbol: str, options: str = "") -> str:
    """The operation, as a student writes it."""
    rows = [f"<TR><TD><B>{_font(text(symbol), '#ffffff', 13)}</B></TD></TR>"]
    if options:
        rows.append(f"<TR><TD>{_font(text(options), '#ffffff', SMALL)}</TD></TR>")
    return _table(*rows, padding=3, extra=f' STYLE="ROUNDED" BGCOLOR="{BADGE}"')


def entries(label: str, array: NDArray[Any] | None) -> str:
    """The row of a card with a label and an array: its numbers, or its distribution."""
    return (
        f'<TR><TD ALIGN="LEFT" VALIGN="TOP">{_small(label)}</TD>'
        f'<TD ALIGN="LEFT">{_content(array)}</TD></TR>'
    )


def _content(array: NDArray[Any] | None) -> str:
    if array is None:
        return _font("-")
    rows = numbers(array)
    if rows:
        cells = ("".join(f'<TD ALIGN="RIGHT">{_font(x)}</TD>' for x in row) for row in rows)
        return _table(*(f"<TR>{row}</TR>" for row in cells), spacing=5)
    summary = summarize(array)
    if summary:
        return _distribution(summary)
    return _font("empty" if not array.size else "nothing finite")


def _distribution(summary: Summary) -> str:
    """A histogram, and the numbers to read it by."""
    most = max(summary.histogram)
    bars = "".join(_bar(round(BAR_HEIGHT * n / most)) for n in summary.histogram)
    return _table(
        f'<TR><TD ALIGN="LEFT">{_table(f"<TR>{bars}</TR>", spacing=1)}</TD></TR>',
        f'<TR><TD ALIGN="LEFT">{_small(str(summary))}</TD></TR>',
    )


def _bar(height: int) -> str:
    size = f'FIXEDSIZE="TRUE" WIDTH="{BAR_WIDTH}"'
    above = f'<TR><TD {size} HEIGHT="{BAR_HEIGHT - height}"></TD></TR>'
    below = f'<TR><TD {size} HEIGHT="{height}" BGCOLOR="{FAINT}"></TD></TR>'
    return f"<TD>{_table(above * (height < BAR_HEIGHT), below * (height > 0))}</TD>"


def constant(array: NDArray[Any]) -> str:
    """A constant, small and gray."""
    rows = numbers(array)
    if array.ndim == 0 and rows:
        return f"<{_font(rows[0][0], LINE, MEDIUM)}>"
    return f"<{_font(describe(array), LINE, SMALL)}>"


def _small(value: str) -> str:
    return _font(text(value, 100), FAINT, SMALL)


def _font(markup: str, color: str = INK, size: int = MEDIUM) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{markup}</FONT>'


def _table(*rows: str, spacing: int = 0, padding: int = 0, extra: str = "") -> str:
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}"{extra}>'
        f"{''.join(rows)}</TABLE>"
    )
