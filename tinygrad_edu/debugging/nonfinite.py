"""Find the first Tensor of a graph that is nan or inf, and the operation that made it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_edu.engine import Node, edges, nodes_of
from tinygrad_edu.errors import describe, describe_call
from tinygrad_edu.ops._common import values
from tinygrad_edu.tensor import Tensor

__all__ = [
    "describe_nonfinite",
    "described_operation",
    "explain_nonfinite",
    "find_nonfinite",
    "first_nonfinite",
    "is_finite",
    "numbers_behind",
]


def find_nonfinite(root: Tensor) -> Tensor | None:
    """Find the first Tensor that a nan or an inf came from.

    Parameters
    ----------
    root : Tensor
        The end of a computation; most often a loss that is nan.

    Returns
    -------
    Tensor or None
        The oldest Tensor in the graph that is not finite: made by an operation on finite inputs,
        or a leaf that was not finite in the first place. None if all are finite.

    Raises
    ------
    TypeError
        If it is given no Tensor.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.debugging import find_nonfinite
    >>> p = tg.Tensor(1.0, requires_grad=True)
    >>> with np.errstate(all="ignore"):
    ...     loss = 0.0 * tg.log(1 - p)
    >>> loss.item(), find_nonfinite(loss)
    (nan, Tensor(-inf, op=log))
    """
    return next((node for node in _graph(root) if not is_finite(node._array)), None)


def explain_nonfinite(loss: Tensor) -> str:
    """Describe where the first nan or inf of a loss, or of its gradients, came from.

    Parameters
    ----------
    loss : Tensor
        A loss that is not finite; or that is, but not all its gradients are.

    Returns
    -------
    str
        What was made, by which operation, from which inputs.

    Raises
    ------
    TypeError
        If it is given no Tensor.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.debugging import explain_nonfinite
    >>> x = tg.Tensor([4.0, 0.0], requires_grad=True, name="x")
    >>> print(explain_nonfinite(tg.sqrt(x).sum()))
    the gradient of x: (2,) float64 is inf at (1,)
      it comes from sqrt(x: (2,) float64)
    """
    node = find_nonfinite(loss)
    return describe_nonfinite(node) if node is not None else _describe_gradient(loss)


def _graph(root: Tensor) -> list[Any]:
    """The root and all it was computed from, the oldest first."""
    if not isinstance(root, Tensor):
        raise TypeError(f"expected a Tensor, with its graph, as a loss; got {type(root).__name__}")
    return nodes_of(root)


def describe_nonfinite(node: Node) -> str:
    """The first entry of a node that is not finite, and the inputs that it was made from."""
    bad, at = first_nonfinite(node._array)
    if node._op is None:
        return f"{describe(node)} is {bad} at {at}; it was not computed"
    lines = [f"{described_operation(node)} made {bad} at {at}"]
    operands = node._inputs[: len(node._closures)]
    numbers = numbers_behind(node, at)
    if numbers:
        are = "input is" if len(numbers) == 1 else "inputs are"
        lines.append(f"where its {are} {', '.join(map(str, numbers))}")
    lines.append(describe_call(node._op, node._inputs))
    for i, x in enumerate(map(values, operands)):
        if isinstance(x, np.ndarray | np.number | int | float) and not is_finite(x):
            lines.append(f"input {i} was {first_nonfinite(x)[0]} already")
    return "\n  ".join(lines)


def _describe_gradient(loss: Tensor) -> str:
    """The first gradient on the way back that is not finite, and where it comes from."""
    nodes = [node for node in _graph(loss) if node._requires_grad]
    gradients: dict[Node, Any] = {loss: np.ones(loss.shape, loss.dtype)}
    for edge in edges({**gradients}):
        sum = gradients.get(edge.parent)
        gradients[edge.parent] = edge.contribution if sum is None else sum + edge.contribution
    for node in reversed(nodes):
        g = gradients.get(node)
        if g is not None and not is_finite(g):
            bad, at = first_nonfinite(g)
            users = [user for user in nodes if any(x is node for x in user._inputs)]
            return f"the gradient of {describe(node)} is {bad} at {at}" + "".join(
                f"\n  it comes from {describe_call(user._op, user._inputs)}" for user in users
            )
    return "all values and gradients are finite"


def is_finite(x: Any) -> bool:
    """Whether there is neither a nan nor an inf in it."""
    return bool(np.isfinite(x).all())


def described_operation(node: Node) -> str:
    """The operation of a node and the layer in which it ran: ``log in MLP.layers.1``."""
    op: Any = node._op
    layer = ".".join(node._scope)
    return f"{op.__name__} in {layer}" if layer else str(op.__name__)


def first_nonfinite(x: Any) -> tuple[Any, tuple[int, ...]]:
    """The first entry that is not finite, with its index."""
    x = np.asarray(x)
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
    return x[at], at


def numbers_behind(node: Node, at: tuple[int, ...]) -> list[Any]:
    """The numbers that an entry was made from, if the operation works element by element."""
    operands = [values(x) for x in node._inputs[: len(node._closures)]]
    options = [values(x) for x in node._inputs[len(node._closures) :]]
    # It does so if its result for these numbers alone is that entry; if not, it may fail on them.
    with suppress(Exception), np.errstate(all="ignore"):
        numbers = [np.broadcast_to(np.asarray(x), node._array.shape)[at] for x in operands]
        alone = node._op(*numbers, *options, **node._options)  # type: ignore[misc]  # it has one
        if np.array_equal(alone, node._array[at], equal_nan=True):
            return numbers
    return []
