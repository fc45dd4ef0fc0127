"""Calling what is compiled: the right program for the arguments, and the arrays it takes."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from inspect import signature
from typing import Any, NoReturn

import numpy as np

from tinygrad_edu.compiler.entry import missed
from tinygrad_edu.compiler.loops import require_numba
from tinygrad_edu.compiler.program import Backend, Program
from tinygrad_edu.compiler.recording import Recording
from tinygrad_edu.compiler.source import NotFiniteError
from tinygrad_edu.compiler.structure import Structure
from tinygrad_edu.compiler.values import key_of
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import leaves, tree_map

__all__ = ["Compiled", "Kept", "argument"]

MANY = 16  # programs of one function: more are a sign that something varies that should not
ARRAYS = (np.ndarray, Tensor)
CONTAINED = (np.ndarray, Tensor, str)


def argument(x: Any) -> Any:
    """An argument as a program takes it: lists of numbers as arrays, others as they are."""
    if isinstance(x, list) and not any(isinstance(part, CONTAINED) for part in leaves(x)):
        return np.asarray(x)
    if isinstance(x, list | tuple | dict):
        return tree_map(argument, x)
    if isinstance(x, np.ndarray):
        if type(x).__mul__ is not np.ndarray.__mul__:
            raise TypeError(
                f"an argument is a {type(x).__name__}, which is no plain array; write "
                "np.asarray(x), or x.filled(value) if it is masked"
            )
        return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
    return np.asarray(x) if isinstance(x, np.generic) else x


def _kind_of(x: Any) -> Any:
    """What a program depends on: shape and dtype of an array, the value of anything else."""
    if isinstance(x, list | tuple):
        return type(x), *map(_kind_of, x)
    if isinstance(x, dict):
        return dict, tuple((name, _kind_of(part)) for name, part in x.items())
    return (type(x), x.shape, x.dtype) if isinstance(x, ARRAYS) else (type(x), key_of(x))


class Compiled(ABC):
    """A function that is recorded when it is called, once for each kind of arguments.

    Parameters
    ----------
    function : callable
        What is recorded.
    backend : {"numpy", "numba"}, optional
        What the programs consist of.
    """

    def __init__(self, function: Callable[..., Any], backend: Backend = "numpy") -> None:
        if backend not in ("numpy", "numba"):
            raise ValueError(f'backend must be "numpy" or "numba"; got {backend!r}')
        if backend == "numba":
            require_numba()
        self._function = function
        self._backend = backend
        self._structure = Structure(function)
        self._programs: dict[Any, Any] = {}
        self._latest: Any = None
        self._quickly: Callable[..., Any] = missed

    @abstractmethod
    def _made(self, args: tuple[Any, ...]) -> Kept:
        """A program for such arguments."""

    def _key(self) -> Any:
        """What else a program depends on."""
        return ()

    def _refuse_settings(self) -> None:  # noqa: B027 - there is nothing to refuse
        """Raise if what else a program depends on cannot be compared."""

    def _carefully(self, args: tuple[Any, ...]) -> Any:
        """Run the program for these arguments, which may have to be recorded first."""
        args = tuple(map(argument, args))
        program = self._latest = self._program(args)
        result = program(args)
        self._quickly = program.entry(self._structure)
        return result

    def _program(self, args: tuple[Any, ...]) -> Any:
        """The program for arguments of such shapes and dtypes."""
        if self._structure.has_changed():
            self._structure.update()
        key = (self._key(), self._structure.key, *map(_kind_of, args))
        try:
            program = self._programs.get(key)
        except TypeError:
            self._refuse_settings()
            raise TypeError(
                "the arguments of a compiled function are arrays, Tensors, lists of numbers, "
                f"numbers or text; got {', '.join(type(x).__name__ for x in args)}"
            ) from None
        if program is None or not program.fits_leaves():
            program = self._programs[key] = self._made(args)
            if len(self._programs) == MANY:
                warnings.warn(
                    f"this function was recorded {MANY} times, for arguments of other shapes or "
                    "other values; numbers that vary should be arrays",
                    RuntimeWarning,
                    stacklevel=4,  # the line that calls what is compiled
                )
        return program

    def __reduce__(self) -> NoReturn:
        # The copy of a function has the same parameters, that of an optimizer others.
        raise TypeError(
            "what is compiled cannot be copied or pickled, since it belongs to the parameters that "
            "its function uses; compile the function of the copy"
        )

    @property
    def source(self) -> str:
        """The source of the program that ran last."""
        if self._latest is None:
            raise RuntimeError("nothing is recorded yet: call it with data first")
        source: str = self._latest.program.source
        return source

    def _described(self) -> str:
        """The function with the names of its arguments."""
        function = self._function
        name: str = getattr(function, "__name__", type(function).__name__)
        with suppress(TypeError, ValueError):  # some that are written in C do not tell
            name += f"({', '.join(signature(function).parameters)})"
        return name

    def _count(self) -> str:
        n = len(self._programs)
        return f"{n} program{'s' * (n != 1)}"


class Kept:
    """A program that is kept for arguments of certain shapes and dtypes.

    Parameters
    ----------
    recording : Recording
        What the program computes.
    name : str
        Of the function.
    args : tuple
        Arguments of these shapes and dtypes.
    lock : context manager
        Held by a call, since the memory of a program serves one at a time.
    backend : {"numpy", "numba"}, optional
        What the program consists of.
    """

    def __init__(
        self,
        recording: Recording,
        name: str,
        args: tuple[Any, ...],
        lock: AbstractContextManager[Any],
        backend: Backend = "numpy",
    ) -> None:
        self.program: Program = Program(recording, name, backend)
        self.lock: AbstractContextManager[Any] = lock
        self.kinds: list[Any] | None = None  # if all arguments are arrays
        if all(type(x) is np.ndarray for x in args):
            self.kinds = [(np.ndarray, x.shape, x.dtype) for x in args]
        inputs = {*recording.inputs}
        self.leaves: list[Tensor] = [p for p, value in recording.leaf_values() if value in inputs]
        self.assigned: list[Tensor] = [*recording.assigned]
        self._all_leaves = [(p, p.requires_grad) for p in recording.leaves]

    def fits_leaves(self) -> bool:
        """Whether the same leaves require gradients as when it was recorded."""
        return all(p._requires_grad == before for p, before in self._all_leaves)

    @contextmanager
    def as_before_if_it_fails(self) -> Iterator[None]:
        """Undo what a function that raises has drawn, and the new data that it gave to Tensors."""
        data = [(leaf, leaf._array) for leaf in self.assigned]
        drawn = [(rng, _state_of(rng)) for rng in self.program.random]
        try:
            yield
        except BaseException:
            for leaf, array in data:
                leaf.data = array
            for rng, state in drawn:
                _set_state_of(rng, state)
            raise

    def assign(self, arrays: Iterator[Any]) -> None:
        """Give the Tensors that the function changes their new data."""
        for leaf in self.assigned:
            leaf.data = np.asarray(next(arrays))

    def run(self, args: tuple[Any, ...], settings: list[Any] | None = None) -> Any:
        """Run the program on arguments, the leaves that the function uses, and settings."""
        if self.kinds is None:
            args = tuple(
                x._array if isinstance(x, Tensor) else x
                for x in leaves(args)
                if isinstance(x, ARRAYS)
            )
        found = [p._array for p in self.leaves]
        program = self.program
        if not program.random:
            return program.run(*args, *found, *(settings or ()))
        drawn = [(rng, _state_of(rng)) for rng in program.random]
        try:
            return program.run(*args, *found, *(settings or ()))
        except NotFiniteError:
            for rng, state in drawn:  # to be drawn once more without the program
                _set_state_of(rng, state)
            raise


def _state_of(rng: Any) -> Any:
    return rng.bit_generator.state if isinstance(rng, np.random.Generator) else rng.get_state()


def _set_state_of(rng: Any, state: Any) -> None:
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = state
    else:
        rng.set_state(state)
