"""Run a function and note where it computes each Tensor, and in which variable it keeps it."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from tinygrad_edu.context import current, within
from tinygrad_edu.engine import Node
from tinygrad_edu.source import source_of, user_frames
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import Tree, tree_map
from tinygrad_edu.viz.model import named_tensors
from tinygrad_edu.viz.recorded import RecordedGradients

__all__ = ["as_variables", "observe", "require_recorded", "variables"]


def observe(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Tensor, dict[str, Any]]:
    """Run a function under observation; return its result, and names for Tensors without one.

    Arrays of floating-point numbers among its arguments become Tensors that require a gradient.

    Raises
    ------
    TypeError
        If the function does not take these arguments, or returns no Tensor.
    ValueError
        If its result was not computed from anything that requires a gradient.
    """
    try:
        arguments = inspect.signature(function).bind(*args)
    except TypeError as error:
        raise TypeError(
            f"the function is called with what is given after it: {error}; all else is given by "
            "name, as path= and names="
        ) from error
    arguments.arguments = {k: as_variables(v) for k, v in arguments.arguments.items()}
    observer = Observer(sys._getframe())
    with within(recording=True, observer=observer):
        root = function(*arguments.args, **arguments.kwargs)
    if not isinstance(root, Tensor):
        raise TypeError(
            f"the function must return a Tensor; it returned {type(root).__name__}. Of its "
            "arguments floating-point numbers and arrays become Tensors: 2.0 does, 2 does not"
        )
    require_recorded(root)
    inputs = named_tensors(arguments.arguments)
    names = {name: tensor for name, tensor in inputs if tensor.name is None}
    names = {name: node for node, name in observer.names.items() if not node.name} | names
    return root, observer.gradients.names({node: name for name, node in names.items()}) | names


def require_recorded(root: Tensor) -> None:
    """Refuse a Tensor that remembers nothing of its computation."""
    if not root.requires_grad or root.is_leaf:
        raise ValueError(
            f"{root!r} was not computed from anything that requires a gradient; write "
            "Tensor(data, requires_grad=True) for what is to be learned, outside of no_grad()"
        )


def variables() -> dict[str, Node]:
    """The Tensors without a name that variables of the user's program hold, by the variables."""
    frame = next(user_frames(), None)
    held = list(frame.f_locals.items()) if frame else []
    return {name: x for name, x in held if isinstance(x, Node) and not x.name and name[0] != "_"}


def as_variables(tree: Tree) -> Tree:
    """The same with Tensors that require a gradient for arrays of floating-point numbers."""
    return tree_map(_variable, tree)


def _variable(value: Any) -> Any:
    """Make a Tensor that requires a gradient of an array of floating-point numbers."""
    floating = (
        isinstance(value, float | np.ndarray | np.generic) and np.asarray(value).dtype.kind == "f"
    )
    return Tensor(value, requires_grad=True) if floating else value


class Observer:
    """An observer for the context: notes the source of each node and the variable that holds it.

    Parameters
    ----------
    outermost
        The function that runs what is to be watched.
    """

    def __init__(self, outermost: FrameType) -> None:
        self.names: dict[Node, str] = {}
        self._outermost = outermost
        self._previous = current().observer
        self._used: Counter[str] = Counter()
        self.gradients: RecordedGradients = RecordedGradients()

    def __call__(self, node: Node) -> None:
        """Note where a node is being made."""
        frames = list(user_frames(self._outermost))
        if frames:
            node._source = source_of(frames[0])._replace(outer=source_of(frames[-1]))
        self.gradients.note(node, sys._getframe(1))
        for frame in reversed(frames):  # the outermost function has the most telling names
            self._note_names(frame)
        if self._previous is not None:
            self._previous(node)

    def _note_names(self, frame: FrameType) -> None:
        """Note the computed Tensors among a function's variables; a name used again is numbered."""
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, Node) and value._op and value not in self.names:
                self._used[name] += 1
                again = f"_{self._used[name]}" if self._used[name] > 1 else ""
                self.names[value] = name + again
