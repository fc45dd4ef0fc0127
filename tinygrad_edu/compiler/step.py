"""compile: a training step as the NumPy that one would have written by hand."""

from __future__ import annotations

import builtins
import itertools
import linecache
import math
import warnings
from collections.abc import Callable
from contextlib import suppress
from inspect import signature
from operator import attrgetter
from threading import Lock
from typing import Any, NoReturn

import numpy as np

from tinygrad_edu.absorbing import has_nan
from tinygrad_edu.compiler.record import record
from tinygrad_edu.compiler.recording import Recording
from tinygrad_edu.compiler.source import NotFiniteError, Writer
from tinygrad_edu.compiler.tracing import key_of
from tinygrad_edu.engine import Node, backpropagate
from tinygrad_edu.optim.base import Optimizer
from tinygrad_edu.optim.checks import at_least_zero
from tinygrad_edu.optim.clipping import clipped_to_norm
from tinygrad_edu.tensor import Tensor

__all__ = ["CompiledStep", "compile"]

# Attributes of an optimizer that are read in every step. The others are constants of a program, and
# a step with other values of them gets another program.
VARYING = {"_lr", "_weight_decay", "blocks", "groups", "lock", "parameters", "steps"}
MANY = 16  # programs of one step: more are a sign that something varies that should not


def compile(
    function: Callable[..., Tensor],
    optimizer: Optimizer | None = None,
    *,
    clip_norm: float | None = None,
) -> CompiledStep:
    """Record a training step once, and run it from then on as straight NumPy.

    The first call records what the function computes, the way back, and the step of the optimizer,
    and writes them out as one function of NumPy, in which what is computed twice is computed once,
    and what is not used is not computed. It can be read (``step.source``): it is the
    backpropagation one would have derived by hand. Later calls run it.

    Parameters
    ----------
    function : callable
        From arrays (or Tensors) to the loss, a Tensor of one element. It is called twice when
        arguments have new shapes or dtypes, and then no more: what else it reads stays as it was.
        Only arrays vary: a Python number is part of the program.
    optimizer : Optimizer, optional
        Whose step is a part of the program. Without one, the gradients are added to ``.grad``.
    clip_norm : float, optional
        The largest common norm of the gradients that the optimizer is given; see
        `optim.clip_by_norm`.

    Returns
    -------
    CompiledStep
        Call it with the arguments of the function; it returns the loss as a number.

    Raises
    ------
    TypeError
        When it is called: if the function returns no Tensor that depends on a parameter; or if what
        it computes depends on the values of arrays, as with ``if x.sum() > 0``.
    ValueError
        When it is called: if the loss is not one number, depends on randomness or something else
        that changes from call to call, or does not depend on a parameter of the optimizer.
    FloatingPointError
        When it is called: if a gradient, or what a parameter would become, is not finite. No
        parameter was changed then.

    Notes
    -----
    A program has no guards against what is infinite: a step that comes upon a number that is not
    finite is taken once more without it, so that the answer, or the error, is the one that the
    function and the optimizer give by themselves. Nothing that is computed inside of the function
    may be kept for later. The step of a parameter of more than 4096 values is taken if its gradient
    is finite; whether its result is so is looked at for smaller ones only.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> W = tg.Tensor([[0.5], [-0.5]], requires_grad=True, name="W")
    >>> b = tg.Tensor([0.0], requires_grad=True, name="b")
    >>> def loss(x, y):
    ...     return tg.mean_squared_error(tg.tanh(x @ W + b), y)
    >>> step = tg.compile(loss, tg.optim.SGD([W, b], lr=0.1))
    >>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [-1.0]])
    >>> [round(step(x, y), 4) for _ in range(3)]
    [1.2136, 1.1616, 1.1415]
    """
    if not callable(function):
        raise TypeError(
            f"compile takes a function from arrays to the loss; got {type(function).__name__}"
        )
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(f"expected an Optimizer or None; got {_kind_of(optimizer)}")
    if clip_norm is not None:
        clip_norm = at_least_zero("clip_norm", clip_norm)
        if optimizer is None:
            raise ValueError("clip_norm is for the step of an optimizer; none was given")
    return CompiledStep(function, optimizer, clip_norm)


def _kind_of(given: Any) -> str:
    """What was given in place of an optimizer."""
    if isinstance(given, type):
        name = given.__name__
        return f"the class {name}: write optim.{name}(model.parameters(), lr=0.1)"
    return type(given).__name__


class CompiledStep:
    """A training step that `compile` has recorded, or will when it is called.

    Parameters
    ----------
    function : callable
        From arrays to the loss.
    optimizer : Optimizer or None
        Whose step is a part of it.
    clip_norm : float or None, optional
        The largest common norm of the gradients that the optimizer is given.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        optimizer: Optimizer | None,
        clip_norm: float | None = None,
    ) -> None:
        self._function = function
        self._optimizer = optimizer
        self._clip_norm = clip_norm
        self._settings = {} if optimizer is None else vars(optimizer)
        self._programs: dict[Any, _Program] = {}
        self._latest: _Program | None = None

    def __call__(self, *args: Any) -> float:
        """Run the step on some data.

        Parameters
        ----------
        *args : array_like, Tensor or anything
            What the function takes.

        Returns
        -------
        float
            The loss before the step.
        """
        args = tuple(map(_argument, args))
        program = self._latest = self._program(args)
        try:
            return program(args)
        except NotFiniteError:
            return self._take_by_itself(args)

    def _take_by_itself(self, args: tuple[Any, ...]) -> float:
        """Take the step without a program, with all guards of the operations."""
        with np.errstate(all="ignore"):
            loss = self._function(*args)
            if self._optimizer is None:
                loss.backward()
            else:
                found: dict[Any, Any] = backpropagate({loss: np.ones(loss.shape, loss.dtype)})
                if self._clip_norm is not None:
                    clipped = clipped_to_norm([*found.values()], self._clip_norm)[1]
                    found = dict(zip(found, clipped, strict=True))
                self._optimizer.apply_gradients(found)
        value: float = loss.item()
        return value

    def _program(self, args: tuple[Any, ...]) -> _Program:
        """The program for arguments of such shapes and dtypes."""
        kind = *map(_signature, args), *self._signature_of_optimizer()
        try:
            program = self._programs.get(kind)
        except TypeError:
            self._refuse_settings()
            raise TypeError(
                "the arguments of a compiled step are arrays, Tensors, lists of numbers, numbers "
                f"or text; got {', '.join(type(x).__name__ for x in args)}"
            ) from None
        if program is None or not program.fits_parameters():
            program = self._programs[kind] = _Program(
                self._function, self._optimizer, args, self._clip_norm
            )
            if len(self._programs) == MANY:
                warnings.warn(
                    f"this step was recorded {MANY} times, for arguments of other shapes or other "
                    "values; numbers that vary should be arrays",
                    RuntimeWarning,
                    stacklevel=3,
                )
        return program

    def _signature_of_optimizer(self) -> list[Any]:
        """The settings of the optimizer that a program holds, and which parameters it changes."""
        if self._optimizer is None:
            return []
        settings = [key_of(x) for name, x in self._settings.items() if name not in VARYING]
        for group in self._optimizer.groups:
            if group.options:
                rest = {name: x for name, x in group.options.items() if name != "lr"}
                settings.append(key_of(rest))
        return [*settings, *map(_requires_grad, self._optimizer.parameters)]

    def __repr__(self) -> str:
        function, n = self._function, len(self._programs)
        name = getattr(function, "__name__", type(function).__name__)
        with suppress(TypeError, ValueError):  # some that are written in C do not tell
            name += f"({', '.join(signature(function).parameters)})"
        optimizer = "" if self._optimizer is None else f" with {self._optimizer!r}"
        return f"<compiled step of {name}{optimizer}, {n} program{'s' * (n != 1)}>"

    def _refuse_settings(self) -> None:
        """Raise if a setting of the optimizer is something whose changes would not be seen."""
        for name, x in self._settings.items():
            if name not in VARYING:
                try:
                    hash(key_of(x))
                except TypeError:
                    raise TypeError(
                        f"the attribute {name!r} of the optimizer {type(self._optimizer).__name__} "
                        "must be a number, text, or lists of such to be compiled, since a program "
                        f"depends on its value; got {type(x).__name__}"
                    ) from None

    def __reduce__(self) -> NoReturn:
        # The copy of a function has the same parameters, that of an optimizer others.
        raise TypeError(
            "a compiled step cannot be copied or pickled, since it belongs to the parameters that "
            "its function uses; compile the function of the copy"
        )

    @property
    def source(self) -> str:
        """The source of the program that ran last."""
        if self._latest is None:
            raise RuntimeError("nothing is recorded yet: call the step with data first")
        return self._latest.source


_requires_grad = attrgetter("_requires_grad")
ARRAYS = (np.ndarray, Tensor)
CONVERTED = (list, np.generic)


def _argument(x: Any) -> Any:
    return np.asarray(x) if isinstance(x, CONVERTED) else x


def _signature(x: Any) -> Any:
    """What a program depends on: shape and dtype of an array, the value of anything else."""
    return (type(x), x.shape, x.dtype) if isinstance(x, ARRAYS) else (type(x), key_of(x))


class _Program:
    """A step for arguments of certain shapes and dtypes."""

    def __init__(
        self,
        function: Callable[..., Tensor],
        optimizer: Optimizer | None,
        args: tuple[Any, ...],
        clip_norm: float | None,
    ) -> None:
        recording = record(function, optimizer, args, clip_norm)
        self._parameters = [*recording.parameters]
        self._learned = [*recording.gradients]
        self._optimizer = optimizer
        self._leaves = [*recording.parameters, *recording.frozen]
        self._which_learn = [*map(_requires_grad, self._leaves)]
        self._lock = Lock()  # its buffers serve one call at a time
        self._random = recording.random
        self.source, self._run, self._needs = _written(recording)

    def __call__(self, args: tuple[Any, ...]) -> float:
        optimizer = self._optimizer
        arrays = [
            *(x._array if isinstance(x, Node) else x for x in args if isinstance(x, ARRAYS)),
            *(p._array for p in self._parameters),
        ]
        drawn = [(rng, _state_of(rng)) for rng in self._random]
        try:
            with self._lock, np.errstate(all="ignore"):  # the program checks by itself
                if optimizer is None:
                    return self._add_gradients(*self._run(*arrays))
                return self._take_step(optimizer, arrays)
        except NotFiniteError:
            for rng, state in drawn:  # to be drawn once more without the program
                _set_state_of(rng, state)
            raise

    def fits_parameters(self) -> bool:
        """Whether the same Tensors require gradients as when it was recorded.

        With an optimizer its own parameters count, which `CompiledStep` looks at.
        """
        return self._optimizer is not None or self._which_learn == [
            *map(_requires_grad, self._leaves)
        ]

    def _add_gradients(self, loss: float, *gradients: Any) -> float:
        if not math.isfinite(loss) or any(map(has_nan, gradients)):
            raise NotFiniteError("the loss or a gradient is not finite")
        for p, g in zip(self._learned, gradients, strict=True):
            p.grad = np.array(g) if p.grad is None else p.grad + g
        return loss

    def _take_step(self, optimizer: Optimizer, arrays: list[Any]) -> float:
        with optimizer.lock:
            t = optimizer.steps + 1
            settings: list[Any] = [*map(optimizer.learning_rate_of, optimizer.groups), t]
            gathered = [block.gather_values() for block in optimizer.blocks]
            for block, values in zip(optimizer.blocks, gathered, strict=True):
                settings += values, *block.state
            loss: float = self._run(*arrays, *itertools.compress(settings, self._needs))
            optimizer.steps = t
            for block, values in zip(optimizer.blocks, gathered, strict=True):
                block.write(values)
        return loss


def _state_of(rng: Any) -> Any:
    return rng.bit_generator.state if isinstance(rng, np.random.Generator) else rng.get_state()


def _set_state_of(rng: Any, state: Any) -> None:
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = state
    else:
        rng.set_state(state)


# --- what is written -----------------------------------------------------------------------


def _written(recording: Recording) -> tuple[str, Callable[..., Any], list[bool]]:
    """The source of a program, its function, and which settings of the optimizer that takes."""
    names = {recording.loss: recording.unused("loss")}
    gradients = [] if recording.memory else [*recording.gradients.values()]  # for an optimizer
    if gradients:
        for p, name in recording.parameters.items():
            if recording.gradients.get(p) not in {None, *names}:
                names[recording.gradients[p]] = recording.unused(f"d{name}")
    writer = Writer(recording, [recording.loss, *gradients], names)
    source = writer.source()
    filename = f"<compiled step {next(_program_number)}>"
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    namespace: dict[str, Any] = {}
    exec(builtins.compile(source, filename, "exec"), namespace)  # noqa: S102 - our own source
    namespace |= writer.constants
    return source, namespace["step"], [value in writer.values for value in recording.settings]


_program_number = itertools.count(1)
