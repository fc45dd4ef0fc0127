"""Convolution and pooling: PyTorch's numbers, the hard points, and what does not fit."""

import numpy as np
import pytest

import tinygrad_edu as tg

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 7, 6))


def assert_as_in_torch(ours, theirs, *arrays):
    """The same values, and the same gradients of every argument."""
    torch = pytest.importorskip("torch")
    tensors = [tg.Tensor(x, requires_grad=True) for x in arrays]
    judges = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, expected = ours(*tensors), theirs(torch.nn.functional, *judges)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), atol=1e-12)
    g = np.random.default_rng(1).normal(size=y.shape)
    y.backward(g)
    expected.backward(torch.tensor(g))
    for x, judge in zip(tensors, judges, strict=True):
        np.testing.assert_allclose(x.grad, judge.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1},
        {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 1)},
        {"padding": "same", "dilation": 2},
        {"padding": "valid"},
    ],
    ids=str,
)
def test_conv2d_is_pytorchs(options, groups):
    W, b = RNG.normal(size=(8, 4 // groups, 3, 2)), RNG.normal(size=8)
    options = options | {"groups": groups}
    assert_as_in_torch(
        lambda x, W, b: tg.conv2d(x, W, b, **options),
        lambda F, x, W, b: F.conv2d(x, W, b, **options),
        *(X, W, b),
    )


def test_conv1d_is_pytorchs():
    options = {"stride": 2, "padding": 2, "dilation": 2, "groups": 2}
    assert_as_in_torch(
        lambda x, W, b: tg.conv1d(x, W, b, **options),
        lambda F, x, W, b: F.conv1d(x, W, b, **options),
        *(X[..., 0], RNG.normal(size=(6, 2, 3)), RNG.normal(size=6)),
    )


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2), "dilation": (2, 1)},
    ],
    ids=str,
)
def test_conv_transpose2d_is_pytorchs(options, groups):
    W, b = RNG.normal(size=(4, 3, 3, 2)), RNG.normal(size=3 * groups)
    options = options | {"groups": groups}
    assert_as_in_torch(
        lambda x, W, b: tg.conv_transpose2d(x, W, b, **options),
        lambda F, x, W, b: F.conv_transpose2d(x, W, b, **options),
        *(X, W, b),
    )


CEIL = {"ceil_mode": True}


@pytest.mark.parametrize(
    ("window", "options"),
    [
        (2, {}),
        (3, {"stride": 2, "padding": 1}),
        ((2, 3), {"stride": (1, 2)}),
        (2, CEIL),
        (3, {"stride": 2, "padding": 1} | CEIL),
        (2, {"stride": 3, "padding": 1} | CEIL),  # the last would begin beyond the end
        ((8, 2), {"stride": (2, 5)} | CEIL),  # the first reaches beyond the end
    ],
    ids=str,
)
def test_pools_are_pytorchs(window, options):
    assert_as_in_torch(
        lambda x: tg.max_pool(x, window, **options),
        lambda F, x: F.max_pool2d(x, window, **options),
        X,
    )
    for counted in True, False:
        with_it = options | {"count_include_pad": counted}
        assert_as_in_torch(
            lambda x, with_it=with_it: tg.avg_pool(x, window, **with_it),
            lambda F, x, with_it=with_it: F.avg_pool2d(x, window, **with_it),
            X,
        )


@pytest.mark.parametrize("size", [1, 2, 3, (7, 6), (5, 4), 9], ids=str)
def test_adaptive_pools_are_pytorchs(size):
    for name in "max", "avg":
        assert_as_in_torch(
            lambda x, name=name: getattr(tg, f"adaptive_{name}_pool")(x, size),
            lambda F, x, name=name: getattr(F, f"adaptive_{name}_pool2d")(x, size),
            X,
        )


@pytest.mark.parametrize("name", ["adaptive_max_pool", "adaptive_avg_pool"])
def test_adaptive_pools_at_the_hard_points(name):
    pool = getattr(tg, name)
    x = tg.Tensor([[[2.0, 2.0, np.nan, -np.inf, -np.inf, 2.0]]], requires_grad=True)
    y = pool(x, 3)
    np.testing.assert_array_equal(y.data, [[[2.0, np.nan, 2.0 if "max" in name else -np.inf]]])
    y.backward([[[1.0, 0.0, 0.0]]])
    assert x.grad.tolist() == [[[0.5, 0.5, 0, 0, 0, 0]]]
    assert pool(tg.Tensor(np.ones((1, 1, 5), "f4")), 2).dtype == np.float32
    assert pool([[[-np.inf, -np.inf, -np.inf]]], 2).tolist() == [[[-np.inf] * 2]]


def test_a_transposed_convolution_is_what_goes_back_through_a_convolution():
    x = tg.Tensor(X, requires_grad=True)
    W = RNG.normal(size=(5, 4, 3, 3))
    y = tg.conv2d(x, W, stride=2, padding=1)
    y.backward(np.ones(y.shape))
    back = tg.conv_transpose2d(np.ones(y.shape), W, stride=2, padding=1, output_padding=(0, 1))
    np.testing.assert_allclose(back, x.grad)


# --- hard points ----------------------------------------------------------------------------------


def test_the_largest_of_a_window_share_the_gradient():
    x = tg.Tensor([[[2.0, 2.0, 1.0, 3.0]]], requires_grad=True)
    tg.max_pool(x, 3, stride=1).sum().backward()
    assert x.grad.tolist() == [[[0.5, 0.5, 0.0, 1.0]]]


def test_margins_are_never_the_maximum():
    x = tg.Tensor([[[-5.0, -7.0]]], requires_grad=True)
    y = tg.max_pool(x, 2, padding=1)
    y.sum().backward()
    assert y.data.tolist() == [[[-5.0, -7.0]]]
    assert x.grad.tolist() == [[[1.0, 1.0]]]


def test_a_nan_stays_in_its_windows():
    y = tg.max_pool(tg.Tensor([[[np.nan, 1.0, 2.0, 3.0]]]), 2)
    np.testing.assert_array_equal(y.data, [[[np.nan, 3.0]]])
    z = tg.conv1d([[[np.nan, 1.0, 2.0]]], [[[1.0, 1.0]]])
    np.testing.assert_array_equal(z, [[[np.nan, 3.0]]])


def test_a_window_with_a_nan_passes_nothing_back_where_nothing_depends_on_it():
    for g, expected in ([0.0, 1.0], [0, 0, 0, 1]), ([1.0, 1.0], [np.nan, np.nan, 0, 1]):
        x = tg.Tensor([[[np.nan, 1.0, 2.0, 3.0]]], requires_grad=True)
        tg.max_pool(x, 2).backward([[g]])
        np.testing.assert_array_equal(x.grad[0, 0], expected)


def test_a_gradient_of_zero_is_not_spoiled_by_an_infinite_pixel():
    x = tg.Tensor([[[np.inf, 1.0, 2.0]]], requires_grad=True)
    W = tg.Tensor([[[1.0, 1.0]]], requires_grad=True)
    y = tg.conv1d(x, W)
    y.backward([[[0.0, 1.0]]])
    assert W.grad.tolist() == [[[1.0, 2.0]]]


def test_no_samples_are_no_error():
    x, W = tg.Tensor(np.ones((0, 1, 4, 4)), requires_grad=True), np.ones((2, 1, 3, 3))
    y = tg.max_pool(tg.conv2d(x, W), 2)
    y.backward(np.ones(y.shape))
    assert y.shape == (0, 2, 1, 1)
    assert x.grad.shape == x.shape


# --- what does not fit ----------------------------------------------------------------------------

IMAGE = np.ones((2, 3, 8, 8))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: tg.conv2d(IMAGE, np.ones((4, 1, 3, 3))),
            r"W of shape \(4, 1, 3, 3\) takes 1 channels; got x of shape \(2, 3, 8, 8\), with 3 c",
        ),
        (
            lambda: tg.conv2d(IMAGE, np.ones((4, 2, 3, 3)), groups=2),
            r"takes 4 = 2\*2 groups channels; got x of shape .* with 3 channels",
        ),
        (
            lambda: tg.conv2d(IMAGE, np.ones((4, 3, 9, 9)), stride=2),
            r"of 9 has no place on an axis of 8: \(8 \+ 2\*0 - 1\*\(9 - 1\) - 1\) // 2 \+ 1 = 0",
        ),
        (lambda: tg.conv2d(IMAGE[0], np.ones((4, 3, 3, 3))), r"Write x\[None\] for a single"),
        (lambda: tg.conv2d(IMAGE, np.ones((4, 3, 3))), r"W of shape \(O, C / groups, K, K'\)"),
        (lambda: tg.conv2d(IMAGE, np.ones((4, 3, 3, 3)), np.ones(3)), r"b of shape \(4,\); got"),
        (lambda: tg.conv2d(IMAGE, np.ones((5, 1, 3, 3)), groups=3), "into 3 groups; got 5 of them"),
        (
            lambda: tg.conv2d(IMAGE, np.ones((4, 3, 3, 3)), stride=0),
            "positive, or 2 of them; got 0",
        ),
        (lambda: tg.conv2d(IMAGE, np.ones((4, 3, 3, 3)), padding="full"), "got padding='full'"),
        (
            lambda: tg.conv2d(IMAGE, np.ones((4, 3, 3, 3)), padding="same", stride=2),
            r"with a stride of 1; conv2d got padding='same' with stride=\(2, 2\)",
        ),
        (
            lambda: tg.conv_transpose2d(IMAGE, np.ones((3, 4, 2, 2)), output_padding=1),
            "output_padding must be less than the stride 1",
        ),
        (
            lambda: tg.conv_transpose2d(IMAGE[..., :1, :1], np.ones((3, 4, 2, 2)), padding=1),
            r"nothing is left .* \(1 - 1\)\*1 - 2\*1 \+ 1\*\(2 - 1\) \+ 0 \+ 1 = 0",
        ),
        (lambda: tg.max_pool(IMAGE[0, 0], 2), r"max_pool takes x of shape \(N, C, L\) or"),
        (
            lambda: tg.max_pool(IMAGE, 9),
            r"\(8 \+ 2\*0 - 1\*\(9 - 1\) - 1\) // 9 \+ 1 = 0 pos",
        ),
        (lambda: tg.avg_pool(IMAGE, 2, padding=2), r"at most half of the window \(2, 2\); got"),
        (lambda: tg.max_pool(IMAGE, (2, 2, 2)), r"or 2 of them; got \(2, 2, 2\)"),
        (lambda: tg.max_pool(IMAGE, 9, ceil_mode=True, stride=1), r"// 1 \+ 1 = 0 positions"),
        (lambda: tg.adaptive_avg_pool(IMAGE, 0), "size must be an integer, positive"),
        (lambda: tg.adaptive_max_pool(IMAGE[0, 0], 1), r"adaptive_max_pool takes x of shape \(N"),
        (lambda: tg.sliding_windows(np.ones(3), (2, 2)), "does not fit on an array of shape"),
        (lambda: tg.overlap_add(np.ones(3), 3), "for 1 axes; got shape"),
        (lambda: tg.overlap_add(np.ones((3, 2)), 3), r"places for \(2,\) windows; got \(3,\)"),
    ],
)
def test_what_does_not_fit_is_said_with_the_arithmetic(call, said):
    with pytest.raises(ValueError, match=said):
        call()
