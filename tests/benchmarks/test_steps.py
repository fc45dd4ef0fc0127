"""A training step of ours against the same step written by hand with NumPy.

    pytest -p benchmark -n0 tests/benchmarks

Each pair is a group of the report. First both take a few steps, and must agree on the losses.
"""

from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg


class Workload(NamedTuple):
    """A network, and the samples of one step."""

    sizes: tuple[int, ...]
    batch: int
    hidden: str
    loss: str
    dtype: str = "float64"

    def parameters(self):
        rng = np.random.default_rng(0)
        for n, k in zip(self.sizes, self.sizes[1:], strict=False):
            yield rng.normal(0, np.sqrt(2 / n), (n, k)).astype(self.dtype)
            yield np.zeros(k, self.dtype)

    def samples(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=(self.batch, self.sizes[0])).astype(self.dtype)
        if self.loss == "softmax":
            return x, rng.integers(self.sizes[-1], size=self.batch)
        return x, rng.integers(2, size=(self.batch, self.sizes[-1])).astype(self.dtype)


WORKLOADS = {
    "one sample, 2-4-3-1": Workload((2, 4, 3, 1), 1, "sigmoid", "sigmoid"),
    "moons, 300 x 2-4-2": Workload((2, 4, 2), 300, "sigmoid", "softmax"),
    "digits, 128 x 784-256-128-10": Workload(
        (784, 256, 128, 10), 128, "relu", "softmax", "float32"
    ),
}
RATE = 0.1


def by_hand(workload):
    """The step as one would write it without a library."""
    parameters, (x, y) = list(workload.parameters()), workload.samples()
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    n = len(x)

    def step():
        inputs = [x]
        for W, b in layers[:-1]:
            z = inputs[-1] @ W + b
            inputs.append(
                1 / (1 + np.exp(-z)) if workload.hidden == "sigmoid" else np.maximum(z, 0)
            )
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
            slope = h * (1 - h) if workload.hidden == "sigmoid" else h > 0
            gradients = h.T @ delta, delta.sum(0)
            if h is not x:
                delta = (delta @ W.T) * slope
            W -= RATE * gradients[0]
            b -= RATE * gradients[1]
        return loss

    return step


def with_expressions(workload):
    """The step as expressions on Tensors."""
    parameters = [tg.Tensor(p, requires_grad=True) for p in workload.parameters()]
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    x, y = workload.samples()
    hidden = getattr(tg, workload.hidden)
    cross_entropy = getattr(tg, f"{workload.loss}_cross_entropy")

    def step():
        h = x
        for W, b in layers[:-1]:
            h = hidden(h @ W + b)
        W, b = layers[-1]
        loss = cross_entropy(h @ W + b, y)
        loss.backward()
        for p in parameters:
            p.data -= RATE * p.grad
            p.zero_grad()
        return loss.item()

    return step


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("make", [by_hand, with_expressions], ids=lambda make: make.__name__)
def test_training_step(benchmark, name, make):
    benchmark.group = name
    ours, theirs = with_expressions(WORKLOADS[name]), by_hand(WORKLOADS[name])
    np.testing.assert_allclose(
        [ours() for _ in range(5)],
        [theirs() for _ in range(5)],
        rtol=1e-4 if "digits" in name else 1e-9,
    )
    benchmark(make(WORKLOADS[name]))


LENGTH = 20_000
START = np.linspace(0, 1, 64)


def chain_by_hand():
    values = [START]
    for _ in range(LENGTH // 2):
        values.append(np.sin(values[-1]) * 1.001)
    slope = np.ones_like(START)
    for value in values[-2::-1]:
        slope = slope * 1.001 * np.cos(value)
    return slope


def chain_with_expressions():
    x = tg.Tensor(START, requires_grad=True)
    y = x
    for _ in range(LENGTH // 2):
        y = tg.sin(y) * 1.001
    y.sum().backward()
    return x.grad


@pytest.mark.parametrize("chain", [chain_by_hand, chain_with_expressions], ids=lambda f: f.__name__)
def test_chain(benchmark, chain):
    benchmark.group = f"a chain of {LENGTH} operations"
    np.testing.assert_allclose(benchmark(chain), chain_by_hand())
