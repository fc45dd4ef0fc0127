"""Functions on a grid at their hard points: ends, knots, distances that differ, bad arguments."""

import numpy as np
import pytest

import tinygrad_edu as tg

V = np.array([0.0, 1.0, 4.0, 9.0])


def test_numbers_between_ends_hit_both_exactly():
    start, stop = tg.Tensor(0.1, requires_grad=True), tg.Tensor(0.7, requires_grad=True)
    y = np.linspace(start, stop, 7)
    np.testing.assert_array_equal(y.data, np.linspace(0.1, 0.7, 7))
    y[-1].backward()
    assert (start.grad, stop.grad) == (0, 1)


@pytest.mark.parametrize(
    ("x", "value", "slope"),
    [(-1.0, 5.0, 0.0), (0.0, 5.0, 2.0), (1.0, 7.0, -4.0), (3.0, -1.0, -4.0), (9.0, -1.0, 0.0)],
)
def test_slope_of_an_interpolation_at_its_knots_and_beside_them(x, value, slope):
    t = tg.Tensor(x, requires_grad=True)
    y = np.interp(t, [0.0, 1.0, 3.0], [5.0, 7.0, -1.0])
    y.backward()
    assert (y.item(), t.grad) == (value, slope)


def test_values_beside_all_points():
    x, left = tg.Tensor([-1.0, 0.5, 4.0], requires_grad=True), tg.Tensor(7.0, requires_grad=True)
    y = np.interp(x, [0.0, 1.0], [0.0, 10.0], left=left, right=-3.0)
    assert y.tolist() == [7, 5, -3]
    y.sum().backward()
    assert (x.grad.tolist(), left.grad) == ([0, 10, 0], 1)


def test_slopes_of_a_parabola_are_exact_at_any_distances():
    at = np.array([0.0, 0.5, 2.0, 3.0])
    f = tg.Tensor(at**2, requires_grad=True)
    np.testing.assert_allclose(np.gradient(f, at, edge_order=2).data, 2 * at)
    tg.check_gradients(lambda f, at: np.gradient(f, at, edge_order=2), at**2, at, order=2)


def test_slopes_along_several_axes():
    x = np.random.default_rng(0).normal(size=(3, 4))
    for options in ({}, {"axis": (1, 0)}):
        found, expected = np.gradient(tg.Tensor(x), 0.5, **options), np.gradient(x, 0.5, **options)
        for y, z in zip(found, expected, strict=True):
            np.testing.assert_allclose(y.data, z)


BAD = {
    "too few points": (lambda: tg.gradient([1.0, 2.0], edge_order=2), ValueError, "more points"),
    "distances": (lambda: tg.gradient(np.eye(3), 1.0, 1.0, 1.0), TypeError, "one distance"),
    "coordinates": (lambda: tg.gradient(V, [0.0, 1.0]), ValueError, "coordinates"),
    "no values": (lambda: tg.interp(0.5, [], []), ValueError, "as many values"),
    "values": (lambda: tg.interp(0.5, [0.0, 1.0], [1.0]), ValueError, "as many values"),
    "indexing": (lambda: tg.meshgrid(V, indexing="yx"), ValueError, "'xy' or 'ij'"),
    "plane vectors": (lambda: tg.cross([1.0, 2.0], [1.0, 2.0]), ValueError, "three numbers"),
    "depths": (lambda: tg.block([[V], V]), ValueError, "one depth"),
    "choices": (lambda: tg.select([V > 0], []), ValueError, "a choice for every"),
    "positions": (lambda: tg.choose([2], [V, V]), ValueError, "invalid entry"),
    "vertical": (lambda: tg.vsplit(V, 2), ValueError, "axis 0 of 2"),
    "cov of three axes": (lambda: tg.cov(np.ones((2, 2, 2))), ValueError, "two axes"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_named(name):
    call, error, match = BAD[name]
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("function", [np.convolve, np.correlate])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_nothing_passes_back_where_the_gradient_is_zero(function, mode):
    """Not even through a factor that is infinite."""
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = function(x, [1.0, float("inf")], mode)
    y.backward(np.zeros(y.shape))
    assert x.grad.tolist() == [0, 0, 0]


def test_slope_of_the_cardinal_sine_near_zero():
    """Where (cos(pi x) - sinc(x)) / x has lost its digits, and where the series ends."""
    x = np.array([0.0, 1e-9, 1e-5, 0.0999, 0.1, 0.1001])
    u = (np.pi * x) ** 2
    series = 1 / 3 - u / 30 + u**2 / 840 - u**3 / 45360 + u**4 / 3991680 - u**5 / 518918400
    slope = tg.grad(lambda t: np.sinc(t).sum())(x)
    np.testing.assert_allclose(slope, -(np.pi**2) * x * series, rtol=2e-13)
    bend = tg.grad(tg.grad(np.sinc))(0.0)
    assert bend == pytest.approx(-(np.pi**2) / 3, rel=1e-14)
