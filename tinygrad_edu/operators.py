"""The operators and methods people type on a Tensor: each is an operation with it as an operand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinygrad_edu import ops
from tinygrad_edu.engine import Node
from tinygrad_edu.ops._common import Axis, Operand, values

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["Operators"]


def _compare(function: np.ufunc, a: Node, b: Operand) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = function(a.data, values(b))
    return mask


class Operators(Node):
    """A node that takes part in expressions."""

    __slots__ = ()
    # By identity, although == compares element by element.
    __hash__: Callable[[Node], int] = Node.__hash__  # type: ignore[assignment]  # it is a method

    # --- operators ------------------------------------------------------------------------

    def __add__(self, other: Operand) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return ops.subtract(self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return ops.subtract(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return ops.multiply(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return ops.multiply(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return ops.divide(other, self)

    def __pow__(self, other: Operand) -> Tensor:
        return ops.power(self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return ops.power(other, self)

    def __matmul__(self, other: Operand) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return ops.matmul(other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return ops.remainder(self, other)

    def __rmod__(self, other: Operand) -> Tensor:
        return ops.remainder(other, self)

    def __floordiv__(self, other: Operand) -> Tensor:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return ops.floor_divide(other, self)

    def __neg__(self) -> Tensor:
        return ops.negative(self)

    def __pos__(self) -> Tensor:
        return ops.positive(self)

    def __abs__(self) -> Tensor:
        return ops.absolute(self)

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    # Comparisons have no derivative: they return plain arrays of bool, to be used as masks.

    def __eq__(self, other: Operand) -> NDArray[np.bool_]:  # type: ignore[override]  # elementwise, as NumPy's
        return _compare(np.equal, self, other)

    def __ne__(self, other: Operand) -> NDArray[np.bool_]:  # type: ignore[override]  # elementwise, as NumPy's
        return _compare(np.not_equal, self, other)

    def __lt__(self, other: Operand) -> NDArray[np.bool_]:
        return _compare(np.less, self, other)

    def __le__(self, other: Operand) -> NDArray[np.bool_]:
        return _compare(np.less_equal, self, other)

    def __gt__(self, other: Operand) -> NDArray[np.bool_]:
        return _compare(np.greater, self, other)

    def __ge__(self, other: Operand) -> NDArray[np.bool_]:
        return _compare(np.greater_equal, self, other)

    # --- methods: the functions of the same names, with this Tensor as their first argument -----

    def exp(self) -> Tensor:
        """`tinygrad_edu.exp` of this Tensor."""
        return ops.exp(self)

    def log(self) -> Tensor:
        """`tinygrad_edu.log` of this Tensor."""
        return ops.log(self)

    def sqrt(self) -> Tensor:
        """`tinygrad_edu.sqrt` of this Tensor."""
        return ops.sqrt(self)

    def sin(self) -> Tensor:
        """`tinygrad_edu.sin` of this Tensor."""
        return ops.sin(self)

    def cos(self) -> Tensor:
        """`tinygrad_edu.cos` of this Tensor."""
        return ops.cos(self)

    def tanh(self) -> Tensor:
        """`tinygrad_edu.tanh` of this Tensor."""
        return ops.tanh(self)

    def square(self) -> Tensor:
        """`tinygrad_edu.square` of this Tensor."""
        return ops.square(self)

    def sigmoid(self) -> Tensor:
        """`tinygrad_edu.sigmoid` of this Tensor."""
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        """`tinygrad_edu.relu` of this Tensor."""
        return ops.relu(self)

    def leaky_relu(self, negative_slope: float = 0.01) -> Tensor:
        """`tinygrad_edu.leaky_relu` of this Tensor."""
        return ops.leaky_relu(self, negative_slope)

    def elu(self, alpha: float = 1.0) -> Tensor:
        """`tinygrad_edu.elu` of this Tensor."""
        return ops.elu(self, alpha)

    def softplus(self) -> Tensor:
        """`tinygrad_edu.softplus` of this Tensor."""
        return ops.softplus(self)

    def gelu(self) -> Tensor:
        """`tinygrad_edu.gelu` of this Tensor."""
        return ops.gelu(self)

    def silu(self) -> Tensor:
        """`tinygrad_edu.silu` of this Tensor."""
        return ops.silu(self)

    def softmax(self, axis: int = -1) -> Tensor:
        """`tinygrad_edu.softmax` of this Tensor."""
        return ops.softmax(self, axis)

    def log_softmax(self, axis: int = -1) -> Tensor:
        """`tinygrad_edu.log_softmax` of this Tensor."""
        return ops.log_softmax(self, axis)

    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.logsumexp` of this Tensor."""
        return ops.logsumexp(self, axis, keepdims)

    def clip(self, min: Operand = None, max: Operand = None) -> Tensor:
        """`tinygrad_edu.clip` of this Tensor."""
        return ops.clip(self, min, max)

    def dot(self, other: Operand) -> Tensor:
        """`tinygrad_edu.dot` of this Tensor."""
        return ops.dot(self, other)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.sum` of this Tensor."""
        return ops.sum(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.mean` of this Tensor."""
        return ops.mean(self, axis, keepdims)

    def prod(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.prod` of this Tensor."""
        return ops.prod(self, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.max` of this Tensor."""
        return ops.max(self, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.min` of this Tensor."""
        return ops.min(self, axis, keepdims)

    def var(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.var` of this Tensor."""
        return ops.var(self, axis, ddof, keepdims)

    def std(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        """`tinygrad_edu.std` of this Tensor."""
        return ops.std(self, axis, ddof, keepdims)

    def cumsum(self, axis: int | None = None) -> Tensor:
        """`tinygrad_edu.cumsum` of this Tensor."""
        return ops.cumsum(self, axis)

    def cumprod(self, axis: int | None = None) -> Tensor:
        """`tinygrad_edu.cumprod` of this Tensor."""
        return ops.cumprod(self, axis)

    def ravel(self) -> Tensor:
        """`tinygrad_edu.ravel` of this Tensor."""
        return ops.ravel(self)

    def flatten(self) -> Tensor:
        """`tinygrad_edu.ravel` of this Tensor."""
        return ops.ravel(self)

    def squeeze(self, axis: Axis = None) -> Tensor:
        """`tinygrad_edu.squeeze` of this Tensor."""
        return ops.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """`tinygrad_edu.swapaxes` of this Tensor."""
        return ops.swapaxes(self, axis1, axis2)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        """`tinygrad_edu.repeat` of this Tensor."""
        return ops.repeat(self, repeats, axis)

    def take(self, indices: Any, axis: int | None = None) -> Tensor:
        """`tinygrad_edu.take` of this Tensor."""
        return ops.take(self, indices, axis)

    def astype(self, dtype: DTypeLike) -> Tensor:
        """`tinygrad_edu.astype` of this Tensor."""
        return ops.astype(self, dtype)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """`tinygrad_edu.diagonal` of this Tensor."""
        return ops.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """`tinygrad_edu.trace` of this Tensor."""
        return ops.trace(self, offset, axis1, axis2)

    def reshape(self, *shape: SupportsIndex | tuple[SupportsIndex, ...]) -> Tensor:
        """`tinygrad_edu.reshape` of this Tensor."""
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """`tinygrad_edu.transpose` of this Tensor."""
        return ops.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The Tensor with its axes in reverse order."""
        return ops.transpose(self)

    @property
    def mT(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The Tensor with its last two axes swapped."""
        return ops.swapaxes(self, -1, -2)
