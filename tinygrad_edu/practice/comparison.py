"""A training step written by hand, compared with the compiled one, quantity by quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, isfunction, signature
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.compiler import CompiledStep
from tinygrad_edu.debugging import Verdict
from tinygrad_edu.engine import Node
from tinygrad_edu.practice.quantities import Quantities, Quantity
from tinygrad_edu.practice.tracing import Assignment, assignments
from tinygrad_edu.viz.arrays import array_of
from tinygrad_edu.viz.model import checked_names
from tinygrad_edu.viz.observer import variables

__all__ = ["Comparison", "Difference", "compare_steps"]


def compare_steps(
    by_hand: Callable[..., Any],
    step: CompiledStep,
    *args: Any,
    names: Mapping[str, Any] | None = None,
    rtol: float | None = None,
) -> Comparison:
    """Run a training step written by hand beside the compiled one, and name what differs first.

    The function is written with NumPy, as one derives it, and needs to return nothing: what its
    lines assign is looked at while it runs. Everything that is called as in the function that was
    compiled is compared with it, in the order of the lines: ``h`` with the Tensor in its variable
    ``h``, ``dh`` with the gradient of that, and a parameter that is assigned or changed with the
    same parameter after the step. Nothing of the network or the optimizer is changed.

    Parameters
    ----------
    by_hand : callable
        The step in NumPy. An argument that is called as a parameter gets a copy of its data,
        ``lr`` the learning rate; the others get copies of ``args``, in order.
    step : CompiledStep
        What `compile` returned for a function and an optimizer, or for a function alone. The
        function is called once.
    *args : array_like
        The data for both.
    names : mapping of str to Tensor or Module, optional
        Names as in `draw_graph`, for parameters without one; by default those of the variables of
        the function that calls this. What is called ``net.layers.0.W`` is ``net_layers_0_W`` in the
        function.
    rtol : float, optional
        How far a number may be from the right one, relative to its size.

    Returns
    -------
    Comparison
        What differs first, in which line, and what is the matter with it, as `exercise` says it.

    Raises
    ------
    TypeError
        If ``by_hand`` is no function, ``step`` was not compiled, or an argument is left over.
    ValueError
        If no name in the one is a name in the other, or the loss is no single number.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> W = tg.Tensor([[0.5], [-0.5]], requires_grad=True, name="W")
    >>> def loss(x, y):
    ...     z = x @ W
    ...     h = tg.tanh(z)
    ...     return tg.mean_squared_error(h, y)
    >>> def by_hand(x, y, W, lr):
    ...     z = x @ W
    ...     h = np.tanh(z)
    ...     dh = 2 * (h - y)
    ...     dz = dh * (1 - h**2)
    ...     dW = x.T @ dz
    ...     W = W - lr * dW
    >>> step = tg.compile(loss, tg.optim.SGD([W], lr=0.1))
    >>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [-1.0]])
    >>> tg.compare_steps(by_hand, step, x, y)
    dh differs from the gradient of h: it is 2 times too large.
      line 4 of by_hand: dh = 2 * (h - y)
    What was computed before is right: z, h.
    """
    if not isfunction(by_hand):
        raise TypeError(f"by_hand is a function written with def; got {type(by_hand).__name__}")
    if not isinstance(step, CompiledStep):
        raise TypeError(f"step is what tg.compile returned; got {type(step).__name__}")
    given = checked_names(names)
    given |= {name: node for name, node in variables().items() if name not in given}
    quantities = Quantities(step, args, given)
    arguments = _arguments(by_hand, step, args, quantities.leaves)
    found: list[Assignment] = []
    try:
        assignments(by_hand, arguments, found)
    except Exception as error:
        first = _compared(by_hand.__name__, found, quantities, rtol).first
        if first is not None:
            error.add_note(f"before that, {first}")
        raise
    compared = _compared(by_hand.__name__, found, quantities, rtol)
    if not compared.first and not compared.right:
        raise ValueError(
            f"nothing that {by_hand.__name__} assigns is called as in the compiled function, where "
            f"there are {', '.join(quantities.known())}; the gradient of h is called dh"
        )
    return compared


class Difference(NamedTuple):
    """A quantity that differs.

    Attributes
    ----------
    name : str
        As the variable is called.
    meaning : str
        What it was compared with.
    verdict : Verdict
        What is wrong with it.
    where : str
        The line that assigned it.
    """

    name: str
    meaning: str
    verdict: Verdict
    where: str

    def __str__(self) -> str:
        said = self.verdict.sentence
        return (
            f"{self.name} differs from {self.meaning}: {said[0].lower()}{said[1:]}\n  {self.where}"
        )


class Comparison(NamedTuple):
    """How a step written by hand compares with the compiled one.

    Attributes
    ----------
    first : Difference or None
        What differs first, in the order of the lines.
    right : list of str
        What was computed before that, and is right.
    missing : list of str
        The parameters of which neither the gradient nor the new value was computed.
    unknown : list of str
        What could not be compared, since nothing in the compiled function is called so.
    """

    first: Difference | None
    right: list[str]
    missing: list[str]
    unknown: list[str]

    def __repr__(self) -> str:
        right = ", ".join(self.right) or "nothing that could be compared"
        if self.first:
            lines = [str(self.first), f"What was computed before is right: {right}."]
        else:
            lines = [f"All that could be compared is right: {right}."]
            if self.missing:
                lines.append(f"Nothing was computed for {', '.join(self.missing)}.")
        if self.unknown:
            lines.append(f"Called as nothing there, and not compared: {', '.join(self.unknown)}.")
        return "\n".join(lines)


def _compared(
    function: str, found: list[Assignment], quantities: Quantities, rtol: float | None
) -> Comparison:
    """Compare what was assigned with what is computed, in the order of the lines."""
    right: list[str] = []
    judged: set[Node] = set()
    pairs, unknown = _matched(found, quantities)
    first = None
    for _, assignment, quantity in pairs:
        verdict = quantity.judge(assignment.value, quantities.sizes, rtol)
        if not verdict.right:
            where = f"line {assignment.line} of {function}"
            if assignment.code:
                where += f": {assignment.code}"
            first = Difference(assignment.name, quantity.words, verdict, where)
            break
        judged.add(quantity.node)
        right.append(assignment.name)
    learned = quantities.updates or quantities.gradients
    missing = [
        name for name, node in quantities.leaves.items() if node in learned and node not in judged
    ]
    return Comparison(first, right, missing, unknown)


def _matched(
    found: list[Assignment], quantities: Quantities
) -> tuple[list[tuple[int, Assignment, Quantity]], list[str]]:
    """Every assignment that counts, with what it is compared with; and the names of the others.

    Of a variable that is assigned several times the last counts; but the last three, if there are
    three of its name in the function that was compiled.
    """
    by_name: dict[str, list[tuple[int, Assignment]]] = {}
    for i, assignment in enumerate(found):
        by_name.setdefault(assignment.name, []).append((i, assignment))
    pairs, unknown = [], []
    for name, assigned in by_name.items():
        expected = quantities.of(name)[: len(assigned)]
        if expected:
            last = assigned[-len(expected) :]
            pairs += [(i, x, q) for (i, x), q in zip(last, expected, strict=True)]
        elif assigned[-1][1].value.ndim:  # no counter, and no constant
            unknown.append(name)
    return sorted(pairs, key=lambda pair: pair[0]), unknown


def _arguments(
    by_hand: Callable[..., Any], step: CompiledStep, args: tuple[Any, ...], leaves: dict[str, Node]
) -> dict[str, Any]:
    """The arguments of the step by hand, by name: parameters, the learning rate, the data."""
    data = iter(args)
    given: dict[str, Any] = {}
    for name, parameter in signature(by_hand).parameters.items():
        if name in leaves and leaves[name]._requires_grad:
            given[name] = leaves[name]._array.copy()
        elif name == "lr" and step._optimizer is not None:
            given[name] = step._optimizer.learning_rate
        elif (value := next(data, parameter.default)) is not Parameter.empty:
            given[name] = value if isinstance(value, int | float) else np.array(array_of(value))
        else:
            raise TypeError(
                f"there is nothing to give {by_hand.__name__} for its argument {name}: it is the "
                f"name of no parameter, which are {', '.join(leaves)}, and there are only "
                f"{len(args)} arguments"
            )
    if left := len([*data]):
        raise TypeError(
            f"{by_hand.__name__} takes the arguments {', '.join(given)}, and {left} of the "
            f"{len(args)} that were given are left over"
        )
    return given
