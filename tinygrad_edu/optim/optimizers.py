"""The optimizers: what each remembers, its settings, and its rule."""

from __future__ import annotations

from typing import Any, ClassVar

from tinygrad_edu.optim.base import Checks, Decay, Optimizer, Parameters
from tinygrad_edu.optim.checks import at_least_zero, fraction, two_fractions, yes_or_no
from tinygrad_edu.optim.rules import adagrad, adam, adamw, rmsprop, sgd
from tinygrad_edu.optim.schedules import Schedule

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop"]


class SGD(Optimizer):
    """Stochastic gradient descent; the rule is `sgd`.

    Parameters
    ----------
    parameters : iterable of Tensor, or of mapping
        What to learn; or groups of it, with settings of their own (see `Optimizer`).
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

    slots: ClassVar[tuple[str, ...]] = ("velocity",)
    settings: ClassVar[Checks] = {"momentum": fraction, "nesterov": yes_or_no}

    momentum: float
    nesterov: bool

    def __init__(
        self,
        parameters: Parameters,
        lr: float | Schedule,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, momentum=momentum, nesterov=nesterov)
        for group in self.groups:
            options = {"momentum": momentum, "nesterov": nesterov} | group.options
            if options["nesterov"] and not options["momentum"]:
                raise ValueError("Nesterov's method needs a momentum above 0; got momentum=0")

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `sgd`."""
        return sgd(p, g, *state, **options)


class Adagrad(Optimizer):
    """Steps that get smaller where gradients have been large; the rule is `adagrad`.

    Parameters
    ----------
    parameters : iterable of Tensor, or of mapping
        What to learn; or groups of it, with settings of their own (see `Optimizer`).
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
    >>> optimizer = tg.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.9, -1.9])
    """

    slots: ClassVar[tuple[str, ...]] = ("total",)
    settings: ClassVar[Checks] = {"eps": at_least_zero}

    eps: float

    def __init__(
        self,
        parameters: Parameters,
        lr: float | Schedule = 0.01,
        *,
        eps: float = 1e-10,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, eps=eps)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `adagrad`."""
        return adagrad(p, g, *state, **options)


class RMSprop(Optimizer):
    """Steps divided by the running root mean square of the gradient; the rule is `rmsprop`.

    Parameters
    ----------
    parameters : iterable of Tensor, or of mapping
        What to learn; or groups of it, with settings of their own (see `Optimizer`).
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
    >>> optimizer = tg.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.9, -1.9])
    """

    slots: ClassVar[tuple[str, ...]] = ("square", "velocity")
    settings: ClassVar[Checks] = {"alpha": fraction, "eps": at_least_zero, "momentum": fraction}

    alpha: float
    eps: float
    momentum: float

    def __init__(
        self,
        parameters: Parameters,
        lr: float | Schedule = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, alpha=alpha, eps=eps, momentum=momentum)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `rmsprop`."""
        return rmsprop(p, g, *state, **options)


class Adam(Optimizer):
    """Running mean of the gradient, divided by its root mean square; the rule is `adam`.

    Parameters
    ----------
    parameters : iterable of Tensor, or of mapping
        What to learn; or groups of it, with settings of their own (see `Optimizer`).
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

    slots: ClassVar[tuple[str, ...]] = ("mean", "square")
    settings: ClassVar[Checks] = {"betas": two_fractions, "eps": at_least_zero}

    betas: tuple[float, float]
    eps: float

    def __init__(
        self,
        parameters: Parameters,
        lr: float | Schedule = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, betas=betas, eps=eps)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `adam`."""
        return adam(p, g, *state, t=self.steps, **options)


class AdamW(Adam):
    """Adam with decoupled weight decay; the rule is `adamw`.

    Parameters
    ----------
    parameters : iterable of Tensor, or of mapping
        What to learn; or groups of it, with settings of their own (see `Optimizer`).
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
        parameters: Parameters,
        lr: float | Schedule = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: Decay = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p: Any, g: Any, *state: Any, **options: Any) -> tuple[Any, ...]:
        """Call `adamw`."""
        return adamw(p, g, *state, t=self.steps, **options)
