"""Layers: each is the expression that its docstring says."""

from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import activations

X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_a_linear_layer_is_activation_of_x_w_plus_b(name):
    layer = nn.Linear(3, 2, name, bias_init="normal", rng=0)
    expected = activations.ACTIVATIONS[name](X @ layer.W.data + layer.b.data)
    np.testing.assert_allclose(layer(X).data, expected, rtol=1e-14)


def test_a_linear_layer_without_bias():
    layer = nn.Linear(3, 2, bias=False, rng=0)
    assert layer.b is None
    assert layer.parameters() == [layer.W]
    np.testing.assert_allclose(layer(X).data, X @ layer.W.data)


def test_the_default_weights_suit_the_activation():
    def std(activation):
        return nn.Linear(400, 100, activation, rng=0).W.data.std()

    assert std("relu") == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert std(nn.LeakyReLU(0.2)) == std(partial(tg.elu, alpha=0.5)) == std(tg.relu) == std("relu")
    assert std("tanh") == std(None) == pytest.approx(np.sqrt(2 / 500), rel=0.02)
    assert std(nn.Tanh()) == std(lambda x: x) == std("tanh")


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.Identity(), lambda x: x),
        (nn.Sigmoid(), tg.sigmoid),
        (nn.Tanh(), tg.tanh),
        (nn.ReLU(), tg.relu),
        (nn.LeakyReLU(negative_slope=0.2), lambda x: tg.leaky_relu(x, 0.2)),
        (nn.LeakyReLU(0.3), lambda x: tg.leaky_relu(x, 0.3)),
        (nn.ELU(alpha=2.0), lambda x: tg.elu(x, 2.0)),
        (nn.Softplus(), tg.softplus),
        (nn.GELU(), tg.gelu),
        (nn.SiLU(), tg.silu),
        (nn.Mish(), tg.mish),
        (nn.Hardtanh(-2, 2), lambda x: tg.hardtanh(x, -2, 2)),
        (nn.ReLU6(), tg.relu6),
        (nn.Softmax(axis=0), lambda x: tg.softmax(x, 0)),
        (nn.LogSoftmax(), tg.log_softmax),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_an_activation_as_a_module(module, function):
    np.testing.assert_array_equal(module(tg.Tensor(X)).data, function(X))


def test_maxout_is_the_largest_of_its_pieces():
    layer = nn.Maxout(3, 4, pieces=2, rng=0)
    pieces = (X @ layer.linear.W.data).reshape(5, 4, 2)
    np.testing.assert_allclose(layer(X).data, pieces.max(axis=2))
    tg.check_gradients(lambda W: tg.maxout(tg.linear(X, W), 2), layer.linear.W)


def test_sequential_applies_one_after_the_other():
    network = nn.Sequential(nn.Linear(3, 4, rng=0), tg.tanh, nn.Linear(4, 1, rng=1))
    np.testing.assert_allclose(network(X).data, network[2](tg.tanh(network[0](X))).data)
    assert len(network) == 3
    assert [*network][1] is tg.tanh


def test_an_mlp_is_written_out():
    network = nn.MLP([3, 4, 2, 1], "tanh", "sigmoid", bias_init="normal", rng=0)
    W1, b1, W2, b2, W3, b3 = (p.data for p in network.parameters())
    h = np.tanh(np.tanh(X @ W1 + b1) @ W2 + b2)
    np.testing.assert_allclose(network(X).data, tg.sigmoid(h @ W3 + b3), rtol=1e-14)
    assert [p.name for p in network.parameters()] == ["W1", "b1", "W2", "b2", "W3", "b3"]


def test_an_mlp_keeps_single_precision():
    network = nn.MLP([3, 4, 1], rng=0, dtype=np.float32)
    loss = network(X.astype(np.float32)).sum()
    loss.backward()
    assert loss.dtype == np.float32
    assert {p.grad.dtype for p in network.parameters()} == {np.dtype(np.float32)}


# --- dropout ----------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_a_part_and_keeps_the_mean(p):
    y = nn.Dropout(p, rng=0)(tg.Tensor(np.ones(100_000))).data
    kept = y[y != 0]
    assert kept.size / y.size == pytest.approx(1 - p, abs=0.01)
    np.testing.assert_allclose(kept, 1 / (1 - p))


def test_dropout_draws_a_new_mask_each_time_and_the_same_ones_for_a_seed():
    x = tg.Tensor(np.ones(50))
    first, second = nn.Dropout(0.5, rng=1), nn.Dropout(0.5, rng=1)
    masks = [first(x).data for _ in range(2)]
    assert not np.array_equal(*masks)
    np.testing.assert_array_equal(masks, [second(x).data for _ in range(2)])


def test_dropout_does_nothing_in_use():
    x = tg.Tensor(X)
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0.0)(x) is x


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dropout_keeps_the_precision(dtype):
    assert nn.Dropout(0.3, rng=0)(tg.Tensor(X, dtype=dtype)).dtype == dtype


def test_the_gradient_flows_through_what_was_kept_to_any_order():
    x = tg.Tensor(np.ones(20), requires_grad=True)
    y = nn.Dropout(0.5, rng=0)(x * x)
    y.sum().backward(create_graph=True)
    np.testing.assert_allclose(x.grad.data, 2 * y.data)
    first = x.grad
    x.zero_grad()
    first.sum().backward()
    np.testing.assert_allclose(x.grad, 2 * y.data)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Linear(2, 3, "rellu"), ValueError, "'rellu'; known are identity, sigmoid"),
        (lambda: nn.Linear(0, 3), ValueError, "positive integer; got 0"),
        (lambda: nn.Linear(2, 3.5), ValueError, "positive integer; got 3.5"),
        (lambda: nn.Linear(True, 3), ValueError, "positive integer; got True"),
        (lambda: nn.Linear(2, 3, ["relu"]), ValueError, r"unknown activation \['relu'\]"),
        (lambda: nn.Linear(2, 3, rng="zero"), TypeError, "a seed or None; got 'zero'"),
        (lambda: nn.Linear(2, 3, rng=1.5), TypeError, "a seed or None; got 1.5"),
        (lambda: nn.Linear(2, 3, rng=-1), ValueError, "a seed or None; got -1"),
        (lambda: nn.Maxout(2, 3, -2), ValueError, "positive integer; got -2"),
        (lambda: nn.MLP([2]), ValueError, r"at least two sizes.* got \[2\]"),
        (lambda: nn.MLP(3), ValueError, r"at least two sizes.* got \[3\]"),
        (lambda: nn.MLP([2, -1]), ValueError, "positive integer; got -1"),
        (lambda: nn.Dropout(1.0), ValueError, "below 1; got 1.0"),
        (lambda: nn.Dropout("0.5"), ValueError, "a number, .* got '0.5'"),
        (lambda: nn.Sequential(nn.ReLU(), 3), TypeError, "module or a function; got 3"),
        (lambda: nn.Sequential(nn.ReLU), TypeError, r"not its class; got ReLU: write ReLU\(\)"),
        (lambda: nn.ReLU(slope=0.1), TypeError, "ReLU takes no options; got slope"),
        (lambda: nn.ReLU(0.1), TypeError, "ReLU takes no options; got 0.1"),
        (lambda: nn.ELU(1, alpha=2), TypeError, "ELU takes alpha; got 1, alpha"),
        (lambda: nn.LeakyReLU(slope=0.1), TypeError, "LeakyReLU takes negative_slope; got slope"),
        (lambda: nn.Linear(2, 3)(X), ValueError, r"\(5, 3\).*\(2, 3\)"),
    ],
)
def test_bad_input_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
