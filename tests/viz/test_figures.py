"""Figures, judged by what they show: their lines, images, labels and axes."""

from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

plt = pytest.importorskip("matplotlib.pyplot")
from tinygrad_edu.viz import boundaries, figures  # noqa: E402 - after matplotlib is known to be there


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    yield
    plt.close("all")


@pytest.fixture
def moons():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 40)
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    X[20:] = [1.0, 0.4] - X[20:]
    return X, np.repeat([0, 1], 20)


def labels(axes):
    return [line.get_label() for line in axes.lines]


FUNCTIONS = {
    "an activation": lambda ax: figures.activation_curve("relu", ax),
    "training curves": lambda ax: figures.training_curves({"loss": [1, 2]}, ax),
    "gradient flow": lambda ax: figures.gradient_flow(np.ones((3, 2)), ax),
    "a loss surface": lambda ax: figures.loss_surface(
        lambda x, y: x * x + y * y, {"SGD": partial(optim.SGD, lr=0.1)}, (1.0, 1.0), ax, steps=3
    ),
    "a boundary": lambda ax: boundaries.decision_boundary(
        lambda x: x[:, 0] > 0, np.array([[-1.0, 0.0], [1.0, 1.0]]), [0, 1], ax
    ),
    "errors": lambda ax: boundaries.error_scatter([[0, 0], [1, 1]], [0, 1], [0, 0], ax),
    "a network": lambda ax: boundaries.network_diagram(nn.MLP([2, 3, 1], rng=0), ax),
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


# --- activations ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "gelu"])
def test_an_activation_stands_beside_its_derivative(name):
    f, slope = figures.activation_curve(name, span=(-3, 3)).lines
    x = f.get_xdata()
    assert (x[0], x[-1]) == (-3, 3)
    np.testing.assert_array_equal(f.get_ydata(), getattr(tg, name)(x))
    smooth = np.abs(x[1:-1]) > 0.05
    central = (f.get_ydata()[2:] - f.get_ydata()[:-2]) / (x[2:] - x[:-2])
    np.testing.assert_allclose(slope.get_ydata()[1:-1][smooth], central[smooth], atol=1e-4)


def test_an_unknown_activation_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match=r"than.*tanh"):
        figures.activation_curve("than")


def test_activations_in_rows():
    axes = figures.activation_curves(["relu", "tanh", tg.softplus], columns=2)
    assert [[ax.get_title() for ax in row] for row in axes] == [["relu", "tanh"], ["softplus", ""]]
    assert [ax.get_visible() for ax in axes.flat] == [True, True, True, False]
    assert axes[0, 0].get_legend() is not None


def test_histograms_count_what_is_saturated_and_what_is_dead():
    h = np.zeros((2, 10, 4))
    h[0] = 0.5
    h[1, :, 0] = 1.0  # one unit of four saturated, three dead
    axes = figures.activation_histograms({"a": h, "b": h}, activation="tanh", steps=[0, 100])
    assert axes.shape == (2, 2)
    assert [ax.get_title() for ax in axes[0]] == ["a", "b"]
    saturated, dead = axes[1, 1].lines
    assert labels(axes[1, 1]) == ["saturated outputs", "dead units"]
    np.testing.assert_array_equal(saturated.get_ydata(), [0, 0.25])
    np.testing.assert_array_equal(dead.get_ydata(), [0, 0.75])
    np.testing.assert_array_equal(dead.get_xdata(), [0, 100])
    shares = axes[0, 0].collections[0].get_array()
    np.testing.assert_allclose(shares.sum(axis=0), 1)  # a column is a whole histogram


def test_a_rectifier_has_no_upper_limit_to_saturate_at():
    axes = figures.activation_histograms({"a": np.full((2, 3, 1), 7.0)}, activation="relu")
    assert labels(axes[1, 0]) == ["dead units"]


# --- training ---------------------------------------------------------------------------------


def test_losses_are_on_the_left_and_accuracies_in_percent_on_the_right():
    history = {"loss": [0.7, 0.5], "val_loss": [0.8, 0.6], "accuracy": [0.5, 0.9]}
    ax = figures.training_curves(history)
    right = ax.get_figure().axes[1]
    assert labels(ax) == ["loss", "val_loss"]
    assert labels(right) == ["accuracy"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [0.8, 0.6])
    assert (ax.get_ylabel(), right.get_ylabel(), ax.get_xlabel()) == ("loss", "accuracy", "epoch")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*history]


def test_the_history_of_a_training_is_drawn(moons):
    X, y = moons
    network = nn.MLP([2, 3, 2], rng=0)
    history = tg.History(
        tg.train(
            network,
            X,
            y,
            loss=tg.softmax_cross_entropy,
            optimizer=optim.SGD(network.parameters(), lr=0.1),
            epochs=3,
            progress=False,
        )
    )
    for form in (history, history.epochs):  # as a mapping, and as records
        ax = figures.training_curves(form)
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), history["loss"])
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 1, 2, 3])


def test_only_what_is_asked_for_is_drawn_on_a_log_scale_if_wanted():
    ax = figures.training_curves({"loss": [1, 2], "rate": [3, 4]}, names=["rate"], log=True)
    assert labels(ax) == ["rate"]
    assert ax.get_yscale() == "log"


def test_what_is_not_in_the_history_is_an_error():
    with pytest.raises(ValueError, match=r"no speed in the history; it has loss"):
        figures.training_curves({"loss": [1]}, names=["speed"])


def test_every_parameter_has_axes_of_its_own():
    updates = {"W": np.arange(12.0).reshape(3, 2, 2), "b": np.ones((3, 2))}
    axes = figures.update_grid(updates, columns=4)
    assert axes.shape == (2, 4)
    titles = [ax.get_title() for ax in axes.flat if ax.get_visible()]
    assert titles == ["W[0, 0]", "W[0, 1]", "W[1, 0]", "W[1, 1]", "b[0]", "b[1]"]
    np.testing.assert_array_equal(axes[0, 1].lines[1].get_ydata(), [1, 5, 9])
    np.testing.assert_array_equal(axes[0, 1].lines[1].get_xdata(), [1, 2, 3])


def test_eighteen_parameters_are_six_by_three():
    network = nn.MLP([2, 2, 4], rng=0)
    updates = {p.name: np.zeros((5, *p.shape)) for p in network.parameters()}
    assert figures.update_grid(updates).shape == (6, 3)


def test_axes_of_the_wrong_number_are_an_error():
    with pytest.raises(ValueError, match="needs 1 x 3 axes; got 2"):
        figures.update_grid({"b": np.zeros((2, 3))}, plt.subplots(1, 2)[1])


def test_gradient_flow_has_a_row_for_each_layer_on_a_log_scale():
    ax = figures.gradient_flow({"W1": [1e-6, 1e-5], "W2": [1e-2, 0.0]}, steps=[0, 100])
    (mesh,) = ax.collections
    assert [text.get_text() for text in ax.get_yticklabels()] == ["W1", "W2"]
    values = mesh.get_array()
    np.testing.assert_array_equal(values.filled(-1), [[1e-6, 1e-5], [1e-2, -1]])
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1e-6, 1e-2)
    assert type(mesh.norm).__name__ == "LogNorm"
    assert len(ax.get_figure().axes) == 2  # and a color bar
    assert ax.get_xlim() == (-50, 150)


def test_gradient_flow_of_an_array_names_its_layers():
    ax = figures.gradient_flow(np.ones((5, 3)), limits=(1e-3, 1))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["layer 1", "layer 2", "layer 3"]
    assert ax.collections[0].norm.vmin == 1e-3


def test_gradient_flow_without_any_gradient_is_all_gray():
    values = figures.gradient_flow(np.zeros((4, 2))).collections[0].get_array()
    assert values.mask.all()


def test_paths_of_optimizers_are_their_steps():
    rules = {"SGD": partial(optim.SGD, lr=0.1), "still": partial(optim.SGD, lr=0.0)}
    ax = figures.loss_surface(lambda x, y: x**2 + y**2, rules, (1.0, -1.0), steps=5)
    moving, still = ax.lines[:2]
    np.testing.assert_allclose(moving.get_xdata(), 0.8 ** np.arange(6))
    np.testing.assert_array_equal(still.get_xydata(), [[1, -1]] * 6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["SGD (0.21)", "still (2)"]


# --- the plane --------------------------------------------------------------------------------


def test_the_boundary_of_a_probability_runs_at_one_half(moons):
    X, y = moons
    ax = boundaries.decision_boundary(lambda x: 1 / (1 + np.exp(-10 * x[:, 0])), X, y)
    image = ax.images[0]
    x0, x1, *_ = image.get_extent()
    columns = np.linspace(x0, x1, image.get_array().shape[1])
    np.testing.assert_array_equal(image.get_array()[0] > 0.5, columns > 0)
    line = ax.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(line[:, 0], 0, atol=0.02)


def test_the_data_are_on_top_each_class_with_a_mark_and_a_color(moons):
    X, y = moons
    ax = boundaries.decision_boundary(lambda x: x[:, :1] * 0, X, y, logits=True)
    points = ax.collections[-2:]
    assert [p.get_label() for p in points] == ["0", "1"]
    np.testing.assert_array_equal(points[1].get_offsets(), X[20:])
    assert len({tuple(p.get_facecolor()[0]) for p in points}) == 2
    assert points[0].get_paths()[0].vertices.shape != points[1].get_paths()[0].vertices.shape
    np.testing.assert_array_equal(ax.images[0].get_array(), 0.5)  # the sigmoid of 0


def test_several_classes_are_regions(moons):
    X, _ = moons
    network = nn.MLP([2, 3], init="zeros")
    network[0].W.data = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 5.0]])
    ax = boundaries.decision_boundary(network, X, np.arange(40) % 3)
    assert set(np.unique(ax.images[0].get_array())) == {0, 1, 2}
    assert len(ax.collections) == 6  # three boundaries, three classes


def test_data_of_three_dimensions_are_an_error():
    with pytest.raises(ValueError, match=r"shape \(n, 2\); got \(4, 3\)"):
        boundaries.decision_boundary(lambda x: x, np.zeros((4, 3)), np.zeros(4))


def test_errors_are_six_times_as_large():
    ax = boundaries.error_scatter([[0, 0], [1, 0], [2, 0]], [1, 1, 2], [1, 2, 2])
    first, second = ax.collections
    np.testing.assert_allclose(first.get_sizes(), [15 * 0.2, 15 * 1.2])
    np.testing.assert_allclose(second.get_sizes(), 15 * 0.2)
    assert ax.get_title() == "accuracy 66.7 %: 1 of 3 wrong"


def test_labels_and_predictions_of_different_shape_are_an_error():
    with pytest.raises(ValueError, match=r"\(2,\) and \(2, 1\)"):
        boundaries.error_scatter([[0, 0], [1, 0]], [0, 1], [[0], [1]])


def test_every_neuron_has_a_picture_of_where_it_is_positive(moons):
    X, y = moons
    network = nn.MLP([2, 4, 3, 1], "tanh", rng=0)
    axes = boundaries.neuron_boundaries(network, X, y, resolution=20)
    assert axes.shape == (1, 8)
    assert axes[0, 5].get_title() == "layer 2, neuron 1"
    plane = boundaries.Plane(X, 20)
    z1 = plane.points @ network[0].W.data
    shown = axes[0, 2].images[0].get_array()
    np.testing.assert_array_equal(shown, (z1[:, 1] > 0).reshape(20, 20))
    output = 1 / (1 + np.exp(-network(plane.points).data.reshape(20, 20)))
    np.testing.assert_allclose(axes[0, 0].images[0].get_array(), output)


def test_two_outputs_are_shown_as_one_probability(moons):
    X, y = moons
    network = nn.Sequential(nn.Linear(2, 3, rng=0), tg.relu, nn.Linear(3, 2, rng=1))
    axes = boundaries.neuron_boundaries(network, X, y, resolution=10)
    assert axes.shape == (1, 4)
    p = tg.softmax(network(boundaries.Plane(X, 10).points)).data[:, 1]
    np.testing.assert_allclose(axes[0, 0].images[0].get_array().ravel(), p)


def test_a_network_is_drawn_with_every_node_and_every_weight():
    network = nn.MLP([2, 4, 4, 2], "tanh", rng=0)
    ax = boundaries.network_diagram(network)
    texts = [text.get_text() for text in ax.texts]
    assert sum(text.startswith("$x") for text in texts) == 2
    assert sum(text.startswith("$z") for text in texts) == 10
    assert sum(text.startswith("$h") for text in texts) == 8
    assert texts.count("tanh") == 2
    assert texts.count("softmax") == 1
    weights = [c.get_array() for c in ax.collections if c.get_array() is not None]
    expected = [layer.W.data.ravel() for layer in network]
    for drawn, values in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(drawn, values)
