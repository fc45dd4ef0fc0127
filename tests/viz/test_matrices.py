"""Matrix steps as matrices: rows and columns are lit, products add up, copies are summed."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.story.matrices import many_products, product_attributes, row_by_row

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

X = np.array([[1.0, 2.0], [3.0, -4.0], [0.5, 0.0]])
W = np.array([[0.5, -1.0], [-1.0, 2.0]])
B = np.array([10.0, 20.0])


@pytest.mark.parametrize(
    ("expression", "values", "result", "attributes"),
    [
        ("a @ b", {"a": X, "b": W}, X @ W, ' data-product=""'),
        ("a.mT @ g", {"a": X, "g": X @ W}, X.T @ X @ W, ' data-product="left"'),
        ("g @ b.mT", {"b": W, "g": X}, X @ W.T, ' data-product="right"'),
        ("x @ W + b", {"x": X, "W": W, "b": B}, X @ W + B, ' data-product=""'),
        ("a @ b", {"a": B, "b": W}, B @ W, ' data-product=""'),  # a row
        ("a @ b", {"a": np.ones((5, 2)), "b": W}, np.ones((5, 2)) @ W, ""),  # too large
        ("a @ b", {"a": X[None], "b": W}, (X @ W)[None], ""),  # a stack
        ("a @ b", {"a": X, "b": W}, X @ W + 1.0, ""),  # something else is done
        ("a * b", {"a": X, "b": X}, X * X, ""),
        ("in words", {}, X, ""),
    ],
)
def test_which_formulas_are_products(expression, values, result, attributes):
    assert product_attributes(expression, values, result) == attributes
    if attributes != ' data-product="left"':
        assert row_by_row(expression, values, result) == ""


def test_large_products_are_described():
    a, b = np.ones((8, 64)), np.ones((64, 4))
    said = many_products("a @ b", {"a": a, "b": b}, a @ b)
    assert "8 × 4 numbers adds up 64 products" in said
    assert many_products("a @ b", {"a": X, "b": W}, X @ W) == ""


@pytest.fixture
def layer(open_page):
    def layer(x, W, b):
        a = x @ W
        z = a + b
        return (z * z).sum()

    return open_page(tg.explore(layer, tg.Tensor(X, name="x"), W, B))


def lit(page):
    return page.page.locator("#story .lit").all_text_contents()


def go_to(page, heading):
    headings = [step["html"].partition("</h2>")[0] for step in page.data()["steps"]]
    plain = [h.replace("<h2>", "").replace("<code>", "").replace("</code>", "") for h in headings]
    page.page.fill("#slider", str(plain.index(heading)))
    assert page.heading == heading


def test_an_entry_is_explained_by_its_row_and_column(layer):
    go_to(layer, "a = x @ W")
    assert lit(layer) == ["1", "2", "0.5", "−1", "−1.5"]
    assert layer.page.inner_text("#story .sum") == "1 · 0.5 + 2 · (−1) = −1.5"
    result = layer.page.locator("#story [role=button]")
    assert result.count() == 6
    result.nth(3).hover()
    assert lit(layer) == ["3", "−4", "−1", "2", "−11"]
    assert layer.page.inner_text("#story .sum") == "3 · (−1) + (−4) · 2 = −11"
    result.nth(4).focus()
    assert layer.page.inner_text("#story .sum") == "0.5 · 0.5 + 0 · (−1) = 0.25"
    assert result.nth(4).get_attribute("aria-label") == "row 3, column 1: 0.25"


def test_a_transposed_matrix_is_lit_by_its_columns(layer):
    go_to(layer, "From a to W")
    layer.page.locator("#story [role=button]").nth(2).hover()  # row 2, column 1
    g = 2 * (X @ W + B)
    expected = (X.T @ g)[1, 0]
    assert lit(layer)[:3] == ["2", "−4", "0"]
    text = layer.page.inner_text("#story .sum").replace("−", "-")
    assert text.startswith("2 · 17 + (-4) · 31 + 0 · ")
    assert float(text.rpartition("= ")[2]) == expected


def test_samples_add_up_to_the_gradient(layer):
    go_to(layer, "From a to W")
    x, g = X, 2 * (X @ W + B)
    for n in range(3):
        layer.page.click(f".by-row button >> nth={n}")
        shown = layer.numbers(".so-far math")
        assert shown[0] == layer.shown(np.outer(x[n], g[n]))
        assert shown[-1] == layer.shown(x[: n + 1].T @ g[: n + 1])
        pressed = layer.page.locator(".by-row button[aria-pressed=true]").all_inner_texts()
        assert pressed == [str(n + 1)]
        assert set(lit(layer)) == {f"{v:g}".replace("-", "−") for v in (*x[n], *g[n])}


def test_broadcasting_shows_copies_and_their_sum(layer):
    go_to(layer, "z = a + b")
    assert layer.numbers("#story .aside") == [[10.0, 20.0] * 3]
    opacity = layer.page.locator("#story .aside mtr").evaluate_all(
        "all => all.map(e => Number(getComputedStyle(e).opacity))"
    )
    assert opacity[0] == 1 > max(opacity[1:])
    go_to(layer, "From z to b")
    g = 2 * (X @ W + B)
    assert layer.numbers("#story .aside") == [layer.shown(np.vstack([g, g.sum(axis=0)]))]


def test_a_dot_product_is_explained_although_its_result_is_no_matrix(open_page):
    page = open_page(tg.explore(tg.matmul, X[0], np.array([3.0, -1.0])), "#step=1")
    assert page.page.inner_text("#story .sum") == "1 · 3 + 2 · (−1) = 1"


def test_something_added_to_the_product_is_in_the_sum(open_page):
    page = open_page(tg.explore(lambda x, W, b: tg.linear(x, W, b).sum(), X, W, B), "#step=1")
    assert page.page.inner_text("#story .sum") == "1 · 0.5 + 2 · (−1) + 10 = 8.5"
    page.page.locator("#story [role=button]").nth(5).hover()
    assert page.page.inner_text("#story .sum") == "0.5 · (−1) + 0 · 2 + 20 = 19.5"
