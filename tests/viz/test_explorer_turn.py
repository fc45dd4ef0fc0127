"""Your turn: the explorer asks for a number before it shows it, and says what is wrong."""

import re

import numpy as np
import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


class Turn:
    """A page that asks, as a reader uses it with the keyboard."""

    def __init__(self, page):
        self.page = page

    def go_to(self, heading):
        """Go to a step by its heading."""
        titles = [
            re.search("<h2>(.*?)</h2>", step["html"])[1] for step in self.page.data()["steps"]
        ]
        plain = [re.sub("<.*?>", "", title) for title in titles]
        self.page.page.fill("#slider", str(plain.index(heading)))
        return self

    def answer(self, *numbers):
        """Write numbers into the fields, press Enter, and read what is said."""
        fields = self.page.page.locator("#story input")
        assert fields.count() == len(numbers)
        for i, number in enumerate(numbers):
            fields.nth(i).fill(str(number))
        self.page.press("Enter")
        return self.page.page.inner_text("#story .says")

    @property
    def labels(self):
        return [text.strip() for text in self.page.page.locator(".turn label").all_inner_texts()]

    @property
    def is_open(self):
        return self.page.page.locator(".turn").count() == 1


@pytest.fixture(scope="module")
def layer():
    """A layer with numbers that come out even, and all gradients."""
    x = tg.Tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0], [2.0, 0.25]], name="x")
    W = tg.Tensor([[0.5, -1.0], [0.25, 2.0]], requires_grad=True, name="W")
    b = tg.Tensor([0.5, -0.25], requires_grad=True, name="b")
    z = x @ W + b
    h = z * z
    loss = h.sum() / 3.0 + tg.tanh(b).sum()
    W_grad, b_grad = (np.asarray(g) for g in tg.gradients(loss, [W, b]))
    return tg.explore(loss), {"x": x, "W": W, "b": b, "z": z, "h": h}, W_grad, b_grad


@pytest.fixture
def turn(open_page, layer):
    page = open_page(layer[0])
    page.press("t")
    return Turn(page)


def test_every_kind_of_feedback(turn, layer):
    _, named, W_grad, _ = layer
    turn.go_to("From t1 to W")
    assert turn.labels == [f"∂loss/∂W[{i}, {j}] =" for i in (0, 1) for j in (0, 1)]
    right = W_grad.ravel()
    said = {
        "The sign is wrong.": -right,
        "It is 2 times too large.": 2 * right,
        "It is 4 times too small, as if a mean were taken of what is to be added up.": right / 4,
        "It is transposed.": W_grad.T.ravel(),
        "That is its value, not its gradient.": named["W"].data.ravel(),
        "Right but for ∂loss/∂W[0, 1].": np.add(right, [0, 50, 0, 0]),
        "Right but for ∂loss/∂W[0, 0] and ∂loss/∂W[1, 1].": np.add(right, [70, 0, 0, 50]),
        "Close, but not near enough: use more digits.": right * 1.03,
        "It is not right.": np.add(right, [10, 20, 30, 40]),
        "That is no number: write it as −0.25, 1e-3 or −1/4.": ["a", 0, 0, 0],
    }
    assert {sentence: turn.answer(*given) for sentence, given in said.items()} == {
        sentence: sentence for sentence in said
    }
    assert turn.is_open
    rounded = [f"{number:.3g}" for number in right]
    assert turn.answer(*rounded).startswith("Right. 1 of ")
    assert not turn.is_open


def test_feedback_about_the_way_back(turn, layer):
    _, named, _, b_grad = layer
    z, tanh = named["z"].data, 1 - np.tanh(named["b"].data) ** 2
    turn.go_to("From t4 to b")
    assert turn.labels == ["to b[0] =", "to b[1] ="]
    arrives = "That is what arrives; the rule of this operation makes something else of it."
    assert turn.answer(1, 1) == arrives
    assert turn.answer(*tanh).startswith("Right.")
    turn.go_to("From z to b")
    whole = "That is the whole sum; what comes over this edge is one of its terms."
    assert turn.answer(*b_grad) == whole
    sample = "That is what one sample brings: all of them are added up."
    assert turn.answer(*(2 * z[1] / 3)) == sample
    assert turn.answer(*(2 * z.sum(axis=0) / 3)).startswith("Right.")


def test_the_slope_alone(open_page):
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    y = tg.tanh(x)
    loss = y * 3.0
    page = open_page(tg.explore(loss))
    page.press("t")
    turn = Turn(page).go_to("From y to x")
    label = page.page.locator(".edge.now text")
    assert label.count() == 1
    assert label.is_hidden()
    slope = 1 - np.tanh(0.5) ** 2
    assert turn.answer(slope) == "That is the slope of tanh alone, without what arrives there."
    assert (
        turn.answer("3")
        == "That is what arrives; the rule of this operation makes something else of it."
    )
    assert turn.answer(str(3 * slope).replace(".", ",")).startswith("Right.")
    assert label.is_visible()


def test_values_are_asked_on_the_way_forward(turn, layer):
    _, named, _, _ = layer
    turn.go_to("z = t1 + b")
    place = np.unravel_index(abs(named["z"].data).argmax(), (4, 2))
    assert turn.labels == [f"z[{place[0]}, {place[1]}] ="]
    value = named["z"].data[place]
    t1 = value - named["b"].data[place[1]]
    assert turn.answer(t1) == "That is t1, from which it is computed."
    assert turn.answer(-value) == "The sign is wrong."
    assert turn.answer(f"−{4 * abs(value)}/4" if value < 0 else f"{4 * value}/4").startswith(
        "Right"
    )


def test_what_is_asked_is_seen_nowhere(turn, layer):
    page, named = turn.page, layer[1]
    turn.go_to("z = t1 + b")
    z = page.key("z")
    number = page.shown(named["z"].data)[0]
    assert page.card(z, "value") is None
    assert f"{number:g}" not in page.page.inner_text("#story")
    assert "value" not in page.page.get_attribute(f"#{z}", "aria-label")
    page.page.hover(f"#{z}")
    assert page.page.locator("#details pre").count() == 0
    page.page.mouse.move(5, 790)
    page.page.click("text=show it")
    assert page.card(z, "value") == page.shown(named["z"].data)
    turn.go_to("From t1 to W")
    W = page.key("W")
    assert page.card(W, "grad") is None
    assert "gradient" not in page.page.get_attribute(f"#{W}", "aria-label")
    page.press("Escape", "t")  # no more questions: all is shown
    assert page.card(W, "grad") == page.shown(layer[2])
    assert page.page.locator("#story .answer").is_visible()
    page.press("t")
    assert page.card(W, "grad") is None
    page.press("Escape", "ArrowRight")  # whoever goes on sees it
    assert page.card(W, "grad") == page.shown(layer[2])


def test_by_keyboard_alone(turn):
    page = turn.page
    assert page.page.get_attribute("#turn", "aria-pressed") == "true"
    first = page.step
    assert turn.is_open
    size = page.page.get_attribute("#picture > svg > g", "transform")
    page.page.keyboard.type("-0+=1")  # these keys zoom, but not in a field
    page.press("ArrowLeft", "Home")
    assert page.page.input_value("#story input") == "-0+=1"
    assert (page.step, page.page.get_attribute("#picture > svg > g", "transform")) == (first, size)
    page.press("Escape", "ArrowRight")
    assert page.step == first + 1
    page.press("Tab", "Tab")  # past "check" to "show it"
    page.press("Enter")
    assert page.page.inner_text("#story .says").startswith("Shown. 0 of ")
    page.press("Enter")  # go on
    assert page.step == first + 2
    assert turn.is_open
    turn.go_to("From t1 to W")
    for _ in range(5):
        page.press("Tab")
    assert page.page.evaluate("document.activeElement.textContent") == "hint"
    assert page.page.locator(".turn .math").is_hidden()
    page.press("Space")
    assert page.page.locator(".turn .math").is_visible()


def test_a_movie_waits_for_an_answer(turn):
    page = turn.page
    page.page.select_option("#speed", "4")
    page.page.focus("#story")
    page.press("Home", "Space")
    page.wait_for_step(lambda step: step == 1)
    page.page.wait_for_timeout(900)
    assert page.step == 1
    assert page.page.get_attribute("#play", "aria-label") == "Play"


def test_by_touch(browser, layer, tmp_path):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(layer[0].save(tmp_path / "page.html").as_uri())
    page.tap("#turn")
    assert page.evaluate("document.activeElement.tagName") != "INPUT"  # no keys on the screen yet
    page.tap("text=show it")
    page.tap("text=go on")
    page.fill("#story input >> nth=0", "1e9")
    page.tap("text=check")
    assert page.inner_text("#story .says") == "It is not right."
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_who_does_not_see_it_hears_it(turn):
    page = turn.page.page
    turn.go_to("From t1 to W")
    assert page.get_attribute("#story .says", "role") == "status"
    names = page.locator("#story input").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert names[0] == "∂loss/∂W[0, 0]"
    assert page.get_attribute("#turn", "aria-label") == "Your turn"


def test_nothing_is_asked_where_the_numbers_cannot_be_seen(open_page):
    x = tg.Tensor(np.linspace(-1, 1, 100), requires_grad=True, name="x")
    page = open_page(tg.explore(tg.exp(x).sum()))
    assert page.data()["questions"] == {}
    assert page.page.is_hidden("#turn")
    y = tg.Tensor(0.0, requires_grad=True, name="y")
    with np.errstate(all="ignore"):
        page = open_page(tg.explore(1.0 / y))  # infinite: no number to be asked for
    assert page.data()["questions"] == {}
