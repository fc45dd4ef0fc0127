"""The gallery has every example, in the order in which one learns."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("sphinx_gallery")

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def gallery(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_ext")  # where Sphinx finds the extensions of each other
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "_ext" / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_has_its_place(gallery):
    examples = (DOCS.parent / "examples").glob("[!_]*.py")
    assert sorted(gallery.TEACHING_ORDER) == sorted(path.stem for path in examples)


def test_what_an_example_can_be_told_it_is_told(gallery):
    def arguments(name, give):
        return give({}, {"src_file": str(DOCS.parent / "examples" / f"{name}.py")})

    gallery.OUTPUT = gallery.OUTPUT.parent / "not_there"
    assert "--quick" not in arguments("digits", gallery.arguments)
    assert "--quick" in arguments("digits", gallery.quick_arguments)
    assert len(arguments("quickstart", gallery.quick_arguments)) == 1


def test_a_figure_scrolls_on_a_small_screen(gallery, tmp_path):
    (tmp_path / "gallery").mkdir()
    written = gallery._picture(tmp_path / "gallery" / "loss.png", str(tmp_path))
    head, _, body = written.partition("\n\n")
    assert head.strip() == ".. container:: figure"  # which site.css lets scroll
    assert all(line.startswith("    ") for line in body.splitlines() if line.strip())
    assert "/gallery/loss.png" in body
