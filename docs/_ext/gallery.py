"""How examples become the gallery: each is run with ``--quick``, and what it writes is shown."""

import os
import re
import shutil
from pathlib import Path

from matplotlib import pyplot as plt
from sphinx_gallery.scrapers import figure_rst

DOCS = Path(__file__).parents[1]
OUTPUT = DOCS / "_build" / "examples"
PICTURES = {".gif", ".jpg", ".png"}
FIRST_LINE = re.compile(
    r"^(\.\. _sphx_glr_gallery_\S+:\n\n+)(.+?)\.?\n(?!(.)\3{2,}$)", re.MULTILINE
)


def arguments(_, script_vars):
    """What follows the name of a script on its command line."""
    script = Path(script_vars["src_file"])
    folder = OUTPUT / script.stem
    shutil.rmtree(folder, ignore_errors=True)
    output = os.path.relpath(folder, script.parent)  # scripts say where their pictures are
    return [output] if script.stem == "quickstart" else ["--quick", "--output", output]


def written_pictures(_, block_vars, gallery_conf):
    """Show the pictures that a block of an example has written to its output folder."""
    variables = block_vars["example_globals"]
    folder = OUTPUT / Path(block_vars["src_file"]).stem
    shown = variables.setdefault("__shown__", set())
    new = sorted(
        (path for path in folder.rglob("*") if path.suffix in PICTURES and path not in shown),
        key=lambda path: path.stat().st_mtime,
    )
    shown |= set(new)
    rst = ""
    for path, copy in zip(new, block_vars["image_path_iterator"], strict=False):
        target = Path(copy).with_suffix(path.suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        rst += figure_rst([str(target)], gallery_conf["src_dir"])  # one below the other
    plt.close("all")
    return rst


def give_title(app, docname, source):  # noqa: ARG001 - Sphinx's arguments
    """Make the first line of an example's docstring the title of its page."""
    if docname.startswith("gallery/"):
        source[0] = FIRST_LINE.sub(_underlined, source[0], count=1)


def _underlined(match):
    return f"{match[1]}{match[2]}\n{'=' * len(match[2])}\n"


def setup(app):
    """Give the pages titles."""
    app.connect("source-read", give_title)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
