"""The rules of the optimizers: pure functions of arrays, which run on Tensors, too."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["adagrad", "adam", "adamw", "rmsprop", "sgd"]


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
    return p + -lr * g, velocity  # NumPy forms a sum in the memory of the product


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
