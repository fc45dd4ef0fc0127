"""Indexing: whatever NumPy takes between brackets, gradients find their way back through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg

INDICES = {
    "one number": 1,
    "from the end": -1,
    "nothing": (),
    "a slice backwards": slice(None, None, -2),
    "a new axis": (None, ..., None, 0),
    "a list": [0, 0, 2],
    "an empty list": [],
    "a list and a slice": ([0, 0], slice(1, 3)),
    "two lists": ([0, 0, 1], [3, 3, 0]),
    "lists that broadcast": ([[0], [1], [0]], [1, 1]),
    "a list apart from a number": (1, slice(None), [1, 1]),
    "a list after a new axis": (None, [2, 2], None, 0),
    "a mask": np.array([True, False, True]),
    "a mask as a list": [True, False, True],
    "a mask of no element": np.zeros((3, 4), bool),
    "a mask and a list": (np.array([True, False, True]), [1, 1]),
    "a truth value": True,
    "an array without axes": np.array(2),
    "a NumPy integer": (np.int64(0), slice(None)),
    "unsigned positions": np.array([1, 1], np.uint8),
}


@pytest.mark.parametrize("name", INDICES)
def test_every_kind_of_index(name, assert_moves):
    shape = (3, 4, 2) if name == "a list apart from a number" else (3, 4)
    assert_moves(lambda x: x[INDICES[name]], shape)


@given(data=st.data(), shape=hnp.array_shapes(max_dims=4, min_side=1, max_side=4))
def test_any_index(assert_moves, data, shape):
    positions = hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=3))
    basic = hnp.basic_indices(shape, allow_newaxis=True)
    index = data.draw(basic | positions | hnp.arrays(bool, shape))
    assert_moves(lambda x: x[index], shape)


@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=4))
def test_taking_along_an_axis(assert_moves, data, shape):
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    some = hnp.arrays(int, hnp.array_shapes(max_dims=2), elements=st.integers(-n, n - 1))
    indices = data.draw(some)
    assert_moves(lambda x: np.take(x, indices, axis), shape)
    every = (indices.size,) if axis is None else list(shape)
    if axis is not None:
        every[axis] = 3
    indices = data.draw(hnp.arrays(int, every, elements=st.integers(-n, n - 1)))
    assert_moves(lambda x: np.take_along_axis(x, indices, axis), shape)


def test_an_index_may_be_made_of_tensors():
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    rows, column, mask = tg.Tensor([0, 0, 2]), tg.Tensor(1), tg.Tensor([True, False, True])
    for index, plain in [
        (rows, [0, 0, 2]),
        ((rows, column), ([0, 0, 2], 1)),
        ((slice(None), rows), (slice(None), [0, 0, 2])),
        (mask, [True, False, True]),
    ]:
        tg.check_gradients(lambda x, index=index: x[index] ** 3, x, order=2)
        np.testing.assert_array_equal(x[index].data, x.data[plain])
    np.testing.assert_array_equal(tg.take(x, rows, axis=1).data, x.data[:, [0, 0, 2]])


def test_the_gradient_of_elements_that_were_not_chosen_is_zero_not_nan():
    x = tg.Tensor([0.0, 4.0], requires_grad=True)
    tg.sqrt(x)[1].backward()
    np.testing.assert_array_equal(x.grad, [0, 0.25])


@pytest.mark.parametrize("index", [3, (0, 0, 0), [0, 5], np.ones(2, bool), "a", 1.0])
def test_an_index_that_does_not_fit(index):
    x = tg.Tensor(np.ones((3, 4)), requires_grad=True)
    with pytest.raises(IndexError) as error:
        x[index]
    assert error.value.__notes__[0].startswith("in getitem(Tensor: (3, 4) float64, ")


def test_a_position_out_of_range():
    with pytest.raises(IndexError, match="out of bounds"):
        tg.take(tg.Tensor([1.0, 2.0]), [0, 2])


@given(
    x=hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=4), elements=st.integers(-2, 2)),
    data=st.data(),
)
def test_sorting_sends_gradients_to_where_the_values_were(x, data):
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    t = tg.Tensor(x, requires_grad=True)
    y = tg.sort(t, axis)
    np.testing.assert_array_equal(y.data, np.sort(x, axis))
    w = np.random.default_rng(0).normal(size=y.shape)
    y.backward(w)
    order = np.argsort(x, axis, kind="stable")
    np.testing.assert_array_equal(np.take_along_axis(t.grad, order, axis), w)


def test_differences_of_more_orders_than_there_are_elements():
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    for axis, n in [(0, 2), (0, 5), (1, 4)]:
        y = tg.diff(x, n, axis)
        assert y.shape == np.diff(x.data, n, axis).shape
        x.zero_grad()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad, np.zeros((2, 3)))


# --- one-hot rows -------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [4, 1000])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_one_hot_rows(shape, classes):
    labels = np.random.default_rng(0).integers(0, classes, shape)
    for some in labels, tg.Tensor(labels):
        rows = tg.one_hot(some, classes, "float32")
        assert type(rows) is np.ndarray
        assert (rows.shape, rows.dtype) == ((*shape, classes), np.float32)
        np.testing.assert_array_equal(rows, labels[..., None] == np.arange(classes))
    rows[...] = 7  # and what is kept for the next call is another array
    np.testing.assert_array_equal(tg.one_hot(labels, classes).sum(-1), np.ones(shape))


@pytest.mark.parametrize(
    ("labels", "error"), [([0.0], TypeError), ([3], ValueError), ([-1], ValueError)], ids=str
)
def test_labels_that_are_none(labels, error):
    with pytest.raises(error, match="labels"):
        tg.one_hot(labels, 3)
