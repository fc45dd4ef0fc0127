"""A table of vectors: for words, letters, and whatever else is numbered."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import DTypeLike

from tinygrad_edu import ops
from tinygrad_edu.errors import advised
from tinygrad_edu.nn.init import Initializer, Rng, as_rng
from tinygrad_edu.nn.layers import drawn, require_sizes
from tinygrad_edu.nn.module import Module, TorchNames
from tinygrad_edu.ops.indexing import require_row
from tinygrad_edu.tensor import Tensor

__all__ = ["Embedding"]


class Embedding(Module):
    """A vector for each index, all of which are learned.

    ::

        y = W[indices]

    Parameters
    ----------
    count : int
        How many vectors there are; indices are from 0 to count - 1.
    width : int
        The length of each.
    padding_idx : int or None, optional
        An index whose vector is 0 at first, and does not learn: that of the sign with which short
        texts are filled up.
    init : str or callable, optional
        How to draw the vectors: a name in `init.INITIALIZERS`, or a function of a shape and a
        source of randomness.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    W : Tensor
        The vectors, of shape ``(count, width)``.

    Raises
    ------
    ValueError
        If a size is no positive integer, or there is no such index.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Embedding(27, 2, rng=0)
    >>> layer([[0, 2], [2, 0]]).data.round(2)
    array([[[ 0.13, -0.13],
            [-0.54,  0.36]],
    <BLANKLINE>
           [[-0.54,  0.36],
            [ 0.13, -0.13]]])
    """

    TORCH: ClassVar[TorchNames] = (("weight", ("W",), False),)

    @advised
    def __init__(
        self,
        count: int,
        width: int,
        padding_idx: int | None = None,
        *,
        init: str | Initializer = "normal",
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(count, width)
        self.padding_idx: int | None = None
        self.W: Tensor = drawn(init, (count, width), as_rng(rng), dtype, "W")
        if padding_idx is not None:
            self.padding_idx = require_row(padding_idx, count)
            self.W.data[self.padding_idx] = 0

    def forward(self, indices: Any) -> Tensor:
        """Look up."""
        return ops.embedding(indices, self.W, self.padding_idx)

    def extra_repr(self) -> str:
        """Return the arguments, for ``repr``."""
        filling = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return ", ".join(map(str, self.W.shape)) + filling
