"""Check derivatives against difference quotients, entry by entry."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.context import no_grad, within
from tinygrad_edu.engine import Node, nodes_of
from tinygrad_edu.errors import GradientError
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import grad
from tinygrad_edu.trees import leaves

__all__ = ["check_gradients"]

Array = NDArray[Any]
COMPLEX_STEP = 1e-30  # nothing is subtracted, so it may be tiny


def check_gradients(
    f: Callable[..., Any],
    *inputs: ArrayLike | Tensor,
    order: int = 1,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    step: float = 1e-4,
    allow_kinks: bool = False,
) -> None:
    """Compare the derivatives of a function with difference quotients, entry by entry.

    ::

        df/dx = imag(f(x + 1e-30j)) * 1e30                                    (complex step)
        df/dx = (8 * (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / (12h) (central)

    The complex step is exact, but needs a function that NumPy can evaluate for complex numbers
    and that is smooth there; it is trusted where it agrees with the central difference, which
    serves otherwise. An output that is no single number is checked along a fixed random
    direction. Higher orders check the derivatives of the derivatives.

    Parameters
    ----------
    f : callable
        A function of Tensors that returns a Tensor.
    *inputs : array_like or Tensor
        Entry to check it. Floating-point inputs are differentiated, in float64, the one precision
        in which differences can be trusted; integers (class labels) are passed on as they are.
    order : int, optional
        Check derivatives up to this order.
    rtol, atol : float, optional
        Allowed relative and absolute deviation.
    step : float, optional
        The step h of the central difference, relative to the size of the entry.
    allow_kinks : bool, optional
        Skip the entries at which the function has a kink, where no difference quotient can judge.

    Raises
    ------
    GradientError
        If a derivative deviates, or cannot be judged because of a kink, or because the function
        is not finite nearby: with the operation, the input, the entry and both values.
    TypeError
        If f returns no Tensor.
    ValueError
        If an input is not finite, none is floating-point, or a number is out of its range.

    Warns
    -----
    UserWarning
        If no operation leads from a floating-point input to the output: a check of its derivative,
        which is 0 everywhere, would say nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.check_gradients(lambda x, W: tg.tanh(x @ W), np.ones((1, 2)), np.eye(2), order=2)
    >>> @tg.differentiable
    ... def cube(x):
    ...     return x**3, lambda g: g * 2 * x**2
    >>> tg.check_gradients(cube, 2.0)
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.GradientError: wrong derivative of cube, order 1:
      input 0, entry (), where x = 2.0
      computed   8.0
      expected   12.0  (complex step)
      the closure of cube for its input 0 is wrong
    """
    _require_range(order, rtol, atol, step)
    arrays = [_checkable(x, i) for i, x in enumerate(inputs)]
    if not any(_is_variable(x) for x in arrays):
        raise ValueError("nothing to check: no input is floating-point")
    judge = _Judge(rtol, atol, step)
    function = _scalar_function(f)
    unused = _unused(function, arrays)
    for k in range(1, order + 1):
        for deviation in judge.deviations(function, arrays, order):
            excuse = judge.excuse(function, arrays, deviation.entry)
            if excuse is None:
                raise GradientError(
                    _message(f"wrong derivative of {_name(f)}", k, arrays, deviation.entry)
                    + f"\n  computed   {deviation.computed!r}\n  expected   {deviation.expected}"
                    + _culprit(f, arrays, k, judge)
                )
            if not allow_kinks:
                what, reason = excuse
                raise GradientError(
                    _message(f"{_name(f)} {what}", k, arrays, deviation.entry)
                    + f"\n  {reason}; no difference quotient can judge there: move the input, or "
                    "pass allow_kinks=True"
                )
        function = _scalar_function(grad(function, _variables(arrays)))
    for i in unused:
        warnings.warn(
            f"{_name(f)} does not use input {i}: no operation leads from it to the output, so that "
            "its derivative is 0 everywhere, and there is nothing to check",
            UserWarning,
            stacklevel=2,
        )


def _require_range(order: Any, rtol: float, atol: float, step: float) -> None:
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be an integer, at least 1; got {order!r}")
    if not 0 < step < math.inf:
        raise ValueError(f"step must be finite and above 0; got {step}")
    if not (rtol >= 0 and atol >= 0):
        raise ValueError(f"rtol and atol must not be negative; got {rtol} and {atol}")


def _checkable(x: ArrayLike | Tensor, i: int) -> Array:
    array = x.data if isinstance(x, Tensor) else np.asarray(x)
    if not _is_variable(array):
        return array
    strange = array[~np.isfinite(array)]
    if strange.size > 0:
        raise ValueError(f"input {i} must be finite, to be moved a little; it holds {strange[0]}")
    return array.astype(np.float64)


def _is_variable(x: Array) -> bool:
    return x.dtype.kind == "f"


def _variables(arrays: Sequence[Array]) -> list[int]:
    return [i for i, x in enumerate(arrays) if _is_variable(x)]


def _unused(function: Callable[..., Any], arrays: list[Array]) -> list[int]:
    """The floating-point inputs that the output is not connected to, by any operation."""
    args = _variables_at(arrays, NO_ENTRY, 0.0, requires_grad=True)
    connected = nodes_of(function(*args))
    return [i for i in _variables(arrays) if not any(args[i] is node for node in connected)]


def _name(f: Any) -> str:
    return getattr(f, "__name__", None) or repr(f)


def _scalar_function(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function along a fixed random direction, in which every output has a weight."""

    def function(*args: Any) -> Any:
        result = f(*args)
        outputs = leaves(result)
        if not any(isinstance(y, Tensor) for y in outputs):
            raise TypeError(
                f"{_name(f)} must return a Tensor, computed from its arguments with the operations "
                f"of Tensors; got {type(result).__name__}"
            )
        if len(outputs) == 1 and outputs[0].size == 1:
            return outputs[0].sum()
        rng = np.random.default_rng(0)
        terms = [(y * rng.uniform(0.5, 1.5, np.shape(y))).sum() for y in outputs]
        return sum(terms[1:], start=terms[0])

    return function


Entry = tuple[int, tuple[int, ...]]
"""An entry: the number of the input, and the index in it."""

NO_ENTRY: Entry = (-1, ())


class _Deviation(NamedTuple):
    """A derivative that differs from its difference quotient."""

    entry: Entry
    computed: float
    expected: str


@dataclass(frozen=True)
class _Judge:
    """Difference quotients, and when a derivative counts as equal to one."""

    rtol: float
    atol: float
    step: float

    def deviations(
        self, function: Callable[..., Any], arrays: list[Array], order: int = 1
    ) -> Iterator[_Deviation]:
        """For each entry the first derivative that differs from its difference quotient, if any."""
        numbers = _variables(arrays)
        with no_grad():  # arrays, whatever else requires a gradient
            runs = [grad(function, numbers)(*arrays)]
        if order > 1:  # also with the closures run on Tensors
            tensors = _variables_at(arrays, NO_ENTRY, 0.0, requires_grad=False)
            runs.append([g.data for g in grad(function, numbers)(*tensors)])
        for i, *gradients in zip(numbers, *runs, strict=True):
            for index in np.ndindex(gradients[0].shape):
                expected, method = self.derivative(function, arrays, (i, index))
                for computed in (float(gradient[index]) for gradient in gradients):
                    if not self.agree(computed, expected):
                        shown = f"{float(f'{expected:.10g}')}  ({method})"
                        yield _Deviation((i, index), computed, shown)
                        break

    def agree(self, a: float, b: float) -> bool:
        return bool(np.isclose(a, b, self.rtol, self.atol))

    def derivative(
        self, function: Callable[..., Any], arrays: list[Array], entry: Entry
    ) -> tuple[float, str]:
        """The expected derivative, and the method by which it was computed."""
        h = self.width(arrays, entry)
        f = [_moved(function, arrays, entry, n * h).real for n in (-2, -1, 1, 2)]
        central = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h)
        try:
            exact = _moved(function, arrays, entry, 1j * COMPLEX_STEP).imag / COMPLEX_STEP
        except Exception:  # noqa: BLE001 - whatever it is, f is not written for complex numbers
            return central, "central difference"
        if abs(exact - central) <= 1e-5 * (1 + abs(central)):
            return exact, "complex step"
        return central, "central difference"  # no complex derivative: abs, maximum

    def width(self, arrays: list[Array], entry: Entry) -> float:
        i, index = entry
        return self.step * max(1.0, abs(float(arrays[i][index])))

    def excuse(
        self, function: Callable[..., Any], arrays: list[Array], entry: Entry
    ) -> tuple[str, str] | None:
        """Why an entry cannot be checked, in short and at length; None if it can."""
        h = self.width(arrays, entry)
        steps = [n * h for n in (-2, -1, 0, 1, 2)]
        if not all(math.isfinite(_moved(function, arrays, entry, by).real) for by in steps):
            return "is not finite", f"it is nan or infinite within {2 * h:g} of there"
        kink = _kink([_nodes(function, arrays, entry, by) for by in steps], h)
        return None if kink is None else ("has a kink", kink)


def _kink(traces: list[list[Node]], h: float) -> str | None:
    """The first operation with a kink, in runs with one entry moved by -2h, -h, 0, h and 2h."""
    if len({tuple(node._op for node in trace) for trace in traces}) > 1:
        return "it takes another branch nearby"
    for nodes in zip(*traces, strict=True):  # oldest first: the operation that has the kink
        f = [node._array for node in nodes]
        if any(y.shape != f[0].shape for y in f):
            return "it takes another branch nearby"
        # The jump of the slope grows with the step where f is smooth, and only there.
        wide = np.abs(f[4] - 2 * f[2] + f[0]) / (2 * h)
        narrow = np.abs(f[3] - 2 * f[2] + f[1]) / h
        noise = 1e-14 * (1 + np.abs(f[2])) / h
        jumps = np.abs(wide - 2 * narrow) > 0.2 * wide + 16 * noise
        if jumps.any():
            return f"{_name(nodes[0]._op)} has one, with a jump of slope by {wide[jumps][0]:.3g}"
    return None


def _moved(function: Callable[..., Any], arrays: list[Array], entry: Entry, by: complex) -> complex:
    """The function with one entry moved."""
    with no_grad(), np.errstate(all="ignore"):
        y = function(*_variables_at(arrays, entry, by, requires_grad=False))
    return complex(y.item())


def _nodes(
    function: Callable[..., Any], arrays: list[Array], entry: Entry, by: float
) -> list[Node]:
    """The operations of a run with one entry moved, in the order in which they ran."""
    nodes: list[Node] = []
    with within(observer=nodes.append), np.errstate(all="ignore"):
        function(*_variables_at(arrays, entry, by, requires_grad=True))
    return nodes


def _variables_at(arrays: list[Array], entry: Entry, by: complex, requires_grad: bool) -> list[Any]:
    args: list[Any] = []
    for i, x in enumerate(arrays):
        if not _is_variable(x):
            args.append(x)
            continue
        if i == entry[0]:
            x = x.astype(np.result_type(x, type(by)))  # a copy
            x[entry[1]] += by
        args.append(Tensor(x, requires_grad=requires_grad))
    return args


def _culprit(f: Callable[..., Any], arrays: list[Array], order: int, judge: _Judge) -> str:
    """The first operation inside f that has a wrong derivative by itself."""
    for node in _nodes(f, arrays, NO_ENTRY, 0.0):
        numbers = [
            i for i, x in enumerate(node._inputs) if isinstance(x, Node) and x._requires_grad
        ]
        variables = [node._inputs[i]._array for i in numbers]
        function = _scalar_function(_of_variables(node, numbers))
        for _ in range(order - 1):
            function = _scalar_function(grad(function, _variables(variables)))
        for deviation in judge.deviations(function, variables, order + 1):
            if judge.excuse(function, variables, deviation.entry) is None:
                number = numbers[deviation.entry[0]]
                return f"\n  the closure of {_name(node._op)} for its input {number} is wrong"
    return ""


def _of_variables(node: Node, numbers: list[int]) -> Callable[..., Any]:
    """The operation of a node as a function of the inputs of these numbers."""
    inputs = [x._array if isinstance(x, Node) else x for x in node._inputs]

    def function(*variables: Any) -> Any:
        given = dict(zip(numbers, variables, strict=True))
        args = [given.get(i, x) for i, x in enumerate(inputs)]
        return node._op(*args, **node._options)  # type: ignore[misc]  # it was recorded

    return function


def _message(what: str, order: int, arrays: list[Array], entry: Entry) -> str:
    i, index = entry
    return (
        f"{what}, order {order}:\n  input {i}, entry {index}, where x = {float(arrays[i][index])!r}"
    )
