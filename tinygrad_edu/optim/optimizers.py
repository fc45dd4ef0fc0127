"""The optimizers: what each remembers, its settings, and the call of its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from tinygrad_edu.optim.base import Decay, Optimizer
from tinygrad_edu.optim.checks import at_least_zero, fraction
from tinygrad_edu.optim.rules import adagrad, adam, adamw, rmsprop, sgd
from tinygrad_edu.optim.schedules import Schedule
from tinygrad_edu.tensor import Tensor

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "RMSProp"]


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

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

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
        self.momentum: float = fraction("the momentum", momentum)
        self.nesterov: bool = nesterov
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

    slots: ClassVar[tuple[str, ...]] = ("total",)

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float | Schedule = 0.01,
        *,
        eps: float = 1e-10,
        weight_decay: Decay = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.eps: float = at_least_zero("eps", eps)

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

    slots: ClassVar[tuple[str, ...]] = ("square", "velocity")

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
        self.alpha: float = fraction("alpha", alpha)
        self.eps: float = at_least_zero("eps", eps)
        self.momentum: float = fraction("the momentum", momentum)

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

    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

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
        if np.shape(betas) != (2,):
            raise ValueError(f"betas must be two numbers; got {betas!r}")
        # At 1 nothing new would be learned, and the correction of the means divide by 0.
        beta1, beta2 = (
            fraction(f"betas[{i}]", beta, below_one=True) for i, beta in enumerate(betas)
        )
        self.betas: tuple[float, float] = (beta1, beta2)
        self.eps: float = at_least_zero("eps", eps)

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
