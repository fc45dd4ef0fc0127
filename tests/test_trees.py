"""Nested containers: what is done to their leaves, and what they are called."""

from collections import namedtuple

import pytest

from tinygrad_edu.trees import leaves, named_leaves, tree_map

Point = namedtuple("Point", "x y")
TREE = {"a": [1, (2, 3)], "p": Point(4, {"deep": 5}), "none": []}


def test_the_structure_is_kept():
    doubled = tree_map(lambda x: 2 * x, TREE)
    assert doubled == {"a": [2, (4, 6)], "p": Point(8, {"deep": 10}), "none": []}
    assert type(doubled["p"]) is Point
    assert tree_map(lambda x: x + 1, 1) == 2


def test_trees_go_together():
    assert tree_map(lambda x, y: x - y, {"a": [3, Point(4, 5)]}, {"a": (1, (1, 1))}) == {
        "a": [2, Point(3, 4)]
    }
    with pytest.raises(ValueError, match="shorter"):
        tree_map(max, [1, 2], [1])
    with pytest.raises(KeyError):
        tree_map(max, {"a": 1}, {"b": 1})


def test_leaves_have_an_order_and_names():
    assert leaves(TREE) == [1, 2, 3, 4, 5]
    assert [*named_leaves(TREE)] == [
        ("a.0", 1), ("a.1.0", 2), ("a.1.1", 3), ("p.0", 4), ("p.1.deep", 5)
    ]  # fmt: skip
    assert [*named_leaves([1, [2]], "w", "[{}]")] == [("w[0]", 1), ("w[1][0]", 2)]
    assert [*named_leaves(3, "x")] == [("x", 3)]


def test_what_contains_itself_is_entered_once():
    tree = [1, {"two": 2}]
    tree[1]["again"] = tree
    assert leaves(tree) == [1, 2]
    shared = [3]
    assert leaves([shared, shared]) == [3, 3]
