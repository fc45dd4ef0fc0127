"""Draw the graph of a computation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, Literal, TypeAlias, get_args

from tinygrad_edu.engine import Node
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.folding import arrange
from tinygrad_edu.viz.gradients import edge_strengths, gradients, retraced, root_gradient
from tinygrad_edu.viz.graph.dot import Direction, draw
from tinygrad_edu.viz.graph.drawing import Drawing
from tinygrad_edu.viz.model import checked_names, read_graph
from tinygrad_edu.viz.observer import observe
from tinygrad_edu.viz.view import Arrow, View

__all__ = ["ColorBy", "Direction", "Drawing", "draw_graph"]

ColorBy: TypeAlias = Literal["kind", "grad"]


def draw_graph(
    root_or_function: Tensor | Callable[..., Tensor],
    *args: Any,
    path: str | PathLike[str] | None = None,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    constants: bool = True,
    color_by: ColorBy = "kind",
    direction: Direction = "LR",
    legend: bool = True,
    max_nodes: int | None = None,
) -> Drawing:
    """Draw what a Tensor was computed from, or a function computes, with values and gradients.

    A card stands for a Tensor: its name, shape and dtype, its value, its gradient, and in front of
    them the operation that made it. Numbers are shown as they are while there are few, else as a
    histogram, with a mark below 0.

    A gradient is "-" before ``backward()``. After it every card shows that of the root, whatever
    else has been added to a ``.grad``; also the card of an intermediate value, which keeps none
    itself. It is "-" again where the root's gradient cannot be told: if the data of a leaf were
    changed since, or if the root is an array that did not retain its gradient. Of a function that
    returns a single number, the gradients are always shown; they are written to no ``.grad``.

    Parameters
    ----------
    root_or_function : Tensor or callable
        The end of the computation, most often the loss; or a function that returns it. In a
        function, what has no name is called as the variable that holds it.
    *args
        After a Tensor, the names, if not given by ``names=``. After a function, its arguments:
        arrays of floating-point numbers (also in lists, tuples and dicts) become Tensors that
        require a gradient, everything else is handed on as it is.
    path : path, optional
        Where to write the picture. The suffix says as what: ``.svg``, ``.png``, ``.pdf`` and what
        else Graphviz draws; ``.tex``, TikZ for a paper; ``.mmd``, Mermaid for a page in Markdown.
    names : mapping, optional
        What to call the Tensors, instead of their own names: ``locals()``, or a dict of Tensors,
        of lists and dicts of them, and of modules.
    depth : int, optional
        Fold each `scope` that lies deeper than this into one node; 0 leaves the outermost ones as
        one node each.
    constants : bool, optional
        Whether to draw the numbers and arrays that are no Tensors.
    color_by : {"kind", "grad"}, optional
        Whether edges are gray, or show how large the gradient is that flows back through them.
    direction : {"LR", "TB"}, optional
        From left to right, or from top to bottom.
    legend : bool, optional
        Whether to say what the colors mean.
    max_nodes : int, optional
        Of a graph with more nodes, scopes are folded, the innermost first, and what repeats
        itself, as the steps of a recurrent network. By default it is 300; but without a ``depth``,
        more than 100 nodes, or 40 behind each other, are folded as far as they can be.

    Returns
    -------
    graphviz.Digraph
        It shows itself in a notebook; ``.pipe("svg")`` returns the bytes of a picture, in the
        formats that ``path`` has. This works without a Graphviz on the system if ``pygraphviz`` is
        installed; Mermaid needs neither.

    Raises
    ------
    TypeError
        If there is neither a Tensor nor a function, or if the function returns no Tensor.
    ValueError
        If there are more than ``max_nodes`` nodes even after folding, if ``color_by="grad"``
        finds no gradient, or if the result of the function was not computed from anything that
        requires one.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True, name="x")
    >>> y = x * x
    >>> y.backward()
    >>> graph = tg.draw_graph(y)
    >>> graph.source.count("->")  # one edge for each use of x
    2

    The graph of a function, in the names of its variables:

    >>> def neuron(x, w, b):
    ...     z = w * x + b
    ...     return tg.tanh(z)
    >>> ">z<" in tg.draw_graph(neuron, 0.5, -1.0, 0.1).source
    True
    """
    if color_by not in get_args(ColorBy):
        raise ValueError(f"color_by must be 'kind' or 'grad'; got {color_by!r}")
    root, known = _root_and_names(root_or_function, args, names)
    graph = read_graph(root, known, constants=constants)
    view = arrange(graph, depth, max_nodes)
    # The Tensors of a function's run are its own: nobody could have called backward() on them.
    ran = root is not root_or_function and root.size == 1
    shown = retraced(graph) if ran else gradients(graph)
    strengths = _strengths(view, shown) if color_by == "grad" else None
    drawing = draw(view, shown, strengths, direction=direction, legend=legend)
    if path is not None:
        drawing.write(path)
    return drawing


def _root_and_names(
    root_or_function: Any, args: tuple[Any, ...], names: Any
) -> tuple[Tensor, Mapping[str, Any] | None]:
    """What to draw, and what to call the Tensors in it."""
    if isinstance(root_or_function, Tensor):
        if args[1:] or (args and names is not None):
            raise TypeError(
                "after a Tensor draw_graph takes its names, once; arguments belong to a function"
            )
        return root_or_function, args[0] if args else names
    if not callable(root_or_function):
        raise TypeError(
            "draw_graph draws what a Tensor was computed from, or what a function computes; got "
            f"{type(root_or_function).__name__}"
        )
    given = checked_names(names)
    root, found = observe(root_or_function, args)
    return root, given | {name: tensor for name, tensor in found.items() if name not in given}


def _strengths(view: View, gradients: Mapping[Node, Array]) -> dict[Arrow, float]:
    seed = root_gradient(view.graph)
    if seed is None:
        raise ValueError(
            'color_by="grad" begins at a single number, on which backward() was called; this '
            f"Tensor has shape {view.graph.root._array.shape}. Draw the loss, or call "
            "retain_grad() before backward()"
        )
    if not gradients:
        raise ValueError(
            'color_by="grad" shows gradients, and there are none; call backward() first, and draw '
            "before the data of a leaf are changed"
        )
    return edge_strengths(view, seed)
