"""NumPy's own functions on Tensors: recorded, or plain, or refused by name."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.ops._common import NUMPY
from tinygrad_edu.protocol import METHODS, PLAIN

from .ops.table import ROWS


def variable(data):
    return tg.Tensor(data, requires_grad=True)


V = np.array([0.5, -1.5, 2.0])
A = np.array([[1.0, 2.0], [3.0, 5.0]])

# --------------------------------------------------------------------------------------
# Recorded
# --------------------------------------------------------------------------------------

# NumPy's functions whose operation the table knows under another name, or not by itself.
ELSEWHERE = {
    np.around: (V, tg.round),
    np.linalg.diagonal: (A, tg.diagonal),
    np.linalg.trace: (A, tg.trace),
    np.linalg.matrix_transpose: (A, tg.matrix_transpose),
    np.linalg.outer: (V, tg.outer),
    np.linalg.matmul: (A, tg.matmul),
    np.linalg.tensordot: (A, tg.tensordot),
    np.linalg.vecdot: (V, tg.vecdot),
    np.linalg.vector_norm: (V, tg.norm),
    np.linalg.matrix_norm: (A, tg.norm),
    np.linalg.cross: (V, tg.cross),
    np.amax: (V, tg.max),
    np.amin: (V, tg.min),
}


def two_operands(op):
    return op in {tg.cross, tg.outer, tg.matmul, tg.tensordot, tg.vecdot}


def test_every_function_of_numpy_is_tested():
    tested = {row.numpys for row in ROWS if row.reference is None}
    numpys = {f for f in NUMPY if (getattr(f, "__module__", None) or "").startswith("numpy")}
    assert numpys - tested <= {*ELSEWHERE, np.partition}


def test_partition_of_numpy():
    t = variable([3.0, 1.0, 2.0])
    y = np.partition(t, 1)
    assert y.op is tg.partition
    y[1].backward()
    assert y.data[1] == 2
    np.testing.assert_array_equal(t.grad, [0, 0, 1])
    with pytest.raises(ValueError, match="out of bounds"):
        np.partition(t, 3)


@pytest.mark.parametrize("function", [f for f in ELSEWHERE if f in NUMPY], ids=lambda f: f.__name__)
def test_function_of_another_module(function):
    x, op = ELSEWHERE[function]
    t = variable(x)
    args = (t, t) if two_operands(op) else (t,)
    y = function(*args)
    assert y.requires_grad
    np.testing.assert_allclose(y.data, function(*(a.data for a in args)))
    y.sum().backward()
    found, t.grad = t.grad, None
    op(*args).sum().backward()
    np.testing.assert_array_equal(found, t.grad)


REDUCED = {
    "np.add.reduce": (np.add.reduce, ops.sum),
    "np.multiply.reduce": (np.multiply.reduce, ops.prod),
    "np.maximum.reduce": (np.maximum.reduce, ops.max),
    "np.minimum.reduce": (np.minimum.reduce, ops.min),
    "np.logaddexp.reduce": (np.logaddexp.reduce, ops.logsumexp),
    "np.add.accumulate": (np.add.accumulate, ops.cumsum),
    "np.multiply.accumulate": (np.multiply.accumulate, ops.cumprod),
}


@pytest.mark.parametrize("name", REDUCED)
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1}, {"axis": -1}], ids=str)
def test_reduction_of_a_ufunc(name, options):
    """Along the first axis by default, where NumPy's functions take all of them."""
    function, op = REDUCED[name]
    y = function(variable(A), **options)
    assert y._op is op
    np.testing.assert_allclose(y.data, function(A, **options))


@pytest.mark.parametrize("shape", [(), (2,), (2, 1)], ids=str)
def test_outer_product_of_a_ufunc(shape):
    x = variable(np.full(shape, 2.0))
    y = np.multiply.outer(x, V)
    np.testing.assert_array_equal(y.data, np.multiply.outer(x.data, V))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.full(shape, V.sum()))


@pytest.mark.parametrize(
    "ufunc", [np.add, np.subtract, np.divide, np.maximum, np.arctan2, np.multiply]
)
@pytest.mark.parametrize(
    "shapes", [((), ()), ((2,), (3,)), ((2, 1), ()), ((), (2,)), ((2, 3), (1, 2))]
)
def test_any_ufunc_on_every_pair(ufunc, shapes):
    a, b = (np.arange(1.0, 1 + np.prod(s, dtype=int)).reshape(s) + k for k, s in enumerate(shapes))
    np.testing.assert_allclose(ufunc.outer(variable(a), b).data, ufunc.outer(a, b))
    tg.check_gradients(ufunc.outer, a, b + 0.25)


def test_every_method_of_a_ufunc_is_tested():
    tested = {f"np.{u.__name__}.{m}" for u, m in METHODS}
    assert tested == {*REDUCED, "np.multiply.outer"}


def test_arrays_on_the_left():
    x = variable([1.0, 2.0])
    for y, slope in (
        (np.array([3.0, 4.0]) + x, 1),
        (np.array([3.0, 4.0]) * x, [3, 4]),
        (np.array([[3.0, 4.0]]) @ x, [3, 4]),
        (np.float64(3) * x, 3),
        (np.array([6.0, 8.0]) / x, [-6, -2]),
        (2.0 - x, -1),
    ):
        assert isinstance(y, tg.Tensor)
        x.zero_grad()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad, np.broadcast_to(slope, 2))


def test_comparisons_with_arrays_on_the_left():
    x = variable([1.0, 2.0])
    for mask in np.array([1.0, 3.0]) == x, np.array([1.0, 3.0]) <= x:
        assert type(mask) is np.ndarray
        np.testing.assert_array_equal(mask, [True, False])


def test_tensors_in_lists_and_among_options():
    x, y = variable([1.0, 2.0]), variable(3.0)
    z = np.concatenate([x, [4.0], np.stack([y, y])])
    assert z.tolist() == [1, 2, 4, 3, 3]
    z.sum().backward()
    assert (x.grad.tolist(), y.grad) == ([1, 1], 2)
    assert np.einsum("i,i->", x, x).item() == 5


def test_arguments_of_clip_under_both_names():
    x, low = variable(V), variable(0.0)
    for y in (
        np.clip(x, low, 1.0),
        np.clip(x, a_min=low, a_max=1.0),
        np.clip(x, min=low, max=1.0),
        x.clip(low, 1.0),
    ):
        np.testing.assert_array_equal(y.data, [0.5, 0, 1])
        low.zero_grad()
        y.sum().backward()
        assert low.grad == 1


DEFAULTS = {"dtype": None, "out": None, "where": np._NoValue, "keepdims": np._NoValue}


AT_THEIR_DEFAULTS = {
    "sum": lambda x: np.sum(x, axis=0, **DEFAULTS, initial=np._NoValue),
    "sum by place": lambda x: np.sum(x, 0, None, None, False),
    "mean": lambda x: np.mean(x, axis=0, **DEFAULTS | {"where": True}),
    "var": lambda x: np.var(x, 0, None, None, 1, True),
    "std": lambda x: np.std(x, axis=0, **DEFAULTS, mean=np._NoValue, correction=np._NoValue),
    "max": lambda x: np.max(x, 0, None, True, initial=np._NoValue),
    "prod": lambda x: np.prod(x, axis=0, **DEFAULTS, initial=np._NoValue),
    "cumsum": lambda x: np.cumsum(x, 0, None, None),
    "diff": lambda x: np.diff(x, 1, 0, np._NoValue, np._NoValue),
    "sort": lambda x: np.sort(x, 0, stable=None),
    "take": lambda x: np.take(x, [0], 0, None, "raise"),
    "add": lambda x: np.add(x, 1.0, casting="same_kind", subok=True, dtype=None, where=True),
    "add.reduce": lambda x: np.add.reduce(
        x, axis=0, dtype=None, out=None, initial=np._NoValue, where=True
    ),
    "reshape": lambda x: np.reshape(x, (4,), order="C", copy=None),
    "copy": lambda x: np.copy(x, order="K", subok=False),
    "vstack": lambda x: np.vstack([x, x], dtype=None, casting="same_kind"),
    "concatenate": lambda x: np.concatenate(
        [x, x], axis=0, out=None, dtype=None, casting="same_kind"
    ),
}


@pytest.mark.parametrize("name", AT_THEIR_DEFAULTS)
def test_options_that_change_nothing_are_accepted(name):
    call = AT_THEIR_DEFAULTS[name]
    y = call(variable(A))
    assert y.requires_grad
    np.testing.assert_allclose(y.data, call(A))


# --------------------------------------------------------------------------------------
# Plain: what does not vary with its input, or is no number
# --------------------------------------------------------------------------------------

ARGUMENTS = {
    **dict.fromkeys(["searchsorted"], (np.sort(V), 0.7)),
    **dict.fromkeys(["digitize"], (V, np.sort(V))),
    **dict.fromkeys(["lexsort"], ((V, V[::-1]),)),
    **dict.fromkeys(["allclose", "isclose", "array_equal", "array_equiv"], (V, V + 1e-12)),
    **dict.fromkeys(["isin", "intersect1d", "union1d", "setdiff1d", "setxor1d"], (V, V[:2])),
    "argpartition": (V, 1),
    **dict.fromkeys(["shares_memory", "may_share_memory"], (V, A)),
    **dict.fromkeys(["logical_and", "logical_or", "logical_xor"], (V, V > 0)),
    "can_cast": ("float32", float),
    "full_like": (V, 7),
    "bincount": (np.array([1, 1, 2]),),
    "result_type": (V, np.float32(1)),
}
PLAIN_FUNCTIONS = sorted(PLAIN, key=lambda f: f.__name__)
TWO = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}


@pytest.mark.parametrize("function", PLAIN_FUNCTIONS, ids=lambda f: f.__name__)
def test_plain_function(function):
    name = function.__name__
    args = ARGUMENTS.get(name, (V, V[::-1]) if name in TWO else (V,))
    tensors = [variable(x) if isinstance(x, np.ndarray) and x.dtype == float else x for x in args]
    if name in {"can_cast", "bincount"}:
        tensors = [tg.Tensor(x) if isinstance(x, np.ndarray) else x for x in args]
    if name == "empty_like":
        assert function(*tensors).shape == V.shape
        return
    result, expected = function(*tensors), function(*args)
    assert not isinstance(result, tg.Tensor)
    assert type(result) is type(expected)
    if isinstance(expected, tuple):
        for x, y in zip(result, expected, strict=True):
            np.testing.assert_array_equal(x, y)
    else:
        np.testing.assert_array_equal(result, expected)


def test_tensors_in_tuples_and_options_of_plain_functions():
    x = variable(V)
    np.testing.assert_array_equal(np.lexsort((x, x)), np.lexsort((V, V)))
    assert np.allclose(x, V, rtol=tg.Tensor(1e-3))
    assert np.array_equal(a1=x, a2=V)


# --------------------------------------------------------------------------------------
# Refused
# --------------------------------------------------------------------------------------

UNSUPPORTED = {
    "np.fft.fft": np.fft.fft,
    "np.heaviside": lambda x: np.heaviside(x, 0.5),
    "np.modf": np.modf,
    "np.spacing": np.spacing,
    "np.subtract.reduce": np.subtract.reduce,
    "np.add.reduceat": lambda x: np.add.reduceat(x, [0, 1]),
    "np.heaviside.outer": lambda x: np.heaviside.outer(x, x),
    "np.maximum.accumulate": np.maximum.accumulate,
    "np.bitwise_and": lambda x: np.bitwise_and(x, x),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_function_is_named(name):
    x = variable(A)
    with pytest.raises(TypeError, match=rf"^{name} is not supported.*\.numpy\(\).*differentiable"):
        UNSUPPORTED[name](x)


def test_writing_into_a_tensor_is_refused():
    x = variable(V)
    for write in (
        lambda: np.add(V, 1.0, out=x),
        lambda: np.add.at(x, [0], 1.0),
        lambda: np.copyto(x, V),
        lambda: np.put(x, [0], 1.0),
        lambda: np.fill_diagonal(x, 1.0),
    ):
        with pytest.raises(TypeError):
            write()
    np.testing.assert_array_equal(x.data, V)


NOT_TAKEN = {
    "out of exp": lambda x: np.exp(x, out=np.empty(3)),
    "where of exp": lambda x: np.exp(x, where=V > 0),
    "where of sum": lambda x: np.sum(x, where=V > 0),
    "initial of sum": lambda x: np.sum(x, initial=3.0),
    "order of reshape": lambda x: np.reshape(x, (3, 1), order="F"),
    "casting of add": lambda x: np.add(x, 1.0, casting="no"),
    "dtype of sum": lambda x: np.sum(x, 0, np.float32),
    "dtype of vstack": lambda x: np.vstack([x, x], dtype=np.float32),
    "out of mean": lambda x: np.mean(x, 0, None, np.empty(())),
    "method of quantile": lambda x: np.quantile(x, 0.5, method="lower"),
    "stable of sort": lambda x: np.sort(x, stable=True),
}


@pytest.mark.parametrize("option", NOT_TAKEN)
def test_option_on_how_to_store_is_refused(option):
    name = option.partition(" ")[0]
    with pytest.raises(TypeError, match=f"on a Tensor does not take {name}="):
        NOT_TAKEN[option](variable(V))


def test_an_array_is_not_changed_in_place_by_a_tensor():
    array = V.copy()
    with pytest.raises(TypeError, match="out="):
        array += variable(V)
    np.testing.assert_array_equal(array, V)


def test_a_tensor_is_what_xarray_takes_for_an_array():
    """It asks for the properties of an array as well as for NumPy's protocols."""
    x = variable(V)
    assert (x.real.op, x.imag.op, x.conj().op) == (tg.real, tg.imag, tg.conjugate)
    assert all(hasattr(x, name) for name in ("shape", "dtype", "__array_ufunc__"))
    (x.real * 2 + x.imag + x.conj()).sum().backward()
    assert x.grad.tolist() == [3, 3, 3]
