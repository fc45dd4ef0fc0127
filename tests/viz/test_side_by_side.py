"""Two explorers on one page: in step, with the gradients of their layers beside each other."""

import numpy as np
import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


def losses():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 2)), rng.normal(size=(8, 1))
    networks = [tg.nn.MLP([2, 3, 1], activation, rng=0) for activation in ("sigmoid", "relu")]
    found = [tg.mean_squared_error(network(x), y) for network in networks]
    for loss in found:
        loss.backward()
    return networks, found


@pytest.fixture
def opened(browser, tmp_path):
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    complaints = []

    def opened(both):
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(both.save(tmp_path / "new" / "both.html").as_uri())
        page.wait_for_function("document.getElementById('count').textContent")
        return page

    yield opened
    context.close()
    assert complaints == []


def steps(page):
    """Which steps the two explorers are at, and of how many."""
    page.wait_for_timeout(150)  # for messages to arrive
    counts = [frame.text_content("#count").split() for frame in page.frames[1:]]
    return [(int(words[1]), int(words[3])) for words in counts]


def test_one_slider_leads_both(opened):
    _, (first, second) = losses()
    page = opened(tg.explore_side_by_side(first, second, labels=("sigmoid", "ReLU")))
    assert page.title() == "sigmoid and ReLU"
    last = int(page.get_attribute("#slider", "max"))
    assert steps(page) == [(0, last)] * 2
    page.fill("#slider", "5")
    assert steps(page) == [(5, last)] * 2
    page.keyboard.press("ArrowRight")
    page.click("#forward")
    assert steps(page) == [(7, last)] * 2
    page.keyboard.press("End")
    assert steps(page) == [(last, last)] * 2
    assert page.frames[1].is_hidden(".controls")


def test_who_goes_on_in_one_takes_the_other_along(opened):
    _, both = losses()
    page = opened(tg.explore_side_by_side(*both))
    page.frames[2].click(".node >> nth=-1")
    first, second = steps(page)
    assert first == second
    assert first[0] > 0
    assert page.input_value("#slider") == str(first[0])


def test_computations_of_different_lengths_turn_back_together(opened):
    def short(x):
        return x * 2.0

    def long(x):
        return tg.sin(tg.cos(tg.tanh(x))) * 2.0

    page = opened(tg.explore_side_by_side(short, long, 0.5))
    assert page.locator("figcaption").all_inner_texts() == ["short", "long"]
    last = int(page.get_attribute("#slider", "max"))
    phases = []
    for place in range(last + 1):
        page.fill("#slider", str(place))
        steps(page)
        phases.append(
            [
                frame.evaluate("document.body.classList.contains('backward')")
                for frame in page.frames[1:]
            ]
        )
    assert all(first == second for first, second in phases)
    assert steps(page) == [(4, 4), (10, 10)]


def test_the_thermometer_shows_the_gradients_of_layers(opened):
    networks, both = losses()
    page = opened(tg.explore_side_by_side(*both))
    names = page.locator("#layers > code").all_inner_texts()
    assert names == ["MLP.layers.0", "MLP.layers.1"]
    bars = page.locator(".bar")
    visible = "all => all.map(e => getComputedStyle(e).visibility === 'visible')"
    assert bars.evaluate_all(visible) == [False] * 4
    page.fill("#slider", "6")  # backward, but not yet through the first layer
    page.keyboard.press("End")
    steps(page)
    assert bars.evaluate_all(visible) == [True] * 4
    norms = [
        np.hypot(np.linalg.norm(layer.W.grad), np.linalg.norm(layer.b.grad))
        for layers in zip(*(network.layers for network in networks), strict=True)
        for layer in layers
        if hasattr(layer, "W")
    ]
    assert bars.all_inner_texts() == [f"{norm:.3g}" for norm in norms]
    widths = bars.evaluate_all("all => all.map(e => e.style.getPropertyValue('--share'))")
    lengths = np.array([float(width) for width in widths])
    slope = np.diff(lengths) / np.diff(np.log10(norms))
    np.testing.assert_allclose(slope, slope[0], rtol=1e-3)  # equal factors, equal lengths


def test_a_notebook_shows_it():
    _, both = losses()
    page = tg.explore_side_by_side(*both)
    assert page._repr_html_().startswith("<iframe srcdoc=")
    assert repr(page) == '<SideBySide of two explorers; .save("both.html") writes it to a file>'


def test_bad_input():
    x = tg.Tensor(2.0, requires_grad=True)
    with pytest.raises(TypeError, match="arguments belong to functions"):
        tg.explore_side_by_side(x * x, x + x, 2.0)
    with pytest.raises(ValueError, match=r"labels are two, .* got \('a',\)"):
        tg.explore_side_by_side(tg.sin, tg.cos, 2.0, labels=("a",))
    with pytest.raises(ValueError, match="not computed from anything"):
        tg.explore_side_by_side(x, x)
