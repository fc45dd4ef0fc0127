"""Every public name has its place in the reference."""

import re
from importlib import import_module
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = {
    "compiler": "compiler",
    "debugging": "debugging",
    "nn": "nn",
    "optim": "optim",
    "practice": "practice",
    "scipy.optimize": "scipy",
    "scipy.special": "scipy_special",
    "scipy.stats": "scipy",
    "sklearn": "sklearn",
    "training": "training",
    "viz": "pictures",
}


def described_by(text):
    names = set(re.findall(r"^\.\. auto\w+:: (?:\S+\.)?(\w+)$", text, re.MULTILINE))
    for module in re.findall(r"^\.\. automodule:: (\S+)\n    :members:", text, re.MULTILINE):
        names |= set(import_module(module).__all__)
    return names | {"activations", "init"}  # rooms, of which all is described


@pytest.mark.parametrize(("room", "page"), PAGES.items())
def test_every_public_name_is_described(room, page):
    text = (REFERENCE / f"{page}.md").read_text(encoding="utf-8")
    assert set(import_module(f"tinygrad_edu.{room}").__all__) - described_by(text) == set()
