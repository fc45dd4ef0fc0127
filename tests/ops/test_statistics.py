"""Statistics at their hard points: ties, even counts, nan, infinities, and what is constant."""

import numpy as np
import pytest

import tinygrad_edu as tg

NAN, INF = float("nan"), float("inf")


def gradient_of(f, x):
    return tg.grad(lambda t: f(t).sum())(np.array(x)).tolist()


@pytest.mark.parametrize(
    ("x", "gradient"),
    [
        ([3.0, 1.0, 2.0], [0, 0, 1]),
        ([3.0, 1.0, 2.0, 9.0], [0.5, 0, 0.5, 0]),
        ([2.0, 2.0, 2.0], [0, 1, 0]),
        ([2.0, 2.0, 2.0, 2.0], [0, 0.5, 0.5, 0]),
        ([1.0], [1]),
    ],
)
def test_median_of_odd_and_even_counts_and_of_ties(x, gradient):
    assert gradient_of(tg.median, x) == gradient
    assert gradient_of(lambda t: tg.quantile(t, 0.5), x) == gradient


@pytest.mark.parametrize("f", [tg.median, lambda x, axis=None: tg.quantile(x, 0.3, axis)])
def test_a_nan_spoils_its_row_and_no_other(f):
    x = np.array([[1.0, NAN, 3.0], [4.0, 5.0, 6.0]])
    assert np.isnan(f(x))
    np.testing.assert_array_equal(np.isnan(f(x, axis=1)), [True, False])
    assert gradient_of(lambda t: f(t, axis=1), x)[0] == [0, 0, 0]


def test_a_quantile_is_exact_at_the_elements_beside_infinities_too():
    x = np.array([-INF, 0.1, 0.3, INF])
    assert tg.quantile(x[1:], 0.0) == 0.1
    assert tg.quantile(x[:3], 1.0) == 0.3
    assert tg.quantile(x[:3], 0.5) == 0.1
    assert tg.median(np.array([INF, INF])) == INF


@pytest.mark.parametrize("q", [-0.1, 1.1, [0.5, 2.0], NAN], ids=str)
def test_a_part_that_is_none(q):
    with pytest.raises(ValueError, match="from 0 to 1"):
        tg.quantile([1.0, 2.0], q)


def test_weights_that_do_not_fit():
    x = tg.Tensor(np.ones((2, 3)))
    for axis, shape in ((None, (2,)), (0, (3,)), ((0, 1), (3, 2))):
        with pytest.raises(ValueError, match="weights"):
            np.average(x, axis=axis, weights=np.ones(shape))


def test_a_weighted_mean_has_a_derivative_by_its_weights():
    x, w = np.array([1.0, 2.0, 6.0]), np.array([2.0, 1.0, 1.0])
    tg.check_gradients(lambda x, w: np.average(x, weights=w), x, w, order=2)
    tg.check_gradients(lambda w: np.average(x, weights=w), w, order=2)


@pytest.mark.parametrize(
    ("f", "empty"),
    [
        *((tg.nansum, 0), (tg.nanprod, 1), (tg.nanmax, NAN), (tg.nanmin, NAN)),
        *((tg.nanmean, NAN), (tg.nanvar, NAN), (tg.nanstd, NAN)),
    ],
)
def test_a_row_of_nothing_but_nan(f, empty):
    x = np.array([[NAN, NAN], [1.0, NAN]])
    y = f(tg.Tensor(x), axis=1)
    np.testing.assert_array_equal(y.data[0], empty)
    assert np.isfinite(y.data[1])
    assert gradient_of(lambda t: f(t, axis=1), x)[0] == [0, 0]


def test_deviation_of_equal_elements_beside_nan():
    assert gradient_of(tg.nanstd, [2.0, NAN, 2.0]) == [0, 0, 0]


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmax", "nanmean", "nanvar", "nanstd"])
def test_integers_are_never_nan(name):
    x = np.array([1, 2, 4])
    y = getattr(tg, name)(tg.Tensor(x)).data
    assert y.dtype == getattr(np, name)(x).dtype
    np.testing.assert_allclose(y, getattr(np, name)(x))


def test_covariances_in_single_precision_are_in_double_as_numpys():
    x = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    t = tg.Tensor(x, requires_grad=True)
    np.testing.assert_allclose(np.cov(t).data, np.cov(x))
    np.cov(t).sum().backward()
    assert (np.cov(t).dtype, t.grad.dtype) == (np.float64, np.float32)


def test_correlation_has_derivatives_where_it_is_1():
    x = np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0]])
    tg.check_gradients(np.corrcoef, x, order=2)
