"""Blocks of parameters: small ones side by side in one array, so that a rule runs once for all.

A rule is a few calls of NumPy, and a call costs as much for one number as for a thousand. So small
parameters have their values in one array, of which the data of each are a part; the rule runs on
the whole. Where somebody else holds the data of a parameter, they stay where they are, and are
copied there and back. A large parameter is a block of its own, for there it is not the calls that
cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.debugging.nonfinite import first_nonfinite, is_finite
from tinygrad_edu.debugging.watching import thawed
from tinygrad_edu.engine import next_order
from tinygrad_edu.ops._common import values
from tinygrad_edu.quick import is_held_once
from tinygrad_edu.tensor import Tensor

__all__ = ["Block", "Group", "blocks_of"]

Array = NDArray[Any]

PACKED_SIZE = 4096  # of a larger parameter, the copies cost more than they save


class Group:
    """Parameters with settings of their own.

    Parameters
    ----------
    parameters : list of Tensor
        As given.
    options : dict
        The learning rate (or schedule) and the settings of the rule in which this group differs
        from its optimizer. The next step takes what is in it then.
    """

    def __init__(self, parameters: list[Tensor], options: dict[str, Any]) -> None:
        self.parameters: list[Tensor] = parameters
        self.options: dict[str, Any] = options


def blocks_of(group: Group, decays: list[float], slots: Sequence[str]) -> list[Block]:
    """The blocks of a group: its small parameters by dtype, and each large one alone."""
    packed: dict[Any, list[int]] = {}
    blocks: list[Block] = []
    for i, p in enumerate(group.parameters):
        if p.size <= PACKED_SIZE:
            packed.setdefault(p.dtype, []).append(i)
        else:
            blocks.append(LargeBlock(group, [p], [decays[i]], slots))
    return blocks + [
        Block(group, [group.parameters[i] for i in part], [decays[i] for i in part], slots)
        for part in packed.values()
    ]


class Block:
    """Parameters that are updated together, and what is remembered of them.

    A step calls `gather` for what the rule takes, `fitted` and `require_finite` for what it
    returns, then `write`. Until then, nothing changes that others see.
    """

    group: Group  # to which they belong
    parameters: list[Tensor]
    size: int
    dtype: np.dtype[Any]
    weight_decay: float | Array | None  # an array if it differs between parameters; None for 0
    state: list[Array]  # for each slot the values of all parameters, in one dimension
    absent: Sequence[int]  # the numbers of the parameters that this step leaves as they are
    _parts: list[tuple[Tensor, tuple[int, ...], Array, Array]]  # shape, values and gradient

    def __init__(
        self, group: Group, parameters: list[Tensor], decays: list[float], slots: Sequence[str]
    ) -> None:
        self.group = group
        self.parameters = parameters
        self.dtype = parameters[0].dtype
        self.absent = ()
        sizes = [p.size for p in parameters]
        self.size = sum(sizes)
        self._slices = [slice(*ends) for ends in pairwise(accumulate(sizes, initial=0))]
        self.state = [np.zeros(self.size, self.dtype) for _ in slots]
        if len(set(decays)) == 1:
            self.weight_decay = decays[0] or None
        else:
            self.weight_decay = np.repeat(np.array(decays, self.dtype), sizes)
        self._make_memory()
        self.move_in()

    def _make_memory(self) -> None:
        """Memory for values and gradients side by side."""
        self._gradient = np.empty(self.size, self.dtype)
        arrays = [p._array for p in self.parameters]
        values = _packed_already(arrays, self._slices)
        if values is None:
            values = np.empty(self.size, self.dtype)
            arrays = self.split(values)
        self._values = values
        self._shown = values.view()
        self._shown.flags.writeable = False  # for a rule
        parts = zip(self.parameters, arrays, self.split(self._gradient), strict=True)
        self._parts = [(p, p.shape, array, gradient) for p, array, gradient in parts]

    def __getstate__(self) -> dict[str, Any]:
        memory = ("_values", "_shown", "_gradient", "_parts", "_kept", "_array")
        return {name: x for name, x in vars(self).items() if name not in memory}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make_memory()  # since copies of the parts would be no parts of the copied memory

    def split(self, array: Array) -> list[Array]:
        """The part of every parameter, as a view in its shape."""
        return [
            array[part].reshape(p.shape)
            for part, p in zip(self._slices, self.parameters, strict=True)
        ]

    def places(self) -> Iterator[tuple[Tensor, slice]]:
        """Every parameter, and where it is in the arrays of the block."""
        return zip(self.parameters, self._slices, strict=True)

    # --- before the rule --------------------------------------------------------------------

    def gather(self, gradients: Mapping[Tensor, Any]) -> tuple[Array, Array] | None:
        """Values and gradients, in one dimension; None if no parameter has a gradient."""
        absent = []
        for i, (p, shape, _, part) in enumerate(self._parts):
            g = gradients.get(p)
            if g is None or not p._requires_grad:
                absent.append(i)
                part[...] = 0
                continue
            if type(g) is not np.ndarray or g.shape != shape or g.dtype is not self.dtype:
                g = _checked(g, p)
            part[...] = g
        if len(absent) == len(self._parts):
            return None
        self.gather_values(absent)
        return self._shown, self._gradient

    def move_in(self) -> None:
        """Let the memory be that of the parameters, as far as nobody can tell the difference.

        What somebody else has a reference to stays where it is.
        """
        for p, _, part, _ in self._parts:
            if is_held_once(p._array) and p._array.flags.carray:
                part[...] = p._array
                p._array = part

    def in_place(self) -> list[tuple[Tensor, Array]]:
        """The parameters with their arrays, if these make up the memory and can be changed.

        If it is so of some of them only, none.
        """
        places = [(p, part) for p, _, part, _ in self._parts if _is_to_change(p, part)]
        return places if len(places) == len(self._parts) else []

    def gather_values(self, absent: Sequence[int] = ()) -> Array:
        """The values, in one dimension: those of the parameters themselves, where that can be.

        To write into them is to change the parameters; `write` does so for all.
        """
        self.absent = absent
        for i, (p, _, part, _) in enumerate(self._parts):
            array = p._array
            if not array.flags.writeable and i not in absent:
                _require_writeable(p)
            if array is not part:
                part.flags.writeable = True  # it may have been the data, and somebody's to lock
                part[...] = array
        return self._values

    # --- after the rule ---------------------------------------------------------------------

    def fitted(self, result: Sequence[Array], p: Array, g: Array) -> list[Array]:
        """What a rule returned for values p and gradients g; anyone may write a rule.

        The arrays have the dtype of the parameters, and memory of their own, although the rule may
        have returned what it was given, or the same array twice. Where there was no gradient,
        nothing is new.
        """
        new: list[Array] = []
        taken = {id(p), id(g)}
        for x in result:
            if x.shape != p.shape:
                break
            if x.dtype is not self.dtype:
                x = x.astype(self.dtype, casting="same_kind")
            elif x.base is not None or id(x) in taken:
                x = x.copy()
            taken.add(id(x))
            new.append(x)
        if not len(new) == len(result) == 1 + len(self.state):
            raise ValueError(
                f"update must return the new values and {len(self.state)} arrays of state, each "
                f"of shape {p.shape}; got {len(result)} of shapes {[x.shape for x in result]}"
            )
        for i in self.absent:
            part = self._slices[i]
            for x, old in zip(new, [p, *self.state], strict=True):
                x[part] = old[part]
        return new

    def require_finite(self, new: Array, gradients: Mapping[Tensor, Any], lr: float) -> None:
        """Raise if new values are not finite: say because of what."""
        if _all_finite(new):
            return
        for p in self.parameters:
            g = values(gradients.get(p))
            if p.requires_grad and g is not None and not is_finite(g):
                value, at = first_nonfinite(g)
                raise FloatingPointError(
                    f"the gradient of {_describe(p)} is {value} at {at}; no parameter was changed"
                )
        for p, part in zip(self.parameters, self.split(new), strict=True):
            if not is_finite(part):
                raise FloatingPointError(
                    f"the step would make {_describe(p)} infinite or nan; no parameter was "
                    f"changed. Try a learning rate below {lr}"
                )

    def write(self, new: Array) -> None:
        """Write new values into the data of the parameters, and mark these as changed."""
        if new is not self._values:
            self._values[...] = new
        changed = self._parts
        if self.absent:
            changed = [x for i, x in enumerate(changed) if i not in self.absent]
        for p, _, part, _ in changed:
            if p._array is not part:
                try:
                    p._array[...] = part
                except ValueError:  # it is read-only inside of debug()
                    with thawed(p._array):
                        p._array[...] = part
        self.mark_changed(p for p, *_ in changed)

    def mark_changed(self, parameters: Iterable[Tensor] | None = None) -> None:
        """Let a graph which used the old values notice; all parameters have changed by default."""
        order = next_order()
        for p in self.parameters if parameters is None else parameters:
            p._order = order


class LargeBlock(Block):
    """A block of one large parameter, which is copied no more than needed."""

    def _make_memory(self) -> None:
        """None: the memory is that of the parameter."""
        self._kept = self._array = self._values = np.empty(0, self.dtype)

    def move_in(self) -> None:
        """Nothing is to be moved: the memory is that of the parameter."""

    def in_place(self) -> list[tuple[Tensor, Array]]:
        """The parameter with its array, if that can be changed, and was gathered from."""
        (p,) = self.parameters
        return [(p, self._array)] if _is_to_change(p, self._array) else []

    def gather(self, gradients: Mapping[Tensor, Any]) -> tuple[Array, Array] | None:
        """Values and gradient, in one dimension; None if there is no gradient."""
        (p,) = self.parameters
        gradient = gradients.get(p)
        if gradient is None or not p.requires_grad:
            return None
        values, g = self.gather_values().view(), _checked(gradient, p).reshape(-1)
        values.flags.writeable = False  # for a rule; p.data itself stays as it is
        return values, g.astype(self.dtype, copy=False)

    def gather_values(self, absent: Sequence[int] = ()) -> Array:  # noqa: ARG002 - it is one
        """The memory of the parameter itself, if it can be had in one dimension; or else a copy."""
        (p,) = self.parameters
        array = p._array
        if array is self._array and array.flags.writeable:
            return self._values
        if not array.flags.writeable:
            _require_writeable(p)
        elif array.flags.c_contiguous:
            self._array, self._values = array, array.reshape(-1)
            return self._values
        return array.flatten()

    def write(self, new: Array) -> None:
        """Write new values into the data of the parameter, and mark it as changed."""
        (p,) = self.parameters
        if new.base is None:  # or else it is the memory of the parameter itself
            with nullcontext() if p.data.flags.writeable else thawed(p.data):
                p.data[...] = new.reshape(p.shape)
            self._kept = new  # or the memory would be given back to the system, and asked for anew
        p._order = next_order()


def _is_to_change(p: Tensor, array: Array) -> bool:
    """Whether an array is the data of a parameter that learns."""
    return p._array is array and p._requires_grad and array.flags.writeable


def _packed_already(arrays: list[Array], places: list[slice]) -> Array | None:
    """The memory in which arrays are side by side, as they are for another optimizer; or None."""
    whole: Any = arrays[0].base
    if not isinstance(whole, np.ndarray) or whole.shape != (places[-1].stop,):
        return None
    if whole.dtype != arrays[0].dtype:
        return None
    begin, step = whole.__array_interface__["data"][0], whole.itemsize
    for array, place in zip(arrays, places, strict=True):
        is_there = array.__array_interface__["data"][0] == begin + step * place.start
        if array.base is not whole or not is_there or not array.flags.c_contiguous:
            return None
    return whole if whole.flags.writeable else None


def _checked(g: Any, p: Tensor) -> Array:
    """The values of a gradient, if it fits its parameter."""
    if not isinstance(g, np.ndarray | Tensor):
        raise TypeError(f"a gradient must be an array or a Tensor; got {type(g).__name__}")
    if g.shape != p.shape:
        raise ValueError(f"the gradient of {_describe(p)} must have that shape; got {g.shape}")
    if g.dtype.kind == "c":
        raise TypeError(f"the gradient of {_describe(p)} must be real; got {g.dtype}")
    array: Array = values(g)
    return array


def _all_finite(values: Array) -> bool:
    # A product is the fastest way for small arrays; for large ones, BLAS would start threads.
    fast = values.size <= PACKED_SIZE and math.isfinite(values.dot(values))
    return fast or is_finite(values)


def _require_writeable(p: Tensor) -> None:
    try:
        with thawed(p.data):
            pass
    except ValueError:
        raise ValueError(
            f"the data of {_describe(p)} are read-only, and a step writes into them; no parameter "
            "was changed. Give it data of its own: p.data = p.data.copy()"
        ) from None


def _describe(p: Tensor) -> str:
    return f"{p.name or 'a parameter'} of shape {p.shape}"
