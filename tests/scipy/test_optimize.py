"""SciPy's optimizers with our gradients: every method, every structure, and what goes wrong."""

import numpy as np
import pytest
from scipy import optimize as scipy_optimize

import tinygrad_edu as tg
from tinygrad_edu.scipy import optimize, stats


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


START = np.array([-1.2, 1.0, 0.7])
METHODS = ["BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov"]
METHODS += ["trust-constr", "trust-exact", None]
OPTIONS = {"TNC": {"maxfun": 2000}, "trust-constr": {"maxiter": 2000}}
SLOW = ["Nelder-Mead", "Powell", "COBYLA"]


# --- minimize ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_minimum(method):
    result = optimize.minimize(rosenbrock, START, method=method, options=OPTIONS.get(method))
    np.testing.assert_allclose(result.x, 1, rtol=2e-3)
    assert type(result.x) is np.ndarray


def test_dogleg_needs_a_convex_function():
    result = optimize.minimize(lambda x: np.cosh(x - 1).sum(), START, method="dogleg")
    np.testing.assert_allclose(result.x, 1, rtol=1e-5)


@pytest.mark.parametrize("method", SLOW)
def test_methods_without_gradient(method):
    result = optimize.minimize(lambda x: ((x - 2) ** 2).sum(), [0.0, 1.0], method=method)
    np.testing.assert_allclose(result.x, 2, atol=1e-3)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "Newton-CG", "trust-ncg", "trust-exact"])
def test_the_path_is_that_of_derivatives_by_hand(method):
    ours = optimize.minimize(rosenbrock, START, method=method)
    known = {"jac": scipy_optimize.rosen_der}
    if method in {"Newton-CG", "trust-ncg"}:
        known["hessp"] = scipy_optimize.rosen_hess_prod
    elif method == "trust-exact":
        known["hess"] = scipy_optimize.rosen_hess
    scipys = scipy_optimize.minimize(scipy_optimize.rosen, START, method=method, **known)
    assert ours.nit == scipys.nit
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-6)


def test_structure_shapes_and_dtypes_are_kept():
    A = np.arange(6.0).reshape(2, 3)

    def loss(parameters):
        w, (b, c) = parameters["w"], parameters["more"]
        assert (w.shape, b.shape, c.shape) == ((2, 3), (), (2,))
        assert {x.dtype for x in (w, b, c)} == {np.dtype(float)}
        return ((w - A) ** 2).sum() + (b - 5) ** 2 + ((c - [1, 2]) ** 2).sum()

    start = {"w": np.zeros((2, 3), np.float32), "more": [0, tg.Tensor([0.0, 0.0])]}
    x = optimize.minimize(loss, start).x
    assert x["w"].dtype == np.float32
    assert type(x["more"]) is list
    np.testing.assert_allclose(x["w"], A, atol=1e-5)
    np.testing.assert_allclose(x["more"][0], 5)
    np.testing.assert_allclose(x["more"][1], [1, 2], atol=1e-6)
    assert not start["w"].any()


def test_a_single_number_and_further_arguments():
    result = optimize.minimize(lambda x, a: (x - a) ** 2, 0.0, args=(3.0,))
    assert result.x.shape == ()
    assert float(result.x) == pytest.approx(3)
    assert optimize.minimize(lambda x: (x**2).sum(), (1, 2)).x.shape == (2,)


def test_bounds_and_callback():
    seen = []
    result = optimize.minimize(
        lambda x: ((x - 3) ** 2).sum(),
        np.zeros((2, 1)),
        bounds=[(None, 1), (None, 5)],
        callback=lambda x: seen.append(x.shape),
    )
    np.testing.assert_allclose(result.x, [[1], [3]], atol=1e-6)
    assert set(seen) == {(2,)}


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", None])
def test_constraints_have_exact_jacobians(method):
    """The point of a circle that is nearest to another point, which is in its direction."""
    asked = []

    def on_circle(point):
        asked.append(type(point["x"]))
        return point["x"] ** 2 + point["y"] ** 2 - 1

    result = optimize.minimize(
        lambda point: (point["x"] - 3) ** 2 + (point["y"] - 4) ** 2,
        {"x": 1.0, "y": 1.0},
        method=method,
        constraints={"type": "eq", "fun": on_circle},
    )
    assert set(asked) == {tg.Tensor}
    np.testing.assert_allclose([result.x["x"], result.x["y"]], [0.6, 0.8], atol=1e-5)


@pytest.mark.parametrize("method", ["L-BFGS-B", "trust-ncg"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_module_is_fitted_by_its_parameters(method, dtype):
    x = np.linspace(-1, 1, 30)[:, None]
    y = np.sin(3 * x)
    model = tg.nn.MLP([1, 8, 1], "tanh", rng=0, dtype=dtype)
    for p in model.parameters():
        p.grad = before = np.ones(p.shape, dtype)
    result = optimize.minimize(
        lambda: tg.mean_squared_error(model(x), y), parameters=model.parameters(), method=method
    )
    assert result.fun < 1e-3
    for p, found in zip(model.parameters(), result.x, strict=True):
        np.testing.assert_array_equal(p.data, found)
        assert p.dtype == dtype
        assert p.grad.all()
    assert before.all()
    loss = tg.mean_squared_error(model(x), y).item()
    assert loss == pytest.approx(result.fun, rel=1e-3 if dtype == "float32" else 1e-12)


def test_parameters_stay_as_they_are_if_it_fails():
    w = tg.Tensor([1.0], requires_grad=True)

    def loss(calls=[]):  # noqa: B006 - it counts
        calls.append(w)
        if len(calls) > 2:
            raise KeyError("no more")
        return (w**2).sum()

    with pytest.raises(KeyError, match="no more"):
        optimize.minimize(loss, parameters=iter([w]))
    assert w.data == 1


def test_maximum_likelihood():
    x = np.random.default_rng(0).gamma(3.0, 2.0, size=500)

    def loss(p):
        return -stats.norm.logpdf(np.log(x), p["loc"], np.exp(p["log_scale"])).sum()

    found = optimize.minimize(loss, {"loc": 0.0, "log_scale": 0.0}, method="trust-krylov").x
    np.testing.assert_allclose(found["loc"], np.log(x).mean(), rtol=1e-6)
    np.testing.assert_allclose(np.exp(found["log_scale"]), np.log(x).std(), rtol=1e-6)


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("method", [None, "Nelder-Mead"])
def test_no_single_number(method):
    with pytest.raises(ValueError, match=r"a single number; got .*shape \(2,\)"):
        optimize.minimize(lambda x: x * x, [1.0, 2.0], method=method)


def test_nowhere_to_begin():
    with np.errstate(invalid="ignore", divide="ignore"):
        with pytest.raises(FloatingPointError, match="fun is nan where the search begins"):
            optimize.minimize(lambda x: np.log(x).sum(), [-1.0])
        with pytest.raises(FloatingPointError, match=r"gradient by x0\.b is inf .* fun is 1\.0"):
            optimize.minimize(lambda x: x["a"] + np.sqrt(x["b"]), {"a": 1.0, "b": 0.0})


def test_nan_on_the_way_is_the_methods_affair_and_at_the_end_an_error():
    def f(x):
        return (x - 5 * np.log(x)).sum()

    with np.errstate(invalid="ignore"):
        result = optimize.minimize(f, [100.0], method="L-BFGS-B")
        np.testing.assert_allclose(result.x, 5, rtol=1e-5)
        with pytest.raises(FloatingPointError, match=r"nan where the search has ended.*bounds"):
            optimize.minimize(f, [100.0], method="CG")


def test_both_or_neither_of_x0_and_parameters():
    w = tg.Tensor(1.0, requires_grad=True)
    for given in {}, {"x0": 1.0, "parameters": w}:
        with pytest.raises(TypeError, match="one of x0 and parameters"):
            optimize.minimize(lambda: w * w, **given)


def test_nothing_to_vary():
    with pytest.raises(ValueError, match="nothing to vary"):
        optimize.minimize(lambda _: 0.0, {})
    with pytest.raises(TypeError, match="real numbers; got complex128"):
        optimize.minimize(lambda x: x * x, 1j)
    with pytest.raises(TypeError, match="jac"):
        optimize.minimize(lambda x: x * x, 1.0, jac=lambda x: 2 * x)


# --- least squares and roots ------------------------------------------------------------------


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    t = np.linspace(0, 3, 20)
    y = 3 * np.exp(-0.5 * t) + 1
    start = {"a": 1.0, "rate": 1.0, "b": [0.0]}

    def residuals(p):
        return [p["a"] * np.exp(-p["rate"] * t) - y, p["b"][0] - 1 + 0 * t]

    result = optimize.least_squares(
        lambda p: residuals(p)[0] + p["b"][0], start, method=method, xtol=1e-12
    )
    np.testing.assert_allclose([*map(float, (result.x["a"], result.x["rate"]))], [3, 0.5])
    np.testing.assert_allclose(result.x["b"], [1])
    assert result.jac.shape == (20, 3)
    several = optimize.least_squares(residuals, start, method=method)
    assert several.fun.shape == (40,)


def test_least_squares_of_a_module():
    x = np.linspace(-1, 1, 20)[:, None]
    model = tg.nn.MLP([1, 6, 1], "tanh", rng=0)
    result = optimize.least_squares(
        lambda: model(x) - np.sin(3 * x), parameters=model.parameters(), max_nfev=200
    )
    assert result.cost < 1e-3
    np.testing.assert_allclose(model(x).data, np.sin(3 * x), atol=0.02)


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "df-sane"])
def test_root(method):
    def f(p):
        return {"first": p["x"] + 0.1 * p["y"] ** 2 - 1, "second": p["y"] - 0.1 * p["x"] - 2}

    x = optimize.root(f, {"x": 0.0, "y": 0.0}, method=method).x
    np.testing.assert_allclose([float(y) for y in f(x).values()], 0, atol=1e-5)


def test_jacobians_are_ours():
    """The function is asked for values and derivatives, and for no differences."""
    points = []

    def f(x):
        points.append(x.data.copy())
        return np.exp(x) - 2

    optimize.root(f, np.zeros(5))
    steps = np.diff(points, axis=0)
    assert not any(0 < np.abs(step).max() < 1e-7 and (step != 0).sum() == 1 for step in steps)


def test_functions_that_close_over_other_parameters():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)

    def energy(x):
        return ((x - w) ** 2).sum() + ((x - w) ** 4).sum()

    for method in "BFGS", "Newton-CG", "trust-exact", "SLSQP":
        constraints = {"type": "ineq", "fun": lambda x: x.sum() * w[0] + 9.0}
        options = {"constraints": constraints} if method == "SLSQP" else {}
        found = optimize.minimize(energy, np.zeros(2), method=method, **options)
        np.testing.assert_allclose(found.x, w.data, atol=1e-2)
    np.testing.assert_allclose(optimize.least_squares(lambda x: x - w, np.zeros(2)).x, w.data)
    np.testing.assert_allclose(optimize.root(lambda x: x - w, np.zeros(2)).x, w.data)
    assert w.grad is None
