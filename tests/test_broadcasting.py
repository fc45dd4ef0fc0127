"""Broadcasting, undone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu.broadcasting import broadcasts, unbroadcast

shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@given(shapes, shapes)
def test_a_shape_broadcasts_if_numpy_says_so(shape, to):
    try:
        expected = np.broadcast_to(np.empty(shape), to).shape == to
    except ValueError:
        expected = False
    assert broadcasts(shape, to) == expected


@given(shapes, shapes, st.sampled_from([np.float32, np.float64]))
def test_every_copy_counts(shape, to, dtype):
    if not broadcasts(shape, to):
        return
    gradient = np.arange(np.prod(to), dtype=dtype).reshape(to)
    found = unbroadcast(gradient, shape)
    assert found.shape == shape
    assert found.dtype == dtype
    sources = np.broadcast_to(np.arange(np.prod(shape)).reshape(shape), to)
    expected = [gradient[sources == i].sum() for i in range(int(np.prod(shape)))]
    np.testing.assert_allclose(found.ravel(), expected)
