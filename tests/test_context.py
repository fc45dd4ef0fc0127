"""What holds while operations run, and for how long."""

import pytest

import tinygrad_edu as tg
from tinygrad_edu.context import Context, current, within


@pytest.fixture
def x():
    return tg.Tensor(3.0, requires_grad=True)


def test_nothing_is_recorded_under_no_grad(x):
    with tg.no_grad():
        y = x * x
    assert not y.requires_grad
    assert y.is_leaf
    assert (x * x).requires_grad


def test_no_grad_decorates(x):
    @tg.no_grad()
    def square(x):
        return x * x

    assert not square(x).requires_grad
    assert not square(x).requires_grad  # again: a decorator serves many calls
    assert (x * x).requires_grad


def test_no_grad_decorates_what_calls_itself(x):
    @tg.no_grad()
    def power(x, n):
        return x if n == 1 else power(x, n - 1) * x

    assert not power(x, 4).requires_grad
    assert (x * x).requires_grad


def test_a_block_may_be_entered_again(x):
    quiet = tg.no_grad()
    for _ in range(2):
        with quiet:
            assert not (x * x).requires_grad
        assert (x * x).requires_grad


def test_no_grad_nests_and_ends_with_an_exception(x):
    with tg.no_grad():
        with pytest.raises(ZeroDivisionError), tg.no_grad():
            raise ZeroDivisionError
        assert not (x * x).requires_grad
    assert (x * x).requires_grad


def test_no_grad_does_not_stop_backward(x):
    y = x * x
    with tg.no_grad():
        y.backward()
    assert x.grad == 6


def test_no_grad_does_not_stop_a_recorded_backward(x):
    y = x**3
    with tg.no_grad():
        y.backward(create_graph=True)
    first, x.grad = x.grad, None
    first.backward()
    assert x.grad == 18


def test_leaves_made_under_no_grad_may_require_gradients():
    with tg.no_grad():
        x = tg.Tensor(2.0, requires_grad=True)
    (x * x).backward()
    assert x.grad == 4


def test_scopes_nest(x):
    outside = x * 1.0
    with tg.scope("layer1"):
        w = tg.Tensor(1.0)
        first = x * w
        with tg.scope("activation"):
            second = tg.tanh(first)
        third = second * 2.0
    assert outside.scope == ()
    assert w.scope == first.scope == third.scope == ("layer1",)
    assert second.scope == ("layer1", "activation")


def test_scope_decorates(x):
    @tg.scope("head")
    def head(x):
        return x * 2.0

    assert head(x).scope == head(x).scope == ("head",)


def test_a_scope_ends_with_an_exception(x):
    with pytest.raises(ZeroDivisionError), tg.scope("layer1"):
        raise ZeroDivisionError
    assert (x * 1.0).scope == ()


def test_an_observer_sees_every_recorded_node_in_order(x):
    seen = []
    with within(observer=seen.append):
        y = tg.exp(x)
        z = y * 2.0
        with tg.no_grad():
            z * z
        tg.Tensor(1.0) * 2.0
    assert seen == [y, z]


def test_the_context_is_as_before_at_the_end():
    assert current() == Context()
    with within(recording=False, nested=True):
        assert current() == Context(recording=False, nested=True)
    assert current() == Context()
