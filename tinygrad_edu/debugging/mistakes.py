"""What is wrong with a gradient that somebody worked out: a table of the usual mistakes.

An answer is compared with what is right as it is, and then with each mistake undone: of the other
sign, transposed, added up over the batch. The first that fits is the verdict, a sentence that says
nothing of what is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.broadcasting import broadcasts, unbroadcast
from tinygrad_edu.ops._common import values

__all__ = ["Suspect", "Verdict", "diagnose", "numbers_of", "usual_mistakes"]

Array = NDArray[Any]
Shape = tuple[int, ...]

ROUNDED = 0.01  # so close, relative to the largest entry, is a rounded answer
LARGEST_TERM = 12  # of a fraction that is named, as 2/3
MOST_ENTRIES = 4  # that are named


class Verdict(NamedTuple):
    """What there is to say of an answer.

    Attributes
    ----------
    kind : str
        ``"right"``; or what is wrong: ``"shape"``, ``"transposed"``, ``"sum"``, ``"factor"``,
        ``"sign"``, ``"entries"``, ``"rounded"``, ``"not finite"``, ``"zero"``, the kind of a
        `Suspect`, or ``"wrong"``.
    sentence : str
        The same for a reader.
    """

    kind: str
    sentence: str

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.kind == "right"

    def __str__(self) -> str:
        return self.sentence


class Suspect(NamedTuple):
    """A wrong answer that is to be expected, and what to say of it."""

    kind: str
    sentence: str
    array: Array


def diagnose(
    answer: Any,
    right: Any,
    suspects: Iterable[Suspect] = (),
    *,
    sizes: Iterable[int] = (),
    rtol: float | None = None,
    scale: float = 0.0,
) -> Verdict:
    """Say in one sentence what is wrong with an array that somebody worked out.

    Parameters
    ----------
    answer : array_like or Tensor
        The answer.
    right : array_like or Tensor
        What it should be.
    suspects : iterable of Suspect, optional
        Further wrong answers that are to be expected, in the order in which they are tried.
    sizes : iterable of int, optional
        Numbers of samples and the like, over which a mean may have been taken.
    rtol : float, optional
        How far an entry may be from what is right, relative to its size. By default half of the
        digits that the precision has.
    scale : float, optional
        The size of the terms that the right entries are sums of: what is left of them after
        cancellation is rounding.

    Returns
    -------
    Verdict
        Its ``kind``, and its ``sentence``, which gives nothing of ``right`` away.

    Raises
    ------
    TypeError
        If the answer holds something else than real numbers.
    ValueError
        If the answer is made of lists of different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.debugging import diagnose
    >>> right = np.array([[1.0, 2.0], [3.0, 5.0]])
    >>> for answer in (right.T, -right, right / 4, right[:1], [[1, 2], [3, 4]]):
    ...     print(diagnose(answer, right, sizes=[4]))
    It is transposed.
    The sign is wrong.
    It is 4 times too small, as if a mean were taken of what is to be added up.
    The shape is (1, 2), and should be (2, 2).
    Right but for the entry (1, 1).
    """
    given, truth = numbers_of(answer), np.asarray(values(right))
    judge = _Judge(truth, {*sizes}, _Tolerance.of(given, truth, rtol, scale))
    if given.shape == truth.shape:
        return judge.of_the_same_shape(given, suspects)
    return judge.of_another_shape(given)


def numbers_of(answer: Any) -> Array:
    """A copy of an answer as an array of real numbers."""
    try:
        array = np.array(values(answer))
    except ValueError:
        raise ValueError(
            "an answer is an array, or lists of numbers of equal lengths; these lists differ in "
            "their lengths"
        ) from None
    if array.dtype.kind not in "biuf":
        raise TypeError(
            "an answer consists of real numbers, in an array or in lists; got "
            f"{type(answer).__name__} of {array.dtype}"
        )
    return array if array.dtype.kind == "f" else array.astype(float)


def usual_mistakes(right: Array, sizes: Iterable[int] = ()) -> Iterator[Suspect]:
    """The usual wrong answers of the right shape, for who can only compare numbers."""
    for factor in _simple_factors(sizes):
        yield Suspect(_kind_of(factor), _as_sentence(_scaling(factor, {*sizes})), right * factor)
    if right.ndim > 1 and right.shape[-1] == right.shape[-2]:
        yield Suspect("transposed", _as_sentence(TRANSPOSED), np.swapaxes(right, -1, -2))


# --- the judgement ----------------------------------------------------------------------------


class _Tolerance(NamedTuple):
    """How far apart equal numbers may be."""

    rtol: float
    atol: float

    @classmethod
    def of(cls, given: Array, truth: Array, rtol: float | None, scale: float) -> _Tolerance:
        precisions = [x.dtype for x in (given, truth) if x.dtype.kind == "f"]
        eps = max((float(np.finfo(dtype).eps) for dtype in precisions), default=0.0)
        largest = max(_largest(truth), scale)
        return cls(math.sqrt(eps) if rtol is None else rtol, 64 * eps * largest)

    def same(self, a: Array, b: Array) -> NDArray[np.bool_]:
        """Which entries are equal."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.isclose(a, b, self.rtol, self.atol, equal_nan=True))


class _Judge(NamedTuple):
    """What is right, and how an answer is compared with it."""

    truth: Array
    sizes: set[int]
    tolerance: _Tolerance

    def of_the_same_shape(self, given: Array, suspects: Iterable[Suspect]) -> Verdict:
        if self._is_right(given):
            return Verdict("right", "Right.")
        strange = ~np.isfinite(given) & np.isfinite(self.truth)
        if strange.any():
            where = "" if strange.all() else f" at {_entries(strange)}"
            return Verdict("not finite", f"It is not finite{where}.")
        if not given.any():
            return Verdict("zero", "It is not 0 everywhere.")
        for suspect in suspects:
            if suspect.array.shape == given.shape and self._are_same(given, suspect.array):
                return Verdict(suspect.kind, suspect.sentence)
        return (
            self._scaled("", given)
            or self._transposed(given)
            or self._entry_by_entry(given)
            or Verdict("wrong", "It is not right.")
        )

    def of_another_shape(self, given: Array) -> Verdict:
        shape = self.truth.shape
        shapes = f"the shape is {given.shape}, and should be {shape}"
        numbers = f"its numbers are right, but {shapes}"
        found = self._transposed(given)
        if given.size == self.truth.size:
            found = found or self._scaled(numbers, given.reshape(shape), "shape")
        elif broadcasts(shape, given.shape):
            missing = f"the sum over {_summed_axes(given.shape, shape)} is missing"
            found = self._scaled(missing, unbroadcast(given, shape), "sum")
        elif broadcasts(given.shape, shape):
            each = f"{numbers}, with a gradient for every entry"
            found = self._scaled(each, np.broadcast_to(given, shape), "shape")
        return found or self._summed(given) or Verdict("shape", _as_sentence(shapes))

    def _is_right(self, given: Array) -> bool:
        return self._are_same(given, self.truth)

    def _are_same(self, a: Array, b: Array) -> bool:
        return bool(self.tolerance.same(a, b).all())

    def _transposed(self, given: Array) -> Verdict | None:
        if given.ndim < 2:
            return None
        turned = np.swapaxes(given, -1, -2)
        return self._scaled(TRANSPOSED, turned, "transposed")

    def _scaled(self, phrase: str, undone: Array, kind: str = "") -> Verdict | None:
        """The verdict if what is left of an answer is right, or differs by a constant factor."""
        if undone.shape != self.truth.shape:
            return None
        factor = self._factor(undone)
        if factor is None:
            return None
        phrases = [phrase, _scaling(factor, self.sizes)]
        return Verdict(kind or _kind_of(factor), _as_sentence(", and ".join(filter(None, phrases))))

    def _factor(self, given: Array) -> float | None:
        """By which constant factor an answer differs from what is right; None if by none.

        Of a single number any other is a multiple, so that only the usual factors count.
        """
        for factor in (1.0, *_simple_factors(self.sizes)):
            if self._is_right(given / factor):
                return factor
        truth = self.truth[np.isfinite(self.truth)].astype(float)
        if truth.size < self.truth.size or len(np.unique(np.abs(truth[truth != 0]))) < 2:
            return None
        largest = np.unravel_index(np.abs(self.truth).argmax(), self.truth.shape)
        factor = float(given[largest] / self.truth[largest])
        if not factor or not math.isfinite(factor) or abs(factor - 1) < 2 * ROUNDED:
            return None
        return factor if self._is_right(given / factor) else None

    def _summed(self, given: Array) -> Verdict | None:
        """The verdict if something was added up that should not be."""
        axes = range(self.truth.ndim)
        for axis in (some for n in axes for some in combinations(axes, n + 1)):
            for keepdims in (False, True):
                summed = self.truth.sum(axis=axis, keepdims=keepdims)
                if summed.shape == given.shape and self._are_same(given, summed):
                    return Verdict("sum", f"It is added up over {_axes(axis)}, and should not be.")
        return None

    def _entry_by_entry(self, given: Array) -> Verdict | None:
        """The verdict if some entries are right, or all are nearly so."""
        same = self.tolerance.same(given, self.truth)
        told = (given != 0) | (self.truth != 0)  # a 0 among zeros is no achievement
        right, wrong = (same & told).sum(), (~same).sum()
        if right and (same | self.tolerance.same(-given, self.truth)).all():
            return Verdict("entries", f"Right but for the sign of {_entries(~same)}.")
        if right >= max(1, wrong):
            return Verdict("entries", f"Right but for {_entries(~same)}.")
        largest = _largest(self.truth)
        error = _largest(np.where(same, 0, given - self.truth)) / largest if largest else math.inf
        if error <= ROUNDED:
            percent = np.format_float_positional(
                100 * error, precision=1, fractional=False, trim="-"
            )
            return Verdict(
                "rounded",
                f"Close, but off by up to {percent} percent: something is rounded, or a small "
                "term is missing.",
            )
        return None


# --- words ------------------------------------------------------------------------------------

TRANSPOSED = "it is transposed"


def _simple_factors(sizes: Iterable[int]) -> list[float]:
    """The factors that are forgotten most often: a sign, the 2 of a square, the n of a mean."""
    counts = sorted({2, *(n for n in sizes if n > 1)})
    positive = [1.0, *(factor for n in counts for factor in (float(n), 1 / n))]
    return [-1.0, *positive[1:], *(-factor for factor in positive[1:])]


def _kind_of(factor: float) -> str:
    return {1.0: "right", -1.0: "sign"}.get(factor, "factor")


def _scaling(factor: float, sizes: set[int]) -> str:
    """What there is to say of a factor."""
    sign = "the sign is wrong" if factor < 0 else ""
    size = abs(factor)
    return ", and ".join(filter(None, [sign, _too_much(size, sizes) if size != 1 else ""]))


def _too_much(factor: float, sizes: set[int]) -> str:
    ratio = Fraction(factor).limit_denominator(1000)
    above, below = ratio.as_integer_ratio()
    if not math.isclose(ratio, factor, rel_tol=1e-6):
        return "it is wrong by a constant factor"
    if below == 1:
        mean = ", as if a mean were missing" if above in sizes - {2} else ""
        return f"it is {above} times too large{mean}"
    if above == 1:
        mean = ", as if a mean were taken of what is to be added up" if below in sizes - {2} else ""
        return f"it is {below} times too small{mean}"
    if max(above, below) <= LARGEST_TERM:
        return f"it is {ratio} of what it should be"
    return "it is wrong by a constant factor"


def _as_sentence(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}."


def _summed_axes(shape: Shape, to: Shape) -> str:
    """Over which axes an array is summed to one of another shape, in words."""
    extra = len(shape) - len(to)
    stretched = [i + extra for i, n in enumerate(to) if n != shape[i + extra]]
    axes = (*range(extra), *stretched)
    return f"the batch, {_axes(axes)}," if axes == (0,) else _axes(axes)


def _axes(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"the axes {_listed([*map(str, axes)])}"


def _entries(chosen: NDArray[np.bool_]) -> str:
    """Which entries are chosen: of a matrix whole rows or columns, else one by one."""
    if chosen.ndim == 2 and min(chosen.shape) > 1:
        for what, lines in (("row", chosen), ("column", chosen.T)):
            whole = [i for i, line in enumerate(lines) if line.all()]
            if len(whole) == sum(map(np.any, lines)):
                return _counted(what, [*map(str, whole)])
    places = [str(tuple(map(int, place))) for place in np.argwhere(chosen)]
    if chosen.ndim == 1:
        places = [str(i) for i in np.flatnonzero(chosen)]
    return _counted("entry", places)


def _counted(what: str, places: list[str]) -> str:
    if len(places) == 1:
        return f"the entry {places[0]}" if what == "entry" else f"{what} {places[0]}"
    more = len(places) - MOST_ENTRIES
    shown = [*places[:MOST_ENTRIES], f"{more} more"] if more > 0 else places
    return f"{'the entries' if what == 'entry' else what + 's'} {_listed(shown)}"


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _largest(x: Array) -> float:
    """The size of the largest finite number."""
    sizes = np.abs(x[np.isfinite(x)].astype(float))
    return float(sizes.max(initial=0.0))
