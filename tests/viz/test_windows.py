"""Windows of convolutions and pools in the story: what each number is made of."""

import html
import json
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.gradients import retrace
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.story import windows
from tinygrad_edu.viz.story.taps import taps_of

RNG = np.random.default_rng(0)


def parameter(shape, name):
    return tg.Tensor(RNG.normal(size=shape).round(1), requires_grad=True, name=name)


CONVOLUTIONS = {
    "conv1d": lambda x, W, b: tg.conv1d(x[:, :, 0], W[:, :, 0], b, stride=2, padding=1),
    "conv2d": tg.conv2d,
    "groups": lambda x, W, b: tg.conv2d(x, W[:, :1], b, groups=2),
    "far apart": lambda x, W, b: tg.conv2d(x, W, b, (1, 2), (2, 1), (2, 1)),
    "same": lambda x, W, b: tg.conv2d(x, W, b, padding="same"),
    "conv_transpose2d": lambda x, W, b: tg.conv_transpose2d(x, W, b, 2, 1, output_padding=1),
}
POOLS = {
    "max_pool": lambda x: tg.max_pool(x, 2),
    "max_pool between margins": lambda x: tg.max_pool(x, 3, 2, 1, ceil_mode=True),
    "avg_pool": lambda x: tg.avg_pool(x, (2, 3), 1),
    "avg_pool, of fewer at the end": lambda x: tg.avg_pool(x, 3, 2, 1, True, False),
    "adaptive_max_pool": lambda x: tg.adaptive_max_pool(x, 2),
    "adaptive_avg_pool": lambda x: tg.adaptive_avg_pool(x, (2, 3)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_what_a_window_meets_adds_up_to_the_convolution(name):
    x, W, b = parameter((2, 2, 5, 4), "x"), parameter((2, 2, 3, 2), "W"), parameter((2,), "b")
    y = CONVOLUTIONS[name](x, W, b)
    taps = taps_of(y)
    x, W, b = (t.data for t in y.inputs[:3])
    large, small = (y.data, x) if "transpose" in name else (x, y.data)
    assert taps.around.shape == large.shape
    if "transpose" in name:
        products = small.ravel()[taps.small] * W.ravel()[taps.weight]
        whole = np.bincount(taps.large, products, np.prod(taps.around.whole))
        found = whole.reshape(taps.around.whole)[taps.around.inside]
    else:
        products = taps.around.pad(large).ravel()[taps.large] * W.ravel()[taps.weight]
        found = np.bincount(taps.small, products).reshape(small.shape)
    found += b.reshape(-1, *[1] * (found.ndim - 2))
    np.testing.assert_allclose(found, y.data, atol=1e-12)


def told(y):
    """What is told of an operation: forward, and for each input on the way back."""
    loss = (y**2).sum()
    loss.name, y.name = "L", "y"
    graph = read_graph(loss)
    forward = windows.forward(graph, y)
    flows = [flow for flow in retrace(graph) if flow.node is y]
    return [(forward, y.data)] + [(windows.backward(graph, f), f.returned) for f in flows]


def cells(part):
    """The elements of the result: their texts, in the order of the tables; and what is told."""
    made = json.loads(html.unescape(re.search(r'data-cells="([^"]*)"', part)[1]))
    shown = part[part.index('class="result"') :]
    found = re.findall(r'data-cell="\w+-(\d+)"[^>]*>([^<]*)<', shown)
    return [(text, *made[element]) for element, text in found]


def number(text):
    return float(text.replace("−", "-"))


def numbers(formula):
    return [number(text) for text in re.findall(r"<mn>([^<]*)</mn>", formula)]


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_products_that_are_shown_add_up_forward_and_backward(name):
    x, W, b = parameter((1, 2, 4, 3), "x"), parameter((2, 2, 2, 2), "W"), parameter((2,), "b")
    y = CONVOLUTIONS[name](x, W, b)
    parts = told(y)
    assert [bool(part) for part, _ in parts] == [True, True, True, False]  # the last is b
    for part, result in parts[:3]:
        elements = cells(part)
        assert [number(t) for t, *_ in elements] == pytest.approx(result.ravel(), 5e-3, 5e-3)
        for text, lit, formula in elements:
            shown = numbers(formula)
            assert shown[-1] == number(text)
            products = [factor for factor in lit.values() if factor]
            assert len(shown) >= 2 * len(products)
            pairs = np.reshape(shown[: 2 * len(products)], (-1, 2))
            added = pairs.prod(axis=1).sum()
            added += shown[2 * len(products)] if part is parts[0][0] and products else 0
            assert added == pytest.approx(number(text), rel=2e-2, abs=0.1)
            assert sorted(pairs[:, 1]) == sorted(number(f.removeprefix("× ")) for f in products)


@pytest.mark.parametrize("name", POOLS)
def test_what_is_told_of_a_pool(name):
    x = parameter((1, 1, 5, 4), "x")
    (forward, y), (backward, returned) = told(POOLS[name](x))
    for part, result in (forward, y), (backward, returned):
        elements = cells(part)
        assert [number(t) for t, *_ in elements] == pytest.approx(result.ravel(), 5e-3, 5e-3)
    for text, lit, formula in cells(forward):
        *terms, last = numbers(formula)
        assert last == number(text)
        if "max" in name:
            assert max(terms) == last
            assert [*lit.values()].count("max") == terms.count(last)  # of those that tie, all
        else:
            *terms, size = terms
            assert np.sum(terms) / size == pytest.approx(last, rel=1e-2, abs=0.01)
    for text, lit, formula in cells(backward):
        *terms, last = numbers(formula)
        pairs = np.reshape(terms, (-1, 2))
        assert pairs.prod(axis=1).sum() == pytest.approx(number(text), rel=2e-2, abs=0.1)
        assert len(lit) == len(pairs)


def test_of_many_numbers_the_first_table_is_told_and_of_too_many_none():
    W = parameter((6, 2, 3, 3), "W")
    part = told(tg.conv2d(parameter((1, 2, 8, 8), "x"), W))[0][0]
    assert "only the first table is shown" in part
    assert len(cells(part)) == 36
    assert part.count("<table") == 2 + 2 + 1
    large = tg.conv2d(parameter((1, 1, 28, 28), "x"), parameter((1, 1, 3, 3), "W"))
    assert {part for part, _ in told(large)} == {""}
    assert windows.forward(read_graph(large), large + 1.0) == ""


def test_a_gradient_is_not_taken_for_a_tensor_of_its_name():
    y = tg.max_pool(parameter((1, 1, 4, 4), "g"), 2)
    backward = told(y)[1][0]
    assert "<code>g\u0304[0, 0]</code>" in backward
    assert "<code>∂L/∂g[0, 0]</code>" in backward


# --- in the page ----------------------------------------------------------------------------------


def test_a_window_moves_with_the_pointer_and_with_keys(open_page):
    pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")
    image = np.arange(16.0).reshape(1, 1, 4, 4) % 5
    x = tg.Tensor(image, requires_grad=True, name="x")
    W = tg.Tensor([[[[1.0, 0.0], [0.0, -1.0]]]], requires_grad=True, name="W")
    loss = (tg.conv2d(x, W) ** 2).sum()
    page = open_page(tg.explore(loss), "#step=1")

    def lit():
        lit = page.page.locator(".factor:first-child .lit")
        return lit.evaluate_all("all => all.map(e => Number(e.dataset.cell.split('-')[1]))")

    assert lit() == [0, 1, 4, 5]
    results = page.page.locator(".result td")
    before = results.nth(5).bounding_box()
    results.nth(5).hover()
    assert results.nth(5).bounding_box() == before  # nothing moves below the pointer
    assert lit() == [6, 7, 10, 11]
    (shown,) = page.numbers(".sum")
    assert shown == [1, 1, 2, 0, 0, 0, 1, -1, 1, 0, 0, -1, 0]
    factors = page.page.locator(".factor:first-child .lit").evaluate_all(
        "all => all.map(e => getComputedStyle(e, '::after').content)"
    )
    assert factors == ['"× 1"', '"× 0"', '"× 0"', '"× −1"']
    results.nth(5).focus()
    page.press("ArrowUp", "ArrowLeft")
    assert lit() == [1, 2, 5, 6]
    assert page.step == 1
    page.press("Tab", "ArrowRight")
    assert page.step == 2
