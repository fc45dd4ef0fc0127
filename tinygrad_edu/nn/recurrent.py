"""Recurrent layers: the same weights at every step of a sequence, and a state that goes along."""

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
from tinygrad_edu.ops._common import Operand, as_array, is_tensor, values
from tinygrad_edu.quick import as_a_whole
from tinygrad_edu.tensor import Tensor

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

State: TypeAlias = Any
"""A Tensor, or for an LSTM a pair of them."""


class _Cell(Module):
    """One step of a recurrent layer: what cells have in common."""

    GATES: ClassVar[int]
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
        h = as_array(self.hidden(state))
        if h.shape != (len(x), self.units):
            raise ValueError(
                f"the state of {type(self).__name__}({self.extra_repr()}) for x of shape {x.shape} "
                f"has shape {(len(x), self.units)}; got {h.shape}"
            )
        return self._next(
            ops.linear(x, self.W_x, self.b_x), ops.linear(h, self.W_h, self.b_h), state
        )

    def _next(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        """Compute the new state, from what x and the old state are after their linear layers."""
        raise NotImplementedError

    def zeros(self, samples: int) -> State:
        """Return the state at the beginning."""
        return np.zeros((samples, self.units), self.W_h.dtype)

    def hidden(self, state: State) -> Any:
        """Return the part of a state that is seen from outside."""
        return state

    def extra_repr(self) -> str:
        """Return the sizes, for ``repr``."""
        return f"{self.inputs}, {self.units}"


class RNNCell(_Cell):  # numpydoc ignore=PR02
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


class LSTMCell(_Cell):  # numpydoc ignore=PR02
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

    def _next(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        i, f, g, o = ops.split(of_x + of_h, 4, axis=-1)
        c = ops.sigmoid(f) * state[1] + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c

    def zeros(self, samples: int) -> State:
        """Return the state at the beginning."""
        return super().zeros(samples), super().zeros(samples)

    def hidden(self, state: State) -> Any:
        """Return the part of a state that is seen from outside."""
        if not isinstance(state, tuple | list) or len(state) != 2:
            raise TypeError("the state of an LSTM is a pair (h, c)")
        return state[0]


class GRUCell(_Cell):  # numpydoc ignore=PR02
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


class _Recurrent(Module):
    """Cells on top of each other, along a sequence: what recurrent layers have in common."""

    CELL: ClassVar[type[_Cell]]

    @advised
    def __init__(
        self,
        inputs: int,
        units: int,
        layers: int = 1,
        *,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(inputs, units, layers)
        rng = as_rng(rng)
        self.cells: list[_Cell] = [
            self.CELL(n, units, bias=bias, rng=rng, dtype=dtype)
            for n in (inputs, *[units] * (layers - 1))
        ]

    def forward(self, x: Operand, state: State = None, lengths: Any = None) -> tuple[Tensor, State]:
        """Go through a whole sequence.

        Parameters
        ----------
        x : Tensor or array_like
            Of shape (N, T, inputs): samples, steps, features.
        state : Tensor or pair of Tensor, optional
            At the beginning, of shape (layers, N, units); of an LSTM the pair (h, c). Zeros by
            default.
        lengths : array_like of int or None, optional
            How many steps each sample has; all T by default. After its end the state of a sample
            stays as it is, and what is returned of it is 0.

        Returns
        -------
        y : Tensor
            Of shape (N, T, units): what the last layer has at each step.
        state : Tensor or pair of Tensor
            At the end.

        Raises
        ------
        ValueError
            If shapes do not fit, or a length is not from 0 to T.
        """
        x = as_array(x)
        inputs = self.cells[0].inputs
        if x.ndim != 3 or x.shape[2] != inputs or not x.shape[1]:
            raise ValueError(
                f"{type(self).__name__}({self.extra_repr()}) takes x of shape (N, T, {inputs}), "
                f"samples, steps and features; got {x.shape}"
                + (". Write x[:, None] for one step, or .step(x)" if x.ndim == 2 else "")
            )
        states = self._unpacked(state, len(x))
        running = lengths
        if lengths is not None:
            running = _running(as_array(values(lengths)), *x.shape[:2])
        outputs = []
        for t, x_t in enumerate(_steps(x)):
            with scope(f"step {t}"):
                h, new = self._advance(x_t, states)
                if running is not None:
                    new = [_kept(running[t], *pair) for pair in zip(new, states, strict=True)]
                    h = ops.where(running[t], h, 0)
                states = new
                outputs.append(h)
        return ops.stack(outputs, axis=1), self._packed(states)

    def step(self, x: Operand, state: State = None) -> tuple[Tensor, State]:
        """Take one step, as when a text is written letter by letter.

        Parameters
        ----------
        x : Tensor or array_like
            Of shape (N, inputs).
        state : Tensor or pair of Tensor, optional
            As for a whole sequence.

        Returns
        -------
        y : Tensor
            Of shape (N, units).
        state : Tensor or pair of Tensor
            After this step.
        """
        x = as_array(x)
        h, states = self._advance(x, self._unpacked(state, len(x)))
        return h, self._packed(states)

    def _advance(self, x: Any, states: list[State]) -> tuple[Any, list[State]]:
        """One step through all layers: what the last one shows, and the states of all."""
        new = []
        for cell, state in zip(self.cells, states, strict=True):
            new.append(cell(x, state))
            x = cell.hidden(new[-1])
        return x, new

    def _unpacked(self, state: State, samples: int) -> list[State]:
        """The state of each layer."""
        if state is None:
            return [cell.zeros(samples) for cell in self.cells]
        parts = state if isinstance(state, tuple | list) else [state]
        wanted = (len(self.cells), samples, self.cells[0].units)
        for part in parts:
            if np.shape(part) != wanted:
                raise ValueError(
                    f"the state of {type(self).__name__}({self.extra_repr()}) has shape (layers, N,"
                    f" units) = {wanted}; got {np.shape(part)}"
                )
        parts = [*map(as_array, parts)]
        if isinstance(state, tuple | list):
            return [tuple(part[k] for part in parts) for k in range(len(self.cells))]
        return [parts[0][k] for k in range(len(self.cells))]

    def _packed(self, states: list[State]) -> State:
        if isinstance(states[0], tuple):
            return tuple(ops.stack(parts) for parts in zip(*states, strict=True))
        return ops.stack(states)

    def torch_names(self) -> TorchNames:
        """Return the names in PyTorch: ``weight_ih_l0`` for ``cells.0.W_x``."""
        return tuple(
            (f"{name}_l{k}", tuple(f"cells.{k}.{part}" for part in parts), transposed)
            for k, cell in enumerate(self.cells)
            for name, parts, transposed in cell.TORCH
        )

    def extra_repr(self) -> str:
        """Return the sizes, for ``repr``."""
        first, layers = self.cells[0], len(self.cells)
        return f"{first.inputs}, {first.units}" + (f", layers={layers}" if layers > 1 else "")


class RNN(_Recurrent):  # numpydoc ignore=PR02
    """A simple recurrent layer, or several on top of each other.

    ::

        h[t] = tanh(x[t] @ W_x + b_x + h[t - 1] @ W_h + b_h)

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of the state.
    layers : int, optional
        How many layers there are; each takes what the one below returns.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    cells : list of RNNCell
        One for each layer.

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
    >>> layer = tg.nn.RNN(2, 3, rng=0)
    >>> y, state = layer(np.ones((4, 10, 2)))
    >>> y.shape, state.shape
    ((4, 10, 3), (1, 4, 3))

    One step at a time:

    >>> y, state = layer.step(np.ones((4, 2)), state)
    >>> y.shape
    (4, 3)
    """

    CELL: ClassVar[type[_Cell]] = RNNCell


class LSTM(_Recurrent):  # numpydoc ignore=PR02
    """A long short-term memory, or several layers of it; see `LSTMCell`.

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of each part of the state.
    layers : int, optional
        How many layers there are; each takes what the one below returns.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    cells : list of LSTMCell
        One for each layer.

    Raises
    ------
    ValueError
        If a size is no positive integer.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.LSTM(2, 3, layers=2, rng=0)
    >>> y, (h, c) = layer(np.ones((4, 10, 2)), lengths=[10, 7, 3, 1])
    >>> y.shape, h.shape, c.shape
    ((4, 10, 3), (2, 4, 3), (2, 4, 3))
    """

    CELL: ClassVar[type[_Cell]] = LSTMCell


class GRU(_Recurrent):  # numpydoc ignore=PR02
    """A layer of gated recurrent units, or several; see `GRUCell`.

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of the state.
    layers : int, optional
        How many layers there are; each takes what the one below returns.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    cells : list of GRUCell
        One for each layer.

    Raises
    ------
    ValueError
        If a size is no positive integer.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> y, state = tg.nn.GRU(2, 3, rng=0)(np.ones((4, 10, 2)))
    >>> y.shape, state.shape
    ((4, 10, 3), (1, 4, 3))
    """

    CELL: ClassVar[type[_Cell]] = GRUCell


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
def _running(lengths: Any, samples: int, steps: int) -> Any:
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
