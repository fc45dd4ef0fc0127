"""Where nothing depends on an output, nothing depends on what the output was computed from.

The chain rule multiplies dL/dy by dy/dx, and in floating-point arithmetic 0 * inf and 0 * nan are
nan. On the way back they are 0: the gradient of ``where(x > 0, sqrt(x), 0)`` at x = 0 is 0, however
steep the root is there. Operations need no guards for that. Where it matters, a closure is given
its gradient as a subclass of ndarray, whose zeros absorb whatever they are multiplied by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.quick import as_a_whole

__all__ = ["absorbed", "has_nan"]

Array = NDArray[Any]


@as_a_whole
def has_nan(x: Array) -> bool:
    """Whether an element is nan."""
    if not x.flags.c_contiguous:  # it would be copied, against its order in memory
        x = x.ravel(order="K")
    total = np.vdot(x, x)  # faster than to look at every element; a nan makes the sum nan
    return bool(total != total)  # noqa: PLR0124 - only nan differs from itself


def absorbed(closure: Callable[[Any], Any], gradient: Array) -> Array:
    """What a closure makes of a gradient of which 0 * x and 0 / x are 0, whatever x is."""
    return np.asarray(closure(np.asarray(gradient).view(_Absorbing)))


class _Absorbing(np.ndarray[Any, np.dtype[Any]]):
    """A gradient whose zeros absorb; what is computed from it is one, too."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if function in PRODUCTS:
            return _marked(_sum_of_products(function, inputs, options))
        factors = inputs if function is np.multiply else inputs[: function is np.divide]
        zero = [np.equal(x, 0) for x in map(np.asarray, filter(_is_gradient, factors))]
        if options.get("out"):
            options["out"] = tuple(map(np.asarray, options["out"]))
        result = function(*map(_plain, inputs), **options)
        return _marked(np.where(np.logical_or.reduce(zero), 0, result) if zero else result)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in PRODUCTS:
            return _marked(_sum_of_products(function, args, options))
        return _marked(super().__array_function__(function, types, args, options))

    def dot(self, other: Any) -> Any:  # type: ignore[override]  # ndarray.dot skips the protocols
        """The product, by the function of that name."""
        return np.dot(self, other)


def _is_gradient(x: Any) -> bool:
    return isinstance(x, _Absorbing)


def _plain(x: Any) -> Any:
    """An argument as NumPy takes it; an index of `numpy.add.at` may be a tuple, and stays one."""
    return np.asarray(x) if _is_gradient(x) else x


def _marked(result: Any) -> Any:
    """The result as a gradient whose zeros absorb, if it is an array."""
    if isinstance(result, np.ndarray | np.generic):
        return np.asarray(result).view(_Absorbing)
    return result


# Functions that sum products: the rule holds for each term of the sum.
PRODUCTS = {np.dot, np.einsum, np.inner, np.kron, np.matmul, np.outer, np.tensordot, np.vdot}
PRODUCTS |= {np.vecdot, np.linalg.matmul, np.linalg.outer, np.linalg.tensordot, np.linalg.vecdot}
PRODUCTS |= {np.convolve, np.correlate}
FAR = 1e100  # stands for a factor that is not finite, beside ones: no sum of ones gets that large


def _sum_of_products(function: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
    """A sum of products of a gradient and other factors, without the terms in which it is 0."""

    def call(of_gradient: Callable[[Array], Array], of_other: Callable[[Array], Array]) -> Any:
        factors = (
            (of_gradient if _is_gradient(x) else of_other)(np.asarray(x))
            if isinstance(x, np.ndarray)
            else x
            for x in args
        )
        return function(*factors, **options)

    result = call(np.asarray, np.asarray)
    if not has_nan(result):
        return result
    # The nan is right where a gradient that is not 0 is multiplied by a factor that is not finite.
    met = call(lambda g: np.where(g == 0, 0.0, 1), lambda x: np.where(np.isfinite(x), 1.0, FAR))
    finite = call(np.asarray, lambda x: np.where(np.isfinite(x), x, 0))
    return np.where(met >= FAR, result, finite)
