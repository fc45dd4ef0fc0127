"""Forward mode in the explorer: every value with its tangent."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.observer import as_variables
from tinygrad_edu.viz.tangents import directions_of, tangents_of

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

RNG = np.random.default_rng(0)


def network(x, W, b):
    h = tg.tanh(x @ W + b)
    return ((h - 1.0) ** 2).mean(axis=0)


def diamond(x, y):
    h = x * y
    return tg.sin(h) + h / x


def shapes(x, y):
    z = tg.concatenate([x.T.reshape(-1), y[[0, 0, 1]]])
    return tg.logsumexp(z) + tg.max(z) * tg.softmax(y)[0]


CASES = [
    (network, [(4, 3), (3, 2), (2,)]),
    (diamond, [(), ()]),
    (shapes, [(2, 2), (3,)]),
    (lambda q: tg.scaled_dot_product_attention(q, q, q).sum(), [(1, 3, 2)]),
]


@pytest.mark.parametrize(("f", "sizes"), CASES)
def test_tangents_are_those_of_jvp(f, sizes):
    args, tangents = ([RNG.normal(size=size) for size in sizes] for _ in range(2))
    tensors = as_variables(args)
    root = f(*tensors)
    moving = tangents_of(read_graph(root), directions_of(tensors, tangents))
    np.testing.assert_allclose(moving[root], tg.jvp(f, args, tangents)[1], rtol=1e-10)


def test_what_does_not_move_has_no_tangent():
    x, y = as_variables([2.0, 3.0])
    still = tg.exp(y)
    root = x * still
    moving = tangents_of(read_graph(root), directions_of([x, y], None))
    assert moving.keys() == {x, root}
    assert moving[root] == pytest.approx(np.exp(3.0))


# --------------------------------------------------------------------------------------
# The page
# --------------------------------------------------------------------------------------


def test_values_and_tangents_come_together(open_page):
    page = open_page(tg.explore(diamond, 0.5, 2.0, mode="forward", tangents=(1.0, 0.0)))
    x, y, h, root = (page.key(name) for name in ("x", "y", "h", "L"))
    assert page.card(x, "grad") is None  # before it is said how x moves
    page.press("ArrowRight")
    assert page.heading == "x moves"
    assert page.card(x, "grad") == [1]
    assert not page.page.locator(f"#a_{y}-grad").count()  # y stays: no row for it
    page.press("ArrowRight")
    assert page.heading == "h = x * y"
    assert (page.card(h, "value"), page.card(h, "grad")) == ([1], [2])
    page.press("End")
    tangent = tg.jvp(diamond, [0.5, 2.0], [1.0, 0.0])[1]
    assert page.card(root, "grad") == page.shown(tangent)
    assert page.numbers("#story .math") == [page.shown(tangent)]
    text = page.page.inner_text("#story")
    assert f"all added up, are {float(page.shown(tangent)[0]):g}, too" in text
    assert page.page.evaluate("document.body.classList.contains('backward')") is False
    page.page.hover(f"#{root}")
    assert "tangent" in page.page.inner_text("#details")


def test_products_of_slope_and_tangent_add_up():
    page = tg.explore(diamond, 0.5, 2.0, mode="forward", tangents=(1.0, -0.5))
    assert "The operands move at once" in page.html
    assert "u003cmo>\\u02d9" in page.html  # a dot above


def test_an_array_may_come_out(open_page):
    page = open_page(tg.explore(tg.sin, np.array([0.0, 1.0]), mode="forward"))
    page.press("End")
    assert page.card(page.key("L"), "grad") == page.shown(np.cos([0.0, 1.0]))


def test_the_first_argument_that_can_move_does_by_default():
    tensors = as_variables([np.arange(3), {"w": np.ones(2)}, 1.0])
    directions = directions_of(tensors, None)
    assert [*directions] == [tensors[1]["w"]]
    assert directions[tensors[1]["w"]].tolist() == [1, 1]


def test_nothing_is_written_to_any_gradient():
    w = tg.Tensor(2.0, requires_grad=True)
    tg.explore(lambda x: w * x, 3.0, mode="forward")
    assert w.grad is None


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (
            (tg.sin, 1.0),
            {"mode": "sideways"},
            ValueError,
            "'backward' or 'forward'; got 'sideways'",
        ),
        ((tg.sin, 1.0), {"tangents": (1.0,)}, TypeError, "belong to forward mode"),
        ((tg.Tensor(1.0),), {"mode": "forward"}, TypeError, "follows a function"),
        ((tg.sin, 1), {"mode": "forward"}, TypeError, "none of the arguments can move"),
        ((tg.sin, 1.0), {"mode": "forward", "tangents": ()}, ValueError, "1 arguments, but 0"),
        (
            (tg.sin, np.ones(2)),
            {"mode": "forward", "tangents": [1.0]},
            ValueError,
            r"shape of its argument, \(2,\); got \(\)",
        ),
        (
            (lambda x, n: x * n, 1.0, 2),
            {"mode": "forward", "tangents": [1.0, 1.0]},
            ValueError,
            "no floating-point number cannot move",
        ),
    ],
)
def test_bad_input(arguments, options, error, message):
    with pytest.raises(error, match=message):
        tg.explore(*arguments, **options)
