"""The studies: each runs, and what may be asserted of them is.

Exact are the table of the third study and the chains of derivatives of the first two; robust over
seeds is what is tested over seeds here. All else the studies show as distributions.
"""

import contextlib
import importlib.util
import io
import json
import runpy
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

pytest.importorskip("joblib")
plt = pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("tqdm")
sklearn_datasets = pytest.importorskip("sklearn.datasets")

EXAMPLES = Path(__file__).parents[2] / "examples"
spec = importlib.util.spec_from_file_location("_studies", EXAMPLES / "_studies.py")
studies = importlib.util.module_from_spec(spec)
spec.loader.exec_module(studies)


def run(name, folder):
    """Run an example quickly; return its output and its numbers."""
    script = str(EXAMPLES / f"{name}.py")
    arguments = [script, "--quick", "--jobs", "1", "--output", str(folder)]
    output, progress = io.StringIO(), io.StringIO()
    plt.switch_backend("agg")
    with pytest.MonkeyPatch.context() as patch, plt.rc_context():  # faster than another process
        patch.chdir(folder)
        patch.setattr(sys, "argv", arguments)
        patch.syspath_prepend(EXAMPLES)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(progress):
            runpy.run_path(script, run_name="__main__")
    assert "100%" in progress.getvalue()
    assert "What holds is found by a full run" in output.getvalue()
    assert "inf" not in output.getvalue().partition("What holds")[2]
    for path in folder.glob("*.png"):
        assert path.stat().st_size > 5000, path.name
    return output.getvalue(), json.loads((folder / "numbers.json").read_text())


def names(folder, pattern):
    return sorted(path.name for path in folder.glob(pattern))


# --- each runs, and what is exact in it -----------------------------------------------------


def test_micrograd(tmp_path):
    _, numbers = run("micrograd", tmp_path)
    assert names(tmp_path, "*.png") == [
        "arrays.png", "moons.png", "one_unit.png", "scalars.png", "seeds.png"
    ]  # fmt: skip
    published = [0.895844102868, 1.723590533697, 0.742900631385]
    assert numbers["losses"][:3] == pytest.approx(published, abs=1e-12)
    assert numbers["difference"] < 1e-12
    assert numbers["operations"][0] > 1000 * numbers["operations"][1]
    assert numbers["solved"]["as the demo"] >= 0.9


def test_names(tmp_path):
    _, numbers = run("names", tmp_path)
    assert names(tmp_path, "*.png") == ["letters.png", "losses.png", "table.png", "tree.png"]
    assert numbers["learned"] == pytest.approx([numbers["counted"]] * 2, abs=1e-5)
    new = [loss for _, loss in numbers["counting"]]
    assert np.argmin(new) < len(new) - 1  # where counting ends
    assert len(numbers["by hand"]) == 19
    assert max(numbers["by hand"].values()) < 1e-15
    for losses in numbers["losses"].values():
        assert np.max(losses) < new[1]  # already after one epoch better than pairs


def test_names_are_those_of_the_list():
    lines = (EXAMPLES / "names.txt").read_text().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 5163
    assert lines == sorted(set(lines))
    assert set("".join(lines)) == set("abcdefghijklmnopqrstuvwxyz")


def test_digits_cnn(tmp_path):
    _, numbers = run("digits_cnn", tmp_path)
    assert names(tmp_path, "*.png") == [
        "accuracy.png", "feature_maps.png", "filters.png", "mistakes.png", "saliency.png"
    ]  # fmt: skip
    accuracy = {name: np.median(values) for name, values in numbers["accuracy"].items()}
    assert accuracy["convolutions, moved"] > max(0.93, accuracy["dense, moved"])
    salient, random, _ = np.median(numbers["without ink"], axis=0)
    assert salient < random


def test_relu_vs_sigmoid(tmp_path):
    output, numbers = run("relu_vs_sigmoid", tmp_path)
    assert names(tmp_path, "*.*") == [
        "activations.png", "epochs.png", "exor.html", "nan.svg", "numbers.json"
    ]  # fmt: skip
    # From a probability of 7 digits follow as many of the loss, and some less of its derivative.
    chain = numbers["chain"]
    assert chain["loss"] == pytest.approx(2.09437893, abs=5e-8)
    assert chain["dL/dout"] == pytest.approx(8.12039603, abs=5e-7)
    published = [-0.44106764, 0.65044284, -1.85483439, 2.19440352]
    assert chain["dL/dh2"] == pytest.approx(published, abs=1e-8)
    # The nan, its birth and its cure.
    assert "log made -inf" in output
    assert "multiply made nan" in output
    assert "- t) * tg.log(1 - p)" in output  # the line
    assert "on the logit: loss 4.2484e-18, gradient -4.2484e-18" in output


def test_more_layers(tmp_path):
    output, numbers = run("more_layers", tmp_path)
    assert {"exor.png", "walk.png", "walk.svg", "two_layers_4-3.html"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert numbers["chain"]["loss"] == pytest.approx(1.30734966, abs=5e-9)
    assert numbers["chain"]["dL/dout"] == pytest.approx(3.69636411, abs=2e-8)
    assert numbers["as by hand"]
    assert all(f"dL/d{name}" in output for name in ("prediction", "h2", "W3", "z1", "W1", "b1"))


def test_findings_are_those_of_a_full_run(tmp_path, capsys):
    for quick, expected in (True, "What holds is found by a full run"), (False, "median 12"):
        studies.conclude(SimpleNamespace(quick=quick, output=tmp_path), "median 12")
        assert expected in capsys.readouterr().out


def test_stacked_networks_compute_what_each_does():
    layers = [nn.Maxout(2, 3, rng=0), nn.Linear(3, 1, "tanh", rng=1)]
    networks = [nn.MLP([2, 3, 1], "relu", rng=seed) for seed in range(3)]
    x = np.array([[0.5, -0.6], [0.1, 0.8]])
    for alone in (networks, [nn.Sequential(*layers)]):
        together = studies.Stack(alone)(x).data
        np.testing.assert_allclose(together, [network(x).data for network in alone])


TABLE = {  # training and validation accuracy, as published
    "zeros, sigmoid": (0.5280, 0.5400),
    "zeros, tanh": (0.2507, 0.2480),
    "zeros, relu": (0.2507, 0.2480),
    "zeros, leaky .1": (0.2507, 0.2480),
    "random, sigmoid": (0.5827, 0.5680),
    "random, tanh": (0.8547, 0.8600),
    "random, relu": (0.9067, 0.9200),
    "random, leaky .1": (0.8933, 0.9000),
    "xavier, sigmoid": (0.8747, 0.8800),
    "xavier, tanh": (0.8800, 0.8800),
    "xavier, relu": (0.9053, 0.9240),
    "xavier, leaky .1": (0.8027, 0.8120),
}
TABLE |= {f"he, {name.split(', ')[1]}": TABLE[name] for name in TABLE if "random" in name}


def test_activation_and_init(tmp_path):
    output, numbers = run("activation_and_init", tmp_path)
    pictures = ["curves.png", "errors.png", "optimizers.png", "seeds.png", "updates.png"]
    assert names(tmp_path, "*.png") == pictures
    for cell, published in TABLE.items():
        assert [round(value, 4) for value in numbers["table"][cell]] == [*published], cell
    for name in ("sigmoid", "tanh", "relu", "leaky .1"):
        assert numbers["validation"][f"he, {name}"] == numbers["validation"][f"random, {name}"]
        expected = 0.54 if name == "sigmoid" else 0.248
        assert set(numbers["validation"][f"zeros, {name}"]) == {expected}
    assert numbers["he is random"]
    assert "without any hidden unit: .9293/.9520" in output


def test_weight_decay_moons(tmp_path):
    _, numbers = run("weight_decay_moons", tmp_path)
    assert names(tmp_path, "*.*") == [
        "network.png", "numbers.json", "plateau.png", "predictions.png", "tanh.png", "training.html"
    ]  # fmt: skip
    assert np.median(numbers["loss"][1]) == pytest.approx(np.median(numbers["line"]), abs=0.05)


def test_vanishing_gradient_xor(tmp_path):
    output, numbers = run("vanishing_gradient_xor", tmp_path)
    assert {"gradient_flow.png", "units_sigmoid.png", "curves.png", "solved.png"} <= set(
        names(tmp_path, "*.png")
    )
    assert numbers["solved"]["sigmoid"] == 0
    assert np.median(numbers["sigmoid gradient ratios"]) < 1e-5
    assert "softmax" in output  # in the table of activations by problem


def test_digits(tmp_path):
    _, numbers = run("digits", tmp_path)
    assert names(tmp_path, "*.png") == ["confusion.png", "training.png", "weights.png"]
    assert np.mean(numbers["accuracies"]) > 0.96  # after ten of forty epochs


def test_text_lstm(tmp_path):
    output, numbers = run("text_lstm", tmp_path)
    pictures = ["clipping.png", "gradients.png", "learning.png", "recall.png"]
    assert names(tmp_path, "*.png") == pictures
    assert "An LSTM after 40 steps:" in output
    # The gradient passes through a gate in proportion to how far it is open.
    factor = numbers["factor per letter"]
    assert factor["RNN"] < min(factor["LSTM"], factor["GRU"])
    assert max(factor["LSTM"], factor["GRU"]) < 0.7
    assert min(factor["LSTM, open"], factor["GRU, open"]) > 0.9
    assert max(numbers["known"]["LSTM"]) < 3.8  # after 40 of 300 steps; by chance it is 5.75
    assert np.median(numbers["clipped"][-1]) < np.median(numbers["without clipping"][-1])


def test_transformer(tmp_path):
    output, numbers = run("transformer", tmp_path)
    assert names(tmp_path, "*.*") == [
        "different_letters.png", "learning.png", "maps.html", "maps.png", "numbers.json"
    ]  # fmt: skip
    assert "tensor → " in output
    assert 0.25 < np.max(numbers["to the answer"]) < 1


def test_digits_are_read_with_97_5_percent():
    model = pytest.importorskip("tinygrad_edu.sklearn")
    selection = pytest.importorskip("sklearn.model_selection")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X, y = sklearn_datasets.load_digits(return_X_y=True)
    classifier = model.MLPClassifier(
        hidden_sizes=128,
        learning_rate=0.003,
        epochs=40,
        batch_size=32,
        l2=1e-4,
        random_state=0,
        compile=True,
    )
    folds = selection.StratifiedKFold(10, shuffle=True, random_state=0)
    scores = selection.cross_val_score(
        classifier, preprocessing.minmax_scale(X), y, cv=folds, error_score="raise"
    )
    assert scores.mean() >= 0.975


def test_physics(tmp_path):
    output, numbers = run("physics", tmp_path)
    assert names(tmp_path, "*.png") == ["loss_and_error.png", "motions.png"]
    assert "compiled" in output
    # A few steps find one period sooner than four.
    assert np.median(numbers["error"]["1"]) < np.median(numbers["error"]["4"])


def test_newton(tmp_path):
    _, numbers = run("newton", tmp_path)
    assert names(tmp_path, "*.*") == [
        "film.html", "numbers.json", "paths.png", "where_it_ends.png"
    ]  # fmt: skip
    assert set(numbers["bowl, Newton"]) == {1}  # of a quadratic, the curvature is the same all over
    assert max(numbers["valley, Newton"]) < 12
    assert None in numbers["hollows, Newton"]  # which end on the hill or on a pass
    assert None not in numbers["hollows, L-BFGS"]


def test_maml(tmp_path):
    _, numbers = run("maml", tmp_path)
    assert names(tmp_path, "*.png") == ["sines.png", "steps.png"]
    before, after = np.array(numbers["to learn"])[:, :2].T
    assert (after < before).all()


def test_optimize_the_input(tmp_path):
    _, numbers = run("optimize_the_input", tmp_path)
    assert names(tmp_path, "*.png") == ["attacks.png", "wanted.png"]
    plain, robust = (np.median(numbers["accuracy"][kind], axis=0) for kind in ("plain", "robust"))
    assert plain[0] > 0.9
    assert plain[3] < 0.5 < robust[3]
    assert np.median(numbers["others agree"]["plain"]) > 0.5  # by chance it is 0.1


def test_vae(tmp_path):
    _, numbers = run("vae", tmp_path)
    assert names(tmp_path, "*.png") == ["atlas.png", "places.png"]
    said = {weight: np.median(values[1]) for weight, values in numbers.items()}
    assert said["0"] > said["1"] > said["5"]


def test_gan_ring(tmp_path):
    _, numbers = run("gan_ring", tmp_path)
    assert names(tmp_path, "*.*") == ["film.html", "numbers.json", "rings.png"]
    smallest = {game: np.median(values[1]) for game, values in numbers.items()}
    assert smallest["marks, with penalty"] > smallest["classic"]


def test_bandit(tmp_path):
    _, numbers = run("bandit", tmp_path)
    assert names(tmp_path, "*.png") == ["learning.png"]
    best = numbers["the best lever"]
    # What all levers pay is no matter to who compares with the average.
    assert best["(0.1, True, 0)"] == pytest.approx(best["(0.1, True, 4)"], abs=0.02)
    assert best["(0.1, False, 4)"] < 0.8 * best["(0.1, False, 0)"]


# --- what is robust over seeds, tested over seeds ---------------------------------------------


def learn_xor(activation, seeds):
    """Full-batch gradient descent, as long as in the study; return ratios of norms, accuracies."""
    X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0, 1, 1, 0]]).T
    networks = studies.Stack(
        nn.MLP([2, *[5] * 10, 1], activation, init="uniform", rng=np.random.RandomState(seed))
        for seed in seeds
    )
    targets = np.broadcast_to(y, (len(networks), 4, 1)).astype(float)

    def loss():
        return tg.sigmoid_cross_entropy(networks(X), targets, reduction="sum") * 0.25

    loss().backward()
    first, *_, last = networks.gradient_norms()
    step = tg.compile(loss, tg.optim.SGD(networks.parameters, lr=0.1))
    for _ in range(10_001):
        step()
    return first / last, studies.binary_accuracy(networks, X, y[:, 0])


def test_sigmoid_never_learns_xor_through_ten_layers():
    ratios, accuracies = learn_xor("sigmoid", range(10))
    assert np.median(ratios) < 1e-5
    assert (accuracies < 1).all()


def test_tanh_learns_xor_through_ten_layers():
    _, accuracies = learn_xor("tanh", range(20))
    assert (accuracies == 1).mean() >= 0.95


def test_moons_leave_the_plateau_in_the_end():
    init = partial(nn.init.xavier_normal, fan="in")
    seeds = range(5)
    networks = studies.Stack(
        nn.MLP([2, 4, 4, 2], "tanh", init=init, rng=np.random.RandomState(seed)) for seed in seeds
    )
    data = [sklearn_datasets.make_moons(300, noise=0.22, random_state=seed) for seed in seeds]
    X, y = (np.stack(arrays) for arrays in zip(*data, strict=True))

    def loss(X, y):
        penalty = sum((W * W).sum() for W in networks.weights)
        return tg.softmax_cross_entropy(networks(X), y, reduction="sum") + 5e-4 * penalty

    step = tg.compile(loss, tg.optim.SGD(networks.parameters, lr=1e-4))
    for _ in range(24_000):
        step(X, y)
    penalties = sum(np.square(W.data).sum(axis=(1, 2)) for W in networks.weights) * 5e-4
    losses = tg.softmax_cross_entropy(networks(X), y, reduction="none").data.sum(axis=1)
    assert np.median((losses + penalties) / 300) < 0.15


# --- what the studies share -------------------------------------------------------------------


def test_a_stack_is_its_networks():
    networks = [nn.MLP([2, 3, 2], "tanh", rng=seed) for seed in range(3)]
    stack = studies.Stack(networks)
    x = np.random.default_rng(0).normal(size=(5, 2))
    for i, network in enumerate(networks):
        np.testing.assert_allclose(stack(x).data[i], network(x).data, rtol=1e-14)
        np.testing.assert_array_equal(stack[i](x).data, network(x).data)


def test_networks_of_a_stack_learn_each_by_itself():
    networks = [nn.MLP([2, 3, 1], "tanh", rng=seed) for seed in range(3)]
    stack = studies.Stack(networks)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), rng.integers(0, 2, 20)
    rates = np.array([0.1, 0.2, 0.3])
    studies.descend_by_samples(stack, X, y, rates[:, None, None])
    for i, network in enumerate(networks):
        for x, t in zip(X, y, strict=True):
            network.zero_grad()
            tg.sigmoid_cross_entropy(network(x[None]), np.array([[float(t)]])).backward()
            for p in network.parameters():
                p.data = p.data - rates[i] * p.grad
        for ours, theirs in zip(stack[i].parameters(), network.parameters(), strict=True):
            np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-12)


def test_first_epoch_counts_from_one_and_may_be_never():
    accuracies = [[0.5, 0.96, 0.5], [0.95, 0.2, 0.6]]
    np.testing.assert_array_equal(studies.first_epoch(accuracies), [2, 1, np.inf])
