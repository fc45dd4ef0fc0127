"""Figures, judged by what they show: their lines, images, labels and axes."""

from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

plt = pytest.importorskip("matplotlib.pyplot")
from tinygrad_edu.viz import figures  # noqa: E402 - after matplotlib is known to be there


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    plt.close("all")  # those of others
    yield
    plt.close("all")


FUNCTIONS = {
    "an activation": lambda ax: figures.activation_curve("relu", ax),
    "training curves": lambda ax: figures.training_curves({"loss": [1, 2]}, ax),
    "gradient flow": lambda ax: figures.gradient_flow(np.ones((3, 2)), ax),
    "a loss surface": lambda ax: figures.loss_surface(
        lambda x, y: x * x + y * y, {"SGD": partial(optim.SGD, lr=0.1)}, (1.0, 1.0), ax, steps=3
    ),
    "a boundary": lambda ax: figures.decision_boundary(
        lambda x: x[:, 0] > 0, np.array([[-1.0, 0.0], [1.0, 1.0]]), [0, 1], ax
    ),
    "errors": lambda ax: figures.error_scatter([[0, 0], [1, 1]], [0, 1], [0, 0], ax),
    "a network": lambda ax: figures.network_diagram(nn.MLP([2, 3, 1], rng=0), ax),
}


@pytest.mark.parametrize("draw", FUNCTIONS.values(), ids=FUNCTIONS)
def test_draws_on_the_axes_given_and_returns_them(draw):
    ax = plt.subplots()[1]
    assert draw(ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("draw", FUNCTIONS.values(), ids=FUNCTIONS)
def test_makes_a_figure_if_there_are_no_axes(draw):
    draw(None)
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("draw", FUNCTIONS.values(), ids=FUNCTIONS)
def test_can_be_rendered(draw):
    draw(None).get_figure().canvas.draw()


# --- wrong arguments --------------------------------------------------------------------------

X, Y = np.random.default_rng(0).normal(size=(6, 2)), np.arange(6) % 2
SGD = {"SGD": partial(optim.SGD, lr=0.1)}
NETWORK = nn.MLP([2, 3, 1], rng=0)


def bowl(x, y):
    return x * x + y * y


WRONG = [
    # what is called, with what, which error, what it says
    (figures.activation_curve, (tg.relu, plt.Figure()), TypeError, "Axes, as plt.subplots.*Figure"),
    (figures.activation_curve, ("softmax",), ValueError, "what this one makes of an element"),
    (figures.activation_curve, (lambda x: x.sum(),), ValueError, r"same shape; got \(\)"),
    (
        figures.activation_curve,
        (lambda _: 3.0,),
        TypeError,
        "returns a Tensor if it is given one; got float",
    ),
    (figures.activation_curve, ("relu", {"span": (5, -5)}), ValueError, r"first and the last x.*5"),
    (figures.activation_curves, ([],), ValueError, "an activation to draw"),
    (figures.activation_curves, (["relu"], {"columns": 0}), ValueError, "columns .* at least 1"),
    (figures.activation_histograms, ({},), ValueError, "mapping of names .* got an empty one"),
    (figures.activation_histograms, (np.ones((3, 4, 5)),), TypeError, "mapping .* got ndarray"),
    (
        figures.activation_histograms,
        ({"h": np.ones((3, 4))},),
        ValueError,
        r"of h must have the shape \(steps, samples, units\); got \(3, 4\)",
    ),
    (figures.activation_histograms, ({"h": np.ones((0, 4, 5))},), ValueError, "not be empty"),
    (
        figures.activation_histograms,
        ({"a": np.ones((3, 4, 5)), "b": np.ones((2, 4, 5))},),
        ValueError,
        "same number of steps; got {'a': 3, 'b': 2}",
    ),
    (
        figures.activation_histograms,
        ({"h": np.ones((3, 4, 5))}, {"activation": "than"}),
        ValueError,
        "unknown activation 'than'",
    ),
    (
        figures.activation_histograms,
        ({"h": np.ones((3, 4, 5))}, {"steps": [1, 2]}),
        ValueError,
        "times of 3 records, in ascending order; got 2",
    ),
    (figures.training_curves, ({},), ValueError, "nothing to draw"),
    (figures.training_curves, ([1, 2, 3],), TypeError, "record of each epoch; got int"),
    (figures.training_curves, (None,), TypeError, "record of each epoch; got NoneType"),
    (figures.training_curves, ({"loss": 3.0},), ValueError, r"shape \(epochs,\); got \(\)"),
    (figures.training_curves, ({"loss": ["a"]},), TypeError, r"loss in the history .* float: 'a'"),
    (
        figures.training_curves,
        ({"epoch": [0, 1, 2], "loss": [1, 2]},),
        ValueError,
        "3 epochs, but 2 numbers for loss",
    ),
    (figures.update_grid, ([np.ones((4, 2))],), TypeError, "mapping .* got list"),
    (figures.update_grid, ({"b": np.ones(())},), ValueError, r"steps in front; got {'b': \(\)}"),
    (figures.update_grid, ({"b": np.ones((4, 0))},), ValueError, "only empty arrays"),
    (figures.update_grid, ({"W": np.ones((2, 99, 9))},), ValueError, "891 axes; more than 200"),
    (figures.gradient_flow, ([1, 2, 3],), ValueError, r"\(steps, layers\); got \(3,\)"),
    (figures.gradient_flow, ({"a": [1, 2], "b": [1]},), ValueError, "{'a': 2, 'b': 1}"),
    (figures.gradient_flow, ({"a": [1, 2]}, {"limits": (1, 0)}), ValueError, "0 < low < high"),
    (figures.gradient_flow, ({"a": [1, 2]}, {"steps": [2, 1]}), ValueError, "ascending order"),
    (figures.loss_surface, (bowl, {}, (1, 1)), ValueError, "got an empty one"),
    (figures.loss_surface, (bowl, {"a": 3}, (1, 1)), TypeError, "partial.* got int for 'a'"),
    (figures.loss_surface, (bowl, SGD, (1, 1, 1)), ValueError, "a pair of numbers; got"),
    (figures.loss_surface, (bowl, SGD, (1, 1), {"span": (-1, 1)}), ValueError, "span must be"),
    (figures.loss_surface, (bowl, SGD, (1, 1), {"steps": -1}), ValueError, "steps must not be"),
    (
        figures.loss_surface,
        (lambda x, y: bowl(x, y).sum(), SGD, (1, 1)),
        ValueError,
        r"element by element.* \(200, 200\) it returned \(\)",
    ),
    (figures.loss_surface, (lambda *_: 3.0, SGD, (1, 1)), TypeError, "return a Tensor .* float"),
    (figures.decision_boundary, (3, X, Y), TypeError, "function of points; got int"),
    (figures.decision_boundary, (NETWORK, X, Y[:3]), ValueError, r"6 points, .* shape \(3,\)"),
    (figures.decision_boundary, (NETWORK, X * np.nan, Y), ValueError, "must be finite"),
    (figures.decision_boundary, (NETWORK, X[:0], Y[:0]), ValueError, r"empty; got \(0, 2\)"),
    (
        figures.decision_boundary,
        (lambda x: x[:5, 0], X, Y),
        ValueError,
        r"for \(40000, 2\) it returned float64 of shape \(5,\)",
    ),
    (figures.decision_boundary, (NETWORK, X, Y, {"resolution": 1}), ValueError, "at least 2"),
    (figures.error_scatter, (X, Y[:2], Y[:2]), ValueError, r"6 points, .* shape \(2,\)"),
    (figures.neuron_boundaries, (tg.relu, X, Y), TypeError, "a Sequential, as an MLP .* function"),
    (figures.neuron_boundaries, (nn.MLP([2, 3], rng=0), X, Y), ValueError, "this one has 2 and 3"),
    (figures.neuron_boundaries, (nn.MLP([3, 1], rng=0), X, Y), ValueError, "this one has 3 and 1"),
    (figures.network_diagram, (tg.relu,), TypeError, "must be a module"),
    (
        figures.network_diagram,
        (nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(4, 1, rng=0)),),
        ValueError,
        r"shapes \(2, 3\), \(4, 1\)",
    ),
    (figures.network_diagram, (nn.Sequential(tg.relu),), ValueError, "no linear layer"),
    (figures.network_diagram, (nn.MLP([784, 9], rng=0),), ValueError, "793 units can hardly be"),
    (figures.animate_training, (NETWORK, X, Y), TypeError, "of several times.* got one MLP"),
    (
        figures.animate_training,
        ([NETWORK, nn.MLP([2, 1], rng=0)], X, Y),
        ValueError,
        "must be alike",
    ),
    (figures.save_animation, (None, "a.gif"), TypeError, "animate_training returned; got NoneType"),
]


@pytest.mark.parametrize(("draw", "arguments", "error", "message"), WRONG)
def test_wrong_arguments_are_refused_before_anything_is_drawn(draw, arguments, error, message):
    options = arguments[-1] if isinstance(arguments[-1], dict) and len(arguments) > 1 else {}
    positional = arguments[:-1] if options else arguments
    with pytest.raises(error, match=message):
        draw(*positional, **options)
    assert plt.get_fignums() == []
