"""Pages that need nothing but a browser: a template, with all that it uses written into it."""

from __future__ import annotations

import json
import math
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from tinygrad_edu.viz.arrays import one_line

__all__ = ["json_number", "part", "write"]

LONGEST_TITLE = 80


def part(package: str, name: str) -> str:
    """A file of a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def write(
    template: str, *, title: str, last: int, style: str, script: str, data: Any, **parts: Any
) -> str:
    """Fill in a template, with the controls to step from 0 to ``last``."""
    return Template(template).substitute(
        parts,
        title=escape(one_line(title, LONGEST_TITLE)),
        style=f"{part(__name__, 'controls.css')}\n{style}",
        controls=Template(part(__name__, "controls.html")).substitute(last=last),
        script=f"{part(__name__, 'theme.js')}{script}",
        data=_inside_script(data),
    )


def _inside_script(data: Any) -> str:
    """Data as JSON, in which no text can end the element that it stands in."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def json_number(x: float) -> float | str:
    """A number for JSON, which has no nan and no inf: those as words that JavaScript can read."""
    return x if math.isfinite(x) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(x, "NaN")
