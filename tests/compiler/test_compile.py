"""Compiled steps: what they compute, what they are written as, and what they refuse."""

import copy
import math
import pickle
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.compiler.tracing import UntraceableError
from tinygrad_edu.context import Context, current
from tinygrad_edu.trees import leaves

from ..ops.table import ROWS, replaced, variable
from ..properties.programs import programs
from .backends import BACKENDS, active


def run_eagerly(function, args, parameters):
    for p in parameters:
        p.grad = None
    loss = function(*args)
    loss.backward()
    return loss.item(), [p.grad for p in parameters]


def run_compiled(step, args, parameters):
    for p in parameters:
        p.grad = None
    return step(*args), [p.grad for p in parameters]


def assert_same(step, function, args, parameters, rtol=1e-12):
    loss, gradients = run_compiled(step, args, parameters)
    expected, expected_gradients = run_eagerly(function, args, parameters)
    np.testing.assert_allclose(loss, expected, rtol, atol=rtol)
    for g, e in zip(gradients, expected_gradients, strict=True):
        if e is None:
            assert g is None
        else:
            assert g.dtype == e.dtype
            np.testing.assert_allclose(g, e, rtol, atol=rtol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_compiled_step_refuses_to_be_copied(duplicate):
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    step = tg.compile(lambda x: (w * x).sum(), tg.optim.SGD([w], lr=0.1))
    with pytest.raises(
        TypeError, match=r"cannot be copied or pickled, since .* compile the function"
    ):
        duplicate(step)
    step(np.ones(2))
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        duplicate(step)


def test_dropout_draws_in_the_program_what_it_draws_without():
    def training(compiled):
        layer, rng = tg.nn.Linear(3, 4, rng=0), np.random.default_rng(1)
        first, second = tg.nn.Dropout(0.5, rng=rng), tg.nn.Dropout(0.25, rng=rng)
        optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)

        def loss(x):
            h = tg.tanh(layer(x))
            return ((first(h) + second(h) + second(h)) ** 2).mean()

        def step(x):
            value = loss(x)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            return value.item()

        take = tg.compile(loss, optimizer) if compiled else step
        x = np.random.default_rng(2).normal(size=(5, 3))
        return [take(x) for _ in range(5)], rng.normal()

    losses, drawn = training(compiled=False)
    compiled_losses, compiled_drawn = training(compiled=True)
    np.testing.assert_allclose(compiled_losses, losses, rtol=1e-14)
    assert compiled_drawn == drawn


# --- it computes what the function computes --------------------------------------------------


@settings(max_examples=max(settings().max_examples // 8, 3))  # each is recorded and written out
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", ROWS, ids=str)
@given(data=st.data())
def test_every_operation(row, backend, data):
    case = data.draw(row.cases)
    args, variables = replaced(case, variable)

    def loss():
        outputs = leaves(row.op(*args, **case.options))
        total = None
        for y in outputs:
            if isinstance(y, tg.Tensor) and y.requires_grad:
                weights = np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)
                part = (y * weights).sum()
                total = part if total is None else total + part
        return total

    assume(loss() is not None)
    with np.errstate(all="ignore"), active(backend) as (compiling, _):
        step = compiling(loss)
        assert_same(step, loss, (), variables)
        for x in variables:
            x.data = x.data * x.dtype.type(0.9)
        assert_same(step, loss, (), variables)


@settings(max_examples=max(settings().max_examples // 2, 5))  # of each backend
@pytest.mark.parametrize("backend", BACKENDS)
@given(program=programs(), seed=st.integers(0, 2**32 - 1))
def test_random_programs(backend, program, seed):
    rng = np.random.default_rng(seed)
    parameters = [variable(x) for x in program.inputs]

    def loss():
        return program.run(parameters)

    with active(backend) as (compiling, _):
        step = compiling(loss)
        for _ in range(2):
            assert_same(step, loss, (), parameters, rtol=1e-10)
            for p in parameters:
                p.data = rng.uniform(-1, 1, p.shape)


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arrays_in_kept_memory(dtype, seed):
    rng = np.random.default_rng(seed)
    sizes = [100, 120, 120, 10]
    layers = [
        (variable(rng.normal(0, 0.1, (n, m)).astype(dtype)), variable(np.zeros(m, dtype)))
        for n, m in pairwise(sizes)
    ]
    parameters = [p for layer in layers for p in layer]

    def loss(x, labels):
        for W, b in layers[:-1]:
            x = tg.tanh(x @ W + b) + tg.relu(x @ W) * 0.5
        W, b = layers[-1]
        penalty = sum((W * W).sum() for W, _ in layers)
        return tg.softmax_cross_entropy(x @ W + b, labels) + 1e-3 * penalty

    step = tg.compile(loss)
    for _ in range(3):
        x, labels = rng.normal(size=(80, 100)).astype(dtype), rng.integers(0, 10, 80)
        rtol = 1e-4 if dtype is np.float32 else 1e-11
        assert_same(step, loss, (x, labels), parameters, rtol)
    assert "buffer" in step.source


def network(dtype=float, sizes=(3, 4, 2), seed=0):
    """The parameters of a small network, and its loss."""
    rng = np.random.default_rng(seed)
    parameters = []
    for k, (n, m) in enumerate(pairwise(sizes), 1):
        for name, shape in ((f"W{k}", (n, m)), (f"b{k}", (m,))):
            values = rng.normal(size=shape).astype(dtype)
            parameters.append(tg.Tensor(values, requires_grad=True, name=name))
    W1, b1, W2, b2 = parameters

    def loss(x, labels):
        return tg.softmax_cross_entropy(tg.sigmoid(x @ W1 + b1) @ W2 + b2, labels)

    return parameters, loss


def samples(n=5, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)).astype(dtype), rng.integers(0, 2, n)


OPTIMIZERS = {
    "SGD": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=[0.1, 0, 0.1, 0]),
    "Nesterov": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "schedule": lambda p: tg.optim.SGD(p, lr=lambda t: 0.1 / (1 + t)),
    "Adagrad": lambda p: tg.optim.Adagrad(p, lr=0.1, weight_decay=0.01),
    "RMSprop": lambda p: tg.optim.RMSprop(p, lr=0.01),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: tg.optim.AdamW(p, lr=0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 1500, 2)], ids=["packed", "large alone"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_optimizers_take_the_same_path(backend, name, dtype, sizes):
    (compiled, loss), (eager, eager_loss) = (network(dtype, sizes) for _ in range(2))
    with active(backend) as (compiling, _):
        step = compiling(loss, OPTIMIZERS[name](compiled))
        losses = [step(*samples(seed=k, dtype=dtype)) for k in range(6)]
    optimizer = OPTIMIZERS[name](eager)
    for k in range(6):
        x, labels = samples(seed=k, dtype=dtype)
        expected, _ = run_eagerly(eager_loss, (x, labels), eager)
        optimizer.step()
        tolerance = 2e-4 if dtype is np.float32 else 1e-9
        np.testing.assert_allclose(losses[k], expected, tolerance)
    for p, q in zip(compiled, eager, strict=True):
        assert p.dtype == dtype
        np.testing.assert_allclose(p.data, q.data, tolerance, atol=tolerance)


def test_a_compiled_step_and_the_optimizer_may_take_turns():
    (compiled, loss), (eager, eager_loss) = network(), network()
    a, b = (tg.optim.Adam(p, lr=0.1) for p in (compiled, eager))
    step = tg.compile(loss, a)
    for k in range(6):
        run_eagerly(eager_loss, samples(), eager)
        b.step()
        if k % 2:
            step(*samples())
        else:
            run_eagerly(loss, samples(), compiled)
            a.step()
        if k == 3:
            for p, q in zip(compiled, eager, strict=True):
                p.data, q.data = p.data * 0.5, q.data * 0.5
    for p, q in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-10)


def test_gradients_add_up_and_have_memory_of_their_own():
    parameters, loss = network()
    step = tg.compile(loss)
    _, once = run_compiled(step, samples(), parameters)
    once = [g.copy() for g in once]
    step(*samples())
    for p, g in zip(parameters, once, strict=True):
        np.testing.assert_allclose(p.grad, 2 * g)
    grads = [p.grad for p in parameters]
    step(*samples(seed=3))
    for p, g, h in zip(parameters, grads, once, strict=True):
        assert p.grad is not g
        np.testing.assert_allclose(g, 2 * h)


def test_derivatives_inside_of_the_loss():
    w = tg.Tensor([0.3, -0.7], requires_grad=True, name="w")

    def loss(x):
        slope = tg.grad(lambda x: (tg.tanh(x) * w).sum())(x)
        return (slope * slope).sum()

    step = tg.compile(loss)
    for seed in range(2):
        x = tg.Tensor(np.random.default_rng(seed).normal(size=2))
        assert_same(step, loss, (x,), [w])


def test_tensors_made_inside_of_the_loss():
    w = tg.Tensor([0.3, -0.7], requires_grad=True, name="w")

    def loss(x):
        return (tg.Tensor(x) * w * tg.Tensor(x, dtype=np.float32)).sum()

    step = tg.compile(loss)
    for seed in range(2):
        assert_same(step, loss, (np.random.default_rng(seed).normal(size=2),), [w])


def test_an_old_graph_notices_the_step():
    parameters, loss = network()
    step = tg.compile(loss, tg.optim.SGD(parameters, lr=0.1))
    step(*samples())
    old = loss(*samples())
    step(*samples())
    with pytest.raises(RuntimeError, match="given new data"):
        old.backward()


# --- arguments -------------------------------------------------------------------------------


def test_other_shapes_dtypes_and_kinds_are_recorded_anew():
    parameters, loss = network()
    step = tg.compile(loss)
    x, labels = samples(5)
    for args in [
        (x, labels),
        (x[:2], labels[:2]),
        (x.astype(np.float32), labels),
        (tg.Tensor(x), labels.astype(np.int32)),
        (x.tolist(), labels.tolist()),
        (x, np.eye(2)[labels]),
        (x, labels),
    ]:
        eager = [np.asarray(a) if isinstance(a, list) else a for a in args]
        loss_here, gradients = run_compiled(step, args, parameters)
        expected, expected_gradients = run_eagerly(loss, eager, parameters)
        assert loss_here == pytest.approx(expected)
        for g, e in zip(gradients, expected_gradients, strict=True):
            np.testing.assert_allclose(g, e, rtol=1e-6)


def test_numbers_and_names_are_part_of_the_program():
    w = tg.Tensor(2.0, requires_grad=True, name="w")
    step = tg.compile(lambda x, power, kind="sum": getattr(tg, kind)((w * x) ** power))
    x = np.array([1.0, 2.0])
    assert [step(x, 2), step(x, 3), step(x, 2, "mean")] == [20, 72, 10]
    for power in range(4, 16):
        step(x, power)
    with pytest.warns(RuntimeWarning, match="numbers that vary should be arrays") as caught:
        step(x, 16)
    assert caught[0].filename == __file__


def test_arguments_without_names():
    w = tg.Tensor(2.0, requires_grad=True)
    step = tg.compile(lambda *xs: sum((w * x).sum() for x in xs))
    assert step(np.ones(2), np.ones(3)) == 10
    assert "def step(argument1, argument2, " in step.source


def test_what_the_program_does_not_depend_on():
    w, v = (tg.Tensor(2.0, requires_grad=True, name=name) for name in "wv")
    step = tg.compile(lambda x, y: w * x.sum() + 0.0 * v + y[:0].sum(), tg.optim.SGD([w], lr=1.0))
    assert step(np.ones(2), np.ones(3)) == 4
    assert w.data == 0
    assert v.data == 2
    assert v.grad is None


# --- how it is written -----------------------------------------------------------------------


def test_the_source_is_backpropagation_as_one_would_write_it():
    x_, y_ = samples()
    W = tg.Tensor(np.ones((3, 1)), requires_grad=True, name="W")

    def loss(x, y):
        return tg.mean_squared_error(tg.tanh(x @ W), y)

    step = tg.compile(loss, tg.optim.SGD([W], lr=0.1))
    step(x_, y_[:, None].astype(float))
    assert step.source == (
        "import numpy as np\n"
        "from tinygrad_edu.compiler.source import require_finite\n"
        "values = np.zeros(3, np.float64)  # the parameters\n"
        "W = values[0:3].reshape((3, 1))\n"
        "c1 = np.array(0.4)\n"
        "one = np.array(1.0)\n"
        "gradient = np.zeros(3, np.float64)\n"
        "dW = gradient[0:3].reshape((3, 1))\n"
        "\n\n"
        "def step(x, y, lr):\n"
        "    h1 = np.tanh(x.dot(W))\n"
        "    h2 = h1 - y\n"
        "    loss = np.vdot(h2, h2) * 0.2\n"
        "    x.T.dot(h2 * c1 * (one - h1 * h1), out=dW)\n"
        "    u1 = values - lr * gradient\n"
        "    require_finite(loss, u1)\n"
        "    values[...] = u1\n"
        "    return loss.item()"
    )


def test_the_source_runs_by_itself():
    parameters, loss = network()
    step = tg.compile(loss)
    x, labels = samples()
    expected, gradients = run_compiled(step, (x, labels), parameters)
    namespace = {}
    exec(step.source, namespace)  # noqa: S102 - this is the point
    found, *others = namespace["step"](x, labels, *(p.data for p in parameters))
    assert found == expected
    for g, e in zip(others, gradients, strict=True):
        np.testing.assert_array_equal(g, e)


def test_what_is_computed_twice_is_computed_once_and_what_nobody_needs_not_at_all():
    w = tg.Tensor(np.ones(3), requires_grad=True, name="w")

    def loss(x):
        tg.exp(w)
        return (tg.sin(w * x) * tg.sin(w * x)).sum()

    step = tg.compile(loss)
    assert_same(step, loss, (np.arange(3.0),), [w])
    assert step.source.count("np.sin") == 1
    assert "exp" not in step.source


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [3, 17, 40])
def test_what_is_done_many_times_over_is_a_loop(backend, n):
    w = tg.Tensor(np.linspace(-1, 1, 5), requires_grad=True, name="w")

    def chain(x):
        a, b = w * x, w
        for _ in range(n):
            a, b = tg.sin(b) + 0.5 * a, a * 0.5
        for _ in range(n):
            a = a * 1.01 + x
        return a, b

    def linear(x):
        y = w * x
        for _ in range(n):
            y = y * 1.01 + 0.25
        return (y * y).sum()

    losses = {
        "both": lambda x: sum((y * y).sum() for y in chain(x)),
        "one": lambda x: chain(x)[1].sum(),
        "linear": linear,
    }
    x = np.arange(5.0)
    with active(backend) as (compiling, jitting):
        for loss in losses.values():
            step = compiling(loss)
            assert_same(step, loss, (x,), [w])
            assert_same(step, loss, (-x,), [w])
            for function in (loss, tg.grad(loss)):
                found = jitting(function)(x)
                np.testing.assert_allclose(found, getattr(function(x), "data", function(x)))
        assert ("for _ in range(" in step.source) == (n > 16)
        values, optimizer = w.data.copy(), tg.optim.SGD([w], lr=1e-3)
        losses = [compiling(linear, optimizer)(x) for _ in range(3)]
        compiled, w.data = w.data, values
        np.testing.assert_allclose(losses, [eager_step(linear, optimizer, x) for _ in range(3)])
        np.testing.assert_allclose(compiled, w.data)


def test_names_are_those_of_parameters_or_variables_and_differ():
    model = tg.nn.MLP([3, 4, 2], "tanh", rng=0)
    step = tg.compile(lambda x, labels: tg.softmax_cross_entropy(model(x), labels))
    step(*samples())
    assert "def step(x, labels, W1, b1, W2, b2):" in step.source
    strange, x = tg.Tensor(1.0, requires_grad=True, name="a b"), variable(2.0)
    step = tg.compile(lambda: strange * x)
    step()
    assert "def step(a_b, x):" in step.source


NAMES = ["np", "lr", "t", "loss", "values", "gradient", "h1", "g1", "u1", "c1", "dloss", "step"]
NAMES += ["chain", "require_finite", "velocity", "buffer1", "class", "1", "", "a b", "ä", "x", "x"]


@pytest.mark.parametrize("optimizer", [None, "SGD"])
def test_no_name_is_in_the_way(optimizer):
    made = [
        [tg.Tensor([float(i), -1.0], requires_grad=True, name=name) for i, name in enumerate(NAMES)]
        for _ in range(2)
    ]

    def loss_of(parameters):
        def loss(h2, lr, gradient):
            return sum((tg.exp(p * h2) * lr * gradient * 0.3).sum() for p in parameters)

        return loss

    args = np.array([0.1, -0.2]), np.array(0.5), np.ones(2)
    compiled, eager = made
    sgd = [tg.optim.SGD(p, lr=0.1, momentum=0.5) if optimizer else None for p in made]
    step = tg.compile(loss_of(compiled), sgd[0])
    for _ in range(2):
        expected, gradients = run_eagerly(loss_of(eager), args, eager)
        np.testing.assert_allclose(run_compiled(step, args, compiled)[0], expected)
        if optimizer:
            sgd[1].step()
        for p, q, g in zip(compiled, eager, gradients, strict=True):
            np.testing.assert_allclose(p.data, q.data)
            if not optimizer:
                np.testing.assert_allclose(p.grad, g)


class Swapping(tg.optim.Optimizer):
    """A rule whose results are what it was given, in other places."""

    slots = ("before", "gradient", "again")

    def update(self, p, g, *state, lr, **_):
        before, gradient, _ = state
        return p - lr * (g + 0.1 * before + 0.1 * gradient), p, g, g


@pytest.mark.parametrize("size", [3, 10_000])
def test_rules_may_return_what_they_were_given(size):
    rng = np.random.default_rng(0)
    values = rng.normal(size=size)
    compiled, eager = (tg.Tensor(values, requires_grad=True, name="p") for _ in range(2))
    a, b = Swapping([compiled], lr=0.1), Swapping([eager], lr=0.1)
    step = tg.compile(lambda x: (tg.sin(compiled) * x).sum(), a)
    for _ in range(4):
        x = rng.normal(size=size)
        eager.zero_grad()
        (tg.sin(eager) * x).sum().backward()
        b.step()
        step(x)
        np.testing.assert_allclose(compiled.data, eager.data, rtol=1e-10)
        for name, expected in b.state_dict().items():
            np.testing.assert_allclose(a.state_dict()[name], expected, rtol=1e-10)


def test_what_cannot_be_written_out_is_kept():
    @tg.differentiable
    def along(x, axis):
        y = np.apply_over_axes(np.sum, x, axis)
        return y, lambda g: np.broadcast_to(g, x.shape)

    w = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="w")

    def loss(x):
        return along(w * x, [0, 1]).sum() + (w * np.arange(200.0).reshape(2, 100)[:, :3]).sum()

    assert_same(tg.compile(loss), loss, (np.full((2, 3), 2.0),), [w])


def test_a_parameter_without_a_gradient():
    w, v = (tg.Tensor(np.ones(2), requires_grad=True, name=name) for name in "wv")

    def loss(x):
        return tg.where(v, w * x, 0.0).sum()

    assert_same(tg.compile(loss), loss, (np.ones(2),), [w, v])


@pytest.mark.parametrize("size", [2, 5000])
@pytest.mark.parametrize("name", ["momentum", "Adam", "AdamW"])
def test_a_parameter_that_the_loss_does_not_use_stays_as_it_is(name, size):
    def training(compiled):
        p = [tg.Tensor(np.ones(n), requires_grad=True, name="p") for n in (2, size, 3, 2)]
        optimizer = OPTIMIZERS[name](p)
        used = [p[0], p[2]]

        def loss(x):
            return sum((p * x).sum() ** 2 for p in used)

        step = tg.compile(loss, optimizer) if compiled else partial(eager_step, loss, optimizer)
        values = [step(np.full(1, float(k))) for k in range(3)]
        used.append(p[1])  # which nobody is told of: what is recorded stays as it was
        return values, [x.data for x in p], optimizer.state_dict()

    found, expected = training(compiled=True), training(compiled=False)
    for x, y in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-14)


def test_a_traceback_shows_the_line():
    _, loss = network()
    step = tg.compile(loss)
    step(*samples())
    x, labels = samples()
    with pytest.raises(ValueError, match="class indices must lie in 0 to 1") as caught:
        step(x, labels + 5)
    assert any("class_indices(labels" in str(entry.statement) for entry in caught.traceback)


# --- what cannot be compiled -------------------------------------------------------------------


def refused(loss, error, match, *args):
    before = tg.Tensor.__init__
    with pytest.raises(error, match=match):
        tg.compile(loss)(*args)
    assert tg.Tensor.__init__ is before


w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
ARRAY = np.array([0.5, -0.5])


def test_what_depends_on_numbers():
    refused(
        lambda x: (w * x).sum() if x.sum() > 0 else w.sum(), UntraceableError, "__bool__", ARRAY
    )
    refused(lambda: w.sum() if w.sum() > 0 else -w.sum(), UntraceableError, "__bool__")
    refused(lambda x: w.sum() * float(x[0]), UntraceableError, "__float__", ARRAY)
    refused(lambda x: w.sum() * x.tolist()[0], UntraceableError, "tolist", ARRAY)
    refused(lambda x: (w[x > 0]).sum(), UntraceableError, "mask", ARRAY)
    refused(lambda x: w.sum() * np.flatnonzero(x).size, UntraceableError, "shape", ARRAY)
    refused(lambda x: tg.extract(x > 0, w).sum(), UntraceableError, "shape", ARRAY)
    assert type(w.data) is np.ndarray


def test_what_leaves_no_trace():
    rng = np.random.default_rng(0)
    refused(lambda: w.sum() * rng.normal(), ValueError, "differ from call to call")
    refused(lambda x: (w * np.array(x)).sum(), ValueError, "differ from call to call", ARRAY)
    refused(lambda x: (w * np.asarray(x)).sum(), ValueError, "differ from call to call", ARRAY)
    calls = iter(range(100))
    refused(lambda: w.sum() * next(calls), ValueError, "differ from call to call")


def test_what_is_changed_in_place():
    def doubled(x):
        x *= 2
        return (w * x).sum()

    def first_is_zero(x):
        x[0] = 0
        return (w * x).sum()

    x = ARRAY.copy()
    x.flags.writeable = False
    for loss in (doubled, first_is_zero):
        with pytest.raises((UntraceableError, ValueError)):
            tg.compile(loss)(x)


def test_what_is_no_loss():
    refused(lambda: 1.0, TypeError, "it returned a float")
    refused(lambda: tg.Tensor(1.0), TypeError, "a constant Tensor")
    refused(lambda: w * 2.0, ValueError, r"it has shape \(2,\)")
    refused(lambda x: (w * x).sum(), TypeError, "missing")
    refused(lambda x: (w * x).sum(), TypeError, "requires a gradient", w)
    with pytest.raises(TypeError, match="takes a function"):
        tg.compile(3)
    with pytest.raises(TypeError, match="expected an Optimizer"):
        tg.compile(w.sum, 0.1)
    other = variable(1.0)
    with pytest.raises(ValueError, match="the loss depends on no parameter of the optimizer"):
        tg.compile(w.sum, tg.optim.SGD([other], lr=0.1))()
    with pytest.raises(RuntimeError, match="nothing is recorded yet"):
        tg.compile(w.sum).source  # noqa: B018 - it raises


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_changed_if_anything_is_not_finite(bad):
    p = tg.Tensor([1.0, 2.0], requires_grad=True, name="p")
    optimizer = tg.optim.Adam([p], lr=0.1)
    step = tg.compile(lambda x: (p * x).sum(), optimizer)
    step(np.ones(2))
    before, state = p.data.copy(), optimizer.state_dict()
    with pytest.raises(FloatingPointError, match="no parameter was changed"):
        step(np.array([bad, 1.0]))
    np.testing.assert_array_equal(p.data, before)
    for name, x in optimizer.state_dict().items():
        np.testing.assert_array_equal(x, state[name])


def test_hard_points_stay_silent_and_right():
    x = variable([-1.0, 0.0, 4.0])

    def loss():
        with np.errstate(invalid="ignore"):
            return tg.where(x > 0, tg.sqrt(x), 0).sum()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, (gradient,) = run_compiled(tg.compile(loss), (), [x])
    np.testing.assert_array_equal(gradient, [0, 0, 0.25])


def eager_step(loss, optimizer, *args):
    value = loss(*args)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [3, 5000])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e25])
def test_gradients_are_clipped_as_without_a_program(dtype, size, scale):
    def training(compiled):
        p, q = (tg.Tensor(np.linspace(0.1, 1, n).astype(dtype), True, name="p") for n in (size, 2))
        optimizer = tg.optim.SGD([p, q], lr=0.1, momentum=0.5)
        x = np.full(1, scale, dtype)

        def loss(x):
            return (p * p * x).sum() + (q * x).sum()

        def step(x):
            value = loss(x)
            optimizer.zero_grad()
            value.backward()
            tg.optim.clip_by_norm([p, q], 0.5)
            optimizer.step()
            return value.item()

        step = tg.compile(loss, optimizer, clip_norm=0.5) if compiled else step
        return [step(x) for _ in range(3)], p.data, q.data

    rtol = 1e-5 if dtype is np.float32 else 1e-12
    for found, expected in zip(training(True), training(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=rtol)


def test_clipping_that_cannot_be():
    p = tg.Tensor([1.0, 2.0], requires_grad=True, name="p")
    step = tg.compile(lambda x: (p * x).sum(), tg.optim.SGD([p], lr=0.1), clip_norm=1.0)
    step(np.zeros(2))
    np.testing.assert_array_equal(p.data, [1, 2])
    with pytest.raises(FloatingPointError, match="gradients of norm inf cannot be clipped"):
        step(np.array([np.inf, 0.0]))
    with pytest.raises(ValueError, match="clip_norm is for the step of an optimizer"):
        tg.compile(p.sum, clip_norm=1.0)
    with pytest.raises(ValueError, match="clip_norm must be finite and not negative"):
        tg.compile(p.sum, tg.optim.SGD([p], lr=0.1), clip_norm=-1)


NOT_FINITE = {  # losses of p, and arguments that make something infinite
    "an impossible class": (
        lambda p, x: tg.softmax_cross_entropy(p[:, None] + x, [0, 1]),
        np.array([[1.0, 0.0], [0.0, -np.inf]]),
    ),
    "a logit of minus infinity": (
        lambda p, x: tg.sigmoid_cross_entropy(p * x, [1.0, 0.0]),
        np.array([0.5, -np.inf]),
    ),
    "probabilities at the ends": (
        lambda p, x: tg.binary_cross_entropy(tg.sigmoid(p) * x, [1.0, 0.0]),
        np.array([0.5, 0.0]),
    ),
    "a root that nothing uses": (
        lambda p, x: tg.where(x > 0, tg.sqrt(p * x), 0.0).sum(),
        np.array([0.5, -1.0]),
    ),
    "a row that nothing uses": (
        lambda p, x: tg.softmax(p * x[:, None] + [1.0, 2.0])[0, 0],
        np.array([0.5, -np.inf]),
    ),
}


@pytest.mark.parametrize("name", NOT_FINITE)
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_finite_is_answered_as_without_a_program(backend, name, packed):
    f, x = NOT_FINITE[name]
    fine = np.ones_like(x)

    def training(compiled):
        size = 2 if packed else 5000  # large parameters are changed by another way
        p = tg.Tensor(np.linspace(0.5, 1.5, size), requires_grad=True, name="p")
        optimizer = tg.optim.SGD([p], lr=0.1, momentum=0.9)
        loss = lambda x: f(p[:2], x)  # noqa: E731
        p.grad = None
        with np.errstate(all="ignore"), active(backend) as (compiling, _):
            step = compiling(loss, optimizer) if compiled else partial(eager_step, loss, optimizer)
            values = [step(fine), step(x), step(fine)]
        assert not compiled or p.grad is None
        return values, p.data, optimizer.state_dict()

    expected, found = training(compiled=False), training(compiled=True)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-13)
    for key, value in expected[2].items():
        np.testing.assert_allclose(found[2][key], value, rtol=1e-13, atol=1e-15)


def test_a_check_that_a_program_does_without_is_made_all_the_same():
    p = tg.Tensor([0.5], requires_grad=True, name="p")
    step = tg.compile(lambda x: tg.binary_cross_entropy(p * x, [1.0]), tg.optim.SGD([p], lr=0.1))
    step(np.ones(1))
    with pytest.raises(ValueError, match="must lie between 0 and 1; got"):
        step(np.array([-3.0]))
    assert "where" not in step.source
    assert "require_probabilities" not in step.source


def test_a_step_that_is_taken_by_itself_draws_what_the_program_drew():
    def drawn(compiled):
        p, dropout = tg.Tensor(np.ones(8), requires_grad=True, name="p"), tg.nn.Dropout(0.5, rng=0)
        optimizer = tg.optim.SGD([p], lr=0.1)
        loss = lambda x: tg.where(x > 0, tg.sqrt(dropout(p) * x + 1), 0.0).sum()  # noqa: E731
        step = tg.compile(loss, optimizer) if compiled else partial(eager_step, loss, optimizer)
        with np.errstate(all="ignore"):
            return [step(np.full(8, sign)) for sign in (1.0, -1.0, 1.0)], dropout.rng.normal()

    assert drawn(compiled=True) == drawn(compiled=False)


# --- many threads ----------------------------------------------------------------------------


@pytest.fixture
def switching():
    """Let threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_threads_that_train_and_predict_at_once():
    """The gradients do not depend on the values, so that every order of the steps ends alike."""
    W = tg.Tensor(np.zeros((3, 2)), requires_grad=True, name="W")  # of both models
    a, b = (tg.Tensor(np.zeros(2), requires_grad=True, name=name) for name in "ab")
    still = tg.Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True, name="still")
    optimizers = [tg.optim.SGD([W, a], lr=0.5), tg.optim.SGD([W, b], lr=0.5)]
    steps = [
        tg.compile(lambda x, p=p: (x @ W + p + 0 * still.sum()).sum() / len(x), optimizer)
        for p, optimizer in zip((a, b), optimizers, strict=True)
    ]
    frozen = tg.compile(lambda x: (x @ still).sum())
    rounds, sizes = 40, (1, 2, 4, 8)
    start = threading.Barrier(8)

    def train(step, sizes):
        start.wait(20)
        for i in range(rounds):
            step(np.ones((sizes[i % len(sizes)], 3)))

    def predict():
        start.wait(20)
        results = []
        for _ in range(rounds * 10):
            y = np.ones((2, 3)) @ still
            results.append(type(y.data) is np.ndarray and (y.data == [6, 9]).all())
            results.append(type(W.data) is np.ndarray and type((W * 2.0).data) is np.ndarray)
        return all(results)

    def differentiate():
        start.wait(20)
        return all(frozen(np.ones((n, 3))) == 15 * n for n in sizes * 10)

    with ThreadPoolExecutor(8) as pool:
        trained = [
            pool.submit(train, steps[k], order)
            for k, order in ((0, sizes), (1, sizes), (0, sizes[::-1]), (1, sizes[::-1]))
        ]
        others = [pool.submit(predict) for _ in range(3)] + [pool.submit(differentiate)]
        for future in trained:
            future.result(60)
        assert all(future.result(60) for future in others)
    # Each of 4 * 40 steps subtracts 0.5 * 1 from every weight, and half of them from each bias.
    np.testing.assert_array_equal(W.data, np.full((3, 2), -0.5 * 4 * rounds))
    np.testing.assert_array_equal(a.data, np.full(2, -0.5 * 2 * rounds))
    np.testing.assert_array_equal(b.data, np.full(2, -0.5 * 2 * rounds))
    np.testing.assert_array_equal(still.grad, np.full((3, 2), 10.0 * sum(sizes)))
    assert [optimizer.steps for optimizer in optimizers] == [2 * rounds] * 2
    for p in W, a, b, still:
        assert type(p._array) is np.ndarray
    assert current() == Context()


# --- what once was wrong -----------------------------------------------------------------------


def test_a_tuple_is_no_list():
    w = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="w")

    def loss():
        return w[0, 1] + w[[0, 1]].sum()

    assert_same(tg.compile(loss), loss, (), [w])


def test_what_stands_inline_reads_no_memory_that_was_given_away():
    w = tg.Tensor(np.ones((80, 80)), requires_grad=True, name="w")

    def loss(x):
        a = x + 1.0
        row = a[0] * 2.0
        b = x * 3.0
        return (w * b).sum() + (w[0] * (row + 1.0)).sum()

    assert_same(tg.compile(loss), loss, (np.ones((80, 80)),), [w])


def test_numbers_and_slices_that_differ_from_call_to_call():
    w = tg.Tensor(np.ones(3), requires_grad=True, name="w")
    x = np.arange(30.0).reshape(10, 3)
    for part in (
        lambda x, i: x[i],
        lambda x, i: x[i : i + 1].sum(),
        lambda x, i: x[0] * float(i),
        lambda x, i: x[0] ** (1 + i),
    ):
        numbers = iter(range(10))
        with pytest.raises(ValueError, match="differ from call to call"):
            tg.compile(lambda x, part=part, n=numbers: (w * part(x, next(n))).sum())(x)


def test_constants_are_what_they_were():
    w = tg.Tensor(np.ones(20), requires_grad=True, name="w")

    def growing():
        b, total = np.zeros(20), 0.0
        for i in range(3):
            b[i] = 1.0
            total = total + (w * b).sum()
        return total

    assert_same(tg.compile(growing), growing, (), [w])
    c = np.ones(20)
    step = tg.compile(lambda: (w * c).sum() + (w * (c + 1)).sum())
    assert [step(), c.fill(5.0), step()] == [60, None, 60]


@pytest.mark.parametrize(
    ("first", "then"),
    [(np.zeros(4, int), np.array([0, 1, 2, 1])), (np.zeros(4, bool), np.ones(4, bool))],
)
def test_tables_are_not_looked_up_unseen(first, then):
    w = tg.Tensor(np.zeros((4, 3)), requires_grad=True, name="w")

    def wrong(labels):
        return ((w + 1.0 - np.eye(3)[labels.astype(int)]) ** 2 * np.arange(3.0)).sum()

    def right(labels):
        rows = labels[:, None] == np.arange(3)
        return ((w + 1.0 - rows) ** 2 * np.arange(3.0)).sum()

    table = np.eye(3)

    def with_a_variable(labels):
        return ((w + 1.0 - table[labels.astype(int)]) ** 2 * np.arange(3.0)).sum()

    refused(wrong, ValueError, "let a table that is looked up be a variable", first)
    for loss in (right, with_a_variable):
        step = tg.compile(loss)
        assert_same(step, loss, (first,), [w])
        assert_same(step, loss, (then,), [w])
    assert "table[" in step.source


def test_constant_arrays_give_their_numbers():
    w, table = tg.Tensor(np.ones(3), requires_grad=True, name="w"), np.array([1.0, 2.0, 3.0])

    def loss(x):
        total = (w * x).sum() * float(table[1]) if table.any() else w.sum()
        return total + (w[table > 1.5] * table.tolist()[2]).sum()

    assert_same(tg.compile(loss), loss, (np.arange(3.0),), [w])

    def changing():
        table[0] = 5.0
        return (w * table).sum()

    refused(changing, UntraceableError, "__setitem__")


class Warming(tg.optim.Optimizer):
    def update(self, p, g, *_, lr, **__):
        return (p - (lr if self.steps > 2 else 0.5 * lr) * g,)


def test_a_rule_that_decides_by_numbers():
    p = tg.Tensor([1.0], requires_grad=True, name="p")
    optimizer = Warming([p], lr=0.1)
    with pytest.raises(UntraceableError, match="condition on a number"):
        tg.compile(lambda: (p * 3.0).mean() * 1.0, optimizer)()
    assert optimizer.steps == 0


def test_a_step_that_is_infinite_is_not_taken():
    p = tg.Tensor([1.0], requires_grad=True, name="p")
    step = tg.compile(lambda x: (p * x).sum(), tg.optim.SGD([p], lr=1e200))
    with pytest.raises(FloatingPointError):
        step(np.array([1e140]))
    assert p.data == 1


def test_settings_of_the_optimizer_may_change():
    made = [tg.Tensor([1.0, 2.0], requires_grad=True, name="p") for _ in range(2)]
    a, b = (tg.optim.SGD([p], lr=0.1, momentum=0.9) for p in made)
    step = tg.compile(lambda: (made[0] * made[0]).sum() * 1.0, a)
    for momentum in (0.9, 0.1, 0.9, 0.5):
        a.momentum = b.momentum = momentum
        run_eagerly(lambda: (made[1] * made[1]).sum() * 1.0, (), made[1:])
        b.step()
        step()
        np.testing.assert_allclose(made[0].data, made[1].data)


@pytest.mark.parametrize("size", [1, 10_000])
def test_the_loss_is_that_before_the_step(size):
    p = tg.Tensor(np.full((size, 1), 2.0), requires_grad=True, name="p")
    step = tg.compile(lambda: p[0].reshape(()), tg.optim.SGD([p], lr=0.1))
    assert step() == 2
    assert step() == pytest.approx(1.9)


def test_a_backward_inside_leaves_nothing():
    w = tg.Tensor(np.ones(2), requires_grad=True, name="w")

    def loss(x):
        (w * x).sum().backward()
        return (w * x).sum()

    tg.compile(loss)(np.ones(2))
    assert type(w.grad) is np.ndarray


def test_where_it_is_first_called_does_not_matter():
    w = tg.Tensor(np.ones(2), requires_grad=True, name="w")
    step = tg.compile(lambda x: (w * x).sum())
    with tg.no_grad(), tg.debug():
        assert step(np.ones(2)) == 2
    with pytest.raises(TypeError, match="arguments of a compiled function are"):
        step({1.0, 2.0})
    assert tg.compile(lambda d: (w * d["x"]).sum())({"x": np.ones(2)}) == 2
    named = tg.compile(lambda slice: (w[1:] * slice).sum())  # noqa: A006 - it is in the way
    assert named(np.ones(1)) == 1


def test_functions_of_others():
    erf = np.frompyfunc(np.tanh, 1, 1)

    @tg.differentiable
    def f(x):
        y = erf(x).astype(float)
        return y, lambda g: g * (1 - y * y)

    w = tg.Tensor(np.ones(2), requires_grad=True, name="w")

    def loss(x):
        return f(w * x).sum()

    assert_same(tg.compile(loss), loss, (np.array([0.5, 1.0]),), [w])


def test_two_threads_share_a_step():
    rng = np.random.default_rng(0)
    w = tg.Tensor(rng.normal(size=(100, 100)), requires_grad=True, name="w")
    step = tg.compile(lambda x: (tg.tanh(x @ w) @ w).sum())
    data = [rng.normal(size=(100, 100)) for _ in range(8)]
    expected = [step(x) for x in data]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(step, data * 3)) == expected * 3


# --- with an optimizer ---------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 1500, 2)], ids=["packed", "large alone"])
def test_a_compiled_step_writes_into_the_arrays_that_are_the_data(sizes):
    (compiled, loss), (eager, eager_loss) = (network(sizes=sizes) for _ in range(2))
    step = tg.compile(loss, tg.optim.SGD(compiled, lr=0.1, momentum=0.9))
    optimizer = tg.optim.SGD(eager, lr=0.1, momentum=0.9)
    for k in range(4):
        if k == 2:
            for p in compiled:
                p.data = np.asfortranarray(p.data)
        arrays = [p.data for p in compiled]
        step(*samples())
        run_eagerly(eager_loss, samples(), eager)
        optimizer.step()
        for p, q, array in zip(compiled, eager, arrays, strict=True):
            assert p.data is array
            np.testing.assert_allclose(array, q.data, rtol=1e-9)
    compiled[0].data.flags.writeable = False
    before = [p.data.copy() for p in compiled]
    with pytest.raises(ValueError, match=r"W1 .* are read-only"):
        step(*samples())
    for p, x in zip(compiled, before, strict=True):
        np.testing.assert_array_equal(p.data, x)


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 1500, 2)], ids=["packed", "large alone"])
def test_a_compiled_step_takes_place_while_a_graph_is_debugged(sizes):
    parameters, loss = network(sizes=sizes)
    step = tg.compile(loss, tg.optim.SGD(parameters, lr=0.1))
    with tg.debug():
        graph = loss(*samples())
        arrays = [p.data for p in parameters]
        first, second = step(*samples()), step(*samples())
    assert first == pytest.approx(graph.item(), rel=1e-14)
    assert first > second
    for p, array in zip(parameters, arrays, strict=True):
        assert p.data is array
        assert not array.flags.writeable
    del graph
    assert all(array.flags.writeable for array in arrays)


def test_a_compiled_step_changes_parameters_that_were_without_a_gradient():
    parameters, loss = network()
    optimizer = tg.optim.SGD(parameters, lr=0.1)
    step = tg.compile(loss, optimizer)
    run_eagerly(loss, samples(), parameters)
    parameters[0].grad = None
    optimizer.step()
    before = [p.data.copy() for p in parameters]
    step(*samples())
    for p, x in zip(parameters, before, strict=True):
        assert not np.array_equal(p.data, x)


def test_groups_in_a_compiled_step():
    def grouped(p):
        first = {"params": p[:2], "lr": 0.5, "momentum": 0.5}
        return tg.optim.SGD([first, {"params": p[2:]}], lr=lambda t: 0.1 / (1 + t), momentum=0.9)

    (compiled, loss), (eager, eager_loss) = network(), network()
    a, b = grouped(compiled), grouped(eager)
    step = tg.compile(loss, a)
    for k in range(5):
        for optimizer in (a, b):
            optimizer.groups[0].options["lr"] = 0.5 / (1 + k)
            if k == 3:
                optimizer.groups[0].options["momentum"] = 0.1
        step(*samples())
        run_eagerly(eager_loss, samples(), eager)
        b.step()
        for p, q in zip(compiled, eager, strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-10)
    assert len(step._programs) == 2  # the learning rate is no part of a program


class Scaled(tg.optim.Optimizer):
    scales: object = None

    def update(self, p, g, *_, lr, **__):
        return (p - lr * self.scales[0] * g,)


def test_a_transformer_whose_parameters_are_large():
    """Batched products may share memory with them, so the new ones get memory of their own."""
    x = np.random.default_rng(0).normal(size=(2, 5, 32))
    blocks = [tg.nn.TransformerBlock(32, heads=2, causal=True, rng=0) for _ in range(2)]
    ours, theirs = (tg.optim.Adam(block.parameters(), lr=0.01) for block in blocks)
    step = tg.compile(lambda x: (blocks[0](x) ** 2).mean(), ours)
    for _ in range(2):
        theirs.zero_grad()
        loss = (blocks[1](x) ** 2).mean()
        loss.backward()
        theirs.step()
        assert step(x) == pytest.approx(loss.item(), rel=1e-9)


def test_settings_of_an_optimizer_may_be_lists():
    p = tg.Tensor([1.0], requires_grad=True, name="p")
    optimizer = Scaled([p], lr=1.0)
    optimizer.scales = [1.0, {"a": 2}]
    step = tg.compile(lambda: tg.sum(p * 1.0), optimizer)
    step()
    assert p.data == 0
    optimizer.scales[0] = 3.0
    step()
    assert p.data == -3
    for wrong in (np.ones(1), [np.ones(1)], {1}):
        optimizer.scales = wrong
        with pytest.raises(TypeError, match="the attribute 'scales' of the optimizer Scaled"):
            step()


def test_numbers_of_a_program_are_told_apart_as_they_are_written():
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    step = tg.compile(lambda x, a: (w * x).sum() + math.copysign(1.0, a))
    x = np.zeros(2)
    assert [step(x, 0.0), step(x, -0.0), step(x, 0.0), step(x, 0)] == [1, -1, 1, 1]
    assert len(step._programs) == 3
    for _ in range(3):
        step(x, float("nan"))
    assert len(step._programs) == 4


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 1500, 2)], ids=["packed", "large alone"])
def test_a_parameter_that_requires_no_gradient_for_a_while(sizes):
    (compiled, loss), (eager, eager_loss) = (network(sizes=sizes) for _ in range(2))
    a, b = (tg.optim.SGD(p, lr=0.1, momentum=0.9) for p in (compiled, eager))
    step = tg.compile(loss, a)
    for learns in (True, False, False, True):
        compiled[0].requires_grad = eager[0].requires_grad = learns
        for _ in range(3):
            expected = eager_step(eager_loss, b, *samples())
            assert step(*samples()) == pytest.approx(expected, rel=1e-10)
        for p, q in zip(compiled, eager, strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-9)
    assert len(step._programs) == 2
