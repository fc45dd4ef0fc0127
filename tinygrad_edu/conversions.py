"""A Tensor as a plain value: a number, a list, an array. What is done with it is not recorded.

So where a gradient would get lost unawares, such a value is refused, unless under `no_grad`:

- what is asked for by somebody else, as by ``np.asarray(t)``, ``math.exp(t)`` and ``a[0] = t``:
  always, if the Tensor requires a gradient;
- ``.item()``, ``.tolist()``, ``float(t)`` and ``int(t)``, which are written on purpose: only inside
  a function that a transform as `tinygrad_edu.grad` differentiates, where a value for printing is
  ``.detach()``-ed.

``.numpy()``, ``.data`` and conditions as ``if t > 0`` are free everywhere.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinygrad_edu.context import current
from tinygrad_edu.engine import Node
from tinygrad_edu.errors import describe

__all__ = ["Conversions"]


class Conversions(Node):
    """A node that gives away its values."""

    __slots__ = ()

    def item(self) -> Any:
        """The only element, as a Python number; refused where a transform differentiates."""
        self._require_undifferentiated("item")
        return self.data.item()

    def numpy(self) -> NDArray[Any]:
        """The values as an array, sharing memory: gradients do not flow through it."""
        return self.data

    def tolist(self) -> Any:
        """The values as nested lists of numbers; refused where a transform differentiates."""
        self._require_undifferentiated("tolist")
        return self.data.tolist()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        self._require_detached("np.asarray(tensor)", "tg.stack([...]) to join Tensors")
        return np.array(self.data, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        self._require_detached("np.from_dlpack(tensor)", "tg.copy(tensor)")
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def _require_detached(self, what: str, instead: str) -> None:
        if self._requires_grad and current().recording:
            raise TypeError(
                f"{what} would lose the gradient of {describe(self)}; write {instead}; "
                ".detach() or .numpy() if that is meant"
            )

    def _require_undifferentiated(self, method: str) -> None:
        if self._requires_grad and current().nested:
            self._require_detached(
                f".{method}() inside a function that is differentiated",
                f".detach().{method}() for the value",
            )

    def _require_no_number(self) -> None:
        """Refuse a number to everybody but who writes ``float(t)`` or ``int(t)``."""
        if not self._requires_grad:
            return
        if current().nested:
            self._require_detached(
                "a number in its place, as for float(tensor) or math.exp(tensor),",
                "tg.exp(tensor) for math.exp(tensor), say, or .detach().item() for its value",
            )
        from tinygrad_edu.source import may_call  # noqa: PLC0415 - rarely needed

        if not may_call(sys._getframe(2), float, int):
            self._require_detached(
                "a number in its place, as for math.exp(tensor) or array[0] = tensor,",
                "tg.exp(tensor) or tg.stack([...]), or .item() for the number",
            )

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        self._require_no_number()
        return float(self.data.item())

    def __int__(self) -> int:
        self._require_no_number()
        return int(self.data.item())

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __index__(self) -> int:
        return self.data.__index__()

    def __len__(self) -> int:
        return len(self._array)

    def __contains__(self, value: Any) -> bool:
        return value in self.data
