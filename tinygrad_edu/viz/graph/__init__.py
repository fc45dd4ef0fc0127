"""Draw the graph of a computation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from tinygrad_edu.engine import Node
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.folding import arrange
from tinygrad_edu.viz.gradients import edge_strengths, gradients, root_gradient
from tinygrad_edu.viz.graph.dot import Direction, draw
from tinygrad_edu.viz.graph.drawing import Drawing
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.view import Arrow, View

__all__ = ["ColorBy", "Direction", "Drawing", "draw_graph"]

ColorBy: TypeAlias = Literal["kind", "grad"]


def draw_graph(
    root: Tensor,
    names: Mapping[str, Any] | None = None,
    *,
    depth: int | None = None,
    constants: bool = True,
    color_by: ColorBy = "kind",
    direction: Direction = "LR",
    legend: bool = True,
    max_nodes: int = 300,
) -> Drawing:
    """Draw what a Tensor was computed from, with values and gradients.

    A card stands for a Tensor: its name, shape and dtype, its value, its gradient, and in front of
    them the operation that made it. Numbers are shown as they are while there are few, else as a
    histogram, with a mark below 0.

    A gradient is "-" before ``backward()``. After it every card shows that of the root, whatever
    else has been added to a ``.grad``; also the card of an intermediate value, which keeps none
    itself. It is "-" again where the root's gradient cannot be told: if the data of a leaf were
    changed since, or if the root is an array that did not retain its gradient.

    Parameters
    ----------
    root : Tensor
        The end of the computation; most often the loss.
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
        Of a graph with more nodes, scopes are folded first, then what repeats itself.

    Returns
    -------
    graphviz.Digraph
        It shows itself in a notebook; ``.render(outfile="graph.svg")`` writes it to a file, as
        SVG, PNG or PDF; ``.pipe("svg")`` returns the bytes. This works without a Graphviz on the
        system if ``pygraphviz`` is installed.

    Raises
    ------
    TypeError
        If the root is no Tensor.
    ValueError
        If there are more than ``max_nodes`` nodes even after folding, or if ``color_by="grad"``
        finds no gradient.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True, name="x")
    >>> y = x * x
    >>> y.backward()
    >>> graph = tg.draw_graph(y)
    >>> graph.source.count("->")  # one edge for each use of x
    2
    """
    if not isinstance(root, Tensor):
        raise TypeError(
            f"draw_graph draws what a Tensor was computed from; got {type(root).__name__}"
        )
    if color_by not in get_args(ColorBy):
        raise ValueError(f"color_by must be 'kind' or 'grad'; got {color_by!r}")
    graph = read_graph(root, names, constants=constants)
    view = arrange(graph, depth, max_nodes)
    shown = gradients(graph)
    strengths = _strengths(view, shown) if color_by == "grad" else None
    return draw(view, shown, strengths, direction=direction, legend=legend)


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
