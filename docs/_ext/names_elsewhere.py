"""A directive that shows the names which other libraries have, with what stands for them here.

The tables are those that the messages come from, so that a page and an error say the same::

    ```{names-elsewhere} TENSOR
    ```
"""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from tinygrad_edu import migrants

PLACES = ["the name of the first input", "the name of the second input"]


def table(name):
    """One of the tables in Markdown."""
    rows = (
        f"| `{asked}{'=' if name == 'ARGUMENTS' else ''}` | {_shown(here)} |"
        for asked, here in getattr(migrants, name).items()
    )
    return ["| asked for | answered with |", "| -- | -- |", *rows]


def _shown(here):
    if isinstance(here, int):
        return PLACES[here]
    return here if here.startswith("leave it out") else f"`{here}`"


class NamesElsewhere(SphinxDirective):
    """The directive."""

    required_arguments = 1

    def run(self):
        """Parse the table as if it stood in the page."""
        lines, found = StringList(table(self.arguments[0]), self.env.docname), nodes.Element()
        self.state.nested_parse(lines, self.content_offset, found)
        return found.children


def setup(app):
    """Register the directive."""
    app.add_directive("names-elsewhere", NamesElsewhere)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
