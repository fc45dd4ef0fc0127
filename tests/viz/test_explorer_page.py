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
    page.page.wait_for_url("**#step=2")
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
        transform = page.page.get_attribute("#picture > svg > g", "transform")
        scale, x, y = map(float, re.findall(r"-?[\d.]+(?:e-?\d+)?", transform))
        return [-x, -y, page.width / scale]

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


def test_at_first_all_is_seen_then_what_happens(open_page):
    x = tg.Tensor(0.3, requires_grad=True, name="x")
    y = tg.sin(tg.cos(tg.exp(tg.tanh(x * 2.0))))
    page = open_page(tg.explore(y))
    page.page.set_viewport_size({"width": 700, "height": 600})
    for step in range(page.last + 1):
        css = ".node" if step in (0, page.last) else ".node.now"
        assert outside(page, css) == []
        page.press("ArrowRight")
    page.page.set_viewport_size({"width": 1300, "height": 600})
    page.press("Home")
    assert outside(page, ".node") == []


def outside(page, css):
    """Return those of some nodes that the picture does not show whole."""
    return page.page.evaluate(
        """css => {
          const p = document.getElementById("picture").getBoundingClientRect();
          return [...document.querySelectorAll(css)].filter((e) => {
            const { left, right, top, bottom } = e.getBoundingClientRect();
            return Math.min(left - p.left, p.right - right, top - p.top, p.bottom - bottom) < -1;
          }).map((e) => e.id);
        }""",
        css,
    )


@pytest.mark.parametrize("nodes", [30, 230])
def test_the_node_at_work_is_seen_in_large_graphs(open_page, nodes):
    y = x = tg.Tensor(np.full((4, 3), 0.3), requires_grad=True, name="x")
    bits = [i.bit_count() % 2 for i in range(2 * nodes)]
    for i in range(nodes):
        y = (tg.sin, tg.cos, tg.tanh)[1 + bits[i + 1] - bits[i]](y)
    page = open_page(tg.explore((y * x).sum()))
    steps = page.data()["steps"]
    for step in range(0, page.last, 1 + page.last // 40):
        page.page.fill("#slider", str(step))
        at_work = steps[step]
        keys = [at_work[part] for part in ("target", "node") if at_work[part]]
        assert not keys or keys[0] not in outside(page, ".node.now")


def test_an_edge_is_wide_enough_to_be_hit(page):
    widths = page.page.locator(".edge .hit").evaluate_all(
        "all => all.map(e => parseFloat(getComputedStyle(e).strokeWidth))"
    )
    assert len(widths) == len(page.data()["edges"])
    assert min(widths) >= 10


# --------------------------------------------------------------------------------------
# Inside another page
# --------------------------------------------------------------------------------------


@pytest.fixture
def around(browser, network):
    """Embed an explorer in a page that is longer than the screen."""
    context = browser.new_context(viewport={"width": 900, "height": 700}, has_touch=True)
    page = context.new_page()
    page.set_content(f"{network[0]._repr_html_()}<p style='height: 3000px'>")
    frame = page.frame_locator("iframe")
    frame.locator("#story h2").wait_for()
    yield page, frame
    context.close()


def test_the_wheel_scrolls_the_page_around(around):
    page, frame = around
    look = "e => e.firstElementChild.getAttribute('transform')"
    before = frame.locator("#picture > svg").evaluate(look)
    page.mouse.move(150, 300)
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") > 0
    assert frame.locator("#picture > svg").evaluate(look) == before
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_timeout(300)
    assert frame.locator("#picture > svg").evaluate(look) != before
    touch = frame.locator("#picture > svg").evaluate("e => getComputedStyle(e).touchAction")
    assert touch == "pan-y"


def test_the_page_around_says_whether_it_is_light_or_dark(around):
    page, frame = around
    for theme, dark in [("dark", True), ("light", False)]:
        page.evaluate(
            "theme => document.querySelector('iframe').contentWindow.postMessage({ theme }, '*')",
            theme,
        )
        frame.locator(f":root[data-theme={theme}]").wait_for()
        ground = frame.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
        card = frame.locator(".node a > :first-child").first
        fill = card.evaluate("e => getComputedStyle(e).fill")
        assert (luminance(rgb(ground)) < 0.1) == dark
        assert (luminance(rgb(fill)) < 0.3) == dark


# --------------------------------------------------------------------------------------
# For everybody
# --------------------------------------------------------------------------------------


def test_everything_to_operate_has_a_name(page):
    unnamed = page.page.evaluate(
        "[...document.querySelectorAll('button, input, [role=button], [role=toolbar]')]"
        ".filter(e => !e.getAttribute('aria-label') && !e.textContent.trim()).map(e => e.outerHTML)"
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


@pytest.mark.parametrize("width", [390, 699, 700, 800, 1280])
def test_the_story_scrolls_while_graph_and_controls_stay(page, width):
    page.page.set_viewport_size({"width": width, "height": 704})
    page.press("End", "ArrowLeft")
    assert page.page.evaluate(
        "[document.documentElement.scrollWidth <= innerWidth,"
        " document.documentElement.scrollHeight <= innerHeight]"
    ) == [True, True]
    graph = page.page.locator("#picture").bounding_box()
    story = page.page.locator("#story").bounding_box()
    assert graph["width"] > 300
    assert graph["height"] > 200
    if width < 700:
        assert story["y"] >= graph["y"] + graph["height"]
    else:
        assert story["x"] >= graph["x"] + graph["width"]
    boxes = [e.bounding_box() for e in page.page.locator(".controls > *, .zoom > *").all()]
    assert max(box["x"] + box["width"] for box in boxes) <= width
    assert max(box["y"] + box["height"] for box in boxes) <= graph["y"]  # not over the graph


def test_a_reader_who_does_not_see_it_hears_the_numbers(page, network):
    h = page.key("h")
    assert page.page.get_attribute(f"#{h}", "aria-label") == "h = tanh(z), (4, 3) float64"
    page.press("End")
    said = page.page.get_attribute(f"#{h}", "aria-label")
    assert f"value {np.array2string(network[1]['h'].data, precision=4)}" in said
    assert f"gradient {np.array2string(network[1]['h'].grad, precision=4)}" in said
    page.press("Home", "ArrowRight")
    text = page.page.get_attribute("#slider", "aria-valuetext")
    assert text == f"1 of {page.last}, forward: a = x @ W1"


def test_without_javascript_the_page_says_so(browser, network, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(network[0].save(tmp_path / "page.html").as_uri())
    box = page.locator("noscript").bounding_box()
    assert box["y"] + box["height"] < page.locator("#picture").bounding_box()["y"] + 1
    assert "needs JavaScript" in page.inner_text("noscript")
    context.close()


def test_paper_is_white(page):
    page.page.emulate_media(color_scheme="dark", media="print")
    assert luminance(color(page, "body", "backgroundColor")) > 0.9
    assert luminance(color(page, "#story h2", "color")) < 0.1
    assert luminance(color(page, ".node a > :first-child", "fill")) > 0.6


def test_print_shows_the_whole_graph_and_no_controls(page):
    page.page.emulate_media(media="print")
    assert page.page.is_hidden(".controls")
    assert page.page.is_visible("#story")
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    boxes = [node.bounding_box() for node in page.page.locator(".node").all()]
    assert min(box["x"] for box in boxes) >= 0
    assert max(box["x"] + box["width"] for box in boxes) <= page.width


def test_three_hundred_nodes_are_walked_through_to_the_end(open_page):
    page = open_page(tg.explore(chain_of(290)))
    assert len(page.data()["nodes"]) > 290
    assert page.last > 2 * 290  # every node forward, and every edge backward
    page.press("End")
    assert page.step == page.last
    page.press("Home", "ArrowRight")
    assert page.step == 1


def test_scrubbing_takes_less_than_a_sixtieth_of_a_second(browser, tmp_path):
    page = browser.new_page(viewport={"width": 1300, "height": 800})
    page.goto(tg.explore(chain_of(100)).save(tmp_path / "page.html").as_uri())
    session = page.context.new_cdp_session(page)
    # The time of the page's own thread: other programs may run beside it.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    assert page.locator(".node").count() > 100
    times = []
    for first in (0, 50, 100, 150):
        before = spent(session)
        page.evaluate(SCRUB, [first, first + 50])
        times.append((spent(session) - before) / 50)
    page.close()
    assert min(times) < 1 / 60  # the others were disturbed


def chain_of(nodes):
    y = tg.Tensor(np.full((3, 3), 0.3), requires_grad=True, name="x")
    bits = [i.bit_count() % 2 for i in range(2 * nodes)]
    for i in range(nodes):
        y = (tg.sin, tg.cos, tg.tanh)[1 + bits[i + 1] - bits[i]](y)
    return y.sum()


def spent(session):
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


SCRUB = """async ([first, last]) => {
  const slider = document.getElementById("slider");
  for (let i = first; i < last; i++) {
    slider.value = i;
    slider.dispatchEvent(new Event("input"));
    await new Promise(requestAnimationFrame);
  }
}"""


def test_a_step_changes_nothing_else_in_the_graph(open_page):
    page = open_page(tg.explore(chain_of(40)))
    page.page.fill("#slider", "20")
    changed = page.page.evaluate(
        """async () => {
          const changed = new Set();
          const watch = new MutationObserver((all) =>
            all.forEach(({ target }) => changed.add(target.closest(".node, .edge")?.id)));
          watch.observe(document.querySelector("#picture > svg .graph"),
            { attributes: true, childList: true, subtree: true });
          document.getElementById("forward").click();
          await new Promise(requestAnimationFrame);
          return [...changed];
        }"""
    )
    parts = [page.data()["steps"][i] for i in (20, 21)]
    assert set(changed) == {p["node"] for p in parts} | {e for p in parts for e in p["edges"]}


def test_a_jump_leaves_the_graph_as_walking_does(page):
    def state():
        return page.page.evaluate(
            "[...document.querySelectorAll('.node, .edge')]"
            ".map(e => [e.id, [...e.classList].sort().join(' '), e.ariaLabel, e.textContent])"
        )

    walked = []
    for _ in range(page.last + 1):
        walked.append(state())
        page.press("ArrowRight")
    for step in (3, 19, 0, 8, page.last, 12, 5):
        page.page.fill("#slider", str(step))
        assert state() == walked[step]
