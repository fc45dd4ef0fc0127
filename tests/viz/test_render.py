"""Pictures without a system Graphviz, with one, and with none."""

import os
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import pytest

import tinygrad_edu as tg

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}


@pytest.fixture
def drawing():
    x = tg.Tensor(3.0, requires_grad=True, name="x")
    return tg.draw_graph(x * x)


@pytest.fixture
def wheel(monkeypatch, tmp_path):
    """The Graphviz inside the wheel, and no other."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    pytest.importorskip("pygraphviz", reason="nothing to test: pip install pygraphviz")


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """No Graphviz of any kind."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.fixture
def dot(monkeypatch, tmp_path):
    """A ``dot`` on PATH, which draws a picture of its own."""
    if os.name == "nt":
        pytest.skip("the stand-in for dot is a shell script")
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\nprintf '<svg>the dot on PATH</svg>'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize("kind", MAGIC)
def test_draws_without_a_system_graphviz(drawing, kind):
    assert drawing.pipe(kind).startswith(MAGIC[kind])


@pytest.mark.usefixtures("wheel")
def test_text_instead_of_bytes(drawing):
    assert drawing.pipe("svg", encoding="utf-8") == drawing.pipe("svg").decode()


@pytest.mark.usefixtures("dot")
def test_uses_dot_where_it_is(drawing):
    assert b"the dot on PATH" in drawing.pipe("svg")


@pytest.mark.usefixtures("nothing")
def test_without_any_graphviz_it_says_what_to_install(drawing):
    with pytest.raises(RuntimeError, match="pip install pygraphviz"):
        drawing.pipe("svg")


@pytest.mark.usefixtures("nothing")
def test_without_any_graphviz_a_notebook_shows_the_source(drawing):
    (shown,) = drawing._repr_mimebundle_().values()
    assert drawing.source in shown
    assert "pip install pygraphviz" in shown.splitlines()[-1]


@pytest.mark.usefixtures("wheel")
def test_a_notebook_shows_the_picture(drawing):
    bundle = drawing._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"]
    assert bundle["image/svg+xml"].startswith("<?xml")
    bundle = drawing._repr_mimebundle_(include=["image/png"])
    assert bundle["image/png"].startswith(MAGIC["png"])


@pytest.mark.usefixtures("wheel")
def test_an_svg_has_dark_colors_too(drawing):
    root = ET.fromstring(drawing.pipe("svg"))  # noqa: S314 - our own picture
    (style,) = (e.text for e in root if e.tag.endswith("style"))
    assert "prefers-color-scheme: dark" in style
    for color in ("#1f2328", "#fdeccf"):  # the ink, and the ground of parameters
        assert f'.tinygrad_edu [fill="{color}"]' in style
        assert any(e.get("fill") == color for e in root.iter())
    assert b"prefers-color-scheme" not in drawing.pipe("pdf")


@pytest.mark.usefixtures("wheel")
class TestRender:
    def test_writes_the_picture_and_its_source(self, drawing, tmp_path):
        path = drawing.render(outfile=tmp_path / "graph.png")
        assert path == str(tmp_path / "graph.png")
        assert (tmp_path / "graph.png").read_bytes().startswith(MAGIC["png"])
        assert (tmp_path / "graph.gv").read_text() == drawing.source

    def test_names_the_picture_after_the_source(self, drawing, tmp_path):
        path = drawing.render("mine.gv", tmp_path, format="pdf", cleanup=True)
        assert path == str(tmp_path / "mine.gv.pdf")
        assert list(tmp_path.iterdir()) == [tmp_path / "mine.gv.pdf"]

    def test_the_suffix_says_as_what_in_capital_letters_too(self, drawing, tmp_path):
        drawing.render(outfile=tmp_path / "new" / "graph.PNG")
        assert (tmp_path / "new" / "graph.PNG").read_bytes().startswith(MAGIC["png"])

    def test_an_unknown_format_is_refused_and_leaves_nothing_behind(self, drawing, tmp_path):
        with pytest.raises(ValueError, match="svg, png, pdf and many others; got 'xyz'"):
            drawing.render(outfile=tmp_path / "graph.xyz")
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_engine_is_refused(self, drawing):
        with pytest.raises(ValueError, match=r"must be one of circo, dot, .*; got 'nope'"):
            drawing.pipe("svg", engine="nope")

    def test_shows_the_picture_if_asked(self, drawing, tmp_path, monkeypatch):
        opened = []
        monkeypatch.setattr("webbrowser.open", opened.append)
        drawing.render(outfile=tmp_path / "graph.svg", view=True)
        assert opened == [(tmp_path / "graph.svg").as_uri()]


@pytest.mark.usefixtures("nothing")
def test_leaves_no_file_behind_if_it_cannot_draw(drawing, tmp_path):
    with pytest.raises(RuntimeError, match="pip install"):
        drawing.render(outfile=tmp_path / "graph.svg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("wheel")
def test_many_threads_may_draw(drawing):
    with ThreadPoolExecutor(8) as pool:
        pictures = set(pool.map(lambda _: drawing.pipe("svg"), range(24)))
    assert len(pictures) == 1
