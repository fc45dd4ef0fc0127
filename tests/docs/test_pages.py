"""What the pages of the documentation show is what happens."""

import doctest
import json
import linecache
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(?:(python)|\{picture\}[^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = sorted(
    path
    for folder in (".", "learn", "inside", "reference")
    for path in (DOCS / folder).glob("*.md")
    if BLOCK.search(path.read_text(encoding="utf-8"))
)


def run(page):
    """Run the examples of a page in one namespace, and the code shown with its pictures.

    Pictures whose code is hidden take longer; they are drawn when the documentation is built.
    """
    text, names, report = page.read_text(encoding="utf-8"), {}, []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for block in BLOCK.finditer(text):
        if block[2].startswith(":hide-code:"):
            continue
        if not block[1]:
            exec(compile(block[2], page.name, "exec"), names)  # noqa: S102 - our own pages
            continue
        line = text.count("\n", 0, block.start(2))
        name = f"{page.name}, line {line}"
        test = doctest.DocTestParser().get_doctest(block[2], {}, name, str(page), line)
        test.globs = names
        for i, example in enumerate(test.examples):  # for functions that later blocks look at
            lines = example.source.splitlines(keepends=True)
            file = f"<doctest {name}[{i}]>"
            linecache.cache[file] = len(example.source), None, lines, file
        runner.run(test, out=report.append, clear_globs=False)
    return "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_examples_print_what_they_say(page, monkeypatch):
    monkeypatch.chdir(DOCS)
    report = run(page)
    assert not report, report


LISTING = re.compile(r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)```$", re.MULTILINE)
LISTINGS = [
    pytest.param(page.parent / file, dict(re.findall(r"^:(\S+): ?(.*)$", options, re.MULTILINE)))
    for page in sorted(DOCS.rglob("inside/*.md"))
    for file, options in LISTING.findall(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("file", "options"), LISTINGS)
def test_what_is_listed_is_there(file, options):
    code = file.read_text(encoding="utf-8")
    if name := options.get("pyobject"):
        assert f"\ndef {name}(" in code
    else:
        begin, end = (options[option].strip('"') for option in ("start-at", "end-at"))
        assert -1 < code.find(begin) < code.rfind(end)


def test_the_notebook_runs_and_carries_no_output():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    path = DOCS / "start_here.ipynb"
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/svg+xml" in output.get("data", {}) for output in shown)
    assert any("<iframe" in output.get("data", {}).get("text/html", "") for output in shown)
