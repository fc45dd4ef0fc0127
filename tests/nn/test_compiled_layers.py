"""Layers in a compiled step: the same losses as step by step, and nothing taken for constant."""

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 3, 8, 8))
SEQUENCES = RNG.normal(size=(4, 5, 6))
TEXT = RNG.integers(0, 7, (4, 5))


def first(layer):
    return nn.Sequential(layer, lambda result: result[0])


LAYERS = {
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1, activation="relu", rng=0), nn.MaxPool(2), nn.AvgPool(2)
        ),
        IMAGES,
    ),
    "transposed": (lambda: nn.ConvTranspose2d(3, 2, 3, 2, 1, 1, rng=0), IMAGES),
    "statistics in use": (lambda: nn.BatchNorm(3).eval(), IMAGES),
    "LayerNorm": (lambda: nn.LayerNorm(6), SEQUENCES),
    "RMSNorm": (lambda: nn.RMSNorm(6), SEQUENCES),
    "PReLU": (lambda: nn.PReLU(5), SEQUENCES),
    "Embedding": (lambda: nn.Sequential(nn.Embedding(7, 3, rng=0), nn.LayerNorm(3)), TEXT),
    "LSTM": (lambda: first(nn.LSTM(6, 4, 2, rng=0)), SEQUENCES),
    "GRU": (lambda: first(nn.GRU(6, 4, rng=0)), SEQUENCES),
    "transformer": (lambda: nn.TransformerBlock(6, 2, dropout=0.2, causal=True, rng=0), SEQUENCES),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_compiled_step_is_the_step_by_itself(name):
    make, x = LAYERS[name]
    module = make()
    twin = copy.deepcopy(module)
    step = tg.compile(lambda x: (module(x) ** 2).mean(), tg.optim.SGD(module.parameters(), lr=0.1))
    optimizer = tg.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = (twin(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        assert step(x) == pytest.approx(loss.item(), rel=1e-9)


def assert_follows(f, *arguments):
    """A compiled function of several arguments is the function for each of them."""
    step = tg.compile(f)
    for given in arguments:
        assert step(*given) == pytest.approx(f(*given).item(), rel=1e-12)


def test_lengths_masks_and_indices_may_vary():
    lstm, attention = nn.LSTM(6, 4, rng=0), nn.MultiHeadAttention(6, 2, rng=0)
    assert_follows(
        lambda x, n: (lstm(x, lengths=n)[0] ** 2).mean(),
        (SEQUENCES, np.array([5, 1, 2, 3])),
        (SEQUENCES, np.array([1, 0, 1, 1])),
    )
    mask = np.tri(5) == 1
    assert_follows(
        lambda x, mask: (attention(x, mask=mask) ** 2).mean(),
        (SEQUENCES, mask),
        (SEQUENCES, mask.T),
    )
    table = tg.Tensor(RNG.normal(size=3), requires_grad=True)
    fixed = RNG.normal(size=(7, 3))
    assert_follows(
        lambda text: (tg.embedding(text, fixed) * table).sum(), (TEXT,), (TEXT % 3,), (TEXT * 0,)
    )


def test_labels_that_are_ignored_may_vary():
    w = tg.Tensor(np.ones(3), requires_grad=True)
    logits, weight = RNG.normal(size=(4, 3)), [1.0, 2.0, 3.0]
    labels = [(logits, np.array(y)) for y in ([0, 1, 2, -1], [-1, 2, 2, 2])]
    for smoothing in 0.0, 0.1:
        assert_follows(
            lambda z, y, smoothing=smoothing: tg.softmax_cross_entropy(
                z * w, y, weight=weight, ignore_index=-1, label_smoothing=smoothing
            ),
            *labels,
        )
    assert_follows(lambda z, y: tg.nll_loss(z * w, y, weight=weight, ignore_index=-1), *labels)
    targets = [(logits, RNG.integers(-1, 2, (4, 3))) for _ in range(3)]
    assert_follows(lambda z, y: tg.sigmoid_cross_entropy(z * w, y, ignore_index=-1), *targets)
    decisions = [(logits, np.abs(y)) for _, y in targets]
    assert_follows(lambda z, y: tg.focal_loss(z * w, y, alpha=0.3), *decisions)
    assert_follows(lambda z, y: tg.hinge_loss(z * w, 2 * y - 1), *decisions)
