"""Recording one training step: the loss, the gradients, and what an optimizer makes of them."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import reduce
from keyword import iskeyword
from types import CellType, FunctionType
from typing import Any, cast

import numpy as np

from tinygrad_edu.compiler.tracing import Number, Tape, Traced, random_sources
from tinygrad_edu.compiler.values import Value, found
from tinygrad_edu.context import within
from tinygrad_edu.engine import Node, backpropagate
from tinygrad_edu.errors import describe
from tinygrad_edu.optim.base import Optimizer
from tinygrad_edu.optim.packing import Block
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import named_leaves, tree_map

__all__ = ["Output", "Recording", "StepRecording", "identifier"]


USED_BY_LOOPS = {
    *["i", "j", "k", "l", "m", "n", "o", "r", "s", *(f"r{axis}" for axis in range(32))],
    *["ok", "check", "row", "first", "losses", "order", "njit", "abs", "range", "len"],
    *["maximum", "minimum", "sign", "sigmoids", "logarithms"],
    *[f"work_{kind}" for kind in ("float64", "float32", "int64", "int32", "bool")],
}
"""Names that mean something in programs of loops."""

INSIDE = "<the function that is recorded>"
"""The scope of Tensors that the function makes while it is recorded; others existed before."""


class Output:
    """Something that a function returned."""

    __slots__ = ("is_tensor", "value")

    is_tensor: bool
    value: Value

    def __init__(self, value: Value, *, is_tensor: bool) -> None:
        self.value, self.is_tensor = value, is_tensor


class Recording:
    """A function on a tape.

    The function runs once, on traced arrays. Those of the arguments are handed to it. For each
    leaf that it finds elsewhere, as a network's parameters, there is a stand-in with traced data,
    which operations find through the context, in this run alone: the leaves themselves stay as they
    are, and other threads can go on computing with them.

    Parameters
    ----------
    function : callable
        What is recorded.
    arguments : mapping of str to anything
        By name. Arrays and Tensors may differ from call to call, all else is part of the program.
    vary : callable, optional
        Applied to every array and number before the function runs.
    for_numpy : bool, optional
        Whether calls are recorded such that NumPy computes them fast.
    """

    tape: Tape
    names: set[str]  # of inputs and memory
    inputs: list[Value]  # in the order of the arguments of the program
    argument_names: list[str]  # of those that are arguments of the function
    leaves: dict[Tensor, str]  # that the function uses, and their names
    result: Any  # what the function returned, with outputs in place of Tensors and arrays
    returned: list[Value]  # what the program returns
    assigned: dict[Tensor, Value]  # leaves that the function gives new data, as running statistics
    escaping: list[Value]  # what of it the caller gets as it is
    memory: dict[Value, str]  # arrays that are there before a program runs, and how they are made
    bound: list[Value]  # those of them that the program is given
    parts: dict[Value, Value]  # inputs that are views of another one
    starts: dict[Value, int]  # where in it they begin
    stored: dict[Value, list[Value]]  # values, and the memory that each is written to
    overwritten: dict[Value, Value]  # inputs, and the values written into them at the end
    wanted_names: dict[Value, str]

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        vary: Callable[[Any], Any] = lambda x: x,
        for_numpy: bool = True,
    ) -> None:
        self.tape = Tape(for_numpy)
        self.names = {"np", "slice", "_"} | (set() if for_numpy else USED_BY_LOOPS)
        self.inputs = []
        self.memory, self.bound, self.parts, self.starts = {}, [], {}, {}
        self.stored, self.overwritten = {}, {}
        self.wanted_names = {}
        self._vary = vary
        self.assigned = {}
        self._stand_ins: dict[Tensor, Tensor] = {}
        self._leaf_inputs: dict[Tensor, Value] = {}
        self._ends: list[int] = []  # of the ways forward and back
        given = [self._argument(x, name) for name, x in arguments.items()]
        self.argument_names = [value.input or "" for value in self.inputs]
        with (
            within(
                recording=True,
                observer=None,
                scope=(INSIDE,),
                stand_in=self._stand_in,
                assign=self._assign,
            ),
            np.errstate(all="ignore"),
        ):
            result = self._with_tables(function)(*given)
            self.leaves = self._name_leaves(function)
            self._finish(result)

    def _finish(self, result: Any) -> None:
        """Keep what the function returned."""
        self.result = tree_map(self._output, result)
        self.returned = [output.value for output in found(Output, self.result)]
        self.returned += self.assigned.values()
        self._let_escape(self.returned)

    def _let_escape(self, values: list[Value]) -> None:
        self.escaping = values

    def flat_gradients(self) -> list[Value]:
        """The memory of all gradients of each block of an optimizer."""
        return []

    @property
    def random(self) -> list[Any]:
        """The sources of random numbers that the program draws from."""
        drawn = (x for value in self.tape.values for x in random_sources(value))
        return [*dict.fromkeys(drawn)]

    # --- the leaves ------------------------------------------------------------------------

    def _stand_in(self, x: Any) -> Any:
        """A Tensor of traced data for a parameter; any other Tensor itself."""
        stand_in = self._stand_ins.get(x)
        if stand_in is not None:
            return stand_in
        if x._scope[:1] == (INSIDE,) or x.dtype.kind not in "fiu":
            return x
        if x._op is not None:
            if x._requires_grad:
                raise TypeError(
                    f"{describe(x)} was computed outside of the function that is being recorded, "
                    "which would lose its gradient and keep its value; compute it inside, or use "
                    "its .detach()"
                )
            return x
        leaf = self._stand_ins[x] = Tensor.__new__(Tensor)
        traced = self._input(x._array)
        self._leaf_inputs[x] = traced.value
        Node.__init__(leaf, traced, requires_grad=x._requires_grad)
        leaf._order = x._order  # older than what is computed now, as x is
        return leaf

    def _assign(self, x: Any, data: Any) -> None:
        """Take note of the new data of a leaf, for others that use it and for the end."""
        leaf = self._stand_in(x)
        array: Any = data if isinstance(data, np.ndarray) else np.asarray(data)
        if leaf is x or x.requires_grad or (array.shape, array.dtype) != (x.shape, x.dtype):
            raise TypeError(
                "a function that is being recorded can give new data to Tensors that it found, "
                "that require no gradient, and of their shape and dtype; not "
                f"{array.shape} {array.dtype} to {describe(x)}"
            )
        value = self._value(array)
        leaf._array = self.tape.traced(value)
        self.assigned[x] = value

    def _name_leaves(self, function: Callable[..., Any]) -> dict[Tensor, str]:
        """A name for each leaf, all of them different: its own, or that of its variable."""
        try:
            scope = inspect.getclosurevars(function)
            variables = {id(x): name for name, x in {**scope.globals, **scope.nonlocals}.items()}
        except TypeError:  # not a Python function
            variables = {}
        names = [identifier(p.name or variables.get(id(p), "p")) for p in self._stand_ins]
        times, seen, given = Counter(names), Counter[str](), {}
        for p, name in zip(self._stand_ins, names, strict=True):
            seen[name] += 1
            repeated = times[name] > 1 or name in self.names
            given[p] = self.unused(f"{name}{seen[name]}" if repeated else name)
            self._leaf_inputs[p].input = given[p]
        return given

    # --- what goes in ----------------------------------------------------------------------

    def _with_tables(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with traced constants for the arrays among its variables.

        For ``table[labels]`` is a call of the table, which would not be heard of otherwise.
        """
        if not isinstance(function, FunctionType):
            return function

        def traced(name: str, x: Any) -> Any:
            if type(x) is not np.ndarray or x.dtype.kind not in "fiub":
                return x
            constant = self.tape.constant(x)
            self.wanted_names.setdefault(constant.value, self.unused(name))
            return constant

        names = {*function.__code__.co_names} & function.__globals__.keys()
        variables = {name: traced(name, function.__globals__[name]) for name in names}
        cells = [
            CellType(traced(name, cell.cell_contents))
            for name, cell in zip(
                function.__code__.co_freevars, function.__closure__ or (), strict=True
            )
        ]
        copied = FunctionType(
            function.__code__,
            {**function.__globals__, **variables},
            function.__name__,
            function.__defaults__,
            tuple(cells),
        )
        copied.__kwdefaults__ = function.__kwdefaults__
        return copied

    def _argument(self, x: Any, name: str) -> Any:
        if isinstance(x, list | tuple | dict):
            return tree_map(self._argument, x, _names_of_parts(x, name))
        if isinstance(x, Tensor):
            leaf = x.detach()
            leaf._array = self._input(x._array, name)
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

    def _value(self, x: Any) -> Value:
        """The value of an array, which is a constant if nothing that varies went into it."""
        traced: Any = x if isinstance(x, Traced | Number) else self.tape.constant(np.asarray(x))
        return cast("Value", traced.value)

    def _output(self, x: Any) -> Any:
        """What stands for a Tensor, an array or a number; anything else as it is."""
        if isinstance(x, Tensor):
            return Output(self._value(x.data), is_tensor=True)
        if isinstance(x, Number | np.ndarray | np.generic):
            return Output(self._value(x), is_tensor=False)
        return x

    def leaf_values(self) -> Iterator[tuple[Tensor, Value]]:
        """The leaves that the function uses, each with its value."""
        yield from self._leaf_inputs.items()

    # --- names --------------------------------------------------------------------------------

    def letters(self) -> dict[Value, str]:
        """The letter of each name: h on the way forward, g on the way back, u in the update."""
        letters = "hgu"
        return {
            value: letters[sum(i >= end for end in self._ends)]
            for i, value in enumerate(self.tape.values)
        }


class StepRecording(Recording):
    """A training step on a tape: the loss, its gradients, and the step of an optimizer.

    Parameters
    ----------
    function : callable
        From the arguments to the loss; or to a tuple of the loss and more to be reported.
    arguments : mapping of str to anything
        As those of a recording.
    optimizer : Optimizer or None
        Whose step is recorded after the gradients.
    clip_norm : float, optional
        The largest common norm of the gradients that the optimizer is given.
    vary, for_numpy
        As those of a recording.
    """

    settings: list[Value]  # the inputs from the optimizer; its rule may not use all
    loss: Value
    gradients: dict[Tensor, Value]
    blocks: list[Block]  # of the optimizer, whose parameters the step changes

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        optimizer: Optimizer | None = None,
        clip_norm: float | None = None,
        vary: Callable[[Any], Any] = lambda x: x,
        for_numpy: bool = True,
    ) -> None:
        self._optimizer, self._clip_norm = optimizer, clip_norm
        self.settings, self.blocks = [], []
        super().__init__(function, arguments, vary, for_numpy)

    def _finish(self, result: Any) -> None:
        """Go back from the loss, and take the step."""
        loss, *more = result if isinstance(result, tuple) and result else (result,)
        loss = _checked_loss(loss)
        super()._finish((loss._array, *more))
        self._ends.append(len(self.tape.values))
        self.loss = self.returned[0]
        self._let_escape(self.returned[1:])
        self.wanted_names[self.loss] = self.unused("loss")
        seed = self.tape.constant(np.ones(loss.shape, loss.dtype))
        gradients = backpropagate({loss: seed})
        self.gradients = {
            p: self._value(gradients[stand_in])
            for p, stand_in in self._stand_ins.items()
            if stand_in in gradients
        }
        self._ends.append(len(self.tape.values))
        if self._optimizer is not None:
            self._record_update(self._optimizer)
            return
        self.returned.extend(self.gradients.values())
        for p, gradient in self.gradients.items():
            if gradient not in self.wanted_names:
                self.wanted_names[gradient] = self.unused(f"d{self.leaves[p]}")

    # --- the step of an optimizer -------------------------------------------------------------

    def _record_update(self, optimizer: Optimizer) -> None:
        if not any(p in self.gradients for p in optimizer.parameters):
            raise ValueError(
                "the loss depends on no parameter of the optimizer that requires a gradient; the "
                f"first of them is {describe(optimizer.parameters[0])}"
            )
        optimizer = copy(optimizer)  # a rule may read and change its attributes
        given = {*self.inputs}
        options = {group: optimizer.options(group) for group in optimizer.groups}
        for i, group in enumerate(optimizer.groups, 1):
            name = f"lr{i}" if len(optimizer.groups) > 1 else "lr"
            options[group]["lr"] = self._input(options[group]["lr"], name)
        optimizer.steps = self._input(optimizer.steps + 1, "t")
        used = [x for x in optimizer.blocks if not self.gradients.keys().isdisjoint(x.parameters)]
        used.sort(key=lambda block: block.size)  # large ones, which change in place, come last
        suffixes = [str(k) if len(used) > 1 else "" for k in range(1, len(used) + 1)]
        gradients = [*map(self._gradient_of, used, suffixes)]
        self.blocks = used
        if self._clip_norm is not None:
            gradients = _clipped(gradients, self._clip_norm)
        for block, suffix, g in zip(used, suffixes, gradients, strict=True):
            before = [
                self._values_of(block, f"values{suffix}"),
                *(
                    self._input(x, f"{name}{suffix}")
                    for name, x in zip(optimizer.slots, block.state, strict=True)
                ),
            ]
            after = optimizer.update(
                before[0],
                g,
                *before[1:],
                weight_decay=block.weight_decay,
                **options[block.group],
            )
            for old, new in zip(before, after, strict=True):
                value = self._value(self._only_where_learned(block, old, new))
                if value is not old.value:
                    self.overwritten[old.value] = value
        self.settings = [x for x in self.inputs if x not in given]

    def _values_of(self, block: Block, name: str) -> Any:
        """The values of a block side by side, of which its parameters are parts."""
        example = np.concatenate([p._array for p in block.parameters], axis=None)
        whole = self.tape.input(self._vary(example), self.unused(name))
        self.memory[whole.value] = f"np.zeros({example.size}, np.{example.dtype})  # the parameters"
        self.bound.append(whole.value)
        for p, place in block.places():
            part = self._leaf_inputs.get(p)
            if part is not None:
                self._keep_part(part, whole.value, place)
                self.inputs.remove(part)
        return whole

    def _gradient_of(self, block: Block, suffix: str) -> Any:
        """The gradients of a block side by side, each of them written to its part."""
        memory = np.zeros(block.size, block.dtype)
        whole = self.tape.input(memory, self.unused(f"gradient{suffix}"))
        self.memory[whole.value] = f"np.zeros({memory.size}, np.{memory.dtype})"
        for p, place in block.places():
            if p in self.gradients:
                name = self.unused(f"d{self.leaves[p]}")
                part = self.tape.input(memory[place].reshape(p.shape), name).value
                self._keep_part(part, whole.value, place)
                self.stored.setdefault(self.gradients[p], []).append(part)
        return whole

    def _keep_part(self, part: Value, whole: Value, place: slice) -> None:
        shape = f".reshape({part.example.shape})" if part.example.ndim != 1 else ""
        self.memory[part] = f"{whole.input}[{place.start}:{place.stop}]{shape}"
        self.parts[part] = whole
        self.starts[part] = place.start

    def _only_where_learned(self, block: Block, old: Any, new: Any) -> Any:
        """The new values, but the old ones where there is no gradient."""
        absent = np.zeros(block.size, bool)
        for p, place in block.places():
            absent[place] = p not in self.gradients
        return np.where(absent, old, new) if absent.any() else new

    def flat_gradients(self) -> list[Value]:
        """The memory of all gradients of each block of the optimizer."""
        return [x for x in self.memory if x not in self.parts and x not in self.bound]


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


def _names_of_parts(tree: Any, name: str) -> Any:
    """For every leaf of a tree a name: that of the tree, and the place in it."""
    names = iter([path for path, _ in named_leaves(tree, name, index="_{}")])
    return tree_map(lambda _: identifier(next(names)), tree)


def identifier(name: str) -> str:
    """The text, changed as little as needed to be a name in Python."""
    name = re.sub(r"\W", "_", name)
    return name if name.isidentifier() and not iskeyword(name) else f"p_{name}"
