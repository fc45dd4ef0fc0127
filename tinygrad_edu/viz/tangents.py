"""Forward mode: how every value of a graph moves when its leaves move along given directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.transforms import jvp
from tinygrad_edu.trees import Tree, leaves, tree_map
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.model import Graph

__all__ = ["Movement", "Push", "Tangents", "directions_of", "movements", "tangents_of"]


class Push(NamedTuple):
    """What one operand brings: the derivative by it, in the direction in which it moves."""

    position: int
    """Of the operand among the node's inputs."""
    parent: Node
    tangent: Array
    """How the operand moves."""
    brought: Array
    """And how the node does for that."""


class Movement(NamedTuple):
    """How a node moves: the sum of what its operands bring."""

    node: Node
    pushes: list[Push]
    tangent: Array


class Tangents(dict[Node, Array]):
    """The tangent of each node that moves: cards show it, in the place of a gradient."""


def directions_of(args: Sequence[Tree], tangents: Sequence[Tree] | None) -> dict[Node, Array]:
    """In which direction each Tensor among some arguments moves; those that stay are left out.

    Raises
    ------
    TypeError
        If nothing among the arguments can move.
    ValueError
        If the directions are not in the structure and the shapes of the arguments.
    """
    able = [[x for x in leaves(arg) if isinstance(x, Node) and x._requires_grad] for arg in args]
    first = next(filter(None, able), None)
    if first is None:
        raise TypeError(
            "none of the arguments can move: of them, floating-point numbers and arrays do, and "
            "Tensors that require a gradient"
        )
    if tangents is None:
        return {x: np.ones_like(x._array) for x in first}
    directions: dict[Node, Array] = {}

    def collect(x: Any, tangent: Any) -> None:
        array = np.asarray(tangent)
        if isinstance(x, Node) and x._requires_grad:
            if array.shape != x._array.shape:
                raise ValueError(
                    f"a tangent has the shape of its argument, {x._array.shape}; got {array.shape}"
                )
            if np.any(array):
                directions[x] = array.astype(x._array.dtype)
        elif np.any(array):
            raise ValueError(
                f"what is no floating-point number cannot move; got {x!r} with {tangent!r}"
            )

    if len(tangents) != len(args):
        raise ValueError(f"there are {len(args)} arguments, but {len(tangents)} tangents")
    tree_map(collect, list(args), list(tangents))
    return directions


def tangents_of(graph: Graph, directions: Mapping[Node, Array]) -> Tangents:
    """The tangent of every node that moves."""
    moving = {movement.node: movement.tangent for movement in movements(graph, directions)}
    return Tangents({**directions, **moving})


def movements(graph: Graph, directions: Mapping[Node, Array]) -> Iterator[Movement]:
    """How each computed node moves that does, the oldest first: the chain rule, forward."""
    tangents = dict(directions)
    for node in graph.nodes:
        if node._op is None:
            continue
        pushes = [
            Push(position, parent, tangents[parent], _pushed(node, position, tangents[parent]))
            for position, parent in enumerate(node._inputs[: len(node._closures)])
            if isinstance(parent, Node) and parent in tangents
        ]
        if pushes:
            total = pushes[0].brought
            for push in pushes[1:]:
                total = total + push.brought
            tangents[node] = total
            yield Movement(node, pushes, total)


def _pushed(node: Node, position: int, tangent: Array) -> Array:
    """How a node moves when one of its operands does, and the others stay."""
    inputs = [x._array if isinstance(x, Node) else x for x in node._inputs]

    def of_one(x: Array) -> object:
        around = (*inputs[:position], x, *inputs[position + 1 :])
        return node._op(*around, **node._options)  # type: ignore[misc]  # it has pushes

    return np.asarray(jvp(of_one, [inputs[position]], [tangent])[1])
