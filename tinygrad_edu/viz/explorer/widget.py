"""The explorer as a widget of a notebook: the page in a frame, and Python that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from tinygrad_edu.viz import pages

__all__ = ["widget"]


def widget(html: str, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> anywidget.AnyWidget:
    """A widget that shows a page, and hands on what it asks and what it is answered."""
    members = {
        "_esm": pages.part(__package__, "widget.js"),
        "page": traitlets.Unicode(html).tag(sync=True),
    }
    shown: anywidget.AnyWidget = type("ExplorerWidget", (anywidget.AnyWidget,), members)()

    def reply(_: Any, message: dict[str, Any], __: Any) -> None:
        answered = answer(message)
        if "page" in answered:
            shown.page = answered["page"]
        else:
            shown.send(answered)

    shown.on_msg(reply)
    return shown
