"""The paths from a loss to its inputs: slopes multiply along each, gradients add over all."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.gradients import retrace
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.paths import paths_to_leaves

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


def parameter(data, name):
    return tg.Tensor(data, requires_grad=True, name=name)


def paths_of(root):
    graph = read_graph(root)
    return {p.leaf.name: p for p in paths_to_leaves(graph, list(retrace(graph)))}


def test_what_all_paths_bring_is_the_gradient():
    rng = np.random.default_rng(0)
    X, W, b = (
        parameter(rng.normal(size=s), n) for s, n in [((4, 2), "X"), ((2, 3), "W"), (3, "b")]
    )
    h = tg.tanh(X @ W + b)
    loss = (h * h + h @ W.T @ W).mean() * b.sum()
    loss.backward()
    found = paths_of(loss)
    assert {name: p.count for name, p in found.items()} == {"X": 3, "W": 5, "b": 4}
    for leaf in (X, W, b):
        total = sum(path.gradient for path in found[leaf.name].first)
        np.testing.assert_allclose(total, leaf.grad, rtol=1e-12)


def test_zero_times_infinity_is_zero_on_every_path():
    x = parameter(np.array([0.0, 4.0]), "x")
    with np.errstate(all="ignore"):
        loss = tg.where(x.data > 0, tg.sqrt(x), x * 3.0).sum()
    (sqrt, times) = paths_of(loss)["x"].first
    np.testing.assert_array_equal(sqrt.gradient, [0.0, 0.25])
    np.testing.assert_array_equal(times.gradient, [3.0, 0.0])


def test_paths_are_counted_without_being_walked():
    y = x = parameter(1.0, "x")
    for _ in range(200):
        y = y + y
    found = paths_of(y)["x"]
    assert found.count == 2**200
    assert len(found.first) == 8
    assert all(path.gradient == 1 for path in found.first)
    assert len({tuple(flow.position for flow in path.flows) for path in found.first}) == 8
    assert x.grad is None


def test_long_chains_are_walked_without_recursion():
    y = parameter(0.5, "x")
    for _ in range(5000):
        y = tg.sin(y)
    (path,) = paths_of(y)["x"].first
    assert len(path.flows) == 5000


@pytest.fixture
def two_ways(open_page):
    a, b = parameter(2.0, "a"), parameter(-3.0, "b")
    page = open_page(tg.explore((a * b + b) ** 2, names={"b": b}))
    open_paths(page)
    return page


def open_paths(page):
    page.page.click("#paths summary")
    page.page.locator(".lighted").wait_for()


def lit(page):
    return set(page.page.locator(".lit").evaluate_all("all => all.map(e => e.id)"))


def test_paths_between_numbers_are_multiplied_in_the_page(two_ways):
    page = two_ways.page
    assert page.input_value("#leaf") == "b"  # to which the most paths lead
    assert page.locator("#ways li").all_inner_texts() == [
        "L → t2 → t1 → b\n−18 · 1 · 2 = −36",
        "L → t2 → b\n−18 · 1 = −18",
    ]
    assert page.inner_text("#ways p") == "Their sum is the gradient: −36 + (−18) = −54"
    page.select_option("#leaf", "a")
    assert page.locator("#ways li").all_inner_texts() == ["L → t2 → t1 → a\n−18 · 1 · (−3) = 54"]
    assert page.inner_text("#ways p") == ""


def test_paths_are_lit_in_the_graph(two_ways):
    page = two_ways
    paths = page.data()["paths"]["b"]["paths"]
    edges = [set(path["edges"]) for path in paths]
    nodes = {page.key(name) for name in ("b", "t1", "t2", "L")}
    assert lit(page) == edges[0] | edges[1] | nodes
    page.page.hover("#ways li >> nth=1")
    assert lit(page) == edges[1] | nodes - {page.key("t1")}
    page.page.mouse.move(5, 790)
    assert lit(page) == edges[0] | edges[1] | nodes
    page.page.focus("#ways li >> nth=0")
    assert lit(page) == edges[0] | nodes
    faint = page.page.locator(f"#{page.key('a')}").evaluate("e => getComputedStyle(e).opacity")
    assert float(faint) < 0.5
    page.page.focus("#paths summary")
    page.press("Space")
    page.page.locator(".lighted").wait_for(state="detached")
    assert lit(page) == set()
    assert page.step == 0  # the space bar closed the panel; it did not play


def test_paths_between_arrays_say_what_is_summed(open_page):
    X, w = np.array([[1.0, 2.0], [3.0, 4.0]]), parameter([1.0, -1.0], "w")
    z = tg.Tensor(X, name="X") @ w
    loss = (z * tg.tanh(z)).sum()
    loss.backward()
    page = open_page(tg.explore(loss))
    open_paths(page)
    brought = page.numbers("#ways li math")
    assert len(brought) == 2
    np.testing.assert_allclose(np.sum(brought, axis=0), w.grad, rtol=5e-3)
    assert page.numbers("#ways p math") == [page.shown(w.grad)]
    assert "entry by entry in the shape (2,)" in page.page.inner_text("#ways p")
    assert "Xᵀ @ g" in page.page.inner_text("#ways li >> nth=0")


def test_of_many_paths_some_are_listed(open_page):
    y = parameter(1.0, "x")
    for _ in range(20):
        y = y + y
    page = open_page(tg.explore(y))
    open_paths(page)
    assert page.page.locator("#ways li").count() == 8
    text = page.page.inner_text("#ways p")
    assert text.startswith("These are 8 of 1,048,576 paths.")
    assert text.endswith("1.049e+06")
