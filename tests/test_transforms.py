"""Derivatives of functions: of trees, of any order, nested, and consistent with each other."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu.transforms import leaves, tree_map

from .properties.programs import programs


def assert_close(tree, expected):
    for x, y in zip(leaves(tree), leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9)


# --------------------------------------------------------------------------------------
# grad and value_and_grad
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [2.0, np.float32(2), np.array(2.0), np.array([2.0])], ids=repr)
def test_arrays_in_arrays_out(x):
    value, gradient = tg.value_and_grad(lambda x: (x**3).sum())(x)
    assert type(value) is type(gradient) is np.ndarray
    assert value == 8
    np.testing.assert_array_equal(gradient, np.full(np.shape(x), 12.0))
    assert gradient.dtype == np.asarray(x).dtype


def test_tensors_in_tensors_out():
    x = tg.Tensor(2.0, requires_grad=True)
    value, gradient = tg.value_and_grad(lambda x: x**3)(x)
    assert isinstance(value, tg.Tensor)
    assert isinstance(gradient, tg.Tensor)
    (value + gradient).backward()
    assert x.grad == 12 + 12
    plain = tg.Tensor(2.0)
    assert isinstance(tg.grad(lambda x: x**3)(plain), tg.Tensor)
    assert plain.grad is None


def test_gradients_of_the_caller_are_left_alone():
    x = tg.Tensor(2.0, requires_grad=True)
    w = tg.Tensor(3.0, requires_grad=True)
    x.grad = np.array(7.0)
    tg.grad(lambda x: x * w)(x)
    assert x.grad == 7
    assert w.grad is None


def test_which_argument():
    def f(x, y, scale=1.0):
        return x * y**2 * scale

    assert tg.grad(f)(2.0, 3.0) == 9
    assert tg.grad(f, 1)(2.0, 3.0) == 12
    assert tg.grad(f, -1)(2.0, 3.0, scale=2.0) == 24
    assert tg.grad(f, (1, 0))(2.0, 3.0) == (12, 9)
    assert tg.grad(f, [0])(2.0, 3.0) == (9,)
    assert tg.value_and_grad(f, (0, 1))(2.0, 3.0) == (18, (9, 12))
    for argnums in 2, -3, (0, 5):
        with pytest.raises(ValueError, match="out of range for 2 positional arguments"):
            tg.grad(f, argnums)(2.0, 3.0)


class Layer(NamedTuple):
    W: np.ndarray
    b: np.ndarray


def test_trees_of_parameters():
    def f(model, x):
        first, (scale,) = model["layers"], model["scale"]
        h = tg.tanh(x @ first[0].W + first[0].b) @ first[1]
        return (h * scale).sum()

    x = np.array([[1.0, -2.0]])
    model = {
        "layers": [Layer(np.eye(2), np.ones(2)), np.array([[1.0], [2.0]])],
        "scale": (np.array(3.0),),
    }
    gradients = tg.grad(f)(model, x)
    assert gradients.keys() == model.keys()
    assert isinstance(gradients["layers"][0], Layer)
    assert isinstance(gradients["scale"], tuple)
    for index, (found, array) in enumerate(zip(leaves(gradients), leaves(model), strict=True)):
        assert found.shape == array.shape

        def moved(value, index=index):
            arrays = iter(range(4))
            return f(tree_map(lambda a: a if next(arrays) != index else value, model), x)

        tg.check_gradients(moved, array)
        np.testing.assert_allclose(found, tg.grad(moved)(array))


def test_the_same_array_twice_gets_both_gradients_apart():
    x = np.array(2.0)
    assert tg.grad(lambda a, b: a * b**2, (0, 1))(x, x) == (4, 8)


def test_what_the_result_does_not_depend_on_has_gradient_zero():
    unused, used = tg.grad(lambda _, y: y * 2.0, (0, 1))(np.ones(3), 1.0)
    np.testing.assert_array_equal(unused, np.zeros(3))
    assert used == 2


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x * 2.0, r"single number; got a Tensor of shape \(2,\)\. Use jacobian"),
        (lambda _: np.ones(2), r"single number; got a Tensor of shape \(2,\)\. Use jacobian"),
        (lambda _: "3.0", "got str. Compute it with Tensors"),
        (lambda _: None, "got NoneType"),
        (lambda x: (x, x), "got tuple"),
    ],
    ids=["vector", "array", "text", "nothing", "tuple"],
)
def test_no_single_number(f, message):
    with pytest.raises(ValueError, match=message):
        tg.grad(f)(np.ones(2))


@pytest.mark.parametrize("constant", [3.0, 3, np.float32(3), np.array([3.0]), tg.Tensor(3.0)])
def test_the_gradient_of_a_constant_is_zero(constant):
    x = np.ones(2)
    value, gradient = tg.value_and_grad(lambda _: constant)(x)
    assert value == 3
    np.testing.assert_array_equal(gradient, tg.vjp(lambda _: tg.Tensor(3.0), x)[1](1.0))
    np.testing.assert_array_equal(tg.grad(lambda x: x.data.sum())(x), [0, 0])


def test_a_whole_number_is_converted():
    assert tg.grad(lambda x: x * x)(3) == 6
    assert_close(tg.grad(lambda p: p["a"] * p["b"][0])({"a": 3, "b": [2.0]}), {"a": 2, "b": [3]})
    assert tg.jvp(lambda x: x * x, [3], [1]) == (9, 6)


@pytest.mark.parametrize("x", [np.int64(3), np.array([3, 4]), tg.Tensor([3, 4]), np.array(True)])
def test_integers_have_no_gradient(x):
    with pytest.raises(TypeError, match=r"floating-point.*Write x\.astype\(float\)"):
        tg.grad(lambda x: (x * x).sum())(x)


def test_documentation_is_handed_on():
    def energy(x):
        """How much of it there is."""
        return x

    for transformed in tg.grad(energy), tg.value_and_grad(energy), tg.jacobian(energy):
        assert (transformed.__name__, transformed.__doc__) == ("energy", energy.__doc__)


# --------------------------------------------------------------------------------------
# Nesting
# --------------------------------------------------------------------------------------


def test_any_order():
    f, expected = tg.sin, [np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)] * 2
    for wanted in expected[1:]:
        f = tg.grad(f)
        assert f(0.7) == pytest.approx(wanted(0.7), rel=1e-12)


def test_perturbations_are_not_confused():
    grad = tg.grad
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6
    assert grad(lambda x: grad(lambda y: x * y**2)(x))(3.0) == 12
    assert grad(lambda x: grad(lambda y: grad(lambda z: x * y * z)(1.0))(x))(5.0) == 1
    assert grad(lambda x: grad(lambda x: x**3)(x) * x)(2.0) == 9 * 4


def test_an_inner_derivative_by_what_the_outer_one_made():
    def f(x):
        y = x * x
        return tg.grad(lambda y: y**3)(y)  # 3 x^4

    assert tg.grad(f)(2.0) == 12 * 8
    assert tg.grad(tg.grad(f))(2.0) == 36 * 4


def test_a_derivative_inside_a_loss_reaches_what_it_closes_over():
    w = tg.Tensor(3.0, requires_grad=True)
    slope = tg.grad(lambda x: w * x**2)(tg.Tensor(2.0))
    slope.backward()
    assert w.grad == 4


def test_arrays_give_arrays_where_nothing_else_requires_a_gradient():
    for w in tg.Tensor(3.0), np.array(3.0):
        slope = tg.grad(lambda x: w * x**2)(2.0)  # noqa: B023 - called at once
        assert slope == 12
        assert type(slope) is np.ndarray


def test_gradient_penalty():
    W = tg.Tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    x = np.array([0.3, 0.7])

    def penalty(W):
        gradient = tg.grad(lambda x: (tg.tanh(x @ W) ** 2).sum())(tg.Tensor(x))
        return (gradient * gradient).sum()

    penalty(W).backward()
    np.testing.assert_allclose(W.grad, tg.grad(penalty)(W.data))
    tg.check_gradients(penalty, W.data)


def test_transforms_work_under_no_grad():
    with tg.no_grad():
        assert tg.grad(lambda x: x**3)(2.0) == 12
        assert tg.grad(tg.grad(lambda x: x**3))(2.0) == 12
        x = tg.Tensor(2.0, requires_grad=True)
        slope = tg.grad(lambda x: x**3)(x)
        assert slope.item() == 12


# --------------------------------------------------------------------------------------
# vjp, jvp, jacobian, hessian, hvp
# --------------------------------------------------------------------------------------


def trees(x, y):
    return {"product": x * y, "both": [tg.sin(x).sum(), (x, y)]}


def test_vjp_of_trees():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    value, pullback = tg.vjp(trees, x, y)
    assert_close(value, {"product": x * y, "both": [np.sin(x).sum(), (x, y)]})
    g, h = np.array([1.0, 10.0]), np.array([5.0, 7.0])
    gradient = {"product": g, "both": [2.0, (np.zeros(2), h)]}
    for _ in range(2):
        assert_close(pullback(gradient), (y * g + 2 * np.cos(x), x * g + h))


def test_vjp_of_outputs_that_come_from_each_other():
    def f(x):
        y = x * x
        return y, tg.exp(y), y

    _, pullback = tg.vjp(f, 2.0)
    assert pullback((1.0, 0.0, 0.0)) == 4
    assert pullback((1.0, 0.0, 10.0)) == 44
    np.testing.assert_allclose(pullback((1.0, 100.0, 10.0)), 4 * (11 + 100 * np.exp(4.0)))


def test_vjp_of_a_wrong_shape_is_refused():
    _, pullback = tg.vjp(lambda x: x * 2.0, np.ones(2))
    with pytest.raises(ValueError, match=r"output's shape \(2,\); got \(3,\)"):
        pullback(np.ones(3))


def test_jvp_of_trees():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    v, w = np.array([1.0, 0.0]), np.array([0.0, 10.0])
    value, tangent = tg.jvp(trees, [x, y], [v, w])
    assert_close(value, {"product": x * y, "both": [np.sin(x).sum(), (x, y)]})
    assert_close(tangent, {"product": v * y + x * w, "both": [np.cos(1.0), (v, w)]})


def test_constants_have_derivatives_of_zero():
    def f(x):
        return [5.0, 2, np.ones(2), tg.Tensor([1, 2]), x > 0, x.detach(), x * 0.0]

    x = np.array([1.0, -2.0])
    value, tangents = tg.jvp(f, [x], [x])
    assert_close(value, [5, 2, np.ones(2), np.array([1, 2]), x > 0, x, np.zeros(2)])
    assert_close(tangents, [np.zeros(np.shape(y)) for y in value])
    for y, J in zip(value, tg.jacobian(f)(x), strict=True):
        np.testing.assert_array_equal(J, np.zeros((*np.shape(y), 2)))


def test_jvp_of_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\); got \(3,\)"):
        tg.jvp(lambda x: x * 2.0, [np.ones(2)], [np.ones(3)])


def test_jacobian_has_the_shapes_of_output_and_input():
    def f(x, W):
        return tg.sin(x @ W)

    x, W = np.ones((2, 3)), np.ones((3, 4))
    assert tg.jacobian(f)(x, W).shape == (2, 4, 2, 3)
    assert tg.jacobian(f, 1)(x, W).shape == (2, 4, 3, 4)
    first, second = tg.jacobian(f, (0, 1))(x, W)
    np.testing.assert_array_equal(first, tg.jacobian(f)(x, W))
    np.testing.assert_array_equal(second, tg.jacobian(f, 1)(x, W))
    assert tg.jacobian(lambda x: x.sum())(x).shape == (2, 3)


def test_jacobian_of_trees():
    found = tg.jacobian(lambda p: {"a": p["x"] * p["y"]})({"x": np.ones(2), "y": np.array(3.0)})
    assert_close(found, {"a": {"x": 3 * np.eye(2), "y": np.ones(2)}})


def test_jacobian_of_nothing():
    f = tg.jacobian(lambda x: x[:0])
    assert f(np.ones(3)).shape == (0, 3)
    assert isinstance(f(np.ones(3)), np.ndarray)
    assert isinstance(f(tg.Tensor(np.ones(3))), tg.Tensor)


def test_jacobian_of_what_does_not_depend():
    np.testing.assert_array_equal(tg.jacobian(lambda x: x * 0.0)(np.ones(2)), np.zeros((2, 2)))
    constant = tg.Tensor([1.0, 2.0])
    np.testing.assert_array_equal(tg.jacobian(lambda _: constant)(np.ones(2)), np.zeros((2, 2)))


def test_jacobian_of_a_jacobian():
    second = tg.jacobian(tg.jacobian(lambda x: x**3))(np.array([1.0, 2.0]))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0], expected[1, 1, 1] = 6, 12
    np.testing.assert_array_equal(second, expected)


def test_hessian_of_an_argument():
    def f(x, y):
        return (x**2).sum() * y**3

    assert_close(tg.hessian(f)(np.ones(2), 2.0), 16 * np.eye(2))
    assert_close(tg.hessian(f, 1)(np.ones(2), 2.0), 24.0)


def test_third_derivative():
    third = tg.jacobian(tg.hessian(lambda x: x[0] ** 2 * x[1]))(np.array([3.0, 5.0]))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 1] = expected[0, 1, 0] = expected[1, 0, 0] = 2
    np.testing.assert_array_equal(third, expected)


def test_hvp_of_trees():
    def f(p):
        return (p["x"] ** 2).sum() * p["y"]

    x, y = np.array([1.0, 2.0]), np.array(3.0)
    product = tg.hvp(f, {"x": x, "y": y}, {"x": np.array([1.0, 0.0]), "y": np.array(10.0)})
    assert_close(product, {"x": 2 * y * np.array([1, 0]) + 2 * x * 10, "y": 2.0})


@given(programs(smooth=True, max_steps=6), st.integers(0, 2**32 - 1))
def test_all_of_them_agree(program, seed):
    """J v by rows, forward and backward; H v by rows and without; H symmetric."""
    rng = np.random.default_rng(seed)
    x, *others = program.inputs
    v = rng.uniform(-1, 1, x.shape)

    def f(x):
        return program.run([x, *others]) + (x**2).sum()

    def g(x):  # of many outputs
        return tg.sin(x * f(x)) + f(x)

    J = tg.jacobian(g)(x)
    y, tangent = tg.jvp(g, [x], [v])
    assert_close(tangent, np.tensordot(J, v, x.ndim))
    w = rng.uniform(-1, 1, y.shape)
    assert_close(tg.vjp(g, x)[1](w), np.tensordot(w, J, y.ndim))
    H = tg.hessian(f)(x)
    assert_close(H, np.moveaxis(H, range(x.ndim), range(x.ndim, 2 * x.ndim)))
    assert_close(tg.hvp(f, x, v), np.tensordot(H, v, x.ndim))
    assert_close(tg.grad(lambda x: (tg.grad(f)(x) * v).sum())(x), tg.hvp(f, x, v))


@given(hnp.arrays(float, hnp.array_shapes(max_dims=2, max_side=3), elements=st.floats(-2, 2)))
def test_hessian_of_a_quadratic_form_is_its_matrix(x):
    n = x.size
    A = np.random.default_rng(0).normal(size=(n, n))
    A = A + A.T
    H = tg.hessian(lambda x: x.ravel() @ A @ x.ravel() / 2)(x)
    assert_close(H, A.reshape(x.shape * 2))


# --------------------------------------------------------------------------------------
# What the function closes over
# --------------------------------------------------------------------------------------

X = np.array([0.5, 0.7])
START = np.array([1.0, 2.0])
LOSSES = {  # losses made of derivatives at arrays of functions that close over the parameters W
    "grad": lambda f: (f(X) ** 2 + tg.grad(f)(X) ** 2).sum(),
    "value_and_grad": lambda f: sum((y * y).sum() for y in tg.value_and_grad(f)(X)),
    "the value alone": lambda f: tg.value_and_grad(f)(X)[0] ** 2,
    "grad of grad": lambda f: tg.grad(lambda x: tg.grad(f)(x)[0])(X)[0] ** 2,
    "vjp": lambda f: (tg.vjp(f, X)[1](2.0) ** 3).sum(),
    "jvp": lambda f: sum(y * y for y in tg.jvp(f, [X], [np.array([1.0, -1.0])])),
    "jacobian": lambda f: (tg.jacobian(lambda x: x * f(x))(X) ** 2).sum(),
    "hessian": lambda f: (tg.hessian(f)(X) ** 2).sum(),
    "hvp": lambda f: (tg.hvp(f, X, np.array([1.0, 3.0])) ** 2).sum(),
    "a second argument": lambda f: tg.grad(lambda n, x: f(x) * n * n)(2.0, X) ** 2,
    "arrays alone": lambda f: f(X * tg.grad(lambda x: (x**3).sum())(X)),
    "third": lambda f: tg.grad(tg.grad(tg.grad(lambda t: f(t * X))))(0.3) ** 2,
}


def of(W):
    return lambda x: (tg.tanh(W * x) * W).sum()


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_reach_what_the_function_closes_over(name):
    loss = LOSSES[name]
    W = tg.Tensor(START, requires_grad=True)
    loss(of(W)).backward()
    expected = np.zeros(2)
    for i in range(2):
        moved = [loss(of(START + h * np.eye(2)[i])) for h in (-1e-5, 1e-5)]
        expected[i] = (moved[1] - moved[0]) / 2e-5
    np.testing.assert_allclose(W.grad, expected, rtol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_a_compiled_step_reaches_what_the_function_closes_over(name):
    W, V = (tg.Tensor(START, requires_grad=True) for _ in range(2))
    LOSSES[name](of(W)).backward()
    step = tg.compile(lambda: LOSSES[name](of(V)))
    step()
    np.testing.assert_allclose(V.grad, W.grad)


def test_arrays_under_no_grad():
    f = of(tg.Tensor(START, requires_grad=True))
    recorded = tg.grad(f)(X)
    assert isinstance(recorded, tg.Tensor)
    with tg.no_grad():
        for result in tg.grad(f)(X), *tg.value_and_grad(f)(X), tg.hessian(f)(X), tg.vjp(f, X)[0]:
            assert type(result) is np.ndarray
        np.testing.assert_array_equal(tg.grad(f)(X), recorded.data)
        of_a_tensor = tg.grad(f)(tg.Tensor(X))
        assert isinstance(of_a_tensor, tg.Tensor)
        assert not of_a_tensor.requires_grad


def test_inside_of_a_transform_what_does_not_depend_on_its_variables_is_an_array():
    def f(x):
        assert type(tg.grad(lambda y: y * y)(3.0)) is np.ndarray
        assert isinstance(tg.grad(lambda y: y * x)(3.0), tg.Tensor)
        return x * tg.grad(lambda y: y * y)(3.0)

    assert tg.grad(f)(1.0) == 6


def test_a_tensor_made_inside_of_the_function_is_its_own():
    gradient = tg.grad(lambda x: x * tg.Tensor(3.0, requires_grad=True))(2.0)
    assert type(gradient) is np.ndarray


def test_a_tangent_that_requires_a_gradient():
    v = tg.Tensor([1.0, -1.0], requires_grad=True)
    _, tangent = tg.jvp(lambda x: x**3, [X], [v])
    tangent.sum().backward()
    np.testing.assert_allclose(v.grad, 3 * X**2)


def network(parameters, x):
    return tg.tanh(x @ parameters["W"] + parameters["b"]) @ parameters["v"]


def parameters_of_a_network(rng):
    return {"W": rng.normal(size=(1, 3)), "b": rng.normal(size=3), "v": rng.normal(size=3)}


def reached(loss, arrays):
    """The gradients of a loss of parameters that functions inside of it close over."""
    tensors = tree_map(lambda x: tg.Tensor(x, requires_grad=True), arrays)
    loss(tensors).backward()
    return tree_map(lambda t: t.grad, tensors)


def differences(loss, arrays, h=1e-5):
    """The same by central differences."""

    def of_one(name, index):
        moved = []
        for by in -h, h:
            others = {key: x.copy() for key, x in arrays.items()}
            others[name][index] += by
            with tg.no_grad():
                moved.append(loss(others).item())
        return (moved[1] - moved[0]) / (2 * h)

    return {
        name: np.array([of_one(name, i) for i in np.ndindex(x.shape)]).reshape(x.shape)
        for name, x in arrays.items()
    }


def test_a_differential_equation_in_the_loss():
    points = np.linspace(0.0, 1.0, 5)

    def loss(parameters):  # of u'' = -u at points, each a number of its own
        def u(x):
            return network(parameters, x.reshape(1))

        return sum((tg.grad(tg.grad(u))(x) + u(x)) ** 2 for x in points)

    arrays = parameters_of_a_network(np.random.default_rng(0))
    found, expected = reached(loss, arrays), differences(loss, arrays)
    for name in arrays:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-8)


def test_a_penalty_on_the_gradient_by_the_input():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 1))

    def by_functions(parameters):
        slope = tg.grad(lambda x: network(parameters, x).sum())(x)
        return ((tg.norm(slope, axis=1) - 1) ** 2).mean() + network(parameters, x).mean()

    def by_tensors(parameters):
        mixed = tg.Tensor(x, requires_grad=True)
        y = network(parameters, mixed)
        slope = tg.gradients(y.sum(), mixed, create_graph=True)
        assert mixed.grad is None
        return ((tg.norm(slope, axis=1) - 1) ** 2).mean() + y.mean()

    arrays = parameters_of_a_network(rng)
    expected = differences(by_functions, arrays)
    for loss in by_functions, by_tensors:
        found = reached(loss, arrays)
        for name in arrays:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-9)


# --------------------------------------------------------------------------------------
# gradients
# --------------------------------------------------------------------------------------


def test_gradients_of_what_was_computed():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    w = tg.Tensor(3.0, requires_grad=True)
    unused = tg.Tensor([[5.0]], requires_grad=True)
    h = x * w
    y = (h * h).sum()
    found = tg.gradients(y, {"x": x, "both": [h, w], "unused": unused, "itself": y})
    assert_close(found, {"x": 18 * x.data, "both": [2 * h.data, 30], "unused": [[0]], "itself": 1})
    assert all(type(g) is np.ndarray for g in leaves(found))
    assert (x._grad, w._grad, h._grad, y._grad) == (None,) * 4
    assert not any(t._retains_grad for t in (x, w, h, y))
    assert type(tg.gradients(y, x)) is np.ndarray
    assert_close(tg.gradients(h, [x], gradient=[1.0, 10.0]), [np.array([3.0, 30.0])])


def test_gradients_are_the_callers_own():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = x + 1.0
    seed = np.ones(2)
    a, b = tg.gradients(y, (x, y), gradient=seed)
    a += 5
    np.testing.assert_array_equal(b, [1, 1])
    np.testing.assert_array_equal(seed, [1, 1])
    x.grad = np.array([7.0, 8.0])
    tg.gradients(y.sum(), x)
    np.testing.assert_array_equal(x.grad, [7, 8])


def test_gradients_of_gradients():
    x = tg.Tensor(2.0, requires_grad=True)
    y = x**4
    for expected in 32, 48, 48, 24:
        y = tg.gradients(y, x, create_graph=True)
        assert isinstance(y, tg.Tensor)
        assert y.item() == expected
    unused = tg.gradients(y, tg.Tensor(1.0, requires_grad=True), create_graph=True)
    assert isinstance(unused, tg.Tensor)
    assert unused.item() == 0


def test_gradients_in_a_compiled_step():
    w, v = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))

    def loss(w):
        energy = (tg.tanh(w) ** 2).sum()
        return (tg.gradients(energy, w, create_graph=True) ** 2).sum()

    loss(w).backward()
    tg.compile(lambda: loss(v))()
    np.testing.assert_allclose(v.grad, w.grad)


@pytest.mark.parametrize(
    ("y", "inputs", "error", "message"),
    [
        (
            lambda x: x * 2.0,
            lambda x: x,
            ValueError,
            r"single number; this Tensor has shape \(2,\)",
        ),
        (lambda x: x.data, lambda x: x, TypeError, "those of a Tensor; got ndarray"),
        (lambda x: x.sum(), lambda x: [x, x.data], TypeError, "respect to Tensors; got ndarray"),
        (lambda x: x.sum(), lambda _: tg.Tensor(1.0), RuntimeError, "does not require a gradient"),
        (lambda x: x.detach().sum(), lambda x: x, RuntimeError, "requires a gradient"),
    ],
    ids=["vector", "array", "input array", "input", "constant"],
)
def test_gradients_of_something_else(y, inputs, error, message):
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(error, match=message):
        tg.gradients(y(x), inputs(x))


def test_gradients_of_old_values_are_refused():
    x = tg.Tensor(3.0, requires_grad=True)
    h = x * x
    y = h * 2.0
    x.data = np.array(5.0)
    with pytest.raises(RuntimeError, match="new data"):
        tg.gradients(y, x)


# --------------------------------------------------------------------------------------
# stop_gradient, and what would lose a gradient
# --------------------------------------------------------------------------------------


def test_stop_gradient_in_any_order():
    def f(x):
        return x**3 * tg.stop_gradient(x)

    assert tg.grad(f)(2.0) == 3 * 4 * 2
    assert tg.grad(tg.grad(f))(2.0) == 6 * 2 * 2
    assert_close(tg.jvp(f, [2.0], [1.0]), (16, 24))
    assert tg.grad(lambda x: tg.stop_gradient(tg.grad(lambda y: x * y)(1.0)) * x)(5.0) == 5
    tree = tg.stop_gradient({"a": [tg.Tensor(1.0, requires_grad=True), 2.0]})
    assert not tree["a"][0].requires_grad
    assert tree["a"][1] == 2.0


NUMBERS = {
    "float": lambda x: x * float(x),
    "int": lambda x: x * int(x),
    "item": lambda x: x * x.item(),
    "tolist": lambda x: x * x.tolist(),
    "math.exp": lambda x: x * math.exp(x),
    "math.floor": lambda x: x * math.floor(x),
    "pow": lambda x: x * math.pow(2.0, x),
    "complex": lambda x: x * abs(complex(x)),
    "np.float64": lambda x: x * np.float64(x),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_inside_of_a_transform_would_lose_the_gradient(name):
    f = NUMBERS[name]
    with pytest.raises(TypeError, match=r"would lose the gradient of Tensor: \(\) float64; write"):
        tg.grad(f)(1.0)
    with pytest.raises(TypeError, match="would lose the gradient"):
        tg.jvp(lambda x: f(x * 2.0), [1.0], [1.0])
    f(tg.Tensor(1.0))
    with tg.no_grad():
        f(tg.Tensor(1.0, requires_grad=True))


def test_values_that_are_asked_for_inside_of_a_transform():
    seen = []

    def f(x):
        seen.append(x.detach().item())
        with tg.no_grad():
            seen.append(float(x))
        if x > 0 and (x * 2.0 > 0).all():
            seen.append(f"{x:.1f}")
        return x * x

    assert tg.grad(f)(1.5) == 3
    assert seen == [1.5, 1.5, "1.5"]
