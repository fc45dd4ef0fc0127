"""Links from a sentence of the documentation to a step of the explorer on its page."""

import importlib
import re
from pathlib import Path

import pytest

import tinygrad_edu as tg

pytest.importorskip("sphinx")
pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

DOCS = Path(__file__).parents[2] / "docs"
ROLE = re.compile(r"\{step\}`([^<`]+) <([^>`]+)>`")
PICTURE = re.compile(r"^```\{picture\} .*?^```$", re.DOTALL | re.MULTILINE)
PAGES = [
    path for path in sorted(DOCS.rglob("*.md")) if ROLE.search(path.read_text(encoding="utf-8"))
]


@pytest.fixture
def extension(monkeypatch):
    """Import an extension of the documentation."""
    monkeypatch.syspath_prepend(DOCS / "_ext")
    return importlib.import_module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_steps_that_a_page_names_are_there(page, extension):
    pictures, steps = extension("pictures"), extension("steps")
    text, names, begin = page.read_text(encoding="utf-8"), {}, 0
    known, waiting = [], []
    for picture in PICTURE.finditer(text):
        above = text[begin : picture.start()]
        waiting += ROLE.findall(above)
        pictures.run_examples(text[: picture.start()], names, page.name, begin)
        code = picture[0].partition("\n")[2].removesuffix("```")
        shown = pictures.run_code(code, names)
        begin = picture.end()
        if hasattr(shown, "steps"):
            known = steps.headings(shown.html)
            assert [heading for _, heading in waiting if heading not in known] == []
            waiting = []
    assert [heading for _, heading in waiting if heading not in known] == []


def test_the_chapters_link_to_steps():
    assert {page.stem[:2] for page in PAGES} >= {"01", "02", "03"}


def test_a_link_leads_the_explorer_to_its_step(browser, extension, tmp_path):
    pictures, steps = extension("pictures"), extension("steps")
    explorer = tg.explore(lambda x: tg.sin(x) * x, 2.0)
    path = explorer.save(tmp_path / "explorer.html")
    known = steps.headings(explorer.html)
    step = known.index("From L to t1")
    frame = pictures.frame(path, path.name, "An explorer")
    link = steps.LINK.format(uri=path.name, name=path.stem, step=step, text="there")
    (tmp_path / "page.html").write_text(f"<p>{link}</p>{frame}", encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    inside = page.frame_locator("iframe")
    for _ in range(2):  # also when the reader has gone on since
        page.click("a")
        inside.locator("h2:text('From')").wait_for()
        assert inside.locator("#count").inner_text().startswith(f"step {step} of")
        inside.locator("#forward").click()
        inside.locator(f"#count:text('step {step + 1} of')").wait_for()
        page.wait_for_timeout(200)  # until the address says so
    assert page.url.endswith("page.html")
    page.close()
