"""Locks: the steps of optimizers that share a parameter never overlap."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from contextlib import AbstractContextManager
from threading import Lock, RLock
from typing import Any

from tinygrad_edu.tensor import Tensor

__all__ = ["lock_of"]

_locks: dict[int, Any] = {}  # by the identity of a parameter, as long as it lives
_guard = Lock()


def lock_of(parameters: Iterable[Tensor]) -> AbstractContextManager[Any]:
    """The lock of all optimizers of these parameters.

    Parameters that no optimizer had before get a new one. Those of several optimizers may have
    several, which are then always taken in one order.
    """
    parameters = [*parameters]
    with _guard:
        known = {id(lock): lock for p in parameters if (lock := _locks.get(id(p)))}
        locks = [known[i] for i in sorted(known)] or [RLock()]
        for p in parameters:
            if id(p) not in _locks:
                _locks[id(p)] = locks[0]
                weakref.finalize(p, _locks.pop, id(p), None).atexit = False
    return locks[0] if len(locks) == 1 else _Several(locks)


class _Several:
    """Several locks as one."""

    def __init__(self, locks: list[Any]) -> None:
        self._locks = locks

    def __enter__(self) -> None:
        for lock in self._locks:
            lock.acquire()

    def __exit__(self, *exception: object) -> None:
        for lock in reversed(self._locks):
            lock.release()
