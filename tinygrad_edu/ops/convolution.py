"""Convolutions: the same weights at every place of a signal or an image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import Operand, as_array, is_tensor
from tinygrad_edu.ops.shape import pad
from tinygrad_edu.ops.windows import count_windows, overlap_add, per_axis, sliding_windows
from tinygrad_edu.quick import as_a_whole, product

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["conv1d", "conv2d", "conv_transpose2d"]


@differentiable
def conv1d(
    x: Operand,
    W: Operand,
    b: Operand = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolution of signals with several channels, as PyTorch's ``conv1d``: a correlation.

    ::

        y[n, o, i] = b[o] + sum(W[o] * x[n, :, window at i])
        window at i = i * stride - padding + dilation * arange(K)
        dL/dx[n] = the sum of g[n, o, i] * W[o] over the places that W[o] was at
        dL/dW[o] = sum over n, i of g[n, o, i] * x[n, :, window at i]
        dL/db = sum(g) over all axes but the second

    where x is 0 beyond its ends. See `conv2d`, of which this is the case of one axis.

    Parameters
    ----------
    x : Tensor or array_like
        Samples, of shape (N, C, L).
    W : Tensor or array_like
        Weights, of shape (O, C / groups, K).
    b : Tensor, array_like or None, optional
        Bias of shape (O,); none by default.
    stride, padding, dilation, groups
        As in `conv2d`.

    Returns
    -------
    Tensor
        Of shape (N, O, (L + 2 * padding - dilation * (K - 1) - 1) // stride + 1).

    Raises
    ------
    ValueError
        If shapes do not fit each other, or there is no place for the window.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[[1.0, 2.0, 4.0, 8.0]]], requires_grad=True)
    >>> difference = tg.Tensor([[[-1.0, 1.0]]], requires_grad=True)
    >>> y = tg.conv1d(x, difference)
    >>> y.sum().backward()
    >>> y.data, x.grad, difference.grad
    (array([[[1., 2., 4.]]]), array([[[-1.,  0.,  0.,  1.]]]), array([[[ 7., 14.]]]))
    """
    return _convolution("conv1d", 1, x, W, b, stride, padding, dilation, groups)


@differentiable
def conv2d(
    x: Operand,
    W: Operand,
    b: Operand = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolution of images with several channels, as PyTorch's ``conv2d``: a correlation.

    ::

        y[n, o, i, j] = b[o] + sum(W[o] * x[n, :, window at i, j])
        window at i = i * stride - padding + dilation * arange(K)
        dL/dx[n] = the sum of g[n, o, i, j] * W[o] over the places that W[o] was at
        dL/dW[o] = sum over n, i, j of g[n, o, i, j] * x[n, :, window at i, j]
        dL/db = sum(g) over all axes but the second

    where x is 0 beyond its borders. All windows are laid side by side, and multiplied by the
    weights in one matrix product.

    Parameters
    ----------
    x : Tensor or array_like
        Samples, of shape (N, C, H, W).
    W : Tensor or array_like
        Weights, of shape (O, C / groups, K, K').
    b : Tensor, array_like or None, optional
        Bias of shape (O,); none by default.
    stride : int or tuple of int, optional
        The distance from one window to the next; one for all axes, or one for each.
    padding : int, tuple of int, "same" or "valid", optional
        The width of the margins of zeros on both sides of an axis. "same" keeps the lengths, with
        a stride of 1; "valid" is 0.
    dilation : int or tuple of int, optional
        The distance between neighbors in a window.
    groups : int, optional
        Into how many groups channels are divided: the first part of the outputs sees the first
        part of the channels only, and so on.

    Returns
    -------
    Tensor
        Of shape (N, O, H', W'), with
        ``H' = (H + 2 * padding - dilation * (K - 1) - 1) // stride + 1``.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or there is no place for the window.

    References
    ----------
    LeCun, Boser, Denker et al., "Backpropagation applied to handwritten zip code recognition",
    Neural Computation 1, 1989. Chellapilla, Puri and Simard, "High performance convolutional
    neural networks for document processing", 2006, for the matrix product.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> image = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    >>> x = tg.Tensor([[image]], requires_grad=True)
    >>> W = tg.Tensor([[[[1.0, 0.0], [0.0, -1.0]]]], requires_grad=True)
    >>> y = tg.conv2d(x, W)
    >>> y.sum().backward()
    >>> y.data[0, 0], x.grad[0, 0], W.grad[0, 0]
    (array([[-4., -4.],
           [-4., -4.]]), array([[ 1.,  1.,  0.],
           [ 1.,  0., -1.],
           [ 0., -1., -1.]]), array([[12., 16.],
           [24., 28.]]))
    """
    return _convolution("conv2d", 2, x, W, b, stride, padding, dilation, groups)


@differentiable
def conv_transpose2d(
    x: Operand,
    W: Operand,
    b: Operand = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    output_padding: Any = 0,
) -> Any:
    """Transposed convolution: every element puts down the weights, times itself; they overlap.

    ::

        y[n] = b + the sum of x[n, c, i, j] * W[c] over the windows at i, j that W[c] is put on
        window at i = i * stride - padding + dilation * arange(K)
        dL/dx[n, c, i, j] = sum(g[n, :, window at i, j] * W[c])
        dL/dW[c] = sum over n, i, j of x[n, c, i, j] * g[n, :, window at i, j]
        dL/db = sum(g) over all axes but the second

    It computes what goes back through `conv2d`, and so enlarges what that has made smaller.

    Parameters
    ----------
    x : Tensor or array_like
        Samples, of shape (N, C, H, W).
    W : Tensor or array_like
        Weights, of shape (C, O / groups, K, K').
    b : Tensor, array_like or None, optional
        Bias of shape (O,); none by default.
    stride, padding, dilation, groups
        As in the `conv2d` whose input this restores: a larger stride makes y larger, and padding
        is what is cut off from its margins.
    output_padding : int or tuple of int, optional
        Rows and columns added at the end, less than the stride: a `conv2d` with a stride forgets
        how many there were.

    Returns
    -------
    Tensor
        Of shape (N, O, H', W'), with
        ``H' = (H - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1``.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or nothing would be left.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
    arXiv:1603.07285.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([[[[1.0, 2.0]]]], requires_grad=True)
    >>> W = tg.Tensor([[[[1.0, 10.0, 100.0]]]], requires_grad=True)
    >>> y = tg.conv_transpose2d(x, W, stride=2)
    >>> y.sum().backward()
    >>> y.data[0, 0], x.grad[0, 0], W.grad[0, 0]
    (array([[  1.,  10., 102.,  20., 200.]]), array([[111., 111.]]), array([[3., 3., 3.]]))
    """
    x, W = as_array(x), as_array(W)
    _require_axes("conv_transpose2d", 2, x, W, "(C, O / groups, K, K')")
    _require_channels("conv_transpose2d", x, W, W.shape[0], groups)
    outputs = W.shape[1] * groups
    _require_bias("conv_transpose2d", b, outputs)
    places = _places("conv_transpose2d", W.shape[2:], stride, padding, dilation, groups)
    extra = per_axis("output_padding", output_padding, 2, 0)
    if any(e >= s for e, s in zip(extra, places.stride, strict=True)):
        raise ValueError(f"output_padding must be less than the stride {stride}; got {extra}")
    lengths = tuple(
        _restored(n, *of)
        for n, *of in zip(
            x.shape[2:],
            places.window,
            places.stride,
            places.padding,
            places.dilation,
            extra,
            strict=True,
        )
    )
    shape = len(x), outputs, *lengths
    weights = W.reshape(*places.lead, W.shape[0] // groups, -1)
    pixels = places.pixels(x)
    y = places.added(product(weights.mT, pixels), shape, x.shape[2:])
    return (
        y if b is None else y + as_array(b).reshape(-1, 1, 1),
        lambda g: _as_images(product(weights, places.columns(g, x.shape[2:])), x.shape),
        lambda g: product(pixels, places.columns(g, x.shape[2:]).mT).reshape(W.shape),
        lambda g: np.add.reduce(g, axis=(0, 2, 3)),
    )


def _restored(n: int, k: int, stride: int, padding: tuple[int, int], dilation: int, e: int) -> int:
    """The length of which a convolution with this window makes n."""
    before, after = padding
    length = (n - 1) * stride - before - after + dilation * (k - 1) + e + 1
    if length < 1:
        raise ValueError(
            f"nothing is left of {n} elements between margins of {before}: "
            f"({n} - 1)*{stride} - 2*{before} + {dilation}*({k} - 1) + {e} + 1 = {length}"
        )
    return length


def _convolution(
    name: str,
    axes: int,
    x: Any,
    W: Any,
    b: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> tuple[Any, ...]:
    x, W = as_array(x), as_array(W)
    _require_axes(name, axes, x, W, "(O, C / groups, K)" if axes == 1 else "(O, C / groups, K, K')")
    _require_channels(name, x, W, W.shape[1] * groups, groups)
    _require_bias(name, b, len(W))
    if len(W) % groups:
        raise ValueError(f"{name} divides outputs into {groups} groups; got {len(W)} of them")
    places = _places(name, W.shape[2:], stride, padding, dilation, groups)
    counts = places.counts(x.shape[2:])
    weights = W.reshape(*places.lead, len(W) // groups, -1)
    columns = places.columns(x, counts)
    y = product(weights, columns)
    y = y if b is None else y + as_array(b).reshape(*places.lead, -1, 1)
    return (
        _as_images(y, (len(x), len(W), *counts)),
        lambda g: places.added(product(weights.mT, places.pixels(g)), x.shape, counts),
        lambda g: product(places.pixels(g), columns.mT).reshape(W.shape),
        lambda g: np.add.reduce(g, axis=(0, *range(2, axes + 2))),
    )


class _Places(NamedTuple):
    """Where the windows of a convolution lie, and in how many groups the channels are.

    In the products, channels come first and samples last: (channels of a group and elements of a
    window, positions and samples), for each group. Results keep this order in memory, and only
    their axes are exchanged: so windows are copied and added up in long pieces, and the next layer
    needs no copy.
    """

    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def lead(self) -> tuple[int, ...]:
        """The axis of the groups; none for a single one, since products of matrices are fast."""
        return () if self.groups == 1 else (self.groups,)

    def counts(self, lengths: Sequence[int]) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        of_axes = zip(lengths, self.window, self.stride, self.padding, self.dilation, strict=True)
        return tuple(count_windows(*of) for of in of_axes)

    def columns(self, x: Any, counts: tuple[int, ...]) -> Any:
        """All windows of images (N, C, H, W), a column for each place and sample."""
        n, c = x.shape[:2]
        axes = len(counts)
        x = _samples_last(x)
        if any(map(any, self.padding)):
            x = pad(x, ((0, 0), *self.padding, (0, 0)))
        x = x.transpose(0, axes + 1, *range(1, axes + 1))
        windows = sliding_windows(x, self.window, self.stride, self.dilation)
        if windows.shape[2 : axes + 2] != counts:  # a transposed convolution has left some out
            windows = windows[(..., *map(slice, counts), *(slice(None),) * axes)]
        order = (0, *range(axes + 2, 2 * axes + 2), *range(2, axes + 2), 1)
        rows = c // self.groups * math.prod(self.window)
        return windows.transpose(order).reshape(*self.lead, rows, math.prod(counts) * n)

    def pixels(self, x: Any) -> Any:
        """Images (N, C, H, W) as columns of channels, one for each pixel of each sample."""
        n, c, *lengths = x.shape
        return _samples_last(x).reshape(*self.lead, c // self.groups, math.prod(lengths) * n)

    def added(self, columns: Any, shape: tuple[int, ...], counts: tuple[int, ...]) -> Any:
        """Columns added up to images of a shape (N, C, H, W): the way back through `columns`."""
        n, c, *lengths = shape
        axes = len(counts)
        windows = columns.reshape(c, *self.window, *counts, n)
        order = (0, 2 * axes + 1, *range(axes + 1, 2 * axes + 1), *range(1, axes + 1))
        padded = tuple(m + sum(p) for m, p in zip(lengths, self.padding, strict=True))
        x = overlap_add(windows.transpose(order), padded, self.stride, self.dilation)
        if any(map(any, self.padding)):
            inside = (slice(p[0], p[0] + m) for m, p in zip(lengths, self.padding, strict=True))
            x = x[(..., *inside)]
        return x.swapaxes(0, 1)


def _samples_last(x: Any) -> Any:
    """Images (N, C, H, W) as (C, H, W, N), in this order in memory, too."""
    x = x.transpose(*range(1, x.ndim), 0)
    return x if is_tensor(x) else _in_one_piece(x)


@as_a_whole
def _in_one_piece(x: Any) -> Any:
    return np.ascontiguousarray(x)


def _as_images(columns: Any, shape: tuple[int, ...]) -> Any:
    """Columns of channels as images of a shape (N, C, H, W)."""
    n, c, *lengths = shape
    axes = len(lengths)
    return columns.reshape(c, *lengths, n).transpose(axes + 1, *range(axes + 1))


def _places(
    name: str, window: tuple[int, ...], stride: Any, padding: Any, dilation: Any, groups: int
) -> _Places:
    axes = len(window)
    stride = per_axis("stride", stride, axes)
    dilation = per_axis("dilation", dilation, axes)
    around = margins(name, window, stride, padding, dilation)
    return _Places(window, stride, around, dilation, groups)


def margins(
    name: str, window: tuple[int, ...], stride: Any, padding: Any, dilation: Any
) -> tuple[tuple[int, int], ...]:
    """The widths of the margins before and after each axis, which a padding means."""
    axes = len(window)
    if not isinstance(padding, str):
        return tuple((p, p) for p in per_axis("padding", padding, axes, 0))
    stride = per_axis("stride", stride, axes)
    if padding == "same" and set(stride) == {1} and name != "conv_transpose2d":
        distances = per_axis("dilation", dilation, axes)
        totals = [d * (k - 1) for d, k in zip(distances, window, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if padding == "valid":
        return ((0, 0),) * axes
    raise ValueError(
        f'padding must be a number, one for each axis, "valid", or "same" with a stride of 1; '
        f"{name} got padding={padding!r} with stride={stride}"
    )


# --- what fits ------------------------------------------------------------------------------------


def _require_axes(name: str, axes: int, x: Any, W: Any, weights: str) -> None:
    images = "(N, C, L)" if axes == 1 else "(N, C, H, W)"
    if x.ndim != axes + 2 or W.ndim != axes + 2 or not W.size:
        one = ". Write x[None] for a single sample" if x.ndim == axes + 1 else ""
        raise ValueError(
            f"{name} takes x of shape {images} and W of shape {weights}; got {x.shape} and "
            f"{W.shape}{one}"
        )


def _require_channels(name: str, x: Any, W: Any, channels: int, groups: int) -> None:
    per_axis("groups", groups, 1)
    if x.shape[1] != channels or channels % groups:
        of = f" = {W.shape[1]}*{groups} groups" if groups > 1 else ""
        last = ". If they are along the last, write np.moveaxis(x, -1, 1)"
        raise ValueError(
            f"{name} with W of shape {W.shape} takes {channels}{of} channels; got x of shape "
            f"{x.shape}, with {x.shape[1]} channels along axis 1"
            + (last if x.shape[-1] == channels else "")
        )


def _require_bias(name: str, b: Any, outputs: int) -> None:
    if b is not None and np.shape(b) != (outputs,):
        raise ValueError(
            f"{name} with {outputs} outputs takes b of shape ({outputs},); got {np.shape(b)}"
        )
