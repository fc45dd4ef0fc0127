"""What loops can compute: for each function, the expression of a single element."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinygrad_edu.compiler.rewriting import matrix_transposed, transposed
from tinygrad_edu.compiler.values import Value
from tinygrad_edu.ops.loss import class_indices
from tinygrad_edu.quick import logarithms_of_number, sigmoids_of_number

__all__ = [
    "ELEMENTWISE",
    "HELPERS",
    "OF_NUMBERS",
    "REDUCTIONS",
    "RESHAPES",
    "SAME",
    "axes_of",
    "base_of",
    "dtype_of",
    "is_for_loops",
    "is_part_of_numbers",
    "is_view",
    "operand_of",
    "shape_of",
    "squeezed",
]

# The expression for one element, of the expressions of the operands' elements.
ELEMENTWISE: dict[Any, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.maximum: "maximum({}, {})",
    np.minimum: "minimum({}, {})",
    np.sign: "sign({})",
    np.absolute: "abs({})",
    np.reciprocal: "1 / {}",
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.logical_and: "({} != 0) and ({} != 0)",
    np.logical_or: "({} != 0) or ({} != 0)",
    np.logical_not: "not {}",
    np.where: "{1} if {0} else {2}",
    **{
        function: f"np.{name}({{}})"
        for function, name in [
            *[(np.exp, "exp"), (np.expm1, "expm1"), (np.log, "log"), (np.log1p, "log1p")],
            *[(np.sqrt, "sqrt"), (np.tanh, "tanh"), (np.sinh, "sinh"), (np.cosh, "cosh")],
            *[(np.sin, "sin"), (np.cos, "cos"), (np.tan, "tan"), (np.arctan, "arctan")],
        ]
    },
    **{
        function: f"{{}} {symbol} {{}}"
        for function, symbol in [
            *[(operator.add, "+"), (operator.sub, "-"), (operator.mul, "*")],
            *[(operator.truediv, "/"), (operator.pow, "**")],
        ]
    },
    operator.neg: "-{}",
}

LOGICAL = {np.logical_and, np.logical_or, np.logical_not}
COMPARISONS = LOGICAL | {
    *[np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal],
}

# From so many elements on, NumPy's vector instructions are faster, although they take a call.
TRANSCENDENTAL = {f for f, text in ELEMENTWISE.items() if text.startswith("np.")} - {np.sqrt}
MANY_FOR_MATH, MANY_FOR_EXP = 192, 768
LARGE_PRODUCT = 20_000  # multiplications: from here on, BLAS is faster
LARGE_SUM = 50_000  # terms: from here on, the rounding of a plain sum matters

REDUCTIONS: dict[Any, tuple[str, str]] = {  # the start, and how a term is taken in
    np.add.reduce: ("0", "{total} + {term}"),
    np.ndarray.sum: ("0", "{total} + {term}"),
    np.multiply.reduce: ("1", "{total} * {term}"),
    np.maximum.reduce: ("-np.inf", "maximum({total}, {term})"),
    np.minimum.reduce: ("np.inf", "minimum({total}, {term})"),
    np.ndarray.max: ("-np.inf", "maximum({total}, {term})"),
    np.ndarray.min: ("np.inf", "minimum({total}, {term})"),
}

DTYPES = {np.dtype(kind) for kind in ("float64", "float32", "int64", "int32", "bool")}

SAME = {np.asfortranarray, np.ascontiguousarray, np.copy, np.ndarray.copy, np.positive}
RESHAPES = {np.ndarray.reshape, np.reshape, np.squeeze, np.ndarray.squeeze, np.expand_dims}

HELPERS = {
    "maximum": """
def maximum(a, b):
    return a if a >= b or a != a else b
""",
    "minimum": """
def minimum(a, b):
    return a if a <= b or a != a else b
""",
    "sign": """
def sign(a):
    return 1.0 if a > 0 else -1.0 if a < 0 else 0.0 if a == 0 else a
""",
    "sigmoids": """
def sigmoids(x):
    e = np.exp(-abs(x))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    log_larger = -np.log1p(e)
    log_smaller = log_larger - abs(x)
    if x > 0:
        return larger, smaller, log_larger, log_smaller
    return smaller, larger, log_smaller, log_larger
""",
    "logarithms": """
def logarithms(p):
    return np.log(p), np.log(1 - p) if p > 0.5 else np.log1p(-p)
""",
}
OF_NUMBERS = {sigmoids_of_number: "sigmoids", logarithms_of_number: "logarithms"}


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a value or a number."""
    return np.shape(x.example) if isinstance(x, Value) else np.shape(x)


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of a value or a number."""
    return np.asarray(x.example if isinstance(x, Value) else x).dtype


def is_plain(value: Value) -> bool:
    """Whether a value is an array, or a number, of a kind that loops handle."""
    return isinstance(value.example, np.ndarray | np.generic | int | float) and (
        dtype_of(value) in DTYPES
    )


def is_view(value: Value) -> bool:
    """Whether each element is that of the operand at a place that is known, or the same number."""
    x = value.args[0] if value.args else None
    if not isinstance(x, Value) or not is_plain(value) or not is_plain(x):
        return False
    function = value.function
    if function in (transposed, matrix_transposed, np.broadcast_to) or function in SAME:
        return True
    if function in RESHAPES:
        if {*value.options} - {"axis", "shape"}:
            return False
        return squeezed(shape_of(x)) == squeezed(shape_of(value)) or _is_flat(value)
    if function is operator.getitem:
        index = value.args[1] if isinstance(value.args[1], tuple) else (value.args[1],)
        return all(
            i is None or (isinstance(i, int | slice) and not isinstance(i, bool)) for i in index
        ) and all(
            isinstance(end, int | None)
            for i in index
            if isinstance(i, slice)
            for end in (i.start, i.stop, i.step)
        )
    return False


def squeezed(shape: Iterable[int]) -> list[int]:
    """A shape without the axes of length 1."""
    return [n for n in shape if n != 1]


def _is_flat(value: Value) -> bool:
    """Whether a reshape is from or to one dimension, apart from those of length 1."""
    x = value.args[0]
    return len(squeezed(shape_of(x))) <= 1 or len(squeezed(shape_of(value))) <= 1


def is_for_loops(value: Value) -> bool:
    """Whether a value is computed by loops, and not by NumPy."""
    if value.function in OF_NUMBERS:
        return dtype_of(value.args[0]) in DTYPES
    fits = FITS.get(value.function)
    if fits is None or not is_plain(value) or not all(map(is_plain, value.uses())):
        return False
    return fits(value)


def _is_small_elementwise(value: Value) -> bool:
    many = MANY_FOR_EXP if value.function is np.exp else MANY_FOR_MATH
    if value.options or not all(isinstance(x, Value | int | float) for x in value.args):
        return False
    if value.function not in COMPARISONS and dtype_of(value).kind != "f" and not _is_int64(value):
        return False  # NumPy's arithmetic of truth values and of short integers is its own
    if value.function in COMPARISONS and any(dtype_of(x).kind == "b" for x in value.uses()):
        return value.function in LOGICAL
    return value.function not in TRANSCENDENTAL or np.size(value.example) < many


def _is_int64(value: Value) -> bool:
    """Whether a value is made of integers of 64 bits, or of Python's, by what is exact for them."""
    exact = value.function in (np.add, np.subtract, np.multiply, np.negative, np.where)
    return exact and all(dtype_of(x) == np.int64 for x in (value, *value.uses()))


def _is_short_sum(value: Value) -> bool:
    if value.function is np.vdot and len({*map(shape_of, value.args)}) > 1:
        return False
    dtype = dtype_of(operand_of(value))
    if dtype.kind != "f" or dtype != dtype_of(value):
        return False
    many = LARGE_SUM if dtype == np.float64 else LARGE_SUM // 16
    return np.size(operand_of(value).example) < many and axes_of(value) is not None


def _is_small_product(value: Value) -> bool:
    shapes = [*map(shape_of, value.args)]
    fits = (
        len(value.args) == 2
        and dtype_of(value).kind == "f"
        and all(1 <= len(shape) <= 2 for shape in shapes)
    )
    return fits and np.size(value.example) * shapes[0][-1] < LARGE_PRODUCT


def operand_of(value: Value) -> Value:
    """The first operand of a call."""
    operand: Value = value.args[0]
    return operand


def axes_of(value: Value) -> tuple[int, ...] | None:
    """The axes over which a value is reduced; None if there is more to it."""
    if value.function is np.vdot:
        return tuple(range(operand_of(value).example.ndim))
    options = dict(value.options)
    keepdims = options.pop("keepdims", False)
    axis = options.pop("axis", value.args[1] if len(value.args) > 1 else MISSING)
    if options or len(value.args) > 2 or not isinstance(keepdims, bool):
        return None
    if axis is MISSING:  # of a ufunc's reduce the first, of a method all
        axis = None if value.function in METHODS else 0
    ndim = np.ndim(operand_of(value).example)
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(i % ndim for i in axes)


MISSING = object()
METHODS = {np.ndarray.sum, np.ndarray.max, np.ndarray.min}


def _is_gather(value: Value) -> bool:
    """Whether it is an array at integer indices, one array of them for each of its first axes."""
    x, index = value.args[0], value.args[1]
    if value.function is operator.getitem:
        indices = index if isinstance(index, tuple) else (index,)
    else:
        axis = value.options.get("axis", value.args[2] if len(value.args) > 2 else None)
        if {*value.options} - {"axis"} or axis not in range(np.ndim(x.example)):
            return False
        indices = (index,)
    return (
        all(
            isinstance(i, Value) and dtype_of(i).kind == "i" and np.ndim(i.example) == 1
            for i in indices
        )
        and len({shape_of(i) for i in indices}) == 1
    )


FITS: dict[Any, Callable[[Value], bool]] = {
    **dict.fromkeys(ELEMENTWISE, _is_small_elementwise),
    **dict.fromkeys([*REDUCTIONS, np.vdot], _is_short_sum),
    **dict.fromkeys([np.take, np.ndarray.take, operator.getitem], _is_gather),
    np.ndarray.dot: _is_small_product,
    np.ndarray.astype: lambda _: True,
    class_indices: lambda _: True,
}
"""The functions that loops can compute, and whether they do so in a call."""


def is_part_of_numbers(value: Value) -> bool:
    """Whether it is one of several numbers that a helper returned."""
    return value.function is operator.getitem and value.args[0].function in OF_NUMBERS


def base_of(x: Value) -> Value:
    """What a view is a view of, through all others."""
    while x.function is not None and is_view(x):
        x = operand_of(x)
    return x.args[0] if is_part_of_numbers(x) else x
