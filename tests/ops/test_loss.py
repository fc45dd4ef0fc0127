"""Losses: PyTorch's numbers, the hard points, and where there is much to count."""

import tracemalloc

import numpy as np
import pytest

import tinygrad_edu as tg

from .test_convolution import assert_as_in_torch


def test_a_hundred_thousand_classes_take_memory_for_the_logits_only():
    samples, classes = 4, 100_000
    x = np.random.default_rng(0).normal(size=(samples, classes))
    labels = np.array([0, 7, classes - 1, 7])
    logits = tg.Tensor(x, requires_grad=True)
    tracemalloc.start()
    try:
        loss = tg.softmax_cross_entropy(logits, labels)
        loss.backward()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * x.nbytes

    rows = np.arange(samples)
    log_total = np.log(np.exp(x).sum(-1, keepdims=True))
    np.testing.assert_allclose(loss.item(), (log_total[:, 0] - x[rows, labels]).mean(), rtol=1e-14)
    expected = np.exp(x - log_total)
    expected[rows, labels] -= 1
    np.testing.assert_allclose(logits.grad, expected / samples, rtol=1e-10, atol=1e-20)


# --- PyTorch's numbers ----------------------------------------------------------------------------

RNG = np.random.default_rng(0)
Z, T = RNG.normal(size=(2, 6, 3))
LABELS = np.array([0, 2, 1, -100, 2, -100])
P = RNG.dirichlet(np.ones(3), 6)
ONES = RNG.integers(0, 2, (6, 3)).astype(float)
WEIGHT = np.array([0.5, 1.0, 3.0])
WITHOUT_TWO = np.array([0.5, 1.0, 0.0])
REDUCTIONS = ["mean", "sum", "none"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "weight", [None, WEIGHT, WITHOUT_TWO], ids=["plain", "weighted", "without one"]
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_softmax_cross_entropy_is_pytorchs(reduction, weight, smoothing):
    torch = pytest.importorskip("torch")
    theirs = {"weight": weight if weight is None else torch.tensor(weight)}
    theirs |= {"reduction": reduction, "label_smoothing": smoothing}
    assert_as_in_torch(
        lambda z: tg.softmax_cross_entropy(z, LABELS, reduction, weight, -100, smoothing),
        lambda F, z: F.cross_entropy(z, torch.tensor(LABELS), **theirs),
        Z,
    )
    assert_as_in_torch(
        lambda z, p: tg.softmax_cross_entropy(z, p, reduction, weight, None, smoothing),
        lambda F, z, p: F.cross_entropy(z, p, **theirs),
        *(Z, P),
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_other_losses_are_pytorchs(reduction):
    torch = pytest.importorskip("torch")
    how = {"reduction": reduction}
    weight = torch.tensor(WEIGHT)
    labels = torch.tensor(LABELS)
    log_p = np.log(P)
    assert_as_in_torch(
        lambda x: tg.nll_loss(x, LABELS, reduction, WEIGHT, -100),
        lambda F, x: F.nll_loss(x, labels, weight, **how),
        log_p,
    )
    assert_as_in_torch(
        lambda z, y: tg.sigmoid_cross_entropy(z, y, reduction, WEIGHT, [2.0, 1.0, 0.5]),
        lambda F, z, y: F.binary_cross_entropy_with_logits(
            z, y, weight, pos_weight=torch.tensor([2.0, 1.0, 0.5]), **how
        ),
        *(Z, ONES),
    )
    assert_as_in_torch(
        lambda x, y: tg.l1_loss(x, y, reduction), lambda F, x, y: F.l1_loss(x, y, **how), Z, T
    )
    assert_as_in_torch(
        lambda x, y: tg.huber_loss(x, y, 0.7, reduction),
        lambda F, x, y: F.huber_loss(x, y, delta=0.7, **how),
        *(Z, T),
    )
    assert_as_in_torch(
        lambda x, y, v: tg.gaussian_nll_loss(x, y, v, reduction),
        lambda F, x, y, v: F.gaussian_nll_loss(x, y, v, **how),
        *(Z, T, np.exp(T)),
    )
    judge = {"mean": "batchmean"}.get(reduction, reduction)
    if judge != "none":  # there PyTorch does not add up the classes
        assert_as_in_torch(
            lambda x, p: tg.kl_divergence(x, p, reduction),
            lambda F, x, p: F.kl_div(x, p, reduction=judge),
            *(log_p, RNG.dirichlet(np.ones(3), 6)),
        )


def test_cosine_similarity_is_pytorchs():
    assert_as_in_torch(
        lambda a, b: tg.cosine_similarity(a, b, axis=0),
        lambda F, a, b: F.cosine_similarity(a, b, dim=0),
        *(Z, T),
    )


def test_focal_loss_without_focus_is_cross_entropy():
    np.testing.assert_allclose(
        tg.focal_loss(Z, ONES, gamma=0), tg.sigmoid_cross_entropy(Z, ONES), rtol=1e-14
    )


# --- hard points ----------------------------------------------------------------------------------


def slopes(loss, *arrays):
    tensors = [tg.Tensor(x, requires_grad=True) for x in arrays]
    y = loss(*tensors)
    y.sum().backward()
    return [y.data.tolist(), *(x.grad.tolist() for x in tensors)]


def test_at_the_kinks_the_slope_is_zero():
    assert slopes(lambda x: tg.l1_loss(x, [1.0], "none"), [1.0]) == [[0.0], [0.0]]
    assert slopes(lambda x: tg.hinge_loss(x, [1], "none"), [1.0]) == [[0.0], [0.0]]


def test_what_has_no_direction_is_similar_to_nothing():
    y, a, b = slopes(tg.cosine_similarity, [[0.0, 0.0]], [[1.0, 2.0]])
    assert (y, a, b) == ([0.0], [[0.0, 0.0]], [[0.0, 0.0]])


def test_losses_far_out_are_finite():
    y, g = slopes(lambda z: tg.focal_loss(z, [1, 1], reduction="none"), [-1000.0, 1000.0])
    assert (y, g) == ([1000.0, 0.0], [-1.0, 0.0])
    y, g = slopes(lambda z: tg.focal_loss(z, [1], 0.5, reduction="none"), [800.0])
    assert (y, g) == ([0.0], [0.0])
    y, g = slopes(lambda p: tg.kl_divergence([[0.0, -np.inf]], p), [[1.0, 0.0]])
    assert y == 0


def test_labels_that_are_ignored_cost_nothing_whatever_their_logits():
    logits = tg.Tensor([[np.inf, 0.0], [0.0, 0.0]], requires_grad=True)
    with np.errstate(invalid="ignore"):
        loss = tg.softmax_cross_entropy(logits, [-1, 0], ignore_index=-1)
        loss.backward()
    assert loss.item() == pytest.approx(np.log(2))
    assert logits.grad.tolist() == [[0.0, 0.0], [-0.5, 0.5]]


def test_the_mean_of_nothing_is_nan():
    assert np.isnan(tg.softmax_cross_entropy(np.zeros((2, 3)), [9, 9], ignore_index=9))


# --- what does not fit ----------------------------------------------------------------------------

MISFITS = [
    (lambda: tg.softmax_cross_entropy(Z, LABELS), ValueError, "lie in 0 to 2, .* got -100"),
    (lambda: tg.softmax_cross_entropy(Z, LABELS, weight=[1, 2]), ValueError, "each of the 3 class"),
    (lambda: tg.softmax_cross_entropy(Z, P, ignore_index=0), TypeError, "are probabilities"),
    (lambda: tg.softmax_cross_entropy(Z, P, label_smoothing=2), ValueError, "from 0 to 1; got 2"),
    (lambda: tg.softmax_cross_entropy(Z[:, :1], LABELS), ValueError, "for two classes and one"),
    (lambda: tg.nll_loss(Z, LABELS[:, None]), ValueError, r"Write labels.ravel\(\)"),
    (lambda: tg.nll_loss(Z, LABELS * 1.0), TypeError, "class indices must be integers"),
    (lambda: tg.sigmoid_cross_entropy(Z, ONES, weight=np.ones(2)), ValueError, "weight must broad"),
    (lambda: tg.sigmoid_cross_entropy(Z, ONES - 1, ignore_index=9), ValueError, "between 0 and 1"),
    (lambda: tg.focal_loss(Z, P), ValueError, "targets must be 0 or 1"),
    (lambda: tg.focal_loss(Z, ONES, gamma=-1), ValueError, "gamma must be at least 0"),
    (lambda: tg.hinge_loss(Z, ONES), ValueError, "labels must be -1 or 1; got 0.0: write 2 . lab"),
    (lambda: tg.hinge_loss(Z[:, :1], [1] * 6), ValueError, r"Write labels\[:, None\]"),
    (lambda: tg.huber_loss(Z, T, delta=0), ValueError, "delta must be positive; got 0"),
    (lambda: tg.gaussian_nll_loss(Z, T, ONES), ValueError, "variances must be positive; got 0.0"),
    (lambda: tg.kl_divergence(Z, -P), ValueError, "targets must not be negative"),
    (lambda: tg.kl_divergence(0.0, 1.0), ValueError, "distributions along the last axis"),
    (lambda: tg.cosine_similarity(Z, T[:, :2]), ValueError, "vectors of one length along axis -1"),
    (lambda: tg.l1_loss(Z, T, "average"), ValueError, 'must be "mean", "sum" or "none"'),
]


@pytest.mark.parametrize(("call", "kind", "said"), MISFITS)
def test_what_does_not_fit_is_said(call, kind, said):
    with pytest.raises(kind, match=said):
        call()
