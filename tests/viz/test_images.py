"""The pictures in the README are those that the code draws today."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
HINT = "run: python docs/make_images.py"


@pytest.fixture(scope="module")
def make_images():
    spec = importlib.util.spec_from_file_location("make_images", ROOT / "docs" / "make_images.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_graph_is_up_to_date(make_images):
    assert (IMAGES / "graph.gv").read_text(encoding="utf-8") == make_images.graph().source, HINT


def test_the_picture_is_of_the_graph(make_images, read_picture):
    # Versions of Graphviz place and measure differently; what is said is the same.
    there = read_picture((IMAGES / "graph.svg").read_bytes())
    now = read_picture(make_images.graph().pipe("svg"))
    assert {name: card.texts for name, card in there.nodes.items()} == {
        name: card.texts for name, card in now.nodes.items()
    }, HINT
    assert there.edges == now.edges, HINT


def test_there_is_a_still_of_the_explorer():
    assert (IMAGES / "explorer.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["graph.svg", "explorer.png"])
def test_the_readme_shows_it(name):
    assert f"(docs/images/{name})" in (ROOT / "README.md").read_text(encoding="utf-8")
