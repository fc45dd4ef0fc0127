"""Graphs of derivatives: the nodes of the way back are called after whose gradient they are."""

import numpy as np
import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")


def f(x):
    h = x * x
    y = tg.tanh(h)
    return y * x


def test_gradients_are_called_by_what_they_are_of(picture):
    drawn = picture(tg.grad(f), 0.5).nodes
    h, y = 0.25, np.tanh(0.25)
    values = {"df/dy": 0.5, "df/dh": 0.5 * (1 - y**2), "df/dx": y + 2 * h * (1 - y**2), "seed": 1.0}
    assert {name: float(drawn[name].after("value")) for name in values} == {
        name: float(f"{value:.4g}") for name, value in values.items()
    }


def test_their_own_gradients_are_second_derivatives(picture):
    found = picture(tg.grad(f), 0.5).nodes["x"].after("grad")
    assert float(found) == float(f"{tg.grad(tg.grad(f))(0.5):.4g}")


def test_a_gradient_of_a_gradient(picture):
    drawn = picture(tg.grad(tg.grad(f)), 0.5).nodes
    assert "d(df/dx)/dx" in drawn
    assert float(drawn["d(df/dx)/dx"].after("value")) == float(f"{tg.grad(tg.grad(f))(0.5):.4g}")


def test_by_hand_inside_a_function(picture):
    def penalty(x):
        loss = tg.sin(x) * x
        slope = tg.gradients(loss, x, create_graph=True)
        return slope * slope

    def walked_back(w):
        loss = tg.sin(w)
        loss.backward(create_graph=True)
        return w.grad * 2.0

    assert {"seed", "slope"} <= picture(penalty, 0.5).nodes.keys()  # the variable's name
    assert {"seed", "dloss/dw"} <= picture(walked_back, 0.5).nodes.keys()


def test_bodies_that_run_once_more_are_nobodys_gradient(picture):
    tanh = [
        name for name, card in picture(tg.grad(f), 0.5).nodes.items() if card.texts[0] == "tanh"
    ]
    assert sorted(tanh) == ["t3", "y"]


def test_an_ordinary_function_has_no_such_names(picture):
    assert not [name for name in picture(f, 0.5).nodes if "/" in name]


def test_the_explorer_writes_them_as_slopes():
    html = tg.explore(tg.grad(f), 0.5).html
    assert "df/dh = df/dy * t5" in html
    assert r"\u003cmi>\u2202\u003c/mi>\u003cmi>f\u003c/mi>\u003cmo>/\u003c/mo>" in html
