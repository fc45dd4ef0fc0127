"""A step of training - forward, loss, backward, update - written in four ways.

This is the one place where the steps are written that the tests check and time, and that the
documentation shows. A way to write them is a function that takes a workload, and returns a function
that takes a step each time it is called, and returns the loss before it.
"""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

import tinygrad_edu as tg

RATE = 0.05


class Workload(NamedTuple):
    """A network, and the samples of one step."""

    sizes: tuple[int, ...]
    batch: int
    hidden: str
    loss: str
    dtype: str = "float64"

    def parameters(self):
        rng = np.random.default_rng(0)
        for n, k in pairwise(self.sizes):
            yield rng.normal(0, np.sqrt(2 / n), (n, k)).astype(self.dtype)
            yield np.zeros(k, self.dtype)

    def samples(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=(self.batch, self.sizes[0])).astype(self.dtype)
        if self.loss == "softmax":
            return x, rng.integers(self.sizes[-1], size=self.batch)
        return x, rng.integers(2, size=(self.batch, self.sizes[-1])).astype(self.dtype)


WORKLOADS = {
    "2-4-3-1, sigmoid": Workload((2, 4, 3, 1), 1, "sigmoid", "sigmoid"),
    "2-4-3-1, relu": Workload((2, 4, 3, 1), 1, "relu", "sigmoid"),
    "moons": Workload((2, 4, 2), 300, "tanh", "softmax"),
    "XOR, 10 layers": Workload((2, *[5] * 9, 1), 4, "sigmoid", "sigmoid"),
    "784-256-128-10": Workload((784, 256, 128, 10), 128, "relu", "softmax", "float32"),
    "1024-2048-2048-10": Workload((1024, 2048, 2048, 10), 256, "relu", "softmax", "float32"),
}


def two_layers(width, batch):
    """One workload of the size sweep."""
    return Workload((width, width, 10), batch, "relu", "softmax", "float32")


BENDS = {  # of z; and its slope, in terms of its value
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "relu": (lambda z: np.maximum(z, 0), lambda h: h > 0),
}


def by_hand(workload):
    """The step as one would write it without a library."""
    parameters, (x, y) = list(workload.parameters()), workload.samples()
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    bend, slope = BENDS[workload.hidden]
    n = len(x)

    def step():
        inputs = [x]
        for W, b in layers[:-1]:
            inputs.append(bend(inputs[-1] @ W + b))
        W, b = layers[-1]
        z = inputs[-1] @ W + b
        if workload.loss == "softmax":
            z = z - z.max(1, keepdims=True)
            e = np.exp(z)
            total = e.sum(1, keepdims=True)
            loss = np.mean(np.log(total[:, 0]) - z[np.arange(n), y])
            delta = e / total
            delta[np.arange(n), y] -= 1
        else:
            loss = np.mean(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - y * z)
            delta = 1 / (1 + np.exp(-z)) - y
        delta /= n
        for (W, b), h in zip(layers[::-1], inputs[::-1], strict=True):
            gradients = h.T @ delta, delta.sum(0)
            if h is not x:
                delta = (delta @ W.T) * slope(h)
            W -= RATE * gradients[0]
            b -= RATE * gradients[1]
        return float(loss)

    return step


def in_expressions(workload):
    """The step as expressions on Tensors, with an update of each parameter."""
    parameters = [tg.Tensor(p, requires_grad=True) for p in workload.parameters()]
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    x, y = workload.samples()
    bend = getattr(tg, workload.hidden)
    cross_entropy = getattr(tg, f"{workload.loss}_cross_entropy")

    def step():
        h = x
        for W, b in layers[:-1]:
            h = bend(h @ W + b)
        W, b = layers[-1]
        loss = cross_entropy(h @ W + b, y)
        loss.backward()
        for p in parameters:
            p.data -= RATE * p.grad
            p.zero_grad()
        return loss.item()

    return step


def network_of(workload):
    """A network of tg.nn, and its optimizer."""
    network = tg.nn.MLP(workload.sizes, workload.hidden, init="zeros", dtype=workload.dtype)
    for tensor, p in zip(network.parameters(), workload.parameters(), strict=True):
        tensor.data = p
    return network, tg.optim.SGD(network.parameters(), lr=RATE)


def with_nn_and_optim(workload):
    """The step with a network of tg.nn and an optimizer of tg.optim."""
    network, optimizer = network_of(workload)
    x, y = workload.samples()
    cross_entropy = getattr(tg, f"{workload.loss}_cross_entropy")

    def step():
        loss = cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def compiled(workload):
    """The same, compiled."""
    network, optimizer = network_of(workload)
    cross_entropy = getattr(tg, f"{workload.loss}_cross_entropy")
    step = tg.compile(lambda x, y: cross_entropy(network(x), y), optimizer)
    return partial(step, *workload.samples())


WAYS = {
    "NumPy": by_hand,
    "expressions": in_expressions,
    "nn and optim": with_nn_and_optim,
    "compiled": compiled,
}


LENGTH = 20_000
SCALE, SHIFT = 1.0001, 0.0001
START = np.linspace(-1, 1, 10)


def chain_by_hand():
    """The gradient of a long chain of operations."""
    y, slope = START, np.ones_like(START)
    for _ in range(LENGTH // 2):
        y = y * SCALE + SHIFT
    for _ in range(LENGTH // 2):
        slope = slope * SCALE
    return slope


def chain_in_expressions():
    """The same of Tensors."""
    x = tg.Tensor(START, requires_grad=True)
    y = x
    for _ in range(LENGTH // 2):
        y = y * SCALE + SHIFT
    y.sum().backward()
    return x.grad


CHAINS = {"NumPy": chain_by_hand, "expressions": chain_in_expressions}
