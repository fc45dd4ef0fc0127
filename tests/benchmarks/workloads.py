"""The networks that are trained, with their data."""

from itertools import cycle, pairwise
from typing import NamedTuple

import numpy as np

LENGTH = 10_000
SCALE, SHIFT = 1.0001, 0.0001


class Problem(NamedTuple):
    """What a way to take steps is given. The arrays are its own, to be changed."""

    hidden: str
    loss: str
    parameters: list  # W1, b1, W2, b2, ...
    batches: list  # tuples of x and y, to be taken in turn
    rate: float
    momentum: float = 0.0
    penalty: float = 0.0  # half of it, times the squares of all weights, is added to the loss

    def endless(self, convert=np.asarray):
        """The batches again and again, each array converted once."""
        return cycle([tuple(map(convert, batch)) for batch in self.batches])


class Workload(NamedTuple):
    """A network, its samples, and the rule by which it learns."""

    sizes: tuple[int, ...]
    hidden: str
    loss: str
    data: str
    samples: int
    batch: int
    dtype: str = "float64"
    variance: float = 1.0  # of the weights at the beginning, times their inputs
    rate: float = 0.1
    momentum: float = 0.0
    penalty: float = 0.0

    def problem(self):
        if self.loss == "chain":
            return Problem("", "chain", [np.linspace(-1, 1, 10)], [()], self.rate)
        rng = np.random.default_rng(0)
        parameters = []
        for n, k in pairwise(self.sizes):
            parameters.append(rng.normal(0, np.sqrt(self.variance / n), (n, k)))
            parameters.append(np.full(k, 0.01))
        x, y = DATA[self.data](rng, self)
        if self.loss == "sigmoid":
            y = y[:, np.newaxis].astype(self.dtype)
        starts = range(0, self.samples, self.batch)
        return Problem(
            self.hidden,
            self.loss,
            [p.astype(self.dtype) for p in parameters],
            [(x[i : i + self.batch].astype(self.dtype), y[i : i + self.batch]) for i in starts],
            self.rate,
            self.momentum,
            self.penalty,
        )


def blobs(rng, workload):
    y = rng.integers(2, size=workload.samples)
    return rng.normal(2 * y - 1, 1, (2, len(y))).T, y


def moons(rng, workload):
    y = rng.integers(2, size=workload.samples)
    angle = rng.uniform(0, np.pi, len(y)) + np.pi * y
    x = np.stack([np.cos(angle) + y, np.sin(angle) + y / 2], axis=1)
    return x + rng.normal(0, 0.1, x.shape), y


def exclusive_or(*_):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return x, x[:, 0] ^ x[:, 1]


def noise(rng, workload):
    shape = workload.samples, workload.sizes[0]
    return rng.uniform(size=shape), rng.integers(workload.sizes[-1], size=workload.samples)


DATA = {"blobs": blobs, "moons": moons, "exclusive or": exclusive_or, "noise": noise}

SMALL = Workload((2, 4, 3, 1), "sigmoid", "sigmoid", "blobs", samples=200, batch=1)
MIDDLE = Workload(
    (784, 256, 128, 10),
    "relu",
    "softmax",
    "noise",
    samples=1280,
    batch=128,
    dtype="float32",
    variance=2.0,
    rate=0.01,
)
WORKLOADS = {
    "2-4-3-1, sigmoid": SMALL,
    "2-4-3-1, relu": SMALL._replace(hidden="relu", variance=2.0, rate=0.01),
    "moons": Workload((2, 4, 2), "tanh", "softmax", "moons", samples=300, batch=300, penalty=0.001),
    "XOR, 10 layers": Workload(
        (2, *[5] * 9, 1),
        "sigmoid",
        "sigmoid",
        "exclusive or",
        samples=4,
        batch=4,
        variance=40.0,  # with less, nothing of the loss would arrive at the first layer
    ),
    "784-256-128-10": MIDDLE._replace(momentum=0.9),
    "1024-2048-2048-10": MIDDLE._replace(sizes=(1024, 2048, 2048, 10), samples=512, batch=256),
    "chain of 20,000": Workload((), "", "chain", "", 0, 0, rate=0.001),
}


def two_layers(width, batch):
    """One workload of the size sweep."""
    return MIDDLE._replace(sizes=(width, width, 10), samples=batch, batch=batch)


def chain(x):
    """The last workload: the sum of what a long chain of operations makes of x."""
    for _ in range(LENGTH):
        x = x * SCALE + SHIFT
    return x.sum()
