"""The training steps of the five studies: both backends against the engine."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg

from .backends import BACKENDS, active


class Study(NamedTuple):
    """A network as a study has it, and its step."""

    sizes: tuple[int, ...]
    activation: str
    batch: int
    optimizer: object
    loss: str = "logits"  # of the network's last layer; or "probabilities" of a sigmoid after it
    decay: float = 0.0


STUDIES = {
    "1, sigmoid": Study((2, 4, 3, 1), "sigmoid", 1, partial(tg.optim.SGD, lr=0.01)),
    "1, relu": Study((2, 4, 3, 1), "relu", 1, partial(tg.optim.SGD, lr=0.01)),
    "1, from probabilities": Study(
        (2, 4, 3, 1), "sigmoid", 1, partial(tg.optim.SGD, lr=0.01), "probabilities"
    ),
    "2, one layer": Study((2, 3, 1), "sigmoid", 1, partial(tg.optim.SGD, lr=0.05)),
    "2, two layers": Study(
        (2, 4, 3, 1), "sigmoid", 1, partial(tg.optim.SGD, lr=0.01), "probabilities"
    ),
    "3, sigmoid": Study((2, 2, 4), "sigmoid", 75, partial(tg.optim.SGD, lr=1.0)),
    "3, tanh": Study(
        (2, 2, 4), "tanh", 75, partial(tg.optim.SGD, lr=0.5, momentum=0.9, nesterov=True)
    ),
    "3, relu": Study((2, 2, 4), "relu", 75, partial(tg.optim.SGD, lr=0.25)),
    "3, leaky relu": Study((2, 2, 4), "leaky_relu", 75, partial(tg.optim.SGD, lr=0.5)),
    "4": Study((2, 4, 4, 2), "tanh", 300, partial(tg.optim.SGD, lr=0.03), decay=1e-3),
    "5, sigmoid": Study((2, *[5] * 10, 1), "sigmoid", 4, partial(tg.optim.SGD, lr=0.1)),
    "5, relu": Study((2, *[5] * 10, 1), "relu", 4, partial(tg.optim.SGD, lr=0.1)),
    "5, elu": Study((2, *[5] * 10, 1), "elu", 4, partial(tg.optim.SGD, lr=0.1)),
}


def training(study, compiling):
    """The losses of ten steps, and the parameters after them."""
    rng = np.random.default_rng(0)
    model = tg.nn.MLP(study.sizes, study.activation, rng=0)
    optimizer = study.optimizer(model.parameters())

    def loss(x, y):
        z = model(x)
        if study.loss == "probabilities":
            total = tg.binary_cross_entropy(tg.sigmoid(z), y)
        elif study.sizes[-1] == 1:
            total = tg.sigmoid_cross_entropy(z, y)
        else:
            total = tg.softmax_cross_entropy(z, y)
        for p in model.parameters():
            if study.decay and p.ndim == 2:
                total = total + study.decay / 2 * (p * p).sum()
        return total

    def step_by_step(x, y):
        value = loss(x, y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.item()

    step = step_by_step if compiling is None else compiling(loss, optimizer)
    losses = []
    for _ in range(10):
        x = rng.normal(size=(study.batch, 2))
        y = (x.sum(axis=1, keepdims=True) > 0).astype(float)
        if study.sizes[-1] > 1:
            y = rng.integers(0, study.sizes[-1], study.batch)
        losses.append(step(x, y))
    return losses, [p.data for p in model.parameters()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", STUDIES)
def test_ten_steps(name, backend):
    expected_losses, expected = training(STUDIES[name], None)
    with active(backend) as (compiling, _):
        losses, found = training(STUDIES[name], compiling)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-12)
    for p, q in zip(found, expected, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-13)
