"""What holds for every operation, tried on the arguments that its row in the table draws."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.trees import leaves

from ..garbage import garbage_of
from .table import ROWS, replaced, variable

every_row = pytest.mark.parametrize("row", ROWS, ids=str)
a_case = given(data=st.data())
fewer_times = settings(max_examples=max(settings().max_examples // 4, 3))


# --------------------------------------------------------------------------------------
# Running a case
# --------------------------------------------------------------------------------------


def run(op, case, f):
    """The outputs of an operation for f of each variable, and the list of these."""
    args, variables = replaced(case, f)
    return leaves(op(*args, **case.options)), variables


def plain(x):
    return x.data if isinstance(x, tg.Tensor) else x


def random_like(arrays, low):
    """Weights or directions of the shapes of the arrays; the same ones at each call."""
    rng = np.random.default_rng(0)
    return [rng.uniform(low, 1, x.shape).astype(x.dtype) for x in arrays]


def backward(outputs, **options):
    """Begin the way back at every output, with weights of its own; what they were."""
    weights = random_like(outputs, 0.5)
    for y, w in zip(outputs, weights, strict=True):
        if isinstance(y, tg.Tensor) and y.requires_grad:
            y.backward(w, **options)
    return weights


def inner(arrays, others):
    return sum(float(np.sum(x * y)) for x, y in zip(arrays, others, strict=True))


def quotient(f, h=1e-4):
    """The slope of f at 0 from four values nearby."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def assert_slope(gradients, directions, f):
    """The gradients are what f(h) says about a step by h in these directions."""
    scale = 1 + inner(map(np.abs, gradients), map(np.abs, directions))
    assert inner(gradients, directions) == pytest.approx(quotient(f), rel=1e-6, abs=1e-6 * scale)


FACTORIZATIONS = {"eig", "eigh", "qr", "svd"}


def assume_the_same_factors_nearby(row, case):
    """LAPACK may choose other signs of the factors of a matrix nearby, where they have no slope."""
    if row.name not in FACTORIZATIONS:
        return
    (x,) = replaced(case, np.asarray)[1]

    def factors(change):
        return leaves(run(row.expected, case, lambda x: x + change)[0])

    directions = [*random_like([x, x, x], -1), *np.eye(x.size).reshape(x.size, *x.shape)]
    for change in (sign * direction for direction in directions for sign in (-2e-3, 2e-3)):
        for y, moved in zip(factors(0), factors(change), strict=True):
            assume(np.allclose(y, moved, atol=0.1))


# --------------------------------------------------------------------------------------
# Values and derivatives
# --------------------------------------------------------------------------------------


def test_every_operation_has_a_row():
    assert {row.name for row in ROWS} == set(ops.__all__)


@every_row
@a_case
def test_value_is_what_numpy_computes(row, data):
    case = data.draw(row.cases)
    expected = leaves(row.expected(*case.args, **case.options))
    arrays, _ = run(row.op, case, np.asarray)
    tensors, _ = run(row.op, case, tg.Tensor)
    assert len(arrays) == len(tensors) == len(expected)
    assert isinstance(tensors[-1], tg.Tensor)
    for array, tensor, wanted in zip(arrays, tensors, expected, strict=True):
        assert isinstance(array, np.ndarray | np.generic)
        for y in array, plain(tensor):
            assert y.dtype == wanted.dtype
            assert y.shape == wanted.shape
            np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-12)


@every_row
@a_case
def test_gradient_is_the_slope_of_numpys_function(row, data):
    case = data.draw(row.cases)
    assume_the_same_factors_nearby(row, case)
    outputs, variables = run(row.op, case, variable)
    weights = backward(outputs)
    for x in variables:
        assert type(x.grad) is np.ndarray
        assert x.grad.shape == x.shape
        assert x.grad.dtype == x.dtype
    gradients = [x.grad for x in variables]
    directions = random_like(gradients, -1)

    def value(h):
        direction = iter(directions)
        return inner(leaves(run(row.expected, case, lambda x: x + h * next(direction))[0]), weights)

    assert_slope(gradients, directions, value)


@every_row
@a_case
def test_second_derivative_is_the_slope_of_the_first(row, data):
    case = data.draw(row.cases)
    assume_the_same_factors_nearby(row, case)
    directions = random_like(replaced(case, np.asarray)[1], -1)

    def moved(h, **options):
        direction = iter(directions)
        outputs, variables = run(row.op, case, lambda x: variable(x + h * next(direction)))
        backward(outputs, **options)
        return variables

    if row.order < 2:
        with pytest.raises(NotImplementedError, match="no second derivative is known"):
            moved(0, create_graph=True)
        return
    variables = moved(0, create_graph=True)
    gradients = [x.grad for x in variables]
    assert all(isinstance(g, tg.Tensor) for g in gradients)
    for x in variables:
        x.zero_grad()
    weights = backward(gradients)
    products = [np.zeros(x.shape) if x.grad is None else x.grad for x in variables]
    assert_slope(products, directions, lambda h: inner([x.grad for x in moved(h)], weights))


@every_row
@fewer_times
@a_case
def test_check_gradients_says_so_too(row, data):
    case = data.draw(row.cases)
    assume_the_same_factors_nearby(row, case)
    arrays = replaced(case, np.asarray)[1]
    assume(all(np.isfinite(x).all() for x in arrays))  # it moves no others

    def f(*xs):
        x = iter(xs)
        outputs, _ = run(row.op, case, lambda _: next(x))
        return [y for y in outputs if isinstance(y, tg.Tensor)]

    tg.check_gradients(f, *arrays, order=row.order)


@pytest.mark.parametrize("row", [row for row in ROWS if row.order > 1], ids=str)
@fewer_times
@a_case
def test_forward_and_reverse_agree(row, data):
    case = data.draw(row.cases)
    xs = replaced(case, np.asarray)[1]

    def f(*variables):
        x = iter(variables)
        outputs, _ = run(row.op, case, lambda _: next(x))
        return [y for y in outputs if isinstance(y, tg.Tensor)]

    directions = random_like(xs, -1)
    outputs, tangents = tg.jvp(f, xs, directions)
    weights = random_like(outputs, 0.5)
    gradients = leaves(tg.vjp(f, *xs)[1](weights))
    assert inner(weights, tangents) == pytest.approx(inner(gradients, directions), 1e-9, 1e-9)


# --------------------------------------------------------------------------------------
# Arrays of every kind
# --------------------------------------------------------------------------------------

LAYOUTS = {
    "Fortran": lambda x: np.array(x, order="F"),
    "strided": lambda x: np.repeat(x[..., None], 2, axis=-1)[..., 0],
    "reversed": lambda x: np.flip(np.flip(x).copy()),
    "read-only": lambda x: np.broadcast_to(x, x.shape),
}


@every_row
@fewer_times
@given(data=st.data(), layout=st.sampled_from(sorted(LAYOUTS)))
def test_layout_in_memory_makes_no_difference(row, data, layout):
    case = data.draw(row.cases)
    expected, wanted = run(row.op, case, variable)

    def laid_out(x):
        x = variable(x)
        x._array = LAYOUTS[layout](x._array)
        return x

    outputs, variables = run(row.op, case, laid_out)
    for ys in expected, outputs:
        backward(ys)
    for y, z in zip(map(plain, outputs), map(plain, expected), strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-13, atol=1e-13)
    for x, z in zip(variables, wanted, strict=True):
        np.testing.assert_allclose(x.grad, z.grad, rtol=1e-12, atol=1e-12)


@every_row
@fewer_times
@given(data=st.data(), dtype=st.sampled_from(["float16", "float32", "longdouble"]))
def test_precision_is_kept(row, data, dtype):
    case = data.draw(row.cases)
    case = case._replace(args=replaced(case, lambda x: x.astype(dtype))[0])
    try:
        expected, _ = run(row.expected, case, np.asarray)
    except TypeError:  # NumPy's linear algebra knows two precisions only
        with pytest.raises(TypeError):
            run(row.op, case, variable)
        return
    outputs, variables = run(row.op, case, variable)
    backward(outputs)
    tolerance = 200 * float(max(np.finfo(dtype).eps, np.finfo(float).eps))
    for y, z in zip(map(plain, outputs), expected, strict=True):
        assert y.dtype == z.dtype
        np.testing.assert_allclose(y, z, rtol=tolerance, atol=tolerance)
    exactly = case._replace(args=replaced(case, lambda x: x.astype(float))[0])
    outputs, judges = run(row.op, exactly, variable)
    backward(outputs)
    for x, z in zip(variables, judges, strict=True):
        assert x.grad.dtype == dtype
        scale = max(1, np.abs(z.grad).max(initial=0))
        np.testing.assert_allclose(x.grad, z.grad, rtol=tolerance, atol=tolerance * scale)


# --------------------------------------------------------------------------------------
# What an operation leaves alone, and leaves behind
# --------------------------------------------------------------------------------------


def graph_of(outputs):
    """Every node that the outputs were computed from, themselves included."""
    found = {}
    pending = [y for y in outputs if isinstance(y, tg.Tensor)]
    while pending:
        node = pending.pop()
        if id(node) not in found:
            found[id(node)] = node
            pending += [x for x in node._inputs if isinstance(x, tg.Tensor)]
    return list(found.values())


def arrays_of(nodes):
    """Every array that a graph refers to: values, constants, what closures hold."""
    held = [x for node in nodes for x in (node._array, *node._inputs)]
    for closure in (closure for node in nodes for closure in node._closures):
        held += [cell.cell_contents for cell in getattr(closure, "__closure__", None) or ()]
    return [x for x in held if isinstance(x, np.ndarray)]


@every_row
@fewer_times
@given(data=st.data(), create_graph=st.booleans())
def test_nothing_given_is_changed(row, data, create_graph):
    case = data.draw(row.cases)
    outputs, _ = run(row.op, case, variable)
    weights = random_like(outputs, 0.5)
    arrays = [*arrays_of(graph_of(outputs)), *weights]
    before = [x.copy() for x in arrays]
    for x in arrays:
        x.flags.writeable = False
    for y, w in zip(outputs, weights, strict=True):
        if isinstance(y, tg.Tensor):
            y.backward(w, create_graph=create_graph and row.order > 1)
    for x, was in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(x, was)


@every_row
@fewer_times
@a_case
def test_gradients_have_memory_of_their_own(row, data):
    outputs, variables = run(row.op, data.draw(row.cases), variable)
    for y in outputs:
        if isinstance(y, tg.Tensor):
            y.retain_grad()
    weights = backward(outputs)
    gradients = {id(x): x.grad for x in (*variables, *outputs) if isinstance(x, tg.Tensor)}
    for g, h in combinations(gradients.values(), 2):
        assert not np.shares_memory(g, h)
    for g, x in product(gradients.values(), [*arrays_of(graph_of(outputs)), *weights]):
        assert not np.shares_memory(g, x)


@every_row
@settings(max_examples=2)
@given(data=st.data(), create_graph=st.booleans())
def test_nothing_is_left_for_the_garbage_collector(row, data, create_graph):
    case = data.draw(row.cases)

    def step():
        outputs, variables = run(row.op, case, variable)
        backward(outputs, create_graph=create_graph and row.order > 1)
        for x in variables:
            x.zero_grad()  # a recorded gradient refers to what it was computed from

    assert garbage_of(step) == 0


@every_row
@fewer_times
@given(data=st.data(), within=st.sampled_from(["no gradient", "no_grad"]))
def test_nothing_is_recorded_that_needs_no_gradient(row, data, within):
    case = data.draw(row.cases)
    if within == "no_grad":
        with tg.no_grad():
            outputs, variables = run(row.op, case, variable)
    else:
        outputs, variables = run(row.op, case, tg.Tensor)
    for y in outputs:
        assert any(y is x for x in variables) or not (isinstance(y, tg.Tensor) and y._inputs)


@every_row
@fewer_times
@a_case
def test_each_variable_gets_the_same_gradient_alone(row, data):
    case = data.draw(row.cases)
    outputs, together = run(row.op, case, variable)
    backward(outputs)
    for k, expected in enumerate(together):
        assert_same_gradient_alone(row, case, k, expected.grad, np.asarray)


def assert_same_gradient_alone(row, case, k, expected, other):
    """One variable gets the gradient that it gets among variables where the others are constant."""
    number = iter(range(len(replaced(case, np.asarray)[1])))
    outputs, operands = run(row.op, case, lambda x: variable(x) if next(number) == k else other(x))
    backward(outputs)
    np.testing.assert_array_equal(operands[k].grad, expected)


NOT_OF_LISTS = [row for row in ROWS if row.name != "block"]  # of which lists say what is where


@pytest.mark.parametrize("row", NOT_OF_LISTS, ids=str)
@fewer_times
@a_case
def test_lists_are_as_good_as_arrays(row, data):
    case = data.draw(row.cases)
    assume(all(x.size for x in replaced(case, np.asarray)[1]))
    expected, _ = run(row.op, case, np.asarray)
    outputs, _ = run(row.op, case, np.ndarray.tolist)
    for y, wanted in zip(outputs, expected, strict=True):
        assert y.dtype == wanted.dtype
        np.testing.assert_array_equal(y, wanted)
    outputs, together = run(row.op, case, variable)
    backward(outputs)
    for k, expected in enumerate(together):
        assert_same_gradient_alone(row, case, k, expected.grad, np.ndarray.tolist)


# --------------------------------------------------------------------------------------
# The same operation under its other names
# --------------------------------------------------------------------------------------


def assert_same(outputs, expected):
    assert len(outputs) == len(expected)
    for y, wanted in zip(outputs, expected, strict=True):
        assert type(y) is type(wanted)
        np.testing.assert_array_equal(plain(y), plain(wanted))
        if isinstance(y, tg.Tensor):
            assert (y._op, y.requires_grad) == (wanted._op, wanted.requires_grad)


NUMPYS = [row for row in ROWS if row.name != "getitem" and row.reference is None]


@pytest.mark.parametrize("row", NUMPYS, ids=str)
@fewer_times
@a_case
def test_numpys_function_is_recorded(row, data):
    case = data.draw(row.cases)
    args, _ = replaced(case, variable)
    outputs = leaves(row.expected(*args, **case.options))
    expected = leaves(row.op(*args, **case.options))
    assert_same(outputs, expected)


METHODS = [row for row in ROWS if callable(getattr(tg.Tensor, row.name, None))]


@pytest.mark.parametrize("row", METHODS, ids=str)
@fewer_times
@a_case
def test_method_is_the_function(row, data):
    case = data.draw(row.cases)
    args, _ = replaced(case, variable)
    method = getattr(args[0], row.name)
    assert_same([method(*args[1:], **case.options)], [row.op(*args, **case.options)])
