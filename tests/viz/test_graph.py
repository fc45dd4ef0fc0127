"""What a drawn graph shows."""

import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.arrays import summarize


def leaf(data, name=None):
    return tg.Tensor(data, requires_grad=True, name=name)


@pytest.fixture
def network():
    x = tg.Tensor([[1.0, -2.0]], name="x")
    W, b = leaf([[0.5, 0.1], [0.2, -0.3]], "W"), leaf([0.1, 0.2], "b")
    loss = tg.tanh(x @ W + b).sum()
    loss.name = "loss"
    return loss


# --------------------------------------------------------------------------------------
# Content
# --------------------------------------------------------------------------------------


def test_a_card_shows_name_shape_dtype_value_and_gradient(picture):
    x = leaf([1.0, 2.0, 3.0], "x")
    loss = (x * x).sum()
    loss.backward()
    card = picture(loss).nodes["x"]
    assert card.texts == ["x", "(3,) float64", "value", "1", "2", "3", "grad", "2", "4", "6"]


def test_other_dtypes_are_named(picture):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, dtype=np.float32, name="x")
    assert "(2,) float32" in picture(x.sum()).nodes["x"].texts


def test_an_operation_is_shown_as_it_is_written(picture, network):
    badges = {name: card.texts[0] for name, card in picture(network).nodes.items()}
    assert badges == {
        "x": "x",
        "W": "W",
        "b": "b",
        "t1": "@",
        "t2": "+",
        "t3": "tanh",
        "loss": "sum",
    }


def test_options_stand_with_their_operation(picture):
    x = leaf(np.ones((2, 3)), "x")
    assert picture(x.sum(axis=0)).nodes["L"].texts[:2] == ["sum", "axis=0"]
    assert picture(x[0, 1:]).nodes["L"].texts[:2] == ["[ ]", "[0, 1:]"]
    assert "keepdims" not in " ".join(picture(x.sum()).nodes["L"].texts)


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda a, b: a - b, "a − b"),
        (lambda a, b: b - a, "b − a"),
        (lambda a, b: a / b, "a / b"),
        (lambda a, b: tg.arctan2(b, a), "arctan2(b, a)"),
        (lambda a, _: 2.5 - a, "2.5 − a"),
    ],
)
def test_where_the_order_of_operands_matters_it_is_said(picture, f, says):
    root = f(leaf(2.0, "a"), leaf(3.0, "b"))
    assert says in picture(root).nodes["L"].texts


def test_where_it_does_not_matter_nothing_is_said(picture):
    assert "a + b" not in picture(leaf(2.0, "a") + leaf(3.0, "b")).nodes["L"].texts


def test_each_use_is_an_edge(picture):
    x = leaf(3.0, "x")
    assert picture(x * x).edges == [("x", "L"), ("x", "L")]


def test_each_node_is_drawn_once(picture):
    x = leaf(3.0, "x")
    y = tg.sin(x)
    drawn = picture(y * y + x)
    assert len(drawn.drawn) == 4
    assert sorted(drawn.edges) == sorted(
        [("x", "t1"), ("t1", "t2"), ("t1", "t2"), ("t2", "L"), ("x", "L")]
    )


def test_a_root_that_was_not_computed_is_drawn_alone(picture):
    drawn = picture(leaf(3.0, "x"))
    assert list(drawn.nodes) == ["x"]
    assert drawn.edges == []


def test_what_is_no_tensor_cannot_be_drawn():
    with pytest.raises(TypeError, match="what a function computes; got ndarray"):
        tg.draw_graph(np.ones(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "RL"}, "direction must be 'LR' or 'TB'; got 'RL'"),
        ({"color_by": "value"}, "color_by must be 'kind' or 'grad'; got 'value'"),
        ({"depth": -1}, "depth must be an integer of at least 0; got -1"),
        ({"depth": 1.5}, "depth must be an integer of at least 0; got 1.5"),
        ({"max_nodes": 0}, "max_nodes must be an integer of at least 1; got 0"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tg.draw_graph(leaf(1.0) * 2.0, **options)


@pytest.mark.parametrize("names", [[leaf(1.0)], leaf(1.0), "w"])
def test_names_that_are_no_mapping_are_refused(names):
    with pytest.raises(TypeError, match=r"as locals\(\) is one; got"):
        tg.draw_graph(leaf(1.0) * 2.0, names)


# --------------------------------------------------------------------------------------
# Functions
# --------------------------------------------------------------------------------------


def neuron(x, w, b):
    z = w * x + b
    return tg.tanh(z)


def test_the_graph_of_a_function_in_the_names_of_its_variables(picture):
    drawn = picture(neuron, 0.5, -1.0, 0.1)
    assert {"x", "w", "b", "z", "t1", "L"} == set(drawn.nodes) - {"0.5", "-1"}
    assert drawn.nodes["x"].after("grad", 1) == "-0.8556"  # w / cosh(-0.4)**2


def test_given_names_come_before_those_of_variables(picture):
    w = leaf(-1.0)
    drawn = picture(lambda x, b: neuron(x, w, b), 0.5, 0.1, names={"weight": w})
    assert {"x", "weight", "b", "z"} <= set(drawn.nodes)


def test_a_function_of_an_array_is_drawn_without_gradients(picture):
    drawn = picture(tg.sin, np.ones(2))
    assert drawn.nodes["x"].after("grad") == "-"


def test_the_gradients_of_a_function_are_its_own_and_written_nowhere(picture):
    w = leaf(2.0, "w")
    (w * 10.0).backward()
    drawn = picture(lambda x: w * x, 3.0)
    assert drawn.nodes["w"].after("grad") == "3"
    assert w.grad == 10.0


def test_edges_of_a_function_can_show_its_gradients(picture):
    drawn = picture(neuron, 0.5, -1.0, 0.1, color_by="grad")
    sizes = [text for text in drawn.legend if text.startswith("grad ")]
    assert sizes
    assert not any(size.endswith(".") for size in sizes)  # "grad 2", not "grad 2."


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((neuron, 1.0), {}, TypeError, "missing a required argument: 'w'"),
        ((neuron, 1, 2, 3), {}, TypeError, "2.0 does, 2 does not"),
        ((lambda _: tg.Tensor(3.0), 1.0), {}, ValueError, "not computed from anything"),
        ((leaf(1.0) * 2.0, {}, {}), {}, TypeError, "arguments belong to a function"),
        ((leaf(1.0) * 2.0, {}), {"names": {}}, TypeError, "takes its names, once"),
    ],
)
def test_what_cannot_be_run_or_drawn_is_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        tg.draw_graph(*arguments, **options)


def test_direction(picture, network):
    wide = picture(network, direction="LR").root
    tall = picture(network, direction="TB").root
    size = lambda root: [float(root.get(side)[:-2]) for side in ("width", "height")]  # noqa: E731
    assert size(wide)[0] > size(wide)[1]
    assert size(tall)[0] < size(tall)[1]


@pytest.mark.parametrize("other", [tg.Tensor(2.0, name="x"), leaf(2.0, "v")], ids=["x", "v"])
def test_of_two_operands_one_stands_in_front_and_a_parameter_beside(other):
    w = leaf(3.0, "w")
    assert tg.draw_graph(other * w).source.count("rank=same") == 1
    assert "rank=same" not in tg.draw_graph(tg.sin(w)).source  # a single one stays in front
    assert "rank=same" not in tg.draw_graph(w * w).source


def test_two_parameters_stand_on_both_sides_of_what_uses_them(picture):
    x = tg.Tensor([[1.0, 2.0]], name="x")
    y = tg.linear(x, leaf([[1.0], [2.0]], "W"), leaf([3.0], "b")).sum()
    drawn = picture(y)
    assert sorted(drawn.edges) == [("W", "t1"), ("b", "t1"), ("t1", "L"), ("x", "t1")]
    middle = {name: drawn.nodes[name].middle for name in ("W", "b", "t1")}
    assert min(middle["W"], middle["b"]) < middle["t1"] < max(middle["W"], middle["b"])


# --------------------------------------------------------------------------------------
# Gradients
# --------------------------------------------------------------------------------------


def test_before_backward_a_gradient_is_a_dash_and_no_zero(picture, network):
    for name, card in picture(network).nodes.items():
        assert ("grad" in card.texts) == (name != "x")
        if name != "x":
            assert card.after("grad") == "-"


def test_intermediate_values_show_the_gradient_that_passed_through(picture):
    x = leaf([0.5, -0.25], "x")
    h = tg.tanh(x)
    y = h * h * 3.0
    loss = y.sum()
    for t in (h, y, loss):
        t.retain_grad()
    loss.backward()
    kept = [t.grad for t in (h, y, loss)]
    for t in (h, y, loss):
        t.zero_grad()
    drawn = picture(loss, {"h": h, "y": y, "loss": loss})
    for name, grad in zip(["h", "y"], kept, strict=False):
        assert drawn.nodes[name].after("grad", 2) == [f"{g:.3g}" for g in grad]
    assert drawn.nodes["loss"].after("grad") == "1"
    assert [t.grad for t in (h, y, loss)] == [None] * 3


def test_gradients_are_those_of_the_root_whatever_was_added_up(picture):
    # A .grad does not say what it is the gradient of: only a walk from the root does.
    x = leaf(3.0, "x")
    h = x * 2.0
    h.retain_grad()
    y = tg.sin(h)
    (x * 100.0).backward()
    y.backward()
    y.backward()
    drawn = picture(y, {"h": h})
    assert drawn.nodes["x"].after("grad") == f"{2 * np.cos(6.0):.4g}"
    assert drawn.nodes["h"].after("grad") == f"{np.cos(6.0):.4g}"


def test_what_another_loss_has_left_is_not_shown(picture):
    x, w = leaf(3.0, "x"), leaf(2.0, "w")
    (x * x).backward()
    drawn = picture(x * w)
    assert drawn.nodes["x"].after("grad") == "-"
    assert drawn.nodes["w"].after("grad") == "-"


def test_a_derivative_is_drawn_with_its_own_gradients(picture):
    x = leaf(0.5, "x")
    tg.tanh(x).backward(create_graph=True)
    drawn = picture(x.grad)
    slope = 1 - np.tanh(0.5) ** 2
    assert drawn.nodes["x"].after("grad") == f"{-2 * np.tanh(0.5) * slope:.4g}"  # not dy/dx
    assert drawn.nodes["seed"].after("value") == "1"


def test_a_gradient_may_be_a_tensor(picture):
    x = leaf(3.0, "x")
    y = x * x
    y.backward(create_graph=True)
    assert picture(y).nodes["x"].after("grad") == "6"


@pytest.mark.parametrize("keep", [True, False])
def test_the_gradient_of_an_array_is_known_only_if_it_was_kept(picture, keep):
    x = leaf([3.0, 4.0], "x")
    h = x * 2.0
    y = tg.sin(h)
    if keep:
        y.retain_grad()
    y.backward(np.array([1.0, 10.0]))
    drawn = picture(y, {"h": h, "y": y})
    passed = [1.0, 10.0] * np.cos([6.0, 8.0])
    if keep:
        assert drawn.nodes["x"].after("grad", 2) == [f"{g:.3g}" for g in 2 * passed]
        assert drawn.nodes["y"].after("grad", 2) == ["1", "10"]
        assert drawn.nodes["h"].after("grad", 2) == [f"{g:.3g}" for g in passed]
    else:  # nobody can tell with what backward began, nor whether x has its gradient from here
        assert [drawn.nodes[name].after("grad") for name in "xhy"] == ["-"] * 3
        with pytest.raises(ValueError, match=r"shape \(2,\). Draw the loss, or call retain_grad"):
            tg.draw_graph(y, color_by="grad")


def test_data_newer_than_the_graph_leave_no_gradient_that_could_be_told(picture):
    x = leaf(3.0, "x")
    y = tg.sin(x) * 2.0
    y.backward()
    x.data = np.array(4.0)
    drawn = picture(y)
    assert drawn.nodes["x"].after("grad") == "-"
    assert drawn.nodes["t1"].after("grad") == "-"


def vanishing(n=6):
    x = leaf(0.4, "x")
    y = x
    for _ in range(n):
        y = 0.1 * tg.sin(y)
    return y


def test_edges_show_how_large_the_gradient_is(picture):
    y = vanishing()
    y.backward()
    drawn = picture(y, color_by="grad", constants=False)
    widths = [float(stroke["stroke-width"]) for stroke in drawn.strokes]
    assert widths == sorted(widths)  # the gradient is smaller the further it has come
    assert widths[-1] - widths[0] > 3
    assert len({stroke["stroke"] for stroke in drawn.strokes}) > 5
    sizes = [float(text.split()[1]) for text in drawn.legend if text.startswith("grad ")]
    assert sizes[0] == 0.1  # the largest: the last step multiplies by it
    ratios = np.diff(np.log10(sizes))
    assert ratios == pytest.approx(ratios[0], abs=0.5)
    assert ratios[0] < 0


def test_edges_without_and_with_a_zero_gradient_are_told_apart(picture):
    x, c = leaf(-1.0, "x"), tg.Tensor(2.0, name="c")
    y = tg.relu(x) * c
    y.backward()
    drawn = picture(y, color_by="grad")
    dashes = {
        edge: stroke.get("stroke-dasharray")
        for edge, stroke in zip(drawn.edges, drawn.strokes, strict=True)
    }
    assert dashes[("t1", "L")] is None
    assert dashes[("x", "t1")] != dashes[("c", "L")]
    assert None not in (dashes[("x", "t1")], dashes[("c", "L")])


def test_a_gradient_that_is_no_number_is_written_at_its_edge(picture):
    x = leaf([0.0], "x")
    with np.errstate(all="ignore"):
        y = tg.sqrt(x).sum()
        y.backward()
    texts = [e.text for e in picture(y, color_by="grad").root.iter() if e.text]
    assert "inf" in texts


@pytest.mark.parametrize("uses", [(tg.sqrt, tg.sin), (tg.sin, tg.sqrt)])
def test_of_several_gradients_in_one_arrow_the_one_that_is_no_number_counts(uses):
    h = leaf([-1.0]) * 1.0
    with np.errstate(all="ignore"), tg.scope("both"):
        y = uses[0](h) + uses[1](h)
    loss = y.sum()
    loss.backward()
    assert "gradient nan" in tg.draw_graph(loss, color_by="grad", depth=0).source


def test_large_gradients_do_not_overflow():
    x = leaf(np.full(3, 1e-200), "x")
    y = (x * 1e200).sum()
    y.backward()
    assert "gradient 1e+200" in tg.draw_graph(y, color_by="grad").source


def test_colors_by_gradient_want_gradients():
    with pytest.raises(ValueError, match="call backward"):
        tg.draw_graph(vanishing(), color_by="grad")


# --------------------------------------------------------------------------------------
# Constants, kinds, legend
# --------------------------------------------------------------------------------------


def test_constants_are_shown_or_hidden(picture):
    x = leaf([3.0, 4.0], "x")
    y = (x * 2.5 + np.array([7.0, 8.0])).sum()
    shown = {text for card in picture(y).drawn.values() for text in card.texts}
    assert {"2.5", "[7, 8]"} <= shown
    drawn = picture(y, constants=False)
    assert len(drawn.drawn) == 4
    hidden = {text for card in drawn.drawn.values() for text in card.texts}
    assert not {"2.5", "[7, 8]"} & hidden


def test_an_array_that_is_used_twice_is_drawn_once(picture):
    x, a = leaf([1.0, 2.0], "x"), np.array([7.0, 8.0])
    assert len(picture((x * a + a).sum()).drawn) == 5


def test_kinds_are_told_apart_by_color_and_by_shape(picture, network):
    drawn = picture(network)
    looks = {
        kind: drawn.nodes[name].outline
        for kind, name in [
            ("input", "x"),
            ("parameter", "W"),
            ("intermediate", "t1"),
            ("output", "loss"),
        ]
    }
    assert len({look["fill"] for look in looks.values()}) == 4
    svg = tg.draw_graph(network).source
    shapes = {  # shape, corners, width and number of lines
        kind: tuple(
            part in next(s for s in svg.splitlines() if look["fill"] in s)
            for part in ("shape=note", "rounded,filled", "penwidth=2.2", "peripheries=2")
        )
        for kind, look in looks.items()
    }
    assert len(set(shapes.values())) == 4


def test_the_legend_names_what_is_there(picture, network):
    assert picture(network).legend == ["input", "parameter", "intermediate", "output"]
    assert picture(leaf(1.0) * leaf(2.0)).legend == ["parameter", "output"]
    assert picture(network, legend=False).legend == []


# --------------------------------------------------------------------------------------
# Arrays in a few words
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "few"),
    [
        ((4,), True),
        ((5,), False),
        ((4, 3), True),
        ((3, 4), True),
        ((4, 4), True),
        ((17,), False),
        ((5, 2), False),
        ((2, 5), False),
        ((1, 2, 2), False),
    ],
)
def test_numbers_are_shown_while_they_are_few(picture, shape, few):
    data = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    card = picture(tg.Tensor(data, name="x")).nodes["x"]
    shown = card.texts[card.texts.index("value") + 1 :]
    numbers = [f"{x:g}" for x in data.ravel()]
    assert shown == (numbers if few else [f"1 … {data.size}, mean {data.mean():.2g}"])


def test_a_large_array_is_shown_by_its_distribution(picture):
    data = np.concatenate([np.full(30, -1.0), np.full(10, 3.0)])
    card = picture(leaf(data, "x").sum()).nodes["x"]
    assert card.after("value") == "-1 … 3, mean 0"
    tall, short = card.bars
    assert tall / short == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize(
    ("data", "zero"),
    [
        (np.linspace(-1, 3, 40), 3),  # a quarter of the way, in 15 bins
        (np.linspace(0, 3, 40), 0),
        (np.linspace(-3, 0, 40), 14),
        (np.zeros(40), 0),
        (np.linspace(1, 3, 40), None),
        (np.repeat([-1e308, 1e308], 20), 0),  # too wide to be divided: all in one bin
    ],
)
def test_a_mark_below_a_histogram_says_where_zero_is(data, zero):
    assert summarize(data).zero == zero
    cells = re.findall(r'HEIGHT="3"( BGCOLOR)?', tg.draw_graph(tg.Tensor(data)).source)
    assert [i for i, mark in enumerate(cells) if mark] == ([] if zero is None else [zero])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (np.empty((0, 3)), "empty"),
        (np.full(20, np.nan), "nothing finite"),
        (np.append(np.ones(20), [np.inf, np.nan]), "1 … 1, mean 1, 2 not finite"),
        (np.array([-1e308, 1e308] * 10), "-1e+308 … 1e+308, mean 0"),
        (np.arange(20), "0 … 19, mean 9.5"),
        (np.array([np.nan, np.inf]), "nan"),
        (np.array(True), "True"),
        (np.array(1234567), "1234567"),
        (np.array(99999.0), "99999"),
        (np.array(100000.0), "1e+05"),
        (np.array(-99999.5), "-1e+05"),
        (np.array(1.00001), "1.000"),
        (np.array(1 - 1e-16), "1"),
        (np.array(-0.0), "0"),
        (np.array(1 - 2j), "1-2j"),
        (np.array([3 + 4j, 0] * 10), "0 … 5, mean 2.5"),
        (np.ones((4, 4, 4), np.float16), "1 … 1, mean 1"),
        (np.array(0.000123456), "0.0001235"),
        (np.ones((2, 2, 2, 2)), "1 … 1, mean 1"),
    ],
)
def test_values_at_hard_points(picture, data, says):
    x = tg.Tensor(data, name="x")
    drawn = picture(x)
    value = drawn.nodes["x"].after("value")
    assert value == says
