"""What the studies share: many networks trained as one, parallel runs, tables and figures."""

import argparse
import json
import re
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import make_classification, make_moons
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import tinygrad_edu as tg

EXAMPLES = Path(__file__).parent  # asked for here, since the gallery has no __file__
threadpool_limits(1)  # these matrices are so small that threads would only wait for each other


class Stack:
    """Networks of one shape as one network: each parameter gets a leading axis, of networks.

    A small network costs next to nothing to compute; what takes time is calling NumPy. So twenty
    networks that differ only in their seeds cost hardly more than one: matrix products of stacks
    of matrices, ``(networks, samples, n) @ (networks, n, m)``, do for all what one does for each.
    If the loss is the sum of all their losses, none of them sees anything of the others.
    """

    def __init__(self, networks):
        self.networks = list(networks)
        self.layers = [
            (
                tg.Tensor([W.data for W in Ws], True, name=Ws[0].name),
                tg.Tensor([b.data[None] for b in bs], True, name=bs[0].name),
                activation,
            )
            for layers in zip(*self.networks, strict=True)
            for Ws, bs, (activation, *_) in [zip(*map(_parts, layers), strict=True)]
        ]
        self.parameters = [p for W, b, _ in self.layers for p in (W, b)]
        self.weights = [W for W, _, _ in self.layers]
        # Half a million times for a single sample: as NumPy that keeps no graph.
        self.add_gradients = tg.compile(
            lambda x, y: tg.sigmoid_cross_entropy(self(x), y, reduction="sum")
        )

    def __len__(self):
        """The number of networks."""
        return len(self.networks)

    def __call__(self, x, layers=None):
        """What the networks make of x; ``layers`` collects the output of each layer."""
        for W, b, activation in self.layers:
            x = activation(x @ W + b)
            if layers is not None:
                layers.append(x)
        return x

    def descend(self, learning_rate):
        """Take a step of gradient descent; the rate may differ from network to network."""
        for p in self.parameters:
            p.data = p.data - learning_rate * p.grad
            p.grad = None

    def gradient_norms(self):
        """The norm of the gradient of each weight matrix: an array (layers, networks)."""
        return np.array([np.sqrt(np.square(W.grad).sum(axis=(1, 2))) for W in self.weights])

    def __getitem__(self, i):
        """Network i by itself, a copy as it is now."""
        network = tg.nn.MLP([*_sizes(self.networks[i])], self.layers[0][2], init="zeros")
        for layer, (W, b, activation) in zip(network, self.layers, strict=True):
            layer.W.data, layer.b.data = W.data[i].copy(), b.data[i, 0].copy()
            layer.activation = activation
        return network


def _parts(layer):
    """The weights, the biases and the activation of a layer."""
    if isinstance(layer, tg.nn.Maxout):
        return layer.linear.W, layer.linear.b, partial(tg.maxout, pieces=layer.pieces)
    return layer.W, layer.b, layer.activation


def _sizes(network):
    yield network[0].W.shape[0]
    for layer in network:
        yield layer.W.shape[1]


def two_classes(name):
    """Return points and labels of one of the data sets of the first two studies."""
    if name == "exor":  # the original is lost: points of the same law
        X = np.random.RandomState(0).uniform(-1, 1, (500, 2))
        return X, (X[:, 0] * X[:, 1] > 0).astype(int)
    if name == "moons":
        return make_moons(500, noise=0.2, random_state=0)
    return make_classification(
        1000,
        n_features=2,
        n_informative=2,
        n_redundant=0,
        n_repeated=0,
        n_clusters_per_class=2,
        class_sep={"classes 902": 1.0, "classes 910": 1.3}[name],
        flip_y=0,
        weights=[0.5, 0.5],
        random_state={"classes 902": 902, "classes 910": 910}[name],
    )


def descend_by_samples(networks, X, y, learning_rate):
    """One epoch of stochastic gradient descent: a step for each sample, in their order."""
    targets = np.zeros((len(networks), 1, 1)), np.ones((len(networks), 1, 1))
    for x, label in zip(X[:, None, None], y, strict=True):
        networks.add_gradients(x, targets[label])
        networks.descend(learning_rate)


def binary_accuracy(networks, X, y):
    """Tell for each network, which has a logit as its output, which fraction it gets right."""
    with tg.no_grad():
        return ((networks(X).data[..., 0] > 0) == y).mean(axis=-1)


def first_epoch(accuracies, at_least=0.95):
    """For each column the number of the first row, from 1, that reaches an accuracy; or inf."""
    reached = np.asarray(accuracies) >= at_least
    return np.where(reached.any(axis=0), reached.argmax(axis=0) + 1.0, np.inf)


def options(name):
    """Read the command line of the study of that name, and make its folder."""
    parser = argparse.ArgumentParser(description=f"The study {name}.")
    parser.add_argument("--quick", action="store_true", help="fewer seeds and epochs")
    parser.add_argument("--jobs", type=int, help="how many processes; -1 for all cores")
    parser.add_argument("--output", type=Path, default=Path("output") / name)
    chosen = parser.parse_args()
    if chosen.jobs is None:
        chosen.jobs = 1 if chosen.quick else 2  # to start a process takes longer than a quick run
    chosen.output.mkdir(parents=True, exist_ok=True)
    if chosen.quick:
        print("Quick: it shows that all runs; the numbers need the seeds and epochs of a full run.")
    return chosen


def parallel(f, cells, what, jobs=2):
    """Call ``f(*cell)`` for each of many independent cells, with a progress bar.

    On a cluster the same call runs inside ``with joblib.parallel_config("dask"):``.
    """
    cells = list(cells)
    results = Parallel(n_jobs=jobs, return_as="generator")(delayed(f)(*cell) for cell in cells)
    return list(tqdm(results, total=len(cells), desc=what, unit="run"))


def conclude(chosen, findings):
    """Print what was found; or that a quick run, of few seeds and epochs, has found nothing."""
    if chosen.quick:
        findings = "\nWhat holds is found by a full run, without --quick."
    for item in re.split(r"\n(?=- |What |Why)", findings):
        print(textwrap.fill(" ".join(item.split()), width=96, subsequent_indent="  "))
    print(f"\nfigures are in {chosen.output}")


def print_table(title, header, rows):
    """Print rows of text under a header, aligned."""
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    print("\n".join(["", title, *lines]))


def spread(values, form=".3f"):
    """The median of many numbers, with the range of the middle half of them."""
    low, middle, high = np.percentile(np.asarray(values, float), [25, 50, 75])
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def save(figure, path):
    """Save a figure, or that of some axes."""
    if not hasattr(figure, "savefig"):
        figure = np.ravel(figure)[0].get_figure()
    figure.savefig(path, dpi=120)


def save_numbers(path, numbers):
    """Save what was measured, for who wants to compute with it."""
    path.write_text(json.dumps(numbers, indent=1, default=lambda x: np.asarray(x).tolist()))
