"""A step written by hand is compared with the compiled one: each mistake is named."""

import sys
from itertools import pairwise

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.practice.tracing import assignments

LINES = """\
def by_hand(x, t, W1, b1, W2, b2, W3, b3, lr):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    n = len(x)
    z1 = x @ W1 + b1
    h1 = sigmoid(z1)
    z2 = h1 @ W2 + b2
    h2 = sigmoid(z2)
    z3 = h2 @ W3 + b3
    p = sigmoid(z3)
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    dz3 = (p - t) / n
    dW3 = h2.T @ dz3
    db3 = dz3.sum(axis=0)
    dh2 = dz3 @ W3.T
    dz2 = dh2 * h2 * (1 - h2)
    dW2 = h1.T @ dz2
    db2 = dz2.sum(axis=0)
    dh1 = dz2 @ W2.T
    dz1 = dh1 * h1 * (1 - h1)
    dW1 = x.T @ dz1
    db1 = dz1.sum(axis=0)
    W1 = W1 - lr * dW1
    b1 = b1 - lr * db1
    W2 = W2 - lr * dW2
    b2 = b2 - lr * db2
    W3 = W3 - lr * dW3
    b3 = b3 - lr * db3
"""
ORDER = (
    *("z1", "h1", "z2", "h2", "z3", "loss", "dz3", "dW3", "db3", "dh2", "dz2", "dW2", "db2"),
    *("dh1", "dz1", "dW1", "db1", "W1", "b1", "W2", "b2", "W3", "b3"),
)
NOT = "It is not right."
SIGN = "The sign is wrong."
TURNED = "It is transposed."
NO_MEAN = "It is 5 times too large, as if a mean were missing."
MEAN = "It is 5 times too small, as if a mean were taken of what is to be added up."
NO_SUM = "The sum over the batch, axis 0, is missing."
SHAPE = "Its numbers are right, but the shape is (1, 1), and should be (1,)."
SLOPE = "That is the slope of sigmoid alone, without what arrives there."
SAMPLE = "That is what one sample brings: all of them are added up."
WHOLE = "That is a step by the whole gradient, without the learning rate."
CLOSE = "Close, but off by up to 0.003 percent: something is rounded, or a small term is missing."


def no_slope(right):
    return f"That is worked out from the gradient of h2, where that of {right} belongs."


# The right line, the same with a mistake, and what is wrong.
MISTAKES = [
    ("z1 = x @ W1 + b1", "z1 = x @ W1 - b1", NOT),
    ("h1 = sigmoid(z1)", "h1 = z1", "That is the value of z1."),
    ("h1 = sigmoid(z1)", "h1 = sigmoid(-z1)", NOT),
    ("h2 = sigmoid(z2)", "h2 = sigmoid(z2).T", TURNED),
    ("loss = -np", "loss = np", SIGN),
    ("-np.mean", "-np.sum", NO_MEAN),
    ("dz3 = (p - t) / n", "dz3 = p - t", NO_MEAN),
    ("dz3 = (p - t) / n", "dz3 = (t - p) / n", SIGN),
    ("dz3 = (p - t) / n", "dz3 = 2 * (p - t) / n", "It is 2 times too large."),
    ("dW3 = h2.T @ dz3", "dW3 = dz3.T @ h2", TURNED),
    ("dW3 = h2.T @ dz3", "dW3 = h2.T @ dz3 / n", MEAN),
    ("dW3 = h2.T @ dz3", "dW3 = h2[:, :, None] * dz3[:, None]", NO_SUM),
    ("db3 = dz3.sum(axis=0)", "db3 = dz3", NO_SUM),
    ("db3 = dz3.sum(axis=0)", "db3 = dz3.sum(axis=0, keepdims=True)", SHAPE),
    ("dz2 = dh2 * h2 * (1 - h2)", "dz2 = dh2", "That is the gradient of h2."),
    ("dz2 = dh2 * h2 * (1 - h2)", "dz2 = h2 * (1 - h2)", SLOPE),
    ("dz2 = dh2 * h2 * (1 - h2)", "dz2 = dh2 * h1[:, :3] * (1 - h2)", NOT),
    ("dW2 = h1.T @ dz2", "dW2 = h1.T @ dh2", no_slope("h1 @ W2")),
    ("db2 = dz2.sum(axis=0)", "db2 = dz2.mean(axis=0)", MEAN),
    ("db2 = dz2.sum(axis=0)", "db2 = dh2.sum(axis=0)", no_slope("z2")),
    ("db2 = dz2.sum(axis=0)", "db2 = dz2[0]", SAMPLE),
    ("dW1 = x.T @ dz1", "dW1 = x.T @ dz1; dW1[0, 1] = 7", "Right but for the entry (0, 1)."),
    ("W1 = W1 - lr * dW1", "W1 = W1 + lr * dW1", SIGN),
    ("W1 = W1 - lr * dW1", "W1 -= dW1", WHOLE),
    ("b2 = b2 - lr * db2", "b2 = b2 - lr * db2 / n", MEAN),
    ("b3 = b3 - lr * db3", "b3 = b3 - lr * db3 + 1e-6", CLOSE),
]


@pytest.fixture(scope="module")
def compiled():
    """The network of the study, its compiled step, and a batch."""
    rng = np.random.default_rng(1)
    sizes = [2, 4, 3, 1]
    parameters = {}
    for i, (n, m) in enumerate(pairwise(sizes), start=1):
        parameters[f"W{i}"] = tg.Tensor(rng.normal(size=(n, m)), requires_grad=True)
        parameters[f"b{i}"] = tg.Tensor(rng.normal(size=m), requires_grad=True)
    W1, b1, W2, b2, W3, b3 = parameters.values()

    def loss_of(x, t):
        z1 = x @ W1 + b1
        h1 = tg.sigmoid(z1)
        z2 = h1 @ W2 + b2
        h2 = tg.sigmoid(z2)
        z3 = h2 @ W3 + b3
        return tg.sigmoid_cross_entropy(z3, t)

    step = tg.compile(loss_of, tg.optim.SGD([*parameters.values()], lr=0.1))
    x = rng.normal(size=(5, 2))
    return step, parameters, x, (x[:, :1] > 0).astype(float)


@pytest.fixture
def written(tmp_path):
    """Make a function of a source."""

    def function_of(source, **names):
        path = tmp_path / "derivation.py"
        path.write_text(source, encoding="utf-8")
        names["np"] = np
        exec(compile(source, path, "exec"), names)  # noqa: S102 - our own source
        return names["by_hand"]

    return function_of


def test_what_is_right(compiled, written):
    step, parameters, x, t = compiled
    before = {name: p.data.copy() for name, p in parameters.items()}
    steps = step._optimizer.steps
    compared = tg.compare_steps(written(LINES), step, x, t, names=parameters)
    assert compared.first is None
    assert (compared.right, compared.missing, compared.unknown) == ([*ORDER], [], ["p"])
    assert repr(compared) == (
        f"All that could be compared is right: {', '.join(ORDER)}.\n"
        "Called as nothing there, and not compared: p."
    )
    for name, p in parameters.items():  # nothing is changed
        np.testing.assert_array_equal(p.data, before[name])
        assert p.grad is None
    assert step._optimizer.steps == steps


@pytest.mark.parametrize(("right", "wrong", "sentence"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_every_planted_mistake_is_named_first(compiled, written, right, wrong, sentence):
    step, parameters, x, t = compiled
    source = LINES.replace(right, wrong, 1)
    assert source != LINES
    line = next(i for i, text in enumerate(source.splitlines(), start=1) if wrong in text)
    by_hand = written(source)
    if ".T" in wrong and right.startswith("h2"):
        with pytest.raises(ValueError, match="matmul") as caught:  # the next line cannot go on
            tg.compare_steps(by_hand, step, x, t, names=parameters)
        assert "\n".join(caught.value.__notes__) == (
            "before that, h2 differs from the value of h2: it is transposed.\n"
            f"  line {line} of by_hand: {wrong}"
        )
        return
    first = tg.compare_steps(by_hand, step, x, t, names=parameters).first
    name = source.splitlines()[line - 1].split()[0]
    assert (first.name, str(first.verdict)) == (name, sentence)
    assert first.where == f"line {line} of by_hand: {source.splitlines()[line - 1].strip()}"


def test_the_last_compiled_program_agrees(compiled, written):
    """What is compared with is what the program does: new parameters are those after its step."""
    step, parameters, x, t = compiled
    before = {p: p.data.copy() for p in parameters.values()}
    found = []
    data = {name: p.data.copy() for name, p in parameters.items()}
    assignments(written(LINES), {"x": x, "t": t, "lr": 0.1, **data}, found)
    by_hand = {a.name: a.value for a in found}
    try:
        assert step(x, t) == pytest.approx(by_hand["loss"])
        for name, p in parameters.items():
            np.testing.assert_allclose(p.data, by_hand[name], rtol=1e-12)
    finally:
        for p, old in before.items():
            p.data = old


@pytest.fixture
def neuron():
    w = tg.Tensor([1.0, -2.0], requires_grad=True, name="w")

    def loss_of(x):
        z = x @ w
        return (z**2).sum()

    return w, loss_of, np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]])


def test_optimizers_with_a_memory_and_clipping(neuron):
    w, loss_of, x = neuron
    optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
    step = tg.compile(loss_of, optimizer, clip_norm=1.0)
    step(x)
    velocity = optimizer.state_dict()["velocity.0"]
    state, data = velocity.copy(), w.data.copy()

    def by_hand(x, w, lr):
        dw = 2 * x.T @ (x @ w)
        clipped = dw / np.linalg.norm(dw)
        new_w = w - lr * (0.9 * velocity + clipped)  # noqa: F841 - it is looked at

    compared = tg.compare_steps(by_hand, step, x)
    assert (compared.first, compared.right) == (None, ["dw", "new_w"])
    assert compared.unknown == ["clipped"]
    np.testing.assert_array_equal(optimizer.state_dict()["velocity.0"], state)
    np.testing.assert_array_equal(w.data, data)


def test_a_step_whose_gradient_has_no_name(neuron):
    _, loss_of, x = neuron
    step = tg.compile(loss_of, tg.optim.SGD([neuron[0]], lr=0.1))

    def by_hand(x, w, lr):
        dsquares = np.ones(len(x))
        w -= lr * x.T @ dsquares

    first = tg.compare_steps(by_hand, step, x).first
    assert (first.name, first.meaning) == ("w", "the step of w")
    assert str(first.verdict) == (
        "That is worked out from the gradient of z ** 2, where that of z belongs."
    )


def test_a_function_without_an_optimizer(neuron):
    _, loss_of, x = neuron

    def by_hand(x, w):
        z = x @ w
        grad_z = 2 * z
        w_grad = x @ grad_z[:2]  # noqa: F841

    first = tg.compare_steps(by_hand, tg.compile(loss_of), x).first
    assert (first.name, first.verdict.kind) == ("w_grad", "shape")


def test_variables_that_are_assigned_in_a_loop():
    weights = [tg.Tensor(np.eye(2) * k, requires_grad=True, name=f"W{k}") for k in (1, 2, 3)]

    def loss_of(h):
        for W in weights:
            h = tg.tanh(h @ W)
        return h.sum()

    def by_hand(x, W1, W2, W3, factor=1.0):
        h, seen = x, []
        for W in (W1, W2, W3):
            seen.append(h)
            h = np.tanh(h @ W)
        dh = np.ones_like(h)
        for W in (W3, W2):
            dh = factor * (dh * (1 - np.tanh(seen.pop() @ W) ** 2)) @ W.T

    x = np.array([[0.1, 0.2]])
    step = tg.compile(loss_of)
    compared = tg.compare_steps(by_hand, step, x)
    assert compared.first is None
    assert compared.right == ["h", "h", "h", "dh", "dh", "dh"]
    assert compared.missing == ["W1", "W2", "W3"]
    assert "Nothing was computed for W1, W2, W3." in repr(compared)
    by_hand.__defaults__ = (2.0,)
    first = tg.compare_steps(by_hand, step, x).first
    assert (first.name, first.meaning) == ("dh", "the gradient of h_2")
    assert str(first.verdict) == "It is 2 times too large."


def test_a_tracer_that_was_set_is_set_again(neuron):
    _, loss_of, x = neuron
    step = tg.compile(loss_of)

    def tracer(*_):
        return None

    def by_hand(x, w):
        z = x @ w
        raise ZeroDivisionError(z.shape)

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with pytest.raises(ZeroDivisionError) as caught:
            tg.compare_steps(by_hand, step, x)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert not hasattr(caught.value, "__notes__")  # what was computed until then is right


def test_assignments():
    def function(a, b):
        a[0] = 5.0
        c = a + b
        c = c * 1.0  # the same numbers
        c -= 1
        text = "not a number"
        return text, [c for c in (1, 2) if c]

    a, found = np.array([1.0, 2.0]), []
    line = function.__code__.co_firstlineno
    assignments(function, {"a": a, "b": 2}, found)
    told = [(x.name, x.value.tolist(), x.line - line, x.code) for x in found]
    assert told == [
        ("a", [5.0, 2.0], 1, "a[0] = 5.0"),
        ("c", [7.0, 4.0], 2, "c = a + b"),
        ("c", [6.0, 3.0], 4, "c -= 1"),
    ]


def test_what_is_called_is_not_looked_at():
    def function(depth):
        a = depth * 1.0
        if depth:
            function(depth - 1)
        return max(a, 2.0)

    found = []
    assignments(function, {"depth": 3}, found)
    assert [(x.name, x.value) for x in found] == [("a", 3.0)]


def test_bad_input(neuron):
    _, loss_of, x = neuron
    step = tg.compile(loss_of, None)
    with pytest.raises(TypeError, match="written with def; got str"):
        tg.compare_steps("by_hand", step, x)
    with pytest.raises(TypeError, match=r"what tg\.compile returned; got function"):
        tg.compare_steps(lambda x: x, loss_of, x)
    with pytest.raises(TypeError, match="nothing to give <lambda> for its argument V"):
        tg.compare_steps(lambda x, V: x @ V, step, x)
    with pytest.raises(TypeError, match="1 of the 1 that were given are left over"):
        tg.compare_steps(lambda w: w, step, x)
    with pytest.raises(ValueError, match="there are w, z; the gradient of h is called dh"):
        tg.compare_steps(lambda x, w: x @ w, step, x)
    with pytest.raises(ValueError, match="single number"):
        tg.compare_steps(lambda x, w: x @ w, tg.compile(lambda x: neuron[0][0] * x), x)
