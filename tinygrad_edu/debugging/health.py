"""Statistics of a network: dead and saturated units, and the size of each gradient."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from tinygrad_edu.context import within
from tinygrad_edu.debugging.nonfinite import described_operation
from tinygrad_edu.engine import Node
from tinygrad_edu.errors import describe_call
from tinygrad_edu.ops._common import values
from tinygrad_edu.ops.activation import TRAITS
from tinygrad_edu.tensor import Tensor

__all__ = ["STEEPEST", "UnitHealth", "euclidean_norm", "gradient_flow", "health_of", "unit_health"]

STEEPEST = {f: traits.steepest for f, traits in TRAITS.items() if traits.steepest}
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

    Raises
    ------
    ValueError
        If there are no samples.

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
    times: Counter[str] = Counter()
    for node in nodes:
        if node._op in STEEPEST:
            name = ".".join(node._scope[1:] or node._scope) or described_operation(node)
            times[name] += 1
            found[f"{name} ({times[name]})" if times[name] > 1 else name] = health_of(node)
    return found


def health_of(node: Any) -> UnitHealth:
    """How the units are doing that an activation computed."""
    if node._array.size == 0:
        raise ValueError(
            "the health of units shows on samples, at least one; "
            f"{describe_call(node._op, node._inputs)} was given none"
        )
    y = node._array.reshape(-1, node._array.shape[-1] if node._array.ndim else 1)
    slope = np.abs(node._closures[0](np.ones_like(node._array))).reshape(y.shape)
    return UnitHealth(
        activation=node._op.__name__,
        units=y.shape[1],
        dead=float((slope == 0).all(axis=0).mean()),
        saturated=float((slope < STEEPEST[node._op] / 20).mean()),
        mean=float(y.mean()),
        std=float(y.std()),
    )


class _HasParameters(Protocol):
    """A `Module`, which this file cannot import: `nn` is built on it."""

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

    Raises
    ------
    TypeError
        If it is given something else.

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
    if isinstance(parameters, Mapping):
        named: Iterable[tuple[str, Tensor]] = parameters.items()
    elif hasattr(parameters, "named_parameters"):
        named = parameters.named_parameters()
    else:
        raise TypeError(
            "gradient_flow takes a Module, or a mapping of names to Tensors; "
            f"got {type(parameters).__name__}"
        )
    return {name: euclidean_norm(p.grad) for name, p in named}


def euclidean_norm(x: Any) -> float:
    """Return the Euclidean norm of all elements; 0 of None.

    ::

        norm = largest * sqrt(sum((x / largest)**2)),    largest = max(abs(x))

    in which no square is too large or too small for its precision.
    """
    if x is None:
        return 0.0
    x = np.asarray(values(x))
    if x.dtype not in (np.float32, np.float64):
        x = x.astype(np.float64)
    square = float(np.vdot(x, x))
    if 1e-20 < square < math.inf:  # no overflow, no underflow: nothing to scale
        return math.sqrt(square)
    largest = float(np.abs(x).max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    x = x / largest
    return largest * math.sqrt(np.vdot(x, x))
