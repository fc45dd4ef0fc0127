"""Decompositions: what NumPy computes, once; jointly differentiated; and equal values."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.trees import leaves

RNG = np.random.default_rng(0)
DEFINITE = np.diag([1.0, 3.0, 6.0]) + 0.3  # symmetric, with eigenvalues far apart
REAL = DEFINITE + np.tril(np.full((3, 3), 0.2))
TALL = RNG.normal(size=(4, 3))

DECOMPOSITIONS = {
    "cholesky": (np.linalg.cholesky, DEFINITE),
    "cholesky upper": (lambda x: np.linalg.cholesky(x, upper=True), DEFINITE),
    "qr": (np.linalg.qr, TALL),
    "qr wide": (np.linalg.qr, TALL.T),
    "qr r": (lambda x: np.linalg.qr(x, "r"), TALL),
    "eigh": (np.linalg.eigh, DEFINITE),
    "eigh upper": (lambda x: np.linalg.eigh(x, "u"), REAL),
    "eigvalsh": (np.linalg.eigvalsh, DEFINITE),
    "eig": (np.linalg.eig, REAL),
    "eigvals": (np.linalg.eigvals, REAL),
    "svd": (np.linalg.svd, DEFINITE),
    "svd tall": (lambda x: np.linalg.svd(x, full_matrices=False), TALL),
    "svd wide": (lambda x: np.linalg.svd(x, full_matrices=False), TALL.T),
    "svd without vectors": (lambda x: np.linalg.svd(x, compute_uv=False), TALL),
    "svdvals": (np.linalg.svdvals, TALL),
}
every_decomposition = pytest.mark.parametrize("name", DECOMPOSITIONS)


def joint(factors):
    """A number that depends on all elements of all factors, and on no two alike."""
    parts = [tg.sin(y * (0.5 + np.arange(y.size).reshape(y.shape))) for y in leaves(factors)]
    return sum(part.sum() for part in parts)


@every_decomposition
def test_factors_are_numpys(name):
    f, x = DECOMPOSITIONS[name]
    for data in x, np.stack([x, 2 * x]), x.astype("float32"):
        found, expected = f(tg.Tensor(data)), f(data)
        assert getattr(found, "_fields", None) == getattr(expected, "_fields", None)
        for y, z in zip(leaves(found), leaves(expected), strict=True):
            assert y.dtype == z.dtype
            rtol = 1e-12 if y.dtype == float else 1e-5
            np.testing.assert_allclose(y.data, z, rtol, rtol)


@every_decomposition
def test_factors_in_one_loss_to_second_order(name):
    f, x = DECOMPOSITIONS[name]
    tg.check_gradients(lambda t: joint(f(t)), x, order=2)
    tg.check_gradients(lambda t: joint(f(t)), np.stack([x, 2 * x]), order=2)


@every_decomposition
def test_forward_derivative_is_that_of_the_hessian_too(name):
    f, x = DECOMPOSITIONS[name]
    v = RNG.normal(size=x.shape)

    def loss(t):
        return joint(f(t))

    slope = tg.jvp(tg.grad(loss), [x], [v])[1]
    np.testing.assert_allclose(slope, tg.hvp(loss, x, v), rtol=1e-8, atol=1e-8)


@every_decomposition
def test_precision_of_gradients(name):
    f, x = DECOMPOSITIONS[name]
    t = tg.Tensor(x.astype("float32"), requires_grad=True)
    joint(f(t)).backward()
    assert t.grad.dtype == np.float32


@every_decomposition
@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3)], ids=str)
def test_nothing_to_decompose(name, shape):
    f, _ = DECOMPOSITIONS[name]
    x = tg.Tensor(np.empty(shape), requires_grad=True)
    for y, z in zip(leaves(f(x)), leaves(f(x.data)), strict=True):
        assert y.shape == z.shape
    joint(f(x)).backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)], ids=str)
def test_nothing_to_decompose_in_one_direction(shape):
    x = tg.Tensor(np.empty(shape), requires_grad=True)
    for f in np.linalg.qr, lambda x: np.linalg.svd(x, full_matrices=False), np.linalg.svdvals:
        for y, z in zip(leaves(f(x)), leaves(f(x.data)), strict=True):
            assert y.shape == z.shape
        joint(f(x)).backward()


@every_decomposition
def test_what_is_no_matrix_raises_numpys_error(name):
    f, x = DECOMPOSITIONS[name]
    shapes = [(3,), ()] if x.shape != (3, 3) or name == "svd" else [(3,), (2, 3)]
    for shape in shapes:
        with pytest.raises(np.linalg.LinAlgError):
            f(tg.Tensor(np.ones(shape)))


@pytest.mark.parametrize("name", ["eigh", "eig", "svd", "qr"])
def test_a_decomposition_is_computed_once(name, monkeypatch):
    function, x = DECOMPOSITIONS[name]
    calls = []

    def counted(*args, **options):
        calls.append(args)
        return function(*args, **options)

    monkeypatch.setattr(np.linalg, name, counted)
    t = tg.Tensor(x, requires_grad=True)
    factors = getattr(tg, name)(t)
    assert len(calls) == 1
    joint(factors).backward()
    assert len(calls) == 1


# --- what NumPy reads ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "f"),
    [
        (np.tril, np.linalg.cholesky),
        (np.triu, lambda x: np.linalg.cholesky(x, upper=True)),
        (np.tril, np.linalg.eigh),
        (np.triu, lambda x: np.linalg.eigh(x, UPLO="U")),
        (np.tril, np.linalg.eigvalsh),
        (np.triu, lambda x: np.linalg.eigvalsh(x, UPLO="u")),
    ],
    ids=["cholesky", "cholesky upper", "eigh", "eigh upper", "eigvalsh", "eigvalsh upper"],
)
def test_gradient_is_of_the_triangle_that_is_read(read, f):
    x = tg.Tensor(REAL, requires_grad=True)
    joint(f(x)).backward()
    np.testing.assert_array_equal(x.grad, read(x.grad))
    assert np.count_nonzero(x.grad) == 6


# --- equal values -------------------------------------------------------------------------

Q = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
TWICE = Q * [2.0, 2.0, 5.0] @ Q.T


def symmetric(x):
    return (x + x.mT) / 2


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.linalg.eigvalsh(symmetric(x)).sum(),
        lambda x: (np.linalg.eigvalsh(symmetric(x)) ** 3).sum(),
        lambda x: np.linalg.svdvals(x).sum(),
        lambda x: (np.linalg.svdvals(x) ** 2).sum(),
    ],
    ids=["trace", "cubes of eigenvalues", "nuclear norm", "squares"],
)
@pytest.mark.parametrize("x", [TWICE, np.eye(3)], ids=["two equal", "all equal"])
def test_sums_over_equal_values(f, x):
    tg.check_gradients(f, x)


def test_projection_on_a_common_eigenspace():
    def projection(x):
        V = np.linalg.eigh(symmetric(x)).eigenvectors[..., :2]
        return V @ V.mT

    np.testing.assert_allclose(projection(TWICE) @ TWICE, 2 * projection(TWICE), atol=1e-14)
    tg.check_gradients(projection, TWICE)


def test_polar_factor_where_singular_values_are_equal():
    def polar(x):
        U, _, Vh = np.linalg.svd(x, full_matrices=False)
        return U @ Vh

    for x in TWICE, np.eye(3), Q, np.vstack([Q, Q[:1]]):
        tg.check_gradients(polar, x)


def test_vectors_of_equal_values_do_not_move_among_themselves():
    x = tg.Tensor(np.eye(3), requires_grad=True)
    joint(np.linalg.eigh(x).eigenvectors).backward()
    np.testing.assert_array_equal(x.grad, 0)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)], ids=str)
@pytest.mark.parametrize("rank", [0, 1])
def test_singular_vectors_of_zero_are_finite(shape, rank):
    x = np.zeros(shape)
    x[:rank, :rank] = 2
    t = tg.Tensor(x, requires_grad=True)
    joint(np.linalg.svd(t, full_matrices=False)).backward(create_graph=True)
    assert np.abs(t.grad.data).max() < 100


def test_rounding_errors_are_not_divided_by_a_small_singular_value():
    """The third vector moves with the plane of the others, however small its own value is."""
    tg.check_gradients(lambda x: np.linalg.svd(x).U[..., 2] ** 2, Q * [2.0, 1.0, 1e-12] @ Q.T)


# --- refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.linalg.eig, np.linalg.eigvals])
def test_complex_eigenvalues_are_refused(f):
    with pytest.raises(np.linalg.LinAlgError, match=r"complex.*\.numpy\(\)"):
        f(tg.Tensor([[0.0, -1.0], [1.0, 0.0]]))


def test_further_vectors_are_refused():
    x = tg.Tensor(TALL)
    with pytest.raises(ValueError, match=r"full_matrices=False"):
        np.linalg.svd(x)
    for mode in "complete", "raw":
        with pytest.raises(ValueError, match=r"mode='reduced'"):
            np.linalg.qr(x, mode)
    Q, R = np.linalg.qr(x.mT, "complete")  # there are none
    np.testing.assert_allclose((Q @ R).data, TALL.T)


def test_dependent_columns_have_no_qr_to_differentiate():
    x = tg.Tensor([[1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    Q, R = np.linalg.qr(x)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        (Q.sum() + R.sum()).backward()


def test_indefinite_matrix_has_no_cholesky_factor():
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        np.linalg.cholesky(tg.Tensor([[1.0, 2.0], [2.0, 1.0]]))
