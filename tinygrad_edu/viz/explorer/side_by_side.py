"""Two explorers on one page, which go through their steps together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz import pages
from tinygrad_edu.viz.arrays import one_line
from tinygrad_edu.viz.explorer import explore
from tinygrad_edu.viz.graph.dot import Direction

__all__ = ["SideBySide", "explore_side_by_side"]

LONGEST_LABEL = 60


class SideBySide:
    """A page with two explorers; a notebook shows it as it is.

    Attributes
    ----------
    html : str
        The page: one file that needs nothing else, no network and no library.
    """

    html: str

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file, and return its path; folders are made where there are none."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.html.encode(errors="replace"))
        return path

    def __repr__(self) -> str:
        return '<SideBySide of two explorers; .save("both.html") writes it to a file>'

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="Two computations, step by step" '
            'style="width: 100%; height: 820px; border: 1px solid #8884; border-radius: 8px">'
            "</iframe>"
        )


def explore_side_by_side(
    first: Tensor | Callable[..., Tensor],
    second: Tensor | Callable[..., Tensor],
    *args: Any,
    labels: tuple[str, str] | None = None,
    path: str | PathLike[str] | None = None,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    direction: Direction = "LR",
    max_nodes: int | None = None,
) -> SideBySide:
    """Follow two computations step by step, side by side: sigmoid and ReLU, two initializations.

    One slider leads both: they begin, turn back and end together. Below them a thermometer shows
    how large the gradient of each layer is, on a logarithmic scale, as soon as it is complete: a
    layer is a scope, as of a module, or a parameter outside of any.

    Parameters
    ----------
    first, second : Tensor or callable
        What to follow, as in `explore`.
    *args
        What both functions are called with.
    labels : tuple of str, optional
        What to call them; by default, as the functions are called.
    path : path, optional
        Where to write the page.
    names, depth, direction, max_nodes
        As in `explore`, for both.

    Returns
    -------
    SideBySide
        The page; see its ``html`` and ``save``. A notebook shows it.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `explore` does; a TypeError, too, if arguments follow two Tensors.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> def smooth(x, w):
    ...     return tg.sigmoid(w * x)
    >>> def sharp(x, w):
    ...     return tg.relu(w * x)
    >>> tg.explore_side_by_side(smooth, sharp, 0.5, 4.0)
    <SideBySide of two explorers; .save("both.html") writes it to a file>
    """
    if labels is not None and len(labels) != 2:
        raise ValueError(f"labels are two, one for each computation; got {labels!r}")
    both = (first, second)
    if args and any(isinstance(one, Tensor) for one in both):
        raise TypeError("arguments belong to functions; after two Tensors none are taken")
    explorers = [
        explore(one, *args, names=names, depth=depth, direction=direction, max_nodes=max_nodes)
        for one in both
    ]
    shown = labels or tuple(map(_label, both, ("first", "second")))
    frames = "".join(
        f"<figure><figcaption>{escape(one_line(label, LONGEST_LABEL))}</figcaption>"
        f'<iframe title="{escape(one_line(label, LONGEST_LABEL))}"></iframe></figure>'
        for label in shown
    )
    html = pages.write(
        pages.part(__package__, "side_by_side.html"),
        title=" and ".join(shown),
        last=max(explorer.steps for explorer in explorers) - 1,
        style=pages.part(__package__, "side_by_side.css"),
        script=pages.part(__package__, "side_by_side.js"),
        data={"pages": [explorer.html for explorer in explorers]},
        frames=frames,
    )
    page = SideBySide(html)
    if path is not None:
        page.save(path)
    return page


def _label(computed: Tensor | Callable[..., Tensor], otherwise: str) -> str:
    name = computed.name if isinstance(computed, Tensor) else getattr(computed, "__name__", None)
    return otherwise if not name or name == "<lambda>" else str(name)
