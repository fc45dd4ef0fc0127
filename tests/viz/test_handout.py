"""All steps on paper: from the page, and as a file."""

import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


@pytest.fixture
def handout(browser, network, tmp_path):
    context = browser.new_context(viewport={"width": 794, "height": 1123})  # A4
    page = context.new_page()
    path = network[0].handout(tmp_path / "new" / "handout.html")
    page.goto(path.as_uri())
    page.emulate_media(media="print")
    yield page
    context.close()


def test_all_steps_are_below_each_other(handout, network):
    sections = handout.locator(".steps > section")
    assert sections.count() == network[0].steps
    numbers = handout.locator(".steps h2 small").all_text_contents()
    assert [int(number) for number in numbers] == [*range(network[0].steps)]
    texts = sections.all_text_contents()
    for i, step in enumerate(["What is given", "a = x @ W1", "z = a + b1"]):
        assert texts[i].startswith(f"{i} {step}")
    assert "1\xa0of\xa02" in "".join(texts)  # a partial gradient, as in the story
    assert handout.is_hidden("#story")
    assert handout.is_hidden(".controls")


def test_the_graph_in_front_is_whole(handout, network):
    strips = handout.locator(".front svg")
    assert strips.count() > 1  # it is wide
    page = [0, 794]
    seen = 0
    for strip in strips.all():
        box = strip.bounding_box()
        assert page[0] <= box["x"]
        assert box["x"] + box["width"] <= page[1] + 1
        for node in strip.locator(".node").all():
            card = node.bounding_box()
            inside = (
                box["x"] - 1 <= card["x"]
                and card["x"] + card["width"] <= box["x"] + box["width"] + 1
            )
            seen += inside
            outside = card["x"] + card["width"] < box["x"] or card["x"] > box["x"] + box["width"]
            assert inside != outside  # no card is cut
    assert seen == handout.locator("#picture .node").count()
    numbers = handout.locator(".front svg >> nth=0 >> text").all_text_contents()
    assert any("×" in text for text in numbers)


def edges(element):
    box = element.bounding_box()
    return box["x"], box["x"] + box["width"]


def test_nothing_is_cut_off_at_the_margin(handout):
    wide = handout.locator(".steps .math").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    assert wide == []
    heights = handout.locator(".steps .math").evaluate_all("all => all.map(e => e.clientHeight)")
    assert min(heights) > 10


def test_it_is_printed_from_the_page_too(page):
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    page.page.evaluate(
        "window.print = () => { window.printed = document.querySelectorAll('.steps > *').length }"
    )
    page.page.click("#paper")
    assert page.page.evaluate("window.printed") == page.last + 1
    assert page.step == 3  # all is as before
    assert page.page.is_visible("#story")
    assert page.page.locator(".steps").count() == 0


def test_the_program_is_in_front(browser, tmp_path):
    def neuron(x):
        z = x * 2.0
        return tg.tanh(z)

    page = browser.new_page()
    page.goto(tg.explore(neuron, 0.5).handout(tmp_path / "handout.html").as_uri())
    assert page.inner_text(".front pre").splitlines() == [
        "def neuron(x):",
        "    z = x * 2.0",
        "    return tg.tanh(z)",
    ]
    page.close()
