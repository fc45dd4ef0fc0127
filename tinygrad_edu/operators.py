"""The operators and methods people type on a Tensor: each is an operation with it as an operand."""

# ruff: noqa: F403, F405 - the names are those of the operations

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.context import current
from tinygrad_edu.engine import Node, require_own_data
from tinygrad_edu.errors import advised, describe
from tinygrad_edu.ops import *
from tinygrad_edu.ops._common import Axis, Operand, values

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = ["Operators"]

Mask: TypeAlias = NDArray[np.bool_]


def _compare(function: np.ufunc, a: Node, b: Operand) -> Mask:
    mask: Mask = function(a.data, values(b))
    return mask


Augmented: TypeAlias = "Callable[[Any, Operand], Tensor]"


def _augmented(
    operation: Callable[..., Tensor], in_place: Callable[[Any, Any], Any], sign: str
) -> Augmented:
    """``y += x``: a new Tensor, unless y is a parameter; that gets new values under `no_grad`."""

    def method(self: Any, other: Operand) -> Tensor:
        if self._op is not None or not self._requires_grad:
            return operation(self, other)
        if current().recording:
            raise RuntimeError(
                f"{sign} on a leaf that requires a gradient, {describe(self)}: write it inside "
                f"`with tg.no_grad():` to change the values, or y = x {sign[:-1]} ... for a new "
                "Tensor"
            )
        require_own_data()
        self.data = in_place(self.data, values(other))
        return cast("Tensor", self)

    return method


class Operators(Node):
    """A node that takes part in expressions.

    An operation is a function, and so a method where it stands in a class: ``sum = sum`` makes
    ``t.sum(axis=0)`` the call ``sum(t, axis=0)``, with its signature and its documentation.
    """

    __slots__ = ()
    # By identity, although == compares element by element.
    __hash__: Callable[[Node], int] = Node.__hash__  # type: ignore[assignment]  # it is a method

    # --- operators ------------------------------------------------------------------------

    __add__ = add
    __sub__ = subtract
    __mul__ = multiply
    __truediv__ = divide
    __floordiv__ = floor_divide
    __mod__ = remainder
    __divmod__ = divmod
    __pow__ = power
    __matmul__ = matmul
    __neg__ = negative
    __pos__ = positive
    __abs__ = absolute
    __getitem__ = getitem

    def __radd__(self, other: Operand) -> Tensor:
        return add(other, self)

    def __rsub__(self, other: Operand) -> Tensor:
        return subtract(other, self)

    def __rmul__(self, other: Operand) -> Tensor:
        return multiply(other, self)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return divide(other, self)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return floor_divide(other, self)

    def __rmod__(self, other: Operand) -> Tensor:
        return remainder(other, self)

    def __rpow__(self, other: Operand) -> Tensor:
        return power(other, self)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return matmul(other, self)

    def __rdivmod__(self, other: Operand) -> tuple[Tensor, Tensor]:
        return divmod(other, self)

    def __round__(self, decimals: int | None = None) -> Tensor:
        return round(self, decimals or 0)

    # `y += x` makes a new Tensor of what was computed, `y = y + x`: its old values may be needed on
    # the way back. Of a parameter that would end the training unnoticed; see `_augmented`.

    __iadd__: ClassVar[Augmented] = _augmented(add, operator.iadd, "+=")
    __isub__: ClassVar[Augmented] = _augmented(subtract, operator.isub, "-=")
    __imul__: ClassVar[Augmented] = _augmented(multiply, operator.imul, "*=")
    __itruediv__: ClassVar[Augmented] = _augmented(divide, operator.itruediv, "/=")
    __ifloordiv__: ClassVar[Augmented] = _augmented(floor_divide, operator.ifloordiv, "//=")
    __imod__: ClassVar[Augmented] = _augmented(remainder, operator.imod, "%=")
    __ipow__: ClassVar[Augmented] = _augmented(power, operator.ipow, "**=")
    __imatmul__: ClassVar[Augmented] = _augmented(matmul, operator.imatmul, "@=")

    # Comparisons and positions have no derivative; they return plain arrays.

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
        return ~self.data

    @advised
    def all(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """`numpy.all` of the values."""
        return np.all(self.data, axis, keepdims=keepdims)

    @advised
    def any(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """`numpy.any` of the values."""
        return np.any(self.data, axis, keepdims=keepdims)

    @advised
    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """`numpy.argmax` of the values."""
        return np.argmax(self.data, axis, keepdims=keepdims)

    @advised
    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """`numpy.argmin` of the values."""
        return np.argmin(self.data, axis, keepdims=keepdims)

    @advised
    def argsort(self, axis: int | None = -1) -> NDArray[np.intp]:
        """`numpy.argsort` of the values."""
        return np.argsort(self.data, axis)

    def nonzero(self) -> tuple[NDArray[np.intp], ...]:
        """`numpy.nonzero` of the values."""
        return np.nonzero(self.data)

    # --- methods: the functions of the same names, with this Tensor as their first argument -----

    # of every element
    abs = absolute
    clip = clip
    conj = conjugate
    cos = cos
    exp = exp
    log = log
    round = round
    sin = sin
    sqrt = sqrt
    square = square

    # activations
    elu = elu
    gelu = gelu
    leaky_relu = leaky_relu
    log_softmax = log_softmax
    relu = relu
    sigmoid = sigmoid
    silu = silu
    softmax = softmax
    softplus = softplus
    tanh = tanh

    # reductions and products
    cumprod = cumprod
    cumsum = cumsum
    dot = dot
    logsumexp = logsumexp
    max = max
    mean = mean
    min = min
    prod = prod
    std = std
    sum = sum
    trace = trace
    var = var

    # shape, order and places
    astype = astype
    diagonal = diagonal
    flatten = ravel
    ravel = ravel
    repeat = repeat
    sort = sort  # a new Tensor: nothing is sorted in place
    squeeze = squeeze
    swapaxes = swapaxes
    take = take

    def reshape(self, *shape: SupportsIndex | tuple[SupportsIndex, ...]) -> Tensor:
        """`tinygrad_edu.reshape` of this Tensor."""
        return reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """`tinygrad_edu.transpose` of this Tensor."""
        return transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    @property
    def real(self) -> Tensor:
        """The real parts: of real numbers, all of them."""
        return real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary parts: of real numbers, zeros."""
        return imag(self)

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The Tensor with its axes in reverse order."""
        return transpose(self)

    @property
    def mT(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The Tensor with its last two axes swapped."""
        return swapaxes(self, -1, -2)
