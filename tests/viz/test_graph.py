"""What a drawn graph shows."""

import sys
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu as tg


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
    with pytest.raises(TypeError, match="Tensor was computed from; got ndarray"):
        tg.draw_graph(np.ones(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "RL"}, "direction must be 'LR' or 'TB'; got 'RL'"),
        ({"color_by": "value"}, "color_by must be 'kind' or 'grad'; got 'value'"),
        ({"depth": -1}, "depth must not be negative; got -1"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tg.draw_graph(leaf(1.0) * 2.0, **options)


def test_direction(picture, network):
    wide = picture(network, direction="LR").root
    tall = picture(network, direction="TB").root
    size = lambda root: [float(root.get(side)[:-2]) for side in ("width", "height")]  # noqa: E731
    assert size(wide)[0] > size(wide)[1]
    assert size(tall)[0] < size(tall)[1]


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


def test_a_gradient_is_the_tensors_own_where_it_has_one(picture):
    x = leaf(3.0, "x")
    y = x * 2.0
    y.backward()
    y.backward()
    assert picture(y).nodes["x"].after("grad") == "4"


def test_a_gradient_that_was_retained_counts_more_than_one_that_passed_through(picture):
    x = leaf(3.0, "x")
    h = x * 2.0
    h.retain_grad()
    y = tg.sin(h)
    y.backward()
    y.backward()
    assert picture(y, {"h": h}).nodes["h"].after("grad") == f"{2 * np.cos(6.0):.4g}"


def test_a_gradient_may_be_a_tensor(picture):
    x = leaf(3.0, "x")
    y = x * x
    y.backward(create_graph=True)
    assert picture(y).nodes["x"].after("grad") == "6"


def test_data_newer_than_the_graph_leave_what_is_still_true(picture):
    x = leaf(3.0, "x")
    y = tg.sin(x) * 2.0
    y.backward()
    x.data = np.array(4.0)
    drawn = picture(y)
    assert drawn.nodes["x"].after("grad") == f"{2 * np.cos(3.0):.4g}"
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
    assert any(text.startswith("grad ") for text in drawn.legend)


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


def test_a_large_array_is_shown_by_its_distribution(picture):
    data = np.concatenate([np.full(30, -1.0), np.full(10, 3.0)])
    card = picture(leaf(data, "x").sum()).nodes["x"]
    assert card.after("value") == "-1 … 3, mean 0"
    tall, short = card.bars
    assert tall / short == pytest.approx(3, rel=0.1)


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
        (np.array(0.000123456), "0.0001235"),
        (np.ones((2, 2, 2, 2)), "1 … 1, mean 1"),
    ],
)
def test_values_at_hard_points(picture, data, says):
    x = tg.Tensor(data, name="x")
    drawn = picture(x)
    value = drawn.nodes["x"].after("value")
    assert value == says


# --------------------------------------------------------------------------------------
# Names
# --------------------------------------------------------------------------------------


def test_names_come_from_the_caller_then_from_the_tensor(picture):
    a, b = leaf(1.0, "own"), leaf(2.0, "mine")
    assert {"given", "mine"} <= picture(a * b, {"given": a}).nodes.keys()


def test_names_from_local_variables(picture):
    weight, bias = leaf(1.0), leaf(2.0)
    hidden = tg.sin(weight)
    again = hidden
    nodes = picture(hidden * bias, locals()).nodes
    assert {"weight", "bias", "hidden"} <= nodes.keys()
    assert "again" not in nodes


class Module:
    def __init__(self, tensor):
        self.tensor = tensor

    def named_parameters(self):
        yield "inner.weight", self.tensor


def test_names_from_containers_and_modules(picture):
    a, b, c, d = (leaf(float(i)) for i in range(1, 5))
    loop = []
    loop.append(loop)
    names = {"layers": [a, {"W": b}], "net": Module(c), "t": (d,), "loop": loop, "kind": Module}
    nodes = picture(a * b * c * d, names).nodes
    assert {"layers[0]", "layers[1].W", "net.inner.weight", "t[0]"} <= nodes.keys()


def test_made_up_names_are_unique(picture):
    a, b, taken = leaf(1.0), leaf(2.0), leaf(3.0, "p1")
    x = tg.Tensor(1.0)
    nodes = picture(tg.sin(a * b) * taken * x).nodes
    assert {"p1", "p2", "p3", "x1", "t1", "t2", "t3", "L"} == set(nodes)


def test_made_up_names_look_different():
    svg = tg.draw_graph(leaf(1.0) * leaf(2.0, "mine")).source
    assert "<B><FONT COLOR" in next(line for line in svg.splitlines() if ">mine<" in line)
    assert "<B><FONT COLOR" not in next(line for line in svg.splitlines() if ">p1<" in line)


HOSTILE = st.text(st.characters(exclude_categories=[]), min_size=1, max_size=60)


@given(HOSTILE, HOSTILE)
@example("</TD></TR></TABLE>><img src=x onerror=alert(1)>", "<<B>bold</B>>")
@example('"; evil -> evil; "', "\\N \\L \\n \\")
@example("&lt;&amp;&#60;", "a\nb\r\tc\x00\x1b")
@example("]]>", "\ud800\u202e\ufffe\U0001f600")
@example(" ", "x" * 10_000)
@example("node", "->")
@example("\\N \\G \\T", "\\G")
def test_hostile_names_are_shown_as_they_are(picture, name, scope):
    with tg.scope(scope):
        drawn = picture(leaf(1.0, name) * 2.0 + leaf(3.0))
    assert drawn.clusters == [as_shown(scope)]
    assert len(drawn.drawn) == 5
    assert as_shown(name) in ["", *(card.texts[0] for card in drawn.drawn.values())]
    assert not {"script", "img", "image"} & {e.tag.rpartition("}")[2] for e in drawn.root.iter()}


def as_shown(name):
    """Spell out what cannot be seen, and cut what is too long."""
    seen = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    return " ".join((seen if len(seen) <= 40 else seen[:39] + "…").split())


# --------------------------------------------------------------------------------------
# Structure
# --------------------------------------------------------------------------------------


def layered(n=3):
    h = tg.Tensor(np.ones((2, 4)), name="x")
    with tg.scope("body"):
        for i in range(n):
            W = leaf(np.ones((4, 4)), f"W{i}")
            with tg.scope(f"layer{i}"):
                h = tg.tanh(h @ W + 1.0)
    return h.sum()


def test_scopes_are_clusters_within_clusters(picture):
    drawn = picture(layered())
    assert drawn.clusters == ["body", "layer0", "layer1", "layer2"]


def test_a_parameter_is_drawn_where_it_is_used():
    lines = tg.draw_graph(layered()).source.splitlines()
    starts = [i for i, line in enumerate(lines) if "subgraph cluster" in line]
    cards = {name: next(i for i, s in enumerate(lines) if f">{name}<" in s) for name in ("x", "W0")}
    assert cards["x"] < starts[0] < cards["W0"]


def test_a_parameter_of_two_scopes_is_drawn_around_both():
    W = leaf(np.ones((2, 2)), "W")
    h = W
    for name in ("first", "second"):
        with tg.scope("outer"), tg.scope(name):
            h = tg.tanh(h @ W)
    source = tg.draw_graph(h.sum()).source
    inner = [source.index(f">{name}<") for name in ("first", "second")]
    assert source.index(">outer<") < source.index(">W<") < min(inner)


@pytest.mark.parametrize(
    ("depth", "nodes", "clusters"),
    [(0, {"x", "body", "L"}, []), (1, {"x", "layer0", "layer1", "layer2", "L"}, ["body"])],
)
def test_scopes_fold_below_a_depth(picture, depth, nodes, clusters):
    drawn = picture(layered(), depth=depth)
    assert set(drawn.nodes) == nodes
    assert drawn.clusters == clusters


def test_a_fold_says_what_is_inside(picture):
    fold = picture(layered(), depth=0).nodes["body"]
    assert fold.texts == ["body", "9 operations: 3 @, 3 +, 3 tanh", "3 parameters: 48 numbers"]


def test_edges_of_a_fold_are_drawn_once(picture):
    drawn = picture(layered(), depth=1)
    assert drawn.edges == [
        ("x", "layer0"),
        ("layer0", "layer1"),
        ("layer1", "layer2"),
        ("layer2", "L"),
    ]


def test_the_root_is_never_folded(picture):
    with tg.scope("all"):
        loss = (leaf(1.0, "w") * 2.0 + 1.0) ** 2
    assert {"all", "L"} <= picture(loss, depth=0).nodes.keys()


# --------------------------------------------------------------------------------------
# Size
# --------------------------------------------------------------------------------------


def irregular(n):
    """A chain in which nothing repeats itself: no piece follows itself (after Thue)."""
    bits = [i.bit_count() % 2 for i in range(2 * n)]
    y = leaf(1.0)
    for i in range(n):
        y = (tg.sin, tg.cos, tg.tanh)[1 + bits[i + 1] - bits[i]](y)
    return y


def test_a_graph_that_is_too_large_is_refused_with_advice():
    with pytest.raises(ValueError, match=r"301 nodes.*max_nodes=300.*tg\.scope"):
        tg.draw_graph(irregular(300))
    assert tg.draw_graph(irregular(299)).source
    assert tg.draw_graph(irregular(300), max_nodes=301).source


def test_a_large_graph_folds_its_scopes_before_it_is_refused(picture):
    assert set(picture(layered(100), max_nodes=110).nodes) >= {"layer0", "layer99"}
    assert set(picture(layered(100), max_nodes=50).nodes) == {"x", "body", "L"}


def test_what_repeats_itself_is_folded(picture):
    x = leaf(0.5, "x")
    y = x
    for _ in range(500):
        y = tg.sin(y * leaf(0.9))
    drawn = picture(y)
    (fold,) = (card for name, card in drawn.nodes.items() if "times the same" in name)
    assert fold.texts[1:] == ["994 operations: 497 sin, 497 *", "497 parameters: 497 numbers"]
    assert len(drawn.nodes) < 12


def test_repeated_scopes_are_folded(picture):
    h = leaf(np.ones(4), "x")
    for i in range(50):
        with tg.scope(f"block{i}"):
            h = tg.tanh(h * leaf(np.ones(4)) + 1.0)
    drawn = picture(h.sum(), max_nodes=20)
    assert {"block0", "block49"} < drawn.nodes.keys()
    assert any("times the same" in name for name in drawn.nodes)


@pytest.mark.parametrize("folds", [True, False])
def test_a_hundred_thousand_nodes_neither_hang_nor_recurse(folds):
    assert sys.getrecursionlimit() < 100_000
    if folds:
        y = leaf(1.0)
        for _ in range(100_000):
            y = y * 1.0001
    else:
        y = irregular(100_000)
    start = time.perf_counter()
    if folds:
        assert tg.draw_graph(y).source.count("->") < 20
    else:
        with pytest.raises(ValueError, match=r"100,001 nodes"):
            tg.draw_graph(y)
    assert time.perf_counter() - start < 30
