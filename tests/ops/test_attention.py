"""Attention, normalization and embeddings: PyTorch's numbers, and what does not fit."""

import numpy as np
import pytest

import tinygrad_edu as tg

from .test_convolution import assert_as_in_torch

RNG = np.random.default_rng(0)
Q, K, V = (
    RNG.normal(size=(2, 3, 5, 4)),
    RNG.normal(size=(2, 3, 6, 4)),
    RNG.normal(size=(2, 3, 6, 2)),
)
MASK = RNG.random((5, 6)) < 0.6
X = RNG.normal(size=(4, 3, 5))
GAIN, SHIFT = RNG.normal(size=(2, 3))


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"scale": 0.3}], ids=str)
def test_attention_is_pytorchs(options):
    torchs = {{"causal": "is_causal"}.get(name, name): x for name, x in options.items()}
    assert_as_in_torch(
        lambda q, k, v: tg.scaled_dot_product_attention(q, k, v, **options),
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, **torchs),
        *(Q, K, V),
    )


def test_masks_of_attention_are_pytorchs():
    torch = pytest.importorskip("torch")
    added = RNG.normal(size=(5, 6))
    for mask in MASK, added:
        assert_as_in_torch(
            lambda q, k, v, mask=mask: tg.scaled_dot_product_attention(q, k, v, mask),
            lambda F, q, k, v, mask=mask: F.scaled_dot_product_attention(
                q, k, v, torch.tensor(mask)
            ),
            *(Q, K, V),
        )


def test_who_may_attend_to_nothing_gets_nothing():
    q = tg.Tensor(Q, requires_grad=True)
    mask = MASK.copy()
    mask[2] = False
    y = tg.scaled_dot_product_attention(q, K, V, mask)
    y.sum().backward()
    assert not y.data[..., 2, :].any()
    assert not q.grad[..., 2, :].any()
    assert np.isfinite(q.grad).all()


def test_norms_are_pytorchs():
    assert_as_in_torch(
        tg.batch_norm,
        lambda F, x, gain, b: F.batch_norm(x, None, None, gain, b, training=True),
        *(X, GAIN, SHIFT),
    )
    gain, b = RNG.normal(size=(2, 3, 5))
    assert_as_in_torch(
        lambda x, gain, b: tg.layer_norm(x, gain, b, axis=(1, 2)),
        lambda F, x, gain, b: F.layer_norm(x, (3, 5), gain, b),
        *(X, gain, b),
    )
    assert_as_in_torch(
        lambda x, gain: tg.rms_norm(x, gain, eps=0.01),
        lambda F, x, gain: F.rms_norm(x, (5,), gain, eps=0.01),
        *(X, gain[0]),
    )


@pytest.mark.parametrize("name", ["hardtanh", "mish", "relu6"])
def test_activations_are_pytorchs(name):
    assert_as_in_torch(getattr(tg, name), lambda F, x: getattr(F, name)(x), 4 * X)


def test_prelu_is_pytorchs():
    assert_as_in_torch(tg.prelu, lambda F, x, slope: F.prelu(x, slope), X, GAIN)


def test_the_gradient_of_an_embedding_takes_memory_for_the_table_only():
    W = tg.Tensor(RNG.normal(size=(1000, 16)), requires_grad=True)
    indices = RNG.integers(0, 1000, (30, 40))
    y = tg.embedding(indices, W)
    y.backward(np.ones(y.shape))
    expected = np.bincount(indices.ravel(), minlength=1000)
    np.testing.assert_allclose(W.grad, np.repeat(expected[:, None], 16, 1))


# --- hard points ----------------------------------------------------------------------------------


def test_what_does_not_vary_is_brought_to_zero():
    x = tg.Tensor(np.full((4, 2), 3.0), requires_grad=True)
    for f in tg.batch_norm, tg.layer_norm:
        y = f(x)
        y.sum().backward()
        np.testing.assert_array_equal(y.data, 0)
        np.testing.assert_array_equal(x.grad, 0)
    assert np.isfinite(tg.rms_norm(np.zeros((2, 3)))).all()


def test_activations_far_out():
    x = tg.Tensor([-np.inf, -1000.0, 1000.0, np.inf, np.nan], requires_grad=True)
    slopes = {"mish": [0, 0, 1, 1], "relu6": [0, 0, 0, 0], "hardtanh": [0, 0, 0, 0]}
    for name, expected in slopes.items():
        y = getattr(tg, name)(x)
        x.zero_grad()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad[:4], expected)
        assert np.isnan(y.data[4])
        assert y.data[1] == {"mish": 0, "relu6": 0, "hardtanh": -1}[name]


# --- what does not fit ----------------------------------------------------------------------------

MISFITS = [
    (lambda: tg.embedding([0.0, 1.0], np.ones((3, 2))), TypeError, "float64. Write indices.astype"),
    (lambda: tg.embedding([0, 3], np.ones((3, 2))), IndexError, "indices from 0 to 2; got 3"),
    (lambda: tg.embedding([-1], np.ones((3, 2))), IndexError, "indices from 0 to 2; got -1"),
    (lambda: tg.embedding([0], np.ones(3)), ValueError, r"of shape \(n, k\); got \(3,\)"),
    (
        lambda: tg.batch_norm(np.ones((1, 3))),
        ValueError,
        "a single value for each channel, whose variance is 0: give more samples; or",
    ),
    (lambda: tg.batch_norm(np.ones(3)), ValueError, r"of shape \(N, C, ...\); got \(3,\)"),
    (lambda: tg.batch_norm(X, np.ones(5)), ValueError, r"takes gain of shape \(3,\); got \(5,\)"),
    (lambda: tg.batch_norm(X, mean=np.ones(3)), ValueError, "both a mean and a variance"),
    (lambda: tg.layer_norm(X, np.ones(3)), ValueError, r"takes gain of shape \(5,\); got \(3,\)"),
    (lambda: tg.layer_norm(X, axis=0), ValueError, r"the last axes of x; got axis=0 for shape"),
    (lambda: tg.rms_norm(1.0), ValueError, "the last axes of x"),
    (lambda: tg.prelu(X, np.ones(5)), ValueError, r"got \(5,\) for x of shape \(4, 3, 5\)"),
    (lambda: tg.hardtanh(X, 1, -1), ValueError, "from low to high; got 1 and -1"),
    (lambda: tg.dropout(X, 1.0), ValueError, "at least 0 and below 1; got 1.0"),
    (
        lambda: tg.scaled_dot_product_attention(Q, K[..., :2], V),
        ValueError,
        r"of the same length d; got shapes \(2, 3, 5, 4\) and \(2, 3, 6, 2\)",
    ),
    (lambda: tg.scaled_dot_product_attention(Q, K, V[..., :5, :]), ValueError, "as many of them"),
    (
        lambda: tg.scaled_dot_product_attention(Q, K, V, MASK.T),
        ValueError,
        r"mask of shape \(6, 5\) does not fit scores of shape \(2, 3, 5, 6\)",
    ),
]


@pytest.mark.parametrize(("call", "kind", "said"), MISFITS)
def test_what_does_not_fit_is_said(call, kind, said):
    with pytest.raises(kind, match=said):
        call()
