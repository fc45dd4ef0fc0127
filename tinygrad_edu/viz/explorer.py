"""A page on which a computation can be followed, forward and backward, step by step."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from html import escape
from importlib.resources import files
from os import PathLike
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.context import within
from tinygrad_edu.engine import Node
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import tree_map
from tinygrad_edu.viz.drawing import Direction, draw
from tinygrad_edu.viz.folding import Fold, Vertex, View, arrange
from tinygrad_edu.viz.model import Constant, named_tensors, read_graph
from tinygrad_edu.viz.recorder import Recorder
from tinygrad_edu.viz.story import Step, tell
from tinygrad_edu.viz.summary import describe, plain
from tinygrad_edu.viz.symbols import expression, inside
from tinygrad_edu.viz.trace import retrace

__all__ = ["Explorer", "explore"]


class Explorer:
    """A page on which a computation can be followed; a notebook shows it as it is.

    Attributes
    ----------
    html : str
        The page: one file that needs nothing else, no network and no library.
    """

    def __init__(self, html: str, steps: int) -> None:
        self.html = html
        self.steps = steps

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file, and return its path."""
        path = Path(path)
        path.write_bytes(self.html.encode(errors="replace"))
        return path

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
        the page also shows the lines of the program, and the names of its variables.
    *args
        After a Tensor, the path to write the page to. After a function, its arguments: arrays of
        floating-point numbers (also in lists, tuples and dicts) become Tensors that require a
        gradient, everything else is handed on as it is.
    path : path, optional
        Where to write the page.
    names, depth, direction, max_nodes
        As in `draw_graph`.

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
    given = dict(names or {})
    if isinstance(root_or_function, Tensor):
        if args[1:] or (args and path):
            raise TypeError("after a Tensor explore takes one path; arguments belong to a function")
        root, path = root_or_function, (args[0] if args else path)
    elif callable(root_or_function):
        root, found = _record(root_or_function, args)
        given = found | given
    else:
        raise TypeError(
            "explore follows the computation of a Tensor, or of a function's result; got "
            f"{type(root_or_function).__name__}"
        )
    _check(root)
    view = arrange(read_graph(root, given), depth, max_nodes)
    steps = list(tell(view))
    of = getattr(root_or_function, "__name__", root.name)
    named = of and of != "<lambda>"
    title = f"Backpropagation through {of}" if named else "Backpropagation, step by step"
    explorer = Explorer(_page(title, view, steps, direction), len(steps))
    if path is not None:
        explorer.save(path)
    return explorer


def _record(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, dict[str, Any]]:
    """Run a function under observation; return its result, and names for Tensors without one."""
    arguments = inspect.signature(function).bind(*args)
    arguments.arguments = {k: tree_map(_own, v) for k, v in arguments.arguments.items()}
    recorder = Recorder(sys._getframe())
    with within(recording=True, observer=recorder):
        root = function(*arguments.args, **arguments.kwargs)
    inputs = named_tensors(arguments.arguments)
    names = {name: tensor for name, tensor in inputs if tensor.name is None}
    return root, {name: node for node, name in recorder.names.items() if not node.name} | names


def _own(value: Any) -> Any:
    """Make a Tensor that requires a gradient of an array of floating-point numbers."""
    floating = (
        isinstance(value, float | np.ndarray | np.generic) and np.asarray(value).dtype.kind == "f"
    )
    return Tensor(value, requires_grad=True) if floating else value


def _check(root: Any) -> None:
    if not isinstance(root, Tensor):
        raise TypeError(f"the function must return a Tensor; it returned {type(root).__name__}")
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


# --- the page -------------------------------------------------------------------------------


def _page(title: str, view: View, steps: list[Step], direction: Direction) -> str:
    gradients = {view.graph.root: np.ones_like(view.graph.root._data)}
    gradients |= {flow.parent: flow.after for flow in retrace(view.graph)}
    drawing = draw(view, gradients, direction=direction, legend=False, addressable=True)
    picture = drawing.pipe("svg", encoding="utf-8")
    data = {
        "steps": [asdict(step) for step in steps],
        "nodes": {view.keys[vertex]: _details(view, vertex, gradients) for vertex in view.vertices},
        "edges": {view.keys[edge]: {"target": view.keys[edge[1]]} for edge in view.edges},
    }
    return Template(_part("explorer.html")).substitute(
        title=escape(plain(title, 80)),
        style=_part("explorer.css"),
        script=_part("explorer.js"),
        last=len(steps) - 1,
        graph=picture[picture.index("<svg") :],
        data=json.dumps(data).replace("<", "\\u003c"),  # so that no text can end the element
    )


def _part(name: str) -> str:
    return files("tinygrad_edu.viz").joinpath(name).read_text(encoding="utf-8")


def _details(view: View, vertex: Vertex, gradients: Mapping[Node, NDArray[Any]]) -> dict[str, str]:
    """What is shown of a vertex when a reader points at it."""
    if isinstance(vertex, Fold):
        return {"label": plain(f"{vertex.name}: {'; '.join(inside(vertex.items))}", 200)}
    value = {"value": _written(vertex._data if isinstance(vertex, Node) else vertex.data)}
    if isinstance(vertex, Constant):
        return {"label": f"constant, {describe(vertex.data)}", **value}
    name = view.graph.names[vertex]
    made = expression(view.graph, vertex) if vertex._op else view.graph.kind(vertex)
    label = f"{name} {'=' if vertex._op else 'is'} {made}, {describe(vertex._data)}"
    gradient = {"gradient": _written(gradients[vertex])} if vertex in gradients else {}
    return {"label": plain(label, 200), **value, **gradient}


def _written(array: NDArray[Any]) -> str:
    """An array in full, or if it is large its corners."""
    return np.array2string(array, precision=4, threshold=200, edgeitems=3, max_line_width=80)
