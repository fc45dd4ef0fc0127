"""Attention layers: several heads, and the block that a transformer consists of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from numpy.typing import DTypeLike

from tinygrad_edu import ops
from tinygrad_edu.errors import advised
from tinygrad_edu.nn import activations
from tinygrad_edu.nn.activations import Activation
from tinygrad_edu.nn.init import Rng, as_rng
from tinygrad_edu.nn.layers import Dropout, Linear, require_sizes
from tinygrad_edu.nn.module import Module, TorchNames
from tinygrad_edu.nn.normalization import LayerNorm
from tinygrad_edu.ops._common import Operand, as_array
from tinygrad_edu.tensor import Tensor

__all__ = ["MultiHeadAttention", "TransformerBlock"]


class MultiHeadAttention(Module):
    """Attention by several heads, each of which looks for something else.

    ::

        head[i] = scaled_dot_product_attention(query(q)[i], key(k)[i], value(v)[i])
        y = output(concatenate(head))

    Parameters
    ----------
    width : int
        The number of features of q, k, v and y.
    heads : int
        How many heads there are; each takes its part of the features.
    dropout : float, optional
        The probability with which a weight of attention is set to 0 in training.
    bias : bool, optional
        Whether the linear layers have biases.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    query, key, value, output : Linear
        The layers.

    Raises
    ------
    ValueError
        If a size is no positive integer, or the width cannot be divided among the heads.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.MultiHeadAttention(8, heads=2, rng=0)
    >>> x = np.random.default_rng(0).normal(size=(4, 5, 8))
    >>> layer(x, causal=True).shape
    (4, 5, 8)
    >>> layer.weights(x, causal=True)[0, 1].data.round(2)
    array([[1.  , 0.  , 0.  , 0.  , 0.  ],
           [0.23, 0.77, 0.  , 0.  , 0.  ],
           [0.49, 0.27, 0.24, 0.  , 0.  ],
           [0.27, 0.31, 0.18, 0.24, 0.  ],
           [0.1 , 0.3 , 0.26, 0.24, 0.1 ]])
    """

    TORCH: ClassVar[TorchNames] = (
        ("in_proj_weight", ("query.W", "key.W", "value.W"), True),
        ("in_proj_bias", ("query.b", "key.b", "value.b"), False),
        ("out_proj.weight", ("output.W",), True),
        ("out_proj.bias", ("output.b",), False),
    )

    @advised
    def __init__(
        self,
        width: int,
        heads: int,
        dropout: float = 0.0,
        *,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        require_sizes(width, heads)
        if width % heads:
            raise ValueError(
                f"the width must be a multiple of the number of heads; got {width} for {heads}: "
                f"{width} = {width // heads}*{heads} + {width % heads}"
            )
        rng = as_rng(rng)
        self.heads: int = heads
        linear = partial(Linear, width, width, bias=bias, rng=rng, dtype=dtype)
        self.query: Linear = linear()
        self.key: Linear = linear()
        self.value: Linear = linear()
        self.output: Linear = linear()
        self.dropout: Dropout = Dropout(dropout, rng)

    def forward(
        self,
        q: Operand,
        k: Operand = None,
        v: Operand = None,
        mask: Any = None,
        causal: bool = False,
    ) -> Tensor:
        """Attend.

        Parameters
        ----------
        q : Tensor or array_like
            What asks, of shape (N, L, width).
        k : Tensor or array_like, optional
            What is attended to, of shape (N, S, width); q itself by default.
        v : Tensor or array_like, optional
            What is taken from there, of the shape of k; k itself by default.
        mask : array_like or None, optional
            Of shape (N, L, S) or (L, S), as in `scaled_dot_product_attention`: for all heads.
        causal : bool, optional
            Whether a position sees only itself and what comes before.

        Returns
        -------
        Tensor
            Of the shape of q.
        """
        k = q if k is None else k
        v = k if v is None else v
        weights = self.dropout(self.weights(q, k, mask, causal))
        of_heads = weights @ self._divided(self.value, v)
        together = ops.swapaxes(of_heads, -3, -2)
        return self.output(  # type: ignore[no-any-return]
            ops.reshape(together, (*together.shape[:-2], -1))
        )

    def weights(
        self, q: Operand, k: Operand = None, mask: Any = None, causal: bool = False
    ) -> Tensor:
        """Return how much each position attends to each, for each head: maps to look at.

        Parameters
        ----------
        q, k, mask, causal
            As for a call.

        Returns
        -------
        Tensor
            Of shape (N, heads, L, S).
        """
        mask = None if mask is None else as_array(mask)
        if mask is not None and mask.ndim > 2:
            mask = ops.expand_dims(mask, -3)  # the same for every head
        of_q = self._divided(self.query, q)
        of_k = self._divided(self.key, q if k is None else k)
        return ops.attention_weights(of_q, of_k, mask, causal)  # type: ignore[no-any-return]

    def _divided(self, layer: Linear, x: Operand) -> Tensor:
        """What a linear layer makes of x, divided among the heads: (N, heads, L, features)."""
        width, x = layer.W.shape[0], as_array(x)
        if x.ndim < 2 or x.shape[-1] != width:
            raise ValueError(
                f"MultiHeadAttention({self.extra_repr()}) takes x of shape (N, L, {width}); got "
                f"{x.shape}"
            )
        y = ops.reshape(layer(x), (*x.shape[:-1], self.heads, width // self.heads))
        return ops.swapaxes(y, -3, -2)

    def extra_repr(self) -> str:
        """Return the sizes, for ``repr``."""
        return f"{self.query.W.shape[0]}, heads={self.heads}"


class TransformerBlock(Module):
    """Attention, then two linear layers, both with a way around them: what transformers repeat.

    ::

        x = x + attention(norm1(x))
        y = x + down(activation(up(norm2(x))))

    or, with ``norm_first=False``, as in the paper::

        x = norm1(x + attention(x))
        y = norm2(x + down(activation(up(x))))

    Parameters
    ----------
    width : int
        The number of features of x and of y.
    heads : int
        The number of heads of the attention.
    hidden : int or None, optional
        The number of units between the two linear layers; by default four times the width.
    activation : str or callable, optional
        Of these units; a name in `activations.ACTIVATIONS`, or a function of a Tensor.
    dropout : float, optional
        The probability with which a value is set to 0 in training: of the weights of attention,
        of the units, and of what comes back to x.
    norm_first : bool, optional
        Whether normalization comes first, which is easier to train.
    causal : bool, optional
        Whether a position sees only itself and what comes before.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    dtype : dtype, optional
        The precision; float64 by default.

    Attributes
    ----------
    attention : MultiHeadAttention
        The attention.
    up, down : Linear
        The two linear layers.
    norm1, norm2 : LayerNorm
        The normalizations.

    Raises
    ------
    ValueError
        If a size is no positive integer, or the width cannot be divided among the heads.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017. Xiong et al., "On layer
    normalization in the transformer architecture", ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> block = tg.nn.TransformerBlock(8, heads=2, causal=True, rng=0)
    >>> block(np.ones((4, 5, 8))).shape
    (4, 5, 8)
    """

    @advised
    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int | None = None,
        activation: str | Activation = "gelu",
        dropout: float = 0.0,
        norm_first: bool = True,
        causal: bool = False,
        *,
        rng: Rng = None,
        dtype: DTypeLike = float,
    ) -> None:
        rng, hidden = as_rng(rng), 4 * width if hidden is None else hidden
        self.attention: MultiHeadAttention = MultiHeadAttention(
            width, heads, dropout, rng=rng, dtype=dtype
        )
        self.up: Linear = Linear(width, hidden, rng=rng, dtype=dtype)
        self.down: Linear = Linear(hidden, width, rng=rng, dtype=dtype)
        self.norm1: LayerNorm = LayerNorm(width, dtype=dtype)
        self.norm2: LayerNorm = LayerNorm(width, dtype=dtype)
        self.activation: Activation = activations.find(activation)
        self.dropout: Dropout = Dropout(dropout, rng)
        self.norm_first: bool = norm_first
        self.causal: bool = causal

    def forward(self, x: Operand, mask: Any = None) -> Any:
        """Compute y from x of shape (N, L, width), with a mask as in `MultiHeadAttention`."""

        def attend(x: Any) -> Any:
            return self.dropout(self.attention(x, mask=mask, causal=self.causal))

        def think(x: Any) -> Any:
            return self.dropout(self.down(self.dropout(self.activation(self.up(x)))))

        x = as_array(x)
        parts: list[tuple[Callable[[Any], Any], LayerNorm]]
        parts = [(attend, self.norm1), (think, self.norm2)]
        for part, norm in parts:
            x = x + part(norm(x)) if self.norm_first else norm(x + part(x))
        return x

    def torch_path(self, path: str) -> str:
        """Return the name of a part in PyTorch's ``TransformerEncoderLayer``."""
        return {"attention": "self_attn", "up": "linear1", "down": "linear2"}.get(path, path)

    def extra_repr(self) -> str:
        """Return nothing: its parts say it."""
        return ""
