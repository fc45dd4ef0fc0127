"""Every usual mistake is named, and nothing that is wrong is called right."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.debugging import Suspect, diagnose
from tinygrad_edu.debugging.mistakes import usual_mistakes

# Of any shape, with numbers of which no two have the same size.
shapes = st.lists(st.integers(2, 4), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 10**6)


def numbers(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


rights = st.builds(numbers, shapes, seeds)
matrices = st.builds(numbers, st.tuples(st.integers(2, 4), st.integers(2, 4)), seeds)


def verdict_of(answer, right, *suspects, **options):
    """A verdict, which is one sentence, and contains none of the numbers."""
    verdict = diagnose(answer, right, suspects, **options)
    assert verdict.sentence == str(verdict)
    assert verdict.sentence.endswith(".")
    assert ". " not in verdict.sentence
    assert verdict.right == (verdict.kind == "right")
    return verdict


@given(rights, st.sampled_from([np.float32, np.float64]))
def test_what_is_right_is_called_right(right, dtype):
    for answer in (
        right,
        right.tolist(),
        right.astype(dtype),
        tg.Tensor(right),
        right * (1 + 1e-12),
    ):
        assert verdict_of(answer, right).kind == "right"
    assert verdict_of(right, right.astype(np.float32)).kind == "right"


@given(rights, seeds)
def test_what_is_wrong_is_not_called_right(right, seed):
    other = numbers(right.shape, seed)
    assume(not np.array_equal(other, right))
    assert not verdict_of(other, right).right
    place = np.unravel_index(seed % right.size, right.shape)
    for change in (1e-6, -1.0, 1.0, -2 * right[place] / np.abs(right).max()):
        wrong = right.copy()
        wrong[place] += change * np.abs(right).max()
        assert not verdict_of(wrong, right).right


def test_a_number_that_is_small_beside_others_counts():
    right = np.array([1.0, 1e-10])
    assert verdict_of([1.0, 0.0], right) == diagnose([1.0, 3e-10], right)
    assert verdict_of([1.0, 0.0], right).sentence == "Right but for the entry 1."
    assert verdict_of([1.0, 1e-10 + 1e-16], right).right  # that is rounding


def test_what_cancels_leaves_rounding():
    assert verdict_of([0.0], np.array([1e-17]), scale=1.0).right
    assert verdict_of([0.0], np.array([1e-17])).kind == "zero"


@given(rights)
def test_a_sign(right):
    assert verdict_of(-right, right).sentence == "The sign is wrong."


@given(rights, st.integers(2, 30), st.booleans(), st.booleans())
def test_a_factor(right, n, small, negative):
    factor = (1 / n if small else n) * (-1 if negative else 1)
    verdict = verdict_of(factor * right, right, sizes=[n])
    assert verdict.kind == "factor"
    assert f"{n} times too {'small' if small else 'large'}" in verdict.sentence
    assert ("The sign is wrong" in verdict.sentence) == negative
    assert ("mean" in verdict.sentence) == (n != 2)
    assert "mean" not in verdict_of(factor * right, right).sentence


@given(rights, st.floats(0.1, 10))
def test_any_factor(right, factor):
    assume(abs(factor - 1) > 0.02)
    verdict = verdict_of(factor * right, right)
    assert verdict.kind == "factor"
    assert verdict_of(right * 2 / 3, right).sentence == "It is 2/3 of what it should be."


@given(matrices)
def test_transposed(right):
    assert verdict_of(right.T, right).sentence == "It is transposed."
    assert verdict_of(-right.T, right).sentence == "It is transposed, and the sign is wrong."
    turned = verdict_of(3 * right.T, right)
    assert (turned.kind, turned.sentence) == (
        "transposed",
        "It is transposed, and it is 3 times too large.",
    )


@given(st.builds(numbers, st.tuples(st.just(3), st.just(3)), seeds))
def test_nothing_symmetric_is_called_transposed(a):
    right = a + a.T
    assert verdict_of(right.T, right).right
    assert verdict_of(2 * right.T, right).sentence == "It is 2 times too large."
    assert verdict_of((a - a.T).T, a - a.T).kind == "sign"
    assert "transposed" not in verdict_of(right + a, right).sentence


@given(rights, st.integers(2, 5), seeds, st.integers(0, 2))
def test_a_sum_over_the_batch(right, n, seed, stretched):
    share = numbers((n, *right.shape), seed)
    samples = share + (right - share.sum(axis=0)) / n
    verdict = verdict_of(samples, right)
    assert verdict.sentence == "The sum over the batch, axis 0, is missing."
    assert "sign is wrong" in verdict_of(-samples, right).sentence
    assert verdict_of(samples, right).kind == verdict_of(-samples, right).kind == "sum"
    assert verdict_of(samples + 1, right).kind == "shape"
    # Of an axis of length 1 that was stretched.
    axis = stretched % right.ndim
    total = right.sum(axis=axis, keepdims=True)
    assert f"axis {axis}" in verdict_of(right, total).sentence
    assert verdict_of(right, total).kind == "sum"


def test_a_sum_for_a_single_number():
    assert (
        verdict_of([0.5, 1.0, 1.5], 3.0).sentence == "The sum over the batch, axis 0, is missing."
    )
    assert (
        verdict_of([[1.0, 2.0], [3.0, 4.0]], 10.0).sentence
        == "The sum over the axes 0 and 1 is missing."
    )


@given(matrices, st.booleans(), st.sampled_from([0, 1, (0, 1)]))
def test_a_sum_too_many(right, keepdims, axis):
    verdict = verdict_of(right.sum(axis=axis, keepdims=keepdims), right)
    assert verdict.kind == "sum"
    assert "should not be" in verdict.sentence


@given(rights)
def test_the_shape_alone(right):
    for wrong in (right[None], right.ravel()[None, None], right[..., None]):
        verdict = verdict_of(wrong, right)
        assert verdict.kind == "shape"
        assert "numbers are right" in verdict.sentence
        assert "sign" in verdict_of(-wrong, right).sentence
        assert "numbers" not in verdict_of(wrong + 1, right).sentence
    assert "for every entry" in verdict_of(0.25, np.full(right.shape, 0.25)).sentence
    assert verdict_of(right[:-1], right).sentence == (
        f"The shape is {right[:-1].shape}, and should be {right.shape}."
    )


@given(st.builds(numbers, st.tuples(st.integers(5, 9)), seeds), st.data())
def test_single_entries(right, data):
    few = st.sets(st.integers(0, len(right) - 1), min_size=1, max_size=len(right) // 2)
    places = sorted(data.draw(few))
    wrong, negative = right.copy(), right.copy()
    wrong[places] += 1.0 + np.arange(len(places))
    negative[places] *= -1
    named = " and ".join(", ".join(map(str, places)).rsplit(", ", 1))
    which = f"the {'entry' if len(places) == 1 else 'entries'} {named}"
    assert verdict_of(negative, right).sentence == f"Right but for the sign of {which}."
    assume(not np.isclose(wrong[places], -right[places]).any())
    assert verdict_of(wrong, right).sentence == f"Right but for {which}."


def test_which_entries():
    right = np.arange(1.0, 21.0).reshape(4, 5)

    def sentence(*changes):
        wrong = right.copy()
        for change in changes:
            wrong[change] += 0.5
        return verdict_of(wrong, right).sentence

    assert sentence((0, 1)) == "Right but for the entry (0, 1)."
    assert sentence((0, 1), (3, 2)) == "Right but for the entries (0, 1) and (3, 2)."
    assert sentence(2) == "Right but for row 2."
    assert sentence(1, 3) == "Right but for rows 1 and 3."
    assert sentence((slice(None), 4)) == "Right but for column 4."
    diagonal = sentence(*((i, i) for i in range(4)), (0, 4))
    assert diagonal == "Right but for the entries (0, 0), (0, 4), (1, 1), (2, 2) and 1 more."
    assert verdict_of(np.where(right < 14, right + 0.5, right), right).kind == "wrong"


def test_zeros_that_are_right_by_themselves_are_no_merit():
    right = np.array([0.0, 0.0, 0.0, 3.0, 4.0])
    assert verdict_of([0.0, 0.0, 0.0, 1.0, 7.0], right).kind == "wrong"
    assert verdict_of([0, 0, 0, 0, 0], right).kind == "zero"
    assert verdict_of([0, 0, 0, 6, 8], right).kind == "factor"
    assert verdict_of([0, 0, 0, 3, 7], right).sentence == "Right but for the entry 4."


@given(rights)
def test_rounded(right):
    rounded = np.array([float(f"{x:.3g}") for x in right.ravel()]).reshape(right.shape)
    verdict = verdict_of(rounded, right)
    assert verdict.kind in ("rounded", "entries", "right")
    assert verdict_of(right * 1.001, right).sentence == (
        "Close, but off by up to 0.1 percent: something is rounded, or a small term is missing."
    )
    assert verdict_of(right * 1.001, right, rtol=0.01).right


@given(rights, st.sampled_from([np.nan, np.inf]))
def test_what_is_not_finite(right, strange):
    wrong = right.copy()
    wrong.flat[-1] = strange
    assert verdict_of(wrong, right).kind == "not finite"
    assert verdict_of(wrong, wrong).right
    assert not verdict_of(right, wrong).right
    assert verdict_of(np.full_like(right, strange), right).sentence == "It is not finite."


def test_single_numbers_and_other_kinds_of_numbers():
    right = np.array(6.0)
    kinds = {6: "right", -6: "sign", 12: "factor", 3: "factor", 7: "wrong", 0: "zero", 18: "wrong"}
    assert {answer: verdict_of(answer, right).kind for answer in kinds} == kinds
    assert verdict_of(18, right, sizes=[3]).kind == "factor"  # of one number, only such a factor
    assert verdict_of(5.99, right).kind == "rounded"
    assert verdict_of([6], right).kind == "shape"
    assert verdict_of(np.uint8(250), np.array(6.0)).kind == "wrong"  # no wrap-around: -250 is not 6
    assert verdict_of([True, False], np.array([1.0, 0.0])).right
    assert verdict_of(np.zeros((0, 2)), np.zeros((0, 2))).right
    assert verdict_of(np.zeros((2, 0)), np.zeros((0, 2))).kind == "transposed"


def test_half_precision():
    right = numbers((4, 3), 0)
    half = right.astype(np.float16)
    assert verdict_of(right, half).right
    assert verdict_of(half, right).right
    assert verdict_of(2 * half, half).kind == "factor"


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ([[1.0, 2.0], [3.0]], ValueError, "differ in their lengths"),
        ("1.0", TypeError, "real numbers"),
        (None, TypeError, "got NoneType"),
        ([1j], TypeError, "real numbers"),
    ],
)
def test_what_is_no_answer(answer, error, said):
    with pytest.raises(error, match=said):
        diagnose(answer, np.ones(2))


def test_the_answer_and_what_is_right_stay_as_they_are():
    answer, right = numbers((3, 3), 1), numbers((3, 3), 2)
    before = answer.copy(), right.copy()
    answer.flags.writeable = right.flags.writeable = False
    diagnose(answer, right)
    assert np.array_equal(answer, before[0])
    assert np.array_equal(right, before[1])


@given(rights, seeds)
def test_suspects_come_before_what_is_known_of_entries(right, seed):
    other = numbers(right.shape, seed)
    assume(not np.array_equal(other, right))
    suspect = Suspect("value", "That is its value.", other)
    assert verdict_of(other, right, suspect).sentence == "That is its value."
    assert verdict_of(right, right, Suspect("value", "That is its value.", right)).right
    assert verdict_of(other + 1, right, suspect).kind != "value"


@given(st.builds(numbers, st.tuples(st.just(3), st.just(3)), seeds))
def test_the_usual_mistakes_are_those_that_are_found(right):
    for kind, sentence, array in usual_mistakes(right, [4]):
        assert diagnose(array, right, sizes=[4]) == type(diagnose(right, right))(kind, sentence)
    assert {mistake.kind for mistake in usual_mistakes(right)} == {"sign", "factor", "transposed"}
