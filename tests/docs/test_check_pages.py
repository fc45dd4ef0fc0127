"""The check of built pages finds what cannot be read, and nothing else."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "check_pages.py"

GOOD = """<!DOCTYPE html>
<html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>
  :root { color-scheme: light dark; background: light-dark(#fff, #111) }
  :root { color: light-dark(#222, #ddd) }
  pre { overflow: auto }
</style>
<p>Words that can be read, and <sub>an index</sub>.</p>
<pre>a line that is too long, but can be scrolled: 0123456789 0123456789 0123456789 0123456789</pre>
<p style="opacity: 0">what is not to be seen</p>
</html>"""

FAULTS = {
    '<p style="font-size: 5px">tiny</p>': "has letters of 5.0 px: tiny",
    '<div style="width: 9px; overflow: hidden">words</div>': "is cut by div",
    '<p>under</p><p style="margin-top: -2.2em">above</p>': 'overlaps "',
    '<p style="color: #999">pale</p>': "has a contrast of 2.8",
    '<p style="width: 2000px">wide</p>': "wider than the window",
    "<script>console.error('broken')</script>": "writes to the console: broken",
    "<script>nothing.at.all</script>": "writes to the console: nothing is not defined",
    '<img src="label.svg" width="100">': "has letters of 5.0 px in a picture: label.svg",
    '<img src="missing.svg">': "it fetched file",
    "<!--" + "x" * 2_000_001 + "-->": "weighs 2.0 MB",
}
LABEL = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="50">'
    '<text y="20" font-size="10">label</text></svg>'
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What is said of a site: by page."""
    if importlib.util.find_spec("playwright") is None or shutil.which("chromium") is None:
        pytest.skip("no browser can be driven")
    site = tmp_path_factory.mktemp("site")
    (site / "label.svg").write_text(LABEL, encoding="utf-8")
    (site / "good.html").write_text(GOOD, encoding="utf-8")
    bad = GOOD.replace("</html>", "".join(f"<section>{fault}</section>" for fault in FAULTS))
    (site / "bad.html").write_text(bad, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(site)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    return run.stderr.splitlines()


def test_what_can_be_read_is_no_fault(report):
    assert not [line for line in report if line.startswith("good.html")]


@pytest.mark.parametrize("said", FAULTS.values())
def test_a_fault_is_found(report, said):
    assert any(line.startswith("bad.html") and said in line for line in report), report
