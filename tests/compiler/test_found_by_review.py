"""Programs that once gave a wrong answer, each with the right one."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

from .backends import BACKENDS, active

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def parameter(values):
    return tg.Tensor(np.array(values, float), requires_grad=True)


def test_arguments_may_have_any_names(backend):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    results = []
    for way in ("numpy", backend):
        w = parameter(np.ones((2, 1)))
        with active(way) as (compiling, _):
            step = compiling(
                lambda x, x_, w=w: tg.mean_squared_error(tg.tanh(x @ w) * x_[0], x_),
                optim.SGD([w], lr=0.1),
            )
            results.append((step.epoch(a, b), w.data))
    np.testing.assert_allclose(results[1][0], results[0][0])
    np.testing.assert_allclose(results[1][1], results[0][1])

    def loop(a):
        for _ in range(30):
            a = a * a * 0.5 + 0.25
        return a

    functions = [
        lambda _: loop(_) + _,
        lambda i, r: (i @ r).sum(0) + i.sum(),
        lambda ok, check: ok * check + 1,
        lambda values, gradient: values - gradient,
        lambda row, len: row * len,  # noqa: A006 - the name of an argument
    ]
    x = rng.uniform(-1, 1, size=(3, 3))
    with active(backend) as (_, jit):
        for function in functions:
            args = [x, x.T][: function.__code__.co_argcount]
            np.testing.assert_allclose(jit(function)(*args), function(*args))


def test_options_of_a_group_that_are_cleared(backend):
    w = parameter([1.0])
    optimizer, x = optim.SGD([w], lr=0.1), np.ones(1)
    with active(backend) as (compiling, _):
        step = compiling(lambda x: (w * x).sum(), optimizer)
        optimizer.groups[0].options["momentum"] = 0.9
        step(x), step(x)
        optimizer.groups[0].options.clear()
        before = w.data.copy()
        step(x)
    np.testing.assert_allclose(before - w.data, [0.1])


@pytest.mark.parametrize("n", [2, 5000])
def test_what_is_reported_is_from_before_the_step(backend, n):
    w = parameter(np.arange(1.0, n + 1))
    extras = [lambda: w * 1.0, lambda: w[:2], lambda: w.T, w.sum, lambda: w[0]]
    for extra in extras:
        for optimizer in (optim.SGD([w], lr=1.0), optim.Adam([w], lr=0.1)):
            with active(backend) as (compiling, _):
                step = compiling(lambda x, extra=extra: ((w * x).sum(), extra()), optimizer)
                for x in (np.ones(n), np.full(n, 2.0)):
                    expected = np.asarray(extra().data).copy()
                    found = step(x)[1]
                    np.testing.assert_allclose(found, expected, rtol=1e-12)
                    assert not np.shares_memory(found, w.data)


def test_integers_that_a_function_uses_are_read_in_every_call(backend):
    labels = tg.Tensor(np.array([0, 1]))
    x = np.array([[1.0, 2.0], [3.0, 9.0]])
    with active(backend) as (_, jit):
        compiled = jit(lambda x: tg.softmax_cross_entropy(x, labels))
        for data in ([0, 1], [1, 0]):
            labels.data = np.array(data)
            expected = tg.softmax_cross_entropy(x, labels.data)
            np.testing.assert_allclose(compiled(x), expected)


def test_dropout_of_a_constant_is_drawn_anew(backend):
    dropout, w, ones = nn.Dropout(0.5, rng=0), parameter(np.ones((8, 1))), np.ones((1, 8))
    with active(backend) as (compiling, _):
        step = compiling(lambda y: (dropout(ones) @ w * y).sum(), optim.SGD([w], lr=0.0))
        assert len({step(np.ones(1)) for _ in range(8)}) > 1


def test_what_was_computed_outside_is_refused(backend):
    w = parameter([1.0, 2.0])
    before = (w * w).sum()
    with active(backend) as (compiling, _):
        step = compiling(lambda x: (w * x).sum() + before, optim.SGD([w], lr=0.1))
        with pytest.raises(TypeError, match="was computed outside of the function"):
            step(np.ones(2))


FLOATS, SMALL = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 0.3], np.float32)
CALLS = {
    "unsigned": (lambda a, b: a + -b, np.array([10, 20, 30]), np.array([1, 2, 3], np.uint8)),
    "unsigned difference": (lambda a, b: a - -b, np.arange(3), np.array([1, 2, 3], np.uint8)),
    "minus zero": (lambda a: 1.0 / (-a * 0 + 0), np.ones(3)),
    "float32 and a number": (lambda a: (a > 0.1) * 1.0 + (a == 0.1) * 2.0, SMALL),
    "where": (lambda a: np.where(a <= 0.3, a, 0.1), SMALL),
    "and": (lambda a, b: np.logical_and(a, b) * 1.0 + 2, FLOATS * 50, np.array([1.0, 0.0, 7.0])),
    "sum of truths": (lambda a: ((a > 0.15) + (a > 0)) * 1.5, FLOATS),
    "product of truths": (lambda a: ((a[:, None] > 0) @ (a[None] > 0.15)) * 1.5, FLOATS),
    "count of truths": (lambda a: (a > 0.15).sum() * 1.5, FLOATS),
    "column by column": (lambda a: a.reshape(2, 3, order="F") * 2.0, np.arange(6.0)),
    "sign": (lambda a: np.sign(a) * 2.0, np.array([np.inf, -np.inf, 0.0, -0.0, np.nan, 2.0])),
    "short integers": (lambda a: (a * a) / 2.0, np.array([2**20], np.int32)),
    "reciprocal": (lambda a: np.reciprocal(a) * 1.0, np.array([1, 2, 3])),
    "sum in float32": (lambda a: a.sum(), np.full(40000, 0.1, np.float32)),
    "small sum in float32": (lambda a: a.sum(), SMALL),
    "large integers": (lambda a: a.max(), np.array([2**60 + 1, 5])),
    "seven axes": (lambda a: a * 2.0 + 1.0, np.ones((2,) * 8)),
    "other byte order": (lambda a: a * 2, np.arange(3, dtype=">f8")),
    "one more axis": (lambda a: a[True] * 2.0, FLOATS),
}


@pytest.mark.parametrize("name", CALLS)
def test_numbers_are_those_of_numpy(backend, name):
    function, *args = CALLS[name]
    with np.errstate(all="ignore"), active(backend) as (_, jit):
        expected, compiled = function(*args), jit(function)
        for _ in range(2):
            found = compiled(*args)
            assert found.dtype == expected.dtype.newbyteorder("=")
            np.testing.assert_allclose(found, expected, rtol=1e-6, strict=False)


def test_steps_that_could_not_be_written(backend):
    v, w = parameter(np.ones(5000)), parameter(np.ones(2))
    big = parameter(np.ones((100, 50)))
    x = np.ones((100, 50))
    with active(backend) as (compiling, _):
        adam = optim.Adam([v], lr=0.1)
        assert compiling(lambda: ((v * v).sum(), v[:2]), adam)()[0] == 5000
        step = compiling(
            lambda x: tg.maximum(tg.where(x > 0, tg.sigmoid(big), big), 0.1).sum(),
            optim.Adam([big], lr=0.1),
        )
        step(x), step(x)
        for loss in (lambda x: ((w * w).sum(), x * 2), lambda x: (w.sum(), w * x)):
            assert compiling(loss, optim.Adam([w], lr=0.0))(np.ones(2))[0] == 2
        rule = optim.AdamW([w, v], lr=0.1, weight_decay=[0.1, 0.2])
        assert np.isfinite(compiling(lambda x: (v * x).sum() + w.sum(), rule)(np.ones(1)))
        pair = optim.AdamW([w, z := parameter(np.ones(3))], lr=0.1, weight_decay=[0.1, 0.2])
        compiling(lambda: (z * z).sum() + w.sum(), pair)()


def test_a_step_that_fails_leaves_statistics_and_generators(backend):
    norm, dropout, w = nn.BatchNorm(2), nn.Dropout(0.5, rng=0), parameter(np.ones((2, 1)))
    x = np.random.default_rng(0).normal(size=(4, 2))
    with active(backend) as (compiling, _), np.errstate(all="ignore"):
        step = compiling(
            lambda x: (dropout(norm(x)) @ w).sum(), optim.SGD([w, *norm.parameters()], lr=0.1)
        )
        step(x)
        before = norm.state_dict(), dropout.rng.bit_generator.state
        for bad in (np.nan, np.inf):
            x[0, 0] = bad
            with pytest.raises(FloatingPointError):
                step(x)
        for name, array in norm.state_dict().items():
            np.testing.assert_array_equal(array, before[0][name])
        assert dropout.rng.bit_generator.state == before[1]


def test_a_schedule_that_raises_counts_no_steps(backend):
    def schedule(t):
        if t >= 40:
            raise ZeroDivisionError
        return 0.01

    w = parameter([1.0])
    optimizer = optim.SGD([w], lr=schedule)
    with active(backend) as (compiling, _):
        step = compiling(lambda x: (w * x).sum(), optimizer)
        with pytest.raises(ZeroDivisionError):
            step.epoch(np.ones((100, 1)))
    np.testing.assert_allclose(w.data, [1 - 0.01 * optimizer.steps])


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_what_is_no_plain_array_is_refused(backend):
    w = parameter([1.0, 2.0])
    with active(backend) as (compiling, jit):
        step = compiling(lambda x: (w * x).sum(), optim.SGD([w], lr=0.1))
        for wrong in (np.ma.array([1.0, 2.0], mask=[0, 1]), np.matrix([1.0, 2.0])):
            for call in (step, step.epoch, jit(lambda x: x * 2.0)):
                with pytest.raises(TypeError, match="no plain array"):
                    call(wrong)
