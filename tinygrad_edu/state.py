"""What a training remembers: the states of random generators, and whether a saved state fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import named_leaves, tree_map

__all__ = [
    "RANDOM",
    "Random",
    "fitting",
    "get_rng_state",
    "problem_of",
    "put_words",
    "set_rng_state",
]

Array = NDArray[Any]

Random: TypeAlias = np.random.Generator | np.random.RandomState
"""A generator of random numbers, of NumPy's present or of its old kind."""

RANDOM = (np.random.Generator, np.random.RandomState)


def fitting(
    state: Mapping[str, ArrayLike | Tensor],
    expected: Mapping[str, Array],
    owner: str,
    check: Callable[[str, Array], str | None] = lambda *_: None,
) -> dict[str, Array]:
    """The arrays of a state, cast to the dtypes that are expected; an error lists all misfits.

    Parameters
    ----------
    state : mapping of str to array_like
        As given to ``load_state_dict``.
    expected : mapping of str to ndarray
        Arrays of the shapes and dtypes that are needed.
    owner : str
        Whose state this is, for the message.
    check : callable, optional
        From the name and the values of an entry of the right shape and dtype to what is wrong with
        the values, or None.

    Returns
    -------
    dict of str to ndarray
        New arrays, of the shapes and dtypes that are needed.

    Raises
    ------
    TypeError
        If the state is no mapping, or holds a Tensor whose gradient a copy would lose.
    ValueError
        If entries are missing, unexpected, of another shape or kind of number, or fail the check.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.state import fitting
    >>> fitting({"w": [1, 2]}, {"w": np.zeros(2)}, "model")
    {'w': array([1., 2.])}
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            f"a state is a mapping of names to arrays, as state_dict() returns and tg.load reads; "
            f"got {type(state).__name__}"
        )
    problems = [
        f"missing     {name}: {_kind(x)}" for name, x in expected.items() if name not in state
    ]
    problems += [f"unexpected  {name}" for name in state if name not in expected]
    given = {name: _array(state[name]) for name in expected if name in state}
    arrays = {}
    for name, x in given.items():
        shape, dtype = expected[name].shape, expected[name].dtype
        if x.shape != shape or not np.can_cast(x.dtype, dtype, "same_kind"):
            problems.append(f"misfit      {name}: expected {_kind(expected[name])}, got {_kind(x)}")
            continue
        arrays[name] = x.astype(dtype)
        if wrong := check(name, arrays[name]):
            problems.append(f"misfit      {name}: {wrong}")
    if problems:
        raise ValueError("\n  ".join([f"the state does not fit this {owner}:", *problems]))
    return arrays


def _array(x: Any) -> Array:
    if isinstance(x, Tensor):
        x._require_detached(
            "a copy of a state", "tg.functional_call(model, parameters, x) to run with other ones"
        )
        return x.data
    try:
        return np.asarray(x)
    except ValueError:  # lists of lists of several lengths
        return np.asarray(x, dtype=object)


def _kind(x: Array) -> str:
    return f"{x.shape} {x.dtype}"


# --- random generators ---------------------------------------------------------------------------

KINDS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "RandomState")

# The largest values of some numbers of a state. NumPy does not check them, and two of them are
# positions in its memory.
LARGEST = {
    "state.pos": 624,
    "buffer_pos": 4,
    "has_uint32": 1,
    "has_gauss": 1,
    "uinteger": 2**32 - 1,
}


def get_rng_state(rng: Random) -> dict[str, Array]:
    """Copy the state of a random generator: what the numbers that it will draw depend on.

    The states of the generators in a module, as those of `Dropout`, are in its ``state_dict()``.

    Parameters
    ----------
    rng : Generator or RandomState
        With one of NumPy's own bit generators.

    Returns
    -------
    dict of str to ndarray
        One entry: by the name of the bit generator, or ``RandomState``, the numbers of its state,
        as words of 64 bits. What `set_rng_state` and `tinygrad_edu.save` take.

    Raises
    ------
    TypeError
        If rng is no generator, or one of an unknown kind.

    See Also
    --------
    set_rng_state : Put a generator into such a state.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> rng = np.random.default_rng(0)
    >>> state = tg.get_rng_state(rng)
    >>> {kind: (words.shape, words.dtype) for kind, words in state.items()}
    {'PCG64': ((8,), dtype('uint64'))}
    >>> before = rng.random(3)
    >>> tg.set_rng_state(rng, state)
    >>> np.array_equal(rng.random(3), before)
    True
    """
    kind, state = _numbers(rng)
    return {kind: np.concatenate([_words(x) for _, x in named_leaves(state)])}


def set_rng_state(rng: Random, state: Mapping[str, ArrayLike]) -> None:
    """Put a random generator into the state that `get_rng_state` returned.

    The generator stays the same object, so whoever else draws from it goes on from there, too.

    Parameters
    ----------
    rng : Generator or RandomState
        Of the same kind as the one the state is from.
    state : mapping of str to array_like
        What `get_rng_state` returned.

    Raises
    ------
    TypeError
        If rng is no generator, or one of an unknown kind, or the state is no mapping.
    ValueError
        If the state is that of another kind of generator, or of none. The generator is then as
        before.

    See Also
    --------
    get_rng_state : The state of a generator.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> first, second = np.random.default_rng(0), np.random.default_rng(1)
    >>> tg.set_rng_state(second, tg.get_rng_state(first))
    >>> first.random() == second.random()
    True
    """
    expected = get_rng_state(rng)
    (words,) = fitting(state, expected, "generator", lambda _, x: problem_of(rng, x)).values()
    put_words(rng, words)


def problem_of(rng: Random, words: Array) -> str | None:
    """Tell what is wrong with words that should be the state of this generator; None if nothing."""
    kind, now = _numbers(rng)
    dtypes = {name: x.dtype for name, x in named_leaves(now) if isinstance(x, np.ndarray)}
    for name, x in named_leaves(_decoded(now, words)):
        most = np.iinfo(dtypes[name]).max if name in dtypes else LARGEST.get(name, x)
        if np.any(x > most):
            return f"no state of a {kind}, whose {name} is at most {most}"
    return None


def put_words(rng: Random, words: Array) -> None:
    """Put a generator into the state that these words are."""
    state = _full_state(rng) | _decoded(_numbers(rng)[1], words)
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = state
    else:
        rng.set_state(state)


def _full_state(rng: Random) -> Any:
    if isinstance(rng, np.random.Generator):
        return rng.bit_generator.state
    return rng.get_state(legacy=False)


def _numbers(rng: Random) -> tuple[str, dict[str, Any]]:
    """The kind of a generator, and the numbers of its state as NumPy has them, by name."""
    if not isinstance(rng, RANDOM):
        raise TypeError(f"a random generator is a Generator or RandomState; got {rng!r}")
    state = _full_state(rng)
    kind = state.get("bit_generator")
    if isinstance(rng, np.random.RandomState):
        # One of the usual kind has more numbers than a Generator with the same bit generator.
        kind = "RandomState" if kind == "MT19937" else None
    if kind not in KINDS:
        raise TypeError(
            f"the state of {rng!r} cannot be saved, for its numbers are not known; these are: "
            f"those of np.random.RandomState(seed), and of a Generator with {', '.join(KINDS[:-1])}"
        )
    return kind, _ordered({name: x for name, x in state.items() if name != "bit_generator"})


def _ordered(tree: Any) -> Any:
    """Dicts by their keys, since NumPy promises no order."""
    return {key: _ordered(tree[key]) for key in sorted(tree)} if isinstance(tree, dict) else tree


def _words(x: Any) -> Array:
    if isinstance(x, np.ndarray):
        return x.astype(np.uint64)
    if isinstance(x, float):
        return np.array([x]).view(np.uint64)
    return np.array(divmod(int(x), 2**64), np.uint64)  # integers may have 128 bits


def _decoded(state: dict[str, Any], words: Array) -> Any:
    """The numbers that these words stand for, in the structure of a state."""
    rest = iter(words.tolist())

    def next_like(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return np.array([*islice(rest, x.size)], np.uint64)
        if isinstance(x, float):
            return np.array([next(rest)], np.uint64).view(np.float64).item()
        return next(rest) * 2**64 + next(rest)

    return tree_map(next_like, state)
