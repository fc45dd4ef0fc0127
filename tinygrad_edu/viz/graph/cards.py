"""The card of a node: name, shape, value and gradient, as one of Graphviz's HTML-like labels."""

from __future__ import annotations

from html import escape

from tinygrad_edu.viz.arrays import (
    Array,
    Summary,
    number,
    number_rows,
    one_line,
    shape_and_dtype,
    summarize,
    texts,
)
from tinygrad_edu.viz.graph.palette import ALARM, BADGE, FAINT, INK, LINE, LOOKS, ON_BADGE, Look
from tinygrad_edu.viz.graph.scale import Stroke
from tinygrad_edu.viz.model import Kind

__all__ = [
    "arrow",
    "badge",
    "card",
    "constant",
    "entries",
    "flag",
    "legend",
    "line",
    "text",
    "title",
]

SMALL, MEDIUM = 9, 11
FEW = 4
ROOM = 42  # of a number of any size: -0.0123
LONG_SYMBOL = 10
BAR_WIDTH, BAR_HEIGHT, MARK_HEIGHT, SUMMARY_WIDTH = 6, 16, 3, 120


def text(value: str, limit: int = 40) -> str:
    """A text as it is, whatever it holds, for an HTML-like label or an attribute."""
    return escape(one_line(value, limit).replace("\\", "\\\\")) or " "  # Graphviz rejects ""


def card(name: str, facts: str, rows: list[str], badge: str = "", *, named: bool = True) -> str:
    """A label: the badge of the operation, and beside it what the operation made."""
    shown = f"<B>{_font(text(name))}</B>" if named else _font(text(name), FAINT)
    title = f'<TD COLSPAN="2" ALIGN="LEFT">{shown}  {_small(facts)}</TD>'
    body = _table(f"<TR>{title}</TR>", *rows, spacing=2)
    left = f"<TD>{badge}</TD>" if badge else ""
    return f"<{_table(f'<TR>{left}<TD>{body}</TD></TR>', spacing=3 if badge else 0)}>"


def badge(symbol: str, options: str = "") -> str:
    """The operation, as a student writes it."""
    words = symbol.split("_") if len(symbol) > LONG_SYMBOL else [symbol]
    rows = [f"<TR><TD><B>{_font(text(word), ON_BADGE, 13)}</B></TD></TR>" for word in words]
    if options:
        rows.append(f"<TR><TD>{_font(text(options), ON_BADGE, SMALL)}</TD></TR>")
    return _table(*rows, padding=3, extra=f' STYLE="ROUNDED" BGCOLOR="{BADGE}"')


def line(value: str) -> str:
    """The row of a card with a sentence."""
    return f'<TR><TD COLSPAN="2" ALIGN="LEFT">{_small(value)}</TD></TR>'


def flag(value: str, key: str) -> str:
    """The row of a card that says what is wrong."""
    shown = _table(
        f"<TR><TD><B>{_font(text(value), ON_BADGE, SMALL)}</B></TD></TR>",
        padding=2,
        extra=f' STYLE="ROUNDED" BGCOLOR="{ALARM}"',
    )
    return f'<TR><TD COLSPAN="2" ALIGN="LEFT"{_address(key, value)}>{shown}</TD></TR>'


def _address(key: str, label: str) -> str:
    """Make a cell addressable: Graphviz gives an id to a group of what has a link and a tooltip."""
    return f' ID="{key}" HREF="#" TOOLTIP="{text(label)}"' if key else ""


def entries(label: str, array: Array | None, key: str = "", roomy: bool = False) -> str:
    """The row of a card with a label and an array: its numbers, or its distribution.

    If roomy, there is room for longer numbers.
    """
    return (
        f'<TR><TD ALIGN="LEFT">{_small(label)}</TD>'
        f'<TD ALIGN="LEFT"{_address(key, label)}>{_content(array, roomy)}</TD></TR>'
    )


def _content(array: Array | None, roomy: bool) -> str:
    rows = None if array is None else number_rows(array)
    if rows:
        # Other numbers have other widths: in the middle of a cell there is room on both sides.
        place = f'WIDTH="{ROOM}"' if roomy else 'ALIGN="RIGHT"'
        cells = ("".join(f"<TD {place}>{_font(x)}</TD>" for x in row) for row in rows)
        return _table(*(f"<TR>{row}</TR>" for row in cells), spacing=7)
    summary = None if array is None else summarize(array)
    return _distribution(summary) if summary else _font(texts(array)[0])


def _distribution(summary: Summary) -> str:
    """A histogram, and the numbers to read it by."""
    most = max(summary.histogram)
    bars = "".join(_bar(round(BAR_HEIGHT * n / most)) for n in summary.histogram)
    marks = "".join(_mark(i == summary.zero) for i in range(len(summary.histogram)))
    rows = f"<TR>{bars}</TR>", *([f"<TR>{marks}</TR>"] if summary.zero is not None else [])
    return _table(
        f'<TR><TD ALIGN="LEFT">{_table(*rows, spacing=1)}</TD></TR>',
        f'<TR><TD ALIGN="LEFT" WIDTH="{SUMMARY_WIDTH}">{_small(str(summary))}</TD></TR>',
    )


def _bar(height: int) -> str:
    size = f'FIXEDSIZE="TRUE" WIDTH="{BAR_WIDTH}"'
    above = f'<TR><TD {size} HEIGHT="{BAR_HEIGHT - height}"></TD></TR>'
    below = f'<TR><TD {size} HEIGHT="{height}" BGCOLOR="{FAINT}"></TD></TR>'
    return f"<TD>{_table(above * (height < BAR_HEIGHT), below * (height > 0))}</TD>"


def _mark(is_zero: bool) -> str:
    """What stands under a bar: a mark where 0 lies."""
    color = f' BGCOLOR="{INK}"' if is_zero else ""
    return f'<TD FIXEDSIZE="TRUE" WIDTH="{BAR_WIDTH}" HEIGHT="{MARK_HEIGHT}"{color}></TD>'


def constant(array: Array) -> str:
    """A constant, small and gray."""
    if array.ndim == 0:
        return f"<{_font(number(array[()]), LINE)}>"
    shown = ", ".join(map(number, array.ravel()[:FEW]))
    more = ", …" if array.size > FEW else ""
    facts = _font(shape_and_dtype(array), LINE, SMALL)
    return f"<{_font(f'[{shown}{more}]', LINE, SMALL)}<BR/>{facts}>"


def arrow(value: str) -> str:
    """The label of an arrow, with some room around it."""
    return f"<{_table(f'<TR><TD>{_font(text(value), FAINT)}</TD></TR>', padding=2)}>"


def title(scope: str) -> str:
    """The label of a cluster."""
    return f"<<B>{_font(text(scope), LINE)}</B>>"


def legend(kinds: list[Kind], scale: list[tuple[str, Stroke]]) -> str:
    """What the colors mean: the kinds of nodes and, if there are any, the sizes of gradients."""
    entries: list[tuple[str, str]] = [(_swatch(LOOKS[kind]), kind) for kind in kinds]
    entries += [(_stroke(stroke), f"grad {size}") for size, stroke in scale]
    cells = "".join(
        f"<TD>{mark}</TD><TD>{_font(name, LINE, SMALL)}  </TD>" for mark, name in entries
    )
    return f"<{_table(f'<TR>{cells}</TR>', spacing=4)}>"


def _swatch(look: Look) -> str:
    rounded = ' STYLE="ROUNDED"' if "rounded" in look.style else ""
    inner = (
        f'<TABLE BORDER="{round(float(look.width))}" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="0" COLOR="{look.border}" BGCOLOR="{look.fill}"{rounded}>'
        f'<TR><TD FIXEDSIZE="TRUE" WIDTH="14" HEIGHT="9"></TD></TR></TABLE>'
    )
    if look.lines == "1":
        return inner
    return (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="1" CELLPADDING="0" COLOR="{look.border}">'
        f"<TR><TD>{inner}</TD></TR></TABLE>"
    )


def _stroke(stroke: Stroke) -> str:
    size = f'FIXEDSIZE="TRUE" WIDTH="18" HEIGHT="{max(1, round(stroke.width))}"'
    return _table(f'<TR><TD {size} BGCOLOR="{stroke.color}"></TD></TR>')


def _small(value: str) -> str:
    return _font(text(value, 100), FAINT, SMALL)


def _font(markup: str, color: str = INK, size: int = MEDIUM) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{markup}</FONT>'


def _table(*rows: str, spacing: int = 0, padding: int = 0, extra: str = "") -> str:
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}"{extra}>'
        f"{''.join(rows)}</TABLE>"
    )
