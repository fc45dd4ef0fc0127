"""Noise: what training adds at random, so that networks do not learn by heart."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import advised
from tinygrad_edu.ops._common import Operand, as_array, values
from tinygrad_edu.quick import as_a_whole
from tinygrad_edu.randomness import Rng, as_rng

__all__ = ["dropout"]


@advised
def dropout(x: Operand, p: float = 0.5, rng: Rng = None) -> Any:
    """A random part of the elements set to 0, and the others scaled up.

    ::

        y = x * mask / (1 - p)
        dL/dx = g * mask / (1 - p)

    with a mask that is 0 with probability p, else 1, and drawn anew in each call; so the expected
    value stays. This is for training only; `nn.Dropout` knows when that is.

    Parameters
    ----------
    x : Tensor or array_like
        Any shape, floating point.
    p : float, optional
        The probability with which an element is set to 0; at least 0, below 1.
    rng : Generator, RandomState, int or None, optional
        The source of randomness. With a seed, all calls draw the same mask.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Raises
    ------
    ValueError
        If p is no such probability.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR
    15, 2014.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0, 4.0, 5.0], requires_grad=True)
    >>> y = tg.dropout(x, 0.5, rng=0)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([ 2.,  0.,  0.,  0., 10.]), array([2., 0., 0., 0., 2.]))
    """
    require_probability(p)
    x = as_array(x)
    like = values(x)
    if not isinstance(rng, np.random.Generator | np.random.RandomState):
        like = np.empty(x.shape, x.dtype)  # a mask that is drawn here depends on no numbers
    return x * dropout_mask(like, p, as_rng(rng))


def require_probability(p: Any) -> None:
    """Refuse what is no probability with which dropout can drop."""
    if not isinstance(p, int | float | np.number) or not 0 <= p < 1:
        raise ValueError(
            f"the probability of dropout must be a number, at least 0 and below 1; got {p!r}"
        )


@as_a_whole
def dropout_mask(x: Any, p: float, rng: Any) -> Any:
    """For every element 0 with probability p, else 1 / (1 - p)."""
    kept = rng.uniform(size=x.shape) >= p
    return (kept / (1 - p)).astype(np.result_type(x, np.float16))
