"""A Tensor as a plain value: a number, a list, an array. What is done with it is not recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinygrad_edu.engine import Node

__all__ = ["Conversions"]


class Conversions(Node):
    """A node that gives away its values."""

    __slots__ = ()

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self.data.item()

    def numpy(self) -> NDArray[Any]:
        """The values as an array, sharing memory: gradients do not flow through it."""
        return self.data

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self.data.tolist()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        self._require_detached("np.asarray(tensor)")
        return np.array(self.data, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        self._require_detached("np.from_dlpack(tensor)")
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def _require_detached(self, what: str) -> None:
        if self._requires_grad:
            raise TypeError(
                f"{what} would lose the gradient of {self!r}; write .detach() or .numpy() "
                "if that is meant"
            )

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.data.item())

    def __int__(self) -> int:
        return int(self.data.item())

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __index__(self) -> int:
        return self.data.__index__()

    def __len__(self) -> int:
        return len(self._array)

    def __contains__(self, value: Any) -> bool:
        return value in self.data
