"""The way into a program when all is as it was in the last call, written out for that one program.

A small step takes 10 us, and a loop over its parameters would take 1 of them. So the checks are
written one by one, as a line of Python each: of the arguments, of what the function uses, of the
settings of the optimizer. Where one fails, the call is `MISSED`, and is made with care.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_edu.compiler.executing import code_of
from tinygrad_edu.compiler.structure import Structure
from tinygrad_edu.engine import next_order
from tinygrad_edu.nn.module import changes

__all__ = ["MISSED", "Entry", "entry_of_gradients", "entry_of_step", "missed"]

MISSED = object()


def missed(*_: Any) -> Any:
    """Leave a call to the careful way."""
    return MISSED


class Entry:
    """A function of arguments, line by line.

    Parameters
    ----------
    kinds : list of tuple
        Of every argument its type, shape and dtype.
    structure : Structure
        The modules that the function uses.
    """

    def __init__(self, kinds: list[Any], structure: Structure) -> None:
        self._names: dict[str, Any] = {"MISSED": MISSED, "changes": changes}
        self._arguments = [f"x{i}" for i in range(len(kinds))]
        self._lines: list[str] = []
        self._indentation = "    "
        self.require("not rest", f"changes.count == {structure.seen}")
        for now, before in structure.lists:
            self.require(f"{self.name(now)} == {self.name(before)}")
        for x, (kind, shape, dtype) in zip(self._arguments, kinds, strict=True):
            self.require(
                f"type({x}) is {self.name(kind)}",
                f"{x}.shape == {shape}",
                f"{x}.dtype is {self.name(dtype)}",
            )

    def name(self, x: Any) -> str:
        """A name for an object."""
        name = f"c{len(self._names)}"
        self._names[name] = x
        return name

    def require(self, *conditions: str) -> None:
        """Unless these hold, the call is missed."""
        self.write(f"if not ({' and '.join(conditions)}): return MISSED")

    def write(self, line: str) -> None:
        """Add a line; after one that ends with a colon, others are indented."""
        self._lines.append(self._indentation + line)
        if line.endswith(":"):
            self._indentation += "    "

    def call(self, run: Any, more: list[str]) -> str:
        """The call of a program, with the arguments and more."""
        return f"{self.name(run)}({', '.join([*self._arguments, *more])})"

    def made(self) -> Callable[..., Any]:
        """The function."""
        given = "".join(f"{x}=None, " for x in self._arguments)
        # The names are constants of the function, which are found faster than global ones.
        names = ", ".join(f"{name}={name}" for name in self._names)
        source = f"def call({given}*rest, {names}):\n" + "\n".join(self._lines)
        namespace = dict(self._names)
        exec(code_of(source, "call of a program"), namespace)  # noqa: S102 - our own source
        function: Callable[..., Any] = namespace["call"]
        return function


def entry_of_gradients(kept: Any, structure: Structure) -> Callable[..., Any]:
    """The entry into a step without an optimizer, which adds to the gradients.

    Parameters
    ----------
    kept : _Step
        The program, after a call.
    structure : Structure
        The modules that the function uses.
    """
    if kept.kinds is None or kept.program.random:
        return missed
    entry = Entry(kept.kinds, structure)
    leaves = [entry.name(p) for p in kept.leaves]
    for p, name in zip(kept.leaves, leaves, strict=True):
        entry.require(f"{name}._requires_grad is {p.requires_grad}")
    entry.write(f"with {entry.name(kept.lock)}:")
    call = entry.call(kept.program.run, [f"{name}._array" for name in leaves])
    entry.write(f"loss, *rest = {call}")
    entry.write(f"return {entry.name(kept.add_gradients)}(loss, rest)")
    return entry.made()


def entry_of_step(kept: Any, structure: Structure, held: list[str]) -> Callable[..., Any]:
    """The entry into a step with an optimizer; a function that misses every call if it has none.

    Parameters
    ----------
    kept : _Step
        The program, after a call.
    structure : Structure
        The modules that the function uses.
    held : list of str
        The attributes of the optimizer that the program takes for constant.
    """
    places = [block.in_place() for block in kept.blocks]
    has_options = any(group.options for group in kept.optimizer.groups)
    if kept.kinds is None or kept.program.random or has_options or not all(places):
        return missed
    entry = Entry(kept.kinds, structure)
    optimizer = entry.name(kept.optimizer)
    attributes = vars(kept.optimizer)
    entry.write(f"with {entry.name(kept.lock)}:")
    entry.require(f"len({entry.name(attributes)}) == {len(attributes)}")
    for name in held:
        entry.require(f"{optimizer}.{name} == {entry.name(attributes[name])}")
    for group in kept.optimizer.groups:
        entry.require(f"not {entry.name(group.options)}")
    parameters = []
    for p, array in (place for of_block in places for place in of_block):
        p, array = entry.name(p), entry.name(array)
        parameters.append(p)
        entry.require(f"{p}._array is {array}", f"{p}._requires_grad", f"{array}.flags.writeable")
    learning = {p for of_block in places for p, _ in of_block}
    for p in {*kept.optimizer.parameters, *kept.leaves} - learning:
        entry.require(f"{entry.name(p)}._requires_grad is {p.requires_grad}")
    more = [f"{entry.name(p)}._array" for p in kept.leaves]
    if kept.takes_rate:
        entry.write(f"lr = {optimizer}._lr")
        entry.write(f"if type(lr) is not float: lr = {optimizer}.learning_rate")
        more.append("lr")
    entry.write(f"t = {optimizer}.steps + 1")
    more += ["t"] * kept.takes_time
    more += [f"{entry.name(block)}.state[{k}]" for block, k in kept.slots]
    entry.write(f"result = {entry.call(kept.program.run, more)}")
    entry.write(f"{optimizer}.steps = t")
    entry.write(f"{' = '.join(f'{p}._order' for p in parameters)} = {entry.name(next_order)}()")
    is_reported = kept.more or kept.assigned
    entry.write("return " + (f"{entry.name(kept.reported)}(result)" if is_reported else "result"))
    return entry.made()
