"""Two directives that show what the code of a page makes, drawn while the page is built.

The code of a directive goes on where the examples above it ended::

    ```python
    >>> loss = (Tensor(3.0, requires_grad=True) - 1) ** 2
    ```

    ```{picture} The graph of the loss
    tg.draw_graph(loss)
    ```

``picture`` embeds a drawn graph or a figure of matplotlib, ``explorer`` the page of `tg.explore`:
of what the last line gives. The argument says in words what is to be seen, for who cannot see it.
With ``:hide-code:`` the code is not shown. Examples whose output differs from what the page says
are warned about.
"""

import ast
import doctest
import re
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import ensuredir, relative_uri

import tinygrad_edu as tg

EXAMPLES = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
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
    exec(compile(ast.Module(statements, []), "<page>", "exec"), names)  # noqa: S102 - our pages
    return eval(compile(ast.Expression(last.value), "<page>", "eval"), names)  # noqa: S307


class Shown(SphinxDirective):
    """What both directives share: run the code, show it, and write what it made to a file."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"hide-code": directives.flag}

    def run(self):
        """Return what the directive stands for."""
        value = run_code("\n".join(self.content), self._names())
        shown = [] if "hide-code" in self.options else [self._code()]
        return [*shown, self._show(value, self.arguments[0] if self.arguments else "")]

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

    def _code(self):
        code = "\n".join(self.content)
        return nodes.literal_block(code, code, language="python")

    def _file_name(self, suffix):
        count = self.env.temp_data["pictures"]["count"]
        return f"{self.env.docname.replace('/', '-')}-{count}.{suffix}"


class Picture(Shown):
    """Embed a drawn graph, or a figure."""

    def _show(self, value, words):
        path = Path(self.env.srcdir, "_generated", self._file_name("svg"))
        ensuredir(path.parent)
        if hasattr(value, "pipe"):
            path.write_bytes(value.pipe("svg"))
            kind = "graph"
        else:
            value.savefig(path)
            kind = "figure"
        image = nodes.image(uri=f"/_generated/{path.name}", alt=words)
        image["classes"] += ["dark-light"]  # it has colors for dark pages, or bears them
        return nodes.container("", image, classes=[kind])


class Explorer(Shown):
    """Embed a page on which a gradient can be followed."""

    def _show(self, value, words):
        path = Path(self.env.app.outdir, "_explorers", self._file_name("html"))
        ensuredir(path.parent)
        tg.explore(value, path)
        builder = self.env.app.builder
        uri = relative_uri(builder.get_target_uri(self.env.docname), f"_explorers/{path.name}")
        return nodes.raw(
            "",
            f'<div class="explorer"><iframe src="{uri}" title="{words}" loading="lazy"></iframe>'
            f'<p><a href="{uri}">Open it in a window of its own</a></p></div>',
            format="html",
        )


def setup(app):
    """Add the directives."""
    app.add_directive("picture", Picture)
    app.add_directive("explorer", Explorer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
