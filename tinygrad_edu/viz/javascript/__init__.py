"""Operations as JavaScript, so that a page computes by itself: the formulas, and a small engine.

The formulas in docstrings are the one source. From a recorded graph Python writes what a page needs
to compute it again, forward and backward, with other numbers::

    program = javascript.program(graph)
    program.data          # for the page: JSON, the calls and the values of leaves
    program.operations    # for `javascript.source`: the formulas of these
    program.missing       # nodes that have none, and why: the page then stays a film

    script = javascript.source(program.operations)

The script defines ``np`` (NumPy's functions on arrays ``{shape, data}``), ``engine``
(``engine.js``: ``engine.run(program, operations, changes)``, documented at its top) and
``operations``. It is to stand inside a function, beside what uses it, before it.

An item of ``program.data["items"]`` is at the place of the same item in ``graph.items``. Values
that are changed must keep their shape where a call has an index; otherwise any that fits will do.
"""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_edu.viz import pages
from tinygrad_edu.viz.javascript.expressions import Operation, operation
from tinygrad_edu.viz.javascript.programs import Program, encoded, program

__all__ = ["Operation", "Program", "encoded", "operation", "program", "source"]

NUMPY = ["elements", "axes", "shapes", "products", "numpy"]
"""The files of ``np``, in order; each sees what those before it define."""


def source(operations: Iterable[Operation]) -> str:
    """The script with which a page computes: arrays, the engine, and these operations."""
    numpy = "\n".join(pages.part(__name__, f"np/{name}.js") for name in NUMPY)
    runtime = f"const np = (() => {{\n{numpy}}})();\n\n{pages.part(__name__, 'engine.js')}"
    lines = "".join(f"  {operation.name}: {operation},\n" for operation in operations)
    return f"{runtime}\nconst operations = {{\n{lines}}};\n"
