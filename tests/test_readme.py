"""What the README shows is what happens."""

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
DOCS = README.parent / "docs"


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


@pytest.fixture(scope="module")
def core():
    spec = importlib.util.spec_from_file_location("core", DOCS / "measure" / "core.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_core_is_as_small_as_the_first_sentence_says(core):
    sentence = " ".join(TEXT.split("\n\n")[1].split())
    assert re.findall(r"\(tinygrad_edu/([^)]+)\)", sentence) == [*core.CORE]
    said = re.search(r"([\d,]+) lines, ([\d,]+) of them code", sentence).groups()
    for counted, text in zip(zip(*core.counts().values(), strict=True), said, strict=True):
        assert abs(sum(counted) - int(text.replace(",", ""))) <= 50  # said in hundreds


def test_the_documentation_walks_through_the_core(core):
    walk = (DOCS / "inside" / "a_walk.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"^## ", walk, flags=re.MULTILINE)
    assert [section.split("`")[1] for section in sections] == [*core.CORE]
    for name, section in zip(core.CORE, sections, strict=True):
        assert f"{{literalinclude}} ../../tinygrad_edu/{name}\n" in section


def test_lines_of_code_are_those_without_docstrings_comments_and_empty_lines(core):
    source = '''"""A module.

With two paragraphs."""

x = 1  # a comment beside code counts as code
"""What x is."""


def f():
    # a comment
    """And a docstring."""
    return """a text
of two lines"""
'''
    assert core.count(source) == (13, 4)
