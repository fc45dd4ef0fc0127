"""Optimizers: rules by which gradients change parameters.

A rule is a pure function of arrays: `sgd`, `adagrad`, `rmsprop`, `adam`, `adamw`. It takes the
values, their gradient and what it remembers of earlier steps, and returns the new values and what
to remember. An optimizer keeps both for a list of parameters; it lays the values of all small
parameters side by side in one array, so that the rule runs once for all of them:

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

A learning rate is a number, or a schedule: a function of the number of the step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.tensor import Tensor

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSProp",
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

Array: TypeAlias = NDArray[Any]
Schedule: TypeAlias = Callable[[int], float]
"""The learning rate as a function of the number of steps already done."""

Decay: TypeAlias = "float | Sequence[float]"
"""A weight decay, of all parameters or of each of them."""

# --------------------------------------------------------------------------------------
# The rules
# --------------------------------------------------------------------------------------


def sgd(
    p: Any,
    g: Any,
    velocity: Any,
    *,
    lr: Any,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: Any = None,
) -> tuple[Any, Any]:
    """Gradient descent, with momentum if it is not 0.

    ::

        g  = g + weight_decay * p
        v' = momentum * v + g
        p' = p - lr * v'                     (heavy ball)
        p' = p - lr * (g + momentum * v')    (Nesterov)

    Parameters
    ----------
    p, g, velocity : ndarray
        The values, their gradient, and the velocity; zeros before the first step.
    lr : float
        The learning rate.
    momentum : float, optional
        How much of the velocity is kept.
    nesterov : bool, optional
        Take the step that the velocity is about to take into account.
    weight_decay : float, ndarray or None, optional
        The factor of the L2 penalty ``weight_decay / 2 * sum(p**2)``.

    Returns
    -------
    p, velocity : ndarray
        New arrays.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964. Nesterov, "A
    method of solving a convex programming problem with convergence rate O(1/k^2)", 1983, in the
    form of Sutskever et al., "On the importance of initialization and momentum in deep learning",
    ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.optim import sgd
    >>> sgd(np.array([1.0]), np.array([2.0]), np.array([0.0]), lr=0.1, momentum=0.9)
    (array([0.8]), array([2.]))
    """
    if weight_decay is not None:
        g = g + weight_decay * p
    if momentum:
        velocity = momentum * velocity + g
        g = g + momentum * velocity if nesterov else velocity
    return p - lr * g, velocity


def adagrad(
    p: Any, g: Any, total: Any, *, lr: Any, eps: float = 1e-10, weight_decay: Any = None
) -> tuple[Any, Any]:
    """AdaGrad: steps that get smaller where gradients have been large.

    ::

        g  = g + weight_decay * p
        s' = s + g**2
        p' = p - lr * g / (sqrt(s') + eps)

    Parameters
    ----------
    p, g, total : ndarray
        The values, their gradient, and the sum s of squared gradients; zeros before the first step.
    lr : float
        The learning rate.
    eps : float, optional
        Keeps the quotient finite.
    weight_decay : float, ndarray or None, optional
        The factor of the L2 penalty ``weight_decay / 2 * sum(p**2)``.

    Returns
    -------
    p, total : ndarray
        New arrays.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.optim import adagrad
    >>> adagrad(np.array([1.0]), np.array([2.0]), np.array([0.0]), lr=0.1)
    (array([0.9]), array([4.]))
    """
    if weight_decay is not None:
        g = g + weight_decay * p
    total = total + g * g
    return p - lr * g / (np.sqrt(total) + eps), total


def rmsprop(
    p: Any,
    g: Any,
    square: Any,
    velocity: Any,
    *,
    lr: Any,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: Any = None,
) -> tuple[Any, Any, Any]:
    """RMSProp: steps divided by the running root mean square of the gradient.

    ::

        g  = g + weight_decay * p
        s' = alpha * s + (1 - alpha) * g**2
        v' = momentum * v + g / (sqrt(s') + eps)
        p' = p - lr * v'

    Parameters
    ----------
    p, g, square, velocity : ndarray
        The values, their gradient, the mean s of squared gradients and the velocity v; zeros
        before the first step.
    lr : float
        The learning rate.
    alpha : float, optional
        How much of the mean is kept.
    eps : float, optional
        Keeps the quotient finite.
    momentum : float, optional
        How much of the velocity is kept.
    weight_decay : float, ndarray or None, optional
        The factor of the L2 penalty ``weight_decay / 2 * sum(p**2)``.

    Returns
    -------
    p, square, velocity : ndarray
        New arrays.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.optim import rmsprop
    >>> p, square, _ = rmsprop(np.ones(1), np.full(1, 2.0), np.zeros(1), np.zeros(1), lr=0.1)
    >>> p.round(4), square.round(4)
    (array([0.]), array([0.04]))
    """
    if weight_decay is not None:
        g = g + weight_decay * p
    square = alpha * square + (1 - alpha) * (g * g)
    step = g / (np.sqrt(square) + eps)
    if momentum:
        step = velocity = momentum * velocity + step
    return p - lr * step, square, velocity


def adam(
    p: Any,
    g: Any,
    mean: Any,
    square: Any,
    *,
    lr: Any,
    t: Any,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Any = None,
) -> tuple[Any, Any, Any]:
    """Adam: running mean of the gradient, divided by its running root mean square.

    ::

        g  = g + weight_decay * p
        m' = beta1 * m + (1 - beta1) * g
        s' = beta2 * s + (1 - beta2) * g**2
        p' = p - lr * (m' / (1 - beta1**t)) / (sqrt(s' / (1 - beta2**t)) + eps)

    Parameters
    ----------
    p, g, mean, square : ndarray
        The values, their gradient, the means m and s; zeros before the first step.
    lr : float
        The learning rate.
    t : int
        The number of this step, from 1: it corrects the means for beginning at zero.
    betas : tuple of float, optional
        How much of the means is kept.
    eps : float, optional
        Keeps the quotient finite.
    weight_decay : float, ndarray or None, optional
        The factor of the L2 penalty ``weight_decay / 2 * sum(p**2)``; see `adamw`.

    Returns
    -------
    p, mean, square : ndarray
        New arrays.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.optim import adam
    >>> adam(np.ones(1), np.full(1, 2.0), np.zeros(1), np.zeros(1), lr=0.1, t=1)[0].round(4)
    array([0.9])
    """
    if weight_decay is not None:
        g = g + weight_decay * p
    beta1, beta2 = betas
    mean = beta1 * mean + (1 - beta1) * g
    square = beta2 * square + (1 - beta2) * (g * g)
    spread = np.sqrt(square) / (1 - beta2**t) ** 0.5 + eps
    return p - lr / (1 - beta1**t) * (mean / spread), mean, square


def adamw(
    p: Any,
    g: Any,
    mean: Any,
    square: Any,
    *,
    lr: Any,
    t: Any,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Any = None,
) -> tuple[Any, Any, Any]:
    """Adam with decoupled weight decay: it acts on the values, not through the means.

    ::

        p  = p - lr * weight_decay * p
        then as `adam` without weight decay

    Parameters
    ----------
    p, g, mean, square, lr, t, betas, eps
        As those of `adam`.
    weight_decay : float, ndarray or None, optional
        How much of the values is taken away, times the learning rate.

    Returns
    -------
    p, mean, square : ndarray
        New arrays.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.optim import adamw
    >>> p = adamw(np.ones(1), np.full(1, 2.0), np.zeros(1), np.zeros(1), lr=0.1, t=1,
    ...           weight_decay=0.5)[0]
    >>> p.round(4)
    array([0.85])
    """
    if weight_decay is not None:
        p = p - lr * weight_decay * p
    return adam(p, g, mean, square, lr=lr, t=t, betas=betas, eps=eps)


# --------------------------------------------------------------------------------------
# The optimizers
# --------------------------------------------------------------------------------------


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
        If a parameter is no Tensor.
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

    def __init__(
        self, parameters: Iterable[Tensor], lr: float | Schedule, weight_decay: Decay = 0.0
    ) -> None:
        self.parameters = list(parameters)
        _require_parameters(self.parameters)
        self.lr = lr
        self.steps = 0
        decays = _one_for_each(self.parameters, weight_decay)
        self._blocks = [
            _Block([self.parameters[i] for i in block], [decays[i] for i in block], self.slots)
            for block in _blocks(self.parameters)
        ]

    @abstractmethod
    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call the rule, with the options ``lr`` and ``weight_decay``."""

    @property
    def lr(self) -> float | Schedule:
        """The learning rate, or the schedule, as given; may be assigned."""
        return self._lr

    @lr.setter
    def lr(self, value: float | Schedule) -> None:
        self._lr = value if callable(value) else _at_least_zero("the learning rate", value)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, as a number."""
        if callable(self._lr):
            return _at_least_zero("the learning rate of the schedule", self._lr(self.steps))
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
        ValueError
            If a gradient has not the shape of its parameter.
        FloatingPointError
            If a gradient, or what a parameter would become, is not finite.
        """
        lr = self.learning_rate
        self.steps += 1  # the rules count from 1
        try:
            results = [block.propose(self.update, lr) for block in self._blocks]
            if not any(results):
                raise RuntimeError("no parameter has a gradient; call backward() on a loss first")
        except BaseException:
            self.steps -= 1
            raise
        for block, result in zip(self._blocks, results, strict=True):
            if result is not None:
                block.commit(result)

    def state_dict(self) -> dict[str, Array]:
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
        ValueError
            If entries are missing, unexpected or of another shape.
        """
        remembered = self._remembered()
        shapes = {"steps": ()} | {name: array.shape for name, array in remembered.items()}
        given = {name: np.shape(array) for name, array in state.items()}
        if given != shapes:
            wrong = [
                f"{name}: expected {shapes.get(name, 'no such entry')}, "
                f"got {given.get(name, 'none')}"
                for name in shapes | given
                if given.get(name) != shapes.get(name)
            ]
            raise ValueError(
                "\n  ".join([f"the state does not fit this {type(self).__name__}:", *wrong])
            )
        self.steps = int(np.asarray(state["steps"]))
        for name, array in remembered.items():
            array[...] = state[name]

    def _remembered(self) -> dict[str, Array]:
        """The slots of every parameter, as views into the blocks, by slot and number."""
        number = {p: i for i, p in enumerate(self.parameters)}
        return {
            f"{slot}.{number[p]}": view
            for k, slot in enumerate(self.slots)
            for block in self._blocks
            for p, view in zip(block.parameters, block.split(block.state[k]), strict=True)
        }


class SGD(Optimizer):
    """Stochastic gradient descent; the rule is `sgd`.

    Parameters
    ----------
    parameters : iterable of Tensor
        What to learn.
    lr : float or callable
        The learning rate; or a schedule, a function of the number of steps already done.
    momentum : float, optional
        How much of the velocity is kept from step to step.
    nesterov : bool, optional
        Nesterov's momentum instead of the heavy ball.
    weight_decay : float or sequence of float, optional
        The factor of the L2 penalty of all parameters, or one for each of them.

    Raises
    ------
    ValueError
        If a number is out of its range, or Nesterov is asked for without momentum.

    Notes
    -----
    The textbook's Nesterov momentum takes the gradient at a point ahead, ``p - lr * momentum * v``.
    In this form, which is PyTorch's, ``p`` itself stands for that point, so that ``backward()`` is
    called as always; the path of the points ahead is the same.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
    >>> for step in range(2):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w.data
    array([ 0.46, -0.92])
    """

    slots = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float | Schedule,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum = _fraction("the momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("Nesterov's method needs a momentum above 0; got momentum=0")

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `sgd`."""
        return sgd(p, g, *state, momentum=self.momentum, nesterov=self.nesterov, **options)


class AdaGrad(Optimizer):
    """Steps that get smaller where gradients have been large; the rule is `adagrad`.

    Parameters
    ----------
    parameters : iterable of Tensor
        What to learn.
    lr : float or callable, optional
        The learning rate; or a schedule, a function of the number of steps already done.
    eps : float, optional
        Keeps the quotient finite.
    weight_decay : float or sequence of float, optional
        The factor of the L2 penalty of all parameters, or one for each of them.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.optim.AdaGrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.9, -1.9])
    """

    slots = ("total",)

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float | Schedule = 0.01,
        *,
        eps: float = 1e-10,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.eps = _at_least_zero("eps", eps)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `adagrad`."""
        return adagrad(p, g, *state, eps=self.eps, **options)


class RMSProp(Optimizer):
    """Steps divided by the running root mean square of the gradient; the rule is `rmsprop`.

    Parameters
    ----------
    parameters : iterable of Tensor
        What to learn.
    lr : float or callable, optional
        The learning rate; or a schedule, a function of the number of steps already done.
    alpha : float, optional
        How much of the mean square is kept from step to step.
    eps : float, optional
        Keeps the quotient finite.
    momentum : float, optional
        How much of the velocity is kept from step to step.
    weight_decay : float or sequence of float, optional
        The factor of the L2 penalty of all parameters, or one for each of them.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.optim.RMSProp([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.9, -1.9])
    """

    slots = ("square", "velocity")

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float | Schedule = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.alpha = _fraction("alpha", alpha)
        self.eps = _at_least_zero("eps", eps)
        self.momentum = _fraction("the momentum", momentum)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `rmsprop`."""
        square, velocity = state
        options |= {"alpha": self.alpha, "eps": self.eps, "momentum": self.momentum}
        return rmsprop(p, g, square, velocity, **options)


class Adam(Optimizer):
    """Running mean of the gradient, divided by its root mean square; the rule is `adam`.

    Parameters
    ----------
    parameters : iterable of Tensor
        What to learn.
    lr : float or callable, optional
        The learning rate; or a schedule, a function of the number of steps already done.
    betas : tuple of float, optional
        How much of the mean, and of the mean square, is kept from step to step.
    eps : float, optional
        Keeps the quotient finite.
    weight_decay : float or sequence of float, optional
        The factor of the L2 penalty of all parameters, or one for each of them.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Steps are counted for all parameters together: one that is without a gradient at first has its
    means corrected as if it had been there from the beginning.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.9, -1.9])
    """

    slots = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float | Schedule = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.betas = _fraction("betas[0]", betas[0]), _fraction("betas[1]", betas[1])
        self.eps = _at_least_zero("eps", eps)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `adam`."""
        return adam(p, g, *state, t=self.steps, betas=self.betas, eps=self.eps, **options)


class AdamW(Adam):
    """Adam with decoupled weight decay; the rule is `adamw`.

    Parameters
    ----------
    parameters : iterable of Tensor
        What to learn.
    lr : float or callable, optional
        The learning rate; or a schedule, a function of the number of steps already done.
    betas : tuple of float, optional
        How much of the mean, and of the mean square, is kept from step to step.
    eps : float, optional
        Keeps the quotient finite.
    weight_decay : float or sequence of float, optional
        What part of the values is taken away at each step, times the learning rate.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.85, -1.8 ])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float | Schedule = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: Decay = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `adamw`."""
        return adamw(p, g, *state, t=self.steps, betas=self.betas, eps=self.eps, **options)


def _require_parameters(parameters: list[Tensor]) -> None:
    for p in parameters:
        if not isinstance(p, Tensor):
            raise TypeError(f"an optimizer takes Tensors; got {type(p).__name__}")
        if not (p.is_leaf and p.requires_grad):
            raise ValueError(
                "a parameter must be a leaf that requires a gradient, as made by "
                f"Tensor(data, requires_grad=True); got {p!r}"
            )
    if not parameters:
        raise ValueError("an optimizer needs at least one parameter; got none")
    if len(set(parameters)) < len(parameters):
        raise ValueError("each parameter must be given once; one of them came twice")


def _one_for_each(parameters: list[Tensor], decay: Decay) -> list[float]:
    decays = [decay] * len(parameters) if isinstance(decay, int | float) else [*decay]
    if len(decays) != len(parameters):
        raise ValueError(
            f"weight_decay must be a number, or one for each of the {len(parameters)} "
            f"parameters; got {len(decays)} of them"
        )
    return [_at_least_zero("the weight decay", d) for d in decays]


def _at_least_zero(what: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError(f"{what} must be finite and not negative; got {value}")
    return value


def _fraction(what: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{what} must lie in 0 to 1; got {value}")
    return value


# --------------------------------------------------------------------------------------
# Parameters side by side
# --------------------------------------------------------------------------------------

PACKED_SIZE = 4096  # of a larger parameter, a copy of the gradient costs more than it saves


def _blocks(parameters: list[Tensor]) -> list[list[int]]:
    """The numbers of the parameters of each block: small ones by dtype, a large one alone."""
    blocks: dict[Any, list[int]] = {}
    for i, p in enumerate(parameters):
        blocks.setdefault(p.dtype if p.size <= PACKED_SIZE else i, []).append(i)
    return [*blocks.values()]


class _Block:
    """Parameters whose values lie side by side in one array, so that a rule runs once for all."""

    def __init__(
        self, parameters: list[Tensor], decays: list[float], slots: tuple[str, ...]
    ) -> None:
        self.parameters = parameters
        self.sizes = [p.size for p in parameters]
        self.weight_decay = self._for_each_value(decays)
        self.values = np.zeros(sum(self.sizes), parameters[0].dtype)
        self.views = self.split(self.values)  # which the parameters become at the first step
        self.state = [np.zeros_like(self.values) for _ in slots]

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.views = self.split(self.values)  # those of a copied block are no views any more

    def _for_each_value(self, decays: list[float]) -> Any:
        """The weight decay, as one number if it is the same for all, or None if it is zero."""
        if len(set(decays)) == 1:
            return decays[0] or None
        return np.repeat(np.array(decays, self.parameters[0].dtype), self.sizes)

    def split(self, array: Array) -> list[Array]:
        """The part of every parameter, as a view in its shape."""
        parts = np.split(array, np.cumsum(self.sizes)[:-1])
        return [part.reshape(p.shape) for part, p in zip(parts, self.parameters, strict=True)]

    def propose(self, rule: Callable[..., tuple[Any, ...]], lr: float) -> list[Array] | None:
        """The values and the state after a step, changing nothing; None without a gradient."""
        gradients: list[Any] = []
        absent: list[int] = []
        moved = False
        for p, view in zip(self.parameters, self.views):  # noqa: B905 - this is the hot path
            if p.data is not view:  # at the first step, or it was given new data
                moved = True
            g = p.grad
            if g is None:
                absent.append(len(gradients))
                g = np.zeros_like(view)
            elif g.shape != view.shape:
                raise ValueError(
                    f"the gradient of {_name(p)} must have its shape {view.shape}; got {g.shape}"
                )
            gradients.append(g)
        if len(absent) == len(gradients):
            return None
        if moved:
            self.values = np.concatenate([p.data for p in self.parameters], axis=None)
            self.views = self.split(self.values)
        g = self._joined(gradients)
        result = [*rule(self.values, g, *self.state, lr=lr, weight_decay=self.weight_decay)]
        for i in absent:
            for new, old in zip(result, [self.values, *self.state], strict=True):
                self.split(new)[i][...] = self.split(old)[i]
        if not self._is_finite(result[0]):
            self._explain(result[0], gradients, lr)
        return result

    def _joined(self, gradients: list[Any]) -> Array:
        """The gradients side by side, as the values are."""
        if len(gradients) == 1:
            g = _array(gradients[0]).reshape(-1)
        else:
            g = _array(np.concatenate(gradients, axis=None))
        return g if g.dtype is self.values.dtype else g.astype(self.values.dtype)

    def _is_finite(self, values: Array) -> bool:
        # A product is the fastest way for small arrays; for large ones, BLAS would start threads.
        fast = values.size <= PACKED_SIZE and math.isfinite(np.vdot(values, values))
        return fast or bool(np.isfinite(values).all())

    def _explain(self, values: Array, gradients: list[Any], lr: float) -> None:
        """Raise, since the new values are not finite: say because of what."""
        for p, g in zip(self.parameters, map(_array, gradients), strict=True):
            if not np.isfinite(g).all():
                at = tuple(np.argwhere(~np.isfinite(g))[0].tolist())
                raise FloatingPointError(
                    f"the gradient of {_name(p)} is {g[at]} at {at}; no parameter was changed"
                )
        for p, new in zip(self.parameters, self.split(values), strict=True):
            if not np.isfinite(new).all():
                raise FloatingPointError(
                    f"the step would make {_name(p)} infinite or nan; no parameter was changed. "
                    f"Try a learning rate below {lr}"
                )

    def commit(self, result: list[Array]) -> None:
        """Take over what `propose` returned."""
        values, *self.state = result
        if len(self.parameters) == 1:  # no copy, which would cost something for a large array
            self.values, self.views = values, self.split(values)
        else:
            self.values[...] = values
        for p, view in zip(self.parameters, self.views):  # noqa: B905 - this is the hot path
            p.data = view  # and mark it as changed


def _name(p: Tensor) -> str:
    return f"{p.name or 'a parameter'} of shape {p.shape}"


# --------------------------------------------------------------------------------------
# Clipping
# --------------------------------------------------------------------------------------


def clip_by_norm(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Shrink all gradients by one factor, if their common norm is too large.

    ::

        norm = sqrt(sum of all g**2)
        g' = g * min(1, max_norm / norm)

    Parameters
    ----------
    parameters : iterable of Tensor
        Those without a gradient count for nothing.
    max_norm : float
        The largest norm that is left as it is.

    Returns
    -------
    float
        The norm before.

    Raises
    ------
    ValueError
        If max_norm is negative.
    FloatingPointError
        If a gradient is infinite or nan; all are as before.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML
    2013.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.optim.clip_by_norm([w], 1.0)
    10.0
    >>> w.grad
    array([0.6, 0.8])
    """
    _at_least_zero("max_norm", max_norm)
    learners = [p for p in parameters if p.grad is not None]
    gradients = [_array(p.grad) for p in learners]
    norm = math.hypot(*(float(np.linalg.norm(g)) for g in gradients))
    if not math.isfinite(norm):
        raise FloatingPointError(f"gradients of norm {norm} cannot be clipped")
    if norm > max_norm:
        for p, g in zip(learners, gradients, strict=True):
            p.grad = g * (max_norm / norm)
    return norm


def clip_by_value(parameters: Iterable[Tensor], limit: float) -> None:
    """Clip every entry of every gradient.

    ::

        g' = clip(g, -limit, limit)

    Parameters
    ----------
    parameters : iterable of Tensor
        Those without a gradient count for nothing.
    limit : float
        The largest magnitude that is left as it is.

    Raises
    ------
    ValueError
        If the limit is negative.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([3.0, 0.25], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.optim.clip_by_value([w], 1.0)
    >>> w.grad
    array([1. , 0.5])
    """
    _at_least_zero("the limit", limit)
    for p in parameters:
        if p.grad is not None:
            p.grad = np.clip(_array(p.grad), -limit, limit)


def _array(g: Any) -> Array:
    return g.data if isinstance(g, Tensor) else g


# --------------------------------------------------------------------------------------
# Schedules
# --------------------------------------------------------------------------------------


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
    ValueError
        If ``every`` is below 1.

    Examples
    --------
    >>> from tinygrad_edu import optim
    >>> schedule = optim.step_decay(1.0, every=2, factor=0.5)
    >>> [schedule(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return partial(_step_decay, lr, _count("every", every), factor)


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

    Examples
    --------
    >>> from tinygrad_edu import optim
    >>> schedule = optim.exponential_decay(1.0, factor=0.5)
    >>> [schedule(step) for step in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """
    return partial(_exponential_decay, lr, factor)


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
    ValueError
        If ``steps`` is below 1.

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
    return partial(_cosine_decay, lr, _count("steps", steps), final)


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
    ValueError
        If ``steps`` is below 1.

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
    return partial(_warm_up, lr, _count("steps", steps))


def _warm_up(lr: float | Schedule, steps: int, step: int) -> float:
    return (lr(step) if callable(lr) else lr) * min(1, (step + 1) / steps)


def _count(what: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{what} must be at least 1; got {value}")
    return value
