"""Find out what goes wrong: where a nan was born, who writes into a graph, which units are dead."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu import ops
from tinygrad_edu.context import current, within
from tinygrad_edu.engine import Node, backpropagate
from tinygrad_edu.source import source_of_caller
from tinygrad_edu.tensor import Tensor

__all__ = [
    "UnitHealth",
    "debug",
    "explain_nonfinite",
    "find_nonfinite",
    "gradient_flow",
    "unit_health",
]

Array = NDArray[Any]

# --------------------------------------------------------------------------------------
# While it runs
# --------------------------------------------------------------------------------------


@contextmanager
def debug(*, allow_inf: bool = False, freeze: bool = True) -> Iterator[None]:
    """Watch every operation recorded inside the ``with`` block.

    The first one that makes a nan or an inf raises, and so does the first gradient that is one,
    with the line of the program that called the operation. The arrays of a graph are read-only as
    long as the graph lives, so that a write into them raises, instead of making gradients wrong.

    Parameters
    ----------
    allow_inf : bool, optional
        Let inf pass.
    freeze : bool, optional
        Whether to make arrays read-only. It does not see a write through another view of the same
        memory.

    Raises
    ------
    FloatingPointError
        Where a nan or an inf was made: the operation, its inputs, the line.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> p = tg.Tensor([0.5, 1.0], requires_grad=True, name="p")
    >>> with np.errstate(divide="ignore"), tg.debug():  # doctest: +ELLIPSIS
    ...     loss = -tg.log(1 - p).mean()
    Traceback (most recent call last):
        ...
    FloatingPointError: log made -inf at (1,)
      where its input is 0.0
      log(Tensor: (2,) float64)
      line 2 of <doctest ...>: loss = -tg.log(1 - p).mean()
    """
    previous = current().observer
    fine = _no_nan if allow_inf else _finite
    frozen = _Frozen()

    def observe(node: Node) -> None:
        node._source = source_of_caller()
        line = str(node._source)
        if not fine(node._data):
            raise FloatingPointError(f"{_birth(node)}\n  {line}")
        node._closures = tuple(
            closure and _watched(closure, _name(node), i, line, fine)
            for i, closure in enumerate(node._closures)
        )
        if freeze:
            frozen.hold(node)
        if previous is not None:
            previous(node)

    with within(observer=observe):
        yield


def _finite(x: Any) -> bool:
    return bool(np.isfinite(x).all())


def _no_nan(x: Any) -> bool:
    return not np.isnan(x).any()


def _watched(
    closure: Callable[[Any], Any], name: str, i: int, line: str, fine: Callable[[Any], bool]
) -> Callable[[Any], Any]:
    """A closure that raises if it makes something wrong of a gradient that is not."""

    def watched(g: Any) -> Any:
        result = closure(g)
        if not fine(_values(result)) and fine(_values(g)):
            raise FloatingPointError(
                f"the gradient that {name} passes to its input {i} is "
                f"{_first_nonfinite(_values(result))[0]}\n  {line}"
            )
        return result

    return watched


class _Frozen:
    """Arrays that are read-only as long as a node lives that was computed from them."""

    def __init__(self) -> None:
        self.holders: dict[int, int] = {}

    def hold(self, node: Node) -> None:
        arrays = [
            x
            for x in map(_values, (node, *node._inputs))
            if isinstance(x, np.ndarray) and (x.flags.writeable or id(x) in self.holders)
        ]
        for x in arrays:
            self.holders[id(x)] = self.holders.get(id(x), 0) + 1
            x.flags.writeable = False
        weakref.finalize(node, self.release, arrays).atexit = False

    def release(self, arrays: list[Array]) -> None:
        for x in arrays:
            self.holders[id(x)] -= 1
            if not self.holders[id(x)]:
                del self.holders[id(x)]
                with suppress(ValueError):  # a view of what is still held stays read-only
                    x.flags.writeable = True


# --------------------------------------------------------------------------------------
# Afterwards
# --------------------------------------------------------------------------------------


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
    return next((node for node in _graph(root) if not _finite(node._data)), None)


def explain_nonfinite(loss: Tensor) -> str:
    """Tell in words where the first nan or inf of a loss, or of its gradients, came from.

    Parameters
    ----------
    loss : Tensor
        A loss that is not finite; or that is, but not all its gradients are.

    Returns
    -------
    str
        What was made, by which operation, from which inputs.

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
    return _birth(node) if node is not None else _birth_of_gradient(loss)


def _graph(root: Tensor) -> list[Any]:
    """The root and all it was computed from, the oldest first."""
    found, pending = {root}, [root]
    while pending:
        for x in pending.pop()._inputs:
            if isinstance(x, Tensor) and x not in found:
                found.add(x)
                pending.append(x)
    return sorted(found, key=lambda node: node._order)


def _birth(node: Node) -> str:
    """What is wrong with the value of a node, and what it was made from."""
    bad, at = _first_nonfinite(node._data)
    if node._op is None:
        return f"{_describe(node)} is {bad} at {at}; it was not computed"
    lines = [f"{_name(node)} made {bad} at {at}"]
    operands = node._inputs[: len(node._closures)]
    here = [_entry(_values(x), node._data.shape, at) for x in operands]
    if None not in here:
        numbers = ", ".join(map(str, here))
        lines.append(f"where its {'input is' if len(here) == 1 else 'inputs are'} {numbers}")
    lines.append(_call(node))
    lines += [
        f"input {i} was {_first_nonfinite(_values(x))[0]} already"
        for i, x in enumerate(operands)
        if _is_numbers(x) and not _finite(_values(x))
    ]
    return "\n  ".join(lines)


def _birth_of_gradient(loss: Tensor) -> str:
    """Where on the way back the first gradient was made that is not finite."""
    nodes = [node for node in _graph(loss) if node._requires_grad]
    retained = [node._retains_grad for node in nodes]
    try:
        for node in nodes:
            node._retains_grad = True
        gradients = backpropagate({loss: np.ones(loss.shape, loss.dtype)})
    finally:
        for node, was_retained in zip(nodes, retained, strict=True):
            node._retains_grad = was_retained
    for node in reversed(nodes):
        g = gradients.get(node)
        if g is not None and not _finite(g):
            bad, at = _first_nonfinite(g)
            users = [user for user in nodes if any(x is node for x in user._inputs)]
            return f"the gradient of {_describe(node)} is {bad} at {at}" + "".join(
                f"\n  it comes from {_call(user)}" for user in users
            )
    return "all values and gradients are finite"


def _values(x: Any) -> Any:
    return x._data if isinstance(x, Node) else x


def _is_numbers(x: Any) -> bool:
    return isinstance(_values(x), np.ndarray | np.number | int | float)


def _first_nonfinite(x: Any) -> tuple[Any, tuple[int, ...]]:
    """The first entry that is not finite, with its index."""
    x = np.asarray(x)
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
    return x[at], at


def _entry(x: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> Any:
    """The number at an index of the output, if the input corresponds to it element by element."""
    if np.size(x) > 1 and np.shape(x) != shape:
        return None
    with suppress(ValueError):
        return np.broadcast_to(np.asarray(x), shape)[at]
    return None


def _name(node: Node) -> str:
    op: Any = node._op
    where = ".".join(node._scope)
    return f"{op.__name__} in {where}" if where else str(op.__name__)


def _call(node: Node) -> str:
    op: Any = node._op
    return f"{op.__name__}({', '.join(map(_describe, node._inputs))})"


def _describe(x: Any) -> str:
    values = _values(x)
    if not isinstance(values, np.ndarray):
        return repr(x)
    name = (x.name or "Tensor") if isinstance(x, Node) else "array"
    return f"{name}: {values.shape} {values.dtype}"


# --------------------------------------------------------------------------------------
# The health of a network
# --------------------------------------------------------------------------------------

STEEPEST: dict[Any, float] = {
    ops.sigmoid: 0.25,
    ops.tanh: 1.0,
    ops.relu: 1.0,
    ops.leaky_relu: 1.0,
    ops.elu: 1.0,
    ops.softplus: 1.0,
    ops.gelu: 1.0,
    ops.silu: 1.0,
}
"""The activations that `unit_health` knows, and their largest slope."""


class UnitHealth(NamedTuple):
    """How the units of a layer are doing on some samples.

    Attributes
    ----------
    activation : str
        Its name.
    units : int
        The length of the last axis of the output.
    dead : float
        The fraction of the units whose slope is 0 for every sample: they get no gradient, and
        cannot learn any more.
    saturated : float
        The fraction of all outputs at which the slope is below a twentieth of the steepest. For
        ReLU these are the inputs below 0, in a healthy layer about a half.
    mean, std : float
        Of the outputs.
    """

    activation: str
    units: int
    dead: float
    saturated: float
    mean: float
    std: float


def unit_health(function: Callable[..., Any], *inputs: Any) -> dict[str, UnitHealth]:
    """Look at all activations that a function computes: which units are dead, which saturated.

    Parameters
    ----------
    function : callable
        Most often a module. It is called once.
    *inputs : array_like
        What to call it with: samples of shape (n, ...).

    Returns
    -------
    dict of str to UnitHealth
        By the name of the layer, from the first to the last.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.debugging import unit_health
    >>> network = tg.nn.MLP([2, 4, 1], "relu", rng=0)
    >>> network.layers[0].b.data = [-100.0, 0.0, 0.0, 100.0]
    >>> unit_health(network, [[1.0, 2.0], [-1.0, 0.5]])["layers.0"].dead
    0.25
    """
    nodes: list[Node] = []
    with within(recording=True, observer=nodes.append):
        function(*inputs)
    found: dict[str, UnitHealth] = {}
    for node in nodes:
        if node._op in STEEPEST:
            name = ".".join(node._scope[1:] or node._scope) or _name(node)
            copies = sum(known.split(" ")[0] == name for known in found)
            found[f"{name} ({copies + 1})" if copies else name] = _health(node)
    return found


def _health(node: Any) -> UnitHealth:
    y = node._data.reshape(-1, node._data.shape[-1] if node._data.ndim else 1)
    slope = np.abs(node._closures[0](np.ones_like(node._data))).reshape(y.shape)
    return UnitHealth(
        activation=node._op.__name__,
        units=y.shape[1],
        dead=float((slope == 0).all(axis=0).mean()),
        saturated=float((slope < STEEPEST[node._op] / 20).mean()),
        mean=float(y.mean()),
        std=float(y.std()),
    )


class _HasParameters(Protocol):
    def named_parameters(self) -> Iterable[tuple[str, Tensor]]: ...


def gradient_flow(parameters: _HasParameters | Mapping[str, Tensor]) -> dict[str, float]:
    """Measure how large a gradient arrived at each parameter.

    ::

        norm = sqrt(sum(g**2))

    Parameters
    ----------
    parameters : Module, or mapping of str to Tensor
        After ``backward()``.

    Returns
    -------
    dict of str to float
        The norm of each gradient, by the name of its parameter; 0 where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.debugging import gradient_flow
    >>> network = tg.nn.MLP([2, 4, 1], rng=0)
    >>> network(np.ones((3, 2))).sum().backward()
    >>> {name: round(norm, 2) for name, norm in gradient_flow(network).items()}
    {'layers.0.W': 3.79, 'layers.0.b': 2.68, 'layers.1.W': 6.67, 'layers.1.b': 3.0}
    """
    named = parameters.items() if isinstance(parameters, Mapping) else parameters.named_parameters()
    return {name: norm(p.grad) for name, p in named}


def norm(x: Any) -> float:
    """Return the Euclidean norm of all elements; 0 of None."""
    if x is None:
        return 0.0
    x = _values(x)
    return math.sqrt(np.vdot(x, x))  # inf rather than a warning, if it is too large
