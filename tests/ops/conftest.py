"""The judge of operations that only move elements: where each came from says all."""

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_edu as tg


@pytest.fixture(scope="session")
def assert_moves() -> Callable[..., None]:
    """Judge a function that only copies elements to new places, by moving their numbers."""

    def check(f, shape):
        rng = np.random.default_rng(0)
        x = tg.Tensor(rng.normal(size=shape), requires_grad=True)
        y = f(x)
        np.testing.assert_array_equal(y.data, f(x.data))

        # An element gets the gradients of its copies...
        w = tg.Tensor(rng.normal(size=y.shape), requires_grad=True)
        came_from = f(np.arange(x.size).reshape(shape))
        expected = np.bincount(came_from.ravel(), w.data.ravel(), x.size).reshape(shape)
        y.backward(w.data)
        np.testing.assert_allclose(x.grad, expected)

        # ...and on the way back from there, the same elements move to the same places.
        x.zero_grad()
        y.backward(w, create_graph=True)
        w.zero_grad()
        v = rng.normal(size=shape)
        x.grad.backward(v)
        np.testing.assert_array_equal(w.grad, f(v))

    return check
