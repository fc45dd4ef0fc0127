"""The engine on random programs, judged by complex numbers and by what derivatives must satisfy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.context import within

from .programs import programs

many_times = settings(max_examples=5 * settings().max_examples)  # they are small


def variables(program):
    return [tg.Tensor(x, requires_grad=True) for x in program.inputs]


def gradients(xs):
    return [np.zeros(x.shape) if x.grad is None else x.grad for x in xs]


def assert_all_close(arrays, expected, tolerance=1e-9):
    for x, y in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@many_times
@given(programs())
def test_gradient_is_that_of_the_complex_step(program):
    xs = variables(program)
    y = program.run(xs)
    np.testing.assert_allclose(y.data, program.run(program.inputs), rtol=1e-12)
    y.backward()
    assert_all_close(gradients(xs), program.gradients())


@many_times
@given(programs(), st.integers(0, 6))
def test_only_what_asks_for_a_gradient_gets_one(program, asking):
    xs = [tg.Tensor(x, requires_grad=bool(asking >> k & 1)) for k, x in enumerate(program.inputs)]
    y = program.run(xs)
    if y.requires_grad:
        y.backward()
    for x, expected in zip(xs, program.gradients(), strict=True):
        if x.requires_grad:
            assert_all_close(gradients([x]), [expected])
        else:
            assert x.grad is None


@many_times
@given(programs(smooth=True), st.integers(0, 2**32 - 1))
def test_second_derivative_is_the_slope_of_the_first(program, seed):
    directions = [np.random.default_rng(seed).uniform(-1, 1, x.shape) for x in program.inputs]

    def gradient(h):
        moved = [x + h * v for x, v in zip(program.inputs, directions, strict=True)]
        return program._replace(inputs=tuple(moved)).gradients()

    product = tg.hvp(program.run, list(program.inputs), directions)
    h = 1e-4
    differences = zip(gradient(h), gradient(-h), gradient(2 * h), gradient(-2 * h), strict=True)
    expected = [(8 * (a - b) - (c - d)) / (12 * h) for a, b, c, d in differences]
    assert_all_close(product, expected, 1e-5)


@many_times
@given(programs())
def test_backward_recorded_gives_the_same(program):
    xs, ys = variables(program), variables(program)
    program.run(xs).backward()
    program.run(ys).backward(create_graph=True)
    for x, y in zip(xs, ys, strict=True):
        assert (x.grad is None) == (y.grad is None)
        if x.grad is not None:
            assert_all_close([y.grad.data], [x.grad])


@many_times
@given(programs())
def test_gradients_of_losses_that_share_a_graph_add_up(program):
    xs = variables(program)
    first = program.run(xs)
    second = tg.sin(first) * 3.0
    expected = program.gradients()
    total = 0.0
    for loss, slope in (first, 1.0), (second, 3 * np.cos(first.data)), (first, 1.0):
        if loss.requires_grad:
            loss.backward()
        total = total + slope
        assert_all_close(gradients(xs), [total * g for g in expected])


@many_times
@given(programs())
def test_every_closure_is_called_once_at_most(program):
    """The cost of the way back is linear, also where exponentially many paths lead there."""
    nodes, calls = [], []
    with within(observer=nodes.append):
        y = program.run(variables(program))

    def counting(edge, closure):
        return lambda g: (calls.append(edge), closure(g))[1]

    for node in nodes:
        node._closures = [f and counting((node, i), f) for i, f in enumerate(node._closures)]
    if y.requires_grad:
        y.backward()
    assert len(calls) == len(set(calls))
