"""Where in the user's program an operation was called."""

import math
import sys
from pathlib import Path

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.context import within
from tinygrad_edu.source import may_call, user_frames


def sources_of(compute):
    """Run a function under debug(), which notes the source of each operation."""
    nodes = []
    with within(observer=nodes.append), tg.debug():
        compute(tg.Tensor([1.0, 2.0], requires_grad=True))
    return [node._source for node in nodes]


def test_the_part_of_a_line_that_was_being_computed():
    def compute(x):
        return tg.tanh(x * 2.0) + x.sum()

    sources = sources_of(compute)
    assert [s.part for s in sources] == ["x * 2.0", "tg.tanh(x * 2.0)", "x.sum()",
                                         "tg.tanh(x * 2.0) + x.sum()"]  # fmt: skip
    assert {s.file for s in sources} == {__file__}
    assert {s.before + s.part + s.after for s in sources} == {"return tg.tanh(x * 2.0) + x.sum()"}


def test_a_file_below_the_working_directory_is_named_from_there(monkeypatch):
    (source,) = sources_of(lambda x: x * 2.0)
    file = Path(__file__)
    names = {
        file.parent: file.name,
        file.parents[1]: str(Path("tests", file.name)),
        file.parents[1] / "docs": __file__,
    }
    for directory, name in names.items():
        monkeypatch.chdir(directory)
        assert str(source).startswith(f"line {source.line} of {name}: (source,) = ")


def test_positions_count_characters_not_bytes():
    def compute(x):
        return "äöü→", tg.sin(x)

    assert [s.part for s in sources_of(compute)] == ["tg.sin(x)"]


def test_a_call_over_several_lines_is_known_by_its_first():
    def compute(x):
        return tg.where(
            x.data > 1.0,
            x,
            0.0,
        )

    (source,) = sources_of(compute)
    assert (source.before, source.part, source.after) == ("", "return tg.where(", "")


def test_numpys_own_code_is_not_the_users():
    def compute(x):
        return np.sum(np.concatenate([x, x]))

    assert [s.part for s in sources_of(compute)] == [
        "np.concatenate([x, x])",
        "np.sum(np.concatenate([x, x]))",
    ]


def test_frames_end_at_the_outermost():
    def inner(outermost):
        return list(user_frames(outermost))

    def middle(outermost):
        return inner(outermost)

    def names(frames):
        return [frame.f_code.co_name for frame in frames]

    assert names(middle(sys._getframe())) == ["inner", "middle"]
    assert names(middle(None))[2] == "test_frames_end_at_the_outermost"


def test_code_without_lines_has_no_text():
    code = compile("tg.sin(x)", "<nowhere>", "eval")
    (source,) = sources_of(lambda x: eval(code, {"tg": tg, "x": x}))  # noqa: S307
    assert (source.file, source.line, source.part) == ("<nowhere>", 1, "")


def test_the_function_that_is_called_just_now():
    class Watched:
        def __float__(self):
            frame = sys._getframe(1)
            seen.append([may_call(frame, f) for f in (float, math.exp)])
            return 0.5

    seen, x, a = [], Watched(), np.zeros(2)
    exp = math.exp
    f"{float(x):.2f} {1 + math.exp(x)}"
    [exp(x) for _ in range(2)]
    a[0] = x
    "%.2f" % x  # noqa: UP031
    list(map(float, [x]))
    no, of_float, of_exp = [False, False], [True, False], [False, True]
    assert seen == [of_float, of_exp, of_exp, of_exp, no, no, no]
    seen.clear()
    exec("float(x); a[0] = x", {"x": x, "a": a})  # noqa: S102 - without source
    assert seen == [[True, True], no]
