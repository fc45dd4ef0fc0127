"""What a window meets: which elements of the input, which weights, for which element of the output.

A convolution sums up ``small[s] = large[l] * weight[k]`` over many triples (l, k, s): elements of
an image, of the weights, and of what is computed from both. Forward it gathers them by s; the
gradients of image and weights gather the same triples by l and by k. A transposed convolution has
the same triples, and computes the large array from the small one. Pooling has pairs (l, s).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node
from tinygrad_edu.ops.convolution import margins
from tinygrad_edu.ops.pooling import divided, places, sizes
from tinygrad_edu.ops.windows import per_axis, sliding_windows
from tinygrad_edu.viz import calls
from tinygrad_edu.viz.arrays import Array, array_of

__all__ = ["Padded", "Taps", "taps_of"]

Indices = NDArray[np.intp]
MOST = 20_000
"""How many triples are looked at: of an operation with more, nothing is told."""


class Padded(NamedTuple):
    """An array with margins on its last axes; its elements are counted with them."""

    shape: tuple[int, ...]
    margins: tuple[tuple[int, int], ...]

    @property
    def whole(self) -> tuple[int, ...]:
        """The shape with the margins."""
        lead = len(self.shape) - len(self.margins)
        lengths = (n + sum(m) for n, m in zip(self.shape[lead:], self.margins, strict=True))
        return (*self.shape[:lead], *lengths)

    @property
    def inside(self) -> tuple[Any, ...]:
        """The index of what is no margin."""
        lead = len(self.shape) - len(self.margins)
        ends = zip(self.shape[lead:], self.margins, strict=True)
        return (..., *(slice(before, before + n) for n, (before, _) in ends))

    def pad(self, array: Array, value: float = 0) -> Array:
        """The array between its margins."""
        padded = np.full(self.whole, value, array.dtype)
        padded[self.inside] = array
        return padded


class Taps(NamedTuple):
    """All that meet: the elements of each array, counted in the order of memory."""

    large: Indices
    weight: Indices | None
    small: Indices
    around: Padded
    """The large array."""
    size: Array | None = None
    """Of a pool that takes means: of how many, for each element of the small array."""

    def to(self, chosen: NDArray[np.bool_]) -> Taps:
        """Some of them."""
        weight = None if self.weight is None else self.weight[chosen]
        return self._replace(large=self.large[chosen], weight=weight, small=self.small[chosen])


def taps_of(node: Node) -> Taps | None:
    """What the windows of a convolution or a pool meet; None for others, and if they are many."""
    name, given = calls.name(node), calls.defaults(node) | calls.arguments(node)
    if name in ("conv1d", "conv2d"):
        return _convolution(name, given, given["x"], node)
    if name == "conv_transpose2d":
        return _convolution(name, given, node, given["x"])
    if name in ("max_pool", "avg_pool"):
        return _pool(name, given, node)
    if name in ("adaptive_max_pool", "adaptive_avg_pool"):
        return _adaptive_pool(name, given, node)
    return None


def _convolution(name: str, given: dict[str, Any], large: Any, small: Any) -> Taps | None:
    weights, groups = array_of(given["W"]).shape, given["groups"]
    axes = len(weights) - 2
    stride, dilation = (per_axis(key, given[key], axes) for key in ("stride", "dilation"))
    large, small = array_of(large).shape, array_of(small).shape
    if math.prod(small) * math.prod(weights[1:]) > MOST:
        return None
    around = Padded(large, margins(name, weights[2:], stride, given["padding"], dilation))
    windows = _windows(around, weights[2:], stride, dilation, small[2:])
    n, s, c, *where = np.indices((*small[:2], weights[1], *small[2:], *weights[2:]))
    group = s // (weights[0] // groups)
    return Taps(
        windows[(n, group * weights[1] + c, *where)].ravel(),
        np.ravel_multi_index((s, c, *where[axes:]), weights).ravel(),
        np.ravel_multi_index((n, s, *where[:axes]), small).ravel(),
        around,
    )


def _pool(name: str, given: dict[str, Any], node: Node) -> Taps | None:
    x, small = array_of(given["x"]), node._array.shape
    dilation = given.get("dilation", 1)
    window, stride, around, dilation = places(
        name, x, given["window"], given["stride"], given["padding"], dilation, given["ceil_mode"]
    )
    if math.prod(small) * math.prod(window) > MOST:
        return None
    padded = Padded(x.shape, around)
    found = _pairs(_windows(padded, window, stride, dilation, small[2:]), small, padded)
    if name == "max_pool":
        return found
    size = sizes(x, window, stride, around, given["count_include_pad"])
    return found._replace(size=np.broadcast_to(size, small).ravel())


def _adaptive_pool(name: str, given: dict[str, Any], node: Node) -> Taps | None:
    x, small = array_of(given["x"]), node._array.shape
    index, counted = divided(name, x, given["size"])
    windows = np.arange(x.size).reshape(x.shape)[index]
    if windows.size > MOST:
        return None
    found = _pairs(windows, small, Padded(x.shape, ((0, 0),) * (x.ndim - 2)))
    found = found.to(np.broadcast_to(counted, windows.shape).ravel())
    return found if name == "adaptive_max_pool" else found._replace(size=np.bincount(found.small))


def _windows(around: Padded, window: Any, stride: Any, dilation: Any, count: Any) -> Indices:
    """The elements in each window: (N, C, *positions, *window)."""
    elements = np.arange(math.prod(around.whole)).reshape(around.whole)
    every: Indices = np.asarray(sliding_windows(elements, window, stride, dilation))
    return every[(slice(None), slice(None), *map(slice, count))]


def _pairs(windows: Indices, small: tuple[int, ...], around: Padded) -> Taps:
    of_each = math.prod(windows.shape[len(small) :])
    return Taps(windows.ravel(), None, np.repeat(np.arange(math.prod(small)), of_each), around)
