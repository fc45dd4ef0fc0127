"""A page on which a computation can be followed, forward and backward, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from tinygrad_edu.engine import Node, next_order
from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.explorer.page import page
from tinygrad_edu.viz.folding import arrange
from tinygrad_edu.viz.gradients import retraced
from tinygrad_edu.viz.graph.dot import Direction, draw
from tinygrad_edu.viz.live import Compute, Live, Repeated
from tinygrad_edu.viz.marks import Marks, marking
from tinygrad_edu.viz.model import checked_names, read_graph
from tinygrad_edu.viz.observer import as_variables, observe, require_recorded, variables
from tinygrad_edu.viz.story import Step, steps_of, steps_of_tangents
from tinygrad_edu.viz.tangents import Tangents, directions_of, tangents_of
from tinygrad_edu.viz.view import View

if TYPE_CHECKING:
    from anywidget import AnyWidget

__all__ = ["Explorer", "LiveExplorer", "explore", "require_loss"]

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


@dataclass(frozen=True, slots=True)
class Look:
    """How a computation is to be shown."""

    title: str
    names: dict[str, Any]
    depth: int | None
    direction: Direction
    max_nodes: int | None

    def view(self, root: Any, names: Mapping[str, Any]) -> View:
        """What is seen of the graph below a root."""
        names = self.names | {name: x for name, x in names.items() if name not in self.names}
        return arrange(read_graph(root, names), self.depth, self.max_nodes)


class LiveExplorer(Explorer):
    """An explorer whose numbers can be changed by who reads it.

    The page computes with other numbers by itself, as far as it can. A notebook shows it as a
    widget, where Python does: the function runs again, whatever it is made of.
    """

    def __init__(
        self,
        look: Look,
        first: Repeated,
        compute: Compute | None,
        since: float,
        batches: Mapping[Node, Array],
    ) -> None:
        self._look, self._compute, self._since, self._batches = look, compute, since, batches
        self._show(first)

    def _show(self, computed: Repeated) -> None:
        """Draw a computation; it is the one to be repeated from now on."""
        view, marks = self._look.view(computed.root, computed.names), Marks()
        with marking(marks):
            steps = list(steps_of(view))
        self._live = Live(
            view, marks, self._compute, self._since, computed.stand_ins, self._batches
        )
        title, direction = self._look.title, self._look.direction
        html = page(title, view, steps, direction, live=self._live)
        super().__init__(html, len(steps), partial(_film, title, view, steps, direction))

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What the page of a notebook is answered.

        Parameters
        ----------
        message : dict
            ``leaves``, the numbers of each leaf, row by row; and an ``id``.

        Returns
        -------
        dict
            The ``arrays`` of the page, by their keys, and the ``id``. If the function computes
            something else with these numbers, a new ``page``; if it fails, the ``error``.
        """
        try:
            arrays = self._live.run(message["leaves"])
            if arrays is None:
                repeated = self._live.repeat(message["leaves"])
                require_loss(repeated.root)
                self._show(repeated)
                return {"page": self.html}
        except Exception as error:  # noqa: BLE001 - whatever the function of the user raises
            return {"id": message["id"], "error": f"{type(error).__name__}: {error}"}
        return {"id": message["id"], "arrays": arrays}

    @cached_property
    def widget(self) -> AnyWidget:
        """The page as a widget of a notebook; it needs anywidget.

        Raises
        ------
        ImportError
            If there is no anywidget: ``pip install 'tinygrad_edu[notebook]'``.
        """
        from tinygrad_edu.viz.explorer.widget import widget  # noqa: PLC0415 - optional

        return widget(self.html, self.answer)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        try:
            shown = self.widget
        except ImportError:  # then the page computes by itself, as far as it can
            return {"text/html": self._repr_html_(), "text/plain": repr(self)}
        return shown._repr_mimebundle_(**options)

    def _display_(self) -> Any:
        """What marimo shows in its place."""
        try:
            return self.widget
        except ImportError:
            return Explorer(self.html, self.steps, self._animate)


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
    live: bool = False,
    batch_argnums: int | Sequence[int] = (),
) -> Explorer:
    """Follow backpropagation step by step, on a page of its own.

    The page shows the graph, and beside it the story: forward node by node, then backward edge by
    edge, each with the formula, the local derivative, the numbers and the shapes. The windows of
    convolutions and pools can be moved, where there are few numbers. With "your turn" the numbers
    are asked for before they are shown. Nothing is written to any ``.grad``.

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
    live : bool, optional
        Whether the reader can change the numbers that the computation begins with: each by itself,
        by a nudge that is compared with its gradient, or all by a step of gradient descent. In a
        notebook with anywidget the function runs again (after a Tensor, its recorded operations);
        elsewhere the page repeats the operations itself, if it knows all of them, and if the
        function, which is run a few times to see, does not compute something else for others.
    batch_argnums : int or sequence of int, optional
        Which of the arguments are batches, of which a live page shows one row at a time: the
        function gets arrays of one row, and the reader chooses which.

    Returns
    -------
    Explorer
        The page, a `LiveExplorer` if it is live; see its ``html`` and ``save``. A notebook shows
        it.

    Raises
    ------
    TypeError
        If there is neither a Tensor nor a function, or if the function returns no Tensor.
    ValueError
        If the Tensor is no single number, or was not computed from anything that requires a
        gradient; if there is too much to show even after folding; if tangents do not fit; or if
        ``batch_argnums`` are no positions of arguments, if those have different numbers of rows, or
        if the page is not live.
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
    _check_options(mode, tangents, live, batch_argnums)
    given = checked_names(names)
    directions = None
    compute: Compute | None = None
    since = next_order()
    batches: dict[Node, Array] = {}
    if isinstance(root_or_function, Tensor):
        if mode == "forward":
            raise TypeError("forward mode follows a function; give it, and its arguments")
        if args[1:] or (args and path):
            raise TypeError("after a Tensor explore takes one path; arguments belong to a function")
        root, path = root_or_function, (args[0] if args else path)
        found = variables()
    elif callable(root_or_function):
        args, batches = _first_rows(tuple(map(as_variables, args)), batch_argnums)
        directions = directions_of(args, tangents) if mode == "forward" else None
        compute = partial(observe, root_or_function, args)
        since = next_order()
        root, found = compute()
    else:
        raise TypeError(
            "explore follows the computation of a Tensor, or of a function's result; got "
            f"{type(root_or_function).__name__}"
        )
    title = _title(getattr(root_or_function, "__name__", root.name), mode)
    look = Look(title, given, depth, direction, max_nodes)
    if mode == "backward":
        require_loss(root)
    if live:
        explorer: Explorer = LiveExplorer(look, Repeated(root, found, {}), compute, since, batches)
    else:
        explorer = _explorer(title, look.view(root, found), direction, directions)
    if path is not None:
        explorer.save(path)
    return explorer


def _explorer(
    title: str, view: View, direction: Direction, directions: Mapping[Node, Array] | None
) -> Explorer:
    moving = None if directions is None else tangents_of(view.graph, directions)
    steps = [*(steps_of(view) if directions is None else steps_of_tangents(view, directions))]
    film = partial(_film, title, view, steps, direction, moving)
    return Explorer(page(title, view, steps, direction, moving), len(steps), film)


def _film(
    title: str,
    view: View,
    steps: list[Step],
    direction: Direction,
    moving: Tangents | None = None,
) -> Any:
    """The walk through all steps, as an animation of matplotlib."""
    from tinygrad_edu.viz.figures import walk  # noqa: PLC0415 - optional: matplotlib

    shown = retraced(view.graph) if moving is None else moving
    drawing = draw(view, shown, direction=direction, legend=False, addressable=True)
    return walk.animate_walk(title, view, steps, drawing.pipe("json", encoding="utf-8"))


def _write(html: str, path: str | PathLike[str]) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(html.encode(errors="replace"))
    return path


def _check_options(mode: Mode, tangents: Any, live: bool, batch_argnums: Any) -> None:
    """Refuse options that do not go together."""
    if mode not in get_args(Mode):
        raise ValueError(f"mode must be 'backward' or 'forward'; got {mode!r}")
    if tangents is not None and mode == "backward":
        raise TypeError('tangents belong to forward mode; write mode="forward"')
    if live and mode == "forward":
        raise ValueError("a live page goes forward and back; leave out live=True, or the mode")
    if batch_argnums != () and not live:
        raise ValueError("rows of a batch are chosen on a live page: give live=True, too")


def _first_rows(
    args: tuple[Any, ...], argnums: int | Sequence[int]
) -> tuple[tuple[Any, ...], dict[Node, Array]]:
    """Arguments with one row of those that are batches; and the batches."""
    positions = [argnums] if isinstance(argnums, int) else list(argnums)
    if any(i not in range(len(args)) for i in positions):
        raise ValueError(
            f"batch_argnums are positions of the {len(args)} arguments, counted from 0; got "
            f"{argnums}"
        )
    arguments, batches = list(args), {}
    for i in positions:
        batch = args[i]
        if not isinstance(batch, Tensor) or not batch.ndim or batch.dtype.kind != "f":
            raise TypeError(
                f"argument {i} is to be a batch, an array of floating-point numbers with a row for "
                f"each sample; got {describe(batch)}"
            )
        arguments[i] = Tensor(batch.data[:1].copy(), batch.requires_grad, name=batch.name)
        batches[arguments[i]] = batch.data
    rows = [len(batch) for batch in batches.values()]
    if len(set(rows)) > 1 or 0 in rows:
        raise ValueError(f"batches are to have as many rows as each other, one or more; got {rows}")
    return tuple(arguments), batches


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
