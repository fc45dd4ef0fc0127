"""Recording one training step: the loss, the gradients, and what an optimizer makes of them."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from functools import reduce
from keyword import iskeyword
from typing import Any, cast

import numpy as np

from tinygrad_edu.compiler.tracing import Tape, Traced, Value, random_sources
from tinygrad_edu.context import within
from tinygrad_edu.engine import Node, backpropagate
from tinygrad_edu.errors import describe
from tinygrad_edu.optim.base import Optimizer
from tinygrad_edu.optim.packing import Block
from tinygrad_edu.tensor import Tensor

__all__ = ["Recording"]


INSIDE = "<the function that is recorded>"
"""The scope of Tensors that the function makes while it is recorded; others existed before."""


class Recording:
    """One training step on a tape.

    The function runs once, on traced arrays. Those of the arguments are handed to it. For each
    parameter there is a stand-in with traced data, which operations find through the context, in
    this run alone: the parameters themselves stay as they are, and other threads can go on
    computing with them.

    Parameters
    ----------
    function : callable
        From the arguments to the loss.
    arguments : mapping of str to anything
        By name. Arrays and Tensors may differ from call to call, all else is part of the program.
    optimizer : Optimizer or None
        Whose step is recorded after the gradients.
    clip_norm : float, optional
        The largest common norm of the gradients that the optimizer is given.
    vary : callable, optional
        Applied to every array and number before the function runs.
    """

    tape: Tape
    names: set[str]  # of inputs and memory
    inputs: list[Value]  # in the order of the arguments of the program
    settings: list[Value]  # the inputs from the optimizer; its rule may not use all
    parameters: dict[Tensor, str]  # the leaves that the function uses, and their names
    frozen: dict[Tensor, None]  # other leaves that it uses: they require no gradient
    loss: Value
    gradients: dict[Tensor, Value]
    memory: dict[Value, str]  # arrays that a program allocates once, and the source of that
    parts: dict[Value, Value]  # inputs that are views of another one
    stored: dict[Value, list[Value]]  # values, and the memory that each is written to
    overwritten: dict[Value, Value]  # inputs, and the values written into them at the end

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        optimizer: Optimizer | None,
        clip_norm: float | None = None,
        vary: Callable[[Any], Any] = lambda x: x,
    ) -> None:
        self.tape = Tape()
        self.names = {"np", "slice"}
        self.inputs = []
        self.settings = []
        self.memory = {}
        self.parts = {}
        self.stored = {}
        self.overwritten = {}
        self._vary = vary
        self._stand_ins: dict[Tensor, Tensor] = {}
        self.frozen = {}
        given = [self._argument(x, name) for name, x in arguments.items()]
        with (
            within(recording=True, observer=None, scope=(INSIDE,), stand_in=self._stand_in),
            np.errstate(all="ignore"),
        ):
            loss = _checked_loss(function(*given))
            self.parameters = self._name_parameters(function)
            self._end_of_forward = len(self.tape.values)
            self.loss = self._value(loss._array)
            seed = self.tape.constant(np.ones(loss.shape, loss.dtype))
            found = backpropagate({loss: seed})
            self.gradients = {
                p: self._value(found[stand_in])
                for p, stand_in in self._stand_ins.items()
                if stand_in in found
            }
            self._end_of_backward = len(self.tape.values)
            if optimizer is not None:
                self._record_update(optimizer, clip_norm)

    @property
    def random(self) -> list[Any]:
        """The sources of random numbers that the program draws from."""
        found = (x for value in self.tape.values for x in random_sources(value))
        return [*dict.fromkeys(found)]

    # --- the parameters ------------------------------------------------------------------------

    def _stand_in(self, x: Any) -> Any:
        """A Tensor of traced data for a parameter; any other Tensor itself."""
        stand_in = self._stand_ins.get(x)
        if stand_in is not None:
            return stand_in
        if x._op is not None or x._scope[:1] == (INSIDE,):
            return x
        if not x._requires_grad:
            self.frozen[x] = None
            return x
        leaf = self._stand_ins[x] = Tensor.__new__(Tensor)
        Node.__init__(leaf, self._input(x._array), requires_grad=True)
        leaf._order = x._order  # older than what is computed now, as x is
        return leaf

    def _name_parameters(self, function: Callable[..., Any]) -> dict[Tensor, str]:
        """A name for each parameter, all of them different: its own, or that of its variable."""
        try:
            scope = inspect.getclosurevars(function)
            variables = {id(x): name for name, x in {**scope.globals, **scope.nonlocals}.items()}
        except TypeError:  # not a Python function
            variables = {}
        names = [_identifier(p.name or variables.get(id(p), "p")) for p in self._stand_ins]
        times, seen, given = Counter(names), Counter[str](), {}
        for (p, stand_in), name in zip(self._stand_ins.items(), names, strict=True):
            seen[name] += 1
            repeated = times[name] > 1 or name in self.names
            given[p] = self.unused(f"{name}{seen[name]}" if repeated else name)
            _value_of(stand_in).input = given[p]
        return given

    # --- what goes in ----------------------------------------------------------------------

    def _argument(self, x: Any, name: str) -> Any:
        if isinstance(x, Tensor):
            leaf = x.detach()
            leaf._array = self._input(x.data, name)
            leaf._scope = (INSIDE,)
            return leaf
        return self._input(x, name) if isinstance(x, np.ndarray) else x

    def _input(self, x: Any, name: str = "") -> Any:
        traced = self.tape.input(self._vary(x), name and self.unused(name))
        self.inputs.append(traced.value)
        return traced

    def unused(self, name: str) -> str:
        """The name, or one like it that nothing else has."""
        name = self.other_than_inputs(name)
        self.names.add(name)
        return name

    def other_than_inputs(self, name: str) -> str:
        """The name, or one like it that no input and no memory has."""
        while name in self.names:
            name += "_"
        return name

    def flat_gradients(self) -> list[Value]:
        """The memory of all gradients of each block of the optimizer."""
        return [memory for memory in self.memory if memory not in self.parts]

    def _value(self, x: Any) -> Value:
        """The value of an array, which is a constant if nothing that varies went into it."""
        traced: Any = x if isinstance(x, Traced) else self.tape.constant(np.asarray(x))
        return cast("Value", traced.value)

    # --- the step of an optimizer -------------------------------------------------------------

    def _record_update(self, optimizer: Optimizer, clip_norm: float | None) -> None:
        for p in optimizer.parameters:
            if p not in self.gradients:
                why = "" if p.requires_grad else ", which requires no gradient any more"
                raise ValueError(
                    f"the loss does not depend on {describe(p)}, a parameter of the optimizer{why}"
                )
        optimizer = copy(optimizer)  # a rule may read and change its attributes
        data = {p: _value_of(stand_in) for p, stand_in in self._stand_ins.items()}
        given = len(self.inputs)
        options = {group: optimizer.options(group) for group in optimizer.groups}
        for i, group in enumerate(optimizer.groups, 1):
            name = f"lr{i}" if len(optimizer.groups) > 1 else "lr"
            options[group]["lr"] = self._input(options[group]["lr"], name)
        optimizer.steps = self._input(optimizer.steps + 1, "t")
        suffixes = [
            str(k) if len(optimizer.blocks) > 1 else "" for k in range(1, len(optimizer.blocks) + 1)
        ]
        gradients = [*map(self._gradient_of, optimizer.blocks, suffixes)]
        if clip_norm is not None:
            gradients = _clipped(gradients, clip_norm)
        for block, suffix, g in zip(optimizer.blocks, suffixes, gradients, strict=True):
            values = np.concatenate([data[p].example for p in block.parameters], axis=None)
            before = [
                self._input(x, name + suffix)
                for name, x in zip(
                    ("values", *optimizer.slots), (values, *block.state), strict=True
                )
            ]
            self.parts |= {data[p]: before[0].value for p in block.parameters}
            after = optimizer.update(
                before[0],
                g,
                *before[1:],
                weight_decay=block.weight_decay,
                **options[block.group],
            )
            for old, new in zip(before, map(self._value, after), strict=True):
                if new is not old.value:
                    self.overwritten[old.value] = new
        self.settings = self.inputs[given:]

    def _gradient_of(self, block: Block, suffix: str) -> Any:
        """The gradients of a block side by side, each of them written to its part."""
        memory = np.zeros(block.size, block.dtype)
        name = self.unused(f"gradient{suffix}")
        whole = self.tape.input(memory, name)
        self.memory[whole.value] = f"np.zeros({memory.size}, np.{memory.dtype})"
        start = 0
        for p, view in zip(block.parameters, block.split(memory), strict=True):
            part = self.tape.input(view, self.unused(f"d{self.parameters[p]}")).value
            end = start + p.size
            self.memory[part] = f"{name}[{start}:{end}].reshape({view.shape})"
            self.parts[part] = whole.value
            self.stored.setdefault(self.gradients[p], []).append(part)
            start = end
        return whole

    # --- names --------------------------------------------------------------------------------

    def letters(self) -> dict[Value, str]:
        """The letter of each name: h on the way forward, g on the way back, u in the update."""
        backward, update = self._end_of_forward, self._end_of_backward  # where they begin
        return {
            value: "h" if i < backward else "g" if i < update else "u"
            for i, value in enumerate(self.tape.values)
        }


def _clipped(gradients: list[Any], max_norm: float) -> list[Any]:
    """Gradients with a common norm of at most max_norm; their squares do not overflow."""
    largest = reduce(np.maximum, [np.max(np.abs(g)) for g in gradients])
    largest = np.maximum(largest, np.finfo(largest.dtype).tiny)
    parts = [g / largest for g in gradients]
    norm = largest * np.sqrt(sum(part.dot(part) for part in parts))
    factor = np.minimum(1.0, max_norm / norm)
    return [g * factor.astype(g.dtype) for g in gradients]


def _checked_loss(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        what = f"a {type(loss).__name__}" if not isinstance(loss, Tensor) else "a constant Tensor"
        raise TypeError(
            f"the function must return a Tensor that depends on a parameter; it returned {what}"
        )
    if loss.size != 1:
        raise ValueError(
            f"the loss must be a single number; it has shape {loss.shape}. Reduce it with .sum() "
            "or .mean()"
        )
    return loss


def _value_of(stand_in: Tensor) -> Value:
    data: Any = stand_in._array
    return cast("Value", data.value)


def _identifier(name: str) -> str:
    """The text, changed as little as needed to be a name in Python."""
    name = re.sub(r"\W", "_", name)
    return name if name.isidentifier() and not iskeyword(name) else f"p_{name}"
