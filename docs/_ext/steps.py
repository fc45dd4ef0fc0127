"""A role that leads from a sentence to a step of an explorer on the same page.

The step is named by its heading::

    Now {step}`b gets the rest <From c to b>`.

It is a step of the next explorer, or if none follows, of the last one. The explorer goes there, and
comes into sight; this needs no script, and works on pages from disk. A heading that is not there is
a warning, and so an error.
"""

import json
import re
from html import escape, unescape

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
LINK = '<a class="step" href="{uri}#step={step}" target="{name}">{text}</a>'
logger = logging.getLogger(__name__)


class StepLink(nodes.inline):
    """A link to a step, until it is known to which."""


class Step(ReferenceRole):
    """Leave a mark in the text, since the explorer may come later on the page."""

    def run(self):
        """Return what the role stands for."""
        link = StepLink(self.rawtext, self.title, heading=self.target)
        self.set_source_info(link)
        return [link], []


def headings(html):
    """The headings of the steps in the page of an explorer; none in other pages."""
    data = DATA.search(html)
    steps = json.loads(data[1]).get("steps", []) if data else []
    return [unescape(re.sub(r"<.*?>", "", HEADING.search(step["html"])[1])) for step in steps]


def resolve(_, document):
    """Let the links of a page lead to the steps that they name."""
    explorer, waiting = None, []
    for node in document.findall(nodes.Element):
        if isinstance(node, StepLink):
            waiting.append(node)
        elif "steps" in node:
            explorer = node
            lead(waiting, explorer)
            waiting = []
    lead(waiting, explorer)


def lead(links, explorer):
    """Let links lead to steps of an explorer."""
    for link in links:
        heading, known = link["heading"], explorer["steps"] if explorer else []
        if heading not in known:
            logger.warning("no step %r in an explorer here: %s", heading, known, location=link)
            continue
        place = {"uri": explorer["uri"], "name": explorer["name"], "step": known.index(heading)}
        html = LINK.format(**place, text=escape(link.astext()))
        link.replace_self(nodes.raw("", html, format="html"))


def setup(app):
    """Add the role."""
    app.add_node(StepLink, html=(lambda *_: None, lambda *_: None))  # of a page with a warning
    app.add_role("step", Step())
    app.connect("doctree-read", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
