"""Figures of activations, trainings and optimizers, judged by what they show."""

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


def bowl(x, y):
    return x**2 + y**2


def labels(axes):
    return [line.get_label() for line in axes.lines]


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


def test_what_is_close_to_a_limit_is_saturated():
    h = np.array([-0.985, -0.97, 0.97, 0.985, 0.5]).reshape(1, 5, 1)
    (ax,) = figures.activation_histograms({"a": h}, activation="tanh")[1]
    assert ax.lines[0].get_ydata() == 2 / 5
    (ax,) = figures.activation_histograms({"a": h}, activation="tanh", margin=0.1)[1]
    assert ax.lines[0].get_ydata() == 4 / 5


def test_a_single_histogram_has_room_beside_its_color_bar():
    axes = figures.activation_histograms({"a": np.full((2, 3, 1), 0.5)})
    figure = axes[0, 0].get_figure()
    figure.canvas.draw()
    assert axes[0, 0].get_position().width * figure.get_size_inches()[0] > 1.5


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
    assert right.spines["right"].get_visible()
    assert all(x == int(x) for x in ax.get_xticks())  # there is no half an epoch


def test_a_legend_of_four_curves_is_not_cut_off():
    names = ["training_loss", "validation_loss", "training_accuracy", "validation_accuracy"]
    ax = figures.training_curves({name: [0.5, 0.6] for name in names})
    ax.figure.canvas.draw()
    legend, figure = ax.get_legend().get_window_extent(), ax.figure.bbox
    assert legend.x0 >= figure.x0
    assert legend.x1 <= figure.x1
    assert legend.y0 >= figure.y0


def test_the_history_of_a_training_is_drawn():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    network = nn.MLP([2, 3, 2], rng=0)
    history = tg.train(
        network,
        X,
        y,
        loss=tg.softmax_cross_entropy,
        optimizer=optim.SGD(network.parameters(), lr=0.1),
        epochs=3,
        progress=False,
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
    ax = figures.loss_surface(bowl, rules, (1.0, -1.0), steps=5)
    moving, still = ax.lines[:2]
    np.testing.assert_allclose(moving.get_xdata(), 0.8 ** np.arange(6))
    np.testing.assert_array_equal(still.get_xydata(), [[1, -1]] * 6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["SGD (0.21)", "still (2)"]


# --- hard points ------------------------------------------------------------------------------


def test_names_with_brackets_have_one_color_each():
    updates = {"layers[0].W": np.ones((3, 2)), "layers[1].W": np.ones((3, 1))}
    axes = figures.update_grid(updates)
    assert [ax.get_title() for ax in axes.flat] == [
        "layers[0].W[0]",
        "layers[0].W[1]",
        "layers[1].W[0]",
    ]
    first, second, third = (ax.lines[1].get_color() for ax in axes.flat)
    assert first == second != third


def test_cells_reach_halfway_to_the_next_step():
    ax = figures.gradient_flow({"W": [1.0, 2.0, 3.0]}, steps=[0, 1, 10])
    edges = ax.collections[0].get_coordinates()[0, :, 0]
    np.testing.assert_array_equal(edges, [-0.5, 0.5, 5.5, 14.5])


def test_a_path_that_lies_on_another_leaves_its_edges_free():
    makers = {name: lambda p: tg.optim.SGD(p, lr=0.1) for name in "abc"}
    ax = figures.loss_surface(lambda x, y: x * x + y * y, makers, (1.0, 1.0))
    widths = [line.get_linewidth() for line in ax.lines[:3]]
    assert np.all(np.diff(widths) < -1)


def test_the_legend_of_optimizers_hides_no_path():
    rules = {f"lr {lr}": partial(optim.SGD, lr=lr) for lr in (0.01, 0.1, 0.4)}
    ax = figures.loss_surface(bowl, rules, (-1.5, 1.5), steps=5)
    ax.get_figure().canvas.draw()
    assert not ax.get_legend().get_window_extent().overlaps(ax.get_window_extent())


def test_an_optimizer_that_diverges_is_drawn_as_far_as_it_goes():
    rules = {"wild": partial(optim.SGD, lr=5.0), "tame": partial(optim.SGD, lr=0.01)}
    ax = figures.loss_surface(lambda x, y: x**4 + y**4, rules, (1.0, 1.0), steps=20)
    wild, tame = ax.lines[:2]
    assert 1 < len(wild.get_xdata()) < len(tame.get_xdata()) == 21


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, _: x * 0.0 + 3.0,
        lambda x, y: tg.log(x) + y,
        lambda x, _: tg.where(x == 1.0, x, np.nan),
    ],
    ids=["flat", "not everywhere defined", "nowhere defined on the grid"],
)
def test_a_loss_that_is_flat_or_not_everywhere_defined_is_drawn(loss):
    ax = figures.loss_surface(loss, {"SGD": partial(optim.SGD, lr=0.1)}, (1.0, 1.0), steps=2)
    ax.get_figure().canvas.draw()
    assert len(ax.lines) == 2  # the path, and where it begins


def test_without_a_step_only_the_beginning_is_drawn():
    ax = figures.loss_surface(bowl, {"SGD": partial(optim.SGD, lr=0.1)}, (1.0, -1.0), steps=0)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, -1]])


def test_accuracies_alone_have_the_axis_on_the_left():
    ax = figures.training_curves({"accuracy": [0.5, 0.9], "val_accuracy": [0.4, 0.8]})
    assert labels(ax) == ["accuracy", "val_accuracy"]
    assert ax.get_ylabel() == "accuracy"
    assert len(ax.get_figure().axes) == 1
    assert ax.yaxis.get_major_formatter()(0.5) == "50%"


def test_without_a_loss_everything_is_drawn_but_the_epochs():
    ax = figures.training_curves({"epoch": [5, 6], "speed": [1, 2], "size": [3, 4]})
    assert labels(ax) == ["speed", "size"]
    assert ax.get_ylabel() == "value"
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [5, 6])
