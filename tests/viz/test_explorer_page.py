"""Ways through the explorer, and for whom, tried in a real browser."""

import re

import numpy as np
import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

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
    assert view()[0] - before[0] == pytest.approx(50 * before[2] / page.width, rel=0.05)
    page.page.mouse.wheel(0, -200)
    page.page.wait_for_timeout(100)
    assert view()[2] < before[2]
    page.press("0")
    boxes = page.page.evaluate(
        "[...document.querySelectorAll('.node')].map(e => e.getBoundingClientRect().toJSON())"
    )
    assert min(b["left"] for b in boxes) >= 0
    assert max(b["right"] for b in boxes) <= page.width


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
        assert all(box["left"] >= 0 and box["right"] <= page.width for box in boxes)


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
    assert max(box["x"] + box["width"] for box in boxes) <= page.width


def test_three_hundred_nodes_are_walked_through_to_the_end(open_page):
    y = tg.Tensor(np.full((3, 3), 0.3), requires_grad=True, name="x")
    bits = [i.bit_count() % 2 for i in range(600)]
    for i in range(290):
        y = (tg.sin, tg.cos, tg.tanh)[1 + bits[i + 1] - bits[i]](y)
    page = open_page(tg.explore(y.sum()))
    assert len(page.data()["nodes"]) > 290
    assert page.last > 2 * 290  # every node forward, and every edge backward
    page.press("End")
    assert page.step == page.last
    page.press("Home", "ArrowRight")
    assert page.step == 1
