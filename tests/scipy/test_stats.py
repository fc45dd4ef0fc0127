"""Distributions: their values are SciPy's, their gradients those of difference quotients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

import tinygrad_edu as tg
from tinygrad_edu.scipy import stats

from ..ops.table import POSITIVE, REAL, WIDE, operands, variable

INF, NAN = np.inf, np.nan
LOC, SCALE = (-0.5, -0.2), (0.4, 1.6)  # not the numbers where a support begins
SHAPE = (0.6, 4.0)

# The variable, and the parameters before loc and scale.
CONTINUOUS = {
    "norm": [WIDE],
    "t": [WIDE, SHAPE],
    "cauchy": [WIDE],
    "laplace": [(0.1, 3.0)],
    "logistic": [WIDE],
    "gumbel_r": [REAL],
    "expon": [POSITIVE],
    "gamma": [POSITIVE, SHAPE],
    "chi2": [POSITIVE, SHAPE],
    "lognorm": [POSITIVE, SHAPE],
    "beta": [(-0.18, -0.12), SHAPE, SHAPE],
    "uniform": [(-0.18, -0.12)],
}
PROBABILITY = (0.05, 0.95)
DISCRETE = {
    "bernoulli": ([0, 1], PROBABILITY),
    "binom": ([0, 1, 5], PROBABILITY),
    "poisson": ([0, 1, 7], POSITIVE),
    "geom": ([1, 2, 5], PROBABILITY),
}
few_times = settings(max_examples=max(settings().max_examples // 3, 3))


def test_every_distribution_is_tested():
    known = {name for name in stats.__all__ if name.islower()}
    assert known == {*CONTINUOUS, *DISCRETE, "multivariate_normal", "dirichlet"}


# --- of a number ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["logpdf", "pdf", "cdf"])
@pytest.mark.parametrize("name", CONTINUOUS)
@given(data=st.data())
def test_values_are_scipys(name, method, data):
    ours, scipys = (getattr(getattr(s, name), method) for s in (stats, scipy_stats))
    args = data.draw(operands(*CONTINUOUS[name], LOC, SCALE)).args
    wide = args[0] * data.draw(st.sampled_from([1, -3, 10]))  # also outside of the support
    for x in args[0], wide:
        expected = scipys(x, *args[1:])
        for y in ours(x, *args[1:]), ours(variable(x), *map(variable, args[1:])).data:
            assert y.shape == np.shape(expected)
            np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", ["logpdf", "pdf", "cdf"])
@pytest.mark.parametrize("name", CONTINUOUS)
@few_times
@given(data=st.data())
def test_gradients_of_all_parameters(name, method, data):
    x, *args = data.draw(operands(*CONTINUOUS[name], LOC, SCALE)).args
    f = getattr(getattr(stats, name), method)
    *shapes, loc, scale = args
    if method == "cdf" and name in {"t", "gamma", "chi2", "beta"}:
        tg.check_gradients(lambda x, loc, scale: f(x, *shapes, loc, scale), x, loc, scale, order=2)
        return
    tg.check_gradients(f, x, *args, order=2)


@pytest.mark.parametrize("name", ["t", "gamma", "chi2", "beta"])
def test_a_distribution_function_whose_shape_has_no_derivative(name):
    shapes = [variable(2.0) for _ in CONTINUOUS[name][1:]]
    with pytest.raises(NotImplementedError, match="by its argument"):
        getattr(stats, name).cdf(0.5, *shapes).backward()


@pytest.mark.parametrize("method", ["logpmf", "pmf"])
@pytest.mark.parametrize("name", DISCRETE)
@given(data=st.data())
def test_of_whole_numbers(name, method, data):
    ours, scipys = (getattr(getattr(s, name), method) for s in (stats, scipy_stats))
    numbers, domain = DISCRETE[name]
    [p] = data.draw(operands(domain)).args
    k = np.array(data.draw(st.sampled_from(numbers)))
    more = [5] if name == "binom" else []
    for place in k, k - 7, k + 0.5, k + 100:
        expected = scipys(place, *more, p)
        y = ours(place, *more, variable(p)).data
        np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(ours(k + 3, *more, p, loc=3), ours(k, *more, p))
    tg.check_gradients(lambda p: ours(k, *more, p), p, order=2)


HARD = {
    "expon": [((-1.0,), -INF, 0), ((0.0,), 0, -1)],
    "gamma": [((-1.0, 2.0), -INF, 0), ((0.0, 1.0), 0, -1), ((0.0, 2.0), -INF, INF)],
    "beta": [((2.0, 2.0, 2.0), -INF, 0), ((0.0, 1.0, 1.0), 0, 0), ((1.0, 1.0, 1.0), 0, 0)],
    "lognorm": [((0.0, 1.0), -INF, None), ((-1.0, 1.0), -INF, 0)],
    "uniform": [((0.0,), 0, 0), ((1.0,), 0, 0), ((1.5,), -INF, 0)],
    "chi2": [((0.0, 2.0), -np.log(2), -0.5)],
    "laplace": [((0.0,), -np.log(2), 0)],
    "norm": [((INF,), -INF, -INF), ((NAN,), NAN, NAN)],
    "t": [((NAN, 2.0), NAN, NAN), ((1.0, -1.0), NAN, 0)],
}


@pytest.mark.parametrize(
    ("name", "at", "value", "slope"),
    [(name, *point) for name, points in HARD.items() for point in points],
)
def test_edges_and_outside(name, at, value, slope):
    x = variable(at[0])
    y = getattr(stats, name).logpdf(x, *at[1:])
    np.testing.assert_allclose(y.item(), value, rtol=1e-12)
    np.testing.assert_allclose(y.item(), getattr(scipy_stats, name).logpdf(*at), rtol=1e-12)
    y.backward()
    if slope is not None:
        np.testing.assert_allclose(x.grad, slope)


@pytest.mark.parametrize("order", [1, 2])
def test_parameters_get_nothing_from_outside_of_the_support(order):
    x = np.array([-1.0, 0.5, 2.0])

    def loss(a):
        return stats.beta.pdf(x, a, 2.0).sum()

    alone = lambda a: stats.beta.pdf(0.5, a, 2.0)  # noqa: E731
    for _ in range(order):
        loss, alone = tg.grad(loss), tg.grad(alone)
    assert float(loss(3.0)) == pytest.approx(float(alone(3.0)), rel=1e-12)


def test_invalid_parameters_are_nan_as_scipys():
    for scale in -1.0, 0.0:
        assert np.isnan(stats.norm.logpdf(1.0, 0.0, scale))
        assert np.isnan(stats.norm.cdf(variable(1.0), 0.0, scale).item())
    assert np.isnan(stats.gamma.logpdf(1.0, -1.0))
    assert np.isnan(stats.binom.logpmf(1, 2.5, 0.5))
    assert np.isnan(stats.poisson.logpmf(1, -1.0))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_precision_is_kept(name):
    x, *args = (np.float32(0.7), *(np.float32(2),) * (len(CONTINUOUS[name]) - 1))
    for method in "logpdf", "pdf", "cdf":
        f = getattr(getattr(stats, name), method)
        assert f(variable(x), *map(float, args), 0, 1.5).dtype == np.float32
        assert f(x, *args).dtype == np.float32


def test_whole_numbers_may_be_shifted():
    np.testing.assert_allclose(stats.poisson.pmf([3, 4], 2.0, loc=3), np.exp(-2) * np.array([1, 2]))


def test_arguments_by_name_and_by_place():
    y = stats.gamma.logpdf([1.0, 2.0], 3.0, 0.5, 2.0)
    np.testing.assert_array_equal(y, stats.gamma.logpdf([1.0, 2.0], scale=2.0, loc=0.5, a=3.0))
    assert repr(stats.gamma) == "<gamma(a, loc=0, scale=1)>"
    with pytest.raises(TypeError, match="'a'"):
        stats.gamma.logpdf(1.0)
    with pytest.raises(TypeError, match="sigma"):
        stats.norm.logpdf(1.0, sigma=1.0)


# --- of several numbers -----------------------------------------------------------------------


def covariance(d):
    A = np.random.default_rng(d).normal(size=(d, d))
    return A @ A.T + np.eye(d)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
def test_multivariate_normal(shape):
    rng = np.random.default_rng(0)
    x, mean, cov = rng.normal(size=shape), rng.normal(size=3), covariance(3)
    for method in "logpdf", "pdf":
        ours, scipys = (getattr(s.multivariate_normal, method) for s in (stats, scipy_stats))
        y = ours(variable(x), variable(mean), variable(cov))
        np.testing.assert_allclose(y.data, scipys(x, mean, cov), rtol=1e-12)
        np.testing.assert_allclose(ours(x, mean, cov), y.data)

    def of_factor(x, mean, A):  # what moves the entries of cov, and keeps it symmetric
        return stats.multivariate_normal.logpdf(x, mean, A @ A.T)

    tg.check_gradients(of_factor, x, mean, np.linalg.cholesky(cov), order=2)


@pytest.mark.parametrize(
    ("x", "mean", "cov"),
    [
        (0.5, None, 1),
        (0.5, None, 2.0),
        ([0.5, 1.0], None, 2.0),
        ([0.5, 1.0], 1.0, 2.0),
        ([0.5, 1.0], [1.0, 2.0], 2.0),
        ([0.5, 1.0], [0.0, 0.0], [1.0, 2.0]),
        ([[0.5], [1.0]], [1.0], [[2.0]]),
    ],
    ids=str,
)
def test_multivariate_normal_of_what_scipy_takes(x, mean, cov):
    expected = scipy_stats.multivariate_normal.logpdf(x, mean, cov)
    y = stats.multivariate_normal.logpdf(x, mean, cov)
    assert np.shape(y) == np.shape(expected)
    np.testing.assert_allclose(y, expected)


@pytest.mark.parametrize(
    ("cov", "message"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "positive definite"),
        ([[1.0, 0.5], [0.0, 1.0]], "symmetric"),
        (np.eye(3), r"shape \(2, 2\).*got \(3, 3\)"),
    ],
)
def test_what_is_no_covariance(cov, message):
    with pytest.raises(ValueError, match=message):
        stats.multivariate_normal.logpdf([0.0, 0.0], [0.0, 0.0], cov)
    with pytest.raises(ValueError, match="2 numbers along its last axis"):
        stats.multivariate_normal.logpdf([0.0, 0.0, 0.0], [0.0, 0.0])


@pytest.mark.parametrize("shape", [(3,), (3, 4)])
def test_dirichlet(shape):
    rng = np.random.default_rng(0)
    x, alpha = rng.uniform(0.1, 1, shape), np.array([0.7, 2.0, 3.5])
    x /= x.sum(axis=0)
    for method in "logpdf", "pdf":
        ours, scipys = (getattr(s.dirichlet, method) for s in (stats, scipy_stats))
        for place in x, x[:-1]:
            y = ours(variable(place), variable(alpha))
            np.testing.assert_allclose(y.data, scipys(place, alpha), rtol=1e-10)
    tg.check_gradients(stats.dirichlet.logpdf, x[:-1], alpha, order=2)


def test_what_is_no_proportion():
    alpha = [2.0, 3.0]
    for x in [0.5, 0.6], [1.5, -0.5]:
        with pytest.raises(ValueError, match="add up to 1"):
            stats.dirichlet.logpdf(x, alpha)
    with pytest.raises(ValueError, match="2 proportions along its first axis"):
        stats.dirichlet.logpdf([0.2, 0.3, 0.5], alpha)
    with pytest.raises(ValueError, match="positive"):
        stats.dirichlet.logpdf([0.5, 0.5], [1.0, 0.0])


def test_maximum_likelihood_has_no_gradient():
    """At the estimates that mathematics knows, every gradient of the likelihood is 0."""
    x = np.random.default_rng(0).normal(2.0, 3.0, size=50)
    gradients = tg.grad(lambda loc, scale: stats.norm.logpdf(x, loc, scale).sum(), (0, 1))(
        x.mean(), x.std()
    )
    np.testing.assert_allclose(gradients, 0, atol=1e-12)
