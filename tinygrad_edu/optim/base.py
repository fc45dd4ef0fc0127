"""Optimizer: a rule at work on a list of parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.optim.checks import (
    at_least_zero,
    list_of_tensors,
    one_for_each,
    require_parameters,
)
from tinygrad_edu.optim.packing import Block, grouped
from tinygrad_edu.optim.schedules import Schedule
from tinygrad_edu.state import fitting
from tinygrad_edu.tensor import Tensor

__all__ = ["Decay", "Optimizer"]

Decay: TypeAlias = "float | Sequence[float]"
"""A weight decay of all parameters, or one for each of them."""


class Optimizer(ABC):
    """A rule at work on a list of parameters: what all optimizers have in common.

    A subclass names what its rule remembers in ``slots``, and calls the rule in ``update``.

    Parameters
    ----------
    parameters : iterable of Tensor
        Leaves that require a gradient, each once.
    lr : float or callable
        The learning rate; or a schedule, a function of the number of steps already done.
    weight_decay : float or sequence of float, optional
        Of all parameters, or one for each of them.

    Attributes
    ----------
    parameters : list of Tensor
        As given.
    steps : int
        The number of steps already done.

    Raises
    ------
    TypeError
        If a parameter is no Tensor, or what should be a number is none.
    ValueError
        If there is no parameter, one comes twice, is no leaf or requires no gradient; or if a
        number is out of its range.

    Notes
    -----
    The values of small parameters are updated in place, and their Tensors marked as changed:
    ``backward()`` through a graph that was recorded before the step raises, instead of mixing old
    and new values. Copy ``parameter.data`` to keep what was there before.
    """

    slots: ClassVar[tuple[str, ...]] = ()

    parameters: list[Tensor]
    blocks: list[Block]
    steps: int

    def __init__(
        self, parameters: Iterable[Tensor], lr: float | Schedule, weight_decay: Decay = 0.0
    ) -> None:
        self.parameters = list_of_tensors("an optimizer", parameters)
        require_parameters(self.parameters)
        self.lr = lr
        self.steps = 0
        decays = one_for_each(self.parameters, weight_decay)
        self.blocks = [
            Block([self.parameters[i] for i in block], [decays[i] for i in block], self.slots)
            for block in grouped(self.parameters)
        ]

    @abstractmethod
    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call the rule, with the options ``lr`` and ``weight_decay``.

        Parameters
        ----------
        p, g : ndarray
            Values and gradients of several parameters, side by side.
        *state : ndarray
            What is remembered of them, an array for each of the ``slots``; zeros at first.
        **options
            For the rule.

        Returns
        -------
        tuple of ndarray
            The new values and the new state, as new arrays.
        """

    @property
    def lr(self) -> float | Schedule:
        """The learning rate, or the schedule, as given; may be assigned."""
        return self._lr

    @lr.setter
    def lr(self, value: float | Schedule) -> None:
        self._lr = value if callable(value) else at_least_zero("the learning rate", value)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, as a number."""
        if callable(self._lr):
            return at_least_zero("the learning rate of the schedule", self._lr(self.steps))
        return self._lr

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters:
            p.grad = None

    def step(self) -> None:
        """Change the parameters by their gradients; all of them, or none if anything is wrong.

        A parameter without a gradient stays as it is, and so does what is remembered of it.

        Raises
        ------
        RuntimeError
            If no parameter has a gradient.
        TypeError
            If a gradient is complex.
        ValueError
            If a gradient has not the shape of its parameter.
        FloatingPointError
            If a gradient, or what a parameter would become, is not finite.
        """
        lr = self.learning_rate
        self.steps += 1  # the rules count from 1
        try:
            results = [block.propose(self.update, lr) for block in self.blocks]
            if not any(results):
                raise RuntimeError(
                    "no parameter has a gradient; call backward() first, on a loss that was "
                    "computed from them"
                )
        except BaseException:
            self.steps -= 1
            raise
        for block, result in zip(self.blocks, results, strict=True):
            if result is not None:
                block.commit(result)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copy what the optimizer remembers: the number of steps, and the slots by parameter.

        Returns
        -------
        dict of str to ndarray
            What `load_state_dict` and `tinygrad_edu.save` take. Learning rate and the like are not
            in it: they are given again when the optimizer is made.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
        >>> tg.optim.SGD([w], lr=0.1, momentum=0.9).state_dict()
        {'steps': array(0), 'velocity.0': array([0., 0.])}
        """
        return {"steps": np.array(self.steps)} | {
            name: array.copy() for name, array in self._remembered().items()
        }

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Take over what `state_dict` returned; all of it, or nothing if anything is wrong.

        Parameters
        ----------
        state : mapping of str to array_like
            From an optimizer of the same kind, for parameters of the same shapes.

        Raises
        ------
        TypeError
            If the state is no mapping.
        ValueError
            If entries are missing, unexpected, or of another shape or kind of number: the
            message names all of them.
        """
        remembered = self._remembered()
        arrays = fitting(state, {"steps": np.array(self.steps)} | remembered, type(self).__name__)
        if (steps := int(arrays["steps"])) < 0:
            raise ValueError(f"the number of steps in the state must not be negative; got {steps}")
        self.steps = steps
        for name, array in remembered.items():
            array[...] = arrays[name]

    def _remembered(self) -> dict[str, NDArray[Any]]:
        """The slots of every parameter, as views into the blocks, by slot and number."""
        number = {p: i for i, p in enumerate(self.parameters)}
        return {
            f"{slot}.{number[p]}": view
            for k, slot in enumerate(self.slots)
            for block in self.blocks
            for p, view in zip(block.parameters, block.split(block.state[k]), strict=True)
        }
