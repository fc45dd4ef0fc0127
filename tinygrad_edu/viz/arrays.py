"""Arrays as text: small ones as their numbers, large ones as their distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node

__all__ = [
    "Array",
    "Summary",
    "array_of",
    "number",
    "number_rows",
    "one_line",
    "printed",
    "shape_and_dtype",
    "summarize",
    "texts",
]

Array: TypeAlias = NDArray[Any]


MOST_NUMBERS, MOST_ROWS, MOST_COLUMNS = 16, 4, 4
BINS = 15
MINUS = "−"


def array_of(x: Any, dtype: type | None = None) -> Array:
    """The array behind a Tensor; anything else as an array."""
    return np.asarray(x._array if isinstance(x, Node) else x, dtype=dtype)


def number(value: Any, digits: int = 3) -> str:
    """A number with a few significant digits: ``0.123``, ``-1.5e-07``, ``12345``."""
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(value)
    if isinstance(value, complex | np.complexfloating):
        return f"{value:.{digits}g}"
    value = float(value) + 0.0  # no minus in front of 0
    if 10**digits <= abs(np.rint(value)) < 1e5:
        return f"{value:.0f}"
    text = f"{value:.{digits}g}"
    # More than the last bits of a float32 have been rounded away.
    rounded = text.lstrip("-").isdecimal() and abs(value - int(text)) > 1e-6 * abs(value)
    return f"{value:#.{digits}g}".rstrip(".") if rounded else text  # 1.00 is not quite 1


def printed(value: Any, digits: int = 3) -> str:
    """The same as in print, with a minus sign of full length."""
    return number(value, digits).replace("-", MINUS)


def number_rows(array: Array) -> list[list[str]] | None:
    """The rows of a small array, as text; None if it is too large to be read at a glance."""
    if not 0 < array.size <= MOST_NUMBERS or array.ndim > 2:
        return None
    if array.ndim == 0:
        return [[number(array[()], digits=4)]]
    rows = np.atleast_2d(array)
    if rows.shape[0] > MOST_ROWS or rows.shape[1] > MOST_COLUMNS:
        return None
    return [[number(x) for x in row] for row in rows]


@dataclass(frozen=True, slots=True)
class Summary:
    """The distribution of a large array."""

    min: float
    mean: float
    max: float
    histogram: tuple[int, ...]
    """How many of the finite elements fall in each of equally wide bins from min to max."""
    not_finite: int

    @property
    def zero(self) -> int | None:
        """The bin in which 0 lies, if it does in any."""
        if not self.min <= 0 <= self.max:
            return None
        span = self.max - self.min
        return min(int(-self.min / span * BINS), BINS - 1) if 0 < span < np.inf else 0

    def __str__(self) -> str:
        low, mean, high = (number(x, digits=2) for x in (self.min, self.mean, self.max))
        text = f"{low} … {high}, mean {mean}"
        return f"{text}, {self.not_finite} not finite" if self.not_finite else text


def summarize(array: Array) -> Summary | None:
    """The distribution of the finite elements; None if there are none."""
    values = np.abs(array) if array.dtype.kind == "c" else array
    values = values.astype(float).ravel()
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    low, high = finite.min(), finite.max()
    with np.errstate(over="ignore"):
        span = high - low
        # A range too narrow, or too wide, to be divided has all in one bin.
        bins = np.zeros(finite.size, dtype=int)
        if 0 < span < np.inf:
            bins = np.minimum((finite - low) / span * BINS, BINS - 1).astype(int)
        return Summary(
            float(low),
            float(finite.mean(dtype=np.longdouble)),
            float(high),
            tuple(np.bincount(bins, minlength=BINS).tolist()),
            int(array.size - finite.size),
        )


def texts(array: Array | None) -> list[str]:
    """What a card says of an array: its numbers, or a sentence; "-" if there is no array."""
    if array is None:
        return ["-"]
    rows = number_rows(array)
    if rows:
        return [text for row in rows for text in row]
    return [str(summarize(array) or ("empty" if not array.size else "nothing finite"))]


def shape_and_dtype(array: Array) -> str:
    """Shape and dtype as NumPy writes them: ``(4, 3) float64``."""
    return f"{array.shape} {array.dtype}"


def one_line(text: str, limit: int = 40) -> str:
    """A text on one line: what cannot be seen is written as its escape, the rest is cut."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
