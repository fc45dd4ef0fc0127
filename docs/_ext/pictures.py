"""A directive that shows what the code of a page makes, drawn while the page is built.

Its code goes on where the examples above it ended::

    ```python
    >>> loss = (Tensor(3.0, requires_grad=True) - 1) ** 2
    ```

    ```{picture} The graph of the loss
    tg.draw_graph(loss)
    ```

What the last line gives is shown: a drawn graph, the page of `tg.explore`, or a figure of
matplotlib. The argument says in words what is to be seen, for who cannot see it. With
``:hide-code:`` the code is not shown. If an example prints something other than the page says, that
is a warning, and so an error.
"""

import ast
import doctest
import linecache
import re
import shutil
from contextlib import chdir
from html import escape
from pathlib import Path
from typing import ClassVar

from cycler import cycler
from docutils import nodes
from docutils.parsers.rst import directives
from matplotlib import rc_context
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import ensuredir, relative_uri
from steps import headings

from tinygrad_edu.viz.figures.axes import LINES

EXAMPLES = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SIZE = re.compile(r'<svg[^>]*? width="([\d.]+)pt" height="([\d.]+)pt"')
FILE = "example.py"
COLUMN, SCREEN = 770, 900  # the pixels that a page has for a picture
SMALLEST = 0.6  # and how small its text may become
THERMOMETER = '<section id="thermometer"'  # below two explorers
MOVIE = re.compile(r"aspect-ratio: (\d+) / (\d+);")
FRAME = """<div class="explorer">
<iframe src="{uri}" name="{name}" title="{title}" loading="lazy"{style}></iframe>
<p><a href="{uri}">Open it in a window of its own</a></p>
</div>"""
GRAY = "#7d8590"  # read on light pages and on dark ones
STYLE = dict.fromkeys(["axes.edgecolor", "axes.labelcolor", "text.color"], GRAY)
STYLE |= {"xtick.color": GRAY, "ytick.color": GRAY, "axes.titlecolor": GRAY}
STYLE["axes.prop_cycle"] = cycler(color=LINES)  # that color-blind readers tell apart
STYLE |= {"savefig.transparent": True, "svg.hashsalt": "docs", "axes.titlesize": "medium"}
logger = logging.getLogger(__name__)


def run_examples(text, names, source, begin=0):
    """Run the examples of a page in one namespace; return what went wrong, as text."""
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for block in EXAMPLES.finditer(text, begin):
        line = text.count("\n", 0, block.start(1))
        test = doctest.DocTestParser().get_doctest(block[1], {}, source, source, line)
        test.globs = names
        runner.run(test, out=report.append, clear_globs=False)
    return "".join(report)


def run_code(code, names):
    """Run code; return the value of its last line."""
    *statements, last = ast.parse(code).body
    # Who asks for the lines of a function finds them here: there is no such file.
    linecache.cache[FILE] = len(code), None, code.splitlines(keepends=True), FILE
    exec(compile(ast.Module(statements, []), FILE, "exec"), names)  # noqa: S102 - our pages
    return eval(compile(ast.Expression(last.value), FILE, "eval"), names)  # noqa: S307


def shown_width(path):
    """How wide to show a picture, in pixels: a large one a little smaller, but to be read."""
    points = SIZE.search(path.read_text(encoding="utf-8")).groups()
    width, height = (float(length) * 4 / 3 for length in points)
    scale = max(SMALLEST, min(COLUMN / width, SCREEN / height))
    return round(scale * width) if scale < 1 else None


def frame(path, uri, title):
    """Embed a page: an explorer, two of them, or a movie, as high as its pictures need."""
    page = path.read_text(encoding="utf-8")
    style = ' style="height: 58rem"' if THERMOMETER in page else ""
    if movie := MOVIE.search(page):
        style = f' style="height: auto; aspect-ratio: {movie[1]} / {int(movie[2]) + 90}"'
    return FRAME.format(uri=uri, name=path.stem, title=escape(title), style=style)


class Picture(SphinxDirective):
    """Run the code, show it, and embed what it made."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"hide-code": directives.flag}

    def run(self):
        """Return what the directive stands for."""
        code, names = "\n".join(self.content), self._names()
        with rc_context(STYLE), chdir(self.env.srcdir):
            picture = self._embed(run_code(code, names))
        if "hide-code" in self.options:
            return [picture]
        return [nodes.literal_block(code, code, language="python"), picture]

    def _names(self):
        """What the examples above this directive have defined."""
        page = self.env.temp_data.setdefault("pictures", {"names": {}, "end": 0, "count": 0})
        page["count"] += 1
        source = self.env.doc2path(self.env.docname)
        lines = Path(source).read_text(encoding="utf-8").splitlines(keepends=True)
        above = "".join(lines[: self.lineno - 1])
        if wrong := run_examples(above, page["names"], source, page["end"]):
            logger.warning(wrong, location=self.get_location())
        page["end"] = len(above)
        return page["names"]

    def _embed(self, value):
        if hasattr(value, "pipe"):
            return self._image("graph", lambda path: path.write_bytes(value.pipe("svg")))
        if hasattr(value, "savefig"):
            return self._image("figure", value.savefig)
        return self._frame(value)

    def _image(self, kind, write):
        path = self._path("svg")
        write(path)
        image = nodes.image(uri=f"/_generated/{path.name}", alt=self.arguments[0])
        if width := shown_width(path):
            image["width"] = f"{width}px"
        image["classes"].append("dark-light")  # it is right on light pages and on dark ones
        return nodes.container("", image, classes=[kind])

    def _frame(self, explorer):
        path = self._path("html")
        explorer.save(path)
        page = self.env.app.builder.get_target_uri(self.env.docname)
        uri = relative_uri(page, f"_explorers/{path.name}")
        shown = nodes.raw("", frame(path, uri, self.arguments[0]), format="html")
        if steps := headings(path.read_text(encoding="utf-8")):
            shown.attributes |= {"steps": steps, "uri": uri, "name": path.stem}
        return shown

    def _path(self, suffix):
        count = self.env.temp_data["pictures"]["count"]
        name = f"{self.env.docname.replace('/', '-')}-{count}.{suffix}"
        path = Path(self.env.srcdir, "_generated", name)
        ensuredir(path.parent)
        return path


def copy_explorers(app, exception):
    """Take the pages of explorers into the site, also of what was not read again."""
    folder = Path(app.outdir, "_explorers")
    for path in [] if exception else Path(app.srcdir, "_generated").glob("*.html"):
        ensuredir(folder)
        shutil.copy(path, folder)


def setup(app):
    """Add the directive."""
    app.add_directive("picture", Picture)
    app.connect("build-finished", copy_explorers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
