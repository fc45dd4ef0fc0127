"""Arrays that are watched: they compute as others do, and everything they go through is noted."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu.compiler.tracing import Number, Tape, Traced, UntraceableError, Value
from tinygrad_edu.quick import as_a_whole

matrices = hnp.arrays(float, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-2, 2))

EXPRESSIONS = {
    "operators": lambda x: 1 - x * 2.0 / (3 + abs(x)) ** 2 + -x,
    "comparisons": lambda x: np.where((x > 0) & ~(x >= 1) | (x == 2), x, 0),
    "ufuncs": lambda x: np.exp(np.minimum(x, 1.0)) + np.add.reduce(x, axis=0),
    "functions": lambda x: np.concatenate([np.flip(x, 0), np.cumsum(x, axis=1)]),
    "methods": lambda x: x.sum(axis=0, keepdims=True) + x.reshape(-1).mean() + x.max(),
    "products": lambda x: x.T.dot(x) @ np.einsum("ij,ik->jk", x, x) + x.mT @ x,
    "indexing": lambda x: x[0] + x[::-1][..., :1].ravel()[0] + x[[0, 0]].sum() + x[None, -1, :],
    "several results": lambda x: sum(part.sum() for part in np.split(x, [1])),
    "named results": lambda x: np.linalg.svd(x @ x.T + np.eye(len(x))).S,
    "iteration": lambda x: sum(row.sum() for row in x),
    "shapes": lambda x: x * len(x) + np.size(x) + np.ndim(x) + np.shape(x)[0] + x.size,
    "dtypes": lambda x: x.astype(np.float32) + np.zeros_like(x, dtype=np.float32),
}


def run(tape, inputs):
    """What the tape says, done again to other inputs; a list of all values."""
    found = {}

    def given_for(x):
        if isinstance(x, Value):
            return found[x]
        if isinstance(x, tuple | list):
            return type(x)(map(given_for, x))
        return x

    for value in tape.values:
        if value.input is not None:
            found[value] = inputs[value.input]
        elif value.function is None:
            found[value] = value.example
        else:
            options = {name: given_for(x) for name, x in value.options.items()}
            found[value] = value.function(*given_for(value.args), **options)
    return found


@pytest.mark.parametrize("f", EXPRESSIONS.values(), ids=EXPRESSIONS)
@given(x=matrices, factor=st.floats(-1, 1))
def test_what_is_noted_holds_for_other_numbers(f, x, factor):
    tape = Tape()
    y = f(tape.input(x, "x"))
    assert type(y) is Traced
    np.testing.assert_array_equal(np.asarray(y), f(x))
    other = x * factor
    found = run(tape, {"x": other})[y.value]
    np.testing.assert_allclose(found, f(other), rtol=1e-12, atol=1e-12)
    assert np.asarray(found).dtype == f(other).dtype


def noted(tape):
    return [value.function.__name__ for value in tape.values if value.function]


def test_nothing_is_noted_twice():
    tape = Tape()
    x = tape.input(np.ones(3), "x")
    a, b = np.sin(x) * 2.0 + np.ones(3), np.sin(x) * 2.0 + np.ones(3)
    assert a.value is b.value
    assert noted(tape) == ["sin", "multiply", "add"]
    assert (np.sin(x) * 2).value is not (np.sin(x) * 2.0).value
    assert x[0:1].value is not x[0:2].value
    assert x.sum(axis=0).value is not x.sum(axis=-1).value
    assert (x + np.ones(3)).value is not (x + np.zeros(3)).value
    assert (x + np.ones(3)).value is not (x + np.ones(3, np.float32)).value


def test_what_does_nothing_is_not_noted():
    tape = Tape()
    x = tape.input(np.ones(3), "x")
    one = tape.constant(np.array(1.0))
    for same in (x * 1, 1.0 * x, x * one, x.copy(), np.copy(x), x.astype(float)):
        assert same.value is x.value
    assert noted(tape) == []
    assert (x * one.astype(np.float32)).value is x.value
    assert (x.astype(np.float32) * np.float64(1)).dtype == np.float64
    assert (x[:1] * np.ones((1, 1))).shape == (1, 1)


def test_constants_stay_constants():
    tape = Tape()
    c = tape.constant(np.array([1.0, 2.0]))
    assert (np.exp(c) + 1).value.is_constant
    assert not (c + tape.input(np.ones(2), "x")).value.is_constant


def test_operands_of_one_row_get_all_axes():
    tape = Tape()
    x, b = tape.input(np.ones((1, 3)), "x"), tape.input(np.ones(3), "b")
    assert (x + b).shape == (1, 3)
    assert noted(tape) == ["getitem", "add"]
    assert (tape.input(np.ones((2, 3)), "X") + b).shape == (2, 3)
    assert noted(tape) == ["getitem", "add", "add"]


NEEDS_NUMBERS = {
    "condition": lambda x: 1 if x.sum() > 0 else 2,
    "float": lambda x: float(x[0]),
    "int": lambda x: int(x[0]),
    "index": lambda x: range(10)[x.astype(int)[0]],
    "contains": lambda x: 1.0 in x,
    "item": lambda x: x[0].item(),
    "tolist": lambda x: x.tolist(),
    "mask": lambda x: x[x > 0],
    "nonzero": np.nonzero,
    "method nonzero": lambda x: x.nonzero(),
    "unique": np.unique,
    "assignment": lambda x: operator.setitem(x, 0, 1.0),
    "in place": lambda x: operator.iadd(x, 1.0),
    "out": lambda x: np.add(x, 1.0, out=np.empty(3)),
    "at": lambda x: np.add.at(np.zeros(3), [0, 1, 2], x),
    "sort in place": lambda x: x.sort(),
    "bool": np.array_equal,
}


@pytest.mark.parametrize("f", NEEDS_NUMBERS.values(), ids=NEEDS_NUMBERS)
def test_numbers_are_not_given_away(f):
    x = Tape().input(np.ones(3), "x")
    with pytest.raises(UntraceableError):
        f(x, x) if f is np.array_equal else f(x)


def test_an_array_without_a_trace_is_refused():
    x = Tape().input(np.ones((2, 3)), "x")
    with pytest.raises(UntraceableError, match="leaves no trace"):
        np.ones((3, 2)).dot(x) + 1
    assert repr(x) == str(x) == "Traced(array([[1., 1., 1.],\n       [1., 1., 1.]]))"


@given(st.floats(0.1, 1.9), st.floats(0.1, 1.9))
def test_numbers_that_vary(lr, other):
    def f(lr, x):
        return (1 - 0.9**lr) ** 0.5 * x / (2 - lr) + -lr * x + abs(+lr - 3)

    tape = Tape()
    x = np.array([1.0, 2.0], np.float32)
    y = f(tape.input(lr, "lr"), tape.input(x, "x"))
    assert y.dtype == np.float32  # as weak as a Python number
    np.testing.assert_array_equal(np.asarray(y), f(lr, x))
    found = run(tape, {"lr": other, "x": x})[y.value]
    np.testing.assert_array_equal(found, f(other, x))
    with pytest.raises(UntraceableError, match="condition"):
        bool(Number.of(tape.values[0], tape))


def test_a_function_may_be_noted_as_a_whole():
    @as_a_whole
    def twice(x):
        """Two times x."""
        return np.array([2 * number for number in x.tolist()])

    @as_a_whole
    def require_positive(x):
        if (x <= 0).any():
            raise ValueError("must be positive")

    tape = Tape()
    x = tape.input(np.array([1.0, 2.0]), "x")
    np.testing.assert_array_equal(np.asarray(twice(x)), [2, 4])
    assert require_positive(x) is None
    assert noted(tape) == ["twice"]
    assert (twice.__name__, twice.__doc__) == ("twice", "Two times x.")
    np.testing.assert_array_equal(twice(np.ones(2)), [2, 2])
    with pytest.raises(ValueError, match="must be positive"):
        require_positive(tape.input(np.zeros(2), "y"))


def test_random_numbers_are_drawn_by_the_program():
    @as_a_whole
    def noise(x, rng):
        return rng.normal(size=x.shape)

    tape, rng = Tape(), np.random.default_rng(0)
    x = tape.input(np.zeros(3), "x")
    assert noise(x, rng).value is not noise(x, rng).value
    assert rng.normal() == np.random.default_rng(0).normal()
