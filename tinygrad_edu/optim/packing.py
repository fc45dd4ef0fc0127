"""Parameters side by side in one array, so that a rule runs once for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate, pairwise
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.debugging.nonfinite import first_nonfinite, is_finite
from tinygrad_edu.tensor import Tensor

__all__ = ["Block", "as_array", "grouped"]

Array = NDArray[Any]

PACKED_SIZE = 4096  # of a larger parameter, a copy of the gradient costs more than it saves


def grouped(parameters: list[Tensor]) -> list[list[int]]:
    """The numbers of the parameters of each block: small ones by dtype, a large one alone."""
    blocks: dict[Any, list[int]] = {}
    for i, p in enumerate(parameters):
        blocks.setdefault(p.dtype if p.size <= PACKED_SIZE else i, []).append(i)
    return [*blocks.values()]


class Block:
    """Parameters whose values lie side by side in one array, so that a rule runs once for all."""

    parameters: list[Tensor]
    weight_decay: float | Array | None
    values: Array  # of all parameters, in one dimension; and so the state, an array for each slot
    views: list[Array]  # of the values, one for each parameter: what its data become
    state: list[Array]

    def __init__(
        self, parameters: list[Tensor], decays: list[float], slots: tuple[str, ...]
    ) -> None:
        self.parameters = parameters
        self._shapes = [p.shape for p in parameters]
        bounds = accumulate((p.size for p in parameters), initial=0)
        self._slices = [slice(start, end) for start, end in pairwise(bounds)]
        self.values = np.zeros(self._slices[-1].stop, parameters[0].dtype)
        self.views = self.split(self.values)
        self.state = [np.zeros_like(self.values) for _ in slots]
        self.weight_decay = self._for_each_value(decays)

    def _for_each_value(self, decays: list[float]) -> float | Array | None:
        """The weight decay, as one number if it is the same for all, or None if it is zero."""
        if len(set(decays)) == 1:
            return decays[0] or None
        return np.repeat(np.array(decays, self.values.dtype), [p.size for p in self.parameters])

    def split(self, array: Array) -> list[Array]:
        """The part of every parameter, as a view in its shape."""
        return [
            array[part].reshape(shape)
            for part, shape in zip(self._slices, self._shapes, strict=True)
        ]

    # --- a step: propose it, then commit to it ----------------------------------------------

    def propose(self, update: Callable[..., tuple[Any, ...]], lr: float) -> list[Array] | None:
        """The values and the state after a step, changing nothing; None without a gradient."""
        gradients = [p.grad for p in self.parameters]
        absent = [i for i, g in enumerate(gradients) if g is None]
        if len(absent) == len(gradients):
            return None
        for i in absent:
            gradients[i] = np.zeros_like(self.views[i])
        g = self._joined(gradients)
        self.take_over_new_data()
        options = {"lr": lr, "weight_decay": self.weight_decay}
        result = self._fitted([*update(self.values, g, *self.state, **options)])
        for i in absent:
            for new, old in zip(result, [self.values, *self.state], strict=True):
                new[self._slices[i]] = old[self._slices[i]]
        if not _all_finite(result[0]):
            self._refuse(result[0], gradients, lr)
        return result

    def commit(self, result: list[Array]) -> None:
        """Take over what `propose` returned."""
        values, *self.state = result
        if len(self.parameters) == 1:  # no copy, which would cost something for a large array
            self.values, self.views = values, self.split(values)
        else:
            self.values[...] = values
        for p, view in zip(self.parameters, self.views):  # noqa: B905 - this is the hot path
            p.data = view  # and mark it as changed

    def _joined(self, gradients: list[Any]) -> Array:
        """The gradients side by side, as the values are."""
        try:
            shapes = [g.shape for g in gradients]
        except AttributeError:
            kinds = ", ".join(sorted({type(g).__name__ for g in gradients}))
            raise TypeError(f"a gradient must be an array or a Tensor; got {kinds}") from None
        if shapes != self._shapes:
            self._refuse_shapes(gradients)
        if len(gradients) == 1:
            joined = as_array(gradients[0]).reshape(-1)
        else:
            joined = as_array(np.concatenate(gradients, axis=None))
        if joined.dtype is self.values.dtype:
            return joined
        return joined.astype(self.values.dtype, casting="same_kind")  # not from complex numbers

    def take_over_new_data(self) -> bool:
        """Pack the values again where a parameter has other data than its view; whether one had."""
        data = [p.data for p in self.parameters]
        if all(map(is_, data, self.views)):
            return False
        self.values = np.concatenate(data, axis=None)
        self.views = self.split(self.values)
        return True

    def _fitted(self, result: list[Array]) -> list[Array]:
        """What a rule returned, in the precision of the parameters; anyone may write a rule."""
        shapes = [x.shape for x in result]
        if shapes != [self.values.shape] * (1 + len(self.state)):
            raise ValueError(
                f"update must return the new values and {len(self.state)} arrays of state, each "
                f"of shape {self.values.shape}; got {len(result)} of shapes {shapes}"
            )
        dtype = self.values.dtype
        return [x if x.dtype is dtype else x.astype(dtype, casting="same_kind") for x in result]

    def _refuse_shapes(self, gradients: list[Any]) -> None:
        """Raise, since a gradient has another shape than its parameter: say which."""
        for p, g in zip(self.parameters, gradients, strict=True):
            if np.shape(g) != p.shape:
                raise ValueError(
                    f"the gradient of {_describe(p)} must have that shape; got {np.shape(g)}"
                )

    def _refuse(self, values: Array, gradients: list[Any], lr: float) -> None:
        """Raise, since the new values are not finite: say because of what."""
        for p, g in zip(self.parameters, map(as_array, gradients), strict=True):
            if not is_finite(g):
                value, at = first_nonfinite(g)
                raise FloatingPointError(
                    f"the gradient of {_describe(p)} is {value} at {at}; no parameter was changed"
                )
        for p, new in zip(self.parameters, self.split(values), strict=True):
            if not is_finite(new):
                raise FloatingPointError(
                    f"the step would make {_describe(p)} infinite or nan; no parameter was "
                    f"changed. Try a learning rate below {lr}"
                )


def _all_finite(values: Array) -> bool:
    # A product is the fastest way for small arrays; for large ones, BLAS would start threads.
    fast = values.size <= PACKED_SIZE and math.isfinite(values.dot(values))
    return fast or is_finite(values)


def _describe(p: Tensor) -> str:
    return f"{p.name or 'a parameter'} of shape {p.shape}"


def as_array(g: Any) -> Array:
    """Return the values of a gradient, which is a Tensor if it was recorded."""
    return g.data if isinstance(g, Tensor) else g
