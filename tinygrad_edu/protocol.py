"""NumPy's protocols: what ``np.exp(tensor)`` and ``array @ tensor`` do."""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.ops._common import NUMPY, as_array, values
from tinygrad_edu.trees import tree_map

__all__ = ["call_function", "call_ufunc"]

# A ufunc's .reduce and .accumulate, and the operations that do the same.
METHODS: dict[tuple[Any, str], Any] = {
    (np.add, "reduce"): ops.sum,
    (np.multiply, "reduce"): ops.prod,
    (np.maximum, "reduce"): ops.max,
    (np.minimum, "reduce"): ops.min,
    (np.logaddexp, "reduce"): ops.logsumexp,
    (np.add, "accumulate"): ops.cumsum,
    (np.multiply, "accumulate"): ops.cumprod,
    (np.multiply, "outer"): partial(ops.tensordot, axes=0),
}

# Functions whose result does not vary with their input, or is no number: called on the values,
# they return what NumPy returns.
PLAIN = {
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.isnan, np.isinf, np.isfinite, np.isposinf, np.isneginf, np.signbit),
    *(np.isreal, np.iscomplex, np.isin, np.intersect1d, np.union1d, np.setdiff1d, np.setxor1d),
    *(np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.all, np.any),
    *(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition),
    *(
        np.argwhere,
        np.nonzero,
        np.flatnonzero,
        np.count_nonzero,
        np.searchsorted,
        np.digitize,
        np.lexsort,
    ),
    *(np.allclose, np.isclose, np.array_equal, np.array_equiv),
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj),
    *(np.zeros_like, np.ones_like, np.empty_like, np.full_like),
    *(np.shares_memory, np.may_share_memory, np.array_repr, np.array_str, np.array2string),
    *(np.histogram, np.histogram_bin_edges, np.bincount, np.unique, np.linalg.matrix_rank),
}

# Options on how NumPy computes and stores a result, with the values that change nothing here.
HARMLESS: dict[str, tuple[Any, ...]] = {
    "out": (None,),
    "where": (True, None),
    "dtype": (None,),
    "order": ("C", "K", None),
    "casting": ("same_kind",),
    "subok": (True, False),
    "signature": (None,),
}


# How a ufunc is written that changes its first operand in place.
SIGNS = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.divide: "/",
    np.floor_divide: "//",
    np.remainder: "%",
    np.power: "**",
    np.matmul: "@",
}

# Arguments that NumPy also knows under older names.
RENAMED = {"a_min": "min", "a_max": "max"}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Any, options: dict[str, Any]) -> Any:
    """Stand in for ``ufunc.method(*inputs, **options)`` where an input is a Tensor."""
    op = NUMPY.get(ufunc) if method == "__call__" else METHODS.get((ufunc, method))
    if op is not None and not options and method == "__call__":
        return op(*inputs)
    if op is None and method == "outer" and ufunc in NUMPY:
        op = partial(_outer, NUMPY[ufunc])
    name = _name(ufunc) + ("" if method == "__call__" else f".{method}")
    if op is None and method == "__call__" and ufunc in PLAIN:
        return ufunc(*_plain(inputs), **_plain(options))
    if ufunc in SIGNS and options.get("out", (None,))[0] is inputs[0]:
        _require_tensor(inputs[0], SIGNS[ufunc])
    if method in {"reduce", "accumulate"}:
        options.setdefault("axis", 0)  # where the functions of these names take all axes
    return _call(op, name, inputs, options, {})


def _outer(op: Any, a: Any, b: Any) -> Any:
    """An operation on every pair of elements of two operands."""
    a, b = as_array(a), as_array(b)
    return op(a.reshape((*a.shape, *(1,) * b.ndim)), b)


def _require_tensor(changed: Any, sign: str) -> None:
    """Refuse to write what a Tensor is part of into an array that cannot hold it."""
    if isinstance(changed, np.ndarray):
        raise TypeError(
            f"arr {sign}= t (or out=arr) cannot make a Tensor of an array; write "
            f"arr = arr {sign} t for a new Tensor, or arr {sign}= t.data, which loses the gradient"
        )


def _name(ufunc: np.ufunc) -> str:
    """A ufunc as one writes it: SciPy's with its module, which is known if it was imported."""
    special = getattr(sys.modules.get("scipy.special"), ufunc.__name__, None)
    of_scipy = getattr(special, "__wrapped__", special) is ufunc
    return f"{'scipy.special' if of_scipy else 'np'}.{ufunc.__name__}"


def call_function(function: Any, args: Any, options: dict[str, Any]) -> Any:
    """Stand in for ``function(*args, **options)`` where an argument is, or holds, a Tensor."""
    if function in PLAIN:
        return function(*_plain(args), **_plain(options))
    module = getattr(function, "__module__", "numpy").replace("numpy", "np", 1)
    required, names, defaults = _signature(function)
    if len(args) > required:  # by name, since at the same places operations have other options
        options |= zip(names, args[required:], strict=False)
        args = args[:required]
    return _call(NUMPY.get(function), f"{module}.{function.__name__}", args, options, defaults)


@cache
def _signature(function: Any) -> tuple[int, list[str], dict[str, Any]]:
    """How many arguments go by place, the names of the others that may, and all defaults."""
    from inspect import Parameter, signature  # noqa: PLC0415 - rarely needed, and slow to import

    try:
        parameters = list(signature(function).parameters.values())
    except ValueError:  # of a function in C, which not all versions of NumPy know
        parameters = []
    optional = [p for p in parameters if p.default is not p.empty and p.kind != p.POSITIONAL_ONLY]
    names = [p.name for p in optional if p.kind == Parameter.POSITIONAL_OR_KEYWORD]
    required = parameters.index(optional[0]) if names else sys.maxsize
    return required, names, {p.name: p.default for p in optional}


def _call(op: Any, name: str, args: Any, options: dict[str, Any], defaults: dict[str, Any]) -> Any:
    if op is None:
        if name.startswith("scipy.") and "tinygrad_edu.scipy" not in sys.modules:
            raise TypeError(
                f"{name} is not yet supported on Tensors: import tinygrad_edu.scipy, which knows "
                "the derivatives of SciPy's functions"
            )
        raise TypeError(
            f"{name} is not supported on Tensors: no derivative is known for it. Use .numpy() for "
            "values without gradients, or define it with tg.differentiable"
        )
    if not options:
        return op(*args)
    known, given = _options(op), {}
    for option, value in options.items():
        ours = RENAMED.get(option, option)
        if value is np._NoValue:
            continue
        if known is None or ours in known:
            given[ours] = value
        elif not _is_among(value, (defaults.get(option), *HARMLESS.get(option, ()))):
            raise TypeError(
                f"{name} on a Tensor does not take {option}=, only what NumPy takes for it by "
                "default: an operation returns a new Tensor"
                + ("" if option != "out" else f"; write arr = {name}(...) in place of out=arr")
            )
    return op(*args, **given)


@cache
def _options(op: Any) -> frozenset[str] | None:
    """The names of the parameters of an operation; None if it takes any."""
    from inspect import Parameter, signature  # noqa: PLC0415 - rarely needed, and slow to import

    parameters = signature(op).parameters
    takes_any = Parameter.VAR_KEYWORD in {p.kind for p in parameters.values()}
    return None if takes_any else frozenset(parameters)


def _is_among(value: Any, harmless: tuple[Any, ...]) -> bool:
    return value in harmless if isinstance(value, str) else any(value is x for x in harmless)


def _plain(arguments: Any) -> Any:
    """The arrays behind the Tensors, in nested containers too."""
    return tree_map(values, arguments)
