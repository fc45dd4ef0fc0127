"""functional_call: a module as a function of its parameters."""

import threading

import numpy as np
import pytest

import tinygrad_edu as tg

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 1)), RNG.normal(size=(5, 1))


def mlp():
    return tg.nn.MLP([1, 4, 1], activation="tanh", rng=0)


def explicit(p, x):
    return tg.tanh(x @ p["layers.0.W"] + p["layers.0.b"]) @ p["layers.1.W"] + p["layers.1.b"]


def moved(model):
    return {name: x + 0.5 for name, x in model.state_dict().items()}


def test_other_parameters_and_nothing_changed():
    model = mlp()
    before, output = model.state_dict(), model(X)
    arrays = moved(model)
    result = tg.functional_call(model, arrays, X)
    np.testing.assert_allclose(result.data, explicit(arrays, X))
    assert not result.requires_grad
    for name, x in model.state_dict().items():
        np.testing.assert_array_equal(x, before[name])
    np.testing.assert_array_equal(model(X).data, output.data)
    assert all(p._grad is None for p in model.parameters())


def test_some_parameters_and_the_others_of_the_module():
    model = mlp()
    b = tg.Tensor([9.0], requires_grad=True)
    result = tg.functional_call(model, {"layers.1.b": b}, X)
    np.testing.assert_allclose(result.data, model(X).data - model.layers[1].b.data + 9)
    result.sum().backward()
    assert b.grad == 5
    assert model.layers[1].b.grad is None
    assert model.layers[1].W.grad is not None


def test_gradients_by_the_parameters_of_a_network():
    model = mlp()
    arrays = moved(model)

    def loss(run):
        return lambda p: tg.mean_squared_error(run(p), Y)

    by_module = loss(lambda p: tg.functional_call(model, p, X))
    by_hand = loss(lambda p: explicit(p, X))
    for derivative in tg.grad, tg.hessian:
        if derivative is tg.hessian:
            found = tg.hessian(lambda W: by_module({**arrays, "layers.0.W": W}))(X[:4].T)
            expected = tg.hessian(lambda W: by_hand({**arrays, "layers.0.W": W}))(X[:4].T)
            np.testing.assert_allclose(found, expected)
            continue
        found, expected = derivative(by_module)(arrays), derivative(by_hand)(arrays)
        for name in arrays:
            assert type(found[name]) is np.ndarray
            np.testing.assert_allclose(found[name], expected[name])


@pytest.mark.parametrize("order", [1, 2])
def test_learning_to_learn(order):
    """MAML on sines: one inner step, and the outer gradient through it."""
    tasks = [(a, RNG.uniform(0, 3)) for a in (0.5, 2.0)]
    x, x_new = RNG.uniform(-3, 3, (2, 6, 1))

    def adapted(run, p, y):
        slopes = tg.grad(lambda p: tg.mean_squared_error(run(p, x), y))(p)
        if order == 1:
            slopes = tg.stop_gradient(slopes)
        return {name: p[name] - 0.1 * slopes[name] for name in p}

    def outer(run, p):
        return sum(
            tg.mean_squared_error(
                run(adapted(run, p, a * np.sin(x + t)), x_new), a * np.sin(x_new + t)
            )
            for a, t in tasks
        )

    model = mlp()
    parameters = dict(model.named_parameters())
    outer(lambda p, x: tg.functional_call(model, p, x), parameters).backward()
    twins = {name: tg.Tensor(p.data, requires_grad=True) for name, p in parameters.items()}
    outer(explicit, twins).backward()
    for name, p in parameters.items():
        np.testing.assert_allclose(p.grad, twins[name].grad, rtol=1e-10, atol=1e-12)
    if order == 2:
        h = 1e-5
        values = [
            outer(explicit, {**model.state_dict(), "layers.1.b": model.layers[1].b.data + by})
            for by in (-h, h)
        ]
        slope = (values[1] - values[0]).item() / (2 * h)
        np.testing.assert_allclose(model.layers[1].b.grad, slope, rtol=1e-6)


def test_gradients_by_sample():
    model = mlp()
    state = model.state_dict()

    def loss(p, x, y):
        return tg.mean_squared_error(tg.functional_call(model, p, x), y)

    def losses(p):
        return ((tg.functional_call(model, p, X) - Y) ** 2).sum(axis=1)

    by_jacobian = tg.jacobian(losses)(state)
    by_vmap = tg.vmap(tg.grad(loss), in_axes=(None, 0, 0))(state, X, Y)
    for i in range(len(X)):
        expected = tg.grad(loss)(state, X[i], Y[i])
        for name in state:
            np.testing.assert_allclose(by_jacobian[name][i], expected[name])
            np.testing.assert_allclose(by_vmap[name][i], expected[name])


def test_parameters_that_are_those_of_another_module_or_of_itself():
    model, other = mlp(), mlp()
    other.load_state_dict(moved(model))
    np.testing.assert_array_equal(
        tg.functional_call(model, dict(other.named_parameters()), X).data, other(X).data
    )

    class Pair(tg.nn.Module):
        def __init__(self):
            self.a = tg.Tensor(2.0, requires_grad=True)
            self.b = tg.Tensor(3.0, requires_grad=True)

        def forward(self, x):
            return self.a * x + self.b

    pair = Pair()
    swapped = tg.functional_call(pair, {"a": pair.b, "b": pair.a}, 10.0)
    assert swapped.item() == 32
    swapped.backward(create_graph=True)
    assert (pair.a.grad.item(), pair.b.grad.item()) == (1, 10)


def test_calls_inside_of_calls():
    inner, outer = tg.nn.Linear(1, 1, rng=0), tg.nn.Linear(1, 1, rng=1)

    class Both(tg.nn.Module):
        def __init__(self):
            self.outer = outer

        def forward(self, x):
            return self.outer(tg.functional_call(inner, {"b": [5.0]}, x))

    found = tg.functional_call(Both(), {"outer.b": [7.0]}, X)
    np.testing.assert_allclose(found.data, (X @ inner.W.data + 5) @ outer.W.data + 7)


def test_in_a_compiled_step():
    def loss(model, x):
        shifted = {name: p * 2.0 for name, p in model.named_parameters()}
        return (tg.functional_call(model, shifted, x) ** 2).mean()

    model, twin = mlp(), mlp()
    loss(model, X).backward()
    step = tg.compile(lambda x: loss(twin, x))
    for _ in range(2):
        twin.zero_grad()
        step(X)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(q.grad, p.grad)


def test_in_many_threads_at_once():
    model = mlp()
    expected = model(X).data
    wrong = []

    def run(scale):
        arrays = {name: x * scale for name, x in model.state_dict().items()}
        for _ in range(50):
            if not np.allclose(tg.functional_call(model, arrays, X).data, explicit(arrays, X)):
                wrong.append(scale)
            if not np.array_equal(model(X).data, expected):
                wrong.append("own")

    threads = [threading.Thread(target=run, args=(scale,)) for scale in (2.0, 3.0, 4.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_cannot_be_called():
    model = mlp()
    with pytest.raises(TypeError, match="runs a Module; got function"):
        tg.functional_call(explicit, {}, X)
    with pytest.raises(TypeError, match="a mapping of names to arrays or Tensors; got list"):
        tg.functional_call(model, model.parameters(), X)
    with pytest.raises(ValueError, match=r"no parameters are called \['b'\]; .*'layers.1.b'"):
        tg.functional_call(model, {"b": [0.0]}, X)
    with pytest.raises(ValueError, match=r"layers.1.b has the shape \(1,\); got \(2,\)"):
        tg.functional_call(model, {"layers.1.b": [0.0, 1.0]}, X)


def test_a_module_that_changes_itself():
    class Counting(tg.nn.Module):
        def __init__(self):
            self.w = tg.Tensor(1.0, requires_grad=True)
            self.calls = tg.Tensor(0.0)

        def forward(self, x):
            self.calls.data = self.calls.data + 1
            return self.w * x

    counting = Counting()
    with pytest.raises(TypeError, match="runs with other parameters"):
        tg.functional_call(counting, {"w": 3.0}, 1.0)
    with tg.no_grad(), pytest.raises(TypeError, match="runs with other parameters"):
        tg.functional_call(counting, {"w": 3.0}, 1.0)
    assert counting.calls.data == 0


def test_a_state_with_gradients_is_not_loaded():
    model = tg.nn.Linear(1, 1, rng=0)
    state = {name: p * 2.0 for name, p in model.named_parameters()}
    before = model.state_dict()
    with pytest.raises(TypeError, match=r"lose the gradient of .*tg\.functional_call"):
        model.load_state_dict(state)
    with pytest.raises(TypeError, match=r"tg\.functional_call"):
        tg.grad(lambda W: model.load_state_dict({"W": W, "b": [0.0]}))(np.ones((1, 1)))
    np.testing.assert_array_equal(model.W.data, before["W"])
    model.load_state_dict(tg.stop_gradient(state))
    np.testing.assert_array_equal(model.W.data, 2 * before["W"])
    with tg.no_grad():
        model.load_state_dict(dict(tg.nn.Linear(1, 1, init="zeros").named_parameters()))
    assert model.W.data == 0
