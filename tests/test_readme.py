"""What the README shows is what happens."""

import doctest
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language):
    """Return (line number, code) of each fenced block in a language."""
    fenced = re.finditer(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [(TEXT.count("\n", 0, match.start(1)), match[1]) for match in fenced]


def test_examples_print_what_they_say():
    # One namespace for all blocks, in the order in which a reader meets them.
    names, report = {}, []
    runner = doctest.DocTestRunner()
    for line, code in blocks("python"):
        test = doctest.DocTestParser().get_doctest(code, names, README.name, str(README), line)
        runner.run(test, out=report.append, clear_globs=False)
        names = test.globs
    assert runner.tries > 10
    assert not report, "".join(report)


def test_two_commands_are_enough():
    commands = [code for _, code in blocks("bash")]
    assert len(commands) == 2
    assert all(code.count("\n") == 1 for code in commands)
    assert "python examples/quickstart.py" in commands[0]
    assert commands[1] == "pytest\n"


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", TEXT))
def test_links_point_somewhere(target):
    assert (README.parent / target).exists()
