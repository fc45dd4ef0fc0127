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
    "GRU in two directions": (
        lambda: first(nn.GRU(6, 4, 2, bidirectional=True, dropout=0.3, rng=0)),
        SEQUENCES,
    ),
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


@pytest.mark.parametrize("optimized", [True, False])
def test_running_statistics_are_updated_by_the_program(optimized):
    def training(compiled):
        model = nn.Sequential(nn.Linear(6, 4, rng=0), nn.BatchNorm(4), nn.Linear(4, 1, rng=1))
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1) if optimized else None

        def loss(x):
            return (model(x) ** 2).mean()

        def by_itself(x):
            value = loss(x)
            value.backward()
            if optimizer is not None:
                optimizer.step()
                optimizer.zero_grad()
            return value.item()

        step = tg.compile(loss, optimizer) if compiled else by_itself
        rng = np.random.default_rng(0)
        losses = [step(rng.normal(size=(5, 6))) for _ in range(4)]
        predict = tg.jit(model) if compiled else model
        model.eval()
        x = rng.normal(size=(3, 6))
        outputs = [predict(x).data]
        statistics = model.state_dict()
        model.load_state_dict({name: array * 0.5 + 0.25 for name, array in statistics.items()})
        outputs.append(predict(x).data)  # what is loaded reaches the program
        return losses, outputs, statistics

    for found, expected in zip(training(True), training(False), strict=True):
        found, expected = (
            [*parts.values()] if isinstance(parts, dict) else parts for parts in (found, expected)
        )
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10)


def test_new_data_that_a_program_cannot_give():
    w, mean = tg.Tensor(np.ones(3), requires_grad=True), tg.Tensor(np.zeros(3))

    def changing(x, value):
        mean.data = value
        return (w * x + mean).sum()

    step = tg.compile(lambda x: changing(x, mean.data * 0.5 + x))
    assert [step(np.ones(3)), step(np.ones(3))] == [6, 7.5]
    np.testing.assert_array_equal(mean.data, [1.5] * 3)
    with pytest.raises(TypeError, match=r"of their shape and dtype; not \(\) float64 to"):
        tg.compile(lambda x: changing(x, x.sum()))(np.ones(3))

    def learning(x):
        w.data = x
        return (w * x).sum()

    with pytest.raises(TypeError, match="that require no gradient"):
        tg.compile(learning)(np.ones(3))
    np.testing.assert_array_equal(mean.data, [1.5] * 3)
