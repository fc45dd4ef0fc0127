"""Linear algebra at its hard points: singular matrices, norms of zero, ties."""

import tracemalloc

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
    f(recorded).backward(create_graph=True)
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


BASES = np.linalg.svd(np.random.default_rng(0).normal(size=(5, 5)))[::2]


@pytest.mark.parametrize(
    "singular_values",
    [
        [3, 2, 1, 0.5, 0.2],
        [1, 1, 1, 1, 1],
        [3, 2, 1, 0.5, 0],
        [3, 2, 1, 1e-5, 1e-9],
        [2, 2, 1, 0, 0],
        [3, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ],
    ids=str,
)
def test_second_derivative_of_a_determinant_of_any_rank(singular_values):
    x = BASES[0] * np.array(singular_values, float) @ BASES[1]
    np.testing.assert_allclose(gradient(np.linalg.det, x), cofactors(x), atol=1e-12)
    tg.check_gradients(np.linalg.det, x, order=2)


def test_third_derivative_of_a_determinant_by_blocks():
    x = BASES[0] * np.array([3.0, 2, 1, 0, 0]) @ BASES[1]
    direction = np.random.default_rng(0).normal(size=x.shape)

    def along(t):
        return np.linalg.det(x + t * direction)

    tg.check_gradients(along, 0.0, order=4)


def test_second_derivatives_of_determinants_of_a_stack_of_different_ranks():
    spectra = np.array([[3, 2, 1, 0.5, 0.2], [3, 2, 1, 1, 0], [3, 2, 1, 0, 0]])
    tg.check_gradients(np.linalg.det, BASES[0] * spectra[:, None, :] @ BASES[1], order=2)


def test_second_derivative_of_a_large_determinant_costs_no_minors():
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 30, 30))
    tracemalloc.start()
    try:
        product = tg.hvp(np.linalg.det, x, v)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    inverse = np.linalg.inv(x)
    expected = np.linalg.det(x) * (
        np.trace(inverse @ v) * inverse.T - (inverse @ v @ inverse).T
    )  # Jacobi's formula, differentiated
    np.testing.assert_allclose(product, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    assert peak < 30**3 * x.itemsize


@pytest.mark.parametrize("n", [2, 5])
def test_second_derivative_of_a_determinant_is_compiled_for_any_matrix(n):
    x = tg.Tensor(BASES[0][:n, :n], requires_grad=True)

    def loss():
        return (tg.grad(np.linalg.det)(x) ** 2).sum()

    step = tg.compile(loss)
    for scale in 1.0, np.arange(n):  # the latter is singular
        x.data = x.data * scale
        x.zero_grad()
        step()
        compiled, x.grad = x.grad, None
        loss().backward()
        np.testing.assert_allclose(compiled, x.grad, rtol=1e-9, atol=1e-12)


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
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 4)], ids=str)
def test_norm_by_singular_values_to_any_order(which, shape):
    x = np.random.default_rng(0).normal(size=shape)
    tg.check_gradients(lambda t: np.linalg.norm(t, which), x, order=3)


def test_second_derivative_of_the_nuclear_norm_where_singular_values_are_equal():
    """It is smooth wherever the matrix is regular, though the singular vectors are not."""
    rotation = np.array([[0.6, -0.8], [0.8, 0.6]])
    for x in np.eye(3), 2 * rotation:
        tg.check_gradients(lambda t: np.linalg.norm(t, "nuc"), x, order=2)


@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2), (2, 0, 1)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("which", [2, 1, 3, np.inf])
def test_vector_norm_along_several_axes(which, keepdims, axis):
    x = np.random.default_rng(0).normal(size=(2, 3, 2))

    def f(t):
        return np.linalg.vector_norm(t, axis=axis, keepdims=keepdims, ord=which)

    assert f(tg.Tensor(x)).shape == f(x).shape
    np.testing.assert_allclose(f(tg.Tensor(x)).data, f(x))
    tg.check_gradients(f, x, order=2)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("which", ["fro", "nuc", 2, 1])
def test_matrix_norm_of_the_last_two_axes(which, keepdims):
    x = np.random.default_rng(0).normal(size=(2, 3, 2))

    def f(t):
        return np.linalg.matrix_norm(t, keepdims=keepdims, ord=which)

    np.testing.assert_allclose(f(tg.Tensor(x)).data, f(x))
    tg.check_gradients(f, x, order=2)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [(0, 1), (2, 0), (-1, -2)])
@pytest.mark.parametrize("which", MATRIX_NORMS)
def test_norm_of_matrices_on_any_axes(which, axis, keepdims):
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    tg.check_gradients(lambda t: np.linalg.norm(t, which, axis, keepdims), x, order=2)


@pytest.mark.parametrize("p", [None, 2, -2, "fro", "nuc", 1, -1, np.inf, -np.inf])
def test_condition_number_by_every_norm(p):
    x = np.random.default_rng(0).normal(size=(2, 3, 3))
    np.testing.assert_allclose(np.linalg.cond(tg.Tensor(x), p).data, np.linalg.cond(x, p))
    tg.check_gradients(lambda t: np.linalg.cond(t, p), x, order=2)


@pytest.mark.parametrize("p", [None, 1])
def test_condition_number_of_a_singular_matrix_has_no_gradient(p):
    x = tg.Tensor(SINGULAR["zero row"], requires_grad=True)
    y = np.linalg.cond(x, p)
    assert y.item() == np.inf
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        y.backward()


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


# Matrices of a given rank, made of what may be varied freely.
OF_RANK = {
    "one, tall": (np.outer, (4,), (2,)),
    "one, square": (np.outer, (3,), (3,)),
    "two, wide": (lambda u, v: u @ v, (3, 2), (2, 4)),
}


@pytest.mark.parametrize("name", OF_RANK)
def test_pseudoinverse_and_least_squares_of_lower_rank(name):
    of, u, v = OF_RANK[name]
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=u), rng.normal(size=v)
    b = rng.normal(size=of(u, v).shape[0])
    np.testing.assert_allclose(tg.pinv(tg.Tensor(of(u, v))).data, np.linalg.pinv(of(u, v)))
    tg.check_gradients(lambda u, v: np.linalg.pinv(of(u, v)), u, v, order=2)
    tg.check_gradients(lambda u, v, b: np.linalg.lstsq(of(u, v), b)[0], u, v, b, order=2)


def test_cutoff_of_the_pseudoinverse_under_both_names():
    x = tg.Tensor(np.diag([1.0, 1e-3]), requires_grad=True)
    for y in np.linalg.pinv(x, 1e-2), np.linalg.pinv(x, rtol=1e-2), tg.pinv(x, rcond=1e-2):
        np.testing.assert_array_equal(y.data, [[1, 0], [0, 0]])
        x.zero_grad()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad, np.where([[1, 1], [1, 0]], [[-1, 1], [1, 0]], 0))


@pytest.mark.parametrize("rcond", [None, -1, 0.5])
def test_least_squares_give_what_numpy_does(rcond):
    a, b = np.diag([1.0, 0.7, 0.2])[:, :2] + 0.1, np.array([1.0, 2.0, 3.0])
    result = tg.lstsq(tg.Tensor(a, requires_grad=True), b, rcond)
    for found, expected in zip(result, np.linalg.lstsq(a, b, rcond), strict=True):
        values = found.data if isinstance(found, tg.Tensor) else found
        np.testing.assert_allclose(values, expected)
    assert result.x.requires_grad
    assert not any(isinstance(y, tg.Tensor) for y in (result.residuals, result.rank, result.s))


@pytest.mark.parametrize(("rcond", "small"), [(None, 1e-14), (-1, 1e-17), (0.1, 0.05)])
def test_gradient_of_least_squares_cuts_off_what_the_solution_does(rcond, small):
    a = np.zeros((100, 2))
    a[0, 0], a[1, 1] = 1, small
    b = tg.Tensor(np.ones(100), requires_grad=True)
    y = np.linalg.lstsq(a, b, rcond)[0]
    np.testing.assert_array_equal(y.data, [1, 0])
    y.sum().backward()
    np.testing.assert_array_equal(b.grad, [1, *[0] * 99])


def test_tensor_equations_with_axes():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 3))
    y = np.linalg.tensorsolve(tg.Tensor(a), b, axes=(1,))
    np.testing.assert_allclose(y.data, np.linalg.tensorsolve(a, b, axes=(1,)))
    tg.check_gradients(lambda a, b: np.linalg.tensorsolve(a, b, axes=(1,)), a, b, order=2)


def test_tensors_that_are_no_square_matrices_have_no_inverse():
    x = tg.Tensor(np.ones((2, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="as many unknowns as equations"):
        np.linalg.tensorsolve(x, [1.0, 2.0])
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.tensorinv(x, ind=1)
    with pytest.raises(ValueError, match="at least 1; got 0"):
        np.linalg.tensorinv(x, ind=0)


def test_rank_is_a_plain_number():
    x = tg.Tensor(SINGULAR["rank 2"], requires_grad=True)
    assert np.linalg.matrix_rank(x) == 2


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
