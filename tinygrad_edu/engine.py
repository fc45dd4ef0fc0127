"""Record operations as they run, then walk the record backwards.

The one idea: an operation is a NumPy function that returns its value and, beside it, one
backward closure per input. The closure takes dL/d(output) and gives that input's dL/d(input).

    @differentiable
    def tanh(x):
        y = np.tanh(x)
        return y, lambda g: g * (1 - y * y)

Called with Tensors, an operation leaves a `Node`: its value, its inputs, its closures. Together
the nodes form a graph, and `backpropagate` applies the chain rule to it, latest node first.

This file knows no mathematics: which operations exist is the business of `ops`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, ParamSpec, cast

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.broadcasting import broadcasts, unbroadcast
from tinygrad_edu.context import current
from tinygrad_edu.errors import describe, describe_call

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["Node", "backpropagate", "differentiable", "fitted", "next_order", "stale_message"]

P = ParamSpec("P")
Closure = Callable[[Any], Any]

# --- recording ----------------------------------------------------------------------------

# Atomic, so that nodes may be made in many threads.
next_order: Callable[[], int] = itertools.count(1).__next__


class Node:
    """A value in the graph: what the engine needs to know of a Tensor.

    A leaf was made by the user and has no operation. Any other node keeps the operation that
    made it, the inputs and the closures: an edge of the graph is a pair (input, closure).
    Closures hold arrays, never the node itself, so that a graph contains no reference cycle and
    is freed the moment its last node goes out of scope.
    """

    __slots__ = (
        "__weakref__",
        "_closures",
        "_data",
        "_inputs",
        "_op",
        "_options",
        "_order",
        "_requires_grad",
        "_retains_grad",
        "_scope",
        "_source",
        "grad",
        "name",
    )

    _data: NDArray[Any]
    _requires_grad: bool
    _order: int  # the time of creation: a node is always younger than its inputs
    _op: Callable[..., Any] | None
    _inputs: tuple[Any, ...]
    _options: dict[str, Any]
    _closures: tuple[Closure | None, ...]
    _retains_grad: bool
    _scope: tuple[str, ...]
    _source: Any  # where the program computed it; set only by who observes
    grad: Any
    name: str | None

    def __init__(
        self, data: NDArray[Any], requires_grad: bool = False, name: str | None = None
    ) -> None:
        self._data = data
        self._requires_grad = requires_grad
        self._order = next_order()
        self._op = None
        self._inputs = ()
        self._options = {}
        self._closures = ()
        self._retains_grad = False
        self._scope = current().scope
        self.grad = None
        self.name = name


def differentiable(body: Callable[P, tuple[Any, ...]]) -> Callable[P, Tensor]:
    """Make a differentiable operation of a function of arrays.

    The body returns ``(value, closure, closure, ...)``: one closure for each of its leading
    positional inputs, in order, taking the gradient of the output and returning the gradient of
    that input. ``None`` stands for an input that has no derivative. Inputs beyond the closures
    (an axis, a shape) are options.

    The body says nothing about graphs, broadcasting or dtypes: it is handed the arrays behind
    the Tensors, a gradient that comes back in the shape of a broadcast input is summed to the
    input's own shape, and it is cast to the input's dtype. For derivatives of higher order the
    same body runs once more, on the Tensors themselves. So it must be a pure function, and
    handle its input and the gradients only with operations that are themselves differentiable.

    Parameters
    ----------
    body : callable
        The function of arrays, as above.

    Returns
    -------
    callable
        The operation: given at least one Tensor it returns a Tensor; given none, an array.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> @tg.differentiable
    ... def cube(x):
    ...     return x**3, lambda g: g * 3 * x**2
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array(12.)
    >>> float(tg.grad(tg.grad(cube))(2.0))
    12.0
    """

    @functools.wraps(body)
    def op(*inputs: Any, **options: Any) -> Any:
        tensor, requires_grad, arrays = None, False, []
        for x in inputs:
            if isinstance(x, Node):
                tensor = x
                if x._requires_grad:
                    requires_grad = True
                x = x._data
            arrays.append(x)
        if options and any(isinstance(value, Node) for value in options.values()):
            inputs, options = _by_position(body, inputs, options)
            return op(*inputs, **options)
        try:
            result = body(*arrays, **options)
        except Exception as error:
            error.add_note(f"in {describe_call(body, inputs)}")
            raise
        if type(result) is not tuple:
            raise TypeError(
                f"{body.__name__} must return (value, closure, ...), one closure per "
                f"differentiable input; it returned {type(result).__name__}"
            )
        value = result[0]
        if tensor is None:
            return value
        context = current()
        out = _new(type(tensor))
        out._data = value if isinstance(value, np.ndarray) else np.asarray(value)
        out.grad = out.name = None
        out._retains_grad = False
        out._order = next_order()
        out._scope = context.scope
        if requires_grad and context.recording:
            out._requires_grad = True
            out._op = op
            out._inputs = inputs
            out._options = options
            out._closures = result[1:]
            if context.observer is not None:
                context.observer(out)
        else:
            out._requires_grad = False
            out._op = None
            out._inputs = out._closures = ()
        return out

    op.body = body  # type: ignore[attr-defined]  # functions take attributes; mypy disagrees
    return cast("Callable[P, Tensor]", op)


_new = object.__new__


def _by_position(
    body: Callable[..., Any], inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as inputs: a Tensor was given by keyword."""
    from inspect import signature  # noqa: PLC0415 - rarely needed, and slow to import

    bound = signature(body).bind(*inputs, **options)
    bound.apply_defaults()
    constants = {n: x._data if isinstance(x, Node) else x for n, x in bound.kwargs.items()}
    return bound.args, constants


# --- the way back -------------------------------------------------------------------------


def backpropagate(
    seeds: dict[Node, Any], *, create_graph: bool = False, since: int = 0
) -> dict[Node, Any]:
    """The gradients of every leaf below the seeds, and of the nodes that retain theirs.

    Reverse-mode differentiation: begin with the seeds' dL/d(node); take the youngest node
    whose gradient has not been passed on; send it through each of the node's closures to the
    inputs, where contributions add up. A node is younger than its inputs, so by the time it is
    taken every path to it has contributed.

    Nothing is written to any Tensor: an exception on the way leaves all as it was.

    Parameters
    ----------
    seeds : dict of Node to array
        The nodes to begin with, each with dL/d(node): an array of its shape; with
        ``create_graph`` a Tensor.
    create_graph : bool, optional
        Record the backward pass itself, so that it can be differentiated in turn.
    since : int, optional
        Do not follow nodes older than this: what is older cannot depend on what is younger.
    """
    retained: dict[Node, Any] = {}
    pending = dict(seeds)
    youngest_first = [(-node._order, node) for node in seeds if node._op is not None]
    heapify(youngest_first)
    with np.errstate(divide="ignore", invalid="ignore"):  # what 0 * inf means is up to the ops
        while youngest_first:
            node = heappop(youngest_first)[1]
            g = pending.pop(node)
            if node._retains_grad:
                retained[node] = g
            order = node._order
            closures = _recorded_closures(node) if create_graph else node._closures
            for parent, closure in zip(node._inputs, closures):  # noqa: B905 - options follow
                if not (isinstance(parent, Node) and parent._requires_grad) or closure is None:
                    continue
                if parent._order < since:
                    continue
                if parent._order > order:
                    raise RuntimeError(stale_message(parent, node))
                contribution = closure(g)
                data = parent._data
                if (
                    type(contribution) is not np.ndarray
                    or contribution.shape != data.shape
                    or contribution.dtype is not data.dtype
                ):
                    contribution = fitted(contribution, parent, node)
                if parent in pending:
                    contribution = pending[parent] + contribution
                elif parent._op is not None:
                    heappush(youngest_first, (-parent._order, parent))
                pending[parent] = contribution
    return pending | retained if retained else pending


def _recorded_closures(node: Node) -> tuple[Closure | None, ...]:
    """The node's closures once more, computing with Tensors, so that what they do is recorded."""
    for x in node._inputs:  # constants too: the body that runs again would see their new data
        if isinstance(x, Node) and x._order > node._order:
            raise RuntimeError(stale_message(x, node))
    body = node._op.body  # type: ignore[union-attr]  # a node with inputs has an operation
    return cast("tuple[Closure, ...]", body(*node._inputs, **node._options)[1:])


def fitted(gradient: Any, parent: Node, node: Node) -> Any:
    """Bring a contribution to the shape and the dtype of the input that it belongs to."""
    shape, dtype = parent._data.shape, parent._data.dtype
    if not isinstance(gradient, np.ndarray | Node):
        gradient = np.asarray(gradient)
    if gradient.shape != shape:
        if not broadcasts(shape, gradient.shape):
            raise ValueError(
                f"the closure of {describe_call(node._op, node._inputs)} for its input "
                f"{describe(parent)} returned a gradient of shape {gradient.shape}; expected "
                f"{shape}, or a shape to which {shape} broadcasts"
            )
        gradient = unbroadcast(gradient, shape)
    return gradient if gradient.dtype is dtype else gradient.astype(dtype)


def stale_message(parent: Node, node: Node) -> str:
    """Why an input that is younger than the node computed from it ends the way back."""
    return (
        f"{describe(parent)} was given new data after {describe_call(node._op, node._inputs)} had "
        "used it, so the recorded gradient no longer holds; run the forward pass again after "
        "changing .data"
    )
