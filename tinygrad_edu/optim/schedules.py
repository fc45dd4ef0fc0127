"""Schedules: learning rates as functions of the number of steps already done."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from tinygrad_edu.optim.checks import at_least_one, at_least_zero

__all__ = ["Schedule", "cosine_decay", "exponential_decay", "step_decay", "warm_up"]

Schedule: TypeAlias = Callable[[int], float]
"""The learning rate as a function of the number of steps already done."""


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """Multiply the learning rate by a factor every so many steps.

    ::

        lr(step) = lr * factor**(step // every)

    Parameters
    ----------
    lr : float
        The learning rate at the beginning.
    every : int
        The number of steps between two changes.
    factor : float, optional
        What the learning rate is multiplied by.

    Returns
    -------
    callable
        The learning rate as a function of the number of steps already done.

    Raises
    ------
    TypeError
        If ``every`` is no integer, or what should be a number is none.
    ValueError
        If ``every`` is below 1, or a number is negative.

    Examples
    --------
    >>> from tinygrad_edu import optim
    >>> schedule = optim.step_decay(1.0, every=2, factor=0.5)
    >>> [schedule(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return partial(
        _step_decay, _rate(lr), at_least_one("every", every), at_least_zero("the factor", factor)
    )


def _step_decay(lr: float, every: int, factor: float, step: int) -> float:
    return lr * factor ** (step // every)


def exponential_decay(lr: float, factor: float) -> Schedule:
    """Multiply the learning rate by a factor at each step.

    ::

        lr(step) = lr * factor**step

    Parameters
    ----------
    lr : float
        The learning rate at the beginning.
    factor : float
        What the learning rate is multiplied by.

    Returns
    -------
    callable
        The learning rate as a function of the number of steps already done.

    Raises
    ------
    TypeError
        If what should be a number is none.
    ValueError
        If a number is negative.

    Examples
    --------
    >>> from tinygrad_edu import optim
    >>> schedule = optim.exponential_decay(1.0, factor=0.5)
    >>> [schedule(step) for step in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """
    return partial(_exponential_decay, _rate(lr), at_least_zero("the factor", factor))


def _exponential_decay(lr: float, factor: float, step: int) -> float:
    return lr * factor**step


def cosine_decay(lr: float, steps: int, final: float = 0.0) -> Schedule:
    """Lower the learning rate along half a cosine.

    ::

        lr(step) = final + (lr - final) * (1 + cos(pi * step / steps)) / 2

    and ``final`` from then on.

    Parameters
    ----------
    lr : float
        The learning rate at the beginning.
    steps : int
        The number of steps in which it is lowered.
    final : float, optional
        The learning rate at the end.

    Returns
    -------
    callable
        The learning rate as a function of the number of steps already done.

    Raises
    ------
    TypeError
        If ``steps`` is no integer, or what should be a number is none.
    ValueError
        If ``steps`` is below 1, or a number is negative.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> from tinygrad_edu import optim
    >>> schedule = optim.cosine_decay(1.0, steps=4)
    >>> [round(schedule(step), 4) for step in range(6)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0]
    """
    return partial(
        _cosine_decay, _rate(lr), at_least_one("steps", steps), at_least_zero("final", final)
    )


def _cosine_decay(lr: float, steps: int, final: float, step: int) -> float:
    return final + (lr - final) * (1 + math.cos(math.pi * min(step, steps) / steps)) / 2


def warm_up(lr: float | Schedule, steps: int) -> Schedule:
    """Raise the learning rate linearly in the first steps, then follow a schedule.

    ::

        lr'(step) = lr(step) * min(1, (step + 1) / steps)

    Parameters
    ----------
    lr : float or callable
        The learning rate, or the schedule, after that.
    steps : int
        The number of steps in which it is raised.

    Returns
    -------
    callable
        The learning rate as a function of the number of steps already done.

    Raises
    ------
    TypeError
        If ``steps`` is no integer, or what should be a number is none.
    ValueError
        If ``steps`` is below 1, or a number is negative.

    References
    ----------
    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017,
    arXiv:1706.02677.

    Examples
    --------
    >>> from tinygrad_edu import optim
    >>> schedule = optim.warm_up(1.0, steps=4)
    >>> [schedule(step) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    return partial(_warm_up, lr if callable(lr) else _rate(lr), at_least_one("steps", steps))


def _warm_up(lr: float | Schedule, steps: int, step: int) -> float:
    return (lr(step) if callable(lr) else lr) * min(1, (step + 1) / steps)


def _rate(lr: float) -> float:
    return at_least_zero("the learning rate", lr)
