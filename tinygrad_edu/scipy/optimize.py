"""SciPy's optimizers and solvers, with our gradients: parameters in any structure.

SciPy knows vectors of float64 only. So what it is given is a function of one vector: the
parameters, side by side. Their gradients, Jacobians and Hessian-vector products are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from tinygrad_edu import ops
from tinygrad_edu.context import no_grad, within
from tinygrad_edu.ops._common import values
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import hessian, hvp, jacobian, value_and_grad
from tinygrad_edu.trees import Tree, leaves, named_leaves, tree_map

__all__ = ["least_squares", "minimize", "root"]

Array = NDArray[Any]

WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
WITH_PRODUCTS = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}
WITH_HESSIAN = {"dogleg", "trust-exact"}


def minimize(
    fun: Callable[..., Any],
    x0: Tree = None,
    args: tuple[Any, ...] = (),
    method: Any = None,
    *,
    parameters: Tree = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> optimize.OptimizeResult:
    """Minimum of a function, by `scipy.optimize.minimize` with exact derivatives.

    What each method takes is given to it: the gradient, Hessian-vector products (``Newton-CG``,
    ``trust-ncg``, ``trust-krylov``, ``trust-constr``), the Hessian (``dogleg``, ``trust-exact``).
    The search is done in float64.

    Parameters
    ----------
    fun : callable
        A function of Tensors in the structure of x0 that returns a single number. If
        ``parameters`` are given, a function of ``args`` alone.
    x0 : array_like, Tensor, or list, tuple or dict of them
        Where to begin. A list of numbers is a vector.
    args : tuple, optional
        Further arguments of fun.
    method : str or callable, optional
        As SciPy's.
    parameters : Tensor, or list, tuple, dict or iterable of them, optional
        In place of x0: the Tensors that fun computes with, as ``model.parameters()``. In the end
        they are given the data that were found, in their own precision.
    bounds : sequence or scipy.optimize.Bounds, optional
        As SciPy's, for the elements of all parameters side by side.
    constraints : dict or sequence of dict, optional
        As SciPy's, but with functions of what fun takes, and exact Jacobians.
    tol : float, optional
        As SciPy's.
    callback : callable, optional
        As SciPy's: it is given all parameters side by side.
    options : dict, optional
        Of the method, as SciPy's.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's; ``x`` has the structure, the shapes and the dtypes of x0.

    Raises
    ------
    ValueError
        If fun does not return a single number.
    FloatingPointError
        If fun or its gradient is not finite where it begins, or fun is nan where it ended.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.scipy import optimize
    >>> x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])
    >>> def loss(line):
    ...     return ((line["slope"] * x + line["height"] - y) ** 2).sum()
    >>> result = optimize.minimize(loss, {"slope": 0.0, "height": 0.0})
    >>> {name: round(float(value), 4) for name, value in result.x.items()}
    {'slope': 2.0, 'height': 1.0}

    A network is fitted by its parameters:

    >>> import tinygrad_edu as tg
    >>> model = tg.nn.Linear(1, 1, rng=0)
    >>> result = optimize.minimize(
    ...     lambda: tg.mean_squared_error(model(x[:, None]), y[:, None]),
    ...     parameters=model.parameters(),
    ...     method="trust-ncg",
    ... )
    >>> model.W.data.round(4), model.b.data.round(4)
    (array([[2.]]), array([1.]))
    """
    packed = _Packed(x0, parameters)
    function = packed.of_vector(fun, args)
    name = method.lower() if isinstance(method, str) else ""
    objective: Callable[[Array], Any]
    derivatives: dict[str, Any]
    if name in WITHOUT_GRADIENT:
        objective, derivatives = _number(function), {}
    else:
        objective, derivatives = _number_and_gradient(function), {"jac": True}
    if name in WITH_PRODUCTS:
        derivatives["hessp"] = _products(function)
    elif name in WITH_HESSIAN:
        derivatives["hess"] = no_grad()(hessian(function))
    constraints = [constraints] if isinstance(constraints, Mapping) else constraints
    packed.require_finite(objective(packed.start))
    result = optimize.minimize(
        objective,
        packed.start,
        method=method,
        bounds=bounds,
        constraints=[_constraint(packed, **constraint) for constraint in constraints],
        tol=tol,
        callback=callback,
        options=options,
        **derivatives,
    )
    if np.isnan(result.fun):
        raise FloatingPointError(
            f"fun is nan where the search has ended ({result.message}): keep it where fun is "
            "defined, by bounds or by another x0"
        )
    return packed.finished(result)


def least_squares(
    fun: Callable[..., Any],
    x0: Tree = None,
    args: tuple[Any, ...] = (),
    *,
    parameters: Tree = None,
    **options: Any,
) -> optimize.OptimizeResult:
    """Minimum of a sum of squares, by `scipy.optimize.least_squares` with the exact Jacobian.

    Parameters
    ----------
    fun : callable
        A function of Tensors in the structure of x0 that returns the residuals: a Tensor, or a
        list, tuple or dict of them.
    x0 : array_like, Tensor, or list, tuple or dict of them
        Where to begin. A list of numbers is a vector.
    args : tuple, optional
        Further arguments of fun.
    parameters : Tensor, or list, tuple, dict or iterable of them, optional
        In place of x0, as in `minimize`.
    **options : optional
        What else SciPy's takes: bounds, method, loss and more.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's; ``x`` has the structure, the shapes and the dtypes of x0.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.scipy import optimize
    >>> t, y = np.arange(4.0), 3 * np.exp(-0.5 * np.arange(4.0))
    >>> def residuals(curve):
    ...     return curve["height"] * np.exp(-curve["rate"] * t) - y
    >>> result = optimize.least_squares(residuals, {"height": 1.0, "rate": 1.0})
    >>> {name: round(float(value), 4) for name, value in result.x.items()}
    {'height': 3.0, 'rate': 0.5}
    """
    packed = _Packed(x0, parameters)
    function = _in_a_row(packed.of_vector(fun, args))
    result = optimize.least_squares(
        _constant(function), packed.start, jac=no_grad()(jacobian(function)), **options
    )
    return packed.finished(result)


def root(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...] = (),
    method: str = "hybr",
    **options: Any,
) -> optimize.OptimizeResult:
    """Root of a function of as many values as variables, by `scipy.optimize.root`.

    Parameters
    ----------
    fun : callable
        A function of Tensors in the structure of x0 that returns what is to become 0: a Tensor,
        or a list, tuple or dict of them.
    x0 : array_like, Tensor, or list, tuple or dict of them
        Where to begin. A list of numbers is a vector.
    args : tuple, optional
        Further arguments of fun.
    method : str, optional
        As SciPy's. ``hybr`` and ``lm`` are given the exact Jacobian; the others use none.
    **options : optional
        What else SciPy's takes: tol, callback, options.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's; ``x`` has the structure, the shapes and the dtypes of x0.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.scipy import optimize
    >>> float(optimize.root(lambda x: np.cos(x) - x, 1.0).x.round(4))
    0.7391
    """
    packed = _Packed(x0)
    function = _in_a_row(packed.of_vector(fun, args))
    if method in {"hybr", "lm"}:
        options["jac"] = no_grad()(jacobian(function))
    return packed.finished(
        optimize.root(_constant(function), packed.start, method=method, **options)
    )


# --- parameters as one vector ---------------------------------------------------------------------


class _Packed:
    """Parameters side by side in one vector of float64, and the way back."""

    def __init__(self, x0: Tree, parameters: Tree = None) -> None:
        if (x0 is None) == (parameters is None):
            raise TypeError("expected one of x0 and parameters")
        if not isinstance(parameters, Tensor | list | tuple | dict | None):
            parameters = list(parameters)
        self.parameters = parameters
        self._arrays = tree_map(
            _as_float, _vector_of_numbers(x0) if parameters is None else parameters
        )
        arrays = leaves(self._arrays)
        if not arrays:
            raise ValueError("there is nothing to vary: x0 holds no numbers")
        ends = accumulate((x.size for x in arrays), initial=0)
        self._slices = [slice(start, end) for start, end in pairwise(ends)]
        self.start: Array = np.concatenate(arrays, axis=None, dtype=float)

    def unpacked(self, vector: Any) -> Tree:
        """The parts of a vector, in the structure and the shapes of the parameters."""
        slices = iter(self._slices)
        return tree_map(lambda x: vector[next(slices)].reshape(x.shape), self._arrays)

    def of_vector(self, fun: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[Any], Any]:
        """A function of parameters, or of Tensors that it knows by itself, as one of a vector."""

        def function(vector: Any) -> Any:
            parts = self.unpacked(vector)
            if self.parameters is None:
                return fun(parts, *args)
            stand_ins = dict(zip(leaves(self.parameters), leaves(parts), strict=True))
            with within(stand_in=lambda x: stand_ins.get(x, x)):
                return fun(*args)

        return function

    def require_finite(self, result: Any) -> None:
        """Refuse to begin where there is no way to go."""
        value, *gradient = result if isinstance(result, tuple) else (result,)
        if not np.isfinite(value):
            raise FloatingPointError(f"fun is {value} where the search begins")
        for name, g in named_leaves(self.unpacked(*gradient) if gradient else [], "x0"):
            if not np.isfinite(g).all():
                raise FloatingPointError(
                    f"the gradient by {name} is {g} where the search begins, and fun is {value}"
                )

    def finished(self, result: optimize.OptimizeResult) -> optimize.OptimizeResult:
        """SciPy's result with x unpacked, in the precision that was given."""
        x = tree_map(lambda x, like: x.astype(like.dtype), self.unpacked(result.x), self._arrays)
        result.x = x
        if self.parameters is not None:
            for p, found in zip(leaves(self.parameters), leaves(x), strict=True):
                p.data = found
        return result


def _vector_of_numbers(x0: Tree) -> Tree:
    """A list of nothing but numbers as an array, as SciPy understands it."""
    if isinstance(x0, list | tuple) and all(isinstance(x, int | float) for x in leaves(x0)):
        return np.asarray(x0)
    return x0


def _as_float(x: Any) -> Array:
    array = np.asarray(values(x))
    if array.dtype.kind not in "biuf":
        raise TypeError(f"what is varied must be real numbers; got {array.dtype}: {x!r}")
    return array if array.dtype.kind == "f" else array.astype(float)


# --- functions as SciPy wants them ----------------------------------------------------------------


def _constant(function: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """A function of Tensors as one of arrays, that records nothing."""

    def of_array(vector: Array) -> Array:
        with no_grad():
            return np.asarray(values(function(Tensor(vector))))

    return of_array


def _number(function: Callable[[Any], Any]) -> Callable[[Array], float]:
    def of_array(vector: Array) -> float:
        y = _constant(function)(vector)
        if y.size != 1:
            raise ValueError(f"fun must return a single number; got shape {y.shape}")
        return float(y.item())

    return of_array


def _number_and_gradient(function: Callable[[Any], Any]) -> Callable[[Array], tuple[float, Array]]:
    f = no_grad()(value_and_grad(function))  # arrays, whatever else requires a gradient

    def of_array(vector: Array) -> tuple[float, Array]:
        y, gradient = f(vector)
        return float(y.item()), gradient

    return of_array


def _products(function: Callable[[Any], Any]) -> Callable[[Array, Array], Array]:
    """The Hessian of a function, times a vector."""

    def product(vector: Array, v: Array) -> Array:
        with no_grad():
            result: Array = hvp(function, vector, v)
        return result

    return product


def _in_a_row(function: Callable[[Any], Tree]) -> Callable[[Any], Any]:
    """A function that returns a Tensor or several as one that returns a vector."""
    return lambda vector: ops.concatenate(leaves(function(vector)), axis=None)


def _constraint(
    packed: _Packed, fun: Callable[..., Any], args: tuple[Any, ...] = (), **others: Any
) -> dict[str, Any]:
    function = _in_a_row(packed.of_vector(fun, args))
    return {**others, "fun": _constant(function), "jac": no_grad()(jacobian(function))}
