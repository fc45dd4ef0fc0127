"""The page of the playground, embedded by a directive; a role links to it with other settings.

The directive is ``{playground}``, and the role::

    {try}`One neuron <data=circle&hidden=>`
"""

from html import escape
from pathlib import Path

from docutils import nodes
from playground_page import page
from sphinx.util.docutils import ReferenceRole, SphinxDirective
from sphinx.util.osutil import ensuredir, relative_uri

FILE = "_playground/index.html"
FRAME = """<div class="playground">
<iframe src="{uri}" title="The playground" allow="clipboard-write"></iframe>
<p><a href="{uri}">Open it in a window of its own</a></p>
</div>"""


def _uri(env):
    """Where it is, seen from the page that is read."""
    return relative_uri(env.app.builder.get_target_uri(env.docname), FILE)


class Playground(SphinxDirective):
    """The playground, in a frame that is as high as it needs."""

    def run(self):
        """Return what the directive stands for."""
        return [nodes.raw("", FRAME.format(uri=_uri(self.env)), format="html")]


class Try(ReferenceRole):
    """A link to the playground with other settings."""

    def run(self):
        """Return what the role stands for."""
        link = f'<a href="{_uri(self.env)}?{escape(self.target)}">{escape(self.title)}</a>'
        return [nodes.raw("", link, format="html")], []


def write_page(app, exception):
    """Put the page into the site."""
    if exception is None and app.builder.format == "html":
        path = Path(app.outdir, FILE)
        ensuredir(path.parent)
        path.write_text(page(), encoding="utf-8")


def setup(app):
    """Add the directive and the role."""
    app.add_role("try", Try())
    app.add_directive("playground", Playground)
    app.connect("build-finished", write_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
