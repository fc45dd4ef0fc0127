"""Recurrent layers: the same weights at every step of a sequence, and a state that goes along."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu import ops
from tinygrad_edu.errors import advised
from tinygrad_edu.nn.cells import Cell, GRUCell, LSTMCell, RNNCell, State, running_samples
from tinygrad_edu.nn.init import Rng, as_rng
from tinygrad_edu.nn.layers import Dropout, require_sizes
from tinygrad_edu.nn.module import Module, TorchNames
from tinygrad_edu.ops._common import Operand, as_array, values
from tinygrad_edu.tensor import Tensor

__all__ = ["GRU", "LSTM", "RNN"]


class _Recurrent(Module):
    """Cells on top of each other, along a sequence: what recurrent layers have in common."""

    CELL: ClassVar[type[Cell]]

    @advised
    def __init__(
        self,
        inputs: int,
        units: int,
        layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(inputs, units, layers)
        rng = as_rng(rng)
        self.bidirectional: bool = bidirectional
        ways = 2 if bidirectional else 1
        self.cells: list[Cell] = [
            self.CELL(n, units, bias=bias, rng=rng, dtype=dtype)
            for n in (inputs, *[units * ways] * (layers - 1))
            for _ in range(ways)
        ]
        self.dropout: Dropout | None = Dropout(dropout, rng) if dropout else None

    def forward(self, x: Operand, state: State = None, lengths: Any = None) -> tuple[Tensor, State]:
        """Go through a whole sequence.

        Parameters
        ----------
        x : Tensor or array_like
            Of shape (N, T, inputs): samples, steps, features.
        state : Tensor or pair of Tensor, optional
            At the beginning, of shape (layers, N, units); of an LSTM the pair (h, c). Zeros by
            default. In two directions there are twice as many: of each layer forward, backward.
        lengths : array_like of int or None, optional
            How many steps each sample has; all T by default. After its end the state of a sample
            stays as it is, and what is returned of it is 0.

        Returns
        -------
        y : Tensor
            Of shape (N, T, units): what the last layer has at each step. In two directions
            2 * units: what it has forward, then what it has backward.
        state : Tensor or pair of Tensor
            At the end; of the way back, that is at the first step.

        Raises
        ------
        TypeError
            If an LSTM is given no pair, or another layer is.
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
            running = running_samples(as_array(values(lengths)), *x.shape[:2])
        ended: list[State] = []
        steps: Any = x
        for k, layer in enumerate(self._layers()):
            steps = [self._dropped(x_t) for x_t in steps] if k else steps
            of_ways = []
            for cell, backwards in zip(layer, (False, True), strict=False):
                begin = states[len(ended)]
                outputs, end = self._along(cell, steps, begin, running, backwards)
                of_ways.append(outputs)
                ended.append(end)
            steps = of_ways[0] if len(layer) == 1 else _side_by_side(*of_ways)
        return ops.stack(steps, axis=1), self._packed(ended)

    def _along(self, cell: Cell, *where: Any) -> tuple[list[Any], State]:
        """What a cell returns; of several, each is a scope, in which are its steps."""
        if len(self.cells) == 1:
            return cell.along(*where)
        return cell.within(cell.along, *where)  # type: ignore[no-any-return]

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

        Raises
        ------
        TypeError
            If the layer goes in two directions: the way back begins at the end.
        """
        if self.bidirectional:
            raise TypeError(
                f"{type(self).__name__}({self.extra_repr()}) needs the whole sequence at once, "
                "since one of its ways begins at the end: call it, or leave out bidirectional=True"
            )
        x = as_array(x)
        new = []
        for k, (cell, state_k) in enumerate(
            zip(self.cells, self._unpacked(state, len(x)), strict=True)
        ):
            new.append(cell(self._dropped(x) if k else x, state_k))
            x = cell.hidden(new[-1])
        return x, self._packed(new)

    def _layers(self) -> list[list[Cell]]:
        """The cells of each layer: one, or one forward and one backward."""
        ways = 2 if self.bidirectional else 1
        return [self.cells[k : k + ways] for k in range(0, len(self.cells), ways)]

    def _dropped(self, x: Any) -> Any:
        """What a layer gets from the one below."""
        return x if self.dropout is None else self.dropout(x)

    def _unpacked(self, state: State, samples: int) -> list[State]:
        """The state of each cell."""
        if state is None:
            return [cell.zeros(samples) for cell in self.cells]
        self.cells[0].require_parts(state)
        parts = state if isinstance(state, tuple | list) else [state]
        wanted = (len(self.cells), samples, self.cells[0].units)
        layers = "2 * layers" if self.bidirectional else "layers"
        for part in parts:
            if np.shape(part) != wanted:
                raise ValueError(
                    f"the state of {type(self).__name__}({self.extra_repr()}) has shape ({layers}, "
                    f"N, units) = {wanted}; got {np.shape(part)}"
                )
        parts = [*map(as_array, parts)]
        if len(parts) > 1:
            return [tuple(part[k] for part in parts) for k in range(len(self.cells))]
        return [parts[0][k] for k in range(len(self.cells))]

    def _packed(self, states: list[State]) -> State:
        if isinstance(states[0], tuple):
            return tuple(ops.stack(parts) for parts in zip(*states, strict=True))
        return ops.stack(states)

    def torch_names(self) -> TorchNames:
        """Return the names in PyTorch: ``weight_ih_l0`` for ``cells.0.W_x``."""
        suffixes = [
            f"_l{k}{way}"
            for k, layer in enumerate(self._layers())
            for way in ("", "_reverse")[: len(layer)]
        ]
        return tuple(
            (name + suffix, tuple(f"cells.{k}.{part}" for part in parts), transposed)
            for k, (cell, suffix) in enumerate(zip(self.cells, suffixes, strict=True))
            for name, parts, transposed in cell.TORCH
        )

    def extra_repr(self) -> str:
        """Return the sizes, for ``repr``."""
        first, layers = self.cells[0], len(self._layers())
        facts = [f"{first.inputs}, {first.units}"]
        facts += [f"layers={layers}"] * (layers > 1)
        facts += ["bidirectional=True"] * self.bidirectional
        return ", ".join(facts)


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
    bidirectional : bool, optional
        Whether a second cell in each layer goes from the last step to the first; what both have at
        a step is joined.
    dropout : float, optional
        The probability with which a value is set to 0 in training, on the way from one layer to the
        next.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    cells : list of RNNCell
        One for each layer; in two directions two, the first forward.

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

    CELL: ClassVar[type[Cell]] = RNNCell


class LSTM(_Recurrent):  # numpydoc ignore=PR02
    """A long short-term memory, or several layers of it; see `LSTMCell`.

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of each part of the state.
    layers : int, optional
        How many layers there are; each takes what the one below returns.
    bidirectional : bool, optional
        Whether a second cell in each layer goes from the last step to the first; what both have at
        a step is joined.
    dropout : float, optional
        The probability with which a value is set to 0 in training, on the way from one layer to the
        next.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    cells : list of LSTMCell
        One for each layer; in two directions two, the first forward.

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

    In two directions:

    >>> y, (h, c) = tg.nn.LSTM(2, 3, bidirectional=True, rng=0)(np.ones((4, 10, 2)))
    >>> y.shape, h.shape
    ((4, 10, 6), (2, 4, 3))
    """

    CELL: ClassVar[type[Cell]] = LSTMCell


class GRU(_Recurrent):  # numpydoc ignore=PR02
    """A layer of gated recurrent units, or several; see `GRUCell`.

    Parameters
    ----------
    inputs, units : int
        The number of features of x, and of the state.
    layers : int, optional
        How many layers there are; each takes what the one below returns.
    bidirectional : bool, optional
        Whether a second cell in each layer goes from the last step to the first; what both have at
        a step is joined.
    dropout : float, optional
        The probability with which a value is set to 0 in training, on the way from one layer to the
        next.
    bias, rng, dtype
        As those of `RNNCell`.

    Attributes
    ----------
    cells : list of GRUCell
        One for each layer; in two directions two, the first forward.

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

    CELL: ClassVar[type[Cell]] = GRUCell


def _side_by_side(forward: list[Any], backward: list[Any]) -> list[Any]:
    """At each step what both ways have of it."""
    return [ops.concatenate(pair, axis=-1) for pair in zip(forward, backward, strict=True)]
