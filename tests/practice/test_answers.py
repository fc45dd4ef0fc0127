"""An exercise asks for gradients, says what is wrong with answers, and gives nothing away."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.practice import Score


@pytest.fixture
def network():
    """A network of two layers, its variables by name, and their gradients."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 1))
    W1 = tg.Tensor(rng.normal(size=(2, 3)), requires_grad=True)
    b1 = tg.Tensor(rng.normal(size=3), requires_grad=True)
    W2 = tg.Tensor(rng.normal(size=(3, 1)), requires_grad=True, name="W2")
    z = X @ W1 + b1
    h = tg.tanh(z)
    p = h @ W2
    loss = ((p - y) ** 2).mean()
    named = {"W1": W1, "b1": b1, "W2": W2, "z": z, "h": h, "p": p}
    gradients = dict(zip(named, tg.gradients(loss, [*named.values()]), strict=True))
    return loss, named, {name: np.asarray(g) for name, g in gradients.items()}, X


@pytest.fixture
def answers(network):
    loss, named, _, _ = network
    return tg.exercise(loss, named)


def test_variables_of_the_caller_are_asked_for():
    a = tg.Tensor(2.0, requires_grad=True)
    b = tg.Tensor([1.0, -3.0], requires_grad=True, name="bias")
    constant = tg.Tensor([5.0, 6.0])
    c = a * constant
    L = (c + b).sum()
    assert list(tg.exercise(L)) == ["a", "bias", "c"]  # not c + b, which has no name; not L
    assert list(tg.exercise(L, {"first": a})) == ["first", "bias", "c"]
    assert a.grad is None
    assert b.grad is None


def test_leaves_without_a_name_and_names_that_come_twice():
    pair = [tg.Tensor(x, requires_grad=True, name="w") for x in (2.0, 3.0)]
    loss = pair[0] * pair[1] * tg.Tensor(4.0, requires_grad=True)
    answers = tg.exercise(loss)
    assert list(answers) == ["w", "w_2", "p1"]
    assert [answers.solution(name) for name in answers] == [12.0, 8.0, 6.0]


def test_what_a_student_hears(answers, network, capsys):
    _, named, right, X = network
    g, one = right, np.ones((4, 1))
    slope = 1 - named["h"].data ** 2
    heard = {
        "p": [g["p"], -g["p"], 4 * g["p"], g["p"].ravel(), g["p"] + np.eye(4, 1)],
        "h": [g["h"], named["h"].data, one @ named["W2"].data.T],
        "z": [g["z"], g["h"], slope, 2 * g["z"]],
        "W2": [g["W2"], g["W2"].T, named["h"].data[:, :, None] * g["p"][:, None]],
        "W1": [X.T @ g["z"], X.T @ g["h"], g["W1"].T],
        "b1": [g["z"].sum(axis=0), g["z"], g["z"].mean(axis=0), g["z"][2], g["h"].sum(axis=0)],
    }
    for name, given in heard.items():
        for answer in given:
            answers[name] = answer
    assert capsys.readouterr().out.splitlines() == [
        "p: Right.",
        "p: The sign is wrong.",
        "p: It is 4 times too large, as if a mean were missing.",
        "p: Its numbers are right, but the shape is (4,), and should be (4, 1).",
        "p: Right but for the entry (0, 0).",
        "h: Right.",
        "h: That is its value, not its gradient.",
        "h: It is not right.",
        "z: Right.",
        "z: That is the gradient of h.",
        "z: That is the slope of tanh alone, without what arrives there.",
        "z: It is 2 times too large.",
        "W2: Right.",
        "W2: It is transposed.",
        "W2: The sum over the batch, axis 0, is missing.",
        "W1: Right.",
        "W1: That is worked out from the gradient of h, where that of array @ W1 belongs.",
        "W1: It is transposed.",
        "b1: Right.",
        "b1: The sum over the batch, axis 0, is missing.",
        "b1: It is 4 times too small, as if a mean were taken of what is to be added up.",
        "b1: That is what one sample brings: all of them are added up.",
        "b1: That is worked out from the gradient of h, where that of z belongs.",
    ]


def test_every_use_counts(capsys):
    x = tg.Tensor([3.0, 1.0], requires_grad=True)
    y = (x * x + tg.exp(x)).sum()
    answers = tg.exercise(y)
    for answer in (2 * x.data + np.exp(x.data), x.data, np.exp(x.data), 2 * x.data):
        answers["x"] = answer
    used = "it is used 3 times, and every use counts."
    assert capsys.readouterr().out.splitlines() == [
        "x: Right.",
        f"x: That is what one use brings: {used}",
        f"x: That is what one use brings: {used}",
        f"x: One use is missing: {used}",
    ]


def test_answers_of_many_kinds(network):
    loss, named, right, _ = network
    answers = tg.exercise(loss, named)
    b1 = right["b1"]
    for answer in (b1.tolist(), tuple(b1), tg.Tensor(b1), b1.astype(np.longdouble), b1[::-1][::-1]):
        assert answers.check("b1", answer).right
    assert answers.check("b1", b1.astype(np.float32)).right
    assert answers.check("b1", b1.round(3)).kind == "rounded"
    assert tg.exercise(loss, named, rtol=0.05).check("b1", b1.round(2)).right
    assert answers.verdicts == {}  # check keeps nothing


def test_what_is_left_of_terms_that_cancel_is_rounding():
    w = tg.Tensor(2.0, requires_grad=True)
    answers = tg.exercise((w * np.array([0.1, 0.2, -0.3])).sum())
    assert answers.solution("w") != 0
    assert answers.check("w", 0).right


def test_nothing_is_given_away(answers, network, capsys):
    _, _, right, _ = network
    for name in answers:
        answers[name] = np.full(right[name].shape, 0.123)
        for _ in range(10):
            answers.hint(name)
    shown = f"{capsys.readouterr().out} {answers!r} {answers._repr_html_()}"
    for g in right.values():
        for number in g.ravel():
            assert f"{abs(number):.3g}" not in shown


def test_hints_come_one_at_a_time(answers, capsys):
    for _ in range(5):
        answers.hint("z")
    assert capsys.readouterr().out.splitlines() == [
        "z: Its gradient has the shape that it has itself, (4, 3).",
        "z: It is used once, in h = tanh(z).",
        "z: h = tanh(z) sends back dloss/dh * (1 - h**2).",
        "z: There are no more hints; answers.solution('z') shows it.",
        "z: There are no more hints; answers.solution('z') shows it.",
    ]
    for _ in range(3):
        answers.hint("b1")
    assert capsys.readouterr().out.splitlines()[-1] == (
        "b1: z = t1 + b1 sends back dloss/dz as it is. That has shape (4, 3), since it was "
        "broadcast; it is added up to (3,)."
    )


def test_the_score(answers, network, capsys):
    _, _, right, _ = network
    assert answers.score == Score(right=0, shown=0, asked=6)
    answers["p"] = right["p"]
    answers["h"] = -right["h"]
    solution = answers.solution("z")
    np.testing.assert_array_equal(solution, right["z"])
    solution[...] = 0  # a copy
    answers["z"] = right["z"]
    answers.solution("p")  # was right before
    assert answers.score == Score(right=1, shown=1, asked=6)
    assert answers.open == ["W1", "b1", "W2", "h"]
    assert len(answers) == 6
    assert repr(answers) == (
        "Exercise: 1 of 6 gradients of loss, 1 shown\n"
        "  W1  (2, 3)  open\n"
        "  b1  (3,)    open\n"
        "  W2  (3, 1)  open\n"
        "  z   (4, 3)  Right. (shown)\n"
        "  h   (4, 3)  The sign is wrong.\n"
        "  p   (4, 1)  Right."
    )
    answers["h"] = right["h"]
    assert answers.score.right == 2


class Table(HTMLParser):
    """The texts of the cells of a table, row by row."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 - its signature
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        if self.rows:
            self.rows[-1].append(data)


def test_a_notebook_shows_a_table():
    x = tg.Tensor(2.0, requires_grad=True, name="<x> & y")
    answers = tg.exercise(x * 3.0)
    answers["<x> & y"] = 3
    table = Table()
    table.feed(answers._repr_html_())
    assert table.rows == [["gradient of", "shape", "answer"], ["<x> & y", "()", "Right."]]
    assert "1 of 1 gradients" in answers._repr_html_()


def test_it_stays_right_when_the_parameters_move_on(network):
    loss, named, right, _ = network
    answers = tg.exercise(loss, named)
    loss.backward()
    tg.optim.SGD([named["W1"], named["b1"]], lr=0.5).step()
    assert answers.check("W1", right["W1"]).right
    with pytest.raises(RuntimeError, match="new data"):
        tg.exercise(loss)


def test_bad_input(answers):
    with pytest.raises(KeyError, match=r"'W3'.*W1, b1"):
        answers["W3"] = 1.0
    with pytest.raises(KeyError, match="asked for"):
        answers.hint("L")
    with pytest.raises(KeyError, match="asked for"):
        answers.solution("L")
    with pytest.raises(ValueError, match="lengths"):
        answers["W1"] = [[1.0], [2.0, 3.0]]
    with pytest.raises(TypeError, match="real numbers"):
        answers["W1"] = "none"
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    for loss, error in [(3.0, TypeError), (x * 2, ValueError), (x, ValueError)]:
        with pytest.raises(error, match=r"backprop|not computed"):
            tg.exercise(loss)
    with pytest.raises(TypeError, match="mapping"):
        tg.exercise(x.sum(), ["x"])


def test_sentences_name_no_number_but_lengths_and_places(answers, network):
    _, _, right, _ = network
    said = str(answers.check("W1", right["W1"] * 1.234))
    assert not re.search(r"\d", said)
