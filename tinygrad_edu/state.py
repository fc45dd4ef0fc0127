"""A saved state, and whether it is that of this network or of this optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.tensor import Tensor

__all__ = ["fitting"]

Array = NDArray[Any]


def fitting(
    state: Mapping[str, ArrayLike | Tensor], expected: Mapping[str, Array], owner: str
) -> dict[str, Array]:
    """The arrays of a state by name, each as the one that is expected; or an error that names all.

    Parameters
    ----------
    state : mapping of str to array_like
        As somebody gives it.
    expected : mapping of str to ndarray
        Arrays of the shapes and dtypes that are needed.
    owner : str
        Whose state this is, for the message.

    Returns
    -------
    dict of str to ndarray
        New arrays, of the shapes and dtypes that are needed.

    Raises
    ------
    TypeError
        If the state is no mapping, or holds a Tensor whose gradient a copy would lose.
    ValueError
        If entries are missing, unexpected, or of another shape or kind of number.

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
    problems += [
        f"misfit      {name}: expected {_kind(expected[name])}, got {_kind(x)}"
        for name, x in given.items()
        if x.shape != expected[name].shape
        or not np.can_cast(x.dtype, expected[name].dtype, "same_kind")
    ]
    if problems:
        raise ValueError("\n  ".join([f"the state does not fit this {owner}:", *problems]))
    return {name: x.astype(expected[name].dtype) for name, x in given.items()}


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
