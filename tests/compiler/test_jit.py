"""Functions that are recorded once: what they compute, what they are written as."""

import copy
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.trees import leaves

from ..properties.programs import programs
from .backends import BACKENDS, active

X = np.array([[0.5, -1.0, 2.0], [0.25, 1.5, -0.75]])


def assert_equal(found, expected):
    if isinstance(expected, np.generic):
        expected = np.asarray(expected)
    assert type(found) is type(expected)
    if isinstance(expected, dict | list | tuple):
        for x, y in zip(leaves(found), leaves(expected), strict=True):
            assert_equal(x, y)
    elif isinstance(expected, tg.Tensor):
        assert_equal(found.data, expected.data)
        assert not found.requires_grad
    elif isinstance(expected, np.ndarray):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    else:
        assert found == expected


def f(x):
    return (tg.tanh(x) * tg.softmax(x) + tg.sigmoid(x)).sum()


TRANSFORMED = {
    "value": f,
    "grad": tg.grad(f),
    "value_and_grad": tg.value_and_grad(f),
    "jacobian": tg.jacobian(lambda x: tg.sin(x) * x),
    "hessian": tg.hessian(f),
    "hvp": lambda x: tg.hvp(f, x, x * 0.5),
    "jvp": lambda x: tg.jvp(f, [x], [x * 0.5]),
    "vjp": lambda x: tg.vjp(tg.exp, x)[1](x),
    "third": tg.grad(lambda x: tg.grad(lambda x: tg.grad(f)(x).sum())(x).sum()),
}


@pytest.mark.parametrize("name", TRANSFORMED)
@pytest.mark.parametrize("kind", [np.array, tg.Tensor])
@pytest.mark.parametrize("backend", BACKENDS)
def test_functions_and_their_derivatives(backend, name, kind):
    function = TRANSFORMED[name]
    with active(backend) as (_, jit):
        compiled = jit(function)
        for x in (X, -2.0 * X, X):
            assert_equal(compiled(kind(x)), function(kind(x)))
    assert "1 program>" in repr(compiled)


@settings(max_examples=max(settings().max_examples // 4, 5))  # of each backend
@pytest.mark.parametrize("backend", BACKENDS)
@given(program=programs(), seed=st.integers(0, 2**32 - 1))
def test_gradients_of_random_programs(backend, program, seed):
    rng = np.random.default_rng(seed)
    gradient = tg.grad(program.run)
    inputs = [*program.inputs]
    with active(backend) as (_, jit):
        compiled = jit(gradient)
        for _ in range(2):
            for g, e in zip(compiled(inputs), gradient(inputs), strict=True):
                np.testing.assert_allclose(g, e, rtol=1e-10, atol=1e-10)
            inputs = [rng.uniform(-1, 1, x.shape) for x in inputs]


def test_containers_in_and_out():
    def function(parameters, x, scale=2.0, *, shift=1.0):
        h = tg.tanh(x @ parameters["W"] + parameters["b"]) * scale + shift
        return {"h": h, "sums": [h.sum(axis=0).data, (h.sum(), None, "text", 3)]}

    parameters = {"W": tg.Tensor(np.ones((3, 2))), "b": np.zeros(2)}
    compiled = tg.jit(function)
    assert_equal(compiled(parameters, X), function(parameters, X))
    assert_equal(compiled(parameters, x=X, scale=3.0), function(parameters, X, 3.0))
    assert "def function(parameters_W, parameters_b, x):" in compiled.source
    with pytest.raises(TypeError, match="no keyword-only arguments; got shift"):
        compiled(parameters, X, shift=2.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_returned_belongs_to_the_caller(backend):
    w = tg.Tensor(np.ones((80, 80)), requires_grad=True, name="w")
    c = np.ones(3)
    x = np.ones((80, 80))
    with active(backend) as (_, jit):
        compiled = jit(lambda x: (x, x.T, w, w @ x, w.T.data, tg.Tensor(c), w + x, (x + 1)[0]))
        first, second = compiled(x), compiled(x)
    for a, b in zip(leaves(first), leaves(second), strict=True):
        arrays = [y.data if isinstance(y, tg.Tensor) else y for y in (a, b)]
        assert not np.shares_memory(*arrays)
        for other in (x, w.data, c):
            assert not np.shares_memory(arrays[0], other)


def test_a_model_predicts_with_the_parameters_it_has_now():
    model = tg.nn.MLP([3, 4, 2], "relu", rng=0)
    predict = tg.jit(model)
    assert_equal(predict(X), model(X).detach())
    model.layers[0].W.data = model.layers[0].W.data * 2
    assert_equal(predict(X), model(X).detach())
    model.layers[1] = tg.nn.Linear(4, 2, rng=5)
    assert_equal(predict(X), model(X).detach())
    model.layers[1].b = tg.Tensor(np.ones(2), requires_grad=True)
    assert_equal(predict(X), model(X).detach())


def test_training_and_evaluation_are_told_apart():
    model = tg.nn.Sequential(tg.nn.Linear(3, 4, rng=0), tg.nn.Dropout(0.5, rng=0))
    predict = tg.jit(model)
    draws = [predict(X).data for _ in range(3)]
    assert not np.array_equal(draws[0], draws[1])
    model.eval()
    np.testing.assert_array_equal(predict(X).data, predict(X).data)
    model[1].p = 0.25
    model.train()
    assert set(
        np.round(predict(np.ones((9, 3))).data / model[0](np.ones((9, 3))).data, 6).flat
    ) == {
        0.0,
        np.round(1 / 0.75, 6),
    }


@pytest.mark.parametrize("backend", BACKENDS)
def test_hard_points_are_those_of_the_function(backend):
    inputs = np.array([-1000.0, -745.0, 0.0, 709.0, 710.0, 1000.0])
    rows = np.array([[-np.inf, 0.0], [np.inf, 0.0], [1e308, -1e308], [0.0, np.nan]])
    for function, x in [
        (tg.sigmoid, inputs),
        (lambda x: tg.sigmoid(x) > 0.5, inputs),
        (lambda x: tg.where(tg.sigmoid(x) > 0.5, 1.0, 0.0), inputs),
        (lambda x: np.argmax(tg.softmax(x), axis=-1), rows),
        (tg.softmax, rows),
        (tg.grad(lambda x: tg.where(x > 0, tg.sqrt(x), 0).sum()), inputs),
        (tg.log, np.array([0.0, -1.0, np.inf])),
    ]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected = function(x)
        with active(backend) as (_, jit), np.errstate(all="ignore"):
            compiled = jit(function)
            results = [compiled(x), compiled(x)]
        for found in results:
            np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_the_second_derivative_can_be_read():
    slope = tg.jit(tg.grad(tg.grad(tg.tanh)))
    assert slope(np.array(0.5)) == pytest.approx(-2 * np.tanh(0.5) * (1 - np.tanh(0.5) ** 2))
    body = slope.source.split("\n\n\n")[1]
    assert body.count("np.tanh") == 1
    assert "**" not in body
    namespace = {}
    exec(slope.source, namespace)  # noqa: S102 - this is the point
    assert namespace["tanh"](np.array(0.5)) == slope(np.array(0.5))


def test_a_jitted_function_may_be_differentiated_and_compiled():
    inner = tg.jit(lambda x: (tg.tanh(x) ** 2).sum())
    assert_equal(tg.grad(inner)(X), tg.grad(lambda x: (tg.tanh(x) ** 2).sum())(X))
    w = tg.Tensor(np.ones(3), requires_grad=True)
    step = tg.compile(lambda x: inner(w * x), tg.optim.SGD([w], lr=0.1))
    assert step(X) == pytest.approx(inner(w.detach().data / 1 * 0 + X).item())
    with pytest.raises(TypeError, match="compile the function of the copy"):
        copy.copy(inner)


def test_threads_share_a_function():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(100, 100))
    compiled = tg.jit(lambda x: tg.tanh(x @ w) @ w)
    data = [rng.normal(size=(100, 100)) for _ in range(6)]
    expected = [compiled(x) for x in data]
    with ThreadPoolExecutor(4) as pool:
        for found, x in zip(pool.map(compiled, data * 3), expected * 3, strict=True):
            np.testing.assert_array_equal(found, x)


def test_what_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match="jit takes a function"):
        tg.jit(3)
    with pytest.raises(TypeError, match="__bool__ needs the numbers"):
        tg.jit(lambda x: x if x.sum() > 0 else -x)(X)
    with pytest.raises(ValueError, match="differ from call to call"):
        tg.jit(lambda x: x * rng.normal())(X)
    with pytest.raises(RuntimeError, match="nothing is recorded yet"):
        tg.jit(f).source  # noqa: B018 - it raises
    compiled = tg.jit(lambda x: tg.softmax_cross_entropy(x, np.array([0, 2])))
    with pytest.raises(ValueError, match="labels must be class indices"):
        compiled(np.ones((3, 3)))
