"""Recording one training step: the loss, the gradients, and what an optimizer makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from tinygrad_edu.engine import backpropagate
from tinygrad_edu.errors import describe
from tinygrad_edu.optim.base import Optimizer
from tinygrad_edu.optim.packing import Block
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.tracing import Tape, Traced, Value

__all__ = ["Recording"]


class Recording:
    """One training step on a tape.

    Parameters
    ----------
    function : callable
        From the arguments to the loss.
    arguments : mapping of str to anything
        By name. Arrays and Tensors will be others each time, the rest stays the same.
    parameters : mapping of str to Tensor
        The leaves below the loss.
    optimizer : Optimizer or None
        Whose step follows.
    vary : callable, optional
        What is done to every array and number first.
    """

    tape: Tape
    names: set[str]  # of inputs and memory
    inputs: list[Value]  # in the order of the arguments of the program
    settings: list[Value]  # those of the optimizer among them, which a rule may not need
    loss: Value
    gradients: dict[Tensor, Value]
    memory: dict[Value, str]  # arrays that are kept, and how they are made
    parts: dict[Value, Value]  # inputs that lie in the memory of another one
    stored: dict[Value, list[Value]]  # values, and where they go at once
    overwritten: dict[Value, Value]  # inputs, and the values that replace them at the end

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        parameters: Mapping[str, Tensor],
        optimizer: Optimizer | None,
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
        given = [self._argument(x, name) for name, x in arguments.items()]
        data = {p: self._input(p.data, name) for name, p in parameters.items()}
        with replaced_data(data), np.errstate(all="ignore"):
            loss = function(*given)
            self._end_of_forward = len(self.tape.values)
            self.loss = self._value(loss._data)
            seed = self.tape.constant(np.ones(loss.shape, loss.dtype))
            found = backpropagate({loss: seed})
            self.gradients = {p: self._value(found[p]) for p in data if p in found}
            self._end_of_backward = len(self.tape.values)
            if optimizer is not None:
                names = {p: name for name, p in parameters.items()}
                self._record_update(optimizer, names, {p: x.value for p, x in data.items()})

    # --- what goes in ----------------------------------------------------------------------

    def _argument(self, x: Any, name: str) -> Any:
        if isinstance(x, Tensor):
            leaf = x.detach()
            leaf._data = self._input(x.data, name)
            return leaf
        return self._input(x, name) if isinstance(x, np.ndarray) else x

    def _input(self, x: Any, name: str) -> Any:
        traced = self.tape.input(self._vary(x), self.unused(name))
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

    def _record_update(
        self, optimizer: Optimizer, names: dict[Tensor, str], data: dict[Tensor, Value]
    ) -> None:
        steps = optimizer.steps
        for p in optimizer.parameters:
            if p not in self.gradients:
                why = "" if p.requires_grad else ", which requires no gradient any more"
                raise ValueError(
                    f"the loss does not depend on {describe(p)}, a parameter of the optimizer{why}"
                )
        given = len(self.inputs)
        options = {group: optimizer.options(group) for group in optimizer.groups}
        for i, group in enumerate(optimizer.groups, 1):
            name = f"lr{i}" if len(optimizer.groups) > 1 else "lr"
            options[group]["lr"] = self._input(options[group]["lr"], name)
        optimizer.steps = self._input(steps + 1, "t")
        try:
            for k, block in enumerate(optimizer.blocks, 1):
                suffix = str(k) if len(optimizer.blocks) > 1 else ""
                values = np.concatenate([data[p].example for p in block.parameters], axis=None)
                g = self._gradient_of(block, suffix, names)
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
        finally:
            optimizer.steps = steps
        self.settings = self.inputs[given:]

    def _gradient_of(self, block: Block, suffix: str, names: dict[Tensor, str]) -> Any:
        """The gradients of a block side by side, each of them written to its part."""
        memory = np.zeros(block.size, block.dtype)
        name = self.unused(f"gradient{suffix}")
        whole = self.tape.input(memory, name)
        self.memory[whole.value] = f"np.zeros({memory.size}, np.{memory.dtype})"
        start = 0
        for p, view in zip(block.parameters, block.split(memory), strict=True):
            part = self.tape.input(view, self.unused(f"d{names[p]}")).value
            end = start + p.size
            self.memory[part] = f"{name}[{start}:{end}].reshape({view.shape})"
            self.parts[part] = whole.value
            self.stored.setdefault(self.gradients[p], []).append(part)
            start = end
        return whole

    # --- how it is told ---------------------------------------------------------------------

    def letters(self) -> dict[Value, str]:
        """By what a value is called: h on the way forward, g on the way back, u in the update."""
        ends = self._end_of_forward, self._end_of_backward
        return {
            value: "h" if i < ends[0] else "g" if i < ends[1] else "u"
            for i, value in enumerate(self.tape.values)
        }


@contextmanager
def replaced_data(data: Mapping[Tensor, Any]) -> Iterator[None]:
    """Give Tensors other data for a while, without marking them as changed."""
    before = {p: (p._data, p.grad) for p in data}
    try:
        for p, x in data.items():
            p._data = x
        yield
    finally:
        for p, (x, grad) in before.items():
            p._data, p.grad = x, grad
