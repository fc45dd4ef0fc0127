"""checkpoint: the same derivatives, in less memory."""

import gc
import tracemalloc

import numpy as np
import pytest

import tinygrad_edu as tg

from .garbage import garbage_of

X = np.linspace(-1.0, 1.0, 7)


def block(w, v=None):
    def f(x, scale=1.0):
        h = tg.tanh(x * w) + (0 if v is None else v)
        return tg.exp(h) * h * scale

    return f


def variables(*data):
    return [tg.Tensor(x, requires_grad=True) for x in data]


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_are_the_same(create_graph):
    found = []
    for wrap in (lambda f: f), tg.checkpoint:
        x, w, v = variables(X, 2.0, X[::-1])
        inner = v * v  # computed before, and used inside
        f = wrap(block(w, inner))
        y = f(f(x), scale=3.0).sum()
        y.backward(create_graph=create_graph)
        found.append((y.data, *(t.grad for t in (x, w, v))))
    for plain, checkpointed in zip(*found, strict=True):
        assert type(plain) is type(checkpointed)
        np.testing.assert_allclose(
            *(
                g.data if create_graph and isinstance(g, tg.Tensor) else g
                for g in (checkpointed, plain)
            ),
            rtol=1e-13,
        )


def test_any_order():
    (w,) = variables(2.0)
    f, g = block(w), tg.checkpoint(block(w))
    for _ in range(3):
        f, g = tg.grad(f), tg.grad(g)
        np.testing.assert_allclose(g(0.3).data, f(0.3).data, rtol=1e-12)
    for derivative in tg.hessian, lambda f: lambda x: tg.jvp(tg.grad(f), [x], [X])[1]:
        results = [
            derivative(lambda x, h=h: h(x).sum())(X) for h in (block(w), tg.checkpoint(block(w)))
        ]
        np.testing.assert_allclose(results[1].data, results[0].data, rtol=1e-12)
        gradients = [tg.gradients((y * y).sum(), w) for y in results]
        np.testing.assert_allclose(*gradients, rtol=1e-12)


def test_inside_of_each_other():
    found = []
    for wrap in (lambda f: f), tg.checkpoint:
        x, w = variables(X, 0.5)
        inner = wrap(block(w))
        wrap(lambda x: inner(inner(x)) * w)(x).sum().backward()  # noqa: B023 - called at once
        found.append((x.grad, w.grad))
    np.testing.assert_allclose(found[1][0], found[0][0])
    np.testing.assert_allclose(found[1][1], found[0][1])


def test_modules_and_other_parameters():
    model = tg.nn.MLP([1, 4, 1], activation="tanh", rng=0)
    checkpointed = tg.checkpoint(model)
    x = X[:, None]
    (model(x) ** 2).sum().backward()
    expected = [p.grad for p in model.parameters()]
    model.zero_grad()
    y = (checkpointed(x) ** 2).sum()
    assert y.inputs[0].inputs[0].op.__name__ == "checkpoint"
    y.backward()
    for p, g in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, g)

    class Wrapped(tg.nn.Module):
        def __init__(self):
            self.model = model

        def forward(self, x):
            return tg.checkpoint(self.model)(x)

    wrapped = Wrapped()
    others = {name: x * 0.5 for name, x in wrapped.state_dict().items()}
    inner = {name.removeprefix("model."): x for name, x in others.items()}
    found = tg.grad(lambda p: (tg.functional_call(wrapped, p, x) ** 2).sum())(others)
    expected = tg.grad(lambda p: (tg.functional_call(model, p, x) ** 2).sum())(inner)
    for name in inner:
        np.testing.assert_allclose(found[f"model.{name}"], expected[name])


def test_in_a_compiled_step():
    w, v = variables(2.0, 2.0)
    (block(w)(X) ** 2).sum().backward()
    step = tg.compile(lambda x: (tg.checkpoint(block(v))(x) ** 2).sum())
    step(X)
    np.testing.assert_allclose(v.grad, w.grad)


def test_nothing_to_differentiate():
    (w,) = variables(2.0)
    with tg.no_grad():
        assert not tg.checkpoint(block(w))(tg.Tensor(X)).requires_grad
    assert not tg.checkpoint(block(3.0))(tg.Tensor(X)).requires_grad
    assert tg.checkpoint(lambda _: w)(1.0).requires_grad
    with pytest.raises(TypeError, match="returns a Tensor; got tuple"):
        tg.checkpoint(lambda x: (x, x))(w)


def test_where_nothing_is_felt_nothing_comes_back():
    (x,) = variables([-1.0, 0.0, 4.0])
    with np.errstate(invalid="ignore"):
        tg.checkpoint(lambda x: tg.where(x > 0, tg.sqrt(x), 0.0))(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0, 0.25])


def test_another_value_the_second_time_is_refused():
    rng = np.random.default_rng(0)
    (x,) = variables(X)
    y = tg.checkpoint(lambda x: x * rng.integers(0, 2, x.shape))(x)
    with pytest.raises(RuntimeError, match="another value when it ran once more"):
        y.sum().backward()
    assert x.grad is None


def test_new_data_are_noticed():
    x, w = variables(X, 2.0)
    y = tg.checkpoint(block(w))(x).sum()
    w.data = np.array(3.0)
    with pytest.raises(RuntimeError, match="new data"):
        y.backward()


def test_it_runs_once_for_all_its_inputs():
    calls = []
    x, w, v = variables(X, 2.0, 3.0)

    def f(x):
        calls.append(1)
        return x * w * v

    y = tg.checkpoint(f)(x).sum()
    y.backward()
    assert len(calls) == 2
    y.backward()
    assert len(calls) == 3
    np.testing.assert_allclose(x.grad, 12)


def peak_of(run):
    run()
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory():
    x = np.linspace(0.0, 1.0, 20_000)

    def run(wrap):
        (w,) = variables(1.0)

        def layers(y):
            for _ in range(8):
                y = tg.sin(y * w)
            return y

        y = tg.Tensor(x)
        for _ in range(8):
            y = wrap(layers)(y)
        y.sum().backward()

    plain, checkpointed = peak_of(lambda: run(lambda f: f)), peak_of(lambda: run(tg.checkpoint))
    assert plain > 64 * x.nbytes
    assert checkpointed < 0.5 * plain


def test_nothing_for_the_garbage_collector():
    def run():
        x, w = variables(X, 2.0)
        tg.checkpoint(block(w))(x).sum().backward()

    assert garbage_of(run) == 0
