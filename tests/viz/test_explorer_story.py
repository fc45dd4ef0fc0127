"""What the explorer tells, step by step, read in a real browser."""

import re

import numpy as np
import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


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
            assert page.numbers("#story .math")[-1][-tensors[name].size :] == page.shown(
                tensors[name].data
            )
            assert page.card(page.key(name), "value") == page.shown(tensors[name].data)
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
    assert formulas[0] == page.shown(incoming)
    positions = [i for i, x in enumerate(tensor._inputs) if x is target]
    before = arrived.get(parent)
    contribution = tensor._closures[positions[0 if before is None else -1]](incoming)
    fitted = contribution
    while fitted.shape != target.shape:  # undo broadcasting, an axis at a time
        fitted = fitted.sum(axis=0)
    after = fitted if before is None else before + fitted
    arrived[parent] = after
    result = formulas[3] if contribution.ndim else formulas[2][-1:]
    assert result == page.shown(contribution)
    assert formulas[-1][-after.size :] == page.shown(after)
    if before is not None:
        assert formulas[-2] == [*page.shown(before), *page.shown(fitted)]
        assert "+=" in page.page.inner_text("#story")
    assert page.card(page.key(parent), "grad") == page.shown(after)


def test_the_numbers_of_a_formula_are_in_their_places(open_page):
    def f(x, w):
        return tg.tanh(w * x)

    page = open_page(tg.explore(f, 0.5, -2.0), "#step=2")
    assert page.heading == "L = tanh(t1)"
    assert page.numbers("#story .math")[-1] == [-1, page.shown(np.tanh(-1.0))[0]]
    page.press("ArrowRight", "ArrowRight")
    slope = 1 - np.tanh(-1.0) ** 2
    # g * (1 - y**2), in which the exponent is not counted
    assert page.numbers("#story .math")[2] == [
        1,
        1,
        page.shown(np.tanh(-1.0))[0],
        page.shown(slope)[0],
    ]


def test_the_symbols_of_a_formula_are_explained(open_page):
    def f(x):
        return tg.sum(x * 2.5 - np.array([1.0, 2.0]), axis=0)

    page = open_page(tg.explore(f, np.array([0.1, 0.2])), "#step=1")
    said = [page.page.inner_text("#story .symbols")]
    for _ in range(2):
        page.press("ArrowRight")
        said.append(page.page.inner_text("#story .symbols"))
    assert said == [
        "Here a is x (2,), b is 2.5.",
        "Here a is t1 (2,), b is an array (2,).",
        "Here x is t2 (2,).",
    ]


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
    assert page.page.inner_text(".source figcaption").startswith("conftest.py, line ")
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
        assert [float(n) for n in numbers.split(", ")] == page.shown(tensors[name].grad)


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
