"""The judge of a derivative: what does the function do when its input moves a little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.context import no_grad, within
from tinygrad_edu.engine import Node
from tinygrad_edu.errors import GradientError
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import grad, leaves

__all__ = ["check_gradients"]

Array = NDArray[Any]
COMPLEX_STEP = 1e-30  # no difference is taken, so it can be as small as one likes


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
        Where to check it. Floating-point inputs are differentiated, in float64, the one precision
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
        If a derivative deviates, or cannot be judged because of a kink: with the operation, the
        input, the entry and both values.

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
    if order < 1:
        raise ValueError(f"order must be at least 1; got {order}")
    arrays = [_checkable(x) for x in inputs]
    if not any(_is_variable(x) for x in arrays):
        raise ValueError("nothing to check: no input is floating-point")
    name, judge = _name(f), _Judge(rtol, atol, step)
    function = _single_number(f)
    for k in range(1, order + 1):
        for where, computed, expected in judge.deviations(function, arrays, order):
            kink = judge.kink(function, arrays, where)
            if kink is None:
                culprit = _culprit(f, arrays, k, judge)
                raise GradientError(
                    _message(f"wrong derivative of {name}", k, arrays, where)
                    + f"\n  computed   {computed!r}\n  expected   {expected}"
                    + culprit
                )
            if not allow_kinks:
                raise GradientError(
                    _message(f"{name} has a kink", k, arrays, where)
                    + f"\n  {kink}; no difference quotient can judge there: move the input, or "
                    "pass allow_kinks=True"
                )
        function = _single_number(grad(function, _variables(arrays)))


def _checkable(x: ArrayLike | Tensor) -> Array:
    array = x.data if isinstance(x, Tensor) else np.asarray(x)
    return array.astype(np.float64) if _is_variable(array) else array


def _is_variable(x: Array) -> bool:
    return x.dtype.kind == "f"


def _variables(arrays: Sequence[Array]) -> list[int]:
    return [i for i, x in enumerate(arrays) if _is_variable(x)]


def _name(f: Any) -> str:
    return getattr(f, "__name__", None) or repr(f)


def _single_number(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function along a fixed random direction, in which every output has a weight."""

    def function(*args: Any) -> Any:
        outputs = leaves(f(*args))
        if len(outputs) == 1 and np.size(outputs[0]) == 1:
            return outputs[0].sum()
        rng = np.random.default_rng(0)
        terms = [(y * rng.uniform(0.5, 1.5, np.shape(y))).sum() for y in outputs]
        return sum(terms[1:], start=terms[0])

    return function


Where = tuple[int, tuple[int, ...]]
"""An entry: the number of the input, and the index in it."""


@dataclass(frozen=True)
class _Judge:
    """Difference quotients, and when a derivative counts as equal to one."""

    rtol: float
    atol: float
    step: float

    def deviations(
        self, function: Callable[..., Any], arrays: list[Array], order: int = 1
    ) -> Iterator[tuple[Where, float, str]]:
        """The entries whose derivative is not what the difference says."""
        numbers = _variables(arrays)
        runs = [grad(function, numbers)(*arrays)]
        if order > 1:  # the closures run on Tensors, too, and must come to the same
            tensors = _variables_at(arrays, (-1, ()), 0.0, requires_grad=False)
            runs.append([g.data for g in grad(function, numbers)(*tensors)])
        for i, *gradients in zip(numbers, *runs, strict=True):
            for index in np.ndindex(gradients[0].shape):
                expected, method = self.derivative(function, arrays, (i, index))
                for computed in (float(gradient[index]) for gradient in gradients):
                    if not self.agree(computed, expected):
                        yield (i, index), computed, f"{float(f'{expected:.10g}')}  ({method})"
                        break

    def agree(self, a: float, b: float) -> bool:
        return bool(np.isclose(a, b, self.rtol, self.atol, equal_nan=True))

    def derivative(
        self, function: Callable[..., Any], arrays: list[Array], where: Where
    ) -> tuple[float, str]:
        h = self.width(arrays, where)
        f = [_moved(function, arrays, where, n * h).real for n in (-2, -1, 1, 2)]
        central = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h)
        try:
            exact = _moved(function, arrays, where, 1j * COMPLEX_STEP).imag / COMPLEX_STEP
        except Exception:  # noqa: BLE001 - whatever it is, f is not written for complex numbers
            return central, "central difference"
        if abs(exact - central) <= 1e-5 * (1 + abs(central)):
            return exact, "complex step"
        return central, "central difference"  # not smooth in the complex plane: abs, maximum

    def width(self, arrays: list[Array], where: Where) -> float:
        i, index = where
        return self.step * max(1.0, abs(float(arrays[i][index])))

    def kink(self, function: Callable[..., Any], arrays: list[Array], where: Where) -> str | None:
        """A description of the kink near an entry, or None if the function is smooth there."""
        h = self.width(arrays, where)
        traces = [_nodes(function, arrays, where, n * h) for n in (-2, -1, 0, 1, 2)]
        if len({tuple(node._op for node in trace) for trace in traces}) > 1:
            return "it takes another branch nearby"
        for nodes in zip(*traces, strict=True):  # oldest first: where the kink comes in
            f = [node._data for node in nodes]
            if any(y.shape != f[0].shape for y in f):
                return "it takes another branch nearby"
            # The jump of the slope grows with the step where f is smooth, and only there.
            wide, narrow = (
                np.abs(f[4] - 2 * f[2] + f[0]) / (2 * h),
                np.abs(f[3] - 2 * f[2] + f[1]) / h,
            )
            noise = 1e-14 * (1 + np.abs(f[2])) / h
            jumps = np.abs(wide - 2 * narrow) > 0.2 * wide + 16 * noise
            if jumps.any():
                return (
                    f"{_name(nodes[0]._op)} has one, with a jump of slope by {wide[jumps][0]:.3g}"
                )
        return None


def _moved(function: Callable[..., Any], arrays: list[Array], where: Where, by: complex) -> complex:
    """The function with one entry moved."""
    with no_grad(), np.errstate(all="ignore"):
        y = function(*_variables_at(arrays, where, by, requires_grad=False))
    return complex(y.item())


def _nodes(
    function: Callable[..., Any], arrays: list[Array], where: Where, by: float
) -> list[Node]:
    """The operations of a run with one entry moved, in the order in which they ran."""
    nodes: list[Node] = []
    with within(observer=nodes.append), np.errstate(all="ignore"):
        function(*_variables_at(arrays, where, by, requires_grad=True))
    return nodes


def _variables_at(arrays: list[Array], where: Where, by: complex, requires_grad: bool) -> list[Any]:
    args: list[Any] = []
    for i, x in enumerate(arrays):
        if not _is_variable(x):
            args.append(x)
            continue
        if i == where[0]:
            x = x.astype(np.result_type(x, type(by)))  # a copy
            x[where[1]] += by
        args.append(Tensor(x, requires_grad=requires_grad))
    return args


def _culprit(f: Callable[..., Any], arrays: list[Array], order: int, judge: _Judge) -> str:
    """The first operation inside f that has a wrong derivative by itself."""
    nodes: list[Node] = []
    with within(observer=nodes.append):
        f(*_variables_at(arrays, (-1, ()), 0.0, requires_grad=True))
    for node in nodes:
        inputs = [x._data if isinstance(x, Node) else x for x in node._inputs]
        numbers = [
            i for i, x in enumerate(node._inputs) if isinstance(x, Node) and x._requires_grad
        ]

        def of_variables(
            *xs: Any, node: Node = node, inputs: Any = inputs, at: Any = numbers
        ) -> Any:
            args = list(inputs)
            for i, x in zip(at, xs, strict=True):
                args[i] = x
            return node._op(*args, **node._options)  # type: ignore[misc]  # it was recorded

        function = _single_number(of_variables)
        variables = [inputs[i] for i in numbers]
        for _ in range(order - 1):
            function = _single_number(grad(function, _variables(variables)))
        for (i, _), _computed, _expected in judge.deviations(function, variables, order + 1):
            return f"\n  the closure of {_name(node._op)} for its input {numbers[i]} is wrong"
    return ""


def _message(what: str, order: int, arrays: list[Array], where: Where) -> str:
    i, index = where
    return (
        f"{what}, order {order}:\n  input {i}, entry {index}, where x = {float(arrays[i][index])!r}"
    )
