"""The file that the explorer writes, and what it is made from."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


def chain(n):
    y = tg.Tensor(np.full((3, 3), 0.3), requires_grad=True, name="x")
    for _ in range(n):
        y = tg.sin(y)
    return y.sum()


def test_the_file_grows_with_the_nodes():
    small, large = (len(tg.explore(chain(n)).html) for n in (50, 200))
    assert large < 4.2 * small


def test_a_notebook_shows_the_page(browser, network):
    page = browser.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_content(network[0]._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("#forward").click()
    assert frame.locator("#count").inner_text().startswith("step 1 of")
    page.close()
    assert complaints == []


def test_nothing_is_written_to_any_gradient():
    x = tg.Tensor(2.0, requires_grad=True)
    y = tg.sin(x)
    tg.explore(y * y)
    assert x.grad is None
    assert y._grad is None


def test_where_the_page_is_written(tmp_path):
    y = tg.sin(tg.Tensor(2.0, requires_grad=True))
    explorer = tg.explore(y, tmp_path / "a.html")
    tg.explore(y, path=str(tmp_path / "b.html"))
    tg.explore(tg.sin, 2.0, path=tmp_path / "new" / "c.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == explorer.html
    assert (tmp_path / "b.html").read_text(encoding="utf-8") == explorer.html
    page = (tmp_path / "new" / "c.html").read_text(encoding="utf-8")
    assert "<title>Backpropagation through sin</title>" in page


def test_arguments_of_a_function():
    seen = []

    def f(params, labels, scale, flag):
        seen.append((params, labels, scale, flag))
        return (params["W"] * params["b"][0] * scale)[labels].sum()

    W, b = np.array([1.0, 2.0]), tg.Tensor(3.0, name="bias")
    labels = np.array([0, 1])
    page = tg.explore(f, {"W": W, "b": [b]}, labels, 0.5, True)
    ((params, given_labels, scale, flag),) = seen
    assert params["W"].requires_grad
    assert scale.requires_grad
    assert params["b"][0] is b
    assert given_labels is labels
    assert flag is True
    labels = [node["label"] for node in data_of(page)["nodes"].values()]
    assert {"params.W", "bias", "scale"} <= {label.split()[0] for label in labels}


def test_variables_name_what_they_hold():
    def f(x):
        h = x
        for _ in range(2):
            h = tg.sin(h)
        return helper(h) + 0.0

    def helper(inner):
        outer = inner * 2.0
        return outer * 3.0

    labels = [node["label"] for node in data_of(tg.explore(f, 1.0))["nodes"].values()]
    assert [s.split(",")[0] for s in labels if "=" in s] == [
        "h = sin(x)",
        "h_2 = sin(h)",
        "outer = h_2 * 2",
        "t1 = outer * 3",
        "L = t1 + 0",
    ]


@pytest.mark.parametrize(
    ("index", "written"),
    [
        (1, "x[1]"),
        (slice(1, None), "x[1:]"),
        ((slice(None, None, 2), None), "x[::2, None]"),
        (..., "x[...]"),
        (np.array([0, 0]), "x[array]"),
        ([True, False, True], "x[[True, False, True]]"),
    ],
)
def test_an_index_is_written_as_in_the_program(index, written):
    labels = [
        node["label"]
        for node in data_of(tg.explore(lambda x: x[index].sum(), np.ones(3)))["nodes"].values()
    ]
    assert any(label.startswith(f"t1 = {written}, ") for label in labels), labels


def data_of(explorer):
    return json.loads(re.search(r'id="data">(.*?)</script>', explorer.html, re.DOTALL)[1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3.0,), TypeError, "a function's result; got float"),
        ((lambda: 3.0,), TypeError, "must return a Tensor; it returned float"),
        ((tg.Tensor(3.0),), ValueError, "not computed from anything that requires a gradient"),
        ((lambda _: tg.Tensor(3.0), 1.0), ValueError, "not computed from anything"),
        ((tg.sin, np.ones(3)), ValueError, r"begins at a single number; .* shape \(3,\)"),
        ((tg.Tensor(3.0), "a.html", "b.html"), TypeError, "takes one path"),
        ((tg.sin,), TypeError, "missing a required argument"),
        ((tg.sin, 1.0, "a.html"), TypeError, "too many positional arguments; .* as path="),
        ((tg.sin, 2), TypeError, "2.0 does, 2 does not"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        tg.explore(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"names": 3}, TypeError, "names must be a mapping .* got int"),
        ({"direction": "RL"}, ValueError, "direction must be 'LR' or 'TB'; got 'RL'"),
        ({"depth": -1}, ValueError, "depth must be"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        tg.explore(tg.sin, 2.0, **options)


def test_names_that_are_given_count_more_than_those_of_variables():
    x = tg.Tensor(2.0, requires_grad=True)
    page = tg.explore(tg.sin, x, names={"given": x})
    labels = [node["label"] for node in data_of(page)["nodes"].values()]
    assert any(label.startswith("given is parameter") for label in labels)


def test_a_name_that_is_no_text_is_written():
    x = tg.Tensor(2.0, requires_grad=True)
    x.name = 7
    labels = [node["label"] for node in data_of(tg.explore(tg.sin(x)))["nodes"].values()]
    assert any(label.startswith("7 is parameter") for label in labels)


def test_data_newer_than_the_graph_are_refused():
    x = tg.Tensor(2.0, requires_grad=True, name="x")
    y = tg.sin(x) * 2.0
    x.data = np.array(1.0)
    with pytest.raises(RuntimeError, match="new data after"):
        tg.explore(y)


# --------------------------------------------------------------------------------------
# Hostile names
# --------------------------------------------------------------------------------------

HOSTILE = st.text(st.characters(exclude_categories=[]), min_size=1, max_size=50)


class Elements(HTMLParser):
    """All elements of a page, with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, sorted(name for name, _ in attrs)))


def page_with(name):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    with tg.scope(name):
        return tg.explore((x * np.array([3.0, 4.0])).sum())


HARMLESS = Elements(page_with("x").html).found


@given(HOSTILE)
@example("</script><script>alert(1)</script>")
@example("<!--")
@example("]]>&lt;&amp;<b onclick='x'>\"")
@example("$title ${data} $")
@example("\ud800\u2028\u202e\x00")
def test_hostile_names_change_nothing_but_the_name(name):
    explorer = page_with(name)
    assert Elements(explorer.html).found == HARMLESS
    for step in data_of(explorer)["steps"]:
        ET.fromstring(f"<div>{step['html']}</div>")  # noqa: S314 - our own page


def test_hostile_names_in_a_browser(open_page):
    name = "</code><img src=x onerror=alert(1)><b>'\""
    page = open_page(page_with(name))
    while True:
        assert page.page.locator("img, #story b").count() == 0
        if page.step == page.last:
            break
        page.press("ArrowRight")
    assert name in page.page.inner_text("#story")
    page.page.hover("#n0")
    assert page.page.locator("img, #details img").count() == 0
