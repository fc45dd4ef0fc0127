"""compile: a training step as the NumPy that one would have written by hand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.absorbing import has_nan
from tinygrad_edu.compiler.calling import Compiled, Kept, argument
from tinygrad_edu.compiler.entry import MISSED, entry_of_gradients, entry_of_step, missed
from tinygrad_edu.compiler.program import Backend
from tinygrad_edu.compiler.record import record
from tinygrad_edu.compiler.recording import Output, StepRecording
from tinygrad_edu.compiler.source import NotFiniteError
from tinygrad_edu.compiler.structure import Structure
from tinygrad_edu.compiler.values import key_of
from tinygrad_edu.engine import Node, backpropagate
from tinygrad_edu.interrupts import CtrlC, deferred_interrupt
from tinygrad_edu.optim.base import Optimizer
from tinygrad_edu.optim.checks import at_least_one, at_least_zero
from tinygrad_edu.optim.clipping import clipped_to_norm
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import tree_map

__all__ = ["CompiledStep", "compile"]

# Attributes of an optimizer that are read in every step. The others are constants of a program, and
# a step with other values of them gets another program.
VARYING = {"_lr", "_weight_decay", "blocks", "groups", "lock", "parameters", "steps"}


def compile(
    function: Callable[..., Tensor],
    optimizer: Optimizer | None = None,
    *,
    clip_norm: float | None = None,
    backend: Backend = "numpy",
) -> CompiledStep:
    """Record a training step once, and run it from then on as straight NumPy.

    The first call records what the function computes, the way back, and the step of the optimizer,
    and writes them out as one function of NumPy, in which what is computed twice is computed once,
    and what is not used is not computed. It can be read (``step.source``): it is the
    backpropagation one would have derived by hand. Later calls run it.

    Parameters
    ----------
    function : callable
        From arrays (or Tensors) to the loss, a Tensor of one element; or to a tuple of the loss and
        more to be reported. It is called twice when arguments have new shapes or dtypes, and then
        no more: Tensors that it uses are read in every call; what else it reads stays as it was.
        Only arrays vary: a Python number is part of the program.
    optimizer : Optimizer, optional
        Whose step is a part of the program. Without one, the gradients are added to ``.grad``.
    clip_norm : float, optional
        The largest common norm of the gradients that the optimizer is given; see
        `optim.clip_by_norm`.
    backend : {"numpy", "numba"}, optional
        What the program consists of: calls of NumPy, or loops that numba compiles, which takes
        some seconds once and pays for small networks.

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
        that changes from call to call, or depends on no parameter of the optimizer.
    FloatingPointError
        When it is called: if a gradient, or what a parameter would become, is not finite. No
        parameter was changed then.

    See Also
    --------
    jit : The same for any function.

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
    return CompiledStep(function, optimizer, clip_norm, backend)


def _kind_of(given: Any) -> str:
    """What was given in place of an optimizer."""
    if isinstance(given, type):
        name = given.__name__
        return f"the class {name}: write optim.{name}(model.parameters(), lr=0.1)"
    return type(given).__name__


class CompiledStep(Compiled):
    """A training step that `compile` has recorded, or will when it is called.

    Parameters
    ----------
    function : callable
        From arrays to the loss.
    optimizer : Optimizer or None
        Whose step is a part of it.
    clip_norm : float or None, optional
        The largest common norm of the gradients that the optimizer is given.
    backend : {"numpy", "numba"}, optional
        What the program consists of.
    """

    _latest: Any  # of the programs

    def __init__(
        self,
        function: Callable[..., Any],
        optimizer: Optimizer | None,
        clip_norm: float | None = None,
        backend: Backend = "numpy",
    ) -> None:
        super().__init__(function, backend)
        self._optimizer = optimizer
        self._clip_norm = clip_norm
        self._settings = {} if optimizer is None else vars(optimizer)

    def __call__(self, *args: Any) -> Any:
        """Run the step on some data.

        Parameters
        ----------
        *args : array_like, Tensor or anything
            What the function takes.

        Returns
        -------
        float, or tuple
            The loss before the step. If the function returns more beside it, a tuple: of the loss,
            and of the rest, with numbers and arrays in place of Tensors.
        """
        try:
            result = self._quickly(*args)
            return self._carefully(args) if result is MISSED else result
        except NotFiniteError:
            return self._take_by_itself(tuple(map(argument, args)))

    def epoch(
        self, *args: ArrayLike, batch_size: int = 1, order: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Take a step for every batch of some samples.

        With ``backend="numba"``, the loop over the batches is compiled, too.

        Parameters
        ----------
        *args : array_like
            What the function takes, of all samples: each batch is a part of the first axis.
        batch_size : int, optional
            How many samples there are in a batch; in the last one there may be fewer.
        order : array_like of int, optional
            The samples in the order in which they are to come, as ``rng.permutation(n)``.

        Returns
        -------
        ndarray
            The loss before each step.

        Raises
        ------
        TypeError
            If an argument has no first axis, the batch size or the order are no integers, or the
            function returns more than a loss.
        ValueError
            If the arguments differ in their number of samples, or there is none.
        IndexError
            If there is no sample of a number in the order.
        FloatingPointError
            At the first step whose loss or gradients are not finite. The parameters are those after
            the step before.
        KeyboardInterrupt
            After Ctrl-C, between two steps.

        Examples
        --------
        >>> import numpy as np
        >>> import tinygrad_edu as tg
        >>> w = tg.Tensor([0.0], requires_grad=True, name="w")
        >>> step = tg.compile(lambda x, y: tg.mean_squared_error(x * w, y),
        ...                   tg.optim.SGD([w], lr=0.1))
        >>> x = np.array([[1.0], [2.0], [3.0], [4.0]])
        >>> step.epoch(x, 2 * x, batch_size=2)
        array([10. , 12.5])
        """
        arrays = [np.asarray(argument(x)) for x in args]
        chosen, size = _chosen(arrays, order), at_least_one("batch_size", batch_size)
        n = len(arrays[0]) if chosen is None else len(chosen)
        losses = np.empty(-(-n // size))
        full, k = n // size, 0
        with deferred_interrupt(CtrlC()) as ctrl_c:
            while k < len(losses):
                take = slice(k * size, (k + 1) * size)
                rows: Any = take if chosen is None else chosen[take]
                losses[k] = self._single(k, [x[rows] for x in arrays])
                k += 1
                if isinstance(self._latest, _Step) and k < full:
                    k += self._latest.take_many(arrays, chosen, k, losses[k:full], ctrl_c)
                if ctrl_c.pressed:
                    raise KeyboardInterrupt
        return losses

    def _single(self, k: int, batch: list[Any]) -> float:
        """The step of a batch of an epoch."""
        try:
            try:
                loss = self._quickly(*batch)
                if loss is MISSED:
                    loss = self._carefully(tuple(batch))
            except NotFiniteError:
                loss = self._take_by_itself(tuple(batch), if_finite=True)
        except FloatingPointError as error:
            error.add_note(f"in step {k + 1} of the epoch")
            raise
        if not isinstance(loss, float):
            raise TypeError(
                "an epoch returns the losses, and this function returns more; take the steps by "
                "themselves"
            )
        return loss

    def _take_by_itself(self, args: tuple[Any, ...], if_finite: bool = False) -> Any:
        """Take the step without a program, with all guards of the operations."""
        with np.errstate(all="ignore"), self._latest.as_before_if_it_fails():
            result = self._function(*args)
            loss, *more = result if isinstance(result, tuple) else (result,)
            more = tree_map(reported, more)  # before the step changes what is reported
            if if_finite and not math.isfinite(loss.item()):
                raise FloatingPointError(f"the loss is {loss.item()}; no parameter was changed")
            if self._optimizer is None:
                loss.backward()
            else:
                found: dict[Any, Any] = backpropagate({loss: np.ones(loss.shape, loss.dtype)})
                if self._clip_norm is not None:
                    clipped = clipped_to_norm([*found.values()], self._clip_norm)[1]
                    found = dict(zip(found, clipped, strict=True))
                self._optimizer.apply_gradients(found)
        return (loss.item(), *more) if more else loss.item()

    def _made(self, args: tuple[Any, ...]) -> _Step:
        return _Step(self._function, self._optimizer, args, self._clip_norm, self._backend)

    def _key(self) -> Any:
        """The settings of the optimizer that a program holds, and which parameters it changes."""
        if self._optimizer is None:
            return ()
        settings = [key_of(x) for name, x in self._settings.items() if name not in VARYING]
        for group in self._optimizer.groups:
            if group.options:
                rest = {name: x for name, x in group.options.items() if name != "lr"}
                settings.append(key_of(rest))
        return (*settings, *map(_requires_grad, self._optimizer.parameters))

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

    def __repr__(self) -> str:
        optimizer = "" if self._optimizer is None else f" with {self._optimizer!r}"
        return f"<compiled step of {self._described()}{optimizer}, {self._count()}>"


_requires_grad = attrgetter("_requires_grad")


class _Step(Kept):
    """A step for arguments of certain shapes and dtypes."""

    def __init__(
        self,
        function: Callable[..., Any],
        optimizer: Optimizer | None,
        args: tuple[Any, ...],
        clip_norm: float | None,
        backend: Backend,
    ) -> None:
        make = partial(
            StepRecording,
            optimizer=optimizer,
            clip_norm=clip_norm,
            for_numpy=backend == "numpy",
        )
        recording = record(make, function, args)
        lock = Lock() if optimizer is None else optimizer.lock
        super().__init__(recording, "step", args, lock, backend)
        self.optimizer = optimizer
        self._learned = [*recording.gradients]
        self.more = recording.result[1:]
        if optimizer is not None:
            self._keep_settings(recording, optimizer)

    def _keep_settings(self, recording: StepRecording, optimizer: Optimizer) -> None:
        """Remember where the settings are that the program takes, and those that it holds."""
        needed = {*self.program.inputs}
        rest = iter(recording.settings)
        self.groups = [group for group in optimizer.groups if next(rest) in needed]
        self.takes_rate = bool(self.groups)
        self.takes_time = next(rest) in needed
        self.blocks = recording.blocks
        self._absent = [
            [i for i, p in enumerate(block.parameters) if p not in recording.gradients]
            for block in self.blocks
        ]
        self.slots = [
            (block, k)
            for block in self.blocks
            for k in range(len(optimizer.slots))
            if next(rest) in needed
        ]
        self._bound: list[Any] = [None] * len(self.blocks)

    def fits_leaves(self) -> bool:
        """Whether the same leaves require gradients as when it was recorded.

        With an optimizer its own parameters count, which `CompiledStep` looks at.
        """
        return self.optimizer is not None or super().fits_leaves()

    def entry(self, structure: Structure) -> Callable[..., Any]:
        """The way to take the step once more, if all is as it was."""
        if self.optimizer is None:
            return entry_of_gradients(self, structure)
        held = [name for name in vars(self.optimizer) if name not in VARYING]
        if not all(isinstance(getattr(self.optimizer, name), SIMPLE) for name in held):
            return missed
        return entry_of_step(self, structure, held)

    def __call__(self, args: tuple[Any, ...]) -> Any:
        """Take the step."""
        if self.optimizer is None:
            with self.lock:
                loss, *rest = self.run(args)
            return self.add_gradients(loss, rest)
        with self.lock:
            return self._take_step(self.optimizer, args)

    def take_many(
        self, arrays: list[Any], order: Any, first: int, losses: Any, ctrl_c: CtrlC
    ) -> int:
        """Take steps in one call of the program, and return how many; none if there is no such."""
        optimizer, taken, at_once = self.optimizer, 0, 16
        if optimizer is None or not self.program.has_epoch:
            return 0
        order = np.empty(0, np.int64) if order is None else order
        while taken < len(losses) and not ctrl_c.pressed:
            part = losses[taken : taken + at_once]
            begin = time.perf_counter()
            with self.lock:
                if self._gather():
                    return taken
                before = optimizer.steps
                rates: list[Any] = [[] for _ in self.groups]
                try:  # a schedule is asked for the rates of all steps, and may raise
                    for optimizer.steps in range(before, before + len(part)):
                        for group, of_group in zip(self.groups, rates, strict=True):
                            of_group.append(optimizer.learning_rate_of(group))
                finally:
                    optimizer.steps = before
                settings = [*map(np.array, rates)]
                if self.takes_time:
                    settings.append(np.arange(before + 1, before + len(part) + 1))
                settings += [block.state[k] for block, k in self.slots]
                leaves = [p._array for p in self.leaves]
                done = self.program.epoch([*arrays, *leaves, *settings], order, first + taken, part)
                optimizer.steps += done
                for block in self.blocks:
                    block.mark_changed()
            taken += done
            if done < len(part):
                break  # the next one is taken without the program
            if time.perf_counter() - begin < AT_ONCE:
                at_once *= 2
        return taken

    def add_gradients(self, loss: float, rest: list[Any]) -> Any:
        """Add the last results to the gradients of the leaves, if all are finite."""
        gradients = rest[len(rest) - len(self._learned) :]
        if not math.isfinite(loss) or any(map(has_nan, gradients)):
            raise NotFiniteError("the loss or a gradient is not finite")
        for p, g in zip(self._learned, gradients, strict=True):
            p.grad = np.array(g) if p.grad is None else p.grad + g
        return self.reported((loss, *rest))

    def _take_step(self, optimizer: Optimizer, args: tuple[Any, ...]) -> Any:
        t = optimizer.steps + 1
        settings: list[Any] = [optimizer.learning_rate_of(group) for group in self.groups]
        if self.takes_time:
            settings.append(t)
        for block, k in self.slots:
            settings.append(block.state[k])
        elsewhere = self._gather()
        result = self.run(args, settings)
        optimizer.steps = t
        for block in self.blocks:
            if block in elsewhere:
                block.write(elsewhere[block])
            else:
                block.mark_changed()
        return self.reported(result) if self.more or self.assigned else result

    def _gather(self) -> dict[Any, Any]:
        """Let the program have the values of the parameters; return copies, to be written back."""
        elsewhere = {}
        for i, block in enumerate(self.blocks):
            block.move_in()
            values = block.gather_values(self._absent[i])
            if not block.in_place():
                elsewhere[block] = values
            if values is not self._bound[i]:
                self.program.bind(i, values)
                self._bound[i] = values
        return elsewhere

    def reported(self, result: Any) -> Any:
        """The loss, with what else the function returned; Tensors that it changes get new data."""
        loss, *rest = result if isinstance(result, tuple) else (result,)
        values = iter(rest)
        more = tree_map(lambda x: reported(next(values)) if isinstance(x, Output) else x, self.more)
        self.assign(values)
        return (loss, *more) if self.more else loss


AT_ONCE = 0.02  # seconds: about so long, Ctrl-C has to wait


def _chosen(arrays: list[Any], given: Any) -> NDArray[Any] | None:
    """The numbers of the samples, if they are all there."""
    if not arrays or any(x.ndim == 0 for x in arrays):
        raise TypeError("an epoch needs arrays whose first axis is that of the samples")
    lengths = [len(x) for x in arrays]
    if len({*lengths}) > 1 or lengths[0] == 0:
        raise ValueError(
            f"all arguments must have as many samples, and at least one; got {lengths}"
        )
    if given is None:
        return None
    order: NDArray[Any] = np.asarray(given)
    if order.dtype.kind not in "iu" or order.ndim != 1:
        raise TypeError(f"the order is a list of integers; got {order.dtype} {order.shape}")
    if not order.size:
        raise ValueError("the order is empty")
    if order.min() < 0 or order.max() >= lengths[0]:
        raise IndexError(
            f"the order goes from {order.min()} to {order.max()}, and the {lengths[0]} samples "
            f"from 0 to {lengths[0] - 1}"
        )
    return order.astype(np.int64, copy=False)


SIMPLE = (bool, int, float, str, tuple, type(None))


def reported(x: Any) -> Any:
    """What a function returned beside the loss: a number, or an array."""
    if not isinstance(x, Node | np.ndarray | np.generic):
        return x
    array = np.asarray(x.data if isinstance(x, Node) else x)
    return array.item() if array.size == 1 else array.copy()
