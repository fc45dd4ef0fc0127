"""Elementary functions of every element: roots, exponentials, logarithms, angles, rounding.

They differ only in a formula, so they are a table: NumPy's function, its derivative in terms of
x and y, and an example ``x -> y, dy/dx``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, Unary, as_array, elementwise, implements, values

__all__ = [
    "abs",
    "absolute",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "ceil",
    "conjugate",
    "cos",
    "cosh",
    "deg2rad",
    "degrees",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "fix",
    "floor",
    "hypot",
    "imag",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "nan_to_num",
    "power",
    "rad2deg",
    "radians",
    "real",
    "real_if_close",
    "reciprocal",
    "rint",
    "round",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "trunc",
]

# roots and powers
sqrt: Unary = elementwise(np.sqrt, "0.5 / y", "4.0 -> 2.0, 0.25", "At 0 the slope is infinite.")
cbrt: Unary = elementwise(np.cbrt, "1 / (3 * y**2)", "8.0 -> 2.0, 0.0833", "At 0 it is infinite.")
square: Unary = elementwise(np.square, "2 * x", "3.0 -> 9.0, 6.0")
reciprocal: Unary = elementwise(np.reciprocal, "-(y**2)", "2.0 -> 0.5, -0.25")

# exponentials and logarithms
exp: Unary = elementwise(np.exp, "y", "0.5 -> 1.6487, 1.6487")
exp2: Unary = elementwise(np.exp2, "y * log(2)", "3.0 -> 8.0, 5.5452")
expm1: Unary = elementwise(np.expm1, "exp(x)", "0.5 -> 0.6487, 1.6487")
log: Unary = elementwise(np.log, "1 / x", "2.0 -> 0.6931, 0.5")
log2: Unary = elementwise(np.log2, "1 / (x * log(2))", "8.0 -> 3.0, 0.1803")
log10: Unary = elementwise(np.log10, "1 / (x * log(10))", "100.0 -> 2.0, 0.0043")
log1p: Unary = elementwise(np.log1p, "1 / (1 + x)", "1.0 -> 0.6931, 0.5")

# angles
sin: Unary = elementwise(np.sin, "cos(x)", "0.5 -> 0.4794, 0.8776")
cos: Unary = elementwise(np.cos, "-sin(x)", "0.5 -> 0.8776, -0.4794")
tan: Unary = elementwise(np.tan, "1 + y**2", "0.5 -> 0.5463, 1.2984")
arcsin: Unary = elementwise(np.arcsin, "1 / sqrt((1 - x) * (1 + x))", "0.5 -> 0.5236, 1.1547")
arccos: Unary = elementwise(np.arccos, "-1 / sqrt((1 - x) * (1 + x))", "0.5 -> 1.0472, -1.1547")
arctan: Unary = elementwise(np.arctan, "1 / (1 + x**2)", "0.5 -> 0.4636, 0.8")
deg2rad: Unary = elementwise(np.deg2rad, "pi / 180", "180.0 -> 3.1416, 0.0175")
rad2deg: Unary = elementwise(np.rad2deg, "180 / pi", "1.0 -> 57.2958, 57.2958")
radians: Unary = elementwise(np.radians, "pi / 180", "180.0 -> 3.1416, 0.0175")
degrees: Unary = elementwise(np.degrees, "180 / pi", "1.0 -> 57.2958, 57.2958")

# hyperbolic functions; tanh is an activation
sinh: Unary = elementwise(np.sinh, "cosh(x)", "0.5 -> 0.5211, 1.1276")
cosh: Unary = elementwise(np.cosh, "sinh(x)", "0.5 -> 1.1276, 0.5211")
arcsinh: Unary = elementwise(np.arcsinh, "1 / sqrt(1 + x**2)", "0.5 -> 0.4812, 0.8944")
arccosh: Unary = elementwise(np.arccosh, "1 / sqrt((x - 1) * (x + 1))", "2.0 -> 1.317, 0.5774")
arctanh: Unary = elementwise(np.arctanh, "1 / ((1 - x) * (1 + x))", "0.5 -> 0.5493, 1.3333")

# magnitude, sign and rounding: what is flat almost everywhere has the derivative zero
absolute: Unary = elementwise(np.absolute, "sign(x)", "-3.0 -> 3.0, -1.0", "At 0 it is 0.")
abs: Unary = absolute
fabs: Unary = elementwise(np.fabs, "sign(x)", "-3.0 -> 3.0, -1.0", "At 0 it is 0.")
sign: Unary = elementwise(np.sign, "0.0", "-3.0 -> -1.0, 0.0")
floor: Unary = elementwise(np.floor, "0.0", "2.5 -> 2.0, 0.0")
ceil: Unary = elementwise(np.ceil, "0.0", "2.5 -> 3.0, 0.0")
trunc: Unary = elementwise(np.trunc, "0.0", "2.5 -> 2.0, 0.0")
rint: Unary = elementwise(np.rint, "0.0", "2.5 -> 2.0, 0.0")
fix: Unary = elementwise(np.fix, "0.0", "-2.5 -> -2.0, 0.0")

# of complex numbers: programs that are written for both kinds take them of real ones
conjugate: Unary = elementwise(np.conjugate, "1.0", "2.0 -> 2.0, 1.0", "Of real numbers: the same.")


@implements(np.round, np.around)
@differentiable
def round(x: Operand, decimals: int = 0) -> Any:
    """Elements rounded to so many decimals, halves to the even one, as `numpy.round`.

    ::

        y = round(x, decimals)
        dy/dx = 0.0

    Parameters as `numpy.round`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([0.125, 2.5], requires_grad=True)
    >>> y = tg.round(x, 2)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([0.12, 2.5 ]), array([0., 0.]))
    """
    return np.round(x, decimals), lambda g: g * 0.0


@implements(np.real)
@differentiable
def real(x: Operand) -> Any:
    """Real parts of numbers, as `numpy.real`: of real numbers, all of them.

    ::

        y = real(x)
        dy/dx = 1.0

    Parameters as `numpy.real`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.real(x).sum().backward()
    >>> x.grad
    array([1., 1.])
    """
    return np.real(as_array(x)), lambda g: g


@implements(np.imag)
@differentiable
def imag(x: Operand) -> Any:
    """Imaginary parts of numbers, as `numpy.imag`: of real numbers, 0.

    ::

        y = imag(x)
        dy/dx = 0.0

    Parameters as `numpy.imag`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.imag(tg.Tensor([1.0, 2.0])).data
    array([0., 0.])
    """
    return np.imag(as_array(x)), lambda g: g * 0.0


@implements(np.real_if_close)
@differentiable
def real_if_close(x: Operand, tol: float = 100) -> Any:
    """Numbers as real ones if their imaginary parts are small, as `numpy.real_if_close`.

    ::

        y = real_if_close(x, tol)
        dy/dx = 1.0

    Of real numbers: the same.

    Parameters as `numpy.real_if_close`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.real_if_close(x).sum().backward()
    >>> x.grad
    array([1., 1.])
    """
    return np.real_if_close(x, tol), lambda g: g


@implements(np.angle)
@differentiable
def angle(x: Operand, deg: bool = False) -> Any:
    """Angle of numbers in the complex plane, as `numpy.angle`.

    ::

        y = angle(x, deg)
        dy/dx = 0.0

    Of real numbers: 0, or pi where they are negative.

    Parameters as `numpy.angle`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-2.0, 2.0], requires_grad=True)
    >>> y = tg.angle(x, deg=True)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([180.,   0.]), array([0., 0.]))
    """
    return np.angle(x, deg), lambda g: g * 0.0


@implements(np.nan_to_num)
@differentiable
def nan_to_num(x: Operand, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Elements with numbers in the place of nan and of infinities, as `numpy.nan_to_num`.

    ::

        y = nan_to_num(x)
        dL/dx = where(isfinite(x), g, 0)

    Parameters as `numpy.nan_to_num`, but the numbers must not require a gradient.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, float("nan"), float("inf")], requires_grad=True)
    >>> y = tg.nan_to_num(x, posinf=9.0)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 0., 9.]), array([1., 0., 0.]))
    """
    y = np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
    return y, lambda g: np.where(np.isfinite(x), g, 0)


@implements(np.sinc)
@differentiable
def sinc(x: Operand) -> Any:
    """Cardinal sine, sin(pi x) / (pi x), and 1 at 0, as `numpy.sinc`.

    ::

        y = sinc(x)
        dy/dx = (cos(pi * x) - y) / x

    At 0 the slope is 0, and near 0 it comes from its power series, since the difference loses all
    of its digits there.

    Parameters as `numpy.sinc`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([0.5, 1.0], requires_grad=True)
    >>> y = tg.sinc(x)
    >>> y.sum().backward()
    >>> y.data.round(4), x.grad.round(4)
    (array([0.6366, 0.    ]), array([-1.2732, -1.    ]))
    """
    x = as_array(x)
    y, near = np.sinc(x), np.abs(values(x)) < 0.1

    def slope() -> Any:
        u = np.square(np.pi * x)
        series = 0.0
        for k in reversed(range(6)):
            series = 2 * (k + 1) / math.factorial(2 * k + 3) - u * series
        far = np.where(near, 1, x)
        return np.where(near, -(np.pi**2) * x * series, (np.cos(np.pi * far) - y) / far)

    return y, lambda g: g * slope()


@implements(np.logaddexp)
@differentiable
def logaddexp(a: Operand, b: Operand) -> Any:
    """Logarithm of the sum of two exponentials, without overflow, as `numpy.logaddexp`.

    ::

        y = log(exp(a) + exp(b))
        dy/da = exp(a - y)
        dy/db = exp(b - y)

    Parameters as `numpy.logaddexp`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor(1000.0, requires_grad=True)
    >>> y = tg.logaddexp(a, 1000.0)
    >>> y.backward()
    >>> y.data.round(4).item(), a.grad.round(4).item()
    (1000.6931, 0.5)
    """
    y = np.logaddexp(a, b)
    return y, lambda g: g * np.exp(a - y), lambda g: g * np.exp(b - y)


@implements(np.logaddexp2)
@differentiable
def logaddexp2(a: Operand, b: Operand) -> Any:
    """Logarithm to base 2 of the sum of two powers of 2, as `numpy.logaddexp2`.

    ::

        y = log2(exp2(a) + exp2(b))
        dy/da = exp2(a - y)
        dy/db = exp2(b - y)

    Parameters as `numpy.logaddexp2`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor(2000.0, requires_grad=True)
    >>> y = tg.logaddexp2(a, 2000.0)
    >>> y.backward()
    >>> y.item(), a.grad.item()
    (2001.0, 0.5)
    """
    y = np.logaddexp2(a, b)
    return y, lambda g: g * np.exp2(a - y), lambda g: g * np.exp2(b - y)


@implements(np.hypot)
@differentiable
def hypot(a: Operand, b: Operand) -> Any:
    """Hypotenuse of a right triangle, as `numpy.hypot`.

    ::

        y = sqrt(a**2 + b**2)
        dy/da = a / y
        dy/db = b / y

    At a = b = 0 both are taken to be 0, the subgradient of least norm.

    Parameters as `numpy.hypot`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor(3.0, requires_grad=True)
    >>> y = tg.hypot(a, 4.0)
    >>> y.backward()
    >>> y.item(), a.grad.round(4).item()
    (5.0, 0.6)
    """
    y = np.hypot(a, b)
    unit = np.where(y == 0, 1, y)  # 0 / 1 is the 0 that 0 / 0 should be
    return y, lambda g: g * (a / unit), lambda g: g * (b / unit)


@implements(np.arctan2)
@differentiable
def arctan2(a: Operand, b: Operand) -> Any:
    """Angle of the point (b, a), in radians from -pi to pi, as `numpy.arctan2`.

    ::

        y = arctan2(a, b)
        dy/da = b / (a**2 + b**2)
        dy/db = -a / (a**2 + b**2)

    At the origin the angle is undefined, and so are both derivatives: nan.

    Parameters as `numpy.arctan2`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor(1.0, requires_grad=True)
    >>> y = tg.arctan2(a, 1.0)
    >>> y.backward()
    >>> y.data.round(4).item(), a.grad.item()
    (0.7854, 0.5)
    """
    y = np.arctan2(a, b)
    squared = np.square(a) + np.square(b)
    return y, lambda g: g * (b / squared), lambda g: g * (np.negative(a) / squared)


@implements(np.power)
@differentiable
def power(a: Operand, b: Operand) -> Any:
    """Power of a base to an exponent, ``a ** b``, as `numpy.power`.

    ::

        y = a**b
        dy/da = b * a**(b - 1)
        dy/db = y * log(a)

    A power of 0 is constant, so dy/da is 0 for b = 0, at a = 0 too. A base of 0 stays 0, so dy/db
    is 0 there. The exponent of a negative base has no real derivative: nan, where it is asked for.

    Parameters as `numpy.power`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([-2.0, 0.0, 3.0], requires_grad=True)
    >>> (x**3).sum().backward()
    >>> x.grad
    array([12.,  0., 27.])
    """
    y = np.power(a, b)
    return (
        y,
        lambda g: g * (b * np.power(a, _one_less(b))),
        lambda g: g * (y * np.log(np.where(np.equal(a, 0), 1, a))),
    )


def _one_less(b: Any) -> Any:
    """The exponent b - 1, or any positive one for b = 0, where 0 * a**(-1) must be 0 at a = 0."""
    if isinstance(b, int | float):  # stays a Python number, which leaves float32 alone
        return b - 1 if b else 1
    return np.where(np.equal(b, 0), 1, np.subtract(b, 1))
