"""What is wrong is said on the cards and in the story, and its way through the graph is lit."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.flags import flags, way_of_nonfinite
from tinygrad_edu.viz.gradients import retrace, retraced
from tinygrad_edu.viz.model import read_graph

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

DEAD_UNIT = np.array([[1.0, -1.0, 1.0], [2.0, -3.0, -1.0]])


def labels(function, *arrays):
    inputs = [tg.Tensor(a, requires_grad=True, name=n) for a, n in zip(arrays, "xyz", strict=False)]
    with np.errstate(all="ignore"):
        graph = read_graph(function(*inputs).sum())
    found = flags(graph, retraced(graph))
    return {graph.names[node]: {k: f.label for k, f in by.items()} for node, by in found.items()}


@pytest.mark.parametrize(
    ("function", "array", "expected"),
    [
        (tg.relu, DEAD_UNIT, {"t1": {"value": "1 of 3 dead"}}),
        (tg.relu, -np.ones((4, 2)), {"t1": {"value": "dead"}}),
        (tg.relu, DEAD_UNIT[0], {}),  # of one sample alone one cannot tell
        (tg.relu, -(DEAD_UNIT[0] ** 2), {"t1": {"value": "dead"}}),
        (tg.relu, -1.0, {"t1": {"value": "dead"}}),
        (tg.sigmoid, [[9.0, 1.0], [-9.0, 9.0]], {"t1": {"value": "saturated"}}),
        (tg.sigmoid, [[9.0, 1.0], [-1.0, 0.0]], {}),
        (tg.tanh, [[9.0], [-9.0]], {"t1": {"value": "saturated"}}),
        (tg.sin, [[0.0], [0.0]], {}),
        (tg.sqrt, [4.0, 0.0], {"x": {"grad": "inf"}}),
        (tg.log, [1.0, -1.0], {"t1": {"value": "nan"}, "L": {"value": "nan"}}),
    ],
)
def test_what_is_flagged(function, array, expected):
    assert labels(function, np.asarray(array)) == expected


def exploding(p, w):
    q = tg.log(1.0 - p)
    h = q * w
    return (h * 0.0 + w).sum()


@pytest.fixture
def exploded(open_page):
    with np.errstate(all="ignore"):
        explorer = tg.explore(exploding, np.array([0.5, 1.0]), np.array([-1.0, -2.0]))
    return open_page(explorer)


def test_the_way_of_a_nan_is_lit(exploded):
    page = exploded
    assert page.page.is_visible("#way summary")
    page.page.click("#way summary")
    page.page.locator(".lighted").wait_for()
    names = {page.key(name): name for name in ("p", "w", "q", "h", "t1", "t2", "t3", "L")}
    lit = page.page.locator(".node.lit").evaluate_all("all => all.map(e => e.id)")
    assert {names[key] for key in lit} == {"q", "h", "t2", "t3", "L"}
    ends = page.data()["edges"]
    lit = page.page.locator(".edge.lit").evaluate_all("all => all.map(e => e.id)")
    ways = {(names[ends[edge]["source"]], names[ends[edge]["target"]]) for edge in lit}
    assert ways == {("q", "h"), ("h", "t2"), ("t2", "t3"), ("t3", "L")}
    assert page.page.inner_text("#birth") == "q is −inf at [1]. It is born here: log was given 0."
    page.page.click("#to-birth")
    assert page.heading == "q = log(t1)"
    assert page.page.inner_text("#story .flag") == page.page.inner_text("#birth")
    page.press("ArrowRight")
    assert page.page.inner_text("#story .flag") == "h is inf at [1]. It comes from q."


def test_one_panel_lights_at_a_time(exploded):
    page = exploded.page
    page.click("#way summary")
    page.click("#paths summary")
    page.locator("#way:not([open])").wait_for()
    lit = page.locator(".node.lit").evaluate_all("all => all.map(e => e.id)")
    assert exploded.key("w") in lit


def test_a_flag_is_seen_when_what_it_says_is_there(open_page):
    x = tg.Tensor([[0.0, 1.0]] * 2, requires_grad=True, name="x")
    h = tg.relu(x * -2.0)
    page = open_page(tg.explore((tg.sqrt(h) + tg.sqrt(x)).sum(), names={"h": h}))
    h, x = page.key("h"), page.key("x")
    visible = {h: [], x: []}
    for _ in range(page.last + 1):
        for key, row in ((h, "value"), (x, "grad")):
            flag = page.page.locator(f"#a_{key}-{row}-flag")
            visible[key].append(flag.evaluate("e => getComputedStyle(e).visibility") == "visible")
        page.press("ArrowRight")
    phases = [step["node"] if step["phase"] == "forward" else "" for step in page.data()["steps"]]
    assert visible[h].index(True) == phases.index(h)
    targets = [step["target"] for step in page.data()["steps"]]
    assert visible[x].index(True) == len(targets) - 1 - targets[::-1].index(x)
    assert page.page.locator(f"#a_{h}-value-flag").text_content().strip() == "dead"


def test_gradients_alone_can_be_wrong():
    x = tg.Tensor([4.0, 0.0], requires_grad=True, name="x")
    graph = read_graph((tg.sqrt(x) * 3.0).sum())
    way = way_of_nonfinite(graph, list(retrace(graph)))
    assert way.back
    assert [(graph.names[e.source], graph.names[e.target]) for e in way.edges] == [("x", "t1")]
    assert "sqrt makes of the gradient of t1 one of x that is inf at [1]" in way.said


def test_where_all_is_well_nothing_is_flagged(page):
    assert page.data()["way"] is None
    assert page.page.is_hidden("#way")
    assert page.page.locator("[id$=-flag]").count() == 0
