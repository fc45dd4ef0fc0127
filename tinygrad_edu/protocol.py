"""NumPy's protocols: what ``np.exp(tensor)`` and ``array @ tensor`` do."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.ops._common import NUMPY, values
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
    *(np.isnan, np.isinf, np.isfinite, np.isposinf, np.isneginf, np.signbit, np.isreal),
    *(np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.all, np.any),
    *(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argwhere, np.nonzero),
    *(np.flatnonzero, np.count_nonzero, np.searchsorted, np.digitize, np.lexsort),
    *(np.allclose, np.isclose, np.array_equal, np.array_equiv),
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj),
    *(np.zeros_like, np.ones_like, np.empty_like, np.full_like),
    *(np.shares_memory, np.may_share_memory, np.array_repr, np.array_str, np.array2string),
    *(np.histogram, np.bincount, np.unique, np.linalg.matrix_rank),
}

# Options on where and how NumPy stores a result, with the values of them that are allowed here:
# those that make no difference.
STORAGE: dict[str, tuple[Any, ...]] = {
    "out": (),
    "where": (),
    "initial": (),
    "order": ("C", "K"),
    "casting": ("same_kind",),
    "subok": (True, False),
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
    name = _name(ufunc) + ("" if method == "__call__" else f".{method}")
    if op is None and method == "__call__" and ufunc in PLAIN:
        return ufunc(*_plain(inputs), **_plain(options))
    if ufunc in SIGNS and options.get("out", (None,))[0] is inputs[0]:
        _require_tensor(inputs[0], SIGNS[ufunc])
    if method in {"reduce", "accumulate"}:
        options.setdefault("axis", 0)  # where the functions of these names take all axes
    return _call(op, name, inputs, options)


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
    return _call(NUMPY.get(function), f"{module}.{function.__name__}", args, options)


def _call(op: Any, name: str, args: Any, options: dict[str, Any]) -> Any:
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
    for option, harmless in STORAGE.items():
        value = options.pop(option, None)
        if value is not None and not (isinstance(value, str | bool) and value in harmless):
            raise TypeError(
                f"{name} on a Tensor does not take {option}=: an operation returns a new Tensor"
                + ("" if option != "out" else f"; write arr = {name}(...) in place of out=arr")
            )
    return op(*args, **{RENAMED.get(name, name): value for name, value in options.items()})


def _plain(arguments: Any) -> Any:
    """The arrays behind the Tensors, in nested containers too."""
    return tree_map(values, arguments)
