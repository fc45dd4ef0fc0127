"""Initializers: the same seed gives the same bits, and the variances are those of the papers."""

from functools import partial

import numpy as np
import pytest

from tinygrad_edu import nn
from tinygrad_edu.nn import init

every_initializer = pytest.mark.parametrize("name", init.INITIALIZERS)


@every_initializer
@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState, int])
def test_the_same_seed_gives_the_same_bits(name, make):
    f = init.find(name)
    first, second, other = (f((5, 7), make(seed)) for seed in (3, 3, 4))
    assert first.shape == (5, 7)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, second)
    assert np.array_equal(first, other) == (name in ("zeros", "constant"))


def test_without_a_seed_every_draw_is_another():
    assert not np.array_equal(init.normal((3,)), init.normal((3,)))


@pytest.mark.parametrize(
    ("f", "variance"),
    [
        (init.xavier_normal, 2 / 1000),
        (partial(init.xavier_normal, fan="in"), 1 / 400),
        (partial(init.xavier_uniform, fan="out", gain=2.0), 4 / 600),
        (init.xavier_uniform, 2 / 1000),
        (init.he_normal, 2 / 400),
        (partial(init.he_normal, fan="avg"), 2 / 500),
        (init.he_uniform, 2 / 400),
        (partial(init.he_uniform, fan="out", gain=0.5), 0.25 * 2 / 600),
        (partial(init.normal, std=3.0), 9),
        (init.uniform, 1 / 3),
    ],
)
def test_the_variance_is_that_of_the_formula(f, variance):
    W = f((400, 600), 0)
    assert W.var() == pytest.approx(variance, rel=0.02)
    assert abs(W.mean()) < 4 * np.sqrt(variance / W.size)


@pytest.mark.parametrize(("f", "variance"), [(init.xavier_uniform, 2 / 5), (init.he_uniform, 1)])
def test_uniform_weights_fill_their_interval(f, variance):
    W, limit = f((2, 3), np.random.default_rng(0)), np.sqrt(3 * variance)
    many = np.concatenate([f((2, 3), seed) for seed in range(500)])
    assert np.abs(W).max() <= limit
    assert 0.98 * limit < np.abs(many).max() <= limit


def test_published_recipes_are_met_bit_for_bit():
    def rng():
        return np.random.RandomState(30)

    randn = rng().randn(4, 3)
    for fan, n in (("in", 4), ("out", 3)):
        np.testing.assert_array_equal(
            init.he_normal((4, 3), rng(), fan=fan), randn * np.sqrt(2 / n)
        )
        np.testing.assert_array_equal(
            init.xavier_normal((4, 3), rng(), fan=fan), randn * np.sqrt(1 / n)
        )
    np.testing.assert_array_equal(init.normal((4, 3), rng(), std=0.1), randn * 0.1)
    np.testing.assert_array_equal(init.uniform((4, 3), rng()), rng().uniform(-1, 1, (4, 3)))


def test_a_network_draws_weight_bias_weight_bias_from_one_source():
    rng = np.random.RandomState(0)
    expected = [rng.randn(*shape) for shape in [(2, 2), (2,), (2, 4), (4,)]]
    network = nn.MLP(
        [2, 2, 4], "sigmoid", init="normal", bias_init="normal", rng=np.random.RandomState(0)
    )
    for p, values in zip(network.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.data, values)


def test_a_seed_draws_every_layer_anew():
    first, second = nn.MLP([3, 3, 3], rng=0).layers
    assert not np.array_equal(first.W.data, second.W.data)


def test_the_numbers_drawn_do_not_depend_on_the_precision():
    double, single = (nn.Linear(3, 2, rng=0, dtype=d).W.data for d in (np.float64, np.float32))
    np.testing.assert_array_equal(double.astype(np.float32), single)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: init.find("xaver_normal"), "unknown initializer 'xaver_normal'; known are zeros,"),
        (lambda: nn.Linear(2, 3, init="he"), "known are .*he_normal"),
        (lambda: init.he_normal((4,), 0), r"shape \(inputs, outputs\), or .*; got shape \(4,\)"),
        (
            lambda: init.he_normal((0, 3), 0),
            r"shape \(inputs, outputs\), or .*; got shape \(0, 3\)",
        ),
        (
            lambda: init.he_normal((4, 3), 0, fan="inn"),
            "one of in, out, avg; got 'inn'",
        ),
        (lambda: nn.Linear(2, 3, init=lambda _, rng: rng.normal(size=3)), r"W .*got \(3,\)"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_fans_of_a_convolution_count_its_window():
    W = init.he_normal((200, 100, 3, 3), 0)
    assert W.std() == pytest.approx(np.sqrt(2 / 900), rel=0.02)
    assert init.he_normal((20, 10, 3, 3), 0, fan="out").std() == pytest.approx(
        np.sqrt(2 / 180), rel=0.05
    )
