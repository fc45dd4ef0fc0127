"""jit: a function of arrays as the NumPy that one would have written by hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from tinygrad_edu.compiler.calling import Compiled, Kept
from tinygrad_edu.compiler.entry import MISSED, Entry, missed
from tinygrad_edu.compiler.program import Backend
from tinygrad_edu.compiler.record import record
from tinygrad_edu.compiler.recording import Output, Recording, identifier
from tinygrad_edu.compiler.source import NotFiniteError
from tinygrad_edu.compiler.structure import Structure
from tinygrad_edu.compiler.tracing import Traced
from tinygrad_edu.context import current
from tinygrad_edu.engine import Node
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import leaves, tree_map

__all__ = ["JittedFunction", "jit"]


def jit(function: Callable[..., Any], *, backend: Backend = "numpy") -> JittedFunction:
    r"""Record a function once, and run it from then on as straight NumPy.

    Derivatives can be recorded as well: ``jit(grad(f))`` is the derivative of f, written out, and
    ``jit(hessian(f))`` the second one. ``jit(model)`` predicts.

    Parameters
    ----------
    function : callable
        A pure function of arrays or Tensors, or of lists, tuples and dicts of them, that returns
        such. Tensors that it uses without having them as arguments, as the parameters of a network,
        are read in every call. Whatever else it reads stays as it was, and a Python number is part
        of the program.
    backend : {"numpy", "numba"}, optional
        What the program consists of: calls of NumPy, or loops that numba compiles.

    Returns
    -------
    JittedFunction
        Call it as the function. What it returns has memory of its own, and no graph.

    Raises
    ------
    TypeError
        If what is given cannot be called. When it is called: if what it computes depends on the
        values of arrays, as with ``if x.sum() > 0``.
    ValueError
        When it is called: if it depends on randomness or something else that changes from call to
        call, and is not drawn from a generator that the function uses.

    See Also
    --------
    compile : The same for a training step.

    Notes
    -----
    Where a result has a nan, it is computed once more without the program, whose formulas are the
    plain ones. Called with a Tensor that requires a gradient, or while something else is recorded,
    the function runs as it is, so that derivatives can be taken of it.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> slope = tg.jit(tg.grad(lambda x: (x * tg.tanh(x)).sum()))
    >>> slope(np.array([0.0, 1.0]))
    array([0.       , 1.1815685])
    >>> print(slope.source.split("\n\n\n")[1])
    def _lambda_(x):
        h1 = np.tanh(x)
        h2 = h1 + x * (one - h1 * h1)
        require_no_nan(h2)
        return h2
    """
    if not callable(function):
        raise TypeError(f"jit takes a function of arrays; got {type(function).__name__}")
    return JittedFunction(function, backend)


class JittedFunction(Compiled):  # numpydoc ignore=PR02
    """A function that `jit` has recorded, or will when it is called.

    Parameters
    ----------
    function : callable
        A function of arrays.
    backend : {"numpy", "numba"}, optional
        What the program consists of.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Compute what the function computes.

        Parameters
        ----------
        *args, **options
            As those of the function.

        Returns
        -------
        Tensor, ndarray, or list, tuple or dict of them
            What the function returns, without a graph.
        """
        if options:
            bound = inspect.signature(self._function).bind(*args, **options)
            if bound.kwargs:
                names = ", ".join(bound.kwargs)
                raise TypeError(f"a compiled function takes no keyword-only arguments; got {names}")
            args = bound.args
        try:
            result = self._quickly(*args)
            if result is not MISSED:
                return result
            if current().stand_in is not None or any(map(_is_followed, leaves(args))):
                return self._function(*args)
            return self._carefully(args)
        except NotFiniteError:
            with np.errstate(all="ignore"):
                return tree_map(_detached, self._function(*args))

    def _made(self, args: tuple[Any, ...]) -> _Function:
        return _Function(self._function, args, self._backend)

    def __repr__(self) -> str:
        return f"<compiled {self._described()}, {self._count()}>"


def _is_followed(x: Any) -> bool:
    """Whether somebody records what is computed with an argument."""
    return isinstance(x, Traced) or (isinstance(x, Node) and x._requires_grad)


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x


class _Function(Kept):
    """A function for arguments of certain shapes and dtypes."""

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], backend: Backend
    ) -> None:
        recording = record(partial(Recording, for_numpy=backend == "numpy"), function, args)
        name = identifier(getattr(function, "__name__", type(function).__name__))
        super().__init__(recording, recording.unused(name), args, Lock(), backend)
        self._result = recording.result
        self.made: Callable[[Any], Any] = self._tree
        if not recording.assigned and isinstance(self._result, Output):
            self.made = _tensor if self._result.is_tensor else np.asarray

    def __call__(self, args: tuple[Any, ...]) -> Any:
        """Compute the result."""
        with self.lock:
            result = self.run(args)
        return self.made(result)

    def _tree(self, result: Any) -> Any:
        """The results, as the function returned them."""
        results = iter(result if isinstance(result, tuple) else (result,))

        def made(x: Any) -> Any:
            if not isinstance(x, Output):
                return x
            return (_tensor if x.is_tensor else np.asarray)(next(results))

        made_of = tree_map(made, self._result)
        self.assign(results)
        return made_of

    def entry(self, structure: Structure) -> Callable[..., Any]:
        """The way to compute it once more, if all is as it was."""
        if self.kinds is None or self.program.random:
            return missed
        entry = Entry(self.kinds, structure)
        current_context = entry.name(current)
        entry.require(f"{current_context}().stand_in is None")
        more = [f"{entry.name(p)}._array" for p in self.leaves]
        entry.write(f"with {entry.name(self.lock)}:")
        entry.write(f"result = {entry.call(self.program.run, more)}")
        entry.write(f"return {entry.name(self.made)}(result)")
        return entry.made()


def _tensor(array: Any) -> Tensor:
    """A Tensor of an array that belongs to nobody else."""
    tensor = Tensor.__new__(Tensor)
    Node.__init__(tensor, np.asarray(array))
    return tensor
