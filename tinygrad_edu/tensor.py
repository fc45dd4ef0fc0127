"""Tensor: an array that remembers how it was computed. The operators and methods people type."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tinygrad_edu import ops
from tinygrad_edu.engine import Node, backpropagate, next_order
from tinygrad_edu.ops._common import Axis, Operand
from tinygrad_edu.protocol import call_function, call_ufunc

__all__ = ["Tensor"]

Array = NDArray[Any]


class Tensor(Node):
    """An array that remembers how it was computed, so that it can be differentiated.

    Parameters
    ----------
    data : array_like
        The values; copied.
    requires_grad : bool, optional
        Whether ``backward()`` shall leave the gradient of this Tensor in ``.grad``. The values
        must be real floating-point numbers then.
    dtype : dtype, optional
        The type of the elements; by default that of the data.
    name : str, optional
        What pictures and messages call it.

    Attributes
    ----------
    grad : ndarray, Tensor or None
        The gradient that ``backward()`` left; a Tensor after ``backward(create_graph=True)``.
    name : str or None
        As given.

    Raises
    ------
    TypeError
        If the data are no numbers, or shall have a gradient and are not floating-point.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> loss = (x * x).sum()
    >>> loss.backward()
    >>> x.grad
    array([2., 4., 6.])
    """

    __slots__ = ()
    __hash__ = Node.__hash__  # by identity, although == compares element by element

    def __init__(
        self,
        data: ArrayLike | Tensor,
        requires_grad: bool = False,
        dtype: DTypeLike = None,
        name: str | None = None,
    ) -> None:
        array = np.array(data._data if isinstance(data, Tensor) else data, dtype=dtype)
        if array.dtype.kind not in "fiubc":
            raise TypeError(f"a Tensor holds numbers; got data of dtype {array.dtype}")
        super().__init__(array, name=name)
        self.requires_grad = requires_grad

    # --- what it is -------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The values. ``t.data = array`` replaces them, keeping shape and dtype."""
        return self._data

    @data.setter
    def data(self, value: ArrayLike) -> None:
        if value is not self._data:  # it is after `t.data -= step`
            self._data = self._checked(np.asarray(value))
        self._order = next_order()  # so that a graph which used the old data notices

    def _checked(self, array: Array) -> Array:
        """An array that may become the data."""
        if self._op is not None:
            raise ValueError(
                f"the data of {self!r} are computed by {self._op.__name__}; only those of a leaf "
                "can be replaced. Write .detach() for a Tensor of the same values"
            )
        if array.shape != self.shape or array.dtype != self.dtype:
            raise ValueError(
                f"new data must have the Tensor's shape and dtype, {self.shape} {self.dtype}; "
                f"got {array.shape} {array.dtype}"
            )
        return array

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this Tensor; settable on a leaf."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._data.dtype.kind != "f":
            raise TypeError(
                "only a Tensor of floating-point numbers can require a gradient; this one holds "
                f"{self._data.dtype}. Write Tensor(data, requires_grad=True, dtype=float)"
            )
        if self._op is not None and not value:
            raise ValueError("this Tensor was computed; write .detach() to cut it from its graph")
        self._requires_grad = bool(value)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self._data.dtype

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not by a recorded operation."""
        return self._op is None

    @property
    def scope(self) -> tuple[str, ...]:
        """The names of the `scope` blocks in which it was made, outermost first."""
        return self._context.scope

    def __repr__(self) -> str:
        values = np.array2string(self._data, separator=", ", prefix="Tensor(")
        facts = [values]
        if self.dtype != np.float64:
            facts.append(f"dtype={self.dtype}")
        if self._op is not None:
            facts.append(f"op={self._op.__name__}")
        elif self.requires_grad:
            facts.append("requires_grad=True")
        if self.name is not None:
            facts.append(f"name={self.name!r}")
        return f"Tensor({', '.join(facts)})"

    # --- gradients --------------------------------------------------------------------

    def backward(self, gradient: ArrayLike | None = None, create_graph: bool = False) -> None:
        """Add the gradient of this Tensor to the ``.grad`` of every leaf that requires one.

        Parameters
        ----------
        gradient : array_like, optional
            dL/d(this Tensor), in its shape. Left out for a loss, that is for a single number: 1.
        create_graph : bool, optional
            Record the backward pass too; the gradients are then Tensors that can be
            differentiated again.

        Raises
        ------
        ValueError
            If the Tensor is no single number and no gradient is given, or one of another shape.
        RuntimeError
            If nothing that it was computed from requires a gradient, or if the data of a leaf
            was changed since. In every case all ``.grad`` are as they were before.
        """
        if not self._requires_grad:
            raise RuntimeError(
                "nothing that this Tensor was computed from requires a gradient; write "
                "Tensor(data, requires_grad=True) for what is to be learned, outside of no_grad()"
            )
        seed = self._seed(gradient)
        if create_graph and not isinstance(seed, Tensor):
            seed = Tensor(seed)
        _commit(backpropagate({self: seed}, create_graph=create_graph))

    def _seed(self, gradient: ArrayLike | Tensor | None) -> Any:
        """dL/d(this Tensor), to begin with."""
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    f"backward() begins at a single number; this Tensor has shape {self.shape}. "
                    "Reduce it with .sum() or .mean(), or give the gradient to begin with"
                )
            return np.array(1, self.dtype).reshape(self.shape)
        seed = gradient if isinstance(gradient, Tensor) else np.array(gradient, self.dtype)
        if seed.shape != self.shape:
            raise ValueError(
                f"the gradient to begin with must have the Tensor's shape {self.shape}; "
                f"got {seed.shape}"
            )
        return seed

    def retain_grad(self) -> None:
        """Ask ``backward()`` to leave a gradient in ``.grad`` although this is no leaf."""
        self._retains_grad = True

    def zero_grad(self) -> None:
        """Forget the gradient: ``.grad`` is None again."""
        self.grad = None

    def detach(self) -> Tensor:
        """A leaf of the same values, sharing memory, cut from the graph."""
        leaf = Tensor.__new__(Tensor)
        Node.__init__(leaf, self._data, name=self.name)
        return leaf

    # --- values, outside of the graph ---------------------------------------------------

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self._data.item()

    def numpy(self) -> Array:
        """The values as an array, sharing memory: gradients do not flow through it."""
        return self._data

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._data.tolist()

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> Array:
        self._require_detached("np.asarray(tensor)")
        return np.array(self._data, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        self._require_detached("np.from_dlpack(tensor)")
        return self._data.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._data.__dlpack_device__()

    def _require_detached(self, what: str) -> None:
        if self._requires_grad:
            raise TypeError(
                f"{what} would lose the gradient of {self!r}; write .detach() or .numpy() "
                "if that is meant"
            )

    def __reduce__(self) -> Any:
        if self._op is not None:
            raise TypeError("a computed Tensor cannot be copied or pickled; write .detach() first")
        return (
            Tensor,
            (self._data, self._requires_grad, None, self.name),
            (None, {"grad": self.grad}),
        )

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(self._data.item())

    def __int__(self) -> int:
        return int(self._data.item())

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return value in self._data

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor cannot be assigned into, since gradients of its old values may be wanted. "
            "Write tg.where(mask, new, t) or tg.concatenate([...]) for a new Tensor, or assign "
            "into t.data of a leaf that no graph uses"
        )

    # --- NumPy's protocols: np.exp(t), np.where(m, t, 0), array @ t ------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return call_function(function, args, options)

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

    def __eq__(self, other: Operand) -> Array:  # type: ignore[override]  # elementwise, as NumPy's
        return np.equal(self._data, _plain(other))

    def __ne__(self, other: Operand) -> Array:  # type: ignore[override]  # elementwise, as NumPy's
        return np.not_equal(self._data, _plain(other))

    def __lt__(self, other: Operand) -> Array:
        return np.less(self._data, _plain(other))

    def __le__(self, other: Operand) -> Array:
        return np.less_equal(self._data, _plain(other))

    def __gt__(self, other: Operand) -> Array:
        return np.greater(self._data, _plain(other))

    def __ge__(self, other: Operand) -> Array:
        return np.greater_equal(self._data, _plain(other))

    # --- methods: the functions of the same names, with this Tensor as their first argument -----

    def exp(self) -> Tensor:
        return ops.exp(self)

    def log(self) -> Tensor:
        return ops.log(self)

    def sqrt(self) -> Tensor:
        return ops.sqrt(self)

    def sin(self) -> Tensor:
        return ops.sin(self)

    def cos(self) -> Tensor:
        return ops.cos(self)

    def tanh(self) -> Tensor:
        return ops.tanh(self)

    def square(self) -> Tensor:
        return ops.square(self)

    def sigmoid(self) -> Tensor:
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        return ops.relu(self)

    def leaky_relu(self, negative_slope: float = 0.01) -> Tensor:
        return ops.leaky_relu(self, negative_slope)

    def elu(self, alpha: float = 1.0) -> Tensor:
        return ops.elu(self, alpha)

    def softplus(self) -> Tensor:
        return ops.softplus(self)

    def gelu(self) -> Tensor:
        return ops.gelu(self)

    def silu(self) -> Tensor:
        return ops.silu(self)

    def softmax(self, axis: int = -1) -> Tensor:
        return ops.softmax(self, axis)

    def log_softmax(self, axis: int = -1) -> Tensor:
        return ops.log_softmax(self, axis)

    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.logsumexp(self, axis, keepdims)

    def clip(self, min: Operand = None, max: Operand = None) -> Tensor:
        return ops.clip(self, min, max)

    def dot(self, other: Operand) -> Tensor:
        return ops.dot(self, other)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.sum(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.mean(self, axis, keepdims)

    def prod(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.prod(self, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.max(self, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.min(self, axis, keepdims)

    def var(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return ops.var(self, axis, ddof, keepdims)

    def std(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return ops.std(self, axis, ddof, keepdims)

    def cumsum(self, axis: int | None = None) -> Tensor:
        return ops.cumsum(self, axis)

    def cumprod(self, axis: int | None = None) -> Tensor:
        return ops.cumprod(self, axis)

    def ravel(self) -> Tensor:
        return ops.ravel(self)

    def flatten(self) -> Tensor:
        return ops.ravel(self)

    def squeeze(self, axis: Axis = None) -> Tensor:
        return ops.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return ops.swapaxes(self, axis1, axis2)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        return ops.repeat(self, repeats, axis)

    def take(self, indices: Any, axis: int | None = None) -> Tensor:
        return ops.take(self, indices, axis)

    def astype(self, dtype: DTypeLike) -> Tensor:
        return ops.astype(self, dtype)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return ops.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return ops.trace(self, offset, axis1, axis2)

    def reshape(self, *shape: SupportsIndex | tuple[SupportsIndex, ...]) -> Tensor:
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        return ops.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    @property
    def T(self) -> Tensor:
        """The Tensor with its axes in reverse order."""
        return ops.transpose(self)

    @property
    def mT(self) -> Tensor:
        """The Tensor with its last two axes swapped."""
        return ops.swapaxes(self, -1, -2)


def _plain(x: Any) -> Any:
    return x._data if isinstance(x, Node) else x


def _commit(gradients: dict[Node, Any]) -> None:
    """Add to ``.grad``: first every sum, which may fail, then every assignment, which cannot."""
    for node, g in gradients.items():
        if node.grad is not None:
            gradients[node] = node.grad + g
    while gradients:
        node, g = gradients.popitem()
        if type(g) is np.ndarray and (g.base is not None or sys.getrefcount(g) != _ALONE):
            g = g.copy()  # a view, or an array that others hold too, may belong to the graph
        node.grad = g


def _references_to_a_new_array() -> int:
    array = np.empty(0)
    return sys.getrefcount(array)


_ALONE = _references_to_a_new_array()
