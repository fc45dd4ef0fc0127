"""The page on which backpropagation can be followed, read in a real browser."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# --------------------------------------------------------------------------------------
# The browser
# --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no browser can be driven: pip install playwright"
    )
    program = next(
        filter(None, map(shutil.which, ["chromium", "chromium-browser", "chrome"])), None
    )
    if program is None:
        pytest.skip("there is no Chromium on PATH; on Debian: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class Page:
    """A page as a reader sees it."""

    def __init__(self, page):
        self.page = page

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def step(self):
        return int(re.match(r"step (\d+) of", self.page.inner_text("#count"))[1])

    @property
    def last(self):
        return int(re.search(r"of (\d+)", self.page.inner_text("#count"))[1])

    def wait_for_step(self, condition):
        for _ in range(100):
            if condition(self.step):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"still at step {self.step}")

    @property
    def heading(self):
        return self.page.inner_text("#story h2")

    def numbers(self, css):
        """Read the numbers in each formula of the story."""
        found = self.page.locator(css).evaluate_all(
            "all => all.map(e => [...e.querySelectorAll('mn')]"
            ".filter(n => !n.closest('msub') && !n.closest('msup > :last-child'))"
            ".map(n => n.textContent))"
        )
        return [[float(n.replace("−", "-")) for n in numbers] for numbers in found]

    def card(self, key, row):
        """Read the numbers that are seen in a row of a card."""
        group = self.page.locator(f"#a_{key}-{row}")
        if not group.count() or group.evaluate("e => getComputedStyle(e).visibility") == "hidden":
            return None
        return [float(text) for text in group.locator("text").all_text_contents()]

    def data(self):
        return json.loads(self.page.inner_text("#data") or self.page.text_content("#data"))

    def key(self, name):
        """Find the node with a name."""
        return next(
            key for key, node in self.data()["nodes"].items() if node["label"].split()[0] == name
        )

    def classes(self, key):
        return set(self.page.get_attribute(f"#{key}", "class").split())


@pytest.fixture
def open_page(browser, tmp_path):
    """Open an explorer; in the end nothing was logged, and nothing was asked of a network."""
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    complaints, requests = [], []

    def open_page(explorer, fragment="", **options):
        path = explorer.save(tmp_path / "backprop.html")
        page = context.new_page(**options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + fragment)
        return Page(page)

    yield open_page
    context.close()
    assert complaints == []
    assert {url.partition("#")[0] for url in requests} <= {(tmp_path / "backprop.html").as_uri()}


# --------------------------------------------------------------------------------------
# The network whose story is told
# --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(seed=0)
    shapes = {"W1": (2, 3), "b1": (3,), "W2": (3, 1), "b2": (1,)}
    parameters = {
        name: tg.Tensor(rng.normal(size=shape), requires_grad=True, name=name)
        for name, shape in shapes.items()
    }
    x = tg.Tensor(rng.normal(size=(4, 2)), name="x")
    recorded = {}

    def mlp(x):
        W1, b1, W2, b2 = parameters.values()
        a = x @ W1
        z = a + b1
        h = tg.tanh(z)
        o = h @ W2
        error = o + b2
        square = error * error
        recorded.update(a=a, z=z, h=h, o=o, error=error, square=square)
        return square.mean()

    explorer = tg.explore(mlp, x)
    loss = mlp(x)
    for tensor in recorded.values():
        tensor.retain_grad()
    loss.backward()
    return explorer, {**parameters, "x": x, **recorded, "L": loss}


@pytest.fixture
def page(open_page, network):
    return open_page(network[0])


def shown(array):
    """Round as the page does."""
    digits = 4 if np.ndim(array) == 0 else 3
    return [float(f"{value:.{digits}g}") for value in np.ravel(array)]


# --------------------------------------------------------------------------------------
# The story
# --------------------------------------------------------------------------------------


def test_the_whole_story_says_what_the_engine_computes(page, network):
    tensors = network[1]
    operations = [name for name, t in tensors.items() if not t.is_leaf]
    arrived, phases = {}, []
    for step in range(page.last + 1):
        assert page.step == step
        phase = page.data()["steps"][step]["phase"]
        phases.append(phase)
        if phase == "forward":
            name = page.heading.split()[0]
            assert name == operations[step - 1]
            assert page.numbers("#story .math")[-1][-tensors[name].size :] == shown(
                tensors[name].data
            )
            assert page.card(page.key(name), "value") == shown(tensors[name].data)
        elif phase == "backward":
            node, parent = re.fullmatch(r"From (\w+) to (\w+)", page.heading).groups()
            check_contribution(page, tensors, node, parent, arrived)
        page.press("ArrowRight")
    assert phases == ["given", *["forward"] * 7, "seed", *["backward"] * 11, "end"]
    for name, total in arrived.items():
        if tensors[name].requires_grad:
            np.testing.assert_allclose(total, tensors[name].grad, rtol=1e-12)
    assert arrived.keys() == tensors.keys() - {"L", "x"}


def check_contribution(page, tensors, node, parent, arrived):
    """Compare one step backward with the node's own closure, called by hand."""
    tensor, target = tensors[node], tensors[parent]
    incoming = np.ones(()) if node == "L" else tensor.grad
    formulas = page.numbers("#story .math")
    assert formulas[0] == shown(incoming)
    positions = [i for i, x in enumerate(tensor._inputs) if x is target]
    before = arrived.get(parent)
    contribution = tensor._closures[positions[0 if before is None else -1]](incoming)
    fitted = contribution
    while fitted.shape != target.shape:  # undo broadcasting, an axis at a time
        fitted = fitted.sum(axis=0)
    after = fitted if before is None else before + fitted
    arrived[parent] = after
    result = formulas[3] if contribution.ndim else formulas[2][-1:]
    assert result == shown(contribution)
    assert formulas[-1][-after.size :] == shown(after)
    if before is not None:
        assert formulas[-2] == [*shown(before), *shown(fitted)]
        assert "+=" in page.page.inner_text("#story")
    assert page.card(page.key(parent), "grad") == shown(after)


def test_the_numbers_of_a_formula_are_in_their_places(open_page):
    def f(x, w):
        return tg.tanh(w * x)

    page = open_page(tg.explore(f, 0.5, -2.0), "#step=2")
    assert page.heading == "L = tanh(t1)"
    assert page.numbers("#story .math")[-1] == [-1, shown(np.tanh(-1.0))[0]]
    page.press("ArrowRight", "ArrowRight")
    slope = 1 - np.tanh(-1.0) ** 2
    # g * (1 - y**2), in which the exponent is not counted
    assert page.numbers("#story .math")[2] == [1, 1, shown(np.tanh(-1.0))[0], shown(slope)[0]]


def test_what_is_not_known_yet_is_not_shown(page):
    h, b1 = page.key("h"), page.key("b1")
    assert page.card(h, "value") is None
    assert "later" in page.classes(h)
    assert page.card(b1, "value") is not None
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert page.heading.startswith("h =")
    assert page.card(h, "value") is not None
    assert "now" in page.classes(h)
    assert page.card(h, "grad") is None
    page.press("End")
    assert None not in (page.card(h, "grad"), page.card(b1, "grad"))
    page.press("Home")
    assert (page.card(h, "value"), page.card(b1, "grad")) == (None, None)


def test_broadcasting_and_transposes_are_explained(page):
    def story():
        return page.page.inner_text("#story")

    page.page.goto(page.page.url.partition("#")[0] + "#step=2")
    assert "b1 of shape (3,) is broadcast to (4, 3): each of its numbers is used 4 times" in story()
    said = {}
    while page.step < page.last:
        said[page.heading] = story()
        page.press("ArrowRight")
    assert "summed over axis 0" in said["From z to b1"]
    assert "summed" not in said["From z to a"]
    assert "(3, 4) @ (4, 1) gives (3, 1)" in said["From o to W2"]
    assert "used more than once" in said["From square to error"]


def test_the_line_of_the_program_is_shown(page):
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert page.page.inner_text(".source figcaption").startswith("test_explorer.py, line ")
    assert page.page.inner_text(".source code") == "h = tg.tanh(z)"
    assert page.page.inner_text(".source mark") == "tg.tanh(z)"


def test_debug_captures_the_line_too(open_page):
    with tg.debug():
        x = tg.Tensor(0.5, requires_grad=True, name="x")
        y = tg.tanh(x * 2.0)
    page = open_page(tg.explore(y), "#step=1")
    assert page.page.inner_text(".source code") == "y = tg.tanh(x * 2.0)"
    assert page.page.inner_text(".source mark") == "x * 2.0"


def test_exploring_under_debug_still_finds_a_nan():
    with np.errstate(all="ignore"), tg.debug(), pytest.raises(FloatingPointError, match="log"):
        tg.explore(tg.log, -1.0)


def test_the_end_has_all_gradients(page, network):
    page.press("End")
    rows = page.page.locator("#story tr").all_inner_texts()
    assert {row.split("\t")[0] for row in rows} == {"W1", "b1", "W2", "b2"}
    tensors = network[1]
    for row in rows:
        name, _, numbers = row.split("\t")
        assert [float(n) for n in numbers.split(", ")] == shown(tensors[name].grad)


def test_large_arrays_are_told_in_short(open_page):
    x = tg.Tensor(np.arange(1000.0).reshape(100, 10), requires_grad=True, name="x")
    explorer = tg.explore((x * x).mean())
    assert len(explorer.html) < 100_000
    page = open_page(explorer, "#step=1")
    told = page.page.locator("#story mtable.outline mtext").all_text_contents()
    assert told == ["(100, 10)", "0 … 1e+06", "mean 3.3e+05"]
    page.page.hover(f"#{page.key('x')}")
    assert "..." in page.page.inner_text("#details pre")


def test_a_folded_scope_is_told_as_one(open_page):
    def f(x):
        with tg.scope("block"):
            h = tg.tanh(x * 2.0 + 1.0)
        return (h * h + x).sum()

    explorer = tg.explore(f, np.array([0.1, 0.2]), depth=0)
    page = open_page(explorer, "#step=1")
    assert page.heading == "block, folded"
    assert "3 operations: 1 *, 1 +, 1 tanh" in page.page.inner_text("#story")
    headings = []
    while page.step < page.last:
        page.press("ArrowRight")
        headings.append(page.heading)
    assert headings[-6:] == [
        "From t4 to t3",
        "From t4 to x",
        "From t3 to h",
        "From t3 to h",
        "From t1 to x",
        "What came back",
    ]


# --------------------------------------------------------------------------------------
# Ways through it
# --------------------------------------------------------------------------------------


def test_keys(page):
    steps = []
    for key in ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "ArrowLeft"]:
        page.press(key)
        steps.append(page.step)
    assert steps == [1, 2, 1, page.last, page.last, 0, 0]


def test_buttons(page):
    steps = []
    for button in ["forward", "forward", "back", "last", "first"]:
        page.page.click(f"#{button}")
        steps.append(page.step)
    assert steps == [1, 2, 1, page.last, 0]


def test_the_slider(page):
    page.page.focus("#slider")
    page.press("ArrowRight")
    assert page.step == 1  # once, not once for the slider and once for the page
    page.page.fill("#slider", "7")
    assert page.step == 7


def test_keys_with_a_use_of_their_own_are_left_alone(page):
    page.page.focus("#speed")
    page.press("ArrowRight")
    assert page.step == 0
    page.page.focus("#forward")
    page.press("Space")
    assert page.step == 1
    assert page.page.get_attribute("#play", "aria-label") == "Play"
    page.press("Control+ArrowRight")
    assert page.step == 1


def test_the_address_says_the_step(page, open_page, network):
    page.press("ArrowRight", "ArrowRight")
    assert page.page.url.endswith("#step=2")
    assert open_page(network[0], "#step=5").step == 5
    assert open_page(network[0], "#step=999").step == page.last
    assert open_page(network[0], "#nonsense").step == 0
    page.page.evaluate("location.hash = '#step=9'")
    page.wait_for_step(lambda step: step == 9)


def test_playing(page):
    page.page.select_option("#speed", "4")
    page.page.evaluate("document.activeElement.blur()")
    page.press("Space")
    assert page.page.get_attribute("#play", "aria-label") == "Pause"
    page.wait_for_step(lambda step: step >= 2)
    page.press("Space")
    stopped = page.step
    page.page.wait_for_timeout(600)
    assert page.step == stopped
    page.page.fill("#slider", str(page.last - 1))
    page.page.click("#play")
    page.wait_for_step(lambda step: step == page.last)
    assert page.page.get_attribute("#play", "aria-label") == "Play"
    page.page.click("#play")  # at the end it starts again
    assert page.step == 0


def test_a_click_on_a_node_goes_to_its_steps(page):
    h = page.key("h")
    page.page.click(f"#{h}")
    assert page.heading == "h = tanh(z)"
    page.page.click(f"#{h}")
    assert page.heading == "From o to h"
    page.page.click(f"#{h}")
    assert page.heading == "h = tanh(z)"


def test_a_click_on_an_edge_goes_to_its_steps(page):
    edge = next(
        edge for edge, ends in page.data()["edges"].items() if ends["target"] == page.key("h")
    )
    page.page.locator(f"#{edge} polygon").click()
    assert page.heading == "h = tanh(z)"
    assert "now" in page.classes(edge)
    page.page.locator(f"#{edge} polygon").click()
    assert page.heading == "From h to z"


def test_nodes_by_keyboard(page):
    page.page.focus(f"#{page.key('h')}")
    assert "h = tanh(z)" in page.page.inner_text("#details")
    page.press("Enter")
    assert page.heading == "h = tanh(z)"


def test_pointing_at_a_node_shows_its_arrays(page, network):
    W1 = page.key("W1")
    assert page.page.is_hidden("#details")
    page.page.hover(f"#{W1}")
    details = page.page.inner_text("#details")
    assert "W1 is parameter, (2, 3) float64" in details
    assert str(np.array2string(network[1]["W1"].data, precision=4)) in details
    assert "not complete yet" in details
    page.page.mouse.move(5, 790)
    assert page.page.is_hidden("#details")
    page.page.hover(f"#{page.key('h')}")
    assert page.page.locator("#details pre").count() == 0  # it is not computed yet
    page.press("End")
    page.page.hover(f"#{W1}")
    assert np.array2string(network[1]["W1"].grad, precision=4) in page.page.inner_text("#details")


def test_zoom_and_pan(page):
    def view():
        return [float(x) for x in page.page.get_attribute("#picture > svg", "viewBox").split()]

    before = view()
    page.press("+")
    assert view()[2] == pytest.approx(before[2] / 1.25, rel=1e-3)
    page.press("-")
    assert view() == pytest.approx(before, rel=1e-3)
    page.page.mouse.move(200, 700)
    page.page.mouse.down()
    page.page.mouse.move(150, 660)
    page.page.mouse.up()
    assert view()[0] - before[0] == pytest.approx(50 * before[2] / page_width(page), rel=0.05)
    page.page.mouse.wheel(0, -200)
    page.page.wait_for_timeout(100)
    assert view()[2] < before[2]
    page.press("0")
    boxes = page.page.evaluate(
        "[...document.querySelectorAll('.node')].map(e => e.getBoundingClientRect().toJSON())"
    )
    assert min(b["left"] for b in boxes) >= 0
    assert max(b["right"] for b in boxes) <= page_width(page)


def page_width(page):
    return page.page.evaluate("document.getElementById('picture').clientWidth")


def test_what_happens_is_brought_into_sight(open_page):
    y = tg.Tensor(0.3, requires_grad=True, name="x")
    for _ in range(30):
        y = tg.sin(y)
    page = open_page(tg.explore(y))
    for step in (1, 15, 31, 33, 45, page.last - 1):
        page.page.fill("#slider", str(step))
        boxes = page.page.locator(".now").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().toJSON())"
        )
        assert boxes
        assert all(box["left"] >= 0 and box["right"] <= page_width(page) for box in boxes)


# --------------------------------------------------------------------------------------
# For everybody
# --------------------------------------------------------------------------------------


def test_everything_to_operate_has_a_name(page):
    unnamed = page.page.evaluate(
        "[...document.querySelectorAll('button, input, [role=button], [role=toolbar]')]"
        ".filter(e => !e.getAttribute('aria-label')).map(e => e.outerHTML)"
    )
    assert unnamed == []
    assert page.page.get_attribute("#story", "aria-live") == "polite"
    roles = page.page.locator(".node").evaluate_all("all => all.map(e => [e.role, e.tabIndex])")
    assert roles == [["button", 0]] * len(roles)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page, scheme):
    page.page.emulate_media(color_scheme=scheme)
    page.press("End", "ArrowLeft")
    page.page.wait_for_timeout(300)  # for what fades
    ground = color(page, "body", "backgroundColor")
    assert (luminance(ground) < 0.1) == (scheme == "dark")
    for css in ["#story h2", "#story h3", "#story p", "#count", "#story mn"]:
        assert contrast(color(page, css, "color"), ground) >= 4.5
    for node in page.page.locator(".node").all()[:6]:
        card = node.locator("a > :first-child").first.evaluate("e => getComputedStyle(e).fill")
        ink = node.locator("text").last.evaluate("e => getComputedStyle(e).fill")
        assert contrast(rgb(ink), rgb(card)) >= 4.5


def color(page, css, attribute):
    return rgb(page.page.locator(css).first.evaluate(f"e => getComputedStyle(e).{attribute}"))


def rgb(css):
    return [int(n) / 255 for n in re.findall(r"\d+", css)[:3]]


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(a, b):
    dark, light = sorted(map(luminance, (a, b)))
    return (light + 0.05) / (dark + 0.05)


def test_a_narrow_screen_has_graph_and_story_below_each_other(page):
    page.page.set_viewport_size({"width": 420, "height": 800})
    graph = page.page.locator("#picture").bounding_box()
    story = page.page.locator("#story").bounding_box()
    assert story["y"] >= graph["y"] + graph["height"]
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 420


def test_print_shows_the_whole_graph_and_no_controls(page):
    page.page.emulate_media(media="print")
    assert page.page.is_hidden(".controls")
    assert page.page.is_visible("#story")
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    boxes = [node.bounding_box() for node in page.page.locator(".node").all()]
    assert min(box["x"] for box in boxes) >= 0
    assert max(box["x"] + box["width"] for box in boxes) <= page_width(page)


def test_three_hundred_nodes_stay_fluid(open_page):
    y = tg.Tensor(np.full((3, 3), 0.3), requires_grad=True, name="x")
    bits = [i.bit_count() % 2 for i in range(600)]
    for i in range(290):
        y = (tg.sin, tg.cos, tg.tanh)[1 + bits[i + 1] - bits[i]](y)
    page = open_page(tg.explore(y.sum()))
    assert len(page.data()["nodes"]) > 290
    milliseconds = page.page.evaluate(
        """() => {
            const start = performance.now();
            for (let i = 0; i < 50; i++) document.getElementById("forward").click();
            document.body.getBoundingClientRect();
            return (performance.now() - start) / 50;
        }"""
    )
    assert milliseconds < 200  # at the highest speed a step is seen for 400


# --------------------------------------------------------------------------------------
# The file
# --------------------------------------------------------------------------------------


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
    assert y.grad is None


def test_where_the_page_is_written(tmp_path):
    y = tg.sin(tg.Tensor(2.0, requires_grad=True))
    explorer = tg.explore(y, tmp_path / "a.html")
    tg.explore(y, path=str(tmp_path / "b.html"))
    tg.explore(tg.sin, 2.0, path=tmp_path / "c.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == explorer.html
    assert (tmp_path / "b.html").read_text(encoding="utf-8") == explorer.html
    assert "<title>Backpropagation through sin</title>" in (tmp_path / "c.html").read_text("utf-8")


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
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        tg.explore(*arguments)


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
