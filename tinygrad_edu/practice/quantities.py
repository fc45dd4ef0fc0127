"""What a compiled step computes, by the names that a derivation by hand has for it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.compiler import CompiledStep
from tinygrad_edu.context import within
from tinygrad_edu.debugging import Suspect, Verdict, diagnose
from tinygrad_edu.engine import Node
from tinygrad_edu.optim.clipping import clipped_to_norm
from tinygrad_edu.viz.arrays import Array
from tinygrad_edu.viz.explorer import require_loss
from tinygrad_edu.viz.gradients import Contribution, retrace
from tinygrad_edu.viz.model import Graph, read_graph
from tinygrad_edu.viz.observer import Observer
from tinygrad_edu.viz.suspects import sizes_of, suspects_of

__all__ = ["Quantities", "Quantity"]

GRADIENTS = ["d{}", "grad_{}", "{}_grad", "dL_d{}", "dloss_d{}"]
UPDATES = ["{}", "new_{}", "{}_new"]
NUMBERED = re.compile(r"(.+)_(\d+)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity that the step computes."""

    node: Node
    words: str
    """What it is."""
    right: Array
    suspects: Iterable[Suspect]
    scale: float = 0.0
    """Of the terms that it is a sum of."""
    base: Array | None = None
    """What it is a change of; None if it is none."""

    def judge(self, answer: Array, sizes: Iterable[int], rtol: float | None) -> Verdict:
        """What there is to say of an answer."""
        if self.base is None or answer.shape != self.base.shape:
            right, given = self.right, answer
        else:
            right, given = self.right - self.base, answer - self.base
        return diagnose(given, right, self.suspects, sizes=sizes, rtol=rtol, scale=self.scale)


class Quantities:
    """All quantities of a step: values, gradients, and the parameters after it.

    Parameters
    ----------
    step : CompiledStep
        Its function is called once.
    args : tuple
        The data.
    names : mapping
        For Tensors without a name, as in `draw_graph`.
    """

    def __init__(self, step: CompiledStep, args: tuple[Any, ...], names: Mapping[str, Any]) -> None:
        self.graph: Graph = _recorded(step, args, names)
        self.flows: list[Contribution] = list(retrace(self.graph))
        self.gradients: dict[Node, Array] = {flow.parent: flow.after for flow in self.flows}
        self.updates: dict[Node, Array] = _updated(step, self.gradients)
        self.sizes: set[int] = sizes_of(self.graph)
        self._variables: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            self._add(_identifier(self.graph.names[node]), node)
        for name in ("loss", "L"):
            self._variables.setdefault(name, [self.graph.root])

    def _add(self, name: str, node: Node) -> None:
        """Add a node by its name; the second of a variable h is called h_2, and h, too."""
        self._variables[name] = [node]
        numbered = NUMBERED.fullmatch(name)
        earlier = self._variables.get(numbered[1], []) if numbered else []
        if numbered and len(earlier) + 1 == int(numbered[2]):
            earlier.append(node)

    @property
    def leaves(self) -> dict[str, Node]:
        """The leaves, by name."""
        return {name: nodes[0] for name, nodes in self._variables.items() if not nodes[0]._op}

    def known(self) -> list[str]:
        """The names that were not made up."""
        given = (node for node in self.graph.nodes if node not in self.graph.unnamed)
        return [_identifier(self.graph.names[node]) for node in given]

    def of(self, name: str) -> list[Quantity]:
        """What a variable is expected to hold, one after the other; nothing if that is unknown."""
        for node in self._called(name, UPDATES)[:1]:
            if node in self.updates:
                return [self._after_the_step(node)]
        if name in self._variables:
            return [self._value(node) for node in self._variables[name]]
        backward = [node for node in self._called(name, GRADIENTS) if node in self.gradients]
        return [self._gradient(node) for node in reversed(backward)]

    def _called(self, name: str, patterns: list[str]) -> list[Node]:
        """The nodes of the variable whose name is found in another by one of some patterns."""
        for pattern in patterns:
            before, after = pattern.split("{}")
            inner = name.removeprefix(before).removesuffix(after)
            if pattern.format(inner) == name and inner in self._variables:
                return self._variables[inner]
        return []

    def _value(self, node: Node) -> Quantity:
        names = self.graph.names
        others = (
            Suspect("other", f"That is the value of {names[other]}.", other._array)
            for other in self.graph.nodes
            if other is not node
        )
        return Quantity(node, f"the value of {names[node]}", node._array, others)

    def _gradient(self, node: Node) -> Quantity:
        return Quantity(
            node,
            f"the gradient of {self.graph.names[node]}",
            self.gradients[node],
            suspects_of(self.graph, node, self.flows),
            max(_largest(flow.returned) for flow in self.flows if flow.parent is node),
        )

    def _after_the_step(self, node: Node) -> Quantity:
        return Quantity(
            node,
            f"the step of {self.graph.names[node]}",
            self.updates[node],
            self._suspects_of_a_step(node),
            _largest(node._array),
            base=node._array,
        )

    def _suspects_of_a_step(self, node: Node) -> Iterator[Suspect]:
        """Steps without a learning rate; and of gradient descent, those by a wrong gradient."""
        change, gradient = self.updates[node] - node._array, self.gradients[node]
        whole = "That is a step by the whole gradient, without the learning rate."
        for sign in (-1, 1):
            yield Suspect("factor", whole, sign * gradient)
        rate = np.vdot(change, gradient) / (np.vdot(gradient, gradient) or 1)
        if np.allclose(change, rate * gradient, atol=1e-6 * _largest(change)):
            for suspect in suspects_of(self.graph, node, self.flows):
                yield suspect._replace(array=rate * suspect.array)


def _recorded(step: CompiledStep, args: tuple[Any, ...], names: Mapping[str, Any]) -> Graph:
    """The graph of the loss, with the names of the variables of the function that was compiled."""
    observer = Observer(sys._getframe())
    with within(recording=True, observer=observer):
        result = step._function(*args)
    root = result[0] if isinstance(result, tuple) else result
    require_loss(root)
    found = {name: node for node, name in observer.names.items() if not node.name}
    return read_graph(root, {**names, **found})


def _updated(step: CompiledStep, gradients: Mapping[Node, Array]) -> dict[Node, Array]:
    """What the parameters become, by a copy of the optimizer with parameters of its own."""
    optimizer = step._optimizer
    if optimizer is None:
        return {}
    twin = deepcopy(optimizer)
    learned = dict(zip(optimizer.parameters, twin.parameters, strict=True))
    found = {p: gradients[p] for p in learned if p in gradients}
    if step._clip_norm is not None:
        clipped = clipped_to_norm([*found.values()], step._clip_norm)[1]
        found = dict(zip(found, clipped, strict=True))
    twin.apply_gradients({learned[p]: g for p, g in found.items()})
    return {p: learned[p]._array for p in found}


def _identifier(name: str) -> str:
    """A name as that of a variable: ``net.layers.0.W`` is ``net_layers_0_W``."""
    return re.sub(r"\W+", "_", name).strip("_")


def _largest(x: Array) -> float:
    return float(np.abs(x).max(initial=0.0))
