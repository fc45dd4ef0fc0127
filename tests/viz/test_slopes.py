"""The slopes on the edges: what they say, and that they can be read."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.gradients import retrace
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.slopes import slope_of

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


def parameter(data, name):
    return tg.Tensor(data, requires_grad=True, name=name)


@pytest.mark.parametrize(
    ("computed", "texts"),
    [
        (lambda a, b: a * b, ["× −3", "× 2"]),
        (lambda a, b: a + b, ["× 1", "× 1"]),
        (lambda a, b: tg.tanh(a * 0.0 + b), ["× 0.00987", "× 1", "× 1", "× 0"]),
        (lambda a, b: a / 0.0 + b * 0.0, ["× 1", "× 1", "× inf", "× 0"]),
    ],
)
def test_a_slope_between_two_numbers_is_a_number(computed, texts):
    with np.errstate(all="ignore"):
        root = computed(parameter(2.0, "a"), parameter(-3.0, "b"))
    found = slopes_below(root)
    assert sorted(slope.text for slope in found) == sorted(texts)
    for slope in found:
        if slope.text == "× inf":  # which JSON cannot write
            assert slope.number is None
            continue
        assert f"{slope.number:.3g}".replace("-", "−") == slope.text.removeprefix("× ")


def slopes_below(root):
    graph = read_graph(root)
    return [slope_of(graph, flow) for flow in retrace(graph)]


def test_a_slope_between_arrays_in_short():
    X, W = parameter([[1.0, 2.0], [3.0, 4.0]], "X"), parameter([[1.0, 2.0, 0.0]] * 2, "W")
    b = parameter([1.0, 1.0, 1.0], "b")
    z = X @ W + b
    loss = (z.reshape(6) ** 2).sum() * 2.0
    texts = {slope.text for slope in slopes_below(loss)}
    assert texts == {
        "× 2",  # by a number
        "× 1",  # sum: to every entry
        "× 2 … 30",  # a square
        "‖g‖ × 1",  # a new shape keeps the length
        "× 1, Σ",  # broadcast, so summed
        "g @ Wᵀ",
        "Xᵀ @ g",
    }


def test_where_several_edges_are_one_arrow(open_page):
    def f(x):
        y = x * 3.0
        with tg.scope("inside"):
            z = tg.sin(y) * y
        return z * 2.0

    page = open_page(tg.explore(f, 2.0, depth=0))
    assert {slope["text"] for slope in page.data()["slopes"].values()} == {"2 edges", "× 2", "× 3"}


def test_it_appears_with_its_step(page):
    slopes = page.data()["slopes"]
    steps = page.data()["steps"]
    for step in range(page.last + 1):
        flowed = {e for s in steps[: step + 1] if s["phase"] == "backward" for e in s["edges"]}
        seen = page.page.evaluate(
            "[...document.querySelectorAll('.edge:has(text)')].filter((e) =>"
            "getComputedStyle(e.querySelector('text')).visibility === 'visible').map(e => e.id)"
        )
        assert set(seen) == flowed & slopes.keys()
        page.press("ArrowRight")
    edge = next(iter(slopes))
    page.page.hover(f"#{edge} polygon")
    assert slopes[edge]["said"] in page.page.inner_text("#details")
    page.press("Home")
    page.page.mouse.move(5, 790)
    page.page.hover(f"#{edge} polygon")
    assert page.page.is_hidden("#details")


def scalars():
    a, b = parameter(2.0, "a"), parameter(-3.0, "b")
    d = a * b + b
    return tg.exp(d * d * 1e-3) * a


def scoped():
    network = tg.nn.MLP([2, 4, 4, 1], "relu", rng=0)
    rng = np.random.default_rng(0)
    return tg.mean_squared_error(network(rng.normal(size=(8, 2))), rng.normal(size=(8, 1)))


def attention():
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.normal(size=(3, 4)), name="x")
    q, k, v = (x @ parameter(rng.normal(size=(4, 4)), name) for name in "QKV")
    return (tg.softmax(q @ k.T / 2.0) @ v).sum()


def slope():
    """With constants, around which Graphviz leads arrows if labels are near."""
    return tg.grad(lambda x: tg.tanh(x) ** 2)(parameter(0.5, "x"))


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("computed", [scalars, scoped, attention, slope])
def test_slopes_lie_on_nothing_else(open_page, computed, direction):
    page = open_page(tg.explore(computed(), direction=direction))
    page.press("End", "0")
    assert page.page.evaluate(OVERLAPS) == []
    sizes = page.page.locator(".edge text").evaluate_all("all => all.map(e => e.getBBox().height)")
    assert min(sizes) >= 10  # as large as the numbers on the cards


OVERLAPS = """(() => {
  const boxes = (css) => [...document.querySelectorAll(css)].map((e) =>
    ({ name: e.textContent.trim().replace(/\\s+/g, " "), box: e.getBoundingClientRect() }));
  const meet = (a, b) => a.left < b.right && b.left < a.right
    && a.top < b.bottom && b.top < a.bottom;
  const labels = boxes(".edge text");
  const cards = boxes(".node > g > a, .node > a");
  const lines = [...document.querySelectorAll(".edge path:not(.hit)")].flatMap((path) => {
    const [matrix, length] = [path.getScreenCTM(), path.getTotalLength()];
    return Array.from({ length: 50 }, (_, i) => {
      const { x, y } = path.getPointAtLength(length * i / 49).matrixTransform(matrix);
      return { name: path.parentElement.id, box: { left: x, right: x, top: y, bottom: y } };
    });
  });
  // Glyphs fill about the middle of the box of a line of text.
  const glyphs = ({ left, right, top, bottom }) => {
    const inset = (bottom - top) / 5;
    return { left, right, top: top + inset, bottom: bottom - inset };
  };
  const inner = ({ left, right, top, bottom }) =>
    ({ left: left + 4, right: right - 4, top: top + 4, bottom: bottom - 4 });
  const through = cards.flatMap((card) => lines.filter((line) => meet(inner(card.box), line.box))
    .map((line) => `${line.name} through ${card.name}`));
  return through.concat(labels.flatMap((label, i) => [...labels.slice(i + 1), ...cards, ...lines]
    .filter((other) => meet(glyphs(label.box), other.box))
    .map((other) => `${label.name} on ${other.name}`)));
})()"""
