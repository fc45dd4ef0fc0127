"""Record operations as they run, then walk the record backwards.

The one idea: an operation is a NumPy function that returns its value and, beside it, one
backward closure per input. The closure takes dL/d(output) and gives that input's dL/d(input).

    @differentiable
    def tanh(x):
        y = np.tanh(x)
        return y, lambda g: g * (1 - y * y)

Called with Tensors, an operation leaves a `Node`: its value, and the call that made it, with the
closures. Together the nodes form a graph, and `backpropagate` applies the chain rule to it, latest
node first.

There is no mathematics in this file: the operations are in `ops`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.absorbing import absorbed, has_nan
from tinygrad_edu.broadcasting import broadcasts, unbroadcast
from tinygrad_edu.context import current
from tinygrad_edu.errors import describe, describe_call, name_arguments, name_lists

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "Edge",
    "Node",
    "backpropagate",
    "differentiable",
    "edges",
    "next_order",
    "nodes_of",
    "require_own_data",
]

P = ParamSpec("P")
Closure = Callable[[Any], Any]

# --- recording ----------------------------------------------------------------------------

# Atomic, so that nodes may be made in many threads.
next_order: Callable[[], int] = itertools.count(1).__next__


class Node:
    """A value in the graph: what the engine needs to know of a Tensor.

    A leaf was made by the user and has no operation. Any other node keeps the call that made it:
    the operation, its inputs and options, and the closures. An edge of the graph is a pair (input,
    closure). Closures hold arrays, never the node itself, so that a graph contains no reference
    cycle and is freed the moment its last node goes out of scope.
    """

    __slots__ = [
        "__weakref__",
        "_array",
        "_closures",
        "_grad",
        "_inputs",
        "_op",
        "_options",
        "_order",
        "_requires_grad",
        "_retains_grad",
        "_scope",
        "_source",
        "name",
    ]

    def __init__(
        self,
        data: NDArray[Any],
        requires_grad: bool = False,
        name: str | None = None,
        op: Callable[..., Any] | None = None,
        inputs: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        closures: tuple[Closure | None, ...] = (),
    ) -> None:
        self._array = data  # not `_data`, which numpy.ma takes for the data of a masked array
        self._requires_grad = requires_grad
        self._order = next_order()  # the time of creation: a node is younger than its inputs
        self._op = op
        self._inputs = inputs
        self._options = {} if options is None else options
        self._closures = closures
        self._retains_grad = False
        self._scope = current().scope
        self._source: Any = None  # where the program computed it; set only by observers
        self._grad: Any = None
        self.name: str | None = name

    @property
    def data(self) -> NDArray[Any]:
        """The values. ``t.data = array`` replaces those of a leaf, keeping shape and dtype.

        The array itself becomes the data, unless it is read-only: of that, a copy.
        """
        stand_in = current().stand_in
        return self._array if stand_in is None else stand_in(self)._array

    @data.setter
    def data(self, value: ArrayLike) -> None:
        context = current()
        if context.assign is not None:
            return context.assign(self, value)
        if value is self._array and self._op is None and context.stand_in is None:
            self._order = next_order()  # after `w.data -= step`: see below
            return None
        require_own_data()
        if self._op is not None:
            if value is self._array:  # after `y.data -= step`: the graph is wrong from now on
                self._order = next_order()
            raise ValueError(
                f"the data of {describe(self)} are computed by {self._op.__name__}; only those of "
                "a leaf can be replaced or changed. Write .detach() for a Tensor of the same values"
            )
        array, (shape, dtype) = np.asarray(value), (self._array.shape, self._array.dtype)
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(
                f"new data must have the Tensor's shape and dtype, {shape} {dtype}; "
                f"got {array.shape} {array.dtype}"
            )
        if value is not self._array and not array.flags.writeable:
            array = array.copy()  # an optimizer will write into it
        self._array = array
        self._order = next_order()  # so that a graph which used the old data notices
        return None


def require_own_data() -> None:
    """Refuse to change data while others may stand in for them."""
    if current().stand_in is not None:
        raise TypeError(
            "the data of a Tensor cannot be replaced or changed by a function that is being "
            "recorded, or runs with other parameters: the change would get lost"
        )


def differentiable(body: Callable[P, tuple[Any, ...]]) -> Callable[P, Tensor]:
    """Make a differentiable operation of a function of arrays.

    The body returns ``(value, closure, closure, ...)``: one closure for each of its leading
    positional inputs, in order, taking the gradient of the output and returning the gradient of
    that input. ``None`` stands for an input that has no derivative. Inputs beyond the closures
    (an axis, a shape) are options.

    The body says nothing about graphs, broadcasting or dtypes: it is handed the arrays behind
    the Tensors, a gradient that comes back in the shape of a broadcast input is summed to the
    input's own shape, and it is cast to the input's dtype. Nor does it guard against steep slopes:
    where the gradient of the output is 0, its product with anything is 0. For derivatives of higher
    order the same body runs once more, on the Tensors themselves. So it must be a pure function,
    and handle its input and the gradients only with operations that are themselves differentiable.

    Parameters
    ----------
    body : callable
        The function of arrays, as above.

    Returns
    -------
    callable
        The operation: given at least one Tensor it returns a Tensor; given none, an array.

    Raises
    ------
    TypeError
        When the operation is called: if the body returns no tuple, or if a Tensor that requires a
        gradient is given for an input without a closure.

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
    def op(*inputs: Any, **options: Any) -> Any:  # noqa: PLR0912 - the hot path: calls would cost
        context = current()
        if context.stand_in is not None:
            inputs = tuple(context.stand_in(x) if isinstance(x, Node) else x for x in inputs)
        tensor, requires_grad, arrays = None, False, []
        for x in inputs:
            if isinstance(x, Node):
                tensor = x
                if x._requires_grad:
                    requires_grad = True
                x = x._array
            elif isinstance(x, _ARRAY) and type(x) is not _ARRAY:
                _require_plain(x, body, inputs)
            arrays.append(x)
        if options:
            for option in options.values():
                if isinstance(option, Node):
                    inputs, options = _by_position(body, inputs, options)
                    return op(*inputs, **options)
                if isinstance(option, _ARRAY) and type(option) is not _ARRAY:
                    _require_plain(option, body, inputs)
        try:
            result = body(*arrays, **options)
        except Exception as error:
            if isinstance(error, TypeError):
                name_lists(error, body, inputs)
                name_arguments(error, body, options)
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
        if not isinstance(value, _ARRAY):
            value = np.asarray(value)
        out = _new(type(tensor))
        if requires_grad and context.recording:
            closures = result[1:]
            if len(closures) < len(inputs):
                _require_constant(body, inputs, len(closures))
            if value.dtype is not _DOUBLE and value.dtype.kind == "c":
                raise TypeError(_COMPLEX.format(describe_call(body, inputs)))
            _initialize(out, value, True, None, op, inputs, options, closures)
            if context.observer is not None:
                context.observer(out)
        else:
            _initialize(out, value)
        return out

    op.body = body  # type: ignore[attr-defined]  # functions take attributes; mypy disagrees
    return cast("Callable[P, Tensor]", op)


# Found faster than as attributes of something else.
_new, _initialize = object.__new__, Node.__init__
_ARRAY, _DOUBLE = np.ndarray, np.dtype(np.float64)

_COMPLEX = (
    "{} is complex, and an input requires a gradient: a derivative here is that of a function of "
    "real numbers. Compute with the real and the imaginary part, or pass .detach() if no gradient "
    "is needed"
)


def _require_plain(x: NDArray[Any], body: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    """Refuse arrays whose operators mean something else than NumPy's, as those of a matrix do."""
    if type(x).__mul__ is not np.ndarray.__mul__ and any(isinstance(y, Node) for y in inputs):
        raise TypeError(
            f"{describe_call(body, inputs)} was given a {type(x).__name__}, which is no plain "
            "array; write np.asarray(x), or x.filled(value) if it is masked"
        )


def _by_position(
    body: Callable[..., Any], inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as inputs: a Tensor was given by keyword."""
    from inspect import signature  # noqa: PLC0415 - rarely needed, and slow to import

    try:
        bound = signature(body).bind(*inputs, **options)
    except TypeError as error:
        name_arguments(error, body, options)
        raise
    bound.apply_defaults()
    _require_constant(body, tuple(bound.kwargs.values()), 0)
    constants = {n: x._array if isinstance(x, Node) else x for n, x in bound.kwargs.items()}
    return bound.args, constants


def _require_constant(body: Callable[..., Any], inputs: tuple[Any, ...], start: int) -> None:
    """Refuse to lose the gradient of an input for which there is no closure."""
    for x in inputs[start:]:
        if isinstance(x, Node) and x._requires_grad:
            raise TypeError(
                f"{body.__name__} has no derivative with respect to {describe(x)}, which requires "
                "a gradient: its body returns no closure for it. Pass .detach() if it is constant"
            )


# --- the way back -------------------------------------------------------------------------


class Edge(NamedTuple):
    """What passes back over one edge of the graph: dL/d(node), through a closure, to an input."""

    node: Node
    position: int
    """Of the input among the node's inputs."""
    parent: Node
    """The input."""
    incoming: Any
    """dL/d(node)."""
    returned: Any
    """What the closure made of it."""
    contribution: Any
    """The same in the shape and the dtype of the input."""


def backpropagate(
    seeds: dict[Node, Any],
    *,
    create_graph: bool = False,
    since: int = 0,
    wanted: Collection[Node] = (),
) -> dict[Node, Any]:
    """The gradients of every leaf below the seeds, and of the nodes that retain theirs.

    Reverse-mode differentiation: begin with the seeds' dL/d(node); take the youngest node
    whose gradient has not been passed on; send it through each of the node's closures to the
    inputs, where contributions add up. A node is younger than its inputs, so by the time it is
    taken every path to it has contributed.

    Where nothing depends on an output (its gradient is 0), nothing depends on what it was computed
    from, however steep the operation is there: 0 * inf and 0 * nan are 0 on the way back. They are
    rare, and so the walk does not look out for them; only if a nan came out, it is done once more
    with gradients whose zeros absorb. A nan that is left then belongs to the user's computation.

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
    wanted : collection of Node, optional
        Further nodes whose gradients shall be returned.
    """
    found = _walk(seeds, _recorded if create_graph else None, since, wanted)
    for g in found.values():
        if has_nan(g._array if create_graph else g):
            return _walk(seeds, _recorded_absorbing if create_graph else _absorbing, since, wanted)
    return found


def edges(seeds: dict[Node, Any]) -> list[Edge]:
    """The same walk, edge by edge, as it is shown and explained."""
    passed: list[Edge] = []
    if any(map(has_nan, _walk(seeds, passed=passed).values())):
        passed.clear()
        _walk(seeds, _absorbing, passed=passed)
    return passed


def _walk(
    seeds: dict[Node, Any],
    closures_of: Callable[[Node], tuple[Closure | None, ...]] | None = None,
    since: int = 0,
    wanted: Collection[Node] = (),
    passed: list[Edge] | None = None,
) -> dict[Node, Any]:
    """One walk through the graph, with the closures of the nodes, or others in their place."""
    retained: dict[Node, Any] = {}
    pending = dict(seeds)
    youngest_first = [(-node._order, node) for node in seeds if node._op is not None]
    heapify(youngest_first)
    with np.errstate(divide="ignore", invalid="ignore"):  # slopes may be infinite
        while youngest_first:
            node = heappop(youngest_first)[1]
            g = pending.pop(node)
            if node._retains_grad or (wanted and node in wanted):
                retained[node] = g
            order = node._order
            closures = node._closures if closures_of is None else closures_of(node)
            for position, (parent, closure) in enumerate(zip(node._inputs, closures)):  # noqa: B905 - options follow
                if not (isinstance(parent, Node) and parent._requires_grad) or closure is None:
                    continue
                if parent._order < since:
                    continue
                if parent._order > order:
                    raise RuntimeError(stale_message(parent, node))
                contribution = returned = closure(g)
                data = parent._array
                if (
                    type(contribution) is not _ARRAY
                    or contribution.shape != data.shape
                    or contribution.dtype is not data.dtype
                ):
                    contribution = _fitted(contribution, parent, node)
                if passed is not None:
                    passed.append(Edge(node, position, parent, g, returned, contribution))
                if parent in pending:
                    contribution = pending[parent] + contribution
                elif parent._op is not None:
                    heappush(youngest_first, (-parent._order, parent))
                pending[parent] = contribution
    return pending | retained if retained else pending


def _absorbing(node: Node) -> tuple[Closure | None, ...]:
    """The closures with a gradient whose zeros absorb."""
    return tuple(closure and functools.partial(absorbed, closure) for closure in node._closures)


def _recorded(node: Node) -> tuple[Closure | None, ...]:
    """The closures once more, computing with Tensors, so that what they do is recorded."""
    for x in node._inputs:  # constants too: the body that runs again would see their new data
        if isinstance(x, Node) and x._order > node._order:
            raise RuntimeError(stale_message(x, node))
    body = node._op.body  # type: ignore[union-attr]  # a node with inputs has an operation
    return cast("tuple[Closure, ...]", body(*node._inputs, **node._options)[1:])


def _recorded_absorbing(node: Node) -> tuple[Closure | None, ...]:
    """The same, with a gradient whose zeros absorb."""

    def both(recorded: Closure, plain: Closure) -> Closure:
        def closure(g: Any) -> Any:
            gradient = recorded(g)
            right = absorbed(plain, g._array)
            wrong = np.isnan(gradient._array) & ~np.isnan(right)
            return _corrected(gradient, right, wrong) if wrong.any() else gradient

        return closure

    pairs = zip(_recorded(node), node._closures, strict=True)
    return tuple(recorded and plain and both(recorded, plain) for recorded, plain in pairs)


@differentiable
def _corrected(gradient: Any, right: Any, wrong: Any) -> tuple[Any, ...]:
    """A gradient with the right entries in place of wrong ones.

    An entry that is 0 because all its terms are stays so. How another one changes is not known,
    since only its value was computed: the derivative is nan, and not silently 0.
    """
    change = np.where(wrong, np.where(right == 0, 0, np.nan), 1)
    return np.where(wrong, right, gradient), lambda g: g * change


def _fitted(gradient: Any, parent: Node, node: Node) -> Any:
    """Bring a contribution to the shape and the dtype of the input that it belongs to."""
    shape, dtype = parent._array.shape, parent._array.dtype
    if not isinstance(gradient, np.ndarray | Node):
        gradient = np.asarray(gradient)
    if gradient.shape != shape:
        if gradient.shape[1:] == shape or broadcasts(shape, gradient.shape):
            gradient = unbroadcast(gradient, shape)
        elif gradient.size == parent._array.size == 1:  # a number for an array of one
            gradient = gradient.reshape(shape)
        else:
            raise ValueError(
                f"the closure of {describe_call(node._op, node._inputs)} for its input "
                f"{describe(parent)} returned a gradient of shape {gradient.shape}; expected "
                f"{shape}, or a shape to which {shape} broadcasts"
            )
    return gradient if gradient.dtype is dtype else gradient.astype(dtype)


def stale_message(parent: Node, node: Node) -> str:
    """Why the walk raises at an input that is younger than the node computed from it."""
    return (
        f"{describe(parent)} was given new data after {describe_call(node._op, node._inputs)} had "
        "used it, so the recorded gradient no longer holds; run the forward pass again after "
        "changing .data"
    )


# --- the graph ------------------------------------------------------------------------------


def nodes_of(root: Node) -> list[Any]:
    """The root and all that it was computed from, the oldest first."""
    found, pending = {root}, [root]
    while pending:
        for x in pending.pop()._inputs:
            if isinstance(x, Node) and x not in found:
                found.add(x)
                pending.append(x)
    return sorted(found, key=lambda node: node._order)
