"""Functions given on a grid: the grid, slopes, integrals, values in between, and convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, implements, values
from tinygrad_edu.ops.joining import concatenate
from tinygrad_edu.ops.reduction import diff, sum
from tinygrad_edu.ops.selection import clip, where
from tinygrad_edu.ops.shape import astype, broadcast_to, moveaxis, ravel, reshape

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "convolve",
    "correlate",
    "ediff1d",
    "gradient",
    "interp",
    "linspace",
    "meshgrid",
    "trapezoid",
]


@implements(np.linspace)
@differentiable
def linspace(
    start: Operand, stop: Operand, num: int = 50, endpoint: bool = True, axis: int = 0
) -> Any:
    """Numbers at equal distances between two ends, as `numpy.linspace`.

    ::

        y = start + t * (stop - start), with t = linspace(0, 1, num)
        dL/dstart = sum((1 - t) * g)
        dL/dstop = sum(t * g)

    Parameters as `numpy.linspace`, without ``retstep``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> stop = tg.Tensor(4.0, requires_grad=True)
    >>> y = tg.linspace(0.0, stop, 5)
    >>> y.sum().backward()
    >>> y.data, stop.grad
    (array([0., 1., 2., 3., 4.]), array(2.5))
    """
    t = np.linspace(0, 1, num, endpoint)
    return (
        np.linspace(start, stop, num, endpoint, axis=axis),
        lambda g: np.tensordot(1 - t, np.moveaxis(g, axis, 0), 1),
        lambda g: np.tensordot(t, np.moveaxis(g, axis, 0), 1),
    )


@implements(np.meshgrid)
def meshgrid(
    *arrays: Operand, sparse: bool = False, indexing: Literal["xy", "ij"] = "xy"
) -> tuple[Tensor, ...]:
    """Coordinates of all points of a grid, from those along its axes, as `numpy.meshgrid`.

    ::

        y1[i, j], y2[i, j] = x1[j], x2[i]
        dL/dx1 = sum(g) over the axes along which x1 was repeated

    With ``indexing="ij"`` it is ``x1[i], x2[j]``.

    Parameters as `numpy.meshgrid`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> X, Y = tg.meshgrid(x, [10.0, 20.0])
    >>> (X * Y).sum().backward()
    >>> X.data, x.grad
    (array([[1., 2., 3.],
           [1., 2., 3.]]), array([30., 30., 30.]))
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"the indexing of a grid is 'xy' or 'ij'; got {indexing!r}")
    xs = [as_array(x) for x in arrays]
    along = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        along[:2] = 1, 0
    laid = tuple(
        reshape(x, [x.size if i == axis else 1 for i in range(len(xs))])
        for x, axis in zip(xs, along, strict=True)
    )
    if sparse:
        return laid
    shape = np.broadcast_shapes(*(x.shape for x in laid))
    return tuple(broadcast_to(x, shape) for x in laid)


@implements(np.gradient)
def gradient(f: Operand, *varargs: Operand, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes of a function given on a grid, as `numpy.gradient`.

    ::

        y[i] = (f[i + 1] - f[i - 1]) / (2 * h)
        dL/df[i] = (g[i - 1] - g[i + 1]) / (2 * h)

    At both ends the slope is that of the line through two points, or of the parabola through three
    (``edge_order=2``); where the distances h differ, it is that of the parabola everywhere. The
    distances and coordinates in ``varargs`` may require gradients, too.

    Parameters as `numpy.gradient`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> f = tg.Tensor([0.0, 1.0, 4.0, 9.0], requires_grad=True)
    >>> y = tg.gradient(f)
    >>> y.sum().backward()
    >>> y.data, f.grad
    (array([1., 2., 4., 5.]), array([-1.5,  0.5, -0.5,  1.5]))
    """
    f = as_array(f)
    if f.dtype.kind != "f":
        f = astype(f, float)
    axes = normalize_axis_tuple(range(f.ndim) if axis is None else axis, f.ndim)
    distances = varargs if len(varargs) == len(axes) else (varargs or (1.0,)) * len(axes)
    if len(distances) != len(axes) or (len(varargs) < len(axes) and np.ndim(distances[0])):
        raise TypeError(
            f"gradient takes one distance, or one for each of the {len(axes)} axes; "
            f"got {len(varargs)}"
        )
    slopes = tuple(_slopes(f, *of, edge_order) for of in zip(axes, distances, strict=True))
    return slopes if len(slopes) != 1 else slopes[0]


def _slopes(f: Any, axis: int, h: Any, edge_order: int) -> Tensor:
    """The slopes along an axis, for a distance h or for coordinates."""
    f, h = moveaxis(f, axis, -1), astype(h, f.dtype)
    n = f.shape[-1]
    if edge_order not in (1, 2) or n <= edge_order:
        raise ValueError(
            f"gradient with edge_order={edge_order}, which is 1 or 2, takes more points than that "
            f"on every axis; got {n}"
        )
    if h.ndim == 0:
        nearer = np.full(n - 2, 0.5, f.dtype)
    elif h.shape == (n,):
        h = diff(h)
        nearer = h[:-1] / (h[:-1] + h[1:])
    else:
        raise ValueError(f"coordinates for {n} points are {n}; got an array of shape {h.shape}")
    line = diff(f) / h  # the slopes between the points
    bend = line[..., 1:] - line[..., :-1]
    inside, first, last = line[..., :-1] + bend * nearer, line[..., :1], line[..., -1:]
    if edge_order == 2:
        first = first - bend[..., :1] * nearer[:1]
        last = last + bend[..., -1:] * (1 - nearer[-1:])
    return moveaxis(concatenate([first, inside, last], axis=-1), -1, axis)


@implements(np.ediff1d)
def ediff1d(x: Operand, to_end: Operand = None, to_begin: Operand = None) -> Tensor:
    """Differences of neighbors in a row, perhaps with more at its ends, as `numpy.ediff1d`.

    ::

        y = concatenate([to_begin, diff(ravel(x)), to_end])
        dL/dx[i] = g[i - 1] - g[i], of those g that are not for the ends

    Parameters as `numpy.ediff1d`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 4.0, 9.0], requires_grad=True)
    >>> y = tg.ediff1d(x, to_end=0.0)
    >>> (y * y).sum().backward()
    >>> y.data, x.grad
    (array([3., 5., 0.]), array([-6., -4., 10.]))
    """
    y = diff(ravel(x))
    parts = [astype(part, y.dtype) for part in (to_begin, y, to_end) if part is not None]
    return concatenate(parts, axis=None)


@implements(np.trapezoid)
def trapezoid(y: Operand, x: Operand = None, dx: Operand = 1.0, axis: int = -1) -> Tensor:
    """Integral of a function given on a grid, by the trapezoidal rule, as `numpy.trapezoid`.

    ::

        integral = sum(h * (y[1:] + y[:-1]) / 2), with h = diff(x), or h = dx
        dL/dy[i] = g * (h[i - 1] + h[i]) / 2
        dL/dx[i] = g * (y[i - 1] - y[i + 1]) / 2, but (y[-2] + y[-1]) / 2 at the last

    Parameters as `numpy.trapezoid`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> y = tg.Tensor([1.0, 2.0, 4.0], requires_grad=True)
    >>> integral = tg.trapezoid(y, x=[0.0, 1.0, 3.0])
    >>> integral.backward()
    >>> integral.item(), y.grad
    (7.5, array([0.5, 1.5, 1. ]))
    """
    y = moveaxis(y, axis, -1)
    if x is None:
        h = dx
    else:
        x = as_array(x)
        h = diff(x if x.ndim == 1 else moveaxis(x, axis, -1))
    return sum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


@implements(np.interp)
def interp(
    x: Operand, xp: Operand, fp: Operand, left: Operand = None, right: Operand = None
) -> Tensor:
    """Values between those given at increasing points, along straight lines, as `numpy.interp`.

    ::

        y = fp[i] + (fp[i + 1] - fp[i]) * t, with t = (x - xp[i]) / (xp[i + 1] - xp[i])
        dy/dx = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
        dL/dfp = zeros, with g * (1 - t) added at i, and g * t at i + 1

    The slope at a given point is that to its right; to the left of all points and to their right
    the function is constant. The points may require gradients, too.

    Parameters as `numpy.interp`, without ``period``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([0.5, 2.0, 9.0], requires_grad=True)
    >>> y = tg.interp(x, [0.0, 1.0, 3.0], [0.0, 10.0, 20.0])
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([ 5., 15., 20.]), array([10.,  5.,  0.]))
    """
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(
            "interp takes as many values as points, and one at least; "
            f"got shapes {fp.shape} and {xp.shape}"
        )
    if not np.can_cast(np.result_type(x.dtype, xp.dtype, fp.dtype), float):
        raise TypeError(
            f"interp returns float64, as NumPy's; got {x.dtype}, {xp.dtype}, {fp.dtype}"
        )
    at, points = values(x), values(xp)
    i = np.clip(np.searchsorted(points, at, side="right") - 1, 0, max(len(points) - 2, 0))
    j = np.minimum(i + 1, len(points) - 1)
    width = xp[j] - xp[i] if len(points) > 1 else 1
    y = fp[i] + (fp[j] - fp[i]) * clip((x - xp[i]) / width, 0, 1)
    if left is not None:
        y = where(at < points[0], left, y)
    if right is not None:
        y = where(at > points[-1], right, y)
    return y if y.dtype == float else astype(y, float)  # as NumPy's


@implements(np.convolve)
@differentiable
def convolve(a: Operand, v: Operand, mode: Literal["full", "same", "valid"] = "full") -> Any:
    """Convolution of two rows of numbers, as `numpy.convolve`.

    ::

        y[k] = sum(a[i] * v[k - i])
        dL/da = correlate(g, v, "valid")   # of mode="full"
        dL/dv = correlate(g, a, "valid")

    In the other modes, the gradients of what they leave out are 0.

    Parameters as `numpy.convolve`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([1.0, 2.0, 4.0], requires_grad=True)
    >>> y = tg.convolve(a, [1.0, -1.0], "valid")
    >>> y.sum().backward()
    >>> y.data, a.grad
    (array([1., 2.]), array([-1.,  0.,  1.]))
    """
    y, (a, shape_a), (v, shape_v) = np.convolve(a, v, mode), _row(a), _row(v)
    shorter = min(len(a), len(v))
    left_out = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    margins = left_out, len(a) + len(v) - 1 - left_out - len(y)
    return (
        y,
        lambda g: np.correlate(np.pad(g, margins), v, "valid").reshape(shape_a),
        lambda g: np.correlate(np.pad(g, margins), a, "valid").reshape(shape_v),
    )


@implements(np.correlate)
@differentiable
def correlate(a: Operand, v: Operand, mode: Literal["full", "same", "valid"] = "valid") -> Any:
    """Sums of products of a row of numbers with another one moved along it, as `numpy.correlate`.

    ::

        y[k] = sum(a[k + i] * v[i])
        dL/da = convolve(g, v)             # of mode="valid"
        dL/dv = correlate(a, g)

    The other modes let v stand out at the ends, where there are zeros beside a.

    Parameters as `numpy.correlate`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> v = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tg.correlate([1.0, 2.0, 4.0], v)
    >>> y.sum().backward()
    >>> y.data, v.grad
    (array([ 5., 10.]), array([3., 6.]))
    """
    y, (a, shape_a), (v, shape_v) = np.correlate(a, v, mode), _row(a), _row(v)
    shorter = min(len(a), len(v))
    middle = (shorter - 1) // 2 if len(a) >= len(v) else shorter // 2
    left_out = {"full": 0, "same": middle, "valid": shorter - 1}[mode]
    margins = left_out, len(a) + len(v) - 1 - left_out - len(y)
    return (
        y,
        lambda g: np.convolve(np.pad(g, margins), v, "valid").reshape(shape_a),
        lambda g: np.flip(np.correlate(np.pad(g, margins), a, "valid")).reshape(shape_v),
    )


def _row(x: Any) -> tuple[Any, tuple[int, ...]]:
    """A number as a row of one, and the shape that it had."""
    x = as_array(x)
    return x.reshape(-1), x.shape
