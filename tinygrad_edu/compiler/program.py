"""A program: the written source, made into a function, with the arrays that it keeps."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_edu.compiler.executing import code_of
from tinygrad_edu.compiler.loops import LoopWriter, compiled
from tinygrad_edu.compiler.recording import Recording
from tinygrad_edu.compiler.source import Writer

__all__ = ["Backend", "Program"]

Backend: TypeAlias = Literal["numpy", "numba"]


class Program:
    """A recording, written out and made into a function.

    Parameters
    ----------
    recording : Recording
        What is computed.
    name : str
        Of the function.
    backend : {"numpy", "numba"}, optional
        What the program consists of: calls of NumPy, or loops for numba.
    """

    source: str
    random: list[Any]  # the sources of random numbers that it draws from
    run: Callable[..., Any]  # with errors of floating-point numbers ignored; one call at a time

    def __init__(self, recording: Recording, name: str, backend: Backend = "numpy") -> None:
        writer = (LoopWriter if backend == "numba" else Writer)(recording, name)
        self.source = writer.source()
        self.inputs: list[Any] = writer.inputs()
        self.random = recording.random
        self._names = [value.input or "" for value in recording.bound]
        self._namespace: dict[str, Any] = {}
        exec(code_of(self.source, f"compiled {name}"), self._namespace)  # noqa: S102 - our own source
        self._namespace |= writer.constants
        self._epoch: Any = None
        if isinstance(writer, LoopWriter):
            compiled(self._namespace, writer.kernels, writer.numbers_of_kernels, name)
            if writer.epoch is not None:
                self._epoch = self._namespace[writer.epoch], writer.epoch_arguments
        views = [line for line in writer.header if line.split(" = ")[0] in writer.views]
        self._views = code_of("\n".join(views), f"parameters of {name}")
        # A context of its own, in which NumPy ignores errors: to enter it takes 50 ns, where
        # np.errstate takes 700.
        context = Context()
        context.run(np.seterr, all="ignore")
        function = self._namespace[name]
        self.run = partial(context.run, function)

    def epoch(self, inputs: list[Any], order: Any, first: int, losses: Any) -> int:
        """Run many steps in one call, and return how many could be taken.

        Parameters
        ----------
        inputs : list
            As those of a step, but of all samples; for each number an array with one for each step.
        order : ndarray
            The samples, in the order in which they come; empty for the order in which they are.
        first : int
            The number of the first batch.
        losses : ndarray
            Where the loss of each step goes.
        """
        function, names = self._epoch
        given = dict(zip([value.input for value in self.inputs], inputs, strict=True))
        rest = [given[name] if name in given else self._namespace[name] for name in names]
        taken: int = function(first, losses, order, *rest)
        return taken

    @property
    def has_epoch(self) -> bool:
        """Whether many steps can be run in one call."""
        return self._epoch is not None

    def bind(self, i: int, array: Any) -> None:
        """Let the program have another array as its i-th one, and make its views of it anew."""
        self._namespace[self._names[i]] = array
        exec(self._views, self._namespace)  # noqa: S102 - our own source
