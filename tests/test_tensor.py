"""Tensor: how it is made, what it tells, what it takes part in."""

import copy
import inspect
import math
import operator
import pickle
import re
import warnings

import joblib
import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor


def variable(data, **options):
    return Tensor(data, requires_grad=True, **options)


# --------------------------------------------------------------------------------------
# Making one
# --------------------------------------------------------------------------------------


def test_a_name_is_text():
    assert tg.Tensor(1.0, name="x").name == "x"
    with pytest.raises(TypeError, match="the name of a Tensor is text; got 3"):
        tg.Tensor(1.0, name=3)


def test_data_are_copied():
    array = np.array([1.0, 2.0])
    t = Tensor(array)
    array[0] = 5.0
    np.testing.assert_array_equal(t.data, [1, 2])
    u = Tensor(t)
    assert not np.shares_memory(t.data, u.data)
    np.testing.assert_array_equal(t.data, u.data)


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        (1, None, "int64"),
        (1.0, None, "float64"),
        (True, None, "bool"),
        (1j, None, "complex128"),
        (np.float32(1), None, "float32"),
        ([1, 2], float, "float64"),
        ([1, 2], "float16", "float16"),
        (Tensor([1, 2]), "float32", "float32"),
    ],
)
def test_dtype_is_that_of_the_data_or_as_asked_for(data, dtype, expected):
    assert Tensor(data, dtype=dtype).dtype == expected


def test_what_it_tells():
    t = variable(np.ones((2, 3)), name="W")
    assert (t.shape, t.ndim, t.size, t.dtype) == ((2, 3), 2, 6, np.float64)
    assert (t.name, t.is_leaf, t.requires_grad, t.grad, t.scope) == ("W", True, True, None, ())
    assert not (t * 2.0).is_leaf


def test_no_other_attributes():
    with pytest.raises(AttributeError):
        Tensor(1.0).label = "b"


REPRESENTATIONS = {
    "Tensor(1.)": lambda: Tensor(1.0),
    "Tensor([1, 2], dtype=int64)": lambda: Tensor([1, 2]),
    "Tensor([1.], dtype=float32, requires_grad=True, name='w')": lambda: Tensor(
        [1.0], dtype=np.float32, requires_grad=True, name="w"
    ),
    "Tensor([2.], op=multiply)": lambda: variable([1.0]) * 2.0,
    "Tensor([2.])": lambda: Tensor([1.0]) * 2.0,
}


@pytest.mark.parametrize("expected", REPRESENTATIONS)
def test_representation(expected):
    assert repr(REPRESENTATIONS[expected]()) == expected


# --------------------------------------------------------------------------------------
# Its data, its gradient
# --------------------------------------------------------------------------------------


def test_data_can_be_replaced():
    t = Tensor([1.0, 2.0])
    array = np.array([3.0, 4.0])
    t.data = array
    assert t.data is array
    t.data -= 1.0
    np.testing.assert_array_equal(t.data, [2, 3])


@pytest.mark.parametrize("data", [[1.0], [[1.0, 2.0]], [1, 2], np.float32([1, 2])], ids=repr)
def test_data_keep_shape_and_dtype(data):
    t = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape and dtype, \(2,\) float64; got") as caught:
        t.data = data
    array = np.asarray(data)
    assert f"got {array.shape} {array.dtype}" in str(caught.value)
    np.testing.assert_array_equal(t.data, [1, 2])


def test_requires_grad_can_be_set_on_a_leaf():
    t = Tensor(1.0)
    t.requires_grad = True
    (t * t).backward()
    assert t.grad == 2
    t.requires_grad = False
    assert not (t * t).requires_grad
    y = variable(1.0) * 2.0
    y.requires_grad = True  # it does
    with pytest.raises(ValueError, match=r"computed; write \.detach\(\)"):
        y.requires_grad = False


def test_zero_grad():
    t = variable(1.0)
    (t * t).backward()
    t.zero_grad()
    assert t.grad is None


def test_detached_is_a_leaf_that_shares_memory():
    x = variable(2.0, name="x")
    y = x * x
    for t in x, y:
        d = t.detach()
        assert d.is_leaf
        assert not d.requires_grad
        assert d.name == t.name
        assert np.shares_memory(d.data, t.data)
    (y.detach() * x).backward()
    assert x.grad == 4


def test_values_outside_of_the_graph():
    t = variable([[1.0, 2.0]])
    assert t.numpy() is t.data
    assert t.tolist() == [[1.0, 2.0]]
    assert (t * 2.0).tolist() == [[2.0, 4.0]]
    item = variable([2.5]).item()
    assert (item, type(item)) == (2.5, float)
    with pytest.raises(ValueError, match="size 1"):
        t.item()


def test_conversions_to_numbers():
    t = Tensor([2.0])
    assert (float(t), int(t), bool(t)) == (2.0, 2, True)
    assert [10, 20, 30][Tensor(1)] == 20
    with pytest.raises(TypeError):
        [10, 20, 30][Tensor(1.0)]
    with pytest.raises(ValueError, match="size 1"):
        float(Tensor([1.0, 2.0]))


def test_a_number_can_be_formatted():
    assert f"{variable(2.5):.2f}" == "2.50"
    assert f"{variable(2.5)}" == "Tensor(2.5, requires_grad=True)"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{variable([1.0, 2.0]):.2f}"


# --------------------------------------------------------------------------------------
# Leaving and coming back
# --------------------------------------------------------------------------------------


def test_asarray_of_what_needs_no_gradient():
    t = Tensor([1, 2])
    array = np.asarray(t)
    assert np.shares_memory(array, t.data)
    assert np.asarray(t, dtype=np.float32).dtype == np.float32
    assert not np.shares_memory(np.array(t), t.data)
    assert np.array([Tensor(1.0), Tensor(2.0)]).tolist() == [1, 2]


def test_dlpack_of_what_needs_no_gradient():
    t = Tensor([1.0, 2.0])
    array = np.from_dlpack(t)
    np.testing.assert_array_equal(array, t.data)
    assert np.shares_memory(array, t.data)
    assert t.__dlpack_device__() == t.data.__dlpack_device__()


@pytest.mark.parametrize("convert", [np.asarray, np.array, np.from_dlpack])
@pytest.mark.parametrize("computed", [False, True])
def test_gradients_are_not_lost_unawares(convert, computed):
    t = variable([1.0, 2.0])
    t = t * 2.0 if computed else t
    with pytest.raises(TypeError, match=r"would lose the gradient of Tensor.*detach.*numpy"):
        convert(t)
    np.testing.assert_array_equal(convert(t.detach()), t.data)


def dumped(t, path):
    joblib.dump(t, path)
    return joblib.load(path)


COPIES = {
    "pickle": lambda t, _: pickle.loads(pickle.dumps(t)),  # noqa: S301 - our own
    "copy": lambda t, _: copy.copy(t),
    "deepcopy": lambda t, _: copy.deepcopy(t),
    "joblib": dumped,
}


@pytest.mark.parametrize("how", COPIES)
def test_a_leaf_can_be_copied(how, tmp_path):
    t = variable(np.array([1, 2], np.float32), name="w")
    (t * t).sum().backward()
    u = COPIES[how](t, tmp_path / "tensor")
    assert (u.name, u.requires_grad, u.is_leaf, u.dtype) == ("w", True, True, np.float32)
    np.testing.assert_array_equal(u.data, t.data)
    np.testing.assert_array_equal(u.grad, t.grad)
    assert not np.shares_memory(u.data, t.data)
    (u * 3.0).sum().backward()
    np.testing.assert_array_equal(t.grad, [2, 4])


@pytest.mark.parametrize("how", COPIES)
def test_what_was_computed_cannot_be_copied(how, tmp_path):
    with pytest.raises(TypeError, match=r"computed Tensor cannot be copied or pickled.*detach"):
        COPIES[how](variable(1.0) * 2.0, tmp_path / "tensor")
    assert COPIES[how]((variable(1.0) * 2.0).detach(), tmp_path / "tensor").item() == 2


# --------------------------------------------------------------------------------------
# Operators and methods
# --------------------------------------------------------------------------------------

OPERATORS = {
    operator.add: tg.add,
    operator.sub: tg.subtract,
    operator.mul: tg.multiply,
    operator.truediv: tg.divide,
    operator.floordiv: tg.floor_divide,
    operator.mod: tg.remainder,
    operator.pow: tg.power,
    operator.matmul: tg.matmul,
}


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("other", [2.5, 3, np.array([[1.5, 2.5]]), [[1.5, 2.5]]], ids=repr)
def test_operator(op, other):
    if op is operator.matmul:
        other = [[1.5], [2.5]]
    x = variable([[2.0, 3.0]])
    y = op(x, other)
    assert y._op is OPERATORS[op]
    np.testing.assert_allclose(y.data, op(x.data, np.asarray(other)))
    reflected = op(other, x)
    assert reflected._op is OPERATORS[op]
    np.testing.assert_allclose(reflected.data, op(np.asarray(other), x.data))
    assert isinstance(op(x, variable([[1.0], [2.0]])), Tensor)


def test_operators_of_one():
    x = variable([-1.5, 2.0])
    assert (-x)._op is tg.negative
    assert (+x)._op is tg.positive
    assert abs(x)._op is tg.absolute
    np.testing.assert_array_equal(abs(x).data, [1.5, 2])
    assert round(x)._op is tg.round
    np.testing.assert_array_equal(round(x).data, [-2, 2])
    np.testing.assert_array_equal(round(Tensor([1.25, 12.5]), 1).data, [1.2, 12.5])


@pytest.mark.parametrize("other", [2.5, np.array([[1.5, 2.5]])], ids=repr)
def test_quotient_and_remainder(other):
    x = variable([[2.0, -3.0]])
    for a, b in (x, other), (other, x), (x, variable([[1.0], [2.0]])):
        quotient, remainder = divmod(a, b)
        assert quotient._op is tg.floor_divide
        assert remainder._op is tg.remainder
        expected = divmod(*(np.asarray(v.data if isinstance(v, Tensor) else v) for v in (a, b)))
        np.testing.assert_array_equal([quotient.data, remainder.data], expected)


def test_inverse_of_integers_and_masks():
    for data in [True, False], [1, -2], np.uint8([0, 255]):
        inverse = ~Tensor(data)
        assert type(inverse) is np.ndarray
        np.testing.assert_array_equal(inverse, ~np.asarray(data))
    with pytest.raises(TypeError, match="invert"):
        ~Tensor(1.0)


def test_power_to_a_modulus_is_refused():
    with pytest.raises(TypeError):
        pow(Tensor(2.0), 2.0, 3.0)


METHODS = {
    "flatten": (lambda t: t.flatten(), lambda a: a.ravel()),
    "reshape to numbers": (lambda t: t.reshape(3, -1), lambda a: a.reshape(3, -1)),
    "reshape to a tuple": (lambda t: t.reshape((3, 2)), lambda a: a.reshape(3, 2)),
    "reshape to a number": (lambda t: t.reshape(-1), lambda a: a.reshape(-1)),
    "transpose": (lambda t: t.transpose(), lambda a: a.T),
    "transpose to numbers": (lambda t: t.transpose(1, 0), lambda a: a.T),
    "transpose to a tuple": (lambda t: t.transpose((1, 0)), lambda a: a.T),
    "T": (lambda t: t.T, lambda a: a.T),
    "mT": (lambda t: t.reshape(1, 2, 3).mT, lambda a: a.reshape(1, 2, 3).mT),
    "leaky_relu": (lambda t: t.leaky_relu(0.5), lambda a: np.where(a > 0, a, a / 2)),
    "elu": (lambda t: t.elu(2.0), lambda a: np.where(a > 0, a, 2 * np.expm1(a))),
    "swapaxes": (lambda t: t.swapaxes(0, 1), lambda a: a.T),
    "take": (lambda t: t.take([0, 0], 1), lambda a: a[:, [0, 0]]),
    "abs": (lambda t: t.abs(), np.abs),
    "round": (lambda t: (t / 7).round(1), lambda a: (a / 7).round(1)),
    "sort": (lambda t: t.sort(0), lambda a: np.sort(a, 0)),
    "sum": (lambda t: t.sum(0, keepdims=True), lambda a: a.sum(0, keepdims=True)),
    "var": (lambda t: t.var(1, ddof=1), lambda a: a.var(1, ddof=1)),
    "std": (lambda t: t.std(axis=0, ddof=1), lambda a: a.std(0, ddof=1)),
}


@pytest.mark.parametrize("name", METHODS)
def test_method(name):
    method, expected = METHODS[name]
    x = variable([[-1.0, 2.0, 3.0], [4.0, 5.0, -6.0]])
    y = method(x)
    assert y.requires_grad
    np.testing.assert_allclose(y.data, expected(x.data))


PLAIN_METHODS = {
    "all": lambda t: (t.all(), t.all(0), t.all(1, keepdims=True), t.all((0, 1))),
    "any": lambda t: (t.any(), t.any(0), t.any(1, keepdims=True), t.any((0, 1))),
    "argmax": lambda t: (t.argmax(), t.argmax(0), t.argmax(1, keepdims=True)),
    "argmin": lambda t: (t.argmin(), t.argmin(0), t.argmin(1, keepdims=True)),
    "argsort": lambda t: (t.argsort(), t.argsort(0), t.argsort(axis=None)),
    "nonzero": lambda t: t.nonzero(),
}


@pytest.mark.parametrize("name", PLAIN_METHODS)
def test_method_without_derivative_returns_plain_arrays(name):
    data = np.array([[0.0, 2.0, 3.0], [4.0, 0.0, -6.0]])
    found, expected = PLAIN_METHODS[name](variable(data)), PLAIN_METHODS[name](data)
    for y, same in zip(found, expected, strict=True):
        assert type(y) is type(same)
        np.testing.assert_array_equal(y, same)


def test_a_method_is_its_operation():
    assert [*inspect.signature(Tensor.std).parameters] == ["x", "axis", "ddof", "keepdims"]
    assert [*inspect.signature(variable(1.0).std).parameters] == ["axis", "ddof", "keepdims"]
    assert inspect.getdoc(Tensor.std) == inspect.getdoc(tg.std)


# --------------------------------------------------------------------------------------
# Bad input: named, and without consequences
# --------------------------------------------------------------------------------------

w = variable([[1.0, 2.0]], name="w")
BAD = {
    "shapes of a sum": (lambda: w + np.ones(3), ValueError, "shapes"),
    "shapes of a product": (lambda: w @ np.ones(3), ValueError, "shapes|mismatch|aligned"),
    "a new shape": (lambda: w.reshape(3), ValueError, "reshape array of size 2"),
    "an axis": (lambda: w.sum(axis=2), np.exceptions.AxisError, "axis 2 is out of bounds"),
    "an index": (lambda: w[5], IndexError, "index 5 is out of bounds"),
    "a class too large": (
        lambda: tg.softmax_cross_entropy(w, [2]),
        ValueError,
        "lie in 0 to 1, for 2 logits; got 2",
    ),
    "a class below zero": (
        lambda: tg.softmax_cross_entropy(w, [-1]),
        ValueError,
        "lie in 0 to 1, for 2 logits; got -1",
    ),
    "class numbers that are no integers": (
        lambda: tg.softmax_cross_entropy(w, [1.0]),
        TypeError,
        "class indices must be integers; got float64",
    ),
    "one label too many": (
        lambda: tg.softmax_cross_entropy(w, [0, 1]),
        ValueError,
        r"shape \(1,\) or probabilities of shape \(1, 2\).*got shape \(2,\)",
    ),
    "a reduction": (
        lambda: tg.softmax_cross_entropy(w, [0], reduction="average"),
        ValueError,
        '"mean", "sum" or "none"; got \'average\'',
    ),
    "targets of another shape": (
        lambda: tg.mean_squared_error(w, [1.0, 2.0]),
        ValueError,
        r"same shape; got \(1, 2\) and \(2,\)",
    ),
    "targets that would broadcast": (
        lambda: tg.sigmoid_cross_entropy(w, [[1.0]]),
        ValueError,
        r"same shape; got \(1, 2\) and \(1, 1\)",
    ),
    "probabilities outside of 0 to 1": (
        lambda: tg.binary_cross_entropy(w, [[1.0, 1.0]]),
        ValueError,
        "between 0 and 1",
    ),
    "groups of maxout": (
        lambda: tg.maxout(w, 3),
        ValueError,
        r"multiple of pieces=3; got shape \(1, 2\)",
    ),
    "weights without two axes": (
        lambda: tg.linear(w, np.ones(2)),
        ValueError,
        r"W of \(n, k\); got \(1, 2\) and \(2,\)",
    ),
    "a mode of padding": (lambda: tg.pad(w, 1, "linear_ramp"), ValueError, "takes the modes"),
    "subscripts that are no string": (
        lambda: tg.einsum(w, [0, 1]),
        TypeError,
        "subscripts as a string",
    ),
    "a matrix that is not square": (lambda: tg.inv(w), np.linalg.LinAlgError, "square"),
    "a matrix that is singular": (
        lambda: tg.solve(np.zeros((2, 2)), w.T),
        np.linalg.LinAlgError,
        "Singular",
    ),
    "parts that are not equal": (lambda: tg.split(w, 3, axis=1), ValueError, "equal division"),
    "nothing to join": (lambda: tg.concatenate([]), ValueError, "at least one"),
    "text": (lambda: w + "text", TypeError, "ufunc|did not contain"),
    "None": (lambda: w * None, TypeError, "unsupported operand"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    w.grad = np.array([[7.0, 7.0]])
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call().sum().backward()
    np.testing.assert_array_equal(w.grad, [[7, 7]])


def test_rows_of_zeros_and_a_one_must_be_probabilities():
    with pytest.raises((TypeError, ValueError), match=r"floating.point.*int64"):
        tg.softmax_cross_entropy(w, np.array([[1, 0]]))


# --------------------------------------------------------------------------------------
# The graph, walked by hand
# --------------------------------------------------------------------------------------


def test_op_and_inputs_lead_through_the_graph():
    x, w = tg.Tensor([1.0, 2.0], requires_grad=True), tg.Tensor([3.0, 4.0], requires_grad=True)
    loss = tg.where([True, False], x * w, 2.0).sum(axis=0)
    seen, pending = [], [loss]
    while pending:
        t = pending.pop()
        seen.append(t.op and t.op.__name__)
        pending.extend(t.inputs)
    assert seen == ["sum", "where", "multiply", None, None]
    assert loss.op is tg.sum
    assert loss.inputs[0].inputs[0].inputs == (x, w)
    assert (x * x).inputs == (x, x)
    assert tg.concatenate([x, [1.0], w]).inputs == (x, w)
    assert x.inputs == ()
    assert x.op is None
    assert (x.detach() * 2.0).op is None
    with pytest.raises(AttributeError):
        loss.op = None


def test_computed_data_are_not_changed_in_silence():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = tg.exp(x)
    with pytest.raises(ValueError, match=r"computed by exp.*\.detach\(\)"):
        y.data -= 0.5
    total = tg.sum(y)
    with pytest.raises(ValueError, match="computed by exp"):
        y.data *= 2.0
    with pytest.raises(RuntimeError, match="was given new data after sum"):
        total.backward()  # the graph says so, too, if the error was caught
    assert x.grad is None


# --------------------------------------------------------------------------------------
# Augmented assignment to a parameter
# --------------------------------------------------------------------------------------

IN_PLACE = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "**=": operator.ipow,
    "@=": operator.imatmul,
}


def operand(sign):
    return np.array([[1.0, 2.0], [0.0, 3.0]]) if sign == "@=" else 2.0


@pytest.mark.parametrize("sign", IN_PLACE)
def test_a_parameter_is_updated_in_place_under_no_grad(sign):
    p = variable([[5.0, -1.0], [2.0, 7.0]])
    data, before = p.data, p.data.copy()
    with tg.no_grad():
        q = IN_PLACE[sign](p, operand(sign))
    assert q is p
    assert p.data is data
    assert p.requires_grad
    assert p.is_leaf
    np.testing.assert_array_equal(data, IN_PLACE[sign](before, operand(sign)))


@pytest.mark.parametrize("sign", IN_PLACE)
def test_a_parameter_is_not_rebound_while_recording(sign):
    p = variable([[5.0, -1.0], [2.0, 7.0]], name="p")
    before = p.data.copy()
    with pytest.raises(
        RuntimeError, match=rf"^{re.escape(sign)} on a leaf .* p: \(2, 2\).*no_grad"
    ):
        IN_PLACE[sign](p, operand(sign))
    np.testing.assert_array_equal(p.data, before)


def test_the_loop_of_a_tutorial_learns():
    a, b = variable(0.0), variable(0.0)
    x = np.linspace(-1, 1, 20)
    for _ in range(200):
        loss = ((a + b * x - (2 + 3 * x)) ** 2).mean()
        loss.backward()
        with tg.no_grad():
            a -= 0.3 * a.grad
            b -= 0.3 * b.grad
            a.grad = None
            b.grad = None
    np.testing.assert_allclose([a.item(), b.item()], [2, 3], rtol=1e-6)


def test_a_graph_notices_an_update():
    p = variable([1.0, 2.0])
    y = (p * p).sum()
    with tg.no_grad():
        p -= 1.0
    with pytest.raises(RuntimeError, match="new data"):
        y.backward()


def test_an_update_that_does_not_fit_changes_nothing():
    p = variable([1.0, 2.0])
    with tg.no_grad():
        with pytest.raises(ValueError, match="broadcast"):
            p += np.ones((3, 2))
        with pytest.raises(TypeError, match="Cannot cast"):
            p *= 1j
    np.testing.assert_array_equal(p.data, [1, 2])
    assert p.dtype == float


def test_an_update_is_no_part_of_a_recording():
    p = variable([1.0, 2.0])

    def loss():
        with tg.no_grad():
            nonlocal p
            p -= 1.0
        return p.sum()

    with pytest.raises(TypeError, match="cannot be replaced or changed"):
        tg.compile(loss)()
    np.testing.assert_array_equal(p.data, [1, 2])


# --------------------------------------------------------------------------------------
# What would lose a gradient
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize("computed", [False, True])
def test_a_number_would_lose_the_gradient(computed):
    t = variable(2.5)
    t = t * 1.0 if computed else t
    for convert in math.exp, math.floor, math.sqrt, complex, np.float64:
        with pytest.raises(TypeError, match=r"lose the gradient of Tensor: \(\) float64; write"):
            convert(t)
        convert(t.detach())
        with tg.no_grad():
            convert(t)
    with pytest.raises(
        TypeError, match=r"as for math\.exp\(tensor\).*write tg\.exp.*or \.item\(\)"
    ):
        math.exp(t)
    with pytest.raises(TypeError, match="lose the gradient"):
        list(map(math.exp, [t]))
    assert (t.item(), t.tolist(), f"{t:.1f}", bool(t > 2)) == (2.5, 2.5, "2.5", True)
    assert (float(t), int(t), f"{float(t):.2f}") == (2.5, 2, "2.50")  # written on purpose


JOINS = {
    "Tensor": Tensor,
    "Tensor of a list": lambda x: Tensor([x, x]),
    "Tensor of a mixture": lambda x: Tensor([x.data, x]),
    "array of a list": lambda x: np.array([x, x]),
    "asarray of a list": lambda x: np.asarray([x.data, x]),
    "full": lambda x: np.full(np.shape(x), x),
}


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("shape", [(), (2,), (50, 50)])
@pytest.mark.parametrize("computed", [False, True])
def test_what_is_made_of_tensors_would_lose_the_gradient(join, shape, computed):
    x = variable(np.ones(shape))
    x = x * 1.0 if computed else x
    with pytest.raises(TypeError, match=r"would lose the gradient of .* float64; write") as caught:
        JOINS[join](x)
    assert len(str(caught.value)) < 200
    if "Tensor" not in join or "list" in join:
        assert "tg.stack" in str(caught.value)
    JOINS[join](x.detach())
    with tg.no_grad():
        JOINS[join](x)


def test_an_element_of_an_array_would_lose_the_gradient():
    a, t = np.zeros(2), variable(3.0) * 1.0
    for assign in (lambda: a.__setitem__(0, t), lambda: a.__setitem__(slice(None), t)):
        with pytest.raises((TypeError, ValueError)) as caught:
            assign()
        error = caught.value.__cause__ or caught.value  # NumPy says that it is a sequence
        assert "would lose the gradient" in str(error)
    with pytest.raises(ValueError, match="sequence"):
        a.fill(t)
    np.testing.assert_array_equal(a, [0, 0])
    a[0] = t.detach()
    assert a[0] == 3


def test_a_masked_array_becomes_no_tensor():
    with pytest.raises(TypeError, match=r"no mask; write Tensor\(x\.filled\(value\)\)"):
        Tensor(np.ma.masked_less([1.0, -2.0], 0))
    t = Tensor(np.array([[1.0, 2.0]]).view(np.matrix))
    assert type(t.data) is np.ndarray


MASKED = np.ma.masked_less([1.0, -2.0], 0)
MATRIX = np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix)
FOREIGN = {
    "masked": (lambda t: MASKED * t, lambda t: MASKED + t, lambda t: np.ma.multiply(MASKED, t)),
    "masked, on the right": (lambda t: t * MASKED, lambda t: t - MASKED),
    "masked, into functions": (
        lambda t: tg.dot(t, MASKED),
        lambda t: np.where([True, False], t, MASKED),
        lambda t: tg.mean_squared_error(t, MASKED),
        lambda t: tg.mean_squared_error(t, targets=MASKED),
        lambda t: tg.mean_squared_error(predictions=t, targets=MASKED),
        lambda t: tg.sigmoid_cross_entropy(t, np.ma.masked_equal([1.0, 0.0], 1)),
    ),
    "what masked arrays read": (np.ma.getdata, np.ma.exp, np.ma.masked_array),
    "matrix": (lambda t: MATRIX * t, lambda t: MATRIX + t, lambda t: MATRIX @ t),
    "matrix, on the right": (lambda t: t * MATRIX, lambda t: t @ MATRIX, lambda t: t - MATRIX),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_arrays_whose_operators_mean_something_else(name):
    t = variable([1.0, 2.0])
    for f in FOREIGN[name]:
        with pytest.raises(TypeError, match=r"no plain array; write np\.asarray|lose the gradient"):
            f(t)


def test_without_tensors_an_operation_is_that_of_numpy():
    assert type(tg.exp(MASKED)) is np.ma.MaskedArray
    assert type(tg.exp(MATRIX)) is np.matrix


class Plain(np.ndarray):
    """An array with another name."""


def test_arrays_that_compute_as_arrays_do(tmp_path):
    memory = np.memmap(tmp_path / "array", float, "w+", shape=2)
    memory[:] = 3, 4
    plain = np.array([5.0, 6.0]).view(Plain)
    t = variable([1.0, 2.0])
    for x in memory, plain:
        for f in (lambda t, x: t * x, lambda t, x: x * t, lambda t, x: tg.dot(x, t)):
            t.zero_grad()
            f(t, x).sum().backward()
            np.testing.assert_array_equal(t.grad, np.asarray(x))
    assert type((t * memory).data.sum().item()) is float


# --------------------------------------------------------------------------------------
# The gradient, read and set
# --------------------------------------------------------------------------------------


def test_a_gradient_that_is_not_kept_is_asked_for():
    x = variable([1.0, 2.0])
    y = x * 2.0
    y.sum().backward()
    with pytest.warns(UserWarning, match=r"computed Tensor, .*\(2,\).*retain_grad") as caught:
        assert y.grad is None
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert variable(1.0).grad is None
        assert Tensor(1.0).grad is None
        y.retain_grad()
        assert y.grad is None
    y.sum().backward()
    np.testing.assert_array_equal(y.grad, [1, 1])


@pytest.mark.parametrize(
    ("gradient", "error", "message"),
    [
        ([1.0, 2.0], TypeError, "an array or a Tensor, of real numbers, or None; got list"),
        ("1", TypeError, "got str"),
        (np.array([1j, 2]), TypeError, "got complex128"),
        (np.ones(3), ValueError, r"gradient of w: \(2,\) float64 must have its shape; got \(3,\)"),
        (np.ones((1, 2)), ValueError, r"got \(1, 2\)"),
        (Tensor(1.0), ValueError, r"got \(\)"),
        (0.0, ValueError, r"got \(\)"),
    ],
    ids=repr,
)
def test_what_is_no_gradient_is_refused(gradient, error, message):
    w = variable([1.0, 2.0], name="w")
    w.grad = kept = np.array([3.0, 4.0])
    with pytest.raises(error, match=message):
        w.grad = gradient
    assert w.grad is kept


def test_a_gradient_can_be_set():
    w, b = variable([1.0, 2.0]), variable(1.0)
    for g in np.array([3.0, 4.0]), np.array([3, 4]), np.float32([3, 4]), Tensor([3.0, 4.0]), None:
        w.grad = g
        assert w.grad is g
    for g in 2.0, 2, np.float64(2), np.array(2.0):
        b.grad = g
        assert isinstance(b.grad, np.ndarray)
        b.backward()
        assert b.grad == 3


class Special(Tensor):
    """A kind of Tensor."""


def test_a_subclass_has_gradients_like_any():
    x = Special([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward(create_graph=True)
    assert isinstance(x.grad, Tensor)
    x.grad = None
    (x * x).sum().backward()
    assert type(x.grad) is np.ndarray


# --------------------------------------------------------------------------------------
# Complex numbers in between
# --------------------------------------------------------------------------------------


COMPLEX = {
    "a factor": lambda x: np.abs(x * (1 + 0.2j)),
    "an array": lambda x: (x + np.array([1j])).sum(),
    "a cast": lambda x: x.astype(complex).sum(),
    "a power": lambda x: np.abs(1j**x),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_numbers_in_between_are_refused(name):
    f = COMPLEX[name]
    with pytest.raises(TypeError, match=r"is complex, and an input requires a gradient"):
        f(variable(0.7))
    with pytest.raises(TypeError, match=r"is complex, and an input requires a gradient"):
        tg.grad(f)(0.7)
    f(Tensor(0.7))
    with tg.no_grad():
        f(variable(0.7))
    assert (Tensor([1j]) * 2.0).data == 2j
