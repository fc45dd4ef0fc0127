"""The gradients of a computation, to be worked out: asked for, checked, and shown when wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

from tinygrad_edu.debugging import Verdict, diagnose
from tinygrad_edu.engine import Node
from tinygrad_edu.practice.hints import hints_for
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.explorer import require_loss
from tinygrad_edu.viz.gradients import retrace
from tinygrad_edu.viz.model import Graph, checked_names, read_graph
from tinygrad_edu.viz.observer import variables
from tinygrad_edu.viz.suspects import sizes_of, suspects_of

__all__ = ["Exercise", "Score", "exercise"]

OPEN, NO_MORE = "open", "There are no more hints; answers.solution({!r}) shows it."


def exercise(
    loss: Tensor, names: Mapping[str, Any] | None = None, *, rtol: float | None = None
) -> Exercise:
    """Ask for the gradients of a loss, and check what a student works out.

    Assign an answer, and hear in one sentence whether it is right or what the mistake is: the
    shape, a transpose, a sum over the batch that is missing, a factor, a sign, single entries, what
    one of several uses brings, the slope without what arrives. Nothing of the solution is said
    until it is asked for, and nothing is written to any ``.grad``.

    Parameters
    ----------
    loss : Tensor
        The end of a computation, a single number.
    names : mapping of str to Tensor, optional
        Names as in `draw_graph`, for example ``locals()``; they come before those of the variables
        of the function, or the script, that calls this. Asked are all leaves that require a
        gradient, and what was computed on the way and has a name.
    rtol : float, optional
        How far a number may be from the right one, relative to its size; ``0.01`` for answers
        that are worked out on paper. By default half of the digits that the precision has.

    Returns
    -------
    Exercise
        What is asked, right and open; a notebook shows it as a table.

    Raises
    ------
    TypeError
        If ``loss`` is no Tensor.
    ValueError
        If it is no single number, or was not computed from anything that requires a gradient.
    RuntimeError
        If the data of a leaf were changed after they had been used.

    See Also
    --------
    tinygrad_edu.debugging.diagnose : The same for any two arrays.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> X = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]])
    >>> w = tg.Tensor([1.0, -1.0], requires_grad=True)
    >>> b = tg.Tensor(0.5, requires_grad=True)
    >>> z = X @ w + b
    >>> loss = (z**2).mean()
    >>> answers = tg.exercise(loss)
    >>> answers["z"] = 2 * z.data
    z: It is 3 times too large, as if a mean were missing.
    >>> answers["z"] = 2 * z.data / 3
    z: Right.
    >>> answers["b"] = 2 * z.data / 3
    b: The sum over the batch, axis 0, is missing.
    >>> answers.hint("w")
    w: Its gradient has the shape that it has itself, (2,).
    >>> answers
    Exercise: 1 of 3 gradients of loss
      w  (2,)  open
      b  ()    The sum over the batch, axis 0, is missing.
      z  (3,)  Right.
    """
    require_loss(loss)
    given = checked_names(names)
    given |= {name: node for name, node in variables().items() if name not in given}
    return Exercise(read_graph(loss, given), rtol)


class Score(NamedTuple):
    """How far a student has come.

    Attributes
    ----------
    right : int
        How many answers are right, without those that were shown before.
    shown : int
        How many solutions were asked for before the answer was right.
    asked : int
        How many gradients are asked for.
    """

    right: int
    shown: int
    asked: int


class Exercise:
    """The gradients of a graph, asked for by name.

    ``answers["h"] = array`` checks an answer and prints what there is to say of it.

    Parameters
    ----------
    graph : Graph
        The computation, with its names.
    rtol : float or None, optional
        The relative tolerance of answers.

    Attributes
    ----------
    verdicts : dict of str to Verdict
        Of the last answer for each name.
    """

    verdicts: dict[str, Verdict]

    def __init__(self, graph: Graph, rtol: float | None = None) -> None:
        self._graph, self._rtol = graph, rtol
        _tell_apart(graph)
        self._flows = list(retrace(graph))
        self._gradients = {flow.parent: flow.after for flow in self._flows}
        self._nodes: dict[str, Node] = {
            graph.names[node]: node
            for node in graph.nodes
            if node in self._gradients and not (node._op and node in graph.unnamed)
        }
        self.verdicts = {}
        self._shown: set[str] = set()
        self._hints = {name: self._hints_for(node) for name, node in self._nodes.items()}

    def _hints_for(self, node: Node) -> Iterator[str]:
        return hints_for(self._graph, node, self._flows)

    def check(self, name: str, answer: Any) -> Verdict:
        """Check an answer, without printing or keeping anything.

        Parameters
        ----------
        name : str
            What the gradient is asked for.
        answer : array_like or Tensor
            The answer.

        Returns
        -------
        Verdict
            Its ``kind`` and its ``sentence``; see `tinygrad_edu.debugging.Verdict`.

        Raises
        ------
        KeyError
            If there is no such name.
        TypeError
            If the answer holds something else than real numbers.
        ValueError
            If the answer is made of lists of different lengths.
        """
        node = self._node(name)
        arriving = [flow.returned for flow in self._flows if flow.parent is node]
        return diagnose(
            answer,
            self._gradients[node],
            suspects_of(self._graph, node, self._flows),
            sizes=sizes_of(self._graph),
            rtol=self._rtol,
            scale=max(_largest(returned) for returned in arriving),
        )

    def __setitem__(self, name: str, answer: Any) -> None:
        self.verdicts[name] = verdict = self.check(name, answer)
        _say(name, str(verdict))

    def hint(self, name: str) -> None:
        """Print one more hint: of the shape, of what uses it, of the rules that apply.

        Parameters
        ----------
        name : str
            What the gradient is asked for.

        Raises
        ------
        KeyError
            If there is no such name.
        """
        self._node(name)
        _say(name, next(self._hints[name], NO_MORE.format(name)))

    def solution(self, name: str) -> Array:
        """Give up, and look.

        Parameters
        ----------
        name : str
            What the gradient is asked for.

        Returns
        -------
        ndarray
            The gradient.

        Raises
        ------
        KeyError
            If there is no such name.
        """
        node = self._node(name)
        if not self._is_right(name):
            self._shown.add(name)
        return self._gradients[node].copy()

    @property
    def open(self) -> list[str]:
        """What is neither right nor shown."""
        return [name for name in self if not self._is_right(name) and name not in self._shown]

    @property
    def score(self) -> Score:
        """How many answers are right, how many were shown, and how many are asked for."""
        right = sum(self._is_right(name) and name not in self._shown for name in self)
        return Score(right, len(self._shown), len(self))

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n  ".join([self._headline(), *lines])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{title}</th>" for title in ("gradient of", "shape", "answer"))
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
            for row in self._rows()
        )
        return (
            f"<table><caption>{escape(self._headline())}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _headline(self) -> str:
        right, shown, asked = self.score
        more = f", {shown} shown" if shown else ""
        return (
            f"Exercise: {right} of {asked} gradients of {self._graph.names[self._graph.root]}{more}"
        )

    def _rows(self) -> list[tuple[str, str, str]]:
        return [
            (name, str(node._array.shape), self._state(name)) for name, node in self._nodes.items()
        ]

    def _state(self, name: str) -> str:
        said = str(self.verdicts.get(name, "" if name in self._shown else OPEN))
        return f"{said} (shown)".lstrip() if name in self._shown else said

    def _is_right(self, name: str) -> bool:
        return name in self.verdicts and self.verdicts[name].right

    def _node(self, name: str) -> Node:
        if name not in self._nodes:
            asked = ", ".join(self._nodes)
            raise KeyError(f"no gradient of {name!r} is asked for; those asked for are {asked}")
        return self._nodes[name]


def _tell_apart(graph: Graph) -> None:
    """Number those of several Tensors with one name, from the second."""
    times: Counter[str] = Counter()
    for node in graph.nodes:
        name = graph.names[node]
        times[name] += 1
        if times[name] > 1:
            graph.names[node] = f"{name}_{times[name]}"


def _largest(x: Array) -> float:
    return float(abs(x).max(initial=0.0))


def _say(name: str, sentence: str) -> None:
    print(f"{name}: {sentence}")  # noqa: T201 - who answers is answered
