"""The judge is judged: it passes what is right, and finds and names what is wrong."""

import numpy as np
import pytest
from hypothesis import given

import tinygrad_edu as tg

from .properties.programs import programs

# --------------------------------------------------------------------------------------
# What is right passes
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    "f",
    [tg.tanh, tg.exp, tg.sigmoid, tg.softmax, tg.prod, tg.var, lambda x: x**3, lambda x: x @ x],
    ids=["tanh", "exp", "sigmoid", "softmax", "prod", "var", "power", "product"],
)
def test_right_derivatives_pass(f, order):
    tg.check_gradients(f, np.array([0.3, -1.2, 0.8]), order=order)


@given(programs(smooth=True, max_steps=5))
def test_random_programs_pass(program):
    def of_all_inputs(*xs):
        return program.run(xs) * sum(x.sum() for x in xs)

    tg.check_gradients(of_all_inputs, *program.inputs, order=2)


def test_inputs_of_every_kind():
    x = tg.Tensor(np.array([[1.0, 2.0]], np.float32), requires_grad=True)
    W = [[1.0, 0.5], [-0.5, 2.0]]
    labels = np.array([1])
    tg.check_gradients(lambda x, W, labels: tg.softmax_cross_entropy(x @ W, labels), x, W, labels)
    assert x.grad is None
    tg.check_gradients(lambda x, n: x**n, 2.0, 3)
    tg.check_gradients(tg.sin, np.zeros((0, 3)))


def test_outputs_of_every_kind():
    x = np.array([1.0, 2.0])
    tg.check_gradients(lambda x: {"a": tg.sin(x), "b": [x.sum(), (x * x,)]}, x, order=2)
    tg.check_gradients(lambda x: tg.split(x, 2), x)


def test_functions_that_take_no_complex_numbers():
    tg.check_gradients(lambda x: tg.floor(x) * x + tg.maximum(x, 0.5), np.array([0.2, 1.7]))
    tg.check_gradients(tg.arctan2, np.array([0.2]), np.array([-1.7]), order=2)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_numbers_of_every_size(scale):
    tg.check_gradients(lambda x: (x * x / scale).sum(), np.array([0.3, -0.7]) * scale)


def test_large_numbers_where_there_are_none_but_real_ones():
    tg.check_gradients(lambda x: (tg.absolute(x) ** 3 / 1e18).sum(), np.array([0.3e9, -0.7e9]))


# --------------------------------------------------------------------------------------
# What is wrong is found and named
# --------------------------------------------------------------------------------------


def message_of(f, *inputs, **options):
    with pytest.raises(tg.GradientError) as caught:
        tg.check_gradients(f, *inputs, **options)
    return str(caught.value)


def test_a_wrong_closure_is_named_with_entry_and_values():
    @tg.differentiable
    def product(a, b):
        return a * b, lambda g: g * b, lambda g: g * (a + (a > 2))

    message = message_of(lambda x, y: tg.exp(product(x, y)), [1.0, 2.0, 3.0], [0.1, 0.2, 0.3])
    assert "wrong derivative of <lambda>, order 1" in message
    assert "input 1, entry (2,), where x = 0.3" in message
    assert "closure of product for its input 1 is wrong" in message
    lines = dict(line.split()[:2] for line in message.splitlines())
    assert float(lines["computed"]) / float(lines["expected"]) == pytest.approx(4 / 3)


WRONG = {
    "sign": lambda g, _, y: -g * y,
    "factor": lambda g, _, y: g * y * (1 + 1e-4),
    "offset": lambda g, _, y: g * y + 1e-5,
    "zero": lambda g, *_: g * 0,
    "nan": lambda g, *_: g * np.nan,
    "inf": lambda g, *_: g * np.inf,
    "other operand": lambda g, x, _: g * x,
}


@pytest.mark.parametrize("name", WRONG)
def test_every_kind_of_mistake_is_found(name):
    @tg.differentiable
    def wrong(x, y):
        return x * y, lambda g: WRONG[name](g, x, y), lambda g: g * x

    message = message_of(wrong, [1.0, 2.0], [3.0, 5.0])
    assert "closure of wrong for its input 0" in message
    tg.check_gradients(lambda y: wrong(2.0, y), [3.0, 5.0])


def test_a_gradient_of_the_transposed_matrix_is_found():
    @tg.differentiable
    def transposed(x):
        return np.transpose(x), lambda g: g

    message = message_of(lambda x: transposed(x) * [[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2)))
    assert "input 0, entry (0, 1)" in message


def test_mistakes_that_add_up_to_nothing_are_found():
    @tg.differentiable
    def softmax(x):
        y = np.exp(x) / np.sum(np.exp(x))
        return y, lambda g: g * 0.0  # right for the sum, which is always 1

    assert "closure of softmax" in message_of(softmax, [0.3, -1.2, 0.8])


def test_a_forgotten_closure_is_found():
    @tg.differentiable
    def forgetful(x, y):
        return x * y, lambda g: g * y

    with pytest.raises(
        TypeError, match=r"forgetful has no derivative with respect to Tensor: \(\)"
    ):
        tg.check_gradients(forgetful, 2.0, 3.0)


def test_a_wrong_second_derivative_is_found():
    @tg.differentiable
    def square(x):
        slope = np.asarray(getattr(x, "data", x)) * 2.0  # a constant, where a Tensor is meant
        return x * x, lambda g: g * slope

    tg.check_gradients(square, [1.0, 2.0])
    message = message_of(square, [1.0, 2.0], order=2)
    assert "wrong derivative of square, order 2" in message
    assert "closure of square for its input 0 is wrong" in message


def test_a_closure_that_differs_on_tensors_is_found():
    @tg.differentiable
    def double(x):
        return x * 2.0, lambda g: g * 2.0 if isinstance(g, np.ndarray) else g * 3.0

    tg.check_gradients(double, 1.0)
    assert "order 1" in message_of(double, 1.0, order=2)


def test_a_wrong_third_derivative_is_found():
    @tg.differentiable
    def cube(x):
        here = np.array(getattr(x, "data", x))
        return x**3, lambda g: g * (3 * x**2 + (x - here) ** 2)

    tg.check_gradients(cube, 2.0, order=2)
    assert "order 3" in message_of(cube, 2.0, order=3)


def test_a_detached_path_is_found():
    message = message_of(lambda x: x * x.detach(), [1.0, 2.0])
    assert "wrong derivative of <lambda>" in message
    assert "closure of" not in message  # every operation by itself is right
    assert "wrong derivative" in message_of(lambda x: x.detach() * 2.0, 1.0)  # nothing recorded


def test_a_function_that_is_no_function_is_found():
    rng = np.random.default_rng(0)
    message_of(lambda x: x * rng.normal(), 1.0)


def test_tolerances():
    @tg.differentiable
    def nearly(x):
        return x * 2.0, lambda g: g * 2.0001

    message_of(nearly, 1.0)
    tg.check_gradients(nearly, 1.0, rtol=1e-3)
    tg.check_gradients(nearly, 1.0, atol=1e-3)


# --------------------------------------------------------------------------------------
# Kinks
# --------------------------------------------------------------------------------------

KINKS = {
    "absolute": (tg.absolute, 0.0),
    "relu": (tg.relu, 0.0),
    "leaky_relu": (tg.leaky_relu, 0.0),
    "maximum": (lambda x: tg.maximum(x, 1.0), 1.0),
    "clip": (lambda x: tg.clip(x * 1.0, 0.0, 2.0), 2.0),
    "max": (lambda x: tg.max(x * np.array([1.0, 0.5]) + np.array([0.0, 0.5])), 1.0),
    "floor": (tg.floor, 3.0),
    "norm": (lambda x: tg.norm(x * np.ones(2)), 0.0),
}


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("distance", [5e-5, -1.5e-4])
def test_a_kink_nearby_is_named(name, distance):
    f, at = KINKS[name]
    message = message_of(lambda x: tg.exp(f(x) * 0.5), np.array(at + distance))
    assert "<lambda> has a kink, order 1" in message
    assert f"{name} has one, with a jump of slope by" in message
    assert "move the input, or pass allow_kinks=True" in message


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "clip", "floor"])
def test_a_kink_where_a_convention_holds_is_named(name):
    f, at = KINKS[name]
    assert f"{name} has one" in message_of(f, np.array(at))


@pytest.mark.parametrize("name", ["absolute", "maximum", "max", "norm"])
def test_a_kink_where_the_convention_is_the_mean_slope_is_none(name):
    f, at = KINKS[name]
    tg.check_gradients(f, np.array(at))


@pytest.mark.parametrize("name", KINKS)
def test_far_from_a_kink_all_is_right(name):
    f, at = KINKS[name]
    tg.check_gradients(f, np.array(at + 0.01), order=2)
    tg.check_gradients(f, np.array(at - 0.01), order=2)


def test_kinks_may_be_allowed():
    x = np.array([0.0, 1.0, -1.0])
    tg.check_gradients(tg.relu, x, allow_kinks=True)

    @tg.differentiable
    def wrong(x):
        return np.maximum(x, 0), lambda g: g * (x > 0) * 2

    assert "entry (1,)" in message_of(wrong, x, allow_kinks=True)


def test_an_operation_with_a_kink_is_not_taken_for_the_wrong_one():
    @tg.differentiable
    def wrong(x):
        return x * x, lambda g: g * x

    message = message_of(lambda x: wrong(tg.relu(x)), [0.0, 1.0], allow_kinks=True)
    assert "closure of wrong for its input 0" in message


def test_a_branch_is_told_from_a_mistake():
    def branching(x):
        return x * 2.0 if x > 1 else tg.exp(x)

    message = message_of(branching, np.array(1.0))
    assert "branching has a kink" in message
    assert "it takes another branch nearby" in message

    def growing(x):
        return tg.sin(x * np.ones(2 if x > 1 else 3))

    assert "it takes another branch nearby" in message_of(growing, np.array(1.0))


def test_a_kink_of_the_first_derivative_is_named():
    def f(x):
        return tg.maximum(x, 0.0) ** 2

    message = message_of(f, np.array(0.0), order=2)
    assert "f has a kink, order 2" in message or "maximum has one" in message


@pytest.mark.filterwarnings("ignore:.* encountered in")
@pytest.mark.parametrize(
    ("f", "at"), [(tg.log, -1.0), (tg.log, 0.0), (tg.sqrt, -1.0), (tg.sqrt, 1e-6), (tg.arcsin, 1.0)]
)
def test_where_a_function_is_not_finite_nobody_is_accused(f, at):
    message = message_of(f, np.array(at))
    assert f"{f.__name__} is not finite, order 1" in message
    assert "it is nan or infinite within 0.0002 of there; no difference quotient" in message
    assert "wrong" not in message


# --------------------------------------------------------------------------------------
# What cannot be meant
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0}, "order must be an integer, at least 1; got 0"),
        ({"order": 1.5}, "order must be an integer, at least 1; got 1.5"),
        ({"order": "2"}, "order must be an integer, at least 1; got '2'"),
        ({"step": 0.0}, "step must be finite and above 0; got 0.0"),
        ({"step": np.nan}, "step must be finite and above 0; got nan"),
        ({"rtol": -1.0}, "rtol and atol must not be negative; got -1.0 and 1e-08"),
        ({"atol": np.nan}, "rtol and atol must not be negative; got 1e-06 and nan"),
    ],
)
def test_a_number_out_of_its_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tg.check_gradients(tg.sin, 1.0, **options)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_input_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=f"input 1 must be finite.* it holds {value}"):
        tg.check_gradients(tg.multiply, 1.0, np.array([1.0, value]))


@pytest.mark.parametrize("result", [None, 3.0, np.ones(2), {"a": 1}], ids=repr)
def test_a_function_that_returns_no_tensor_is_refused(result):
    got = type(result).__name__
    with pytest.raises(TypeError, match=f"<lambda> must return a Tensor, .* got {got}"):
        tg.check_gradients(lambda _: result, 1.0)


def test_there_must_be_something_to_check():
    with pytest.raises(ValueError, match="no input is floating-point"):
        tg.check_gradients(tg.sin, np.array([1, 2]))


def test_errors_of_the_function_come_through():
    with pytest.raises(ValueError, match=r"mismatch|aligned"):
        tg.check_gradients(tg.matmul, np.ones((2, 3)), np.ones(2))


def test_a_gradient_error_is_an_assertion():
    """So that test runners show it as a failure."""
    assert issubclass(tg.GradientError, AssertionError)


def test_a_function_that_closes_over_parameters():
    w = tg.Tensor([2.0, 3.0], requires_grad=True)
    tg.check_gradients(lambda x: tg.sin(w * x).sum(), np.array([0.5, 0.7]), order=2)
    assert w.grad is None
