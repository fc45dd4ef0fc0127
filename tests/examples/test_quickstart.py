"""The README's main job, run as a user runs it."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "examples" / "quickstart.py"


def run(*arguments, python_options=()):
    return subprocess.run(
        [sys.executable, *python_options, SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("output") / "quickstart"


@pytest.fixture(scope="module")
def process(output):
    process = run(output)
    assert process.returncode == 0, process.stderr
    return process


def test_reads_at_least_97_percent_of_unseen_digits(process):
    accuracy, pictures = re.search(r"test accuracy (\S+)% on (\d+)", process.stdout).groups()
    assert float(accuracy) >= 97
    assert int(pictures) == 450


def test_shows_progress_with_loss_and_accuracy(process):
    assert re.search(r"100%.* 40/40 .*accuracy=\d+\.\d+%, loss=0\.\d+", process.stderr)


def test_says_where_the_pictures_are(process, output):
    assert str(output) in process.stdout


@pytest.mark.parametrize("name", ["loss.png", "graph.png"])
@pytest.mark.usefixtures("process")
def test_bitmaps_hold_a_picture(output, name):
    image = Image.open(output / name)
    assert min(image.size) > 200
    assert len(image.convert("L").getcolors()) > 10


@pytest.mark.usefixtures("process")
def test_graph_shows_the_network(output):
    root = ET.parse(output / "graph.svg").getroot()  # noqa: S314 - our own file
    text = " ".join(" ".join(element.itertext()) for element in root.iter())
    assert {"W1", "b1", "W2", "b2", "x"} <= set(text.split())


def test_a_missing_package_is_named_in_one_line(tmp_path):
    # Without site-packages there is no NumPy; that is the first package the script asks for.
    process = run(tmp_path, python_options=["-I", "-S"])
    assert process.returncode != 0
    assert process.stderr.splitlines() == [
        "numpy is not installed; do: pip install -e '.[examples]'"
    ]
