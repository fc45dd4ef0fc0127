"""How examples become the gallery: each is run, and what it writes is shown.

With ``-t quick`` Sphinx runs them with ``--quick``, and only those that have changed.
"""

import os
import re
import shutil
from pathlib import Path
from textwrap import indent

from matplotlib import pyplot as plt
from pictures import frame, shown_width
from sphinx_gallery.scrapers import figure_rst

DOCS = Path(__file__).parents[1]
OUTPUT = DOCS / "_build" / "examples"
TEACHING_ORDER = [
    "quickstart",
    "draw_a_graph",
    "watch_backprop",
    "micrograd",
    "relu_vs_sigmoid",
    "more_layers",
    "activation_and_init",
    "weight_decay_moons",
    "vanishing_gradient_xor",
    "digits",
    "digits_cnn",
    "names",
    "text_lstm",
    "transformer",
    "newton",
    "physics",
    "maml",
    "optimize_the_input",
    "vae",
    "gan_ring",
    "bandit",
]
SHOWN = {".html", ".png", ".svg"}
FIRST_LINE = re.compile(
    r"^(\.\. _sphx_glr_gallery_\S+:\n\n+)(.+?)\.?\n(?!(.)\3{2,}$)", re.MULTILINE
)


def teaching_order(file):
    """The place of a script in the gallery."""
    return TEACHING_ORDER.index(Path(file).stem)


def arguments(_, script_vars):
    """What follows the name of a script on its command line."""
    script = Path(script_vars["src_file"])
    folder = OUTPUT / script.stem
    shutil.rmtree(folder, ignore_errors=True)
    output = os.path.relpath(folder, script.parent)  # scripts say where their pictures are
    return [output] if script.stem == "quickstart" else ["--output", output]


def quick_arguments(gallery_conf, script_vars):
    """The same for a quick run."""
    given = arguments(gallery_conf, script_vars)
    return [*given, "--quick"] if "--output" in given else given


def written_pictures(_, block_vars, gallery_conf):
    """Show what a block of an example has written to its output folder, in that order."""
    variables = block_vars["example_globals"]
    folder = OUTPUT / Path(block_vars["src_file"]).stem
    seen = variables.setdefault("__shown__", set())
    new = {path for path in folder.rglob("*") if path.suffix in SHOWN} - seen
    seen |= new
    rst = ""
    for path in sorted(new, key=lambda path: path.stat().st_mtime):
        if path.suffix == ".html":
            rst += _page(path)
        elif path.suffix != ".png" or path.with_suffix(".svg") not in new:
            copy = Path(next(block_vars["image_path_iterator"])).with_suffix(path.suffix)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
            show = _graph if path.suffix == ".svg" else _picture
            rst += show(copy, gallery_conf["src_dir"])
    plt.close("all")
    return rst


def _picture(path, src_dir):
    """A figure, below those before it; on a small screen it scrolls."""
    return f"\n.. container:: figure\n\n{indent(figure_rst([str(path)], src_dir), '    ')}\n\n"


def _graph(path, src_dir):
    """A drawn graph, at a size at which it can be read."""
    width = shown_width(path)
    return f"""
.. container:: graph

    .. image:: /{path.relative_to(src_dir).as_posix()}
        :alt: {path.stem}
        :class: dark-light
        {f":width: {width}px" if width else ""}

"""


def _page(path):
    """A page of its own, inside of this one."""
    html = frame(path, f"../_examples/{path.relative_to(OUTPUT).as_posix()}", path.stem)
    return f"\n.. raw:: html\n\n{indent(html, '    ')}\n\n"


def copy_pages(app, exception):
    """Take the pages that examples have written into the site."""
    for path in [] if exception else OUTPUT.rglob("*.html"):
        copy = Path(app.outdir, "_examples", path.relative_to(OUTPUT))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def edit(app, docname, source):  # noqa: ARG001 - Sphinx's arguments
    """Make the first line of an example's docstring the title of its page.

    And say of pictures that they are where the example puts them by itself.
    """
    if docname.startswith("gallery/"):
        titled = FIRST_LINE.sub(_underlined, source[0], count=1)
        source[0] = titled.replace(os.path.relpath(OUTPUT, DOCS.parent / "examples"), "output")


def _underlined(match):
    return f"{match[1]}{match[2]}\n{'=' * len(match[2])}\n"


def setup(app):
    """Edit the pages, and bring what they show."""
    app.connect("source-read", edit)
    app.connect("build-finished", copy_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
