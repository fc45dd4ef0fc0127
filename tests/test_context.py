"""What holds while operations run, and for how long."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

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
        assert current() == Context(recording=False, nested=True, outer=Context())
    assert current() == Context()


def test_one_object_is_entered_many_times():
    quiet = tg.no_grad()
    with quiet, quiet:
        assert not current().recording
    assert current() == Context()
    with quiet:
        with quiet:
            pass
        assert not current().recording
    assert current() == Context()
    with pytest.raises(ZeroDivisionError), quiet, quiet:
        1 / 0  # noqa: B018
    assert current() == Context()


def test_one_object_in_many_threads():
    quiet, barrier = tg.no_grad(), threading.Barrier(4)

    def work(_):
        barrier.wait(10)
        for _ in range(200):
            with quiet:
                assert not current().recording
            assert current().recording
        return current() == Context()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_a_decorator_without_brackets():
    @tg.no_grad
    def plain(x):
        """Twice as much."""
        return x * 2

    @tg.no_grad()
    def called(x):
        return x * 2

    x = tg.Tensor(1.0, requires_grad=True)
    assert not plain(x).requires_grad
    assert not called(x).requires_grad
    assert (plain.__name__, plain.__doc__) == ("plain", "Twice as much.")
    for wrong in 3, [x]:
        with pytest.raises(TypeError, match="no_grad takes no arguments, or a function"):
            tg.no_grad(wrong)


def test_a_decorated_generator_runs_inside_and_yields_outside():
    seen = []

    @tg.no_grad()
    def generator():
        try:
            while True:
                seen.append(current().recording)
                try:
                    sent = yield current().recording
                except KeyError:
                    sent = "caught"
                if sent == "end":
                    return "returned"
                seen.append(sent)
        finally:
            seen.append(("closed", current().recording))

    g = generator()
    assert next(g) is False
    assert current().recording
    assert g.send("hello") is False
    assert g.throw(KeyError()) is False
    with pytest.raises(StopIteration, match="returned"):
        g.send("end")
    assert seen == [False, "hello", False, "caught", False, ("closed", False)]
    g = generator()
    next(g)
    g.close()
    assert seen[-1] == ("closed", False)
    assert current() == Context()


def test_a_decorated_coroutine():
    @tg.no_grad()
    async def coroutine():
        await asyncio.sleep(0)
        return current().recording

    async def main():
        inside = await coroutine()
        return inside, current().recording

    with ThreadPoolExecutor(1) as pool:  # a browser test before this one may leave a loop running
        assert pool.submit(asyncio.run, main()).result() == (False, True)

    with pytest.raises(TypeError, match="asynchronous generator"):

        @tg.no_grad()
        async def stream():
            yield 1
