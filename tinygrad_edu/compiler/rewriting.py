"""Rules by which a recorded call becomes simpler, shorter or faster, and means the same.

Those of `rewritten` hold for all numbers, but for the rounding of sums. Those of `UNGUARDED` leave
out what a function does about inf and nan. Where it matters, a nan comes out, and what the program
was to compute is computed once more without it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.absorbing import has_nan
from tinygrad_edu.compiler.values import Value, alike
from tinygrad_edu.ops._common import weighted
from tinygrad_edu.ops.activation import logistic
from tinygrad_edu.ops.reduction import peak, shifted_logsumexp
from tinygrad_edu.quick import FEW, laid_out_for_sums, one_hot

__all__ = ["UNGUARDED", "WRITTEN_OUT", "matrix_transposed", "rewritten", "transposed"]


def transposed(x: Any) -> Any:
    """The array with its axes in reverse order."""
    return x.T


def matrix_transposed(x: Any) -> Any:
    """The array with its last two axes swapped."""
    return x.mT


# --- for all numbers ------------------------------------------------------------------------------

Call = Callable[..., Any]
"""Records a call: of a function, with its arguments."""


def rewritten(value: Value, call: Call, for_numpy: bool = True) -> Any:
    """Something known that is equal to a value, or the value of other calls; None to leave it.

    Parameters
    ----------
    value : Value
        Of a call.
    call : callable
        Records another call in its place: of a function, with its arguments.
    for_numpy : bool, optional
        Whether to apply rules that are about the speed of NumPy only.
    """
    if all(used.is_constant for used in value.uses()):
        return Value(value.example)
    rule = RULES.get(value.function)
    if rule is None or (rule is _dot and not for_numpy):
        return None
    return rule(value, call)


def _copied(value: Value, _: Call) -> Any:
    """Left out if the dtype stays: nothing on a tape is written into, so it needs no copy."""
    x, *more = value.args
    plain = not {*value.options} - {"copy"} and (not more or value.function is np.ndarray.astype)
    return x if plain and alike(value.example, x.example) else None


def _reshaped(value: Value, _: Call) -> Any:
    x = value.args[0]
    return x if not value.options and value.example.shape == np.shape(_example(x)) else None


def _transposed(value: Value, _: Call) -> Any:
    (x,) = value.args
    return x.args[0] if x.function is value.function else None


def _product(value: Value, call: Call) -> Any:
    if value.options:
        return None
    for factor, other in (value.args, value.args[::-1]):
        if not _stands_for(other, value):
            continue
        if _is(factor, 1):
            return other
        if isinstance(factor, Value) and _is_uniform(factor):
            return call(np.multiply, factor.example.reshape(-1)[0], other)
        if _is(factor, 2) and other.function is np.multiply and not other.options:
            for inner, rest in (other.args, other.args[::-1]):
                if isinstance(inner, Value) and inner.is_constant and _stands_for(rest, value):
                    return call(np.multiply, 2 * inner.example, rest)
    return None


def _is_uniform(value: Value) -> bool:
    """Whether it is a constant array of many equal numbers."""
    array = value.example
    is_array = value.is_constant and isinstance(array, np.ndarray)
    return is_array and array.size > 1 and bool((array == array.flat[0]).all())


def _quotient(value: Value, _: Call) -> Any:
    x, y = value.args
    return x if _is(y, 1) and _stands_for(x, value) and not value.options else None


def _sum(value: Value, call: Call) -> Any:
    """``x - y`` for ``x + -y``, where the sign may be in a factor."""
    if value.options or not _all_float(value):
        return None
    for x, y in (value.args, value.args[::-1]):
        minus_y = _negated(y, call)
        if minus_y is not None and _is_array(x):
            return call(np.subtract, x, minus_y)
    if value.args[0] is value.args[1] and _is_float(value.args[0]):
        return call(np.multiply, 2.0, value.args[0])
    return None


def _difference(value: Value, call: Call) -> Any:
    x, y = value.args
    if value.options or not _all_float(value):
        return None
    if _is(y, 0) and _stands_for(x, value):
        return x
    minus_y = _negated(y, call)
    return None if minus_y is None else call(np.add, x, minus_y)


def _negated(x: Any, call: Call) -> Any:
    """``-x``, if that is simpler than x."""
    if not isinstance(x, Value) or x.options or not _all_float(x):
        return None
    if x.function in (np.negative, operator.neg):
        return x.args[0]
    if x.function is np.multiply:
        for factor, other in (x.args, x.args[::-1]):
            if isinstance(factor, Value) and factor.function in (np.negative, operator.neg):
                return call(np.multiply, factor.args[0], other)
    return None


def _negative(value: Value, _: Call) -> Any:
    (x,) = value.args
    return x.args[0] if x.function is value.function and not value.options | x.options else None


def _square(value: Value, call: Call) -> Any:
    x = value.args[0]
    return None if value.options or not _is_float(x) else call(np.multiply, x, x)


def _exponential(value: Value, call: Call) -> Any:
    """The exponential of ``x - log(sum(exp(x)))``, a softmax, is ``exp(x) / sum(exp(x))``."""
    (x,) = value.args
    if value.options or x.function is not np.subtract or x.options:
        return None
    score, log = x.args
    if not isinstance(log, Value) or log.function is not np.log:
        return None
    (total,) = log.args
    terms = total.args[0] if total.function == np.add.reduce else None
    if terms is None or terms.function is not np.exp or terms.args[0] is not score:
        return None
    return call(np.divide, terms, total)


def _power(value: Value, call: Call) -> Any:
    x, exponent = value.args
    if value.options or not _is_float(x) or not alike(value.example, x.example):
        return None
    return call(np.multiply, x, x) if _is(exponent, 2) else x if _is(exponent, 1) else None


def _sum_of_all(value: Value, call: Call) -> Any:
    """The sum of a product is a scalar product, if it is not so long that rounding matters."""
    x, *more = value.args
    options = {name: option for name, option in value.options.items() if option is not False}
    whole = (options == {"axis": None} and not more) or (not options and more == [None])
    if not (whole and isinstance(x, Value) and x.function is np.multiply and not x.options):
        return None
    a, b = x.args
    plain = _stands_for(a, x) and _stands_for(b, x) and x.example.dtype.kind == "f"
    short = plain and x.example.size <= SHORT_SUM and a.example.flags.forc
    same_layout = short and a.example.flags.c_contiguous == b.example.flags.c_contiguous
    if not same_layout:
        return None
    if not a.example.flags.c_contiguous:
        a, b = call(transposed, a), call(transposed, b)
    return call(np.vdot, a, b)


SHORT_SUM = 4096
TALL, NARROW = 32, 16


def _matmul(value: Value, call: Call) -> Any:
    if value.options or any(np.ndim(_example(x)) != 2 for x in value.args):
        return None
    return call(np.ndarray.dot, *value.args)


def _dot(value: Value, call: Call) -> Any:
    """A tall and narrow product is computed on its side: what follows then runs along columns.

    Adding a row to (300, 4) takes NumPy 1500 ns row by row, and 600 column by column; reductions
    of the rows differ by more.
    """
    if np.ndim(value.example) != 2 or value.options or len(value.args) != 2:
        return None
    rows, columns = value.example.shape
    a, b = value.args
    if a.function is transposed:
        return None  # the gradient of weights
    if rows < TALL or columns > NARROW or a.example.shape[1] > NARROW * NARROW:
        return None
    return call(transposed, call(np.ndarray.dot, call(transposed, b), call(transposed, a)))


RULES: dict[Any, Callable[[Value, Call], Any]] = {
    np.add: _sum,
    np.add.reduce: _sum_of_all,
    np.copy: _copied,
    np.divide: _quotient,
    np.exp: _exponential,
    np.matmul: _matmul,
    np.multiply: _product,
    np.ndarray.astype: _copied,
    np.ndarray.copy: _copied,
    np.ndarray.dot: _dot,
    np.ndarray.reshape: _reshaped,
    np.negative: _negative,
    np.positive: _copied,
    np.power: _power,
    np.square: _square,
    np.subtract: _difference,
    transposed: _transposed,
}


def _example(x: Any) -> Any:
    return x.example if isinstance(x, Value) else x


def _is(x: Any, number: int) -> bool:
    """Whether something is a number that never changes, with this value."""
    if isinstance(x, Value):
        return x.is_constant and _is(x.example, number)
    return np.ndim(x) == 0 and bool(x == number)


def _is_array(x: Any) -> bool:
    return isinstance(x, Value) and isinstance(x.example, np.ndarray | np.generic)


def _is_float(x: Any) -> bool:
    return _is_array(x) and x.example.dtype.kind == "f"


def _all_float(value: Value) -> bool:
    """Whether a call is of floating-point numbers only: integers of two kinds are converted."""
    return all(_is_float(x) or isinstance(x.example, float) for x in (value, *value.uses()))


def _stands_for(x: Any, value: Value) -> bool:
    """Whether x could be put in place of a value."""
    return isinstance(x, Value) and alike(x.example, value.example)


# --- where all is finite --------------------------------------------------------------------------


def _peak(x: Any, axis: Any) -> Any:
    return np.maximum.reduce(x, axis=axis, keepdims=True)


def _shifted_logsumexp(x: Any, axis: Any) -> Any:
    return np.log(np.add.reduce(np.exp(x), axis=axis, keepdims=True))


def _logistic(x: Any) -> Any:
    """sigmoid(x) and sigmoid(-x): one exp and one division. Of a larger x than 709, nan."""
    if x.dtype == np.float16:
        return tuple(y.astype(np.float16) for y in _logistic(x.astype(np.float32)))
    e = np.exp(x)
    complement = 1 / (1 + e)
    return e * complement, complement


def _has_no_nan(x: Any) -> bool:
    x.value.is_fragile = True
    return False


UNGUARDED: dict[Any, Callable[..., Any]] = {
    has_nan: _has_no_nan,
    logistic: _logistic,
    peak: _peak,
    shifted_logsumexp: _shifted_logsumexp,
    weighted: np.multiply,
}
"""What a program computes in place of a function that looks out for inf and nan."""


# --- functions that are written out --------------------------------------------------------------


def _one_hot(indices: Any, classes: int, dtype: np.dtype[Any]) -> Any:
    if classes > FEW:
        return None
    rows = indices.tape.constant(np.eye(classes, dtype=dtype))
    on_its_side = indices.tape.for_numpy and indices.size >= TALL and classes <= NARROW
    if indices.ndim == 1 and on_its_side:
        return rows.take(indices, axis=1).T  # laid out as the logits are
    return rows.take(indices, axis=0)


def _laid_out_for_sums(x: Any, axis: Any) -> Any:
    array = np.asarray(x.value.example)
    if array.ndim == 2 and len(array) < TALL:
        return x
    wanted = laid_out_for_sums(array, axis)
    for layout in (np.asarray, np.asfortranarray, np.ascontiguousarray):
        if layout(array).strides == wanted.strides:
            return x if layout is np.asarray else x.tape.call(layout, (x,))
    return None


WRITTEN_OUT: dict[Any, Callable[..., Any]] = {
    laid_out_for_sums: _laid_out_for_sums,
    one_hot: _one_hot,
}
"""What a program computes in place of a helper; it gives None to call the helper itself."""
