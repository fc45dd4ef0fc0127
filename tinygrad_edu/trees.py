"""Nested containers: lists, tuples, named tuples and dicts; whatever else is in them is a leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

__all__ = ["Tree", "leaves", "named_leaves", "tree_map"]

Tree: TypeAlias = Any
"""A leaf, or a list, tuple or dict of trees."""


def tree_map(f: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """``f`` of every leaf, with those at the same place in other trees, in the same structure."""
    if isinstance(tree, dict):
        return {key: tree_map(f, tree[key], *(other[key] for other in others)) for key in tree}
    if isinstance(tree, list | tuple):
        mapped = [tree_map(f, *parts) for parts in zip(tree, *others, strict=True)]
        return type(tree)(*mapped) if hasattr(tree, "_fields") else type(tree)(mapped)
    return f(tree, *others)


def leaves(tree: Tree) -> list[Any]:
    """The leaves, in order."""
    return [leaf for _, leaf in named_leaves(tree)]


def named_leaves(
    tree: Tree, name: str = "", index: str = ".{}", inside: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """The leaves, in order, each with the path to it, as ``layers.0.W``.

    Parameters
    ----------
    tree : tree
        A container that contains itself is not entered again.
    name : str, optional
        Of the tree: where every path begins.
    index : str, optional
        How a path goes on in a list or a tuple.
    inside : tuple of int, optional
        The containers around this one.
    """
    if not isinstance(tree, list | tuple | Mapping):
        yield name, tree
        return
    if id(tree) in inside:
        return
    inside = (*inside, id(tree))
    if isinstance(tree, Mapping):
        parts = [(f"{name}.{key}" if name else str(key), part) for key, part in tree.items()]
    else:
        parts = [(name + index.format(i), part) for i, part in enumerate(tree)]
    for path, part in parts:
        yield from named_leaves(part, path, index, inside)
