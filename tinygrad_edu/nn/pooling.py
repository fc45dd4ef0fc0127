"""Pooling layers: of every window of a signal or an image its maximum, or its mean."""

from __future__ import annotations

from typing import Any

from tinygrad_edu import ops
from tinygrad_edu.errors import advised
from tinygrad_edu.nn.module import Module
from tinygrad_edu.ops._common import Operand
from tinygrad_edu.tensor import Tensor

__all__ = ["AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "MaxPool"]


class MaxPool(Module):
    """The maximum of every window of a signal or an image.

    Parameters
    ----------
    window, stride, padding, dilation, ceil_mode
        As in `tinygrad_edu.max_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.nn.MaxPool(2)(np.ones((2, 16, 28, 28))).shape
    (2, 16, 14, 14)
    """

    @advised
    def __init__(
        self,
        window: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.window: Any = window
        self.stride: Any = stride
        self.padding: Any = padding
        self.dilation: Any = dilation
        self.ceil_mode: bool = ceil_mode

    def forward(self, x: Operand) -> Tensor:
        """Take the maxima."""
        return ops.max_pool(
            x, self.window, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """Return the arguments, for ``repr``."""
        return _shown(self, stride=None, padding=0, dilation=1, ceil_mode=False)


class AvgPool(Module):
    """The mean of every window of a signal or an image.

    Parameters
    ----------
    window, stride, padding, ceil_mode, count_include_pad
        As in `tinygrad_edu.avg_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.nn.AvgPool(2)(np.ones((2, 16, 28, 28))).shape
    (2, 16, 14, 14)
    """

    @advised
    def __init__(
        self,
        window: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.window: Any = window
        self.stride: Any = stride
        self.padding: Any = padding
        self.ceil_mode: bool = ceil_mode
        self.count_include_pad: bool = count_include_pad

    def forward(self, x: Operand) -> Tensor:
        """Take the means."""
        return ops.avg_pool(
            x, self.window, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        """Return the arguments, for ``repr``."""
        return _shown(self, stride=None, padding=0, ceil_mode=False, count_include_pad=True)


class AdaptiveMaxPool(Module):
    """The maximum of every window, of which there are as many as are wanted.

    Parameters
    ----------
    size : int or tuple of int
        As in `tinygrad_edu.adaptive_max_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.nn.AdaptiveMaxPool((2, 3))(np.ones((2, 16, 28, 28))).shape
    (2, 16, 2, 3)
    """

    def __init__(self, size: int | tuple[int, ...]) -> None:
        self.size: int | tuple[int, ...] = size

    def forward(self, x: Operand) -> Tensor:
        """Take the maxima."""
        return ops.adaptive_max_pool(x, self.size)

    def extra_repr(self) -> str:
        """Return the size, for ``repr``."""
        return repr(self.size)


class AdaptiveAvgPool(Module):
    """The mean of every window, of which there are as many as are wanted.

    Parameters
    ----------
    size : int or tuple of int
        As in `tinygrad_edu.adaptive_avg_pool`; 1 for the mean of a whole image.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.nn.AdaptiveAvgPool(1)(np.ones((2, 16, 28, 28))).shape
    (2, 16, 1, 1)
    """

    def __init__(self, size: int | tuple[int, ...]) -> None:
        self.size: int | tuple[int, ...] = size

    def forward(self, x: Operand) -> Tensor:
        """Take the means."""
        return ops.adaptive_avg_pool(x, self.size)

    def extra_repr(self) -> str:
        """Return the size, for ``repr``."""
        return repr(self.size)


def _shown(pool: Any, **usual: Any) -> str:
    facts = [repr(pool.window)]
    facts += [
        f"{k}={getattr(pool, k)!r}" for k, value in usual.items() if getattr(pool, k) != value
    ]
    return ", ".join(facts)
