"""Explorers whose numbers can be changed, in a real browser, and what a notebook answers them."""

import json
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz import pages
from tinygrad_edu.viz.arrays import number, texts

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

# --------------------------------------------------------------------------------------
# Computations
# --------------------------------------------------------------------------------------


def neuron(x, w, b):
    return (tg.sigmoid(x @ w + b) - 1.0) ** 2 * 0.5


def twice(x):
    """A number that is used several times, products of numbers of either sign, and a kink."""
    y = x * x + x
    return tg.relu(y) * x - tg.maximum(y, 0.5)


def spread(x):
    """A single number that is broadcast, and the sum of what comes back to its copies."""
    return (x / (x.sum() + 0.1)).std()


def network(X, W, b, v):
    hidden = tg.tanh(X @ W + b)
    return tg.sigmoid_cross_entropy(hidden @ v, np.array([0.0, 1.0, 1.0])).sum()


def attention(x, w):
    scores = tg.softmax(x @ w, axis=-1)
    return (scores @ x).mean() + tg.log(tg.exp(x).sum())


def large(X, w):
    """Arrays of which only the distribution is shown."""
    return tg.mean_squared_error(tg.tanh(X) @ w, np.zeros(6))


def drawn(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


COMPUTATIONS = {
    "neuron": (neuron, drawn((2,), (2,), ())),
    "twice": (twice, [0.7]),
    "spread": (spread, drawn((3,))),
    "network": (network, drawn((3, 2), (2, 3), (3,), (3,))),
    "attention": (attention, drawn((3, 2), (2, 3))),
    "large": (large, drawn((6, 5), (5,))),
}

# --------------------------------------------------------------------------------------
# What a page shows
# --------------------------------------------------------------------------------------

SET = """numbers => {
  document.getElementById("live").open = true;
  document.querySelectorAll("#names button").forEach(button => button.click());
  document.querySelectorAll("#leaves fieldset").forEach((group, leaf) => {
    const hidden = group.hidden;
    group.hidden = false;
    group.querySelectorAll("input").forEach((field, i) => {
      field.focus();
      field.value = numbers[leaf][i];
      field.dispatchEvent(new Event("input"));
    });
    group.hidden = hidden;
  });
  document.activeElement.blur();
}"""

SEEN = """async () => {
  const seen = element => element.nodeType === Node.TEXT_NODE ? element.textContent
    : element.hasAttribute("hidden") || element.matches(".flag, .kept, form") ? ""
    : [...element.childNodes].map(seen).join(" ");
  const texts = css => [...document.querySelectorAll(css)].map(e => e.textContent);
  const slider = document.getElementById("slider");
  const steps = [];
  for (let i = 0; i <= slider.max; i++) {
    slider.value = i;
    slider.dispatchEvent(new Event("input"));
    steps.push({
      story: seen(document.getElementById("story")).replace(/\\s+/g, " ").trim(),
      values: texts("[id$=-value]:not([id$=-flag]) text"),
      gradients: texts("[id$=-grad]:not(.unknown) text"),
      slopes: texts(".edge text"),
      paths: seen(document.getElementById("ways")),
    });
  }
  return steps;
}"""


@pytest.mark.parametrize(
    ("name", "scales"),
    [
        ("neuron", [5.0, 0.0]),
        ("twice", [3.0]),
        ("spread", [3.0]),
        ("network", [5.0]),
        ("attention", [1.0]),
        ("large", [3.0]),
    ],
)
def test_a_live_page_shows_what_a_new_page_would(open_page, name, scales):
    function, start = COMPUTATIONS[name]
    live = open_page(tg.explore(function, *start, live=True))
    rng = np.random.default_rng(1)
    for scale in scales:
        given = [scale * rng.normal(size=np.shape(x)) for x in start]
        live.page.evaluate(SET, [np.ravel(x).tolist() for x in given])
        live.page.wait_for_timeout(50)
        fresh = open_page(tg.explore(function, *given))
        for shown, expected in zip(
            live.page.evaluate(SEEN), fresh.page.evaluate(SEEN), strict=True
        ):
            assert shown == expected


def test_numbers_are_written_as_python_writes_them(browser):
    rng = np.random.default_rng(0)
    halves = rng.integers(-(10**6), 10**6, size=2000) / 2.0 ** rng.integers(0, 20, size=2000)
    numbers = [
        *halves.tolist(),
        *(rng.normal(size=3000) * 10.0 ** rng.integers(-12, 12, size=3000)).tolist(),
        *rng.integers(-(10**6), 10**6, size=500).astype(float).tolist(),
        *(1 + rng.normal(size=100) * 1e-6).tolist(),
        *[0.0, -0.0, 0.5, 1.5, 2.5, 999.5, 99999.5, 1e5, 1e300, 5e-324, 0.00012345, 1.005],
    ]
    script = pages.part("tinygrad_edu.viz.explorer", "script/numbers.js")
    page = browser.new_page()
    for digits in (2, 3, 4):
        shown = page.evaluate(
            f"numbers => {{ {script}; return numbers.map(x => number(Number(x), {digits})); }}",
            list(map(repr, numbers)),
        )
        assert shown == [number(x, digits) for x in numbers]
    arrays = [rng.normal(size=shape) for shape in [(), (3,), (4, 4), (5,), (6, 7), (2, 2, 2)]]
    arrays += [np.array([np.nan, 1.0, -np.inf, *range(20)]), np.full(30, np.nan), np.zeros(0)]
    shown = page.evaluate(
        f"all => {{ {script}; return all.map(([x, shape]) => texts(x.map(Number), shape)); }}",
        [[words(x), x.shape] for x in arrays],
    )
    assert shown == list(map(texts, arrays))
    page.close()


def words(array):
    """Write an array as JavaScript reads it."""
    return [str(x).replace("inf", "Infinity").replace("nan", "NaN") for x in np.ravel(array)]


# --------------------------------------------------------------------------------------
# Moves
# --------------------------------------------------------------------------------------


def squares(x, w):
    return ((x * w - 1.0) ** 2).sum()


@pytest.fixture
def moving(open_page):
    return open_page(tg.explore(squares, np.array([1.0, 2.0]), np.array([0.5, -1.5]), live=True))


def report(page):
    """Read what came of a move, in words and numbers."""
    page.page.wait_for_timeout(30)
    facts = page.page.locator("#report > span").all_inner_texts()
    return dict(fact.replace("−", "-").rsplit(" ", 1) for fact in facts if "→" not in fact)


def output(page):
    page.page.wait_for_timeout(30)
    return page.page.inner_text("#report b").replace("−", "-").split(" → ")[-1]


def test_a_nudge_is_compared_with_the_gradient(moving):
    moving.page.focus("[aria-label='w[1]']")
    moving.page.fill("#by", "0.001")
    moving.page.click("#nudge")
    before = squares(np.array([1.0, 2.0]), np.array([0.5, -1.5]))
    after = squares(np.array([1.0, 2.0]), np.array([0.5, -1.499]))
    told = report(moving)
    assert told["ΔL / Δw[1]"] == number((after - before) / 0.001, 4)
    assert told["∂L / ∂w[1]"] == "-16"  # 2 (2 * -1.5 - 1) * 2
    assert output(moving) == number(after, 4)


def test_a_step_and_what_was_promised_and_back(moving):
    x, w = np.array([1.0, 2.0]), np.array([0.5, -1.5])
    moving.page.fill("#rate", "0.01")
    outputs = [number(squares(x, w), 4)]
    for _ in range(3):
        before, (gx, gw) = tg.value_and_grad(squares, (0, 1))(x, w)
        x, w = x - 0.01 * gx, w - 0.01 * gw
        after = squares(x, w)
        moving.page.click("#descend")
        told = report(moving)
        assert told["promised"] == number(-0.01 * ((gx**2).sum() + (gw**2).sum()))
        assert told["came"] == number(after - before)
        outputs.append(output(moving))
        assert outputs[-1] == number(after, 4)
    assert moving.page.locator("#curve circle").count() == 4
    for expected in outputs[-2::-1]:
        moving.page.click("#undo")
        assert output(moving) == expected
    assert moving.page.is_disabled("#undo")
    moving.page.click("#descend")
    moving.page.click("#restart")
    assert output(moving) == outputs[0]
    assert moving.page.input_value("[aria-label='w[1]']") == "-1.5"


def test_changes_of_one_number_are_one_move(moving):
    for value in ("0.6", "0.7", "0.8"):
        moving.page.fill("[aria-label='w[0]']", value)
    told = report(moving)
    moved = squares(np.array([1.0]), np.array([0.8])) - squares(np.array([1.0]), np.array([0.5]))
    assert told["ΔL / Δw[0]"] == number(moved / 0.3, 4)
    moving.page.click("#undo")
    assert moving.page.input_value("[aria-label='w[0]']") == "0.5"


def test_the_slider_moves_the_number(moving):
    moving.page.focus("[aria-label='x[1]']")
    moving.page.focus("#amount")
    moving.press("ArrowRight")
    assert float(moving.page.input_value("[aria-label='x[1]']")) == pytest.approx(2.02)
    assert moving.step == 0


def test_by_keyboard_alone(moving):
    moving.page.focus("[aria-label='x[0]']")
    moving.press("ArrowUp")
    assert moving.page.input_value("[aria-label='x[0]']") == "1.1"
    before = moving.page.get_attribute("#picture > svg", "viewBox")
    moving.press("Control+a", "-", "0", ".", "5", "Home", "ArrowRight", "End")
    assert moving.page.input_value("[aria-label='x[0]']") == "-0.5"
    assert moving.step == 0
    assert moving.page.get_attribute("#picture > svg", "viewBox") == before
    reached = set()
    for _ in range(30):
        moving.press("Tab")
        reached.add(moving.page.evaluate("document.activeElement.id"))
    assert {"amount", "nudge", "by", "descend", "rate", "undo", "restart"} <= reached
    moving.page.focus("#descend")
    moving.press("Enter")
    assert "promised" in report(moving)
    moving.page.focus("#live summary")
    moving.press("Space")
    assert not moving.page.is_visible("#descend")


def test_the_story_stays_where_it_is_read(moving):
    moving.page.set_viewport_size({"width": 800, "height": 420})
    moving.page.wait_for_timeout(100)  # when its size has changed, the page shows its step again
    moving.press("End")
    moving.page.evaluate("document.getElementById('story').scrollTop = 40")
    moving.page.click("#descend")
    assert report(moving)
    assert moving.page.evaluate("document.getElementById('story').scrollTop") == 40
    assert moving.step == moving.last


def test_a_row_of_a_batch_can_be_chosen(open_page):
    X, t = np.array([[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]]), np.array([[0.0], [1.0], [2.0]])
    w = tg.Tensor([[0.5], [-1.0]], requires_grad=True)

    def loss(X, t):
        return ((X @ w - t) ** 2).sum()

    page = open_page(tg.explore(loss, X, t, live=True, batch_argnums=(0, 1)))
    for row in (2, 1, 0):
        page.page.fill("#which-row", str(row))
        assert output(page) == number(loss(X[[row]], t[[row]]).item(), 4)


def test_on_a_touch_screen_all_is_large_enough(browser, tmp_path):
    path = tg.explore(squares, np.ones(2), np.ones(2), live=True).save(tmp_path / "live.html")
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(path.as_uri())
    assert not page.is_visible("#descend")  # graph and story have the room
    page.tap("#live summary")
    for element in page.locator("#live :is(button, input, summary)").all():
        if element.is_visible():
            box = element.bounding_box()
            assert min(box["width"], box["height"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.tap("#descend")
    page.wait_for_timeout(50)
    assert "promised" in page.inner_text("#report")
    context.close()


def test_several_do_not_meet(browser, tmp_path):
    frames = [
        tg.explore(squares, np.array([x]), np.array([2.0]), live=True)._repr_html_()
        for x in (1.0, 3.0)
    ]
    path = tmp_path / "two.html"
    path.write_text("".join(frames))
    page = browser.new_page()
    page.goto(path.as_uri())
    first, second = page.frames[1:]
    for frame in (first, second):
        frame.wait_for_selector("#descend")
    second.click("#nudge")
    page.wait_for_timeout(50)
    assert first.inner_text("#report") == "L 1"
    assert second.inner_text("#report").startswith("L 25 →")
    page.close()


# --------------------------------------------------------------------------------------
# Films
# --------------------------------------------------------------------------------------


def test_a_page_of_a_program_that_decides_says_so(open_page):
    def decides(x):
        return tg.where(x > 0, x * x, tg.exp(x)).sum()

    explorer = tg.explore(decides, np.array([1.0, 2.0]), live=True)
    assert "computes something else" in open_page(explorer).page.inner_text("#film")
    answer = ask(explorer, [-1.0, 2.0])  # Python draws it anew
    assert answer["page"] == explorer.html
    value = data(explorer)["arrays"][data(explorer)["root"]]
    assert value == [decides(np.array([-1.0, 2.0]))]


def test_a_page_that_computes_other_numbers_says_so(open_page):
    explorer = tg.explore(squares, np.ones(2), np.full(2, 3.0), live=True)
    explorer.html = explorer.html.replace("np.multiply(", "np.add(")
    page = open_page(explorer)
    page.page.wait_for_selector("#film:not([hidden])")
    assert "other numbers than Python" in page.page.inner_text("#film")
    assert not page.page.is_visible("#live")


def test_a_page_of_large_arrays_only_says_so(open_page):
    page = open_page(tg.explore(tg.mean, np.ones((11, 10)), live=True))
    assert "all arrays are large" in page.page.inner_text("#film")


def last_of_sums(x):
    return tg.cumsum(x)[-1]


def test_a_page_without_a_formula_says_so(open_page):
    page = open_page(tg.explore(last_of_sums, np.ones(2), live=True))
    assert page.page.inner_text("#film") == "This page cannot recompute cumsum: it stays a film."
    assert not page.page.is_visible("#live")
    page.press("End")
    assert page.step == page.last


def test_a_page_that_is_not_live_has_nothing_of_it():
    film = tg.explore(squares, np.ones(2), np.ones(2)).html
    assert 'id="live"' not in film
    assert "data-n" not in film
    assert "const engine" not in film


# --------------------------------------------------------------------------------------
# In a notebook
# --------------------------------------------------------------------------------------


def ask(explorer, *leaves):
    message = {"id": 7, "leaves": [words(x) for x in leaves]}
    return explorer.answer(json.loads(json.dumps(message)))


def data(explorer):
    return json.loads(explorer.html.split('id="data">')[1].split("</script>")[0])["live"]


def test_python_runs_the_function_again():
    explorer = tg.explore(squares, np.ones(2), np.ones(2), live=True)
    x, w = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    answer = ask(explorer, x, w)
    assert answer["id"] == 7
    live = data(explorer)
    value, gradients = tg.value_and_grad(squares, (0, 1))(x, w)
    assert answer["arrays"][live["root"]] == [value]
    for leaf, gradient in zip(live["leaves"], gradients, strict=True):
        assert answer["arrays"][leaf["gradient"]] == gradient.tolist()
    assert answer["arrays"].keys() == live["arrays"].keys()


def test_what_the_function_holds_stays_as_it_is():
    w = tg.Tensor([2.0, 3.0], requires_grad=True, name="w")
    loss = (w * w).sum()

    def compute():
        return (w * w).sum()

    explorers = [tg.explore(compute, live=True), tg.explore(loss, live=True)]
    for explorer in explorers:
        arrays = ask(explorer, [1.0, 5.0])["arrays"]
        assert arrays[data(explorer)["root"]] == [26.0]
    assert w.data.tolist() == [2.0, 3.0]
    assert w.grad is None
    loss.backward()  # the graph is as alive as before
    assert w.grad.tolist() == [4.0, 6.0]


def test_numbers_that_are_not_finite():
    explorer = tg.explore(lambda x: 1.0 / x, 2.0, live=True)
    arrays = ask(explorer, 0.0)["arrays"]
    assert arrays[data(explorer)["root"]] == ["Infinity"]
    assert ask(explorer, np.nan)["arrays"][data(explorer)["root"]] == ["NaN"]


def test_another_computation_is_drawn_anew():
    def f(x, w):
        return tg.tanh(x * w) if x.data > 0 else w * w

    explorer = tg.explore(f, 1.0, 3.0, live=True)
    assert "arrays" in ask(explorer, 2.0, 3.0)
    answer = ask(explorer, -1.0, 4.0)
    assert answer["page"] == explorer.html
    assert [leaf["name"] for leaf in data(explorer)["leaves"]] == ["w"]
    assert ask(explorer, 5.0)["arrays"][data(explorer)["root"]] == [25.0]


def test_a_function_that_fails_is_answered_with_its_error():
    def f(x):
        if x.data > 2:
            raise ValueError("too large")
        return x * x

    assert ask(tg.explore(f, 1.0, live=True), 3.0) == {"id": 7, "error": "ValueError: too large"}


def test_the_widget():
    pytest.importorskip("anywidget", reason="there are no widgets: pip install anywidget")
    explorer = tg.explore(squares, np.ones(2), np.ones(2), live=True)
    widget, sent = explorer.widget, []
    assert widget.page == explorer.html
    widget.send = sent.append
    widget._handle_custom_msg({"id": 1, "leaves": [["0", "0"], ["1", "1"]]}, [])
    assert sent[0]["arrays"][data(explorer)["root"]] == [2.0]
    assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()[0]
    assert explorer._display_() is widget
    widget._handle_custom_msg({"id": 2, "leaves": [["0", "0"], ["1"]]}, [])
    assert "error" in sent[1]


def test_without_widgets_the_page_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "tinygrad_edu.viz.explorer.widget", raising=False)
    explorer = tg.explore(squares, np.ones(2), np.ones(2), live=True)
    assert explorer._repr_mimebundle_()["text/html"] == explorer._repr_html_()
    assert explorer._display_()._repr_html_() == explorer._repr_html_()
    with pytest.raises(ImportError):
        explorer.widget  # noqa: B018 - it is made when it is asked for


@pytest.mark.parametrize(
    ("argnums", "error", "message"),
    [
        (2, ValueError, "positions of the 2 arguments"),
        ((0, 1), ValueError, r"got \[3, 2\]"),
        (-1, ValueError, "positions"),
    ],
)
def test_batches_that_are_none(argnums, error, message):
    with pytest.raises(error, match=message):
        tg.explore(squares, np.ones(3), np.ones(2), live=True, batch_argnums=argnums)
    with pytest.raises(ValueError, match="give live=True"):
        tg.explore(squares, np.ones(3), np.ones(3), batch_argnums=0)
    with pytest.raises(ValueError, match="forward and back"):
        tg.explore(squares, np.ones(3), np.ones(3), mode="forward", live=True)
    with pytest.raises(TypeError, match="argument 0 is to be a batch"):
        tg.explore(squares, 3, np.ones(2), live=True, batch_argnums=0)
