"""Layers for images, sequences and texts: what they keep, and what does not fit."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 3, 8, 8))
SEQUENCES = RNG.normal(size=(4, 5, 6))


def network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, activation="relu", rng=0),
        nn.BatchNorm(4),
        nn.MaxPool(2),
        nn.Flatten(),
        nn.Linear(36, 2, rng=0),
    )


LAYERS = {
    "convolutions": (network, IMAGES),
    "transposed": (lambda: nn.ConvTranspose2d(3, 2, 2, stride=2, rng=0), IMAGES),
    "transformer": (lambda: nn.TransformerBlock(6, 2, rng=0, causal=True), SEQUENCES),
    "residual": (lambda: nn.Residual(nn.LayerNorm(6), nn.Linear(6, 6, rng=0)), SEQUENCES),
    "RMSNorm": (lambda: nn.RMSNorm(6), SEQUENCES),
    "PReLU": (lambda: nn.PReLU(5), SEQUENCES),
    "AvgPool": (lambda: nn.Sequential(nn.Conv1d(5, 2, 3, rng=0), nn.AvgPool(2)), SEQUENCES),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_precision_is_kept(name, dtype):
    make, x = LAYERS[name]
    module = make()
    for _, t in module._named_tensors():
        t._array = t._array.astype(dtype)
    y = module(x.astype(dtype))
    y.sum().backward()
    assert y.dtype == dtype
    assert {p.grad.dtype for p in module.parameters()} <= {np.dtype(dtype)}
    assert {t.dtype for _, t in module._named_tensors()} <= {np.dtype(dtype)}


def test_layers_are_made_in_a_precision():
    made = [
        nn.Conv2d(1, 1, 1, dtype="f4"),
        nn.BatchNorm(1, dtype="f4"),
        nn.LayerNorm(1, dtype="f4"),
        nn.RMSNorm(1, dtype="f4"),
        nn.Embedding(1, 1, dtype="f4"),
        nn.PReLU(dtype="f4"),
        nn.LSTM(1, 1, dtype="f4"),
        nn.TransformerBlock(2, 1, dtype="f4"),
    ]
    for module in made:
        assert {x.dtype for n, x in module.state_dict().items() if "rng" not in n} == {
            np.dtype("f4")
        }


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_sequence_is_its_steps(kind):
    layer = kind(6, 3, layers=2, rng=0, dtype="f4")
    x = SEQUENCES.astype("f4")
    y, state = layer(x)
    assert y.dtype == np.float32
    after, steps = None, []
    for t in range(5):
        h, after = layer.step(x[:, t], after)
        steps.append(h.data)
    np.testing.assert_allclose(y.data, np.stack(steps, 1), rtol=1e-6)
    for s, t in zip(*((s if isinstance(s, tuple) else (s,)) for s in (state, after)), strict=True):
        np.testing.assert_allclose(s.data, t.data, rtol=1e-6)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_sequence_may_begin_where_another_ended(kind):
    layer = kind(6, 3, rng=0)
    whole, _ = layer(SEQUENCES)
    first, state = layer(SEQUENCES[:, :2])
    second, _ = layer(SEQUENCES[:, 2:], state)
    np.testing.assert_allclose(whole.data, np.concatenate([first.data, second.data], 1))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_what_comes_after_the_end_makes_no_difference(kind):
    layer = kind(6, 3, rng=0)
    x = tg.Tensor(SEQUENCES, requires_grad=True)
    y, _ = layer(x, lengths=[5, 3, 0, 1])
    alone, _ = layer(SEQUENCES[1:2, :3])
    np.testing.assert_allclose(y.data[1, :3], alone.data[0])
    assert not y.data[1, 3:].any()
    assert not y.data[2].any()
    y.sum().backward()
    assert not x.grad[1, 3:].any()
    assert x.grad[1, :3].all()


def test_steps_are_grouped_for_pictures():
    steps = [f"step {t}" for t in range(1, 6)]
    y, _ = nn.RNN(6, 3, rng=0)(SEQUENCES)
    assert [t.scope for t in y.inputs] == [("RNN", step) for step in steps]
    y, _ = nn.LSTM(6, 3, layers=2, rng=0)(SEQUENCES)
    assert [t.scope for t in y.inputs] == [("LSTM", "cells.1", step) for step in steps]


def test_a_sign_that_fills_is_nothing_and_stays_so():
    layer = nn.Embedding(4, 2, padding_idx=-1, rng=0)
    assert not layer.W.data[3].any()
    layer([[0, 3], [3, 3]]).sum().backward()
    assert layer.W.grad.tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]


def test_dropout_lies_between_layers():
    layer = nn.LSTM(6, 3, layers=2, dropout=0.5, rng=0)
    plain = nn.LSTM(6, 3, layers=2)
    plain.load_state_dict({name: x for name, x in layer.state_dict().items() if "rng" not in name})
    first, second = (layer(SEQUENCES)[0].data for _ in range(2))
    assert not np.allclose(first, second)
    assert np.all(first != 0)  # nothing is dropped after the last layer
    np.testing.assert_array_equal(layer.eval()(SEQUENCES)[0].data, plain(SEQUENCES)[0].data)
    single = nn.LSTM(6, 3, dropout=0.5, rng=0)
    np.testing.assert_array_equal(single(SEQUENCES)[0].data, single(SEQUENCES)[0].data)


def test_a_summary_counts_the_steps():
    lines = str(nn.GRU(6, 3, layers=2, rng=0).summary(SEQUENCES)).splitlines()
    assert "(4, 5, 3), (2, 4, 3)" in lines[1]
    assert "5 times (4, 3), (4, 3) " in lines[2]


def test_two_directions_need_the_whole_sequence():
    layer = nn.GRU(6, 3, bidirectional=True, rng=0)
    with pytest.raises(TypeError, match="needs the whole sequence at once"):
        layer.step(SEQUENCES[:, 0])
    y, state = layer(SEQUENCES)
    np.testing.assert_array_equal(y.data[:, -1, :3], state.data[0])
    np.testing.assert_array_equal(y.data[:, 0, 3:], state.data[1])


@pytest.mark.parametrize("name", LAYERS)
def test_derivatives_of_layers_are_right_to_second_order(name):
    make, x = LAYERS[name]
    module = make()
    tg.check_gradients(module, x[:2], order=2)
    names = [name for name, _ in module.eval().named_parameters()]

    def of_parameters(*values):
        return tg.functional_call(module, dict(zip(names, values, strict=True)), x[:2])

    tg.check_gradients(of_parameters, *(p.data for p in module.parameters()), order=2)


def test_dropout_of_a_transformer_is_for_training():
    block = nn.TransformerBlock(6, 2, dropout=0.5, rng=0)
    x = tg.Tensor(SEQUENCES)
    assert not np.array_equal(block(x).data, block(x).data)
    block.eval()
    np.testing.assert_array_equal(block(x).data, block(x).data)


# --- running statistics ---------------------------------------------------------------------------


def test_running_statistics_are_no_parameters_and_are_saved(tmp_path):
    model = network()
    names = {name for name, _ in model.named_parameters()}
    assert not any("running" in name for name in names)
    for _ in range(3):
        model(IMAGES)
    tg.save(tmp_path / "model.npz", model.state_dict())
    twin = network()
    twin.load_state_dict(tg.load(tmp_path / "model.npz"))
    np.testing.assert_array_equal(model.eval()(IMAGES).data, twin.eval()(IMAGES).data)
    assert twin[1].running_mean.data.any()


def test_running_statistics_come_near_those_of_the_data():
    layer = nn.BatchNorm(2)
    rng = np.random.default_rng(0)
    for _ in range(200):
        layer(rng.normal([3.0, -1.0], [2.0, 0.5], size=(100, 2)))
    np.testing.assert_allclose(layer.running_mean.data, [3, -1], atol=0.1)
    np.testing.assert_allclose(layer.running_var.data, [4, 0.25], rtol=0.1)


def test_in_use_nothing_is_kept_and_one_sample_is_enough():
    layer = nn.BatchNorm(3).eval()
    before = layer.state_dict()
    y = layer(np.ones((1, 3)))
    np.testing.assert_allclose(y.data, 1 / np.sqrt(1 + 1e-5))
    for name, x in layer.state_dict().items():
        np.testing.assert_array_equal(x, before[name])


def test_a_graph_of_use_stays_right_when_statistics_go_on():
    layer = nn.BatchNorm(3).eval()
    x = tg.Tensor(IMAGES, requires_grad=True)
    y = layer(x)
    layer.train()(IMAGES)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 1 / np.sqrt(1 + 1e-5))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301
def test_a_copy_keeps_statistics_of_its_own(duplicate):
    model = network()
    twin = duplicate(model)
    model(IMAGES)
    assert model[1].running_mean.data.any()
    assert not twin[1].running_mean.data.any()


# --- what does not fit ----------------------------------------------------------------------------

MISFITS = [
    (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 2, 3))(IMAGES),
        "takes 5 channels; got x of shape (4, 4, 6, 6), with 4 channels along axis 1",
        "in layers.1: Conv2d(5, 2, 3)",
    ),
    (
        lambda: nn.Sequential(nn.MaxPool(4), nn.Conv2d(3, 4, 3, stride=2))(IMAGES),
        "of 3 has no place on an axis of 2: (2 + 2*0 - 1*(3 - 1) - 1) // 2 + 1 = 0 positions",
        "in layers.1: Conv2d(3, 4, 3, stride=2)",
    ),
    (
        lambda: nn.BatchNorm(3)(np.ones((1, 3))),
        "a single value for each channel",
        "in BatchNorm(3)",
    ),
    (
        lambda: nn.BatchNorm(4)(IMAGES),
        "BatchNorm(4) takes x of shape (N, 4, ...); got (4, 3",
        "in B",
    ),
    (
        lambda: nn.LayerNorm(7)(IMAGES),
        "LayerNorm(7) takes x of shape (..., 7); got (4, 3, 8",
        "in L",
    ),
    (
        lambda: nn.RMSNorm((3, 8))(IMAGES),
        "RMSNorm(3, 8) takes x of shape (..., 3, 8)",
        "in RMSNorm",
    ),
    (lambda: nn.PReLU(4)(IMAGES), "got (4,) for x of shape (4, 3, 8, 8)", "in PReLU(4)"),
    (lambda: nn.Embedding(7, 2)([1.0]), "whole numbers; got float64", "in Embedding(7, 2)"),
    (lambda: nn.Embedding(7, 2)([7]), "takes indices from 0 to 6; got 7", "in Embedding(7, 2)"),
    (
        lambda: nn.LSTM(5, 2)(SEQUENCES),
        "takes x of shape (N, T, 5), samples, steps",
        "in LSTM(5, 2)",
    ),
    (lambda: nn.LSTM(6, 2)(SEQUENCES[:, 0]), "or .step(x)", "in LSTM(6, 2)"),
    (
        lambda: nn.RNN(6, 2, 2)(SEQUENCES, np.zeros((1, 4, 2))),
        "(layers, N, units) = (2, 4, 2); got (1, 4, 2)",
        "in RNN(6, 2, layers=2)",
    ),
    (
        lambda: nn.GRU(6, 2)(SEQUENCES, lengths=[6, 1, 1, 1]),
        "lengths must be from 0 to 5",
        "in GRU",
    ),
    (
        lambda: nn.GRU(6, 2)(SEQUENCES, lengths=[1.0] * 4),
        "lengths are whole numbers, one",
        "in GRU",
    ),
    (
        lambda: nn.GRU(6, 2, bidirectional=True)(SEQUENCES, np.zeros((1, 4, 2))),
        "(2 * layers, N, units) = (2, 4, 2); got (1, 4, 2)",
        "in GRU(6, 2, bidirectional=True)",
    ),
    (
        lambda: nn.GRU(6, 2)(SEQUENCES, (np.zeros((1, 4, 2)),) * 2),
        "the state of this GRU is a Tensor h; got 2 parts",
        "in GRU(6, 2)",
    ),
    (
        lambda: nn.LSTM(6, 2)(SEQUENCES, np.zeros((1, 4, 2))),
        "the state of this LSTM is a pair (h, c); got one Tensor",
        "in LSTM(6, 2)",
    ),
    (lambda: nn.RNNCell(6, 2)(SEQUENCES), "RNNCell(6, 2) takes x of shape (N, 6)", "in RNNCell(6"),
    (
        lambda: nn.RNNCell(6, 2)(SEQUENCES[0], np.zeros((5, 3))),
        "has shape (5, 2); got (5, 3)",
        "in",
    ),
    (lambda: nn.LSTMCell(6, 2)(SEQUENCES[0], np.zeros((5, 2))), "is a pair (h, c)", "in LSTMCell"),
    (
        lambda: nn.MultiHeadAttention(8, 2)(SEQUENCES),
        "MultiHeadAttention(8, heads=2) takes x of shape (N, L, 8); got (4, 5, 6)",
        "in MultiHeadAttention(8, heads=2)",
    ),
    (
        lambda: nn.Residual(nn.Linear(6, 5))(SEQUENCES),
        "of one shape; got (4, 5, 5) for (4, 5, 6)",
        "in Residual",
    ),
    (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(100, 2))(IMAGES),
        "linear with W of shape (100, 2) takes x of shape (..., 100); got (4, 144)",
        "in layers.2: Linear(100, 2)",
    ),
    (
        lambda: nn.Linear(192, 2)(IMAGES),
        "got (4, 3, 8, 8). 3*8*8 = 192: write x.reshape(len(x), -1), or nn.Flatten() in front",
        "in Linear(192, 2)",
    ),
    (
        lambda: nn.Conv2d(3, 4, 3)(np.moveaxis(IMAGES, 1, -1)),
        "along axis 1. If they are along the last, write np.moveaxis(x, -1, 1)",
        "in Conv2d(3, 4, 3)",
    ),
    (
        lambda: nn.Sequential(nn.GRU(6, 4), nn.Linear(4, 2))(SEQUENCES),
        "linear takes a Tensor, not a list",
        "it was given a tuple of 2, which the layer before returned",
    ),
    (lambda: nn.Flatten()(1.0), "along the first axis; got a number", "in Flatten"),
]


@pytest.mark.parametrize(("call", "said", "where"), MISFITS, ids=[said for _, said, _ in MISFITS])
def test_what_does_not_fit_is_said_with_the_layer(call, said, where):
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        call()
    assert said in str(caught.value)
    assert any(note.startswith(where) for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.Conv2d(3, 0, 3), "positive integer; got 0"),
        (lambda: nn.Conv2d(3, 4, 0), "window must be an integer, positive, or 2 of them; got 0"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "into 2 groups; got 3 inputs and 4 outputs"),
        (lambda: nn.Conv2d(3, 4, 3, activation="rellu"), "unknown activation 'rellu'"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "zeros, reflect, replicate, circular;"),
        (
            lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"),
            "one of zeros; got",
        ),
        (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx must be a row of 3, or None; got"),
        (lambda: nn.MultiHeadAttention(8, 3), "got 8 for 3: 8 = 2[*]3 [+] 2"),
        (lambda: nn.LSTM(3, -1), "positive integer; got -1"),
        (lambda: nn.BatchNorm(1.5), "positive integer; got 1.5"),
        (lambda: nn.LayerNorm((3, 0)), "size of a layer must be a positive integer; got 0"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (nn.Conv2d(3, 4, 3, padding=1, bias=False), "Conv2d(3, 4, 3, padding=1, bias=False)"),
        (nn.Conv2d(2, 4, (3, 1), groups=2), "Conv2d(2, 4, (3, 1), groups=2)"),
        (nn.ConvTranspose2d(3, 4, 2, 2), "ConvTranspose2d(3, 4, 2, stride=2)"),
        (nn.MaxPool(2, padding=1), "MaxPool(2, padding=1)"),
        (nn.AvgPool((2, 1)), "AvgPool((2, 1))"),
        (nn.AvgPool(2, ceil_mode=True), "AvgPool(2, ceil_mode=True)"),
        (nn.AdaptiveAvgPool((1, 2)), "AdaptiveAvgPool((1, 2))"),
        (nn.Conv1d(1, 2, 3, padding_mode="circular"), "Conv1d(1, 2, 3, padding_mode='circular')"),
        (nn.Embedding(27, 10, -1), "Embedding(27, 10, padding_idx=26)"),
        (nn.Embedding(27, 10), "Embedding(27, 10)"),
        (nn.LayerNorm((2, 3)), "LayerNorm(2, 3)"),
        (nn.PReLU(), "PReLU(1)"),
    ],
)
def test_a_layer_shows_how_it_was_made(layer, shown):
    assert repr(layer) == shown


def test_nothing_is_infinite_on_the_way():
    with tg.debug():
        for make, x in LAYERS.values():
            for options in ({}, {"create_graph": True}):
                (make()(x) ** 2).mean().backward(**options)
        y = nn.MultiHeadAttention(6, 2)(SEQUENCES, mask=np.zeros((5, 5), bool), causal=True)
        y.sum().backward()
