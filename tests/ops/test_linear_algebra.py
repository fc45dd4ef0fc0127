"""Linear algebra at its hard points: singular matrices, norms of zero, ties."""

import numpy as np
import pytest

import tinygrad_edu as tg

SINGULAR = {
    "rank 2": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    "rank 1": np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]),
    "zero": np.zeros((3, 3)),
    "zero row": np.array([[0.0, 0.0], [1.0, 2.0]]),
    "one number": np.zeros((1, 1)),
}


def gradient(f, x):
    """By both ways back, the plain one and the recorded one, which must agree."""
    t, recorded = tg.Tensor(x, requires_grad=True), tg.Tensor(x, requires_grad=True)
    f(t).backward()
    try:
        f(recorded).backward(create_graph=True)
    except NotImplementedError:
        return t.grad
    np.testing.assert_allclose(recorded.grad.data, t.grad, rtol=1e-12, atol=1e-12)
    return t.grad


def cofactors(x):
    """By their definition: signed determinants of what is left without a row and a column."""
    y = np.empty(x.shape)
    for i, j in np.ndindex(x.shape):
        minor = np.delete(np.delete(x, i, axis=0), j, axis=1)
        y[i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return y


# --- determinants -------------------------------------------------------------------------


@pytest.mark.parametrize("name", SINGULAR)
def test_determinant_of_a_singular_matrix(name):
    x = SINGULAR[name]
    np.testing.assert_allclose(gradient(np.linalg.det, x), cofactors(x), atol=1e-12)
    tg.check_gradients(np.linalg.det, x, order=3)


def test_determinants_of_a_stack_with_a_singular_one():
    x = np.stack([SINGULAR["rank 2"], np.eye(3), -2 * np.eye(3)])
    expected = np.stack([cofactors(part) for part in x])
    np.testing.assert_allclose(gradient(lambda t: np.linalg.det(t).sum(), x), expected, atol=1e-12)


def test_logarithm_of_a_determinant_that_overflows():
    x = tg.Tensor(1e200 * np.array([[0.0, 1.0], [2.0, 0.0]]), requires_grad=True)
    sign, y = result = np.linalg.slogdet(x)
    assert (sign, y) == (result.sign, result.logabsdet)
    assert sign == -1
    assert not isinstance(sign, tg.Tensor)
    assert y.item() == pytest.approx(2 * np.log(1e200) + np.log(2))
    y.backward()
    np.testing.assert_allclose(x.grad, [[0, 1e-200], [5e-201, 0]])


def test_logarithm_of_the_determinant_of_a_singular_matrix_has_no_gradient():
    x = tg.Tensor(SINGULAR["zero row"], requires_grad=True)
    sign, y = np.linalg.slogdet(x)
    assert (sign, y.item()) == (0, -np.inf)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        y.backward()
    assert x.grad is None


# --- norms --------------------------------------------------------------------------------

VECTOR_NORMS = [None, 1, 2, 3, 1.5, 0.5, 0, -1, -2, np.inf, -np.inf]
MATRIX_NORMS = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


@pytest.mark.parametrize("which", VECTOR_NORMS)
def test_norm_of_a_zero_vector_has_gradient_zero(which):
    with np.errstate(divide="ignore"):  # NumPy takes the negative powers of 0
        g = gradient(lambda t: np.linalg.norm(t, which), np.zeros(3))
    np.testing.assert_array_equal(g, 0)


@pytest.mark.parametrize("which", MATRIX_NORMS)
def test_norm_of_a_zero_matrix_has_gradient_zero(which):
    np.testing.assert_array_equal(gradient(lambda t: np.linalg.norm(t, which), np.zeros((2, 3))), 0)


def test_norm_of_a_vector_with_zeros():
    x = [[3.0, 0.0, -4.0], [0.0, 0.0, 0.0]]
    for which, expected in [(None, [0.6, 0, -0.8]), (1, [1, 0, -1]), (np.inf, [0, 0, -1])]:
        g = gradient(lambda t, which=which: np.linalg.norm(t, which, axis=1).sum(), x)
        np.testing.assert_allclose(g, [expected, [0, 0, 0]])


@pytest.mark.parametrize(
    ("which", "x", "expected"),
    [
        (np.inf, [3.0, -3.0, 1.0], [0.5, -0.5, 0]),
        (-np.inf, [3.0, -1.0, 1.0], [0, -0.5, 0.5]),
        (1, [[1.0, -2.0], [1.0, 0.0]], [[0.5, -0.5], [0.5, 0]]),
        (np.inf, [[1.0, -2.0], [3.0, 0.0]], [[0.5, -0.5], [0.5, 0]]),
        (2, [[2.0, 0.0], [0.0, 2.0]], [[0.5, 0], [0, 0.5]]),
        (-2, [[2.0, 0.0], [0.0, -2.0]], [[0.5, 0], [0, -0.5]]),
        ("nuc", [[2.0, 0.0], [0.0, 0.0]], [[1, 0], [0, 0]]),
    ],
)
def test_what_ties_in_a_norm_shares_the_gradient(which, x, expected):
    g = gradient(lambda t: np.linalg.norm(t, which), x)
    np.testing.assert_allclose(g, expected, atol=1e-15)


@pytest.mark.parametrize("which", [2, -2, "nuc"])
def test_norm_by_singular_values_is_never_silently_wrong(which):
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    tg.check_gradients(lambda t: np.linalg.norm(t, which), x)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        np.linalg.norm(x, which).backward(create_graph=True)
    assert x.grad is None


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [(0, 1), (2, 0), (-1, -2)])
@pytest.mark.parametrize("which", MATRIX_NORMS)
def test_norm_of_matrices_on_any_axes(which, axis, keepdims):
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    tg.check_gradients(lambda t: np.linalg.norm(t, which, axis, keepdims), x)


# --- systems ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 3), (3,)),
        ((2, 3, 3), (3,)),  # one vector for every matrix
        ((3, 3, 3), (3, 3)),  # columns, though it could be a stack of vectors
        ((3, 3), (2, 3, 2)),
        ((4, 1, 3, 3), (2, 3, 1)),
    ],
    ids=str,
)
def test_systems_of_any_shape(a, b):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=a) + 3 * np.eye(3), rng.normal(size=b)
    y = np.linalg.solve(tg.Tensor(a), b)
    np.testing.assert_allclose(y.data, np.linalg.solve(a, b))
    tg.check_gradients(np.linalg.solve, a, b, order=2)


@pytest.mark.parametrize("f", [np.linalg.inv, lambda x: np.linalg.solve(x, [1.0, 2.0])])
def test_a_singular_matrix_has_no_inverse(f):
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        f(tg.Tensor(SINGULAR["zero row"]))


def test_powers_of_a_matrix_are_products_and_inverses():
    x = np.array([[2.0, 1.0], [0.5, 3.0]])
    for n, same in [
        (0, lambda t: 0 * t + np.eye(2)),
        (3, lambda t: t @ t @ t),
        (-2, lambda t: np.linalg.inv(t) @ np.linalg.inv(t)),
    ]:
        w = np.array([[1.0, 2.0], [3.0, 4.0]])
        power = gradient(lambda t, n=n, w=w: (np.linalg.matrix_power(t, n) * w).sum(), x)
        expected = gradient(lambda t, same=same, w=w: (same(t) * w).sum(), x)
        np.testing.assert_allclose(power, expected, atol=1e-14)


# --- parts --------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-9, -1, 0, 2, 9])
def test_diagonals_on_any_axes(offset, assert_moves):
    assert_moves(lambda x: np.diagonal(x, offset, -1, 0), (3, 2, 4))
    assert_moves(lambda x: np.linalg.diagonal(x, offset=offset), (2, 3, 4))
    assert_moves(lambda x: np.diag(x, offset), (3, 4))


@pytest.mark.parametrize("order", [2, 1, np.inf])
@pytest.mark.parametrize("axis", [None, 1, (0, 2), (2, 0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norm_of_vectors_along_several_axes(order, axis, keepdims):
    def norm(x):
        return np.linalg.vector_norm(x, ord=order, axis=axis, keepdims=keepdims)

    x = np.random.default_rng(0).normal(size=(2, 3, 2))
    np.testing.assert_allclose(norm(tg.Tensor(x)).data, norm(x))
    tg.check_gradients(norm, x)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -2])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norm_of_matrices_in_the_last_axes(order, keepdims):
    def norm(x):
        return np.linalg.matrix_norm(x, ord=order, keepdims=keepdims)

    x = np.random.default_rng(0).normal(size=(2, 3, 2))
    np.testing.assert_allclose(norm(tg.Tensor(x)).data, norm(x))
    tg.check_gradients(norm, x)
