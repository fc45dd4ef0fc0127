"""Recording operations and walking back: what the engine does whatever the mathematics."""

import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import Node, backpropagate

from .garbage import garbage_of


def variable(data, **options):
    return tg.Tensor(data, requires_grad=True, **options)


@tg.differentiable
def cube(x):
    """x to the third."""
    return x**3, lambda g: g * 3 * x**2


# --------------------------------------------------------------------------------------
# An operation of one's own
# --------------------------------------------------------------------------------------


def test_an_operation_takes_tensors_arrays_and_numbers():
    assert cube(tg.Tensor(2.0)).item() == 8
    assert type(cube(np.array([2.0]))) is np.ndarray
    assert cube(2) == 8


def test_an_operation_looks_like_its_body():
    assert cube.__name__ == "cube"
    assert cube.__doc__ == "x to the third."
    assert pickle.loads(pickle.dumps(tg.exp)) is tg.exp  # noqa: S301 - our own


def test_derivatives_of_any_order_come_from_one_body():
    f = cube
    for expected in 12, 12, 6, 0:
        f = tg.grad(f)
        assert f(2.0) == expected


def test_what_an_operation_leaves():
    x, w = variable(2.0), tg.Tensor(3.0)
    y = tg.multiply(x, w)
    assert isinstance(y, Node)
    assert y.requires_grad
    assert not y.is_leaf
    assert y._inputs == (x, w)
    assert y._op is tg.multiply
    assert y._grad is None
    assert x.is_leaf


def test_constants_leave_nothing():
    y = tg.multiply(tg.Tensor(2.0), 3.0)
    assert isinstance(y, tg.Tensor)
    assert y.is_leaf
    assert not y.requires_grad


def test_inputs_may_be_given_by_keyword():
    x, W, b = variable([[1.0, 2.0]]), variable(np.eye(2)), variable([1.0, 1.0])
    for y in (
        tg.linear(x, W=W, b=b),
        tg.linear(x=x, W=W, b=b),
        tg.add(b=b, a=tg.matmul(a=x, b=W)),
        tg.where(condition=np.array([True, True]), a=tg.linear(x, W, b=b), b=0.0),
    ):
        for t in x, W, b:
            t.zero_grad()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad, [[1, 1]])
        np.testing.assert_array_equal(W.grad, [[1, 1], [2, 2]])
        np.testing.assert_array_equal(b.grad, [1, 1])
    low = variable(0.5)
    tg.clip([0.0, 1.0], min=low).sum().backward()
    assert low.grad == 1


def test_a_tensor_among_further_options_is_a_constant():
    x = variable([1.0])
    y = tg.pad(x, 1, constant_values=tg.Tensor(5.0))
    np.testing.assert_array_equal(y.data, [5, 1, 5])
    y.sum().backward()
    assert x.grad == 1


def test_what_has_no_closure_has_no_gradient():
    @tg.differentiable
    def scaled(x, scale, offset):
        return x * scale + offset, lambda g: g * scale, None

    x, scale, offset = variable(2.0), variable(3.0), tg.Tensor(1.0)
    y = scaled(x, scale, offset)
    y.backward()
    assert (x.grad, scale.grad, offset.grad) == (3, None, None)


def test_a_gradient_that_an_operation_has_no_closure_for_is_not_lost():
    @tg.differentiable
    def scaled(x, scale, offset=0.0, *, shift=0.0):
        return x * scale + offset + shift, lambda g: g * scale, lambda g: g * x

    x, scale, offset = variable(2.0), variable(3.0), variable(1.0, name="offset")
    calls = [
        lambda: scaled(x, scale, offset),
        lambda: scaled(x, scale, offset=offset),
        lambda: scaled(x, scale, shift=offset),
        lambda: scaled(2.0, 3.0, offset),
        lambda: tg.pad(x.reshape(1), 1, constant_values=offset),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"no derivative with respect to offset: \(\) float64"):
            call()
    with tg.no_grad():
        assert scaled(x, scale, offset).item() == 7
    assert scaled(x, scale, offset.detach()).item() == 7


def test_slopes_can_be_learned():
    for op in tg.leaky_relu, tg.elu:
        x, slope = variable([-2.0, 3.0]), variable(0.3)
        op(x, slope).sum().backward()
        assert slope.grad == op(np.array(-2.0), 1.0)
        tg.check_gradients(op, x, np.array([0.1, 0.2]), order=2)


def test_only_closures_whose_gradient_is_asked_for_are_called():
    called = []

    def noted(name, gradient):
        called.append(name)
        return gradient

    @tg.differentiable
    def product(a, b):
        return a * b, lambda g: noted("a", g * b), lambda g: noted("b", g * a)

    x = variable(2.0)
    product(tg.Tensor(5.0), x).backward()
    product(5.0, x).backward()
    assert called == ["b", "b"]
    assert x.grad == 10


def test_a_gradient_is_brought_to_the_shape_and_dtype_of_its_input():
    @tg.differentiable
    def stretched(x):
        return x + np.zeros((4, 2, 3)), lambda g: g

    for shape in (4, 2, 3), (2, 3), (2, 1), (3,), (1, 1, 1), ():
        x = variable(np.ones(shape), dtype=np.float32)
        stretched(x).sum().backward()
        np.testing.assert_array_equal(x.grad, np.full(shape, 24 / x.size))
        assert x.grad.dtype == np.float32


@pytest.mark.parametrize("gradient", [2, 2.0, [2], (2,), np.int8(2), np.float32(2), [[2]]])
def test_a_closure_may_return_whatever_makes_an_array(gradient):
    @tg.differentiable
    def odd(x):
        return x, lambda _: gradient

    x = variable(np.ones(np.shape(gradient)))
    odd(x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.full(x.shape, 2.0))
    assert x.grad.dtype == np.float64
    assert x.grad.shape == x.shape


# --------------------------------------------------------------------------------------
# Mistakes in it
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "wrong", [np.ones(3), np.ones((2, 3)), np.ones((1,)), np.ones((3, 2, 1)), 1.0], ids=np.shape
)
def test_a_gradient_of_the_wrong_shape_is_named(wrong, create_graph):
    @tg.differentiable
    def wrongly(x, y):
        return x + y, lambda g: g, lambda g: wrong * np.sum(g)

    x, y = variable(np.ones((3, 2))), variable(np.ones((3, 2)), name="bias")
    if np.shape(wrong) == (3, 2, 1):
        x, y = variable(np.ones(2)), variable(np.ones(2), name="bias")
    loss = wrongly(x, y).sum()
    with pytest.raises(ValueError, match="closure") as caught:
        loss.backward(create_graph=create_graph)
    message = str(caught.value)
    for part in (
        f"wrongly(Tensor: {x.shape} float64, bias: {x.shape} float64)",
        f"for its input bias: {x.shape} float64",
        f"returned a gradient of shape {np.shape(wrong)}",
        f"expected {x.shape}",
    ):
        assert part in message
    assert x.grad is None
    assert y.grad is None


@pytest.mark.parametrize("result", [None, 3.0, [3.0, None]], ids=type)
def test_a_body_that_returns_no_tuple_is_named(result):
    @tg.differentiable
    def forgetful(x):
        return result

    kind = type(result).__name__
    with pytest.raises(TypeError, match=rf"forgetful must return .*; it returned {kind}"):
        forgetful(1.0)


def test_an_error_in_a_body_says_where():
    W = variable(np.ones((3, 2)), name="W")
    with pytest.raises(ValueError, match="shapes") as caught:
        tg.matmul(np.ones((5, 4)), W)
    assert caught.value.__notes__ == ["in matmul(array: (5, 4) float64, W: (3, 2) float64)"]
    with pytest.raises(ValueError, match="shape") as caught:
        tg.Tensor(np.ones(3)).reshape(2, 2)
    assert caught.value.__notes__ == ["in reshape(Tensor: (3,) float64, (2, 2))"]


def test_mismatched_shapes_are_named():
    x, y = variable(np.ones((2, 3)), name="x"), variable(np.ones(4), name="y")
    with pytest.raises(ValueError, match=r"\(2,3\) \(4,\)") as caught:
        x + y
    assert caught.value.__notes__ == ["in add(x: (2, 3) float64, y: (4,) float64)"]


# --------------------------------------------------------------------------------------
# The way back
# --------------------------------------------------------------------------------------


def test_a_leaf_is_its_own_gradient():
    x = variable(3.0)
    x.backward()
    assert x.grad == 1


def test_retained_gradients():
    x = variable(2.0)
    y = x * 3.0
    z = y * y
    y.retain_grad()
    z.retain_grad()
    loss = z * 5.0
    loss.backward()
    assert (loss._grad, z.grad, y.grad, x.grad) == (None, 5, 60, 180)


def test_a_gradient_may_be_given_as_whatever_makes_an_array():
    for gradient in [1.0, 2.0], (1, 2), np.array([1, 2], np.float32), tg.Tensor([1.0, 2.0]):
        x = variable([3.0, 4.0])
        (x * x).backward(gradient)
        np.testing.assert_array_equal(x.grad, [6, 16])
        assert type(x.grad) is np.ndarray


@pytest.mark.parametrize("gradient", [1.0, [1.0], [[1.0, 2.0]], [1.0, 2.0, 3.0]], ids=str)
def test_a_gradient_of_another_shape_is_refused(gradient):
    x = variable([3.0, 4.0])
    with pytest.raises(ValueError, match=r"Tensor's shape \(2,\); got") as caught:
        (x * x).backward(gradient)
    assert str(np.shape(gradient)) in str(caught.value)
    assert x.grad is None


def test_the_given_gradient_belongs_to_the_giver():
    x, gradient = variable([3.0, 4.0]), np.ones(2)
    (+x).backward(gradient)
    x.grad += 1
    np.testing.assert_array_equal(gradient, [1, 1])


def test_nothing_requires_a_gradient():
    with tg.no_grad():
        unrecorded = variable(1.0) * 2.0
    for y in tg.Tensor(1.0), tg.Tensor(1.0) * 2.0, unrecorded:
        with pytest.raises(RuntimeError, match=r"requires_grad=True.*no_grad"):
            y.backward()


def test_backward_leaves_the_graph():
    x = variable(2.0)
    y = x * x
    y.backward()
    assert y._inputs == (x, x)


def test_gradients_recorded_can_be_differentiated():
    x = variable([1.0, 2.0])
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert isinstance(first, tg.Tensor)
    assert first.requires_grad
    x.zero_grad()
    first.sum().backward(create_graph=True)
    np.testing.assert_array_equal(x.grad.data, [6, 12])
    second, x.grad = x.grad, None
    second.sum().backward()
    np.testing.assert_array_equal(x.grad, [6, 6])


def test_recorded_gradients_add_to_plain_ones():
    x = variable(2.0)
    y = x * x
    y.backward()
    y.backward(create_graph=True)
    assert isinstance(x.grad, tg.Tensor)
    assert x.grad.item() == 8
    y.backward()
    assert x.grad.data == 12


def test_the_gradient_to_begin_with_may_be_differentiated_by():
    """The way back is linear in it, so its derivative is the Jacobian times a direction."""
    x, g = variable([1.0, 2.0]), variable([0.0, 0.0])
    (x**3).backward(g, create_graph=True)
    x.grad.backward([5.0, 7.0])
    np.testing.assert_array_equal(g.grad, [5 * 3, 7 * 12])


def test_several_nodes_to_begin_with_are_taken_youngest_first():
    calls = []

    @tg.differentiable
    def noted(x):
        return x * 2.0, lambda g: (calls.append(g), g * 2.0)[1]

    x = variable(1.0)
    y = noted(x)
    z = y * 3.0
    found = backpropagate({y: np.array(1.0), z: np.array(10.0)})
    assert found == {x: 62}
    assert calls == [31]


def test_nodes_older_than_asked_for_are_left_alone():
    old = variable(2.0)
    y = old * 3.0
    young = variable(5.0)
    found = backpropagate({y * young: np.array(1.0)}, since=young._order)
    assert found == {young: 6}


def test_training_leaves_no_garbage():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1, 2)), np.array([[1.0]])
    shapes = [(2, 4), (4,), (4, 3), (3,), (3, 1), (1,)]
    parameters = [variable(rng.normal(size=shape)) for shape in shapes]

    def step():
        W1, b1, W2, b2, W3, b3 = parameters
        h = tg.sigmoid(tg.sigmoid(x @ W1 + b1) @ W2 + b2)
        loss = tg.sigmoid_cross_entropy(h @ W3 + b3, y)
        loss.backward()
        for p in parameters:
            p.data = p.data - 0.1 * p.grad
            p.zero_grad()

    def hundred_steps():
        for _ in range(100):
            step()

    assert garbage_of(hundred_steps) == 0


def test_derivatives_of_functions_leave_no_garbage():
    def f(x):
        return (tg.sin(x) * x).sum()

    def step():
        x = np.ones(3)
        tg.hessian(f)(x)
        tg.jvp(f, [x], [x])

    assert garbage_of(step) == 0
