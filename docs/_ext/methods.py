"""The methods of a Tensor that are operations: described in a line, with a link to the rest."""

import inspect

from tinygrad_edu import ops

OPERATIONS = {getattr(ops, name) for name in ops.__all__}


def shorten(app, what, name, thing, options, lines):  # noqa: ARG001 - Sphinx's
    """Keep the first paragraph of an operation's docstring, and say where the others are."""
    if name.startswith("tinygrad_edu.Tensor.") and what == "method" and thing in OPERATIONS:
        summary = inspect.getdoc(thing).partition("\n\n")[0].split("\n")
        lines[:] = [*summary, "", f"See `tinygrad_edu.{thing.__name__}`.", ""]


def setup(app):
    """Shorten docstrings when Sphinx reads them."""
    app.connect("autodoc-process-docstring", shorten, priority=900)  # after numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
