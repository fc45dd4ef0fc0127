"""Which gradient is which, where the way back is recorded itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType
from typing import NamedTuple

from tinygrad_edu import engine
from tinygrad_edu.engine import Node

__all__ = ["RecordedGradients"]

WALK = engine._walk.__code__
AGAIN = engine._recorded.__code__, engine._recorded_absorbing.__code__
UNNAMED = "f"  # what a function returns that gives it no name


class Gradient(NamedTuple):
    """What a recorded node is the gradient of, and by what."""

    of: Node
    by: Node


class RecordedGradients:
    """The nodes that are gradients of others: of each, the last that was recorded for it.

    The walk back goes from node to node; what it records meanwhile with a certain node in its
    hands is made of what this node gets, and last comes the sum.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[int, Node], tuple[Node, Gradient]] = {}
        self._seeds: dict[Node, None] = {}

    def note(self, node: Node, frame: FrameType | None) -> None:
        """Note a node that is being recorded, if the walk back does it."""
        inner = None
        while frame is not None and frame.f_code is not WALK:
            inner, frame = frame, frame.f_back
        if frame is None or inner is None or inner.f_code in AGAIN:  # bodies run once more
            return
        seeds, parent = frame.f_locals["seeds"], frame.f_locals["parent"]
        self._last[id(seeds), parent] = node, Gradient(next(iter(seeds)), parent)
        self._seeds |= dict.fromkeys(seed for seed in seeds.values() if seed._op is None)

    def names(self, known: Mapping[Node, str]) -> dict[str, Node]:
        """A name for each gradient of something that has a name: ``dy/dx``."""
        names = dict(known)
        found: dict[str, Node] = {}
        for node, (of, by) in self._last.values():
            what, where = (_name(_original(x), names) for x in (of, by))
            if where and node not in names and not node.name:
                what = what or UNNAMED
                names[node] = f"d{f'({what})' if '/' in what else what}/d{where}"
                found[names[node]] = node
        seeds = {"seed" if i == 0 else f"seed_{i + 1}": x for i, x in enumerate(self._seeds)}
        return found | {name: x for name, x in seeds.items() if not x.name and x not in names}


def _name(node: Node, names: Mapping[Node, str]) -> str:
    return names.get(node) or node.name or ""


def _original(node: Node) -> Node:
    """What a function that is differentiated was given: inside it has a copy."""
    while node._op is not None and node._op.__name__ == "positive":
        node = node._inputs[0]
    return node
