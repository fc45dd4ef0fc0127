"""vmap: a function of one sample, for many."""

import numpy as np
import pytest

import tinygrad_edu as tg

A = np.arange(6.0).reshape(2, 3)


def test_values_and_axes():
    np.testing.assert_array_equal(tg.vmap(lambda x: x * 2)(A), A * 2)
    np.testing.assert_array_equal(tg.vmap(lambda x: x.sum(), in_axes=1)(A), A.sum(axis=0))
    np.testing.assert_array_equal(tg.vmap(lambda x: x * 2, in_axes=-1)(A), A.T * 2)
    np.testing.assert_array_equal(tg.vmap(lambda x: x * 2, out_axes=1)(A), A.T * 2)
    found = tg.vmap(lambda p, x: (p["a"] * x, x), in_axes=(0, None))({"a": A[:, 0]}, A[0])
    np.testing.assert_array_equal(found[0], A[:, :1] * A[0])
    np.testing.assert_array_equal(found[1], [A[0], A[0]])


def test_nested():
    both = tg.vmap(tg.vmap(lambda a, b: a * b, (None, 0)), (0, None))
    np.testing.assert_array_equal(both(A[0], A[1]), np.outer(A[0], A[1]))


def test_gradients_pass():
    x = tg.Tensor(A, requires_grad=True)
    y = tg.vmap(lambda x: tg.exp(x).sum())(x)
    y.backward([1.0, 10.0])
    np.testing.assert_allclose(x.grad, np.exp(A) * [[1], [10]])
    np.testing.assert_allclose(tg.vmap(tg.grad(lambda x: (x**3).sum()))(A), 3 * A**2)
    np.testing.assert_allclose(
        tg.grad(lambda x: (tg.vmap(tg.grad(lambda x: (x**3).sum()))(x)).sum())(A), 6 * A
    )


@pytest.mark.parametrize(
    ("args", "axes", "message"),
    [
        ((A, A.T), 0, r"one number of samples, and at least one; got \[2, 3\]"),
        ((A,), None, "got none"),
        ((A, 3.0), 0, r"no samples along axis 0 of an argument of shape \(\)"),
        ((A,), 2, "no samples along axis 2"),
        ((np.ones((0, 2)),), 0, r"got \[0\]"),
        ((A,), (0, 0), "in_axes=.* does not fit 1 arguments"),
    ],
)
def test_what_has_no_samples(args, axes, message):
    with pytest.raises(ValueError, match=message):
        tg.vmap(lambda *x: x[0], axes)(*args)
