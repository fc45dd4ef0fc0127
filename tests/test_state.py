"""The state of a random generator: numbers go on where they were, and nothing else is taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import state

NAMES = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "RandomState"]
every_kind = pytest.mark.parametrize("kind", NAMES)


def generator(kind, seed):
    if kind == "RandomState":
        return np.random.RandomState(seed)
    return np.random.Generator(getattr(np.random, kind)(seed))


def draw_one(rng, what):
    if what == "normal":  # an old RandomState keeps every second one for later
        rng.normal()
    elif what == "bits":  # a Generator keeps the other half of 64 bits for later
        integers = rng.randint if isinstance(rng, np.random.RandomState) else rng.integers
        integers(2**32, dtype=np.uint32)
    else:
        rng.permutation(7)


def assert_alike(first, second):
    for _ in range(3):
        for draw in (lambda rng: rng.normal(size=11), lambda rng: rng.permutation(400)):
            np.testing.assert_array_equal(draw(first), draw(second))


def test_the_kinds_are_those_that_numpy_has():
    theirs = {
        name
        for name, x in vars(np.random).items()
        if isinstance(x, type)
        and issubclass(x, np.random.BitGenerator)
        and x is not np.random.BitGenerator
    }
    assert theirs == {*NAMES} - {"RandomState"}
    assert set(state.KINDS) == {*NAMES}


@every_kind
@given(
    seed=st.integers(0, 2**32 - 1),
    before=st.lists(st.sampled_from(["normal", "bits", "order"]), max_size=6),
)
def test_another_generator_goes_on_where_the_first_one_is(kind, seed, before):
    first, second = generator(kind, seed), generator(kind, 1)
    for what in before:
        draw_one(first, what)
    saved = tg.get_rng_state(first)
    tg.set_rng_state(second, saved)
    np.testing.assert_equal(tg.get_rng_state(second), saved)
    assert_alike(first, second)


@every_kind
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_state_comes_back_from_a_file(tmp_path, kind, suffix):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    first, second = generator(kind, 0), generator(kind, 1)
    tg.save(tmp_path / f"file.{suffix}", tg.get_rng_state(first))
    tg.set_rng_state(second, tg.load(tmp_path / f"file.{suffix}"))
    assert_alike(first, second)


def test_a_state_is_a_copy():
    rng = np.random.default_rng(0)
    saved = tg.get_rng_state(rng)
    saved["PCG64"][:] = 1
    assert_alike(rng, np.random.default_rng(0))


@every_kind
@given(data=st.data())
def test_other_numbers_are_refused_or_taken_as_they_are(kind, data):
    rng = generator(kind, 0)
    before = tg.get_rng_state(rng)
    (words,) = (x.copy() for x in before.values())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(-min(words.size, 12), 11 if words.size > 11 else 0))
        words[at] = data.draw(st.integers(0, 2**64 - 1) | st.integers(0, 700))
    if state.problem_of(rng, words):
        with pytest.raises(ValueError, match=f"no state of a {kind}, whose"):
            tg.set_rng_state(rng, {kind: words})
        np.testing.assert_equal(tg.get_rng_state(rng), before)
    else:
        tg.set_rng_state(rng, {kind: words})
        np.testing.assert_equal(tg.get_rng_state(rng), {kind: words})


@pytest.mark.parametrize(
    ("kind", "at", "word", "message"),
    [
        ("RandomState", -1, 625, r"state\.pos is at most 624"),
        ("MT19937", -1, 625, r"state\.pos is at most 624"),
        ("MT19937", 5, 2**32, r"state\.key is at most 4294967295"),
        ("Philox", 5, 5, "buffer_pos is at most 4"),
        ("PCG64", 1, 2, "has_uint32 is at most 1"),
        ("PCG64", -1, 2**32, "uinteger is at most 4294967295"),
    ],
)
def test_numbers_that_numpy_does_not_check_are_refused(kind, at, word, message):
    rng = generator(kind, 0)
    (words,) = tg.get_rng_state(rng).values()
    words[at] = word
    with pytest.raises(ValueError, match=message):
        tg.set_rng_state(rng, {kind: words})
    assert_alike(rng, generator(kind, 0))


def test_the_state_of_another_kind_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"fit this generator:\s+missing +PCG64: \(8,\) uint64"):
        tg.set_rng_state(rng, tg.get_rng_state(np.random.RandomState(0)))
    with pytest.raises(ValueError, match=r"misfit +PCG64: expected \(8,\) uint64, got \(3,\)"):
        tg.set_rng_state(rng, {"PCG64": np.zeros(3, np.uint64)})
    with pytest.raises(TypeError, match="a state is a mapping of names to arrays"):
        tg.set_rng_state(rng, 3)
    assert_alike(rng, np.random.default_rng(0))


class Counter(np.random.PCG64):
    """A bit generator that NumPy does not know."""

    @property
    def state(self):
        return {"bit_generator": "Counter", "state": 0}


@pytest.mark.parametrize(
    "unknown", [np.random.Generator(Counter(0)), np.random.RandomState(np.random.PCG64(0))]
)
def test_an_unknown_kind_is_refused(unknown):
    with pytest.raises(TypeError, match="cannot be saved, for its numbers are not known; these"):
        tg.get_rng_state(unknown)
    with pytest.raises(TypeError, match="cannot be saved"):
        tg.set_rng_state(unknown, {"PCG64": np.zeros(8, np.uint64)})
    with pytest.raises(TypeError, match="cannot be saved"):
        tg.nn.Dropout(rng=unknown).state_dict()


@pytest.mark.parametrize("rng", [0, None, "PCG64", np.random.PCG64(0)])
def test_what_is_no_generator_is_refused(rng):
    with pytest.raises(TypeError, match="a random generator is a Generator or RandomState; got"):
        tg.get_rng_state(rng)
