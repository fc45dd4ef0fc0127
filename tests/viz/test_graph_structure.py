"""Names, scopes and sizes of drawn graphs."""

import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu as tg


def leaf(data, name=None):
    return tg.Tensor(data, requires_grad=True, name=name)


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


def recurrent(steps):
    """Unroll a recurrent network, with a scope for each step."""
    U, V, b, W = (
        leaf(np.ones(n), name)
        for n, name in [((2, 3), "U"), ((3, 3), "V"), (3, "b"), ((3, 1), "W")]
    )
    h, loss = tg.Tensor(np.zeros((1, 3)), name="h"), leaf(0.0, "loss")
    for step in range(steps):
        with tg.scope(f"step {step}"):
            h = tg.tanh(np.ones((1, 2)) @ U + h @ V + b)
            loss = loss + ((h @ W - 1.0) ** 2).mean()
    return loss


def test_arrows_between_scopes_point_forward(picture):
    drawn = picture(recurrent(10), max_nodes=500, constants=False)
    assert len(drawn.clusters) == 10
    backward = [
        (source, target)
        for source, target in drawn.edges
        if drawn.nodes[target].across < drawn.nodes[source].across - 40
    ]
    assert backward == []


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
    assert fold.texts == [
        "body",
        "in (2, 4), out (2, 4)",
        "9 operations: 3 @, 3 +, 3 tanh",
        "3 parameters: 48 numbers",
        "kept for the way back: 7 arrays, 640 bytes",
    ]


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
    folded = {"x", "layer0", "layer1", "layer2 … layer98", "layer99", "L"}
    assert set(picture(layered(100), max_nodes=50).nodes) == folded
    assert set(picture(layered(100), max_nodes=5).nodes) == {"x", "body", "L"}


def test_what_repeats_itself_is_folded(picture):
    x = leaf(0.5, "x")
    y = x
    for _ in range(500):
        y = tg.sin(y * leaf(0.9))
    drawn = picture(y)
    (fold,) = (card for name, card in drawn.nodes.items() if "times the same" in name)
    assert fold.texts[1:] == [
        "in (), out ()",
        "994 operations: 497 sin, 497 *",
        "497 parameters: 497 numbers",
        "kept for the way back: 1,988 arrays, 15.9 kB",
    ]
    assert len(drawn.nodes) < 12


def test_repeated_scopes_are_folded(picture):
    h = leaf(np.ones(4), "x")
    for i in range(50):
        with tg.scope(f"block{i}"):
            h = tg.tanh(h * leaf(np.ones(4)) + 1.0)
    drawn = picture(h.sum(), max_nodes=20)
    assert {"block0", "block1", "block2 … block48", "block49"} < drawn.nodes.keys()
    assert "47 times the same" in drawn.nodes["block2 … block48"].texts


def recurrent_loss(steps):
    outputs, _ = tg.nn.LSTM(3, 4, rng=0)(np.ones((2, steps, 3)))
    return (outputs**2).mean()


def test_a_recurrent_network_folds_into_its_steps_by_itself(picture):
    drawn = picture(recurrent_loss(20))
    assert {"step 1", "step 2", "step 3 … step 19", "step 20"} < drawn.nodes.keys()
    assert drawn.clusters == ["LSTM"]
    assert float(drawn.root.get("width")[:-2]) < 2000
    pairs = set(drawn.edges)
    assert ("step 2", "step 3 … step 19") in pairs
    assert ("step 3 … step 19", "step 20") in pairs


def test_steps_that_all_take_from_one_array_are_the_same(picture):
    lstm = tg.nn.LSTM(3, 4, rng=0)
    drawn = picture(lambda x: (lstm(x)[0] ** 2).mean(), np.ones((2, 20, 3)))
    assert {"step 1", "step 3 … step 19"} < drawn.nodes.keys()
    assert len(drawn.nodes) < 16


def test_what_is_asked_for_is_not_folded(picture):
    steps = {f"step {t}" for t in range(1, 21)}
    assert steps <= picture(recurrent_loss(20), depth=1).nodes.keys()
    assert len(picture(recurrent_loss(20), max_nodes=400).nodes) > 300


def test_a_scope_around_a_single_fold_is_that_fold(picture):
    with tg.scope("outer"), tg.scope("inner"):
        h = tg.tanh(leaf(1.0, "w") * 2.0)
    drawn = picture(h + 1.0, depth=1)
    assert "outer" in drawn.nodes
    assert drawn.clusters == []


def test_a_path_that_is_too_long_is_folded(picture):
    def chain(n):
        y = leaf(0.5, "x")
        for _ in range(n):
            y = tg.sin(y)
        return y

    assert len(picture(chain(39)).nodes) == 40
    assert len(picture(chain(40)).nodes) < 10
    assert len(picture(chain(40), max_nodes=50).nodes) == 41


def test_a_call_with_many_operands_is_written_shortly(picture):
    parts = [leaf(float(i), f"x{i}") for i in range(9)]
    drawn = picture(tg.stack(parts, axis=0).sum())
    assert "stack(x0, x1, …, x8, axis=0)" in drawn.nodes["t1"].texts


@pytest.mark.parametrize("folds", [True, False])
def test_a_deep_graph_neither_hangs_nor_recurses(folds):
    assert sys.getrecursionlimit() < 30_000
    if folds:
        y = leaf(1.0)
        for _ in range(30_000):
            y = y * 1.0001
    else:
        y = irregular(30_000)
    if folds:
        assert tg.draw_graph(y).source.count("->") < 20
    else:
        with pytest.raises(ValueError, match=r"30,001 nodes"):
            tg.draw_graph(y)
