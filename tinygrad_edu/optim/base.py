"""Optimizer: a rule at work on a list of parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from inspect import signature
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.errors import describe
from tinygrad_edu.optim.checks import at_least_zero, list_of_tensors
from tinygrad_edu.optim.locking import lock_of
from tinygrad_edu.optim.packing import Block, Group, blocks_of
from tinygrad_edu.optim.schedules import Schedule
from tinygrad_edu.state import fitting
from tinygrad_edu.tensor import Tensor

__all__ = ["Checks", "Decay", "Optimizer", "Parameters"]

Parameters: TypeAlias = "Iterable[Tensor] | Iterable[Mapping[str, Any]]"
"""What to learn: Tensors, or groups of them, each with settings of its own."""

Decay: TypeAlias = "float | Sequence[float]"
"""A weight decay of all parameters, or one for each of them."""

Checks: TypeAlias = "dict[str, Callable[[str, Any], Any]]"
"""For each option of a rule, a function of its name and value that returns it, or raises."""


class Optimizer(ABC):
    """A rule at work on a list of parameters: what all optimizers have in common.

    A subclass names what its rule remembers in ``slots`` and the options of the rule in
    ``settings``, and calls the rule in ``update``.

    Parameters
    ----------
    parameters : iterable of Tensor, or of mapping
        Leaves that require a gradient, each once; or groups of them, as
        ``{"params": [...], "lr": 0.01}``, with the settings that differ from the others'.
    lr : float or callable
        The learning rate; or a schedule, a function of the number of steps already done.
    weight_decay : float or sequence of float, optional
        Of all parameters, or one for each of them.
    **settings
        Further options of the rule, by the names in ``settings``. They become attributes.

    Attributes
    ----------
    parameters : list of Tensor
        Those of all groups, in order.
    groups : list of Group
        As given; one without options, if the parameters were given without groups.
    steps : int
        The number of steps already done.
    lock : context manager
        Held by a step from its beginning to its end, and by those of all optimizers that share a
        parameter with this one.

    Raises
    ------
    TypeError
        If a parameter is no Tensor, or what should be a number is none.
    ValueError
        If there is no parameter, one comes twice, is no leaf or requires no gradient; if a number
        is out of its range; or if a group has an unknown option.

    Notes
    -----
    A step writes the new values into the array that is ``parameter.data`` at that moment, as in
    PyTorch: ``old = parameter.data`` has the new values after it. Copy what is to be kept. The
    parameters are marked as changed: ``backward()`` through a graph that was recorded before the
    step raises, instead of mixing old and new values. If the data of two parameters share memory,
    it is the change of the later one that remains; use one Tensor in both places instead.

    Examples
    --------
    A learning rate of its own for some of the parameters:

    >>> import tinygrad_edu as tg
    >>> w, b = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    >>> optimizer = tg.optim.SGD([{"params": [w]}, {"params": [b], "lr": 0.01}], lr=0.1)
    >>> optimizer
    SGD(2 parameters in 2 groups, lr=0.1)
    >>> (w * w + b * b).sum().backward()
    >>> optimizer.step()
    >>> w.data, b.data
    (array([0.8, 1.6]), array([0.98, 1.96]))
    """

    slots: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[Checks] = {}

    parameters: list[Tensor]
    groups: list[Group]
    blocks: list[Block]
    steps: int

    def __init__(
        self,
        parameters: Parameters,
        lr: float | Schedule,
        weight_decay: Decay = 0.0,
        **settings: Any,
    ) -> None:
        self.lr = lr
        self.steps = 0
        for name, value in settings.items():
            if name not in self.settings:
                raise TypeError(f"{type(self).__name__} has no setting {name!r}")
            setattr(self, name, self.settings[name](name, value))
        given = _given_groups(parameters)
        self.parameters = [p for group in given for p in group["params"]]
        _require_parameters(self.parameters)
        self.lock: AbstractContextManager[Any] = lock_of(self.parameters)
        decays = _one_for_each(self.parameters, weight_decay)
        self._weight_decay = decays[0] if np.ndim(weight_decay) == 0 else decays
        rest = iter(decays)
        self.groups, self.blocks = [], []
        for group in given:
            self._add_group(group, [next(rest) for _ in group["params"]])

    def _add_group(self, given: dict[str, Any], decays: list[float]) -> None:
        options = {name: self._checked_option(name, x) for name, x in given.items()}
        group = Group(options.pop("params"), options)
        if "weight_decay" in options:
            decays = _one_for_each(group.parameters, options.pop("weight_decay"))
        self.groups.append(group)
        self.blocks += blocks_of(group, decays, self.slots)

    def _checked_option(self, name: str, value: Any) -> Any:
        if name == "lr":
            return _rate(value)
        if name in self.settings:
            return self.settings[name](name, value)
        if name in ("params", "weight_decay"):
            return value
        known = ", ".join(["params", "lr", "weight_decay", *self.settings])
        raise ValueError(
            f"a group of {type(self).__name__} has {known}; got the unknown option {name!r}"
        )

    @abstractmethod
    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call the rule.

        Parameters
        ----------
        p, g : ndarray
            Values and gradients of several parameters, side by side.
        *state : ndarray
            What is remembered of them, an array for each of the ``slots``; zeros at first.
        **options
            For the rule: ``lr``, ``weight_decay`` and all ``settings``.

        Returns
        -------
        tuple of ndarray
            The new values and the new state. What was given must not be written to.
        """

    @property
    def lr(self) -> float | Schedule:
        """The learning rate, or the schedule, as given; may be assigned."""
        return self._lr

    @lr.setter
    def lr(self, value: float | Schedule) -> None:
        self._lr = _rate(value)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, as a number; that of groups may be another."""
        return self._next(self._lr)

    def learning_rate_of(self, group: Group) -> float:
        """The learning rate of the next step of a group, as a number."""
        return self._next(_rate(group.options["lr"]) if "lr" in group.options else self._lr)

    def _next(self, lr: float | Schedule) -> float:
        if callable(lr):
            return at_least_zero("the learning rate of the schedule", lr(self.steps))
        return lr

    def options(self, group: Group) -> dict[str, Any]:
        """The options of the rule in the next step of a group, all but the weight decay."""
        options = {name: getattr(self, name) for name in self.settings}
        options |= group.options
        options["lr"] = self.learning_rate_of(group)
        return options

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters:
            p.grad = None

    def step(self) -> None:
        """Change the parameters by their gradients; all of them, or none if anything is wrong.

        A parameter stays as it is, and so does what is remembered of it, if it has no gradient, or
        if its ``requires_grad`` is False by now. Of a gradient that is a Tensor, as
        ``backward(create_graph=True)`` leaves it, the values are taken: the step is not recorded.

        Raises
        ------
        RuntimeError
            If no parameter has a gradient.
        TypeError
            If a gradient is complex.
        ValueError
            If a gradient has not the shape of its parameter, or the data of a parameter are
            read-only.
        FloatingPointError
            If a gradient, or what a parameter would become, is not finite.
        """
        self.apply_gradients({p: p.grad for p in self.parameters})

    def apply_gradients(self, gradients: Mapping[Tensor, Any]) -> None:
        """Change the parameters by these gradients; as `step` does by those in ``.grad``.

        Parameters
        ----------
        gradients : mapping of Tensor to ndarray, Tensor or None
            A gradient for each parameter; None for one that stays as it is.

        Examples
        --------
        >>> import numpy as np
        >>> import tinygrad_edu as tg
        >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
        >>> tg.optim.SGD([w], lr=0.1).apply_gradients({w: np.array([1.0, 1.0])})
        >>> w.data
        array([0.9, 1.9])
        """
        with self.lock:
            options = {group: self.options(group) for group in self.groups}
            self.steps += 1  # the rules count from 1
            try:
                changes = []
                for block in self.blocks:
                    gathered = block.gather(gradients)
                    if gathered is None:
                        continue  # there is no gradient
                    p, g = gathered
                    settings = options[block.group]
                    result = self.update(
                        p, g, *block.state, weight_decay=block.weight_decay, **settings
                    )
                    new, *state = block.fitted(result, p, g)
                    block.require_finite(new, gradients, settings["lr"])
                    changes.append((block, new, state))
                if not changes:
                    raise RuntimeError(
                        "no parameter has a gradient; call backward() first, on a loss that was "
                        "computed from them"
                    )
            except BaseException:
                self.steps -= 1
                raise
            for block, new, state in changes:
                block.write(new)
                block.state = state

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
        with self.lock:
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
            If entries are missing, unexpected, or of another shape or kind of number, or the
            number of steps is negative: the message names all of them.
        """
        with self.lock:
            remembered = self._remembered()
            expected = {"steps": np.array(self.steps)} | remembered
            arrays = fitting(state, expected, type(self).__name__, _problem)
            self.steps = int(arrays["steps"])
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

    def __getstate__(self) -> dict[str, Any]:
        return {name: x for name, x in vars(self).items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.lock = lock_of(self.parameters)

    def __repr__(self) -> str:
        several = f" in {len(self.groups)} groups" if len(self.groups) > 1 else ""
        s = "s" if len(self.parameters) > 1 else ""
        facts = [f"{len(self.parameters)} parameter{s}{several}"]
        facts.append("lr=<schedule>" if callable(self._lr) else f"lr={self._lr}")
        defaults = signature(type(self)).parameters
        settings = {name: getattr(self, name) for name in self.settings}
        for name, value in (settings | {"weight_decay": self._weight_decay}).items():
            if name not in defaults or value != defaults[name].default:
                facts.append(f"{name}={value}")
        return f"{type(self).__name__}({', '.join(facts)})"


def _problem(name: str, x: NDArray[Any]) -> str | None:
    """Tell what is wrong with an entry of a state that has the right shape and dtype."""
    negative = name == "steps" and x < 0
    return f"the number of steps must not be negative; got {x}" if negative else None


def _rate(value: Any) -> float | Schedule:
    """A learning rate, or a schedule, whose values are checked when they are used."""
    return value if callable(value) else at_least_zero("the learning rate", value)


def _given_groups(given: Any) -> list[dict[str, Any]]:
    """The groups that an optimizer was given, or one of all parameters."""
    if isinstance(given, Iterable) and not isinstance(given, Tensor | Mapping):
        given = [*given]
        if given and all(isinstance(group, Mapping) for group in given):
            return [
                {**group, "params": list_of_tensors("a group", group.get("params"))}
                for group in given
            ]
    return [{"params": list_of_tensors("an optimizer", given)}]


def _require_parameters(parameters: list[Tensor]) -> None:
    """Refuse what an optimizer cannot change."""
    for p in parameters:
        if not (p.is_leaf and p.requires_grad):
            raise ValueError(
                "a parameter must be a leaf that requires a gradient, as made by "
                f"Tensor(data, requires_grad=True); got {describe(p)}"
            )
    if not parameters:
        raise ValueError("an optimizer needs at least one parameter; got none")
    if len(set(parameters)) < len(parameters):
        raise ValueError("each parameter must be given once; one of them came twice")


def _one_for_each(parameters: list[Tensor], decay: Any) -> list[float]:
    """A weight decay for each parameter, from one for all or from as many."""
    decays = [decay] * len(parameters) if np.ndim(decay) == 0 else [*decay]
    if len(decays) != len(parameters):
        raise ValueError(
            f"weight_decay must be a number, or one for each of the {len(parameters)} "
            f"parameters; got {len(decays)} of them"
        )
    return [at_least_zero("the weight decay", d) for d in decays]
