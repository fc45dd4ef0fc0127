"""Statistics: weighted means, covariances, quantiles; and reductions that leave out nan.

All of them are made of other operations, and so their gradients are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_edu.ops._common import (
    Axis,
    Operand,
    as_array,
    implements,
    is_tensor,
    merged,
    values,
)
from tinygrad_edu.ops.elementary import sqrt
from tinygrad_edu.ops.indexing import sort
from tinygrad_edu.ops.joining import concatenate
from tinygrad_edu.ops.reduction import max, mean, min, prod, sum, var
from tinygrad_edu.ops.selection import where
from tinygrad_edu.ops.shape import astype, atleast_2d, diagonal, expand_dims, squeeze
from tinygrad_edu.quick import as_a_whole

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "average",
    "corrcoef",
    "cov",
    "median",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "quantile",
]


@implements(np.average)
def average(
    x: Operand, axis: Axis = None, weights: Operand = None, keepdims: bool = False
) -> Tensor:
    """Weighted mean of the elements, as `numpy.average`.

    ::

        y = sum(x * weights) / sum(weights)
        dL/dx = g * weights / sum(weights)
        dL/dweights = g * (x - y) / sum(weights)

    Without weights it is the mean. Weights whose sum is 0 give nan or an infinity.

    Parameters as `numpy.average`, without ``returned``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 6.0], requires_grad=True)
    >>> w = tg.Tensor([2.0, 1.0, 1.0], requires_grad=True)
    >>> y = tg.average(x, weights=w)
    >>> y.backward()
    >>> y.item(), x.grad, w.grad
    (2.5, array([0.5 , 0.25, 0.25]), array([-0.375, -0.125,  0.875]))
    """
    if weights is None:
        return mean(x, axis, keepdims)
    x, w = as_array(x), as_array(weights)
    if w.shape != x.shape:
        w = _laid_along(x.shape, axis, w)
    return sum(x * w, axis, keepdims) / sum(w, axis, keepdims)


def _laid_along(shape: tuple[int, ...], axis: Axis, weights: Any) -> Any:
    """Weights for some axes of an array, in a shape that broadcasts against it."""
    axes = () if axis is None else normalize_axis_tuple(axis, len(shape))
    if weights.shape != tuple(shape[i] for i in axes):
        raise ValueError(
            f"weights of an array of shape {shape} have that shape, or the lengths of the axes "
            f"{axis} in it; got {weights.shape}"
        )
    ordered = weights.transpose(np.argsort(axes).tolist())
    return ordered.reshape([n if i in axes else 1 for i, n in enumerate(shape)])


@implements(np.cov)
def cov(
    m: Operand,
    y: Operand = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
) -> Tensor:
    """Covariances of variables, each of them a row of samples, as `numpy.cov`.

    ::

        C = d @ d.T / (n - ddof), with d = m - mean(m, axis=1)
        dL/dm = (g + g.T) @ d / (n - ddof)

    Parameters as `numpy.cov`, without ``fweights`` and ``aweights``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> m = tg.Tensor([[1.0, 2.0, 3.0], [0.0, 4.0, 2.0]], requires_grad=True)
    >>> C = tg.cov(m)
    >>> C[0, 1].backward()
    >>> C.data, m.grad
    (array([[1., 1.],
           [1., 4.]]), array([[-1. ,  1. ,  0. ],
           [-0.5,  0. ,  0.5]]))
    """
    m = as_array(m)
    if m.ndim > 2:
        raise ValueError(f"cov takes rows of samples: two axes at most; got shape {m.shape}")
    rows = atleast_2d(m) if rowvar or m.ndim < 2 else m.T
    if y is not None:
        more = atleast_2d(y)
        rows = concatenate([rows, more if rowvar or len(more) == 1 else more.T])
    rows = astype(rows, np.result_type(rows.dtype, float))
    deviations = rows - mean(rows, axis=1, keepdims=True)
    freedom = rows.shape[1] - (0 if bias else 1) if ddof is None else rows.shape[1] - ddof
    return squeeze(deviations @ deviations.T / freedom)


@implements(np.corrcoef)
def corrcoef(x: Operand, y: Operand = None, rowvar: bool = True) -> Tensor:
    """Correlations of variables, each of them a row of samples, as `numpy.corrcoef`.

    ::

        R[i, j] = C[i, j] / sqrt(C[i, i] * C[j, j]), with the covariances C of x
        dL/dx = the gradient of a quotient of covariances

    A variable that is constant has no correlations: nan. What rounding leaves beyond 1 is not cut
    off as NumPy does, since that would cut off the gradient, too.

    Parameters as `numpy.corrcoef`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[1.0, 2.0, 3.0], [0.0, 4.0, 2.0]], requires_grad=True)
    >>> R = tg.corrcoef(x)
    >>> R[0, 1].backward()
    >>> R.data.round(4), x.grad.round(4)
    (array([[1. , 0.5],
           [0.5, 1. ]]), array([[-0.25 ,  0.5  , -0.25 ],
           [-0.125, -0.125,  0.25 ]]))
    """
    C = cov(x, y, rowvar)
    if C.ndim == 0:
        return C / C
    deviations = sqrt(diagonal(C))
    return C / deviations[:, None] / deviations


# --- quantiles ----------------------------------------------------------------------------------


@implements(np.median)
def median(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Element in the middle of the sorted ones, as `numpy.median`; nan if any element is.

    ::

        y = sort(x)[n // 2], or the mean of both in the middle if n is even
        dL/dx = g where the element in the middle is, or half of it at both; 0 elsewhere

    Of elements that tie, one gets the gradient: the one that a stable sort puts in the middle.

    Parameters as `numpy.median`, without ``overwrite_input``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([5.0, 1.0, 2.0, 4.0], requires_grad=True)
    >>> y = tg.median(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (3.0, array([0. , 0. , 0.5, 0.5]))
    """
    rows, axes = merged(x, axis)
    rows, n = sort(rows, axis=0), len(rows)
    y = mean(rows[(n - 1) // 2 : n // 2 + 1], axis=0)
    y = where(np.isnan(values(rows)[-1]), np.nan, y)
    return expand_dims(y, axes) if keepdims else y


@implements(np.quantile)
def quantile(x: Operand, q: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Value below which there is a part q of the elements, as `numpy.quantile`; nan if one is.

    ::

        y = s[i] + (s[i + 1] - s[i]) * t, with s = sort(x), i + t = q * (n - 1) and 0 <= t < 1
        dL/dx = g * (1 - t) and g * t where s[i] and s[i + 1] are, 0 elsewhere
        dL/dq = g * (s[i + 1] - s[i]) * (n - 1)

    Of elements that tie, those get the gradient that a stable sort puts there.

    Parameters as `numpy.quantile`, without ``method`` (it is "linear"), ``weights``,
    ``interpolation`` and ``overwrite_input``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([5.0, 1.0, 2.0, 4.0], requires_grad=True)
    >>> y = tg.quantile(x, 0.25)
    >>> y.backward()
    >>> y.item(), x.grad
    (1.75, array([0.  , 0.25, 0.75, 0.  ]))
    """
    x = as_array(x)
    return _quantile(x, _of_same_precision(q, x), axis, keepdims)


@implements(np.percentile)
def percentile(x: Operand, q: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Value below which there are q percent of the elements, as `numpy.percentile`.

    ::

        y = quantile(x, q / 100)
        dL/dx = g, shared by the two elements between which y lies

    Parameters as `numpy.percentile`, without ``method`` (it is "linear"), ``weights``,
    ``interpolation`` and ``overwrite_input``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([5.0, 1.0, 2.0, 4.0], requires_grad=True)
    >>> y = tg.percentile(x, [0, 50, 100])
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([1., 3., 5.]), array([1. , 1. , 0.5, 0.5]))
    """
    x = as_array(x)
    return _quantile(x, _of_same_precision(q, x) / 100, axis, keepdims)


def _of_same_precision(q: Any, x: Any) -> Any:
    """A Python number in the precision of an array, so that it does not change the result's."""
    if is_tensor(q):
        return q
    return np.asarray(q, x.dtype if isinstance(q, int | float) and x.dtype.kind == "f" else None)


def _quantile(x: Any, q: Any, axis: Axis, keepdims: bool) -> Tensor:
    part = _parts_of_a_whole(values(q))
    rows, axes = merged(x, axis)
    rows, n = sort(rows, axis=0), len(rows)
    place = q * (n - 1)
    i = np.minimum(np.floor(part * (n - 1)), n - 2 if n > 1 else 0)
    t = (place - i).reshape((*part.shape, *(1,) * (rows.ndim - 1)))
    below = i.astype(int)
    low, high = rows[below], rows[np.minimum(below + 1, n - 1)]
    between, step = values(t), high - low
    whole = (between == 0) | (between == 1)
    step = where(whole & np.isinf(values(step)), 0, step)  # a step of no length, not 0 * inf
    # From the nearer end, so that at either end the result is exactly the element there.
    y = where(between < 0.5, low + t * step, high - (1 - t) * step)
    y = where(np.isnan(values(rows)[-1]), np.nan, y)
    return expand_dims(y, tuple(part.ndim + a for a in axes)) if keepdims else y


@as_a_whole
def _parts_of_a_whole(q: Any) -> Any:
    """The same numbers, if they are in range."""
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError(f"quantiles are in the range from 0 to 1, percentiles to 100; got {q}")
    return q


# --- reductions that leave out nan --------------------------------------------------------------


def _filled(x: Any, number: float) -> Any:
    """The elements with a number in the place of nan; integers as they are."""
    x = as_array(x)
    return where(np.isnan(values(x)), number, x) if x.dtype.kind == "f" else x


@implements(np.nansum)
def nansum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum of the elements that are not nan, as `numpy.nansum`.

    ::

        y = sum(where(isnan(x), 0, x))
        dL/dx = where(isnan(x), 0, g)

    Parameters as `numpy.nansum`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, float("nan"), 3.0], requires_grad=True)
    >>> y = tg.nansum(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (4.0, array([1., 0., 1.]))
    """
    return sum(_filled(x, 0), axis, keepdims)


@implements(np.nanprod)
def nanprod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Product of the elements that are not nan, as `numpy.nanprod`.

    ::

        y = prod(where(isnan(x), 1, x))
        dL/dx = g * the product of all others, and 0 where x is nan

    Parameters as `numpy.nanprod`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([2.0, float("nan"), 3.0], requires_grad=True)
    >>> y = tg.nanprod(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (6.0, array([3., 0., 2.]))
    """
    return prod(_filled(x, 1), axis, keepdims)


@implements(np.nanmax)
def nanmax(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Largest element that is not nan, as `numpy.nanmax`; nan if all of them are.

    ::

        y = max(where(isnan(x), -inf, x))
        dL/dx = g * (x == y) / sum(x == y)

    Elements that tie share the gradient equally.

    Parameters as `numpy.nanmax`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([2.0, float("nan"), 3.0], requires_grad=True)
    >>> y = tg.nanmax(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (3.0, array([0., 0., 1.]))
    """
    return _unless_all_nan(max(_filled(x, -np.inf), axis, keepdims), x, axis, keepdims)


@implements(np.nanmin)
def nanmin(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Smallest element that is not nan, as `numpy.nanmin`; nan if all of them are.

    ::

        y = min(where(isnan(x), inf, x))
        dL/dx = g * (x == y) / sum(x == y)

    Elements that tie share the gradient equally.

    Parameters as `numpy.nanmin`, without ``initial`` and ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([2.0, float("nan"), 3.0], requires_grad=True)
    >>> y = tg.nanmin(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (2.0, array([1., 0., 0.]))
    """
    return _unless_all_nan(min(_filled(x, np.inf), axis, keepdims), x, axis, keepdims)


def _unless_all_nan(y: Any, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    """The extreme of the numbers in x, or nan where there are none."""
    if y.dtype.kind != "f":
        return y  # type: ignore[no-any-return]  # integers are never nan
    return where(np.all(np.isnan(values(x)), axis, keepdims=keepdims), np.nan, y)


@implements(np.nanmean)
def nanmean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Mean of the elements that are not nan, as `numpy.nanmean`; nan if all of them are.

    ::

        y = sum(where(isnan(x), 0, x)) / sum(~isnan(x))
        dL/dx = where(isnan(x), 0, g / sum(~isnan(x)))

    Parameters as `numpy.nanmean`, without ``where``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, float("nan"), 3.0], requires_grad=True)
    >>> y = tg.nanmean(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (2.0, array([0.5, 0. , 0.5]))
    """
    x = as_array(x)
    return _mean_of(_filled(x, 0), values(x), axis, 0, keepdims)


def _mean_of(terms: Any, x: Any, axis: Axis, ddof: float, keepdims: bool) -> Tensor:
    """The sum of terms, divided by how many elements of x are not nan, less ``ddof``."""
    n = np.sum(~np.isnan(x), axis, keepdims=keepdims) - ddof
    n = np.where(n > 0, n, np.nan).astype(x.dtype if x.dtype.kind == "f" else float)
    return sum(terms, axis, keepdims) / n


@implements(np.nanvar)
def nanvar(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Variance of the elements that are not nan, as `numpy.nanvar`.

    ::

        y = nansum((x - nanmean(x))**2) / (sum(~isnan(x)) - ddof)
        dL/dx = where(isnan(x), 0, g * 2 * (x - nanmean(x)) / (sum(~isnan(x)) - ddof))

    Parameters as `numpy.nanvar`, without ``where``, ``mean`` and ``correction``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, float("nan"), 3.0], requires_grad=True)
    >>> y = tg.nanvar(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (1.0, array([-1.,  0.,  1.]))
    """
    x = as_array(x)
    if x.dtype.kind != "f":
        return var(x, axis, ddof, keepdims)
    deviations = _filled(x - nanmean(x, axis, keepdims=True), 0)
    return _mean_of(deviations * deviations, values(x), axis, ddof, keepdims)


@implements(np.nanstd)
def nanstd(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation of the elements that are not nan, as `numpy.nanstd`.

    ::

        y = sqrt(nanvar(x))
        dL/dx = where(isnan(x), 0, g * (x - nanmean(x)) / ((sum(~isnan(x)) - ddof) * y))

    Where all elements are equal the slope is taken to be 0, the subgradient of least norm.

    Parameters as `numpy.nanstd`, without ``where``, ``mean`` and ``correction``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, float("nan"), 3.0], requires_grad=True)
    >>> y = tg.nanstd(x)
    >>> y.backward()
    >>> y.item(), x.grad
    (1.0, array([-0.5,  0. ,  0.5]))
    """
    variance = nanvar(x, axis, ddof, keepdims)
    constant = np.equal(values(variance), 0)
    return where(constant, 0, sqrt(where(constant, 1, variance)))
