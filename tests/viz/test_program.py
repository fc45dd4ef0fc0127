"""The program beside the graph: the line that runs is lit, forward and on the way back."""

import json
import re

import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


def squared(x):
    return x * x


def neuron(x, w):
    z = w * x
    h = tg.tanh(
        z + 1.0,
    )
    return squared(h) + z


@pytest.fixture
def page(open_page):
    return open_page(tg.explore(neuron, 0.5, -1.0))


def lit(page):
    return [text.strip() for text in page.page.locator("#program .running").all_inner_texts()]


def marked(page):
    return page.page.locator("#program mark").all_inner_texts()


def test_the_listing_is_the_function(page):
    lines = page.page.locator("#program li").all_inner_texts()
    assert [line.rstrip("\n") for line in lines] == [
        "def neuron(x, w):",
        "    z = w * x",
        "    h = tg.tanh(",
        "        z + 1.0,",
        "    )",
        "    return squared(h) + z",
    ]
    begin = neuron.__code__.co_firstlineno
    assert page.page.get_attribute("#program ol", "start") == str(begin)
    assert (
        page.page.inner_text("#program summary") == f"Program: test_program.py, from line {begin}"
    )


def test_the_line_that_runs_is_lit(page):
    expected = {
        "z": ("z = w * x", ["w * x"]),
        "t1": ("z + 1.0,", ["z + 1.0"]),
        "h": ("h = tg.tanh(", ["h = tg.tanh("]),
        "t2": ("return squared(h) + z", ["squared(h)"]),  # computed in another function
        "L": ("return squared(h) + z", ["squared(h) + z"]),
    }
    names = {page.key(name): name for name in expected}
    seen = set()
    for step in page.data()["steps"]:
        if step["node"]:
            line, part = expected[names[step["node"]]]
            assert lit(page) == [line]
            assert marked(page) == part
            seen.add((step["phase"], names[step["node"]]))
        else:
            assert lit(page) == []
        page.press("ArrowRight")
    assert seen == {(p, name) for p in ("forward", "backward") for name in expected}


def test_a_line_is_not_shown_twice(page):
    page.press("ArrowRight")  # z = w * x
    assert page.page.is_hidden(".source")
    page.page.click("#program summary")
    page.page.locator("#program:not([open])").wait_for()
    assert page.page.is_visible(".source")
    page.page.click("#program summary")
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert page.heading == "t2 = h * h"  # in `squared`, which is not listed
    assert page.page.is_visible(".source")


def test_on_a_phone_it_is_folded_and_below(open_page):
    page = open_page(tg.explore(neuron, 0.5, -1.0))
    page.page.set_viewport_size({"width": 390, "height": 700})
    page.page.reload()
    assert page.page.get_attribute("#program", "open") is None
    boxes = [page.page.locator(css).bounding_box() for css in ("#story", "#program")]
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"] - 1


def table(explorer):
    return json.loads(re.search(r'id="data">(.*?)</script>', explorer.html, re.DOTALL)[1])[
        "program"
    ]


def test_a_fold_lights_all_its_lines():
    def f(x):
        with tg.scope("inside"):
            y = tg.sin(x * 2.0)
            z = tg.cos(y)
        return z * z

    running = table(tg.explore(f, 1.0, depth=0))["running"].values()
    lines = [[found["line"] for found in several] for several in running]
    assert lines == [[2, 3], [4]]


def test_where_there_is_no_source_there_is_no_listing():
    x = tg.Tensor(2.0, requires_grad=True)
    assert table(tg.explore(x * x)) is None
    assert table(tg.explore(tg.sin, 2.0)) is None
    made = {"tg": tg}
    exec("def f(x): return x * x", made)  # noqa: S102 - a function without a source
    assert table(tg.explore(made["f"], 2.0)) is None
