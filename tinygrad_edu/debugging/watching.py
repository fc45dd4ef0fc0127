"""While a graph is being made: the first nan or inf raises, and what belongs to it is read-only."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.absorbing import absorbed
from tinygrad_edu.context import current, within
from tinygrad_edu.debugging.nonfinite import birth, first_nonfinite, is_finite, values, where
from tinygrad_edu.engine import Node
from tinygrad_edu.source import source_of_caller

__all__ = ["debug", "thawed"]


@contextmanager
def debug(*, allow_inf: bool = False, freeze: bool = True) -> Iterator[None]:
    """Watch every operation recorded inside the ``with`` block.

    The first one that makes a nan or an inf raises, and so does the first gradient that is one,
    with the line of the program that called the operation. The arrays of a graph are read-only as
    long as the graph lives, so that a write into them raises, instead of making gradients wrong.

    Parameters
    ----------
    allow_inf : bool, optional
        Let inf pass.
    freeze : bool, optional
        Whether to make arrays read-only. It does not see a write through another view of the same
        memory.

    Raises
    ------
    FloatingPointError
        Where a nan or an inf was made: the operation, its inputs, the line.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> p = tg.Tensor([0.5, 1.0], requires_grad=True, name="p")
    >>> with np.errstate(divide="ignore"), tg.debug():  # doctest: +ELLIPSIS
    ...     loss = -tg.log(1 - p).mean()
    Traceback (most recent call last):
        ...
    FloatingPointError: log made -inf at (1,)
      where its input is 0.0
      log(Tensor: (2,) float64)
      line 2 of <doctest ...>: loss = -tg.log(1 - p).mean()
    """
    previous = current().observer
    fine = _is_no_nan if allow_inf else is_finite

    def observe(node: Node) -> None:
        node._source = source_of_caller()
        line = str(node._source)
        if not fine(node._array):
            raise FloatingPointError(f"{birth(node)}\n  {line}")
        node._closures = tuple(
            closure and _watched(closure, where(node), i, line, fine)
            for i, closure in enumerate(node._closures)
        )
        if freeze:
            _freeze(node)
        if previous is not None:
            previous(node)

    with within(observer=observe):
        yield


def _is_no_nan(x: Any) -> bool:
    return not np.isnan(x).any()


def _watched(
    closure: Callable[[Any], Any], name: str, i: int, line: str, fine: Callable[[Any], bool]
) -> Callable[[Any], Any]:
    """A closure that raises if it makes something wrong of a gradient that is not."""

    def watched(g: Any) -> Any:
        result = closure(g)
        if not fine(values(result)) and fine(values(g)) and not fine(absorbed(closure, values(g))):
            raise FloatingPointError(
                f"the gradient that {name} passes to its input {i} is "
                f"{first_nonfinite(values(result))[0]}\n  {line}"
            )
        return result

    return watched


# How many nodes each array is read-only for, by its id; they keep it alive.
_holders: dict[int, int] = {}


def _freeze(node: Node) -> None:
    """Make the arrays of a node read-only for as long as it lives."""
    arrays = [
        x
        for x in map(values, (node, *node._inputs))
        if isinstance(x, np.ndarray) and (x.flags.writeable or id(x) in _holders)
    ]
    for x in arrays:
        _holders[id(x)] = _holders.get(id(x), 0) + 1
        x.flags.writeable = False
    weakref.finalize(node, _release, arrays).atexit = False


def _release(arrays: list[NDArray[Any]]) -> None:
    for x in arrays:
        _holders[id(x)] -= 1
        if not _holders[id(x)]:
            del _holders[id(x)]
            with suppress(ValueError):  # a view of what is still held stays read-only
                x.flags.writeable = True


@contextmanager
def thawed(x: NDArray[Any]) -> Iterator[None]:
    """Let an optimizer write into an array that is read-only because of `debug`.

    Its step marks the parameter as changed, so that no gradient of the graph becomes wrong.

    Raises
    ------
    ValueError
        If the array is read-only for another reason.
    """
    if id(x) not in _holders:
        raise ValueError("the array was not made read-only by debug()")
    x.flags.writeable = True
    try:
        yield
    finally:
        x.flags.writeable = id(x) not in _holders
