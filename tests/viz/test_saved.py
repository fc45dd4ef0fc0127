"""What operations are said to keep for the way back: what their closures hold, and no more."""

import functools

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.saved import in_bytes, saved, saved_in_words


def leaf(shape, name=None):
    return tg.Tensor(np.full(shape, 0.5), requires_grad=True, name=name)


def kept(root):
    """What is said of every operation in a graph."""
    graph = read_graph(root)
    nodes = (node for node in graph.nodes if node.op)
    return {graph.names[node]: saved_in_words(node, graph.names) for node in nodes}


def test_operands_and_values_are_called_by_their_names():
    x, W = leaf((2, 3), "x"), leaf((3, 4), "W")
    assert kept((tg.tanh(x @ W) + 1.0).sum()) == {
        "t1": "x, W (144 bytes)",
        "t2": "t2 (64 bytes)",  # tanh's own value
        "t3": "",
        "L": "",
    }


def test_a_single_number_too():
    assert kept(tg.tanh(leaf((), "x"))) == {"L": "L (8 bytes)"}


def test_a_constant_array():
    assert kept(leaf((2,), "x") * np.ones(2)) == {"L": "x, the constant (32 bytes)"}


def test_what_only_the_operation_has():
    assert kept(tg.gelu(leaf((3,), "x")).sum())["t1"].endswith("arrays of its own (72 bytes)")


def test_an_array_that_several_share_counts_once():
    x = leaf((4,), "x")
    a, b = x * x, x * 2.0
    assert [array.size for array in saved([a, b])] == [4]
    assert saved([a])[0] is x.data


def test_a_view_is_the_array_it_looks_at():
    x, y = leaf((6,), "x"), leaf((3, 2), "y")
    rows = x.reshape(2, 3)
    assert [array.nbytes for array in saved([rows @ y])] == [48, 48]
    assert saved([rows * rows])[0] is x.data


def inside_a_function(a):
    def slope():
        return a

    return a, lambda g: g * slope()


def inside_a_partial(a):
    return a, functools.partial(np.multiply, a)


def inside_containers(a):
    parts = {"both": [(a, 1.0)]}
    return a, lambda g: g * parts["both"][0][0]


def as_a_default(a):
    return a, lambda g, a=a: g * a


class Slope:
    def __init__(self, a):
        self.a = a

    def times(self, g):
        return g * self.a


def inside_an_object(a):
    return a, Slope(a).times


@pytest.mark.parametrize(
    "body",
    [inside_a_function, inside_a_partial, inside_containers, as_a_default, inside_an_object],
)
def test_arrays_are_found_wherever_a_closure_has_them(body):
    x = leaf((5,), "x")
    assert saved([tg.differentiable(body)(x)])[0] is x.data


@pytest.mark.parametrize(
    ("size", "written"),
    [(0, "0 bytes"), (124, "992 bytes"), (125, "1 kB"), (1875, "15 kB"), (124_980, "1 MB")],
)
def test_sizes_in_words(size, written):
    assert in_bytes([np.zeros(size)]) == written


def test_a_fold_says_its_shapes_and_what_it_keeps(picture):
    x = tg.Tensor(np.ones((5, 2)), name="x")
    with tg.scope("layer"):
        h = tg.tanh(x @ leaf((2, 3), "W") + leaf((3,), "b"))
    fold = picture(h.sum(), depth=0).nodes["layer"]
    assert "in (5, 2), out (5, 3)" in fold.texts
    assert "kept for the way back: 3 arrays, 248 bytes" in fold.texts  # x, W, tanh's value


def test_several_ways_into_a_fold(picture):
    a, b = (tg.Tensor(np.ones(3), name=name) for name in "ab")
    w = leaf((3,), "w")
    with tg.scope("both"):
        c = a * w * b
        d = c + 1.0
    fold = picture((c * d).sum(), depth=0).nodes["both"]
    assert "in 2 × (3,), out 2 × (3,)" in fold.texts


def test_the_explorer_says_it_when_it_is_computed(open_page):
    page = open_page(tg.explore(lambda x: tg.tanh(x * 2.0), 0.5), "#step=2")
    assert page.page.inner_text("#story .kept") == "Kept for the way back: L (8 bytes)."
    page.page.hover(f"#{page.key('L')}")
    assert "kept for the way back: L (8 bytes)" in page.page.inner_text("#details")
