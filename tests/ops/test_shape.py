"""Reshaping and reordering, joining and splitting: elements get new places, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg

MOVES = {
    "reshape": lambda x: np.reshape(x, (3, -1)),
    "ravel of a transpose": lambda x: np.ravel(np.transpose(x)),
    "transpose": lambda x: np.transpose(x, (1, -1, 0)),
    "moveaxis": lambda x: np.moveaxis(x, (0, 1), (-1, -2)),
    "rot90": lambda x: np.rot90(x, -1, (2, 0)),
    "roll": lambda x: np.roll(x, (1, -3), axis=(1, 2)),
    "roll one axis twice": lambda x: np.roll(x, (1, 2), axis=0),
    "broadcast_to": lambda x: np.broadcast_to(x[:1], (5, 2, 3, 4)),
    "concatenate": lambda x: np.concatenate([x, x[:, :0], x[:, 1:]], axis=-2),
    "concatenate in a row": lambda x: np.concatenate([x, x[0, 0, 0], x[1]], axis=None),
    "concatenate the slices of one": np.concatenate,
    "stack": lambda x: np.stack([x, x[::-1]], axis=-2),
    "hstack": lambda x: np.hstack([x[0, 0], x[0, 0, 1]]),
    "vstack": lambda x: np.vstack([x[0, 0], x[1]]),
    "column_stack": lambda x: np.column_stack([x[0, :, 0], x[1]]),
    "split": lambda x: np.split(x, [1, 3, 2], axis=2)[2],
    "array_split": lambda x: np.array_split(x, 3, axis=-1)[0],
    "tile with new axes": lambda x: np.tile(x, (2, 1, 1, 3)),
    "repeat each": lambda x: np.repeat(x, [0, 2, 1], axis=1),
    "repeat all": lambda x: np.repeat(x, 2),
    "pad": lambda x: np.pad(x, ((1, 0), (2, 2), (0, 5)), mode="reflect"),
}


@pytest.mark.parametrize("name", MOVES)
def test_elements_move_and_their_gradients_move_back(name, assert_moves):
    assert_moves(MOVES[name], (2, 3, 4))


@given(data=st.data(), mode=st.sampled_from(["edge", "reflect", "symmetric", "wrap"]))
def test_margins_copy_elements(assert_moves, data, mode):
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=3))
    width = st.tuples(st.integers(0, 4), st.integers(0, 4))
    widths = data.draw(st.tuples(*[width] * len(shape)))
    assert_moves(lambda x: np.pad(x, widths, mode), shape)


@pytest.mark.parametrize("mode", ["constant", "edge"])
def test_margins_of_some_axes(mode):
    if np.lib.NumpyVersion(np.__version__) < "2.4.0":
        pytest.skip("NumPy does not take them before")
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    y = np.pad(x, {-1: (1, 2)}, mode)
    y.backward(np.arange(12.0).reshape(2, 6))
    margins = np.array([[0, 0, 4 + 5], [6, 0, 10 + 11]])
    inside = np.array([[1, 2, 3], [7, 8, 9]])
    np.testing.assert_array_equal(x.grad, inside if mode == "constant" else inside + margins)


def test_a_constant_margin_takes_no_gradient():
    x = tg.Tensor(np.ones((2, 2)), requires_grad=True)
    y = np.pad(x, ((1, 0), (0, 2)), constant_values=7.0)
    y.backward(np.arange(12.0).reshape(3, 4))
    assert y.data[0, 0] == 7
    np.testing.assert_array_equal(x.grad, [[4, 5], [8, 9]])


@pytest.mark.parametrize(
    "options", [{"mode": "mean"}, {"mode": "edge", "constant_values": 1}, {"mode": np.cumsum}]
)
def test_pad_refuses_what_it_cannot_differentiate(options):
    with pytest.raises(ValueError, match="constant, edge, reflect, symmetric, wrap"):
        tg.pad(tg.Tensor([1.0, 2.0]), 1, **options)


def test_a_shape_for_another_number_of_elements_is_named():
    x = tg.Tensor(np.ones((2, 3)), name="images")
    with pytest.raises(ValueError, match="size 6 into shape") as error:
        x.reshape(4, -1)
    assert error.value.__notes__ == ["in reshape(images: (2, 3) float64, (4, -1))"]


def test_parts_that_are_not_equal_are_refused():
    with pytest.raises(ValueError, match="equal division"):
        tg.split(tg.Tensor([1.0, 2.0, 3.0]), 2)


def test_the_graph_calls_operations_by_their_public_names():
    x = tg.Tensor([1.0], requires_grad=True)
    assert "op=concatenate" in repr(tg.concatenate([x, x]))
    assert "op=stack" in repr(tg.stack([x, x]))
    assert "op=astype" in repr(x.astype("float32"))


def test_a_gradient_comes_back_in_the_type_that_astype_converted_from():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, dtype="float16")
    y = x.astype("float64")
    (y * [3.0, 1e-9]).sum().backward()
    assert x.grad.dtype == np.float16
    np.testing.assert_array_equal(x.grad, [3, 0])  # 1e-9 is 0 in half precision


@pytest.mark.parametrize("dtype", [int, bool])
def test_what_is_converted_to_integers_leaves_the_graph(dtype):
    x = tg.Tensor([0.5, 2.0], requires_grad=True)
    y = x.astype(dtype)
    np.testing.assert_array_equal(y.data, np.array([0.5, 2.0]).astype(dtype))
    assert not y.requires_grad
    assert y.is_leaf


def test_what_requires_a_gradient_is_not_converted_to_complex_numbers():
    with pytest.raises(TypeError, match="is complex, and an input requires a gradient"):
        tg.Tensor([0.5, 2.0], requires_grad=True).astype(complex)
    assert tg.Tensor([0.5, 2.0]).astype(complex).dtype == complex


def test_a_copy_has_memory_of_its_own():
    x = tg.Tensor([1.0, 2.0])
    assert not np.shares_memory(tg.copy(x).data, x.data)
