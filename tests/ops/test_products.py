"""Products: every shape that NumPy multiplies, and the einsum that each of them is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


MATMUL = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((1, 3), (3, 1)),
    ((3,), (5, 3, 2)),
    ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
]


@pytest.mark.parametrize(("a", "b"), MATMUL, ids=str)
@pytest.mark.parametrize("product", [np.matmul, np.dot])
def test_shapes_of_matrix_products(product, a, b):
    a, b = normal(*a), normal(*b)
    s, t = tg.Tensor(a, requires_grad=True), tg.Tensor(b, requires_grad=True)
    for y in product(s, t), product(a, t), product(s, b):
        np.testing.assert_allclose(y.data, product(a, b), rtol=1e-13)
    if a.size and b.size:
        tg.check_gradients(product, a, b, order=2)
    else:
        product(s, t).sum().backward()
        np.testing.assert_array_equal(s.grad, np.zeros(a.shape))
        np.testing.assert_array_equal(t.grad, np.zeros(b.shape))


def test_matrices_that_do_not_fit_are_named():
    W = tg.Tensor(np.ones((3, 2)), name="W")
    with pytest.raises(ValueError, match="not aligned") as error:
        tg.Tensor(np.ones((4, 2)), name="x") @ W
    assert error.value.__notes__ == ["in matmul(x: (4, 2) float64, W: (3, 2) float64)"]


@pytest.mark.parametrize("x", [(3,), (1, 3), (4, 3), (5, 4, 3), (0, 3)], ids=str)
@pytest.mark.parametrize("b", [None, (), (2,)], ids=str)
def test_linear_is_the_expression_in_one_node(x, b):
    inputs = [normal(*shape) for shape in (x, (3, 2), b) if shape is not None]
    tensors = [tg.Tensor(array, requires_grad=True) for array in inputs]
    y = tg.linear(*tensors)
    y.sum().backward()
    gradients = [t.grad for t in tensors]
    for t in tensors:
        t.zero_grad()
    same = tensors[0] @ tensors[1] + (tensors[2] if b is not None else 0)
    same.sum().backward()
    np.testing.assert_allclose(y.data, same.data, rtol=1e-13)
    for g, t in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(g, t.grad, rtol=1e-13)
    assert [id(node) for node in y._inputs] == [id(t) for t in tensors]


@pytest.mark.parametrize(
    ("x", "W", "b"),
    [
        ((), (3, 2), (2,)),
        ((4, 3), (3,), (2,)),
        ((4, 3), (5, 3, 2), (2,)),
        ((4, 3), (3, 2), (3,)),
        ((4, 3), (3, 1), (5,)),  # NumPy would repeat the one output
        ((1, 3), (3, 2), (4, 2)),  # or the one sample
    ],
    ids=str,
)
def test_linear_refuses_shapes_that_are_no_layer(x, W, b):
    with pytest.raises(ValueError, match=r"takes x of shape|does not fit|broadcast"):
        tg.linear(tg.Tensor(normal(*x)), tg.Tensor(normal(*W)), tg.Tensor(normal(*b)))


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [
        ((2, 3, 4, 5), (5, 2, 3), ([3, 1], [0, 2])),
        ((2, 3, 4, 5), (5, 2, 3), ([1, 3, 0], [2, 0, 1])),
        ((2, 3), (3, 2), ([-1, 0], [0, -1])),
        ((2, 3), (4,), 0),
        ((2, 3), (2, 3), 2),
    ],
    ids=str,
)
def test_axes_of_tensordot_in_any_order(a, b, axes):
    tg.check_gradients(lambda a, b: np.tensordot(a, b, axes), normal(*a), normal(*b), order=2)


def test_vecdot_of_unlike_operands_counts_axes_from_the_end():
    a, b = tg.Tensor(normal(3, 2)), normal(4, 3, 2)
    np.testing.assert_allclose(
        np.vecdot(a, b, axis=-2).data, np.vecdot(a.data, b, axis=-2), rtol=1e-13
    )
    with pytest.raises(ValueError, match="from the end"):
        np.vecdot(a, b, axis=0)


# --- einsum -----------------------------------------------------------------------------

SAME = {
    "ij,jk->ik": (np.matmul, (2, 3), (3, 4)),
    "ij,jk": (np.matmul, (2, 3), (3, 4)),
    "...ij,...jk->...ik": (np.matmul, (5, 1, 2, 3), (4, 3, 2)),
    "i,i": (np.vdot, (3,), (3,)),
    "i,j": (np.outer, (3,), (2,)),
    "...i,...i": (np.vecdot, (2, 1, 3), (4, 3)),
    "ik,jk": (np.inner, (2, 3), (4, 3)),
    "ijk,jl->ikl": (lambda a, b: np.tensordot(a, b, ([1], [0])), (2, 3, 4), (3, 2)),
    "ii": (np.trace, (3, 3)),
    "...ii->...i": (lambda x: np.diagonal(x, 0, -2, -1), (2, 3, 3)),
    "ji": (np.transpose, (2, 3)),
    "i...->...": (lambda x: np.sum(x, axis=0), (2, 3, 4)),
}


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("subscripts", SAME)
def test_einsum_says_in_one_line_what_has_a_name(subscripts, optimize):
    named, *shapes = SAME[subscripts]
    arrays = [normal(*shape) for shape in shapes]
    gradients = []
    for f in named, lambda *xs: np.einsum(subscripts, *xs, optimize=optimize):
        tensors = [tg.Tensor(x, requires_grad=True) for x in arrays]
        y = f(*tensors)
        w = np.linspace(1, 2, y.size).reshape(y.shape)
        y.backward(w)
        gradients.append([y.data, *(t.grad for t in tensors)])
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk", [(2, 1), (3, 4)]),  # lengths of 1 broadcast
        ("bij,bjk->bik", [(1, 2, 3), (5, 3, 4)]),
        ("ab,cd->", [(2, 3), (3, 2)]),  # summed over in one operand alone
        ("ijij->", [(2, 3, 2, 3)]),
        ("iij,jj->i", [(2, 2, 3), (3, 3)]),
        ("iii", [(2, 2, 2)]),
        ("i,ij,j,j->", [(2,), (2, 3), (3,), (3,)]),
        (",i->i", [(), (3,)]),
        (" i j , j k -> k i ", [(2, 3), (3, 4)]),
        ("aB,Bc", [(2, 3), (3, 2)]),
        ("i...i->...", [(3, 2, 3)]),
        ("...,...->...", [(2, 3), (3,)]),
    ],
)
def test_einsum_at_its_corners(subscripts, shapes):
    tg.check_gradients(
        lambda *xs: np.einsum(subscripts, *xs), *(normal(*shape) for shape in shapes), order=2
    )


@given(data=st.data())
def test_any_einsum(data):
    terms = data.draw(st.lists(st.text("abc", max_size=3), min_size=1, max_size=3))
    letters = sorted(set("".join(terms)))
    result = "".join(data.draw(st.permutations(letters)))[: data.draw(st.integers(0, 3))]
    length = {c: data.draw(st.integers(1, 3)) for c in letters}
    arrays = [normal(*(length[c] for c in term)) for term in terms]
    subscripts = f"{','.join(terms)}->{result}"
    tg.check_gradients(lambda *xs: tg.einsum(subscripts, *xs), *map(np.asarray, arrays))


def test_einsum_keeps_single_precision_all_the_way_back():
    x = tg.Tensor(np.ones((3, 3)), requires_grad=True, dtype="float32")
    y = np.einsum("ii->", x)
    assert y.dtype == np.float32
    assert y._closures[1](np.float32(1)).dtype == np.float32


def test_einsum_wants_its_subscripts_as_a_string():
    x = tg.Tensor(np.eye(2))
    with pytest.raises(TypeError, match="as a string"):
        tg.einsum(x, [0, 0])
    with pytest.raises(ValueError, match="ijk"):
        np.einsum("ijk->i", x)


@pytest.mark.parametrize(
    "lists",
    [
        [[0, 1], [1, 2], [0, 2]],
        [[0, 1], [1, 2]],  # the result is understood
        [[30, 30], [30, 2], [2]],
        [[..., 1], [1, 0], [..., 0]],
    ],
    ids=str,
)
def test_einsum_with_lists_of_axes(lists):
    a, b = normal(3, 3), normal(3, 3)
    args = [a, lists[0], b, *lists[1:]]
    x = tg.Tensor(a, requires_grad=True)
    np.testing.assert_allclose(np.einsum(x, *args[1:]).data, np.einsum(*args))
    tg.check_gradients(lambda a, b: np.einsum(a, lists[0], b, *lists[1:]), a, b)


def test_einsum_of_one_operand_with_a_list_of_axes():
    x = normal(3, 3)
    tg.check_gradients(lambda x: np.einsum(x, [0, 0]), x)
    assert np.einsum(tg.Tensor(x), [0, 0]).item() == pytest.approx(np.trace(x))
    np.testing.assert_array_equal(np.einsum(tg.Tensor(x), [0, 0], [0]).data, np.diag(x))
