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
            assert page.numbers("#story .math:not(.aside)")[-1][
                -tensors[name].size :
            ] == page.shown(tensors[name].data)
            assert page.card(page.key(name), "value") == page.shown(tensors[name].data)
        elif phase == "backward":
            node, parent, which = WAY.fullmatch(page.heading).groups()
            check_contribution(page, tensors, node, parent, int(which or 1), arrived)
        page.press("ArrowRight")
    assert phases == ["given", *["forward"] * 7, "seed", *["backward"] * 11, "end"]
    for name, total in arrived.items():
        if tensors[name].requires_grad:
            np.testing.assert_allclose(total, tensors[name].grad, rtol=1e-12)
    assert arrived.keys() == tensors.keys() - {"L", "x"}


WAY = re.compile(r"From (\w+) to (\w+)(?:, as operand (\d))?")


def check_contribution(page, tensors, node, parent, which, arrived):
    """Compare one step backward with the node's own closure, called by hand."""
    tensor, target = tensors[node], tensors[parent]
    incoming = np.ones(()) if node == "L" else tensor.grad
    formulas = page.numbers("#story .math:not(.aside)")
    assert formulas[0] == page.shown(incoming)
    position = [i for i, x in enumerate(tensor._inputs) if x is target][which - 1]
    before = arrived.get(parent)
    contribution = tensor._closures[position](incoming)
    fitted = contribution
    while fitted.shape != target.shape:  # undo broadcasting, an axis at a time
        fitted = fitted.sum(axis=0)
    after = fitted if before is None else before + fitted
    arrived[parent] = after
    assert formulas[-2][-contribution.size :] == page.shown(contribution)
    assert formulas[-1][-after.size :] == page.shown(after)
    if before is not None:
        assert formulas[-1] == [x for part in (before, fitted, after) for x in page.shown(part)]
    assert page.card(page.key(parent), "grad") == page.shown(after)


def test_the_numbers_of_a_formula_are_in_their_places(open_page):
    def f(x, w):
        return tg.tanh(w * x)

    page = open_page(tg.explore(f, 0.5, -2.0), "#step=2")
    assert page.heading == "L = tanh(t1)"
    assert page.numbers("#story .math:not(.aside)")[-1] == [-1, page.shown(np.tanh(-1.0))[0]]
    page.press("ArrowRight", "ArrowRight")
    slope = 1 - np.tanh(-1.0) ** 2
    y, dy = (page.shown(number)[0] for number in (np.tanh(-1.0), slope))
    # dL/dt1 = 1 - L**2 = 1 - y**2 = dy, and g * dL/dt1 = 1 * dy = dy; exponents are not counted
    assert page.numbers("#story .math:not(.aside)")[1:3] == [[1, 1, y, dy], [1, dy, dy]]


def test_a_formula_in_words_says_what_its_symbols_are(open_page):
    v = tg.Tensor([1.0, 2.0], requires_grad=True, name="v")
    page = open_page(tg.explore(tg.take(v, 0)), "#step=3")
    assert page.heading == "From L to v"
    said = page.page.inner_text("#story")
    assert "zeros, with g added at the indices" in said
    assert "Here x is v (2,)." in said


def test_the_rule_of_an_operation_is_in_the_names_of_the_program(open_page):
    # The operation calls its own operands a and b, and its result y.
    a, b = (tg.Tensor(x, requires_grad=True, name=n) for x, n in [(2.0, "a"), (-3.0, "b")])
    y = tg.Tensor(-9.0, requires_grad=True, name="y")
    page = open_page(tg.explore((y * b) ** 2 + a), "#step=6")
    said = {}
    while page.step < page.last:
        said[page.heading] = page.page.locator("#story .math:not(.aside)").all_text_contents()
        page.press("ArrowRight")
    letters = {way: re.sub(r"[^a-zA-Z0-9∂=]", "", lines[1]) for way, lines in said.items()}
    assert letters["From t1 to y"] == "∂t1∂y=b=3"
    assert letters["From t1 to b"] == "∂t1∂b=y=9"
    assert letters["From t2 to t1"] == "∂t2∂t1=2t121=2" + "2721" + "=54"


def test_a_gradient_is_stated_when_all_contributions_have_come(open_page):
    a, b = (tg.Tensor(x, requires_grad=True, name=n) for x, n in [(2.0, "a"), (-3.0, "b")])
    page = open_page(tg.explore((a * b + b) ** 2), "#step=7")
    assert page.heading == "From t2 to b"
    key = page.key("b")

    def gets():
        return re.sub(r"\s", "", page.page.locator("#story .math:not(.aside)").last.inner_text())

    assert gets() == "sofar,1of2:−18"
    assert page.page.locator("#story .partial").count() == 1
    assert "partial" in page.classes(f"a_{key}-grad")
    page.press("End", "ArrowLeft")
    assert page.heading == "From t1 to b"
    assert gets().endswith("=−18+(−36)=−54")
    assert page.page.locator("#story .partial").count() == 0
    assert "partial" not in page.classes(f"a_{key}-grad")


@pytest.mark.parametrize("width", [700, 800, 1300])
def test_long_formulas_are_seen_whole(open_page, width):
    def f(probabilities, W):
        loss = tg.binary_cross_entropy(probabilities, 0.0)
        return loss + (tg.softmax(W) * W).sum()

    page = open_page(tg.explore(f, 0.8, np.linspace(0.1, 0.987, 12).reshape(4, 3)))
    page.page.set_viewport_size({"width": width, "height": 704})
    for _ in range(page.last + 1):
        cut = page.page.locator("#story .math:not(.aside)").evaluate_all(
            "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
        )
        assert cut == []
        page.press("ArrowRight")


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
    assert "error is used 2 times" in said["From square to error, as operand 1"]
    assert "All 2 uses of error are counted" in said["From square to error, as operand 2"]


def test_the_line_of_the_program_is_shown(page):
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert page.page.inner_text(".source figcaption").startswith("conftest.py, line ")
    assert page.page.inner_text(".source code") == "h = tg.tanh(z)"
    assert page.page.inner_text(".source mark") == "tg.tanh(z)"


def test_variables_name_what_has_no_name(open_page):
    x = tg.Tensor(0.5, requires_grad=True)
    h = tg.tanh(x * 2.0)
    loss = h + 1.0
    page = open_page(tg.explore(loss, names={"hidden": h}), "#step=2")
    assert page.heading == "hidden = tanh(t1)"
    page.press("ArrowRight")
    assert page.heading == "loss = hidden + 1"
    assert page.data()["nodes"][page.key("x")]["label"] == "x is parameter, () float64"


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
    names = page.page.locator("#story th code").all_inner_texts()
    assert set(names) == {"W1", "b1", "W2", "b2"}
    for name, numbers in zip(names, page.numbers("#story td:last-child"), strict=True):
        assert numbers == page.shown(network[1][name].grad)
    # in its shape
    rows = page.page.locator("#story td:last-child").first.locator("mtr")
    assert rows.count() == len(
        network[1][names[0]].data.reshape(-1, 1 if names[0][0] == "b" else 3)
    )


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
        "From t3 to h, as operand 1",
        "From t3 to h, as operand 2",
        "From t1 to x",
        "What came back",
    ]
