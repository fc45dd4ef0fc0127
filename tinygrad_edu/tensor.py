"""Tensor: an array that remembers how it was computed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tinygrad_edu.context import within
from tinygrad_edu.conversions import Conversions
from tinygrad_edu.engine import Node, backpropagate
from tinygrad_edu.errors import advised, describe
from tinygrad_edu.migrants import TENSOR, answering
from tinygrad_edu.operators import Operators
from tinygrad_edu.ops._common import values
from tinygrad_edu.protocol import call_function, call_ufunc
from tinygrad_edu.quick import is_held_once

__all__ = ["Tensor"]

Array = NDArray[Any]


@answering(TENSOR)
class Tensor(Operators, Conversions):
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
    name : str or None
        As given.

    Raises
    ------
    TypeError
        If the data are no numbers, or shall have a gradient and are not floating-point; if they
        are Tensors that require a gradient, which a copy would lose; or if the name is no text.

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

    @advised
    def __init__(
        self,
        data: ArrayLike | Tensor,
        requires_grad: bool = False,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        array = _copied(data)
        if dtype is not None:
            array = array.astype(dtype, copy=False)
        if array.dtype.kind not in "fiubc":
            raise TypeError(f"a Tensor holds numbers; got data of dtype {array.dtype}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a Tensor is text; got {name!r}")
        super().__init__(array, name=name)
        self.requires_grad = requires_grad

    # --- what it is -------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this Tensor; settable on a leaf."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._array.dtype.kind != "f":
            raise TypeError(
                "only a Tensor of floating-point numbers can require a gradient; this one holds "
                f"{self._array.dtype}. Write Tensor(data, requires_grad=True, dtype=float)"
            )
        if self._op is not None and not value:
            raise ValueError("this Tensor was computed; write .detach() to cut it from its graph")
        self._requires_grad = bool(value)

    @property
    def grad(self) -> Any:
        """The gradient that ``backward()`` left: an array; a Tensor after ``create_graph=True``.

        None before, and for computed Tensors, unless they `retain_grad`. It can be set to None, or
        to an array or Tensor of this Tensor's shape.
        """
        gradient = self._grad
        if gradient is None and self._op is not None and not self._retains_grad:
            warnings.warn(_KEEPS_NONE.format(describe(self)), UserWarning, stacklevel=2)
        return gradient

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = self._fitting_gradient(value)
        self._grad = value

    def _fitting_gradient(self, value: Any) -> Any:
        """What somebody sets as the gradient, if it can be one."""
        if isinstance(value, int | float | np.generic):  # arithmetic makes such of 0-d arrays
            value = np.asarray(value)
        if not isinstance(value, np.ndarray | Tensor) or value.dtype.kind not in "fiub":
            shown = getattr(value, "dtype", type(value).__name__)
            raise TypeError(
                f"a gradient is an array or a Tensor, of real numbers, or None; got {shown}"
            )
        if value.shape != self.shape:
            raise ValueError(
                f"the gradient of {describe(self)} must have its shape; got {value.shape}"
            )
        return value

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self._array.dtype

    # --- how it came about: the graph, walked by hand -----------------------------------------

    @property
    def op(self) -> Callable[..., Any] | None:
        """The operation that computed it, as `tinygrad_edu.tanh`; None for a leaf.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> x = tg.Tensor(0.5, requires_grad=True)
        >>> y = tg.tanh(x)
        >>> y.op is tg.tanh, y.op.__name__, x.op
        (True, 'tanh', None)
        """
        return self._op

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The Tensors that it was computed from, in the order of the operation's inputs.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> x = tg.Tensor(3.0, requires_grad=True, name="x")
        >>> loss = (x * x + 1.0).sum()
        >>> def visit(t, depth=0):
        ...     print("  " * depth + (t.op.__name__ if t.op else t.name))
        ...     for x in t.inputs:
        ...         visit(x, depth + 1)
        >>> visit(loss)
        sum
          add
            multiply
              x
              x
        """
        return tuple(x for x in self._inputs if isinstance(x, Tensor))

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not by a recorded operation."""
        return self._op is None

    @property
    def scope(self) -> tuple[str, ...]:
        """The names of the `scope` blocks in which it was made, outermost first."""
        return self._scope

    def __repr__(self) -> str:
        values = np.array2string(self._array, separator=", ", prefix="Tensor(")
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

    @advised
    def backward(
        self, gradient: ArrayLike | Tensor | None = None, create_graph: bool = False
    ) -> None:
        """Add the gradient of this Tensor to the ``.grad`` of every leaf that requires one.

        Parameters
        ----------
        gradient : array_like, optional
            The gradient to begin with, dL/d(this Tensor), in its shape. Left out for a loss, that
            is for a single number: 1.
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
        _commit(self._gradients(gradient, create_graph))

    def _gradients(
        self, gradient: ArrayLike | Tensor | None, create_graph: bool, wanted: Collection[Node] = ()
    ) -> dict[Node, Any]:
        """The gradients of the leaves, and of the Tensors that want or retain theirs."""
        if not self._requires_grad:
            raise RuntimeError(
                "nothing that this Tensor was computed from requires a gradient; write "
                "Tensor(data, requires_grad=True) for what is to be learned, outside of no_grad()"
            )
        seed: Any = self._seed(values(gradient))
        if not create_graph:
            return backpropagate({self: seed}, wanted=wanted)
        seed = gradient if isinstance(gradient, Tensor) else Tensor(seed, name="seed")
        with within(recording=True, stand_in=None):  # the graph holds what stood in
            return backpropagate({self: seed}, create_graph=True, wanted=wanted)

    def _seed(self, gradient: ArrayLike | None) -> Array:
        """dL/d(this Tensor), to begin with."""
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    f"backward() begins at a single number; this Tensor has shape {self.shape}. "
                    "Reduce it with .sum() or .mean(), or give the gradient to begin with"
                )
            return np.array(1, self.dtype, ndmin=self.ndim)
        seed = np.array(gradient, self.dtype)
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
        self._grad = None

    def detach(self) -> Tensor:
        """A leaf of the same values, sharing memory, cut from the graph."""
        leaf = Tensor.__new__(Tensor)
        Node.__init__(leaf, self.data, name=self.name)
        return leaf

    # --- as a whole, and in parts ---------------------------------------------------

    def __reduce__(self) -> Any:
        if self._op is not None:
            raise TypeError(
                "a computed Tensor cannot be copied or pickled (nor drawn by matplotlib, which "
                "copies); write .detach() first, or .data for the array"
            )
        return (
            Tensor,
            (self.data, self._requires_grad, None, self.name),
            (None, {"grad": self._grad}),
        )

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor")
        return (self[i] for i in range(len(self)))

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


_KEEPS_NONE = (
    "the gradient of a computed Tensor, {}, is not kept: .grad is None. Call .retain_grad() on it "
    "before backward(), or use tg.gradients"
)


def _copied(data: Any) -> Array:
    """A new array of the values, unless a gradient or a mask would get lost."""
    if isinstance(data, Tensor):
        data._require_detached("tg.Tensor(tensor)", "tg.copy(tensor)")
        return data.data.copy()
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError("a Tensor has no mask; write Tensor(x.filled(value))")
    return np.copy(data)


def _commit(gradients: dict[Node, Any]) -> None:
    """Add to ``.grad``: first every sum, which may fail, then every assignment, which cannot."""
    for node, g in gradients.items():
        if node._grad is not None:
            gradients[node] = node._grad + g
    while gradients:
        node, g = gradients.popitem()
        # A view, or an array with other references, may belong to the graph: take a copy.
        node._grad = g if isinstance(g, Node) or is_held_once(g) else np.array(g)
