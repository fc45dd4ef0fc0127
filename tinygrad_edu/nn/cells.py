"""Cells of recurrent layers: what is computed at a step, and from step to step of a sequence."""

from __future__ import annotations

import math
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu import ops
from tinygrad_edu.context import scope
from tinygrad_edu.errors import advised
from tinygrad_edu.nn.init import Rng, as_rng, uniform
from tinygrad_edu.nn.layers import drawn, require_sizes
from tinygrad_edu.nn.module import Module, TorchNames
from tinygrad_edu.ops._common import Operand, as_array, is_tensor
from tinygrad_edu.quick import as_a_whole
from tinygrad_edu.tensor import Tensor

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]

State: TypeAlias = Any
"""A Tensor, or for an LSTM a pair of them."""


class Cell(Module):
    """One step of a recurrent layer: what cells have in common."""

    GATES: ClassVar[int]
    PARTS: ClassVar[int] = 1  # of a state; that of several is a tuple
    TORCH: ClassVar[TorchNames] = (
        ("weight_ih", ("W_x",), True),
        ("weight_hh", ("W_h",), True),
        ("bias_ih", ("b_x",), False),
        ("bias_hh", ("b_h",), False),
    )

    @advised
    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(inputs, units)
        self.inputs: int = inputs
        self.units: int = units
        rng, outputs = as_rng(rng), units * self.GATES

        def draw(name: str, *shape: int) -> Tensor:
            bound = 1 / math.sqrt(units)
            return drawn(
                lambda shape, rng: uniform(shape, rng, -bound, bound), shape, rng, dtype, name
            )

        self.W_x: Tensor = draw("W_x", inputs, outputs)
        self.W_h: Tensor = draw("W_h", units, outputs)
        self.b_x: Tensor | None = draw("b_x", outputs) if bias else None
        self.b_h: Tensor | None = draw("b_h", outputs) if bias else None

    def forward(self, x: Operand, state: State = None) -> State:
        """Take one step: the new state, from x of shape (N, inputs) and the state before."""
        x = as_array(x)
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(
                f"{type(self).__name__}({self.extra_repr()}) takes x of shape (N, {self.inputs}); "
                f"got {x.shape}"
            )
        if state is None:
            state = self.zeros(len(x))
        self.require_parts(state)
        h = as_array(self.hidden(state))
        if h.shape != (len(x), self.units):
            raise ValueError(
                f"the state of {type(self).__name__}({self.extra_repr()}) for x of shape {x.shape} "
                f"has shape {(len(x), self.units)}; got {h.shape}"
            )
        return self._after(x, state)

    def along(
        self, x: Any, state: State, running: Any = None, backwards: bool = False
    ) -> tuple[list[Any], State]:
        """Go along a whole sequence; see `RNN`.

        Parameters
        ----------
        x : Tensor or list of Tensor
            Of shape (N, T, inputs), or what a layer below returned.
        state : Tensor or pair of Tensor
            At the beginning.
        running : ndarray or None, optional
            For every step, which samples have it, in the shape (T, N, 1); by default all.
        backwards : bool, optional
            Whether to begin with the last step.

        Returns
        -------
        outputs : list of Tensor
            What is seen of the state at every step.
        state : Tensor or pair of Tensor
            At the end.
        """
        with scope("steps"):
            steps = x if isinstance(x, list) else _steps(x)
        outputs: list[Any] = [None] * len(steps)
        order = range(len(steps))
        for t in reversed(order) if backwards else order:
            with scope(f"step {t + 1}"):
                new = self._after(steps[t], state)
                outputs[t] = self.hidden(new)
                if running is not None:
                    outputs[t] = ops.where(running[t], outputs[t], 0)
                    new = _kept(running[t], new, state)
                state = new
        return outputs, state

    def _after(self, x: Any, state: State) -> State:
        of_x = ops.linear(x, self.W_x, self.b_x)
        return self._next(of_x, ops.linear(self.hidden(state), self.W_h, self.b_h), state)

    def _next(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        """Compute the new state, from what x and the old state are after their linear layers."""
        raise NotImplementedError

    def zeros(self, samples: int) -> State:
        """Return the state at the beginning."""
        return np.zeros((samples, self.units), self.W_h.dtype)

    def hidden(self, state: State) -> Any:
        """Return the part of a state that is seen from outside."""
        return state

    def require_parts(self, state: State) -> None:
        """Raise TypeError if a state does not consist of what this kind of cell has."""
        given = len(state) if isinstance(state, tuple | list) else 1
        if given != self.PARTS:
            kind = type(self).__name__.removesuffix("Cell")
            wanted = "a pair (h, c)" if self.PARTS == 2 else "a Tensor h"
            raise TypeError(f"the state of this {kind} is {wanted}; got {_number_of(given)}")

    def extra_repr(self) -> str:
        """Return the sizes, for ``repr``."""
        return f"{self.inputs}, {self.units}"


class RNNCell(Cell):  # numpydoc ignore=PR02
    """One step of a simple recurrent layer.

    ::

        h' = tanh(x @ W_x + b_x + h @ W_h + b_h)

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of the state.
    bias : bool, optional
        Whether there are b_x and b_h.
    rng : Generator, RandomState, int or None, optional
        The source of randomness; all is drawn between ``-1 / sqrt(units)`` and ``1 / sqrt(units)``.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    W_x, W_h : Tensor
        The weights, of shapes ``(inputs, units)`` and ``(units, units)``.
    b_x, b_h : Tensor or None
        The biases, of shape ``(units,)``.

    Raises
    ------
    ValueError
        If a size is no positive integer.

    References
    ----------
    Elman, "Finding structure in time", Cognitive Science 14, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> cell = tg.nn.RNNCell(2, 3, rng=0)
    >>> h = cell(np.ones((4, 2)))
    >>> cell(np.ones((4, 2)), h).shape
    (4, 3)
    """

    GATES: ClassVar[int] = 1

    def _next(self, of_x: Tensor, of_h: Tensor, state: State) -> State:  # noqa: ARG002 - as all
        return ops.tanh(of_x + of_h)


class LSTMCell(Cell):  # numpydoc ignore=PR02
    """One step of a long short-term memory.

    ::

        i, f, g, o = split(x @ W_x + b_x + h @ W_h + b_h)
        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h' = sigmoid(o) * tanh(c')

    Where the gate f is open, gradients pass through c as they are: that is its purpose.

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of each part of the state.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    W_x, W_h : Tensor
        The weights, of shapes ``(inputs, 4 * units)`` and ``(units, 4 * units)``.
    b_x, b_h : Tensor or None
        The biases, of shape ``(4 * units,)``.

    Raises
    ------
    ValueError
        If a size is no positive integer.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997. Gers,
    Schmidhuber and Cummins, "Learning to forget", Neural Computation 12, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> cell = tg.nn.LSTMCell(2, 3, rng=0)
    >>> h, c = cell(np.ones((4, 2)))
    >>> h.shape, c.shape
    ((4, 3), (4, 3))
    """

    GATES: ClassVar[int] = 4
    PARTS: ClassVar[int] = 2

    def _next(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        i, f, g, o = ops.split(of_x + of_h, 4, axis=-1)
        c = ops.sigmoid(f) * state[1] + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c

    def zeros(self, samples: int) -> State:
        """Return the state at the beginning."""
        return super().zeros(samples), super().zeros(samples)

    def hidden(self, state: State) -> Any:
        """Return the part of a state that is seen from outside."""
        return state[0]


class GRUCell(Cell):  # numpydoc ignore=PR02
    """One step of a gated recurrent unit.

    ::

        r, z = sigmoid of the first and the second part of x @ W_x + b_x + h @ W_h + b_h
        n = tanh(third part of x @ W_x + b_x + r * third part of h @ W_h + b_h)
        h' = (1 - z) * n + z * h

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of the state.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    W_x, W_h : Tensor
        The weights, of shapes ``(inputs, 3 * units)`` and ``(units, 3 * units)``.
    b_x, b_h : Tensor or None
        The biases, of shape ``(3 * units,)``.

    Raises
    ------
    ValueError
        If a size is no positive integer.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP 2014; with r where PyTorch has it.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.nn.GRUCell(2, 3, rng=0)(np.ones((4, 2))).shape
    (4, 3)
    """

    GATES: ClassVar[int] = 3

    def _next(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        x_r, x_z, x_n = ops.split(of_x, 3, axis=-1)
        h_r, h_z, h_n = ops.split(of_h, 3, axis=-1)
        z = ops.sigmoid(x_z + h_z)
        n = ops.tanh(x_n + ops.sigmoid(x_r + h_r) * h_n)
        return n + z * (state - n)


def _number_of(parts: int) -> str:
    return "one Tensor" if parts == 1 else f"{parts} parts"


def _steps(x: Any) -> list[Any]:
    """The steps of sequences: halves of halves.

    The gradient of a part is zeros of the size of the whole, but for the part. So taken one by one,
    T steps would cost the square of T on the way back.
    """
    steps = x.shape[1]
    if steps < 4 or not is_tensor(x):
        return [x[:, t] for t in range(steps)]
    return [*_steps(x[:, : steps // 2]), *_steps(x[:, steps // 2 :])]


@as_a_whole
def running_samples(lengths: Any, samples: int, steps: int) -> Any:
    """For every step, which samples have not ended yet, in the shape (steps, samples, 1)."""
    if lengths.shape != (samples,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"lengths are whole numbers, one for each of {samples} samples; got {lengths.dtype} of "
            f"shape {lengths.shape}"
        )
    if samples and not 0 <= lengths.min() <= lengths.max() <= steps:
        raise ValueError(
            f"lengths must be from 0 to {steps}, the number of steps; got {lengths.min()} to "
            f"{lengths.max()}"
        )
    return np.arange(steps)[:, None, None] < lengths[None, :, None]


def _kept(running: Any, new: State, old: State) -> State:
    """The new state of samples that go on, the old one of those that have ended."""
    if isinstance(new, tuple):
        return tuple(ops.where(running, *pair) for pair in zip(new, old, strict=True))
    return ops.where(running, new, old)
