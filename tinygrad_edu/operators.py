"""The operators and methods people type on a Tensor: each is an operation with it as an operand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu import ops
from tinygrad_edu.engine import Node
from tinygrad_edu.ops._common import Axis, Operand, values

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["Operators"]

Mask: TypeAlias = NDArray[np.bool_]


def _compare(function: np.ufunc, a: Node, b: Operand) -> Mask:
    mask: Mask = function(a._data, values(b))
    return mask


class Operators(Node):
    """A node that takes part in expressions.

    An operation is a function, and so a method where it stands in a class: ``sum = ops.sum`` makes
    ``t.sum(axis=0)`` the call ``ops.sum(t, axis=0)``, with its signature and its documentation.
    """

    __slots__ = ()
    # By identity, although == compares element by element.
    __hash__: Callable[[Node], int] = Node.__hash__  # type: ignore[assignment]  # it is a method

    # --- operators ------------------------------------------------------------------------

    __add__ = ops.add
    __sub__ = ops.subtract
    __mul__ = ops.multiply
    __truediv__ = ops.divide
    __floordiv__ = ops.floor_divide
    __mod__ = ops.remainder
    __pow__ = ops.power
    __matmul__ = ops.matmul
    __neg__ = ops.negative
    __pos__ = ops.positive
    __abs__ = ops.absolute
    __getitem__ = ops.getitem

    def __radd__(self, other: Operand) -> Tensor:
        return ops.add(other, self)

    def __rsub__(self, other: Operand) -> Tensor:
        return ops.subtract(other, self)

    def __rmul__(self, other: Operand) -> Tensor:
        return ops.multiply(other, self)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return ops.divide(other, self)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return ops.floor_divide(other, self)

    def __rmod__(self, other: Operand) -> Tensor:
        return ops.remainder(other, self)

    def __rpow__(self, other: Operand) -> Tensor:
        return ops.power(other, self)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return ops.matmul(other, self)

    def __divmod__(self, other: Operand) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __round__(self, decimals: int | None = None) -> Tensor:
        return ops.round(self, decimals or 0)

    # What has no derivative returns plain arrays: masks, to choose by, and positions.

    def __eq__(self, other: Operand) -> Mask:  # type: ignore[override]  # elementwise, as NumPy's
        return _compare(np.equal, self, other)

    def __ne__(self, other: Operand) -> Mask:  # type: ignore[override]  # elementwise, as NumPy's
        return _compare(np.not_equal, self, other)

    def __lt__(self, other: Operand) -> Mask:
        return _compare(np.less, self, other)

    def __le__(self, other: Operand) -> Mask:
        return _compare(np.less_equal, self, other)

    def __gt__(self, other: Operand) -> Mask:
        return _compare(np.greater, self, other)

    def __ge__(self, other: Operand) -> Mask:
        return _compare(np.greater_equal, self, other)

    def __invert__(self) -> NDArray[Any]:
        return ~self._data

    def all(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """`numpy.all` of the values."""
        return np.all(self._data, axis, keepdims=keepdims)

    def any(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """`numpy.any` of the values."""
        return np.any(self._data, axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """`numpy.argmax` of the values."""
        return np.argmax(self._data, axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """`numpy.argmin` of the values."""
        return np.argmin(self._data, axis, keepdims=keepdims)

    def argsort(self, axis: int | None = -1) -> NDArray[np.intp]:
        """`numpy.argsort` of the values."""
        return np.argsort(self._data, axis)

    def nonzero(self) -> tuple[NDArray[np.intp], ...]:
        """`numpy.nonzero` of the values."""
        return np.nonzero(self._data)

    # --- methods: the functions of the same names, with this Tensor as their first argument -----

    # of every element
    abs = ops.absolute
    clip = ops.clip
    cos = ops.cos
    exp = ops.exp
    log = ops.log
    round = ops.round
    sin = ops.sin
    sqrt = ops.sqrt
    square = ops.square

    # activations
    elu = ops.elu
    gelu = ops.gelu
    leaky_relu = ops.leaky_relu
    log_softmax = ops.log_softmax
    relu = ops.relu
    sigmoid = ops.sigmoid
    silu = ops.silu
    softmax = ops.softmax
    softplus = ops.softplus
    tanh = ops.tanh

    # reductions and products
    cumprod = ops.cumprod
    cumsum = ops.cumsum
    dot = ops.dot
    logsumexp = ops.logsumexp
    max = ops.max
    mean = ops.mean
    min = ops.min
    prod = ops.prod
    std = ops.std
    sum = ops.sum
    trace = ops.trace
    var = ops.var

    # shape, order and places
    astype = ops.astype
    diagonal = ops.diagonal
    flatten = ops.ravel
    ravel = ops.ravel
    repeat = ops.repeat
    sort = ops.sort  # a new Tensor: nothing is sorted in place
    squeeze = ops.squeeze
    swapaxes = ops.swapaxes
    take = ops.take

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
