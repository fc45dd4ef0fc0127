"""A page on which a computation can be followed, forward and backward, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.explorer.observer import observe, variables
from tinygrad_edu.viz.explorer.page import page
from tinygrad_edu.viz.folding import arrange
from tinygrad_edu.viz.graph.dot import Direction
from tinygrad_edu.viz.model import checked_names, read_graph
from tinygrad_edu.viz.story import steps_of

__all__ = ["Explorer", "explore"]


class Explorer:
    """A page on which a computation can be followed; a notebook shows it as it is.

    Attributes
    ----------
    html : str
        The page: one file that needs nothing else, no network and no library.
    steps : int
        How many steps there are on it.
    """

    html: str
    steps: int

    def __init__(self, html: str, steps: int) -> None:
        self.html = html
        self.steps = steps

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file, and return its path; folders are made where there are none."""
        return _write(self.html, path)

    def handout(self, path: str | PathLike[str]) -> Path:
        """Write all steps below each other to a file, to be printed, and return its path.

        The graph is in front, in strips if it is wide, with the program; then come all steps.
        The page has a button that prints the same. A PDF is made by a browser:
        ``chromium --headless --print-to-pdf handout.html``.

        Parameters
        ----------
        path : path
            Where to write it; folders are made where there are none.

        Returns
        -------
        Path
            The same path.
        """
        return _write(self.html.replace("<body>", "<body data-handout>", 1), path)

    def __repr__(self) -> str:
        return f'<Explorer of {self.steps} steps; .save("backprop.html") writes it to a file>'

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="Backpropagation, step by step" '
            'style="width: 100%; height: 640px; border: 1px solid #8884; border-radius: 8px">'
            "</iframe>"
        )


def explore(
    root_or_function: Tensor | Callable[..., Tensor],
    *args: Any,
    path: str | PathLike[str] | None = None,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    direction: Direction = "LR",
    max_nodes: int = 300,
) -> Explorer:
    """Follow backpropagation step by step, on a page of its own.

    The page shows the graph, and beside it the story: forward node by node, then backward edge by
    edge, each with the formula, the local derivative, the numbers and the shapes. Nothing is
    written to any ``.grad``.

    Parameters
    ----------
    root_or_function : Tensor or callable
        The end of a computation, a single number; or a function that returns one. Of a function
        the page also shows the lines of the program. What has no name is called as the variable
        that holds it, in the function or where `explore` is called.
    *args
        After a Tensor, the path to write the page to. After a function, its arguments: arrays of
        floating-point numbers (also in lists, tuples and dicts) become Tensors that require a
        gradient, everything else is handed on as it is.
    path : path, optional
        Where to write the page.
    names, depth, direction, max_nodes
        As in `draw_graph`; ``names`` come before those of variables.

    Returns
    -------
    Explorer
        The page; see its ``html`` and ``save``. A notebook shows it.

    Raises
    ------
    TypeError
        If there is neither a Tensor nor a function, or if the function returns no Tensor.
    ValueError
        If the Tensor is no single number, or was not computed from anything that requires a
        gradient; or if there is too much to show even after folding.
    RuntimeError
        If the data of a leaf were changed after they had been used; or if there is no Graphviz.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> def neuron(x, w, b):
    ...     return tg.tanh(w * x + b)
    >>> tg.explore(neuron, 0.5, -1.0, 0.1)
    <Explorer of 11 steps; .save("backprop.html") writes it to a file>
    """
    given = checked_names(names)
    if isinstance(root_or_function, Tensor):
        if args[1:] or (args and path):
            raise TypeError("after a Tensor explore takes one path; arguments belong to a function")
        root, path = root_or_function, (args[0] if args else path)
        found = variables()
    elif callable(root_or_function):
        root, found = observe(root_or_function, args)
    else:
        raise TypeError(
            "explore follows the computation of a Tensor, or of a function's result; got "
            f"{type(root_or_function).__name__}"
        )
    _check(root)
    given |= {name: tensor for name, tensor in found.items() if name not in given}
    view = arrange(read_graph(root, given), depth, max_nodes)
    steps = list(steps_of(view))
    title = _title(getattr(root_or_function, "__name__", root.name))
    explorer = Explorer(page(title, view, steps, direction), len(steps))
    if path is not None:
        explorer.save(path)
    return explorer


def _write(html: str, path: str | PathLike[str]) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(html.encode(errors="replace"))
    return path


def _title(name: str | None) -> str:
    if not name or name == "<lambda>":
        return "Backpropagation, step by step"
    return f"Backpropagation through {name}"


def _check(root: Any) -> None:
    if not isinstance(root, Tensor):
        raise TypeError(
            f"the function must return a Tensor; it returned {type(root).__name__}. Of its "
            "arguments floating-point numbers and arrays become Tensors: 2.0 does, 2 does not"
        )
    if not root.requires_grad or root.is_leaf:
        raise ValueError(
            f"{root!r} was not computed from anything that requires a gradient; write "
            "Tensor(data, requires_grad=True) for what is to be learned, outside of no_grad()"
        )
    if root.size != 1:
        raise ValueError(
            f"backpropagation begins at a single number; this Tensor has shape {root.shape}. "
            "Reduce it with .sum() or .mean()"
        )
