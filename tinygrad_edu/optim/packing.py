"""Blocks of parameters: small ones side by side in one array, so that a rule runs once for all.

A rule is a few calls of NumPy, and a call costs as much for one number as for a thousand. So the
values of small parameters are copied into one array, the rule runs on that, and its result is
copied back. A large parameter is a block of its own, for there the copies would cost more than the
calls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.debugging.nonfinite import first_nonfinite, is_finite, values
from tinygrad_edu.debugging.watching import thawed
from tinygrad_edu.engine import next_order
from tinygrad_edu.tensor import Tensor

__all__ = ["Block", "Group", "blocks_of"]

Array = NDArray[Any]

PACKED_SIZE = 4096  # of a larger parameter, the copies cost more than they save


@dataclass(eq=False)
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

    parameters: list[Tensor]
    options: dict[str, Any]


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

    def _make_memory(self) -> None:
        """Memory for values and gradients side by side, which is used during a step only."""
        self._values, self._gradient = (np.empty(self.size, self.dtype) for _ in range(2))
        parts = zip(self.split(self._values), self.split(self._gradient), strict=True)
        self._parts = [(p, p.shape, *part) for p, part in zip(self.parameters, parts, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        memory = ("_values", "_gradient", "_parts", "_kept")
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
        return self.gather_values(absent), self._gradient

    def gather_values(self, absent: Sequence[int] = ()) -> Array:
        """The values, in one dimension: a copy, or the memory of a large parameter itself."""
        self.absent = absent
        for i, (p, _, part, _) in enumerate(self._parts):
            array = p._array
            if not array.flags.writeable and i not in absent:
                _require_writeable(p)
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
            try:
                p._array[...] = part
            except ValueError:  # it is read-only inside of debug()
                with thawed(p._array):
                    p._array[...] = part
            p._order = next_order()  # so that a graph which used the old values notices


class LargeBlock(Block):
    """A block of one large parameter, which is copied no more than needed."""

    def _make_memory(self) -> None:
        """None: the memory is that of the parameter."""
        self._kept = np.empty(0, self.dtype)

    def gather(self, gradients: Mapping[Tensor, Any]) -> tuple[Array, Array] | None:
        """Values and gradient, in one dimension; None if there is no gradient."""
        (p,) = self.parameters
        gradient = gradients.get(p)
        if gradient is None or not p.requires_grad:
            return None
        values, g = self.gather_values(), _checked(gradient, p).reshape(-1)
        values.flags.writeable = False  # for a rule; p.data itself stays as it is
        return values, g.astype(self.dtype, copy=False)

    def gather_values(self, absent: Sequence[int] = ()) -> Array:  # noqa: ARG002 - it is one
        """The memory of the parameter itself, if it can be had in one dimension; or else a copy."""
        (p,) = self.parameters
        if not p.data.flags.writeable:
            _require_writeable(p)
        is_plain = p.data.flags.writeable and p.data.flags.c_contiguous
        return p.data.reshape(-1) if is_plain else p.data.flatten()

    def write(self, new: Array) -> None:
        """Write new values into the data of the parameter, and mark it as changed."""
        (p,) = self.parameters
        if new.base is None:  # or else it is the memory of the parameter itself
            with nullcontext() if p.data.flags.writeable else thawed(p.data):
                p.data[...] = new.reshape(p.shape)
            self._kept = new  # or the memory would be given back to the system, and asked for anew
        p._order = next_order()


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
