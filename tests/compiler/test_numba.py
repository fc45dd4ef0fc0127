"""Programs that numba compiles: the same answers, many steps in one call, and no numba at all."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg

from .backends import BACKENDS, active

numba = pytest.importorskip("numba")


def network(sizes=(2, 4, 3, 1), activation="sigmoid", dtype=float, seed=0, optimizer=tg.optim.SGD):
    """A network, its loss, and an optimizer."""
    model = tg.nn.MLP(sizes, activation, rng=seed, dtype=dtype)
    classes = sizes[-1]

    def loss(x, y):
        z = model(x)
        if classes == 1:
            return tg.sigmoid_cross_entropy(z, y)
        return tg.softmax_cross_entropy(z, y)

    return loss, optimizer(model.parameters(), lr=0.1)


def samples(n, sizes=(2, 4, 3, 1), dtype=float, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, sizes[0])).astype(dtype)
    if sizes[-1] == 1:
        return x, (x.sum(axis=1, keepdims=True) > 0).astype(dtype)
    return x, rng.integers(0, sizes[-1], n)


NETWORKS = {
    "one sample": ((2, 4, 3, 1), 1, "sigmoid", float, tg.optim.SGD),
    "classes": ((3, 5, 4), 8, "tanh", float, partial(tg.optim.SGD, momentum=0.9)),
    "Adam, float32": ((3, 5, 4), 8, "relu", np.float32, tg.optim.Adam),
    "large": ((40, 150, 6), 64, "leaky_relu", np.float32, partial(tg.optim.SGD, momentum=0.9)),
    "smooth": ((4, 6, 6, 1), 5, "silu", float, tg.optim.AdamW),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_ten_steps_and_an_epoch_are_those_of_numpy(name, capsys):
    sizes, batch, activation, dtype, optimizer = NETWORKS[name]
    x, y = samples(10 * batch + 1, sizes, dtype)
    order = np.random.default_rng(1).permutation(len(x))
    losses, values = [], []
    for backend in ("numpy", "numba"):
        loss, rule = network(sizes, activation, dtype, optimizer=optimizer)
        step = tg.compile(loss, rule, backend=backend)
        single = [step(x[i : i + batch], y[i : i + batch]) for i in range(0, 10 * batch, batch)]
        epochs = [step.epoch(x, y, batch_size=batch, order=o) for o in (None, order)]
        losses.append(np.concatenate([single, *epochs]))
        values.append([p.data for p in rule.parameters])
        assert rule.steps == 32
    rtol = 2e-3 if dtype is np.float32 else 1e-9
    np.testing.assert_allclose(losses[1], losses[0], rtol=rtol)
    for p, q in zip(*values, strict=True):
        np.testing.assert_allclose(q, p, rtol=rtol, atol=rtol)
    times = capsys.readouterr().err.count("numba compiled step in")
    assert times == (1 if batch == 1 else 2)  # since the last batch is short


def test_functions():
    x = np.array([[0.5, -1.0, 2.0], [0.25, 1.5, -0.75]])
    for f in (
        tg.softmax,
        tg.grad(lambda x: (tg.tanh(x) * x).sum()),
        tg.hessian(lambda x: (x**3).sum()),
    ):
        compiled = tg.jit(f, backend="numba")
        for a in (x, 2 * x, np.asfortranarray(x), x[:, ::-1]):
            np.testing.assert_allclose(compiled(a), f(a), rtol=1e-12)
    assert "@njit" in compiled.source


def test_the_source_is_that_of_loops_and_runs_by_itself():
    loss, optimizer = network()
    step = tg.compile(loss, optimizer, backend="numba")
    x, y = samples(1)
    before = [p.data.copy() for p in optimizer.parameters]
    expected = step(x, y)
    namespace = {}
    exec(step.source, namespace)  # noqa: S102 - this is the point
    namespace["values"][:] = np.concatenate(before, axis=None)
    assert namespace["step"](x, y, 0.1) == pytest.approx(expected, rel=1e-14)
    after = np.concatenate([p.data for p in optimizer.parameters], axis=None)
    np.testing.assert_allclose(namespace["values"], after, rtol=1e-14)


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    loss, optimizer = network()
    for make in (partial(tg.compile, loss, optimizer), partial(tg.jit, loss)):
        with pytest.raises(ImportError, match=r'needs numba: pip install "tinygrad_edu\[numba\]"'):
            make(backend="numba")
        with pytest.raises(ValueError, match='backend must be "numpy" or "numba"; got \'jax\''):
            make(backend="jax")


# --- epochs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_epoch_takes_the_steps_of_its_batches(backend):
    x, y = samples(11, (3, 5, 4))
    for order in (None, [10, 0, 0, 3, 5, 2, 1], np.arange(11)[::-1]):
        for size in (1, 4, 50):
            rows = np.arange(11) if order is None else np.asarray(order)
            one, two = network((3, 5, 4)), network((3, 5, 4))
            with active(backend) as (compiling, _):
                losses = compiling(*one).epoch(x, y.tolist(), batch_size=size, order=order)
            step = tg.compile(*two)
            batches = [rows[i : i + size] for i in range(0, len(rows), size)]
            np.testing.assert_allclose(losses, [step(x[b], y[b]) for b in batches], rtol=1e-12)
            for p, q in zip(one[1].parameters, two[1].parameters, strict=True):
                np.testing.assert_allclose(p.data, q.data, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_schedule_in_an_epoch(backend):
    x, y = samples(200)
    results = []
    for way in (backend, "steps"):
        loss, optimizer = network(optimizer=tg.optim.Adam)
        optimizer.lr = lambda t: 0.1 / (1 + t)
        with active("numpy" if way == "steps" else way) as (compiling, _):
            step = compiling(loss, optimizer)
            if way == "steps":
                losses = [step(x[i : i + 1], y[i : i + 1]) for i in range(len(x))]
            else:
                losses = step.epoch(x, y)
        results.append((losses, [p.data for p in optimizer.parameters]))
        assert optimizer.steps == 200
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-10)
    for p, q in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_epoch_stops_where_a_step_cannot_be_taken(backend, bad):
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    x = np.ones((100, 2))
    x[70] = bad
    with active(backend) as (compiling, _):
        optimizer = tg.optim.SGD([w], lr=0.01)
        step = compiling(lambda x: (w * x).sum(), optimizer)
        with pytest.raises(FloatingPointError, match="no parameter was changed") as caught:
            step.epoch(x)
    assert caught.value.__notes__[-1] == "in step 71 of the epoch"
    assert optimizer.steps == 70
    np.testing.assert_allclose(w.data, [0.3, 1.3])


@pytest.mark.parametrize("backend", BACKENDS)
def test_steps_that_a_program_leaves_to_the_function_are_taken_within_an_epoch(backend):
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    x = np.ones((100, 2))
    x[50, 0] = -1.0

    def loss(x):
        return tg.where(x > 0, tg.sqrt(w * x), 0.0).sum()

    with active(backend) as (compiling, _), np.errstate(all="ignore"):
        losses = compiling(loss, tg.optim.SGD([w], lr=0.001)).epoch(x)
    assert np.isfinite(losses).all()
    assert np.isfinite(w.data).all()


def test_labels_out_of_range_in_an_epoch():
    x, y = samples(60, (3, 5, 4))
    y[40] = 4
    with pytest.raises(ValueError, match="class indices must lie in 0 to 3"):
        tg.compile(*network((3, 5, 4)), backend="numba").epoch(x, y, batch_size=2)


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
@pytest.mark.usefixtures("python_handles_ctrl_c")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_ctrl_c_between_two_steps(backend):
    loss, optimizer = network()
    step = tg.compile(loss, optimizer, backend=backend)
    x, y = samples(2)
    step.epoch(x, y)
    x, y = np.tile(x, (2_000_000, 1)), np.tile(y, (2_000_000, 1))
    other, twin = network()
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        step.epoch(x, y)
    assert time.perf_counter() - begin < 5
    n = optimizer.steps
    tg.compile(other, twin, backend="numba").epoch(x[:n], y[:n])
    for p, q in zip(optimizer.parameters, twin.parameters, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-6, atol=1e-8)


def test_wrong_epochs():
    loss, optimizer = network()
    step = tg.compile(loss, optimizer)
    x, y = samples(5)
    with pytest.raises(ValueError, match=r"as many samples, and at least one; got \[5, 4\]"):
        step.epoch(x, y[:4])
    with pytest.raises(ValueError, match=r"at least one; got \[0, 0\]"):
        step.epoch(x[:0], y[:0])
    with pytest.raises(TypeError, match="whose first axis is that of the samples"):
        step.epoch(1.0)
    with pytest.raises(IndexError, match="the order goes from 0 to 5, and the 5 samples"):
        step.epoch(x, y, order=[0, 5])
    with pytest.raises(TypeError, match="the order is a list of integers; got float64"):
        step.epoch(x, y, order=[0.5])
    with pytest.raises((TypeError, ValueError), match="batch_size"):
        step.epoch(x, y, batch_size=0)
    reporting = tg.compile(lambda x, y: (loss(x, y), {"n": 1}), optimizer)
    with pytest.raises(TypeError, match="an epoch returns the losses"):
        reporting.epoch(x, y)


def test_threads_train_with_numba_at_once():
    x, y = samples(400)
    expected = tg.compile(*network(), backend="numba").epoch(x, y)

    def train(_):
        return tg.compile(*network(), backend="numba").epoch(x, y)

    with ThreadPoolExecutor(2) as pool:
        for losses in pool.map(train, range(2)):
            np.testing.assert_array_equal(losses, expected)
