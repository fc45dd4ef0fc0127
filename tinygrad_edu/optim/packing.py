"""Parameters side by side in one array, so that a rule runs once for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    def __init__(
        self, parameters: list[Tensor], decays: list[float], slots: tuple[str, ...]
    ) -> None:
        self.parameters = parameters
        self.sizes = [p.size for p in parameters]
        self.weight_decay = self._for_each_value(decays)
        self.values = np.zeros(sum(self.sizes), parameters[0].dtype)
        self.views = self.split(self.values)  # which the parameters become at the first step
        self.state = [np.zeros_like(self.values) for _ in slots]

    def _for_each_value(self, decays: list[float]) -> Any:
        """The weight decay, as one number if it is the same for all, or None if it is zero."""
        if len(set(decays)) == 1:
            return decays[0] or None
        return np.repeat(np.array(decays, self.parameters[0].dtype), self.sizes)

    def split(self, array: Array) -> list[Array]:
        """The part of every parameter, as a view in its shape."""
        parts = np.split(array, np.cumsum(self.sizes)[:-1])
        return [part.reshape(p.shape) for part, p in zip(parts, self.parameters, strict=True)]

    def propose(self, rule: Callable[..., tuple[Any, ...]], lr: float) -> list[Array] | None:
        """The values and the state after a step, changing nothing; None without a gradient."""
        gradients: list[Any] = []
        absent: list[int] = []
        moved = False
        for p, view in zip(self.parameters, self.views):  # noqa: B905 - this is the hot path
            moved |= p.data is not view  # at the first step, or when it was given new data
            g = p.grad
            if g is None:
                absent.append(len(gradients))
                g = np.zeros_like(view)
            elif g.shape != view.shape:
                raise ValueError(
                    f"the gradient of {_describe(p)} must have that shape; got {g.shape}"
                )
            gradients.append(g)
        if len(absent) == len(gradients):
            return None
        if moved:
            self.values = np.concatenate([p.data for p in self.parameters], axis=None)
            self.views = self.split(self.values)
        g = self._joined(gradients)
        result = [*rule(self.values, g, *self.state, lr=lr, weight_decay=self.weight_decay)]
        for i in absent:
            for new, old in zip(result, [self.values, *self.state], strict=True):
                self.split(new)[i][...] = self.split(old)[i]
        if not self._is_finite(result[0]):
            self._explain(result[0], gradients, lr)
        return result

    def _joined(self, gradients: list[Any]) -> Array:
        """The gradients side by side, as the values are."""
        if len(gradients) == 1:
            g = as_array(gradients[0]).reshape(-1)
        else:
            g = as_array(np.concatenate(gradients, axis=None))
        return g if g.dtype is self.values.dtype else g.astype(self.values.dtype)

    def _is_finite(self, values: Array) -> bool:
        # A product is the fastest way for small arrays; for large ones, BLAS would start threads.
        fast = values.size <= PACKED_SIZE and math.isfinite(np.vdot(values, values))
        return fast or bool(np.isfinite(values).all())

    def _explain(self, values: Array, gradients: list[Any], lr: float) -> None:
        """Raise, since the new values are not finite: say because of what."""
        for p, g in zip(self.parameters, map(as_array, gradients), strict=True):
            if not np.isfinite(g).all():
                at = tuple(np.argwhere(~np.isfinite(g))[0].tolist())
                raise FloatingPointError(
                    f"the gradient of {_describe(p)} is {g[at]} at {at}; no parameter was changed"
                )
        for p, new in zip(self.parameters, self.split(values), strict=True):
            if not np.isfinite(new).all():
                raise FloatingPointError(
                    f"the step would make {_describe(p)} infinite or nan; no parameter was "
                    f"changed. Try a learning rate below {lr}"
                )

    def commit(self, result: list[Array]) -> None:
        """Take over what `propose` returned."""
        values, *self.state = result
        if len(self.parameters) == 1:  # no copy, which would cost something for a large array
            self.values, self.views = values, self.split(values)
        else:
            self.values[...] = values
        for p, view in zip(self.parameters, self.views):  # noqa: B905 - this is the hot path
            p.data = view  # and mark it as changed


def _describe(p: Tensor) -> str:
    return f"{p.name or 'a parameter'} of shape {p.shape}"


def as_array(g: Any) -> Array:
    """Return the values of a gradient, which is a Tensor if it was recorded."""
    return g.data if isinstance(g, Tensor) else g
