"""Initializers: functions that draw the first values of a weight.

An initializer is a function of a shape and a source of randomness. `Linear` and `MLP` take one by
its name, or as a function; options are bound with `functools.partial`:

>>> from functools import partial
>>> from tinygrad_edu import nn
>>> layer = nn.Linear(2, 3, init=partial(nn.init.he_normal, fan="out"), rng=0)

The same seed draws the same numbers, bit for bit; a layer draws its weights first, then its bias.
``np.random.seed`` has no influence: without ``rng``, a generator is a new one each time, unless
`manual_seed` was called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.nn.names import by_name
from tinygrad_edu.randomness import Rng, as_rng, manual_seed

__all__ = [
    "INITIALIZERS",
    "Fan",
    "Initializer",
    "Rng",
    "as_rng",
    "constant",
    "find",
    "he_normal",
    "he_uniform",
    "manual_seed",
    "normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Shape: TypeAlias = tuple[int, ...]
Fan: TypeAlias = Literal["in", "out", "avg"]

Initializer: TypeAlias = Callable[[Shape, Any], NDArray[Any]]


def zeros(shape: Shape, rng: Rng = None) -> NDArray[Any]:  # noqa: ARG001 - as every initializer
    """Zeros: for biases. Weights of zeros never learn to differ from each other.

    Parameters
    ----------
    shape : tuple of int
        What to fill.
    rng : Generator, RandomState, int or None, optional
        Not used.

    Returns
    -------
    ndarray
        Float64.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> init.zeros((2,))
    array([0., 0.])
    """
    return np.zeros(shape)


def constant(shape: Shape, rng: Rng = None, value: float = 1.0) -> NDArray[Any]:  # noqa: ARG001
    """Fill with one number.

    Parameters
    ----------
    shape : tuple of int
        What to fill.
    rng : Generator, RandomState, int or None, optional
        Not used.
    value : float, optional
        The number.

    Returns
    -------
    ndarray
        Float64.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> init.constant((2,), value=0.1)
    array([0.1, 0.1])
    """
    return np.full(shape, value, dtype=float)


def normal(shape: Shape, rng: Rng = None, mean: float = 0.0, std: float = 1.0) -> NDArray[Any]:
    """Draw from a normal distribution.

    ::

        W = mean + std * z,  z ~ N(0, 1)

    Parameters
    ----------
    shape : tuple of int
        What to fill.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    mean, std : float, optional
        Of the distribution.

    Returns
    -------
    ndarray
        Float64.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> init.normal((3,), rng=0, std=0.1).round(4)
    array([ 0.0126, -0.0132,  0.064 ])
    """
    return mean + std * as_rng(rng).standard_normal(shape)


def uniform(shape: Shape, rng: Rng = None, low: float = -1.0, high: float = 1.0) -> NDArray[Any]:
    """Draw from a uniform distribution.

    ::

        W ~ U(low, high)

    Parameters
    ----------
    shape : tuple of int
        What to fill.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    low, high : float, optional
        The ends of the interval.

    Returns
    -------
    ndarray
        Float64.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> init.uniform((3,), rng=0).round(4)
    array([ 0.2739, -0.4604, -0.9181])
    """
    return as_rng(rng).uniform(low, high, shape)


def xavier_normal(
    shape: Shape, rng: Rng = None, gain: float = 1.0, fan: Fan = "avg"
) -> NDArray[Any]:
    """Draw normal weights that keep the variance of signals through linear or tanh layers.

    ::

        W = z * gain * sqrt(1 / fan),  z ~ N(0, 1)

    where ``fan`` is the number of inputs, of outputs, or the mean of both: with "in" the values
    keep their variance on the way forward, with "out" the gradients on the way back; the paper
    proposes the compromise.

    Parameters
    ----------
    shape : tuple of int
        ``(inputs, outputs)``; or ``(outputs, inputs, *window)``, of which each element of the
        window counts as an input and as an output.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    gain : float, optional
        A factor for all weights.
    fan : {"avg", "in", "out"}, optional
        What to divide the variance by.

    Returns
    -------
    ndarray
        Float64.

    Raises
    ------
    ValueError
        If the shape has less than two axes, or fan is unknown.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> float(init.xavier_normal((300, 100), rng=0).std().round(2))  # sqrt(1 / 200) = 0.07
    0.07
    """
    return as_rng(rng).standard_normal(shape) * _std(1, shape, gain, fan)


def xavier_uniform(
    shape: Shape, rng: Rng = None, gain: float = 1.0, fan: Fan = "avg"
) -> NDArray[Any]:
    """Draw uniform weights of the variance of `xavier_normal`.

    ::

        W ~ U(-a, a),  a = gain * sqrt(3 / fan)

    With ``fan="avg"`` this is the paper's ``sqrt(6 / (inputs + outputs))``.

    Parameters
    ----------
    shape : tuple of int
        ``(inputs, outputs)``; or ``(outputs, inputs, *window)``, of which each element of the
        window counts as an input and as an output.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    gain : float, optional
        A factor for all weights.
    fan : {"avg", "in", "out"}, optional
        What to divide the variance by.

    Returns
    -------
    ndarray
        Float64.

    Raises
    ------
    ValueError
        If the shape has less than two axes, or fan is unknown.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> float(abs(init.xavier_uniform((300, 100), rng=0)).max().round(3))  # sqrt(6 / 400) = 0.122
    0.122
    """
    a = _std(3, shape, gain, fan)
    return as_rng(rng).uniform(-a, a, shape)


def he_normal(shape: Shape, rng: Rng = None, gain: float = 1.0, fan: Fan = "in") -> NDArray[Any]:
    """Draw normal weights that keep the variance of signals through ReLU layers.

    ::

        W = z * gain * sqrt(2 / fan),  z ~ N(0, 1)

    The 2 makes up for the half of the values that ReLU sets to 0.

    Parameters
    ----------
    shape : tuple of int
        ``(inputs, outputs)``; or ``(outputs, inputs, *window)``, of which each element of the
        window counts as an input and as an output.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    gain : float, optional
        A factor for all weights, beside the sqrt(2).
    fan : {"in", "out", "avg"}, optional
        What to divide the variance by: the number of inputs, of outputs, or their mean.

    Returns
    -------
    ndarray
        Float64.

    Raises
    ------
    ValueError
        If the shape has less than two axes, or fan is unknown.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers: surpassing human-level performance on
    ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> float(init.he_normal((300, 100), rng=0).std().round(2))  # sqrt(2 / 300) = 0.08
    0.08
    """
    return as_rng(rng).standard_normal(shape) * _std(2, shape, gain, fan)


def he_uniform(shape: Shape, rng: Rng = None, gain: float = 1.0, fan: Fan = "in") -> NDArray[Any]:
    """Draw uniform weights of the variance of `he_normal`.

    ::

        W ~ U(-a, a),  a = gain * sqrt(6 / fan)

    Parameters
    ----------
    shape : tuple of int
        ``(inputs, outputs)``; or ``(outputs, inputs, *window)``, of which each element of the
        window counts as an input and as an output.
    rng : Generator, RandomState, int or None, optional
        The source of randomness.
    gain : float, optional
        A factor for all weights.
    fan : {"in", "out", "avg"}, optional
        What to divide the variance by: the number of inputs, of outputs, or their mean.

    Returns
    -------
    ndarray
        Float64.

    Raises
    ------
    ValueError
        If the shape has less than two axes, or fan is unknown.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers: surpassing human-level performance on
    ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> float(abs(init.he_uniform((300, 100), rng=0)).max().round(3))  # sqrt(6 / 300) = 0.141
    0.141
    """
    a = _std(6, shape, gain, fan)
    return as_rng(rng).uniform(-a, a, shape)


def _std(scale: float, shape: Shape, gain: float, fan: Fan) -> float:
    if len(shape) < 2 or 0 in shape:
        raise ValueError(
            "a fan needs a weight of shape (inputs, outputs), or (outputs, inputs, *window) for "
            f"convolutions; got shape {shape}"
        )
    window = math.prod(shape[2:])
    inputs, outputs = shape if len(shape) == 2 else (shape[1] * window, shape[0] * window)
    fans = {"in": inputs, "out": outputs, "avg": (inputs + outputs) / 2}
    if fan not in fans:
        raise ValueError(f"fan must be one of {', '.join(fans)}; got {fan!r}")
    return gain * math.sqrt(scale / fans[fan])


INITIALIZERS: dict[str, Initializer] = {
    f.__name__: f
    for f in (
        zeros,
        constant,
        normal,
        uniform,
        xavier_normal,
        xavier_uniform,
        he_normal,
        he_uniform,
    )
}
"""The initializers by name."""


def find(init: str | Initializer) -> Initializer:
    """Return an initializer by its name; a function stays itself.

    Parameters
    ----------
    init : str or callable
        A name in `INITIALIZERS`, or a function of a shape and a source of randomness.

    Returns
    -------
    callable
        The initializer.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> from tinygrad_edu.nn import init
    >>> init.find("he_normal").__name__
    'he_normal'
    """
    return by_name("initializer", init, INITIALIZERS)
