"""Optimizers: rules by which gradients change parameters.

A rule is a pure function of arrays: `sgd`, `adagrad`, `rmsprop`, `adam`, `adamw`. It takes the
values, their gradient and what it remembers of earlier steps, and returns the new values and what
to remember. An optimizer applies a rule to a list of parameters. It keeps what is to be remembered,
and writes the new values into the arrays of the parameters:

>>> import tinygrad_edu as tg
>>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
>>> optimizer = tg.optim.SGD([w], lr=0.1)
>>> for step in range(3):
...     loss = (w * w).sum()
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
>>> w.data
array([0.512, 1.024])

A learning rate is a number, or a schedule: a function of the number of steps already done.
"""

from typing import TYPE_CHECKING, Any

from tinygrad_edu.migrants import answer
from tinygrad_edu.optim.base import Optimizer
from tinygrad_edu.optim.clipping import clip_by_norm, clip_by_value
from tinygrad_edu.optim.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from tinygrad_edu.optim.packing import Group
from tinygrad_edu.optim.rules import adagrad, adam, adamw, rmsprop, sgd
from tinygrad_edu.optim.schedules import (
    Schedule,
    cosine_decay,
    exponential_decay,
    step_decay,
    warm_up,
)

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Group",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_norm",
    "clip_by_value",
    "cosine_decay",
    "exponential_decay",
    "rmsprop",
    "sgd",
    "step_decay",
    "warm_up",
]

if not TYPE_CHECKING:  # for whom this would have every name

    def __getattr__(name: str) -> Any:
        answer(__name__, name)
