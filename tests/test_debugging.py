"""Debugging: the one who made the nan is named, graphs cannot be written into, units are judged."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim
from tinygrad_edu.debugging import explain_nonfinite, find_nonfinite, gradient_flow, unit_health
from tinygrad_edu.debugging.health import euclidean_norm

from .garbage import garbage_of


def variable(data, name=None):
    return tg.Tensor(data, requires_grad=True, name=name)


def cross_entropy_of_probabilities(p, y):
    """As it is written in many a tutorial: nan as soon as p is 1."""
    with np.errstate(all="ignore"):
        return -(y * tg.log(p) + (1 - y) * tg.log(1 - p))


# --- where a nan is born ----------------------------------------------------------------------


def test_the_operation_that_made_it_raises_with_its_input_and_line():
    p = variable([0.5, 0.0], "p")
    with np.errstate(divide="ignore"), tg.debug(), pytest.raises(FloatingPointError) as caught:
        (tg.log(p) * 2.0).sum()
    message = str(caught.value)
    for part in (
        "log made -inf at (1,)",
        "its input is 0.0",
        "log(p: (2,) float64)",
        f"{Path(__file__).name}: (tg.log(p) * 2.0).sum()",
    ):
        assert part in message


def test_what_is_fine_passes_and_gives_the_same():
    x = variable([1.0, 2.0])
    with tg.debug():
        y = (tg.log(x) * x).sum()
        y.backward()
    np.testing.assert_allclose(x.grad, np.log([1, 2]) + 1)


def test_the_gradient_that_is_made_infinite_raises():
    x = variable([4.0, 0.0], "x")
    with tg.debug():
        y = tg.sqrt(x).sum()
    with pytest.raises(FloatingPointError, match="sqrt passes to its input 0 is inf") as caught:
        y.backward()
    assert "y = tg.sqrt(x).sum()" in str(caught.value)
    assert x.grad is None


def test_an_operation_is_not_blamed_for_the_nan_it_was_given():
    x = variable([1.0, 2.0])
    with tg.debug():
        y = tg.log(x)
    y.backward([np.nan, 1.0])
    np.testing.assert_array_equal(x.grad, [np.nan, 0.5])


def test_gradients_of_gradients_are_watched_too():
    x = variable(0.0)
    with tg.debug():
        y = tg.power(x, 1.5)
        y.backward(create_graph=True)
        first = x.grad
        with np.errstate(divide="ignore"), pytest.raises(FloatingPointError):
            first.backward()


def test_a_nan_that_was_given_is_told_from_one_that_was_made():
    with tg.debug(), pytest.raises(FloatingPointError, match="input 1 was nan already"):
        variable([1.0, 2.0]) * np.array([1.0, np.nan])


def test_inf_may_be_allowed_but_nan_is_not():
    x = variable([0.0])
    with np.errstate(all="ignore"), tg.debug(allow_inf=True):
        y = tg.log(x)
        with pytest.raises(FloatingPointError, match="multiply made nan"):
            y * 0.0


def test_the_layer_is_named():
    network = tg.nn.MLP([1, 2, 1], "sigmoid", tg.log, init="zeros", rng=0)
    with np.errstate(divide="ignore"), tg.debug(), pytest.raises(FloatingPointError) as caught:
        network(np.ones((3, 1)))
    assert "log in MLP.layers.1 made -inf at (0, 0)" in str(caught.value)


def test_nothing_is_watched_outside_of_the_block_or_in_another_thread():
    x = variable(0.0)
    results = []

    def infinite():
        with np.errstate(divide="ignore"):
            results.append(tg.log(x))

    with tg.debug():
        thread = threading.Thread(target=infinite)
        thread.start()
        thread.join()
    infinite()
    assert [y.item() for y in results] == [-np.inf, -np.inf]


def test_the_observer_that_was_there_goes_on_observing():
    seen = []
    with tg.context.within(observer=seen.append), tg.debug():
        variable(1.0) * 2.0
    assert [node._op.__name__ for node in seen] == ["multiply"]


# --- afterwards -----------------------------------------------------------------------------------


def test_the_node_that_made_the_nan_of_a_loss_is_found():
    z = variable([[40.0]], "z")
    loss = cross_entropy_of_probabilities(tg.sigmoid(z), np.array([[1.0]])).mean()
    assert np.isnan(loss.item())
    culprit = find_nonfinite(loss)
    assert (culprit._op.__name__, culprit.item()) == ("log", -np.inf)
    assert explain_nonfinite(loss).splitlines()[:2] == [
        "log made -inf at (0, 0)",
        "  where its input is 0.0",
    ]
    assert find_nonfinite(tg.sigmoid_cross_entropy(z, [[1.0]])) is None


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x @ x,
        lambda x: tg.linear(x, x),
        lambda x: tg.cumsum(x, axis=0),
        lambda x: x.sum(axis=0) * np.ones((2, 2)),
    ],
    ids=["matmul", "linear", "cumsum", "sum"],
)
def test_no_single_number_is_named_where_many_were_combined(compute):
    with np.errstate(over="ignore"):
        loss = compute(variable(np.full((2, 2), 1e308))).sum()
    assert "made inf at" in explain_nonfinite(loss)
    assert "where its" not in explain_nonfinite(loss)


def test_a_leaf_that_was_not_finite():
    w = variable([1.0, np.nan], "w")
    loss = (w * 2.0).sum()
    assert find_nonfinite(loss) is w
    assert explain_nonfinite(loss) == "w: (2,) float64 is nan at (1,); it was not computed"


def test_the_first_gradient_that_is_not_finite_is_explained():
    x = variable([4.0, 0.0], "x")
    h = x * 1.0
    loss = (tg.sqrt(h) * 3.0).sum()
    text = explain_nonfinite(loss)
    assert text.splitlines()[0] == "the gradient of Tensor: (2,) float64 is inf at (1,)"
    assert "it comes from sqrt(" in text
    assert x.grad is None
    assert not any(node._retains_grad for node in (x, h, loss))
    assert explain_nonfinite(variable(2.0) * 2.0) == "all values and gradients are finite"


def test_a_deep_graph_is_no_problem():
    x = y = variable(1.0)
    for _ in range(5000):
        y = y * 1.0
    assert find_nonfinite(y) is None
    assert explain_nonfinite(y + x) == "all values and gradients are finite"


# --- who writes into a graph ------------------------------------------------------------------


def test_arrays_of_a_live_graph_are_read_only_until_it_is_gone():
    w, x = variable([1.0, 2.0]), np.array([3.0, 4.0])
    with tg.debug():
        h = w * x
        loss = (h * w).sum()
    for array in (w.data, x, h.data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    loss.backward()
    del loss
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 0.0  # h needs it
    del h
    w.data[0] = x[0] = 5.0


def test_debugging_leaves_no_garbage():
    w, x = variable([1.0, 2.0]), np.array([3.0, 4.0])

    def step():
        with tg.debug():
            (w * x).sum().backward()

    assert garbage_of(step) == 0


def test_an_array_that_was_read_only_stays_so():
    x = np.array([3.0, 4.0])
    x.flags.writeable = False
    with tg.debug():
        h = variable([1.0, 2.0]) * x
    del h
    assert not x.flags.writeable


def test_nothing_is_frozen_unless_wanted():
    w = variable([1.0, 2.0])
    with tg.debug(freeze=False):
        y = w * 2.0
    w.data[0] = y.data[0] = 5.0


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam])
def test_an_optimizer_may_go_on(make):
    w, v, large = variable(np.ones(3)), variable(np.ones(2)), variable(np.ones((65, 64)))
    optimizer = make([w, v, large], lr=0.1)
    losses = []
    with tg.debug():
        for _ in range(3):
            optimizer.zero_grad()
            losses.append((w * w).sum() + (v * v).sum() + (large * large).mean())
            losses[-1].backward()
            optimizer.step()
        w.data = np.ones(3)
        optimizer.step()
    assert losses[0].item() > losses[1].item() > losses[2].item()


def test_an_optimizer_writes_into_what_is_frozen_and_leaves_it_so():
    w, large = variable(np.ones(3)), variable(np.ones((65, 64)))
    optimizer = optim.SGD([w, large], lr=0.1)
    arrays = [w.data, large.data]
    with tg.debug():
        loss = (w * w).sum() + (large * large).sum()
        loss.backward()
        optimizer.step()
    for p, array in zip((w, large), arrays, strict=True):
        assert p.data is array
        np.testing.assert_allclose(array, 0.8)
        assert not array.flags.writeable
    del loss
    assert all(array.flags.writeable for array in arrays)


def test_what_two_blocks_freeze_stays_so_until_both_graphs_are_gone():
    w = variable([1.0, 2.0])
    with tg.debug():
        first = w * 2.0
    with tg.debug():
        second = w * 3.0
    del first
    assert not w.data.flags.writeable
    del second
    assert w.data.flags.writeable


# --- health -----------------------------------------------------------------------------------


def test_dead_units_are_those_without_slope_for_every_sample():
    x = np.array([[1.0, -1.0, -1.0, 1.0], [2.0, -2.0, 3.0, -1.0]])
    health = unit_health(tg.relu, variable(x))["relu"]
    assert (health.activation, health.units) == ("relu", 4)
    assert health.dead == 1 / 4
    assert health.saturated == 4 / 8
    assert health.mean == np.maximum(x, 0).mean()


@pytest.mark.parametrize(
    ("activation", "x", "saturated"),
    [
        (tg.sigmoid, [[0.0, 5.0], [-5.0, 1.0]], 2 / 4),
        (tg.tanh, [[0.0, 4.0], [-5.0, 1.0]], 2 / 4),
        (tg.elu, [[0.0, 4.0], [-5.0, 1.0]], 1 / 4),
        (lambda t: tg.leaky_relu(t, 0.1), [[0.0, 4.0], [-5.0, 1.0]], 0.0),
    ],
)
def test_saturation_is_a_slope_far_below_the_steepest(activation, x, saturated):
    (health,) = unit_health(activation, variable(x)).values()
    assert health.saturated == saturated
    assert health.dead == 0.0


def test_every_layer_is_judged_by_its_name():
    network = tg.nn.MLP([2, 3, 3, 1], "tanh", "sigmoid", rng=0)
    health = unit_health(network, np.ones((5, 2)))
    assert [*health] == ["layers.0", "layers.1", "layers.2"]
    assert [h.activation for h in health.values()] == ["tanh", "tanh", "sigmoid"]


@tg.no_grad()
def test_units_are_judged_although_nothing_is_recorded():
    assert unit_health(tg.relu, variable(np.ones((2, 2))))["relu"].dead == 0


def test_layers_without_names_are_counted():
    x = variable(np.ones((2, 2)))
    assert [*unit_health(lambda: tg.tanh(tg.tanh(x)))] == ["tanh", "tanh (2)"]


def test_layers_of_one_name_are_counted_whatever_the_name():
    @tg.scope("a layer")
    def layer(x):
        return tg.tanh(x)

    x = variable(np.ones((2, 2)))
    assert [*unit_health(lambda: layer(layer(layer(x))))] == [
        "a layer",
        "a layer (2)",
        "a layer (3)",
    ]


def test_the_health_of_no_samples_is_refused():
    network = tg.nn.MLP([2, 3, 1], "tanh", rng=0)
    with pytest.raises(ValueError, match=r"at least one; tanh\(Tensor: \(0, 3\) float64\)"):
        unit_health(network, np.ones((0, 2)))


@pytest.mark.parametrize(
    ("call", "got"),
    [
        (lambda: find_nonfinite(np.nan), "float"),
        (lambda: explain_nonfinite(np.array(np.nan)), "ndarray"),
        (lambda: gradient_flow([variable(1.0)]), "list"),
    ],
)
def test_what_cannot_be_looked_into_is_refused(call, got):
    with pytest.raises(TypeError, match=f"got {got}"):
        call()


def test_gradient_flow_shows_what_arrives_at_each_layer():
    network = tg.nn.MLP([2, *[5] * 10, 1], "sigmoid", init="uniform", rng=0)
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    tg.sigmoid_cross_entropy(network(x), y).backward()
    flow = gradient_flow(network)
    assert flow.keys() == dict(network.named_parameters()).keys()
    assert flow["layers.0.W"] < 1e-5 * flow["layers.10.W"]
    W = network.layers[3].W
    assert flow["layers.3.W"] == pytest.approx(np.linalg.norm(W.grad))
    W.zero_grad()
    assert gradient_flow({"W": W}) == {"W": 0.0}
    W.grad = np.full(W.shape, 1e200)
    assert gradient_flow({"W": W}) == {"W": pytest.approx(1e200 * math.sqrt(W.size))}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_norm_is_that_of_all_elements(dtype):
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(dtype)
    assert euclidean_norm(x) == euclidean_norm(tg.Tensor(x)) == pytest.approx(np.linalg.norm(x))
    largest = float(np.finfo(dtype).max)
    assert euclidean_norm(np.full(2, largest, dtype)) == pytest.approx(largest * math.sqrt(2))
