"""Where random numbers come from: a generator, a seed, or the next one after `manual_seed`."""

from __future__ import annotations

from threading import Lock
from typing import TypeAlias

import numpy as np

__all__ = ["Rng", "as_rng", "manual_seed"]

Rng: TypeAlias = "np.random.Generator | np.random.RandomState | int | None"
"""A source of randomness: a generator, an old ``RandomState``, a seed, or None for a new one.

What is new every time becomes the same in every run after `manual_seed`.
"""


def as_rng(rng: Rng) -> np.random.Generator | np.random.RandomState:
    """Return a source of randomness as a generator; one that is given stays itself.

    Parameters
    ----------
    rng : Generator, RandomState, int or None
        A generator, or the seed of one. None for one that is different every time, or the next
        one after `manual_seed`. ``np.random.seed`` has no influence here.

    Returns
    -------
    Generator or RandomState
        Both have ``standard_normal``, ``uniform`` and ``permutation``.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or a negative seed.

    Examples
    --------
    >>> from tinygrad_edu.randomness import as_rng
    >>> as_rng(0).integers(100)
    np.int64(85)
    """
    if isinstance(rng, np.random.Generator | np.random.RandomState):
        return rng
    if rng is None and _seeds is not None:
        with _lock:
            return np.random.default_rng(_seeds.spawn(1)[0])
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        message = f"rng must be a Generator, a RandomState, a seed or None; got {rng!r}"
        raise type(error)(message) from None


_seeds: np.random.SeedSequence | None = None
_lock = Lock()


def manual_seed(seed: int | None) -> None:
    """Let everything that is given no ``rng`` draw the same numbers in every run.

    That is, the weights of layers, the masks of `Dropout`, and the order of the samples in
    `tinygrad_edu.train` and `tinygrad_edu.batches`. Each of them gets a generator of its own from
    the seed, in the order in which they ask. So a program that makes them in one order, in one
    thread, always draws the same numbers; threads may ask at the same time, in whatever order they
    run. ``np.random.seed`` has no influence on these generators, and `manual_seed` none on
    ``np.random``.

    Parameters
    ----------
    seed : int or None
        The seed; None for numbers that are different every time, as at the beginning.

    Raises
    ------
    TypeError, ValueError
        If it is no integer, or negative.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.manual_seed(0)
    >>> a = tg.nn.Linear(2, 3)
    >>> tg.manual_seed(0)
    >>> b = tg.nn.Linear(2, 3)
    >>> bool((a.W.data == b.W.data).all())
    True
    >>> tg.manual_seed(None)
    """
    global _seeds  # noqa: PLW0603 - what is set is one for all
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer)):
        raise TypeError(f"a seed must be an integer or None; got {seed!r}")
    if seed is not None and seed < 0:
        raise ValueError(f"a seed must not be negative; got {seed}")
    _seeds = None if seed is None else np.random.SeedSequence(seed)
