"""The playground of the documentation, in a real browser: it computes what the library computes."""

import contextlib
import importlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg

DOCS = Path(__file__).parents[2] / "docs"


class Playground:
    """The page as a reader sees it."""

    def __init__(self, page):
        self.page = page

    def open(self, settings="", epochs=0):
        self.page.evaluate("words => { location.hash = words; }", settings or "first")
        self.page.wait_for_function("new URLSearchParams(location.hash.slice(1)).size === 6")
        self.train(epochs)
        return self

    def train(self, epochs):
        self.page.evaluate("n => { while (n--) playground.step(); playground.draw(); }", epochs)

    @property
    def losses(self):
        return self.page.evaluate("playground.losses()")

    @property
    def code(self):
        return self.page.evaluate("playground.python()")

    def run(self):
        """Run the program that the page exports; return its names, and what it printed."""
        names, printed = {}, io.StringIO()
        with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
            exec(self.code, names)  # noqa: S102 - our own program
        return names, dict(line.split() for line in printed.getvalue().splitlines())

    def equations(self):
        """Read the numbers of the chain rule, line by line, with the precision that they have."""
        lines = self.page.locator("#rule .math").all_inner_texts()
        numbers = (
            re.findall(r"(?<![\w.])\(?(−?\d[\d.]*(?:e−?\d+)?)", re.sub(r"\s", "", line))
            for line in lines
        )
        return [[float(x.replace("−", "-")) for x in line] for line in numbers]


@pytest.fixture(scope="module")
def playground(browser, tmp_path_factory):
    """The page; in the end nothing was logged, and nothing was asked of a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS / "playground")
        html = importlib.import_module("playground_page").page()
    path = tmp_path_factory.mktemp("playground") / "index.html"
    path.write_text(html, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield Playground(page)
    page.close()
    assert complaints == []
    assert {re.split(r"[?#]", url)[0] for url in requests} <= {path.as_uri(), "about:blank"}


def test_a_unit_that_is_pointed_at_may_go(playground):
    for hidden in ("2-2", "8-8-8", "3"):
        page = playground.open(f"hidden={hidden}").page
        unit = page.locator(".unit").nth(2)
        unit.hover()
        unit.focus()
    assert len(playground.losses) == 1  # and in the end no error was logged


# --------------------------------------------------------------------------------------
# It computes what the library computes
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        "data=moons&activation=tanh&hidden=4-4",
        "data=circle&activation=relu&init=he_normal&hidden=8-8&rate=0.1",
        "data=xor&activation=gelu&init=normal&hidden=5",
        "data=spirals&activation=elu&hidden=3-2-3&rate=0.03",
        "data=moons&activation=leaky_relu&init=small&hidden=2",
        "data=moons&activation=sigmoid&hidden=4-4&seed=7",
        "data=circle&activation=none&hidden=3",
        "data=xor&hidden=",
    ],
)
def test_the_program_prints_the_losses_of_the_page(playground, settings):
    playground.open(settings, epochs=30)
    losses = playground.losses
    _, printed = playground.run()
    assert printed.keys() >= {"0", "30"}
    for epoch, loss in printed.items():
        assert float(loss) == pytest.approx(losses[int(epoch)], rel=1e-9)
    assert losses[30] < losses[0]


def test_a_rate_that_was_changed_is_a_schedule(playground):
    playground.open("hidden=3&rate=0.1", epochs=10)
    for rate in ("3", "0.3"):
        playground.page.select_option("#rate", rate)
        playground.train(10)
    assert "lr=lambda step: 0.1 if step < 10 else 3 if step < 20 else 0.3" in playground.code
    _, printed = playground.run()
    assert float(printed["30"]) == pytest.approx(playground.losses[30], rel=1e-9)


@pytest.mark.parametrize("weight", [(0, 1, 2), (1, 2, 0), (2, 3, 0), (1, -1, 1)])
def test_the_chain_rule_of_a_weight_has_the_numbers_of_the_engine(playground, weight):
    layer, row, column = weight
    playground.open("data=circle&activation=sigmoid&hidden=3-4")
    playground.page.select_option("#into", f"{layer},{column}")
    playground.page.select_option("#from", str(row))
    names, _ = playground.run()
    parameter = names[f"W{layer + 1}" if row >= 0 else f"b{layer + 1}"]
    index = (row, column) if row >= 0 else column
    summed, step, *way, share = playground.equations()
    assert summed[-1] == pytest.approx(parameter.grad[index], rel=6e-3)
    assert summed[-3] - summed[-2] == pytest.approx(summed[-1], rel=0.05)
    before = start_of(playground, parameter.name)[index]
    assert step[0] == pytest.approx(before, rel=1e-5)
    assert step[-1] == pytest.approx(parameter.data[index], rel=1e-5, abs=1e-6)
    assert share[-3] * share[-2] == pytest.approx(share[-1], rel=0.02)
    assert share[-2] == way[-1][-1]  # what came back to the unit
    assert len(way) == (1 if layer == 2 else 3)


def start_of(playground, name):
    """Read the numbers with which a parameter begins."""
    line = next(line for line in playground.code.splitlines() if line.startswith(f"{name} = "))
    return np.array(json.loads(re.search(r"Tensor\((.*), requires_grad", line)[1]))


def test_dead_and_saturated_units_are_named(playground):
    playground.open("data=spirals&activation=relu&init=he_normal&hidden=8-8&rate=10", epochs=20)
    names, _ = playground.run()
    assert_named(playground, names, "Dead", lambda slopes: (slopes == 0).all(axis=0))
    playground.open("data=circle&activation=sigmoid&init=normal&hidden=8-8&rate=10", epochs=20)
    names, _ = playground.run()
    flat = 0.25 / 20
    assert_named(playground, names, "Saturated", lambda slopes: (slopes < flat).mean(axis=0) >= 0.9)


def assert_named(playground, names, state, test):
    """The units named are those of which a test of their slopes is true."""
    playground.train(1)  # the program has done one step more than it printed
    expected = []
    h = names["X"]
    for layer in (1, 2):
        z = tg.linear(h, names[f"W{layer}"], names[f"b{layer}"])
        activation = tg.relu if state == "Dead" else tg.sigmoid
        z = tg.Tensor(z.data, requires_grad=True)
        h = activation(z)
        h.sum().backward()
        expected += [f"h{layer}.{i + 1}" for i in np.flatnonzero(test(z.grad))]
        h = h.data
    assert expected
    said = playground.page.inner_text("#health")
    assert re.findall(r"h\d\.\d", said.partition(state)[2].partition(". ")[0]) == expected
    assert playground.page.locator(f".unit.{state.lower()}").count() == len(expected)


# --------------------------------------------------------------------------------------
# What the page of the documentation says
# --------------------------------------------------------------------------------------


def links():
    text = (DOCS / "playground.md").read_text(encoding="utf-8")
    return dict(re.findall(r"\{try\}`(.*?) <(.*?)>`", text))


def right(playground):
    return int(re.search(r"(\d+) % right", playground.page.inner_text("#count"))[1])


def test_what_is_worth_a_try_happens(playground):
    tries = links()
    playground.open(tries.pop("No hidden layer"), epochs=200)
    assert right(playground) < 75
    playground.page.click("#more")
    playground.page.locator(".column button", has_text="−").click()  # three units, not four
    playground.train(300)
    assert right(playground) > 95
    playground.open(tries.pop("No activation"), epochs=200)
    assert right(playground) < 75
    playground.page.select_option("#activation", "tanh")
    playground.train(200)
    assert right(playground) > 95
    playground.open(tries.pop("All weights 0"), epochs=50)
    assert flow(playground) == [0, 0]
    playground.open(tries.pop("Six layers of sigmoids"))
    first, *_, last = flow(playground)
    assert 0 < 1000 * first < last
    playground.open(tries.pop("ReLU in too large steps"), epochs=100)
    dead = dead_of_first_layer(playground)
    assert playground.page.locator(".unit.dead").count() > len(dead) > 0
    playground.page.select_option("#rate", "0.1")
    playground.train(100)
    assert dead_of_first_layer(playground) == dead
    playground.open(tries.pop("Two spirals"), epochs=800)
    assert right(playground) > 95
    assert not tries


def flow(playground):
    """Read how large the gradients of the layers are."""
    texts = playground.page.locator("#flow td:nth-child(2)").all_inner_texts()
    return [float(text.replace("−", "-")) for text in texts]


def dead_of_first_layer(playground):
    return re.findall(r"h1\.\d", playground.page.inner_text("#health"))


# --------------------------------------------------------------------------------------
# For whom
# --------------------------------------------------------------------------------------


def test_a_link_leads_to_its_settings(playground):
    page = playground.page
    page.goto(f"{page.url.partition('#')[0]}?data=xor&hidden=2-3&activation=gelu&rate=nonsense")
    assert page.is_checked("#data [value=xor]")
    assert page.input_value("#activation") == "gelu"
    assert page.input_value("#rate") == "0.3"
    assert page.inner_text("#depth") == "2"
    assert page.locator(".unit").count() == 2 + 2 + 3 + 1
    page.goto(page.url.partition("?")[0])


def test_by_keyboard(playground):
    page = playground.open("hidden=2").page
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert len(playground.losses) == 3
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.wait_for_function("playground.losses().length > 5")
    page.keyboard.press("Space")
    trained = len(playground.losses)
    assert page.get_attribute("#play", "aria-label") == "Train"
    page.focus("#data input:checked")
    page.keyboard.press("ArrowRight")  # another choice, not a step
    assert "circle" in page.url
    assert len(playground.losses) == 1 < trained
    page.focus("#plane")
    page.keyboard.press("ArrowDown")
    assert "the one you chose" in page.inner_text("#rule")
    page.focus("#export")
    page.keyboard.press("Enter")
    assert page.inner_text("dialog pre") == playground.code.rstrip("\n") or page.is_visible(
        "dialog"
    )
    page.keyboard.press("Escape")
    assert page.is_hidden("dialog")


def test_a_click_on_a_line_chooses_its_weight(playground):
    page = playground.open("hidden=2").page
    line = page.locator("#wires .hit").nth(3)
    line.dispatch_event("click")
    assert page.input_value("#into") == "0,1"
    assert page.input_value("#from") == "1"
    assert page.locator("#wires .hit title").nth(3).text_content().startswith("x2 → h1.2: weight ")
    page.locator(".unit").nth(2).click()
    assert page.input_value("#into") == "0,0"


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (768, "dark"), (1280, "light")])
def test_nothing_is_wider_than_the_screen(playground, width, scheme):
    page = playground.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    playground.open("hidden=8-8-8-8-8-8&activation=relu", epochs=3)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
