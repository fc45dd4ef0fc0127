"""Figures of classifiers and their neurons on the plane, judged by what they show."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

plt = pytest.importorskip("matplotlib.pyplot")
from matplotlib.colors import to_rgba  # noqa: E402

from tinygrad_edu.viz import figures  # noqa: E402 - after matplotlib is known to be there
from tinygrad_edu.viz.figures.axes import CLASSES  # noqa: E402
from tinygrad_edu.viz.figures.plane import Plane  # noqa: E402


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    plt.close("all")  # those of others
    yield
    plt.close("all")


@pytest.fixture
def moons():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 40)
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    X[20:] = [1.0, 0.4] - X[20:]
    return X, np.repeat([0, 1], 20)


def test_the_boundary_of_a_probability_runs_at_one_half(moons):
    X, y = moons
    ax = figures.decision_boundary(lambda x: 1 / (1 + np.exp(-10 * x[:, 0])), X, y)
    image = ax.images[0]
    x0, x1, *_ = image.get_extent()
    columns = np.linspace(x0, x1, image.get_array().shape[1])
    np.testing.assert_array_equal(image.get_array()[0] > 0.5, columns > 0)
    line = ax.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(line[:, 0], 0, atol=0.02)


def test_the_data_are_on_top_each_class_with_a_mark_and_a_color(moons):
    X, y = moons
    ax = figures.decision_boundary(lambda x: x[:, :1] * 0, X, y, logits=True)
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
    ax = figures.decision_boundary(network, X, np.arange(40) % 3)
    assert set(np.unique(ax.images[0].get_array())) == {0, 1, 2}
    assert len(ax.collections) == 6  # three boundaries, three classes


def test_data_of_three_dimensions_are_an_error():
    with pytest.raises(ValueError, match=r"shape \(n, 2\); got \(4, 3\)"):
        figures.decision_boundary(lambda x: x, np.zeros((4, 3)), np.zeros(4))


def test_errors_are_six_times_as_large():
    ax = figures.error_scatter([[0, 0], [1, 0], [2, 0]], [1, 1, 2], [1, 2, 2])
    first, second = ax.collections
    np.testing.assert_allclose(first.get_sizes(), [40 * 0.2, 40 * 1.2])
    np.testing.assert_allclose(second.get_sizes(), 40 * 0.2)
    assert ax.get_title() == "accuracy 66.7 %: 1 of 3 wrong"


def test_labels_and_predictions_of_different_shape_are_an_error():
    with pytest.raises(ValueError, match=r"\(2,\) and \(2, 1\)"):
        figures.error_scatter([[0, 0], [1, 0]], [0, 1], [[0], [1]])


def test_every_neuron_has_a_picture_of_where_it_is_positive(moons):
    X, y = moons
    network = nn.MLP([2, 4, 3, 1], "tanh", rng=0)
    axes = figures.neuron_boundaries(network, X, y, resolution=20)
    assert axes.shape == (1, 8)
    assert axes[0, 5].get_title() == "layer 2, neuron 1"
    plane = Plane(X, 20)
    z1 = plane.points @ network[0].W.data
    shown = axes[0, 2].images[0].get_array()
    np.testing.assert_array_equal(shown, (z1[:, 1] > 0).reshape(20, 20))
    output = 1 / (1 + np.exp(-network(plane.points).data.reshape(20, 20)))
    np.testing.assert_allclose(axes[0, 0].images[0].get_array(), output)


@pytest.mark.parametrize(
    "draw", [figures.neuron_boundaries, figures.decision_boundary], ids=["neurons", "boundary"]
)
def test_networks_are_shown_as_they_are_in_use_without_dropout(moons, draw):
    first, second = nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1)
    with_dropout = nn.Sequential(first, nn.Dropout(0.5, rng=0), second)
    with_dropout[0].training = False
    shown, expected = (
        [ax.images[0].get_array() for ax in np.ravel(draw(network, *moons))]
        for network in (with_dropout, nn.Sequential(first, second))
    )
    np.testing.assert_array_equal(shown, expected)
    assert [layer.training for layer in with_dropout] == [False, True, True]


def test_two_outputs_are_shown_as_one_probability(moons):
    X, y = moons
    network = nn.Sequential(nn.Linear(2, 3, rng=0), tg.relu, nn.Linear(3, 2, rng=1))
    axes = figures.neuron_boundaries(network, X, y, resolution=10)
    assert axes.shape == (1, 4)
    p = tg.softmax(network(Plane(X, 10).points)).data[:, 1]
    np.testing.assert_allclose(axes[0, 0].images[0].get_array().ravel(), p)


def test_a_network_is_drawn_with_every_node_and_every_weight():
    network = nn.MLP([2, 4, 4, 2], "tanh", rng=0)
    ax = figures.network_diagram(network)
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


def test_a_module_of_ones_own_is_drawn_with_a_key():
    class Own(nn.Module):
        def __init__(self):
            self.hidden = nn.Linear(2, 3, rng=0)
            self.out = nn.Linear(3, 1, rng=1)

        def __call__(self, x):
            return self.out(tg.tanh(self.hidden(x)))

    network = Own()
    ax = figures.network_diagram(network)
    assert sum(text.get_text().startswith("$z") for text in ax.texts) == 4
    largest = max(np.abs(layer.W.data).max() for layer in (network.hidden, network.out))
    sizes = [float(text.get_text().replace("−", "-")) for text in ax.get_legend().get_texts()]
    assert sizes == pytest.approx([-largest, -largest / 4, largest / 4, largest], rel=0.05)
    key = [line.get_linewidth() for line in ax.get_legend().get_lines()]
    drawn = np.concatenate(
        [c.get_linewidths() for c in ax.collections if c.get_array() is not None]
    )
    assert max(key) == pytest.approx(max(drawn))


def test_a_class_without_points_leaves_the_others_their_colors(moons):
    X, _ = moons
    ax = figures.decision_boundary(
        lambda x: np.stack([x[:, 0] * 0, x[:, 0], -x[:, 0]], 1), X, [2] * 40
    )
    assert tuple(ax.collections[-1].get_facecolor()[0]) == to_rgba(CLASSES[2])
    ax = figures.decision_boundary(lambda x: x[:, 0], X, np.ones(40))
    assert tuple(ax.collections[-1].get_facecolor()[0]) == to_rgba(CLASSES[1])


def test_more_classes_than_colors_are_told_apart():
    X = np.random.default_rng(0).normal(size=(40, 2))
    ax = figures.error_scatter(X, np.arange(40) % 10, np.arange(40) % 10)
    looks = {
        (tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.tobytes()) for c in ax.collections
    }
    assert len(looks) == 10


def test_regions_of_more_classes_than_colors_have_the_tints_of_their_points():
    X = np.random.default_rng(0).normal(size=(40, 2))
    turned = np.linspace(0, 6, 8)
    ax = figures.decision_boundary(
        lambda x: np.cos(np.arctan2(x[:, :1], x[:, 1:]) - turned), X, np.arange(40) % 8
    )
    image = ax.images[0]
    tints = image.cmap(image.norm(np.arange(8)))
    np.testing.assert_array_equal(tints[6], tints[0])
    assert len({tuple(tint) for tint in tints}) == 6


@pytest.mark.parametrize("points", [[[1.0, 2.0]], [[0.0, 1.0], [2.0, 1.0]]])
def test_points_on_a_line_have_a_plane_around_them(points):
    ax = figures.decision_boundary(lambda x: x[:, 0], points, [0] * len(points))
    x0, x1, y0, y1 = ax.images[0].get_extent()
    assert x0 < min(x for x, _ in points) <= max(x for x, _ in points) < x1
    assert (y0, y1) == (points[0][1] - 0.5, points[0][1] + 0.5)


def test_data_may_be_tensors(moons):
    X, y = moons
    ax = figures.error_scatter(tg.Tensor(X), tg.Tensor(y), tg.Tensor(y))
    assert ax.get_title() == "accuracy 100.0 %: 0 of 40 wrong"
