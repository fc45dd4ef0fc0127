"""A page on which a computation can be followed, forward and backward, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from tinygrad_edu.engine import Node
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.explorer.page import page
from tinygrad_edu.viz.folding import arrange
from tinygrad_edu.viz.gradients import retraced
from tinygrad_edu.viz.graph.dot import Direction, draw
from tinygrad_edu.viz.model import checked_names, read_graph
from tinygrad_edu.viz.observer import as_variables, observe, require_recorded, variables
from tinygrad_edu.viz.story import steps_of, steps_of_tangents
from tinygrad_edu.viz.tangents import directions_of, tangents_of
from tinygrad_edu.viz.view import View

__all__ = ["Explorer", "explore", "require_loss"]

Mode: TypeAlias = Literal["backward", "forward"]

FILMS = {".gif", ".mp4", ".webp"}


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

    def __init__(self, html: str, steps: int, animate: Callable[[], Any]) -> None:
        self.html = html
        self.steps = steps
        self._animate = animate

    def save(self, path: str | PathLike[str], *, fps: float = 0.7, dpi: int = 100) -> Path:
        """Write the page to a file, or the walk through all steps as a film.

        Folders are made where there are none.

        Parameters
        ----------
        path : path
            With the suffix ``.gif``, ``.webp`` or ``.mp4`` for a film, by matplotlib and Pillow,
            and for ``.mp4`` by ffmpeg; with any other for the page. The last frame stays longer.
        fps : float, optional
            Of a film: how many steps a second has.
        dpi : int, optional
            Of a film: how many pixels an inch has. Numbers are 11/72 of an inch high.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        ValueError
            If ``fps`` or ``dpi`` are not positive.
        RuntimeError
            If ffmpeg is needed and not installed.
        """
        if Path(path).suffix.lower() in FILMS:
            from tinygrad_edu.viz.figures import saving  # noqa: PLC0415 - optional: matplotlib

            saving.check_options(Path(path), fps, dpi)
            return saving.save_animation(self._animate(), path, fps=fps, dpi=dpi, progress=False)
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
    max_nodes: int | None = None,
    mode: Mode = "backward",
    tangents: Sequence[Any] | None = None,
) -> Explorer:
    """Follow backpropagation step by step, on a page of its own.

    The page shows the graph, and beside it the story: forward node by node, then backward edge by
    edge, each with the formula, the local derivative, the numbers and the shapes. With "your turn"
    the numbers are asked for before they are shown. Nothing is written to any ``.grad``.

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
        Where to write the page; or a film of its steps, if the suffix is ``.gif``, ``.webp`` or
        ``.mp4``.
    names, depth, direction, max_nodes
        As in `draw_graph`; ``names`` come before those of variables.
    mode : {"backward", "forward"}, optional
        Forward mode follows a function: every value comes with a tangent, which says how fast it
        moves when the arguments move in one direction, as by `jvp`.
    tangents : sequence, optional
        For forward mode, the direction of each argument, in its structure and shapes. By default
        all numbers of the first argument that can move do, by 1, and all others stay.

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
        gradient; if there is too much to show even after folding; or if tangents do not fit.
    RuntimeError
        If the data of a leaf were changed after they had been used; or if there is no Graphviz.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> def neuron(x, w, b):
    ...     return tg.tanh(w * x + b)
    >>> tg.explore(neuron, 0.5, -1.0, 0.1)
    <Explorer of 11 steps; .save("backprop.html") writes it to a file>

    In forward mode, as the second argument moves:

    >>> tg.explore(neuron, 0.5, -1.0, 0.1, mode="forward", tangents=(0.0, 1.0, 0.0))
    <Explorer of 6 steps; .save("backprop.html") writes it to a file>
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode must be 'backward' or 'forward'; got {mode!r}")
    if tangents is not None and mode == "backward":
        raise TypeError('tangents belong to forward mode; write mode="forward"')
    given = checked_names(names)
    directions = None
    if isinstance(root_or_function, Tensor):
        if mode == "forward":
            raise TypeError("forward mode follows a function; give it, and its arguments")
        if args[1:] or (args and path):
            raise TypeError("after a Tensor explore takes one path; arguments belong to a function")
        root, path = root_or_function, (args[0] if args else path)
        found = variables()
    elif callable(root_or_function):
        args = tuple(map(as_variables, args))
        directions = directions_of(args, tangents) if mode == "forward" else None
        root, found = observe(root_or_function, args)
    else:
        raise TypeError(
            "explore follows the computation of a Tensor, or of a function's result; got "
            f"{type(root_or_function).__name__}"
        )
    if mode == "backward":
        require_loss(root)
    given |= {name: tensor for name, tensor in found.items() if name not in given}
    view = arrange(read_graph(root, given), depth, max_nodes)
    title = _title(getattr(root_or_function, "__name__", root.name), mode)
    explorer = _explorer(title, view, direction, directions)
    if path is not None:
        explorer.save(path)
    return explorer


def _explorer(
    title: str, view: View, direction: Direction, directions: Mapping[Node, Array] | None
) -> Explorer:
    moving = None if directions is None else tangents_of(view.graph, directions)
    steps = [*(steps_of(view) if directions is None else steps_of_tangents(view, directions))]

    def film() -> Any:
        from tinygrad_edu.viz.figures import walk  # noqa: PLC0415 - optional: matplotlib

        shown = retraced(view.graph) if moving is None else moving
        drawing = draw(view, shown, direction=direction, legend=False, addressable=True)
        return walk.animate_walk(title, view, steps, drawing.pipe("json", encoding="utf-8"))

    return Explorer(page(title, view, steps, direction, moving), len(steps), film)


def _write(html: str, path: str | PathLike[str]) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(html.encode(errors="replace"))
    return path


def _title(name: str | None, mode: Mode) -> str:
    what = "Backpropagation" if mode == "backward" else "Forward mode"
    return f"{what}, step by step" if not name or name == "<lambda>" else f"{what} through {name}"


def require_loss(root: Any) -> None:
    """Raise unless backpropagation can begin here: at a single number that was computed."""
    if not isinstance(root, Tensor):
        raise TypeError(f"backpropagation begins at a Tensor; got {type(root).__name__}")
    require_recorded(root)
    if root.size != 1:
        raise ValueError(
            f"backpropagation begins at a single number; this Tensor has shape {root.shape}. "
            "Reduce it with .sum() or .mean()"
        )
