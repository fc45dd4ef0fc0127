"""One page for every operation, written before Sphinx reads its sources.

All of it comes from the operation itself: the formulas and the conventions from its docstring, the
curves from calling it, the graph from running the example in the docstring, the code from its file.
"""

import ast
import doctest
import inspect
import io
import re
from collections import defaultdict
from contextlib import redirect_stdout
from html import escape
from importlib import import_module
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from pictures import STYLE, shown_width

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.context import within
from tinygrad_edu.viz.formulas import formulas
from tinygrad_edu.viz.mathml import mathml
from tinygrad_edu.viz.story.phrases import breakable

FOLDER = Path("reference", "ops")
VALUE, SLOPE = "#0072b2", "#d55e00"  # told apart by color-blind readers
ALIASES = {"abs": "absolute"}
PARAMETERS = re.compile(":Parameters:$|Parameters as `numpy[.]")


def home(name):
    """The module of ops/ in which an operation is defined."""
    return getattr(ops, name).__module__


# --------------------------------------------------------------------------------------
# The formula
# --------------------------------------------------------------------------------------


def formula_html(op):
    """The literal block of a docstring as mathematics; what is none stays text."""
    rows = []
    for formula in formulas(op):
        left, right = _written(formula.left), _written(formula.right)
        note = f'<span class="note">{escape(formula.note)}</span>' if formula.note else ""
        rows.append(f"<div>{left}</div><div><math><mo>=</mo></math> {right}{note}</div>")
    return f'<div class="formulas">{"".join(rows)}</div>'


def _written(expression):
    written = mathml(expression)
    if written is None:
        return f"<span>{escape(expression)}</span>"
    return breakable(written)


def show_formulas(app, what, name, thing, options, lines):  # noqa: ARG001 - Sphinx's
    """Put mathematics in the place of the literal block, in the docstring as Sphinx reads it."""
    room, _, short = name.rpartition(".")
    is_op = room == "tinygrad_edu" and short in ops.__all__
    if not is_op and room != "tinygrad_edu.scipy.special":
        return
    begin = lines.index("::")
    end = begin + 2
    while end < len(lines) and (not lines[end] or lines[end].startswith(" ")):
        end += 1
    lines[begin:end] = [".. raw:: html", "", f"    {formula_html(thing)}", ""]
    if is_op and is_elementwise(thing):
        about = f"{thing.__name__} and its derivative, for x from -4 to 4"
        uri = f"/{FOLDER.as_posix()}/{short}-curves.svg"
        picture = [f".. image:: {uri}", f"    :alt: {about}", "    :class: curves dark-light", ""]
        # Below what is said about the formula, and above the parameters.
        end = next(i for i, line in enumerate(lines) if PARAMETERS.match(line))
        lines[end:end] = picture


# --------------------------------------------------------------------------------------
# The pictures
# --------------------------------------------------------------------------------------


def curves(op):
    """The function and its derivative, for an operation on each element of one operand."""
    x = np.linspace(-4, 4, 1601)
    t = tg.Tensor(x, requires_grad=True)
    with np.errstate(all="ignore"):
        y = op(t)
        y.backward(np.ones(y.shape))
    slope = np.where(np.isfinite(y.data), t.grad, np.nan)
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color="#7d8590", linewidth=0.6)
    axes.axvline(0, color="#7d8590", linewidth=0.6)
    axes.plot(x, _without_jumps(y.data), color=VALUE, linewidth=2, label="y")
    axes.plot(x, _without_jumps(slope), color=SLOPE, linewidth=2, linestyle="--", label="dy/dx")
    low, high = (f(v[np.isfinite(v)]) for f, v in ((np.min, y.data), (np.max, y.data)))
    axes.set_ylim(max(min(low, -0.3) - 0.2, -4), min(max(high, 1.3) + 0.2, 5))
    axes.set(xlabel="x", xlim=(-4, 4))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def _without_jumps(y):
    """A curve with gaps where it jumps, so that no line is drawn there."""
    with np.errstate(invalid="ignore"):
        jumps = np.abs(np.diff(y, prepend=y[0])) > 0.3
    return np.where(jumps, np.nan, y)


def is_elementwise(op):
    """Whether y and dy/dx of a single x are all there is to say."""
    required = [p.name for p in inspect.signature(op).parameters.values() if p.default is p.empty]
    return required == ["x"] and [f.left for f in formulas(op) if f.of in ("y", "L")] == ["dy/dx"]


def example_graph(op):
    """The graph of the example in the docstring: of what it recorded last."""
    nodes, names = [], {}
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(op), names, op.__name__, None, 0)
    with within(observer=nodes.append), redirect_stdout(io.StringIO()):
        doctest.DocTestRunner().run(test, clear_globs=False)
    if not nodes:
        return None
    names = {k: v for k, v in test.globs.items() if isinstance(v, tg.Tensor)}
    return tg.draw_graph(nodes[-1], names, legend=False)


# --------------------------------------------------------------------------------------
# The pages
# --------------------------------------------------------------------------------------


def write(app):
    """Write a page for each operation and one that lists them."""
    folder = Path(app.srcdir, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ops.__all__:
        _write_if_new(folder / f"{name}.md", page(name, folder))
    _write_if_new(folder / "index.md", index())


def _write_if_new(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def page(name, folder):
    """The page of an operation."""
    op = getattr(ops, name)
    parts = [
        f"# {name}",
        "```{eval-rst}",
        f".. autofunction:: tinygrad_edu.{name}",
        "```",
    ]
    if name in ALIASES:
        parts.append(f"The same as [{ALIASES[name]}]({ALIASES[name]}.md).\n")
    if is_elementwise(op):
        with rc_context(STYLE):
            curves(op).savefig(folder / f"{name}-curves.svg")
    if graph := example_graph(op):
        picture = folder / f"{name}-graph.svg"
        picture.write_bytes(graph.pipe("svg"))
        width = shown_width(picture)
        parts += [
            "## The graph of the example",
            ":::::{div} graph",
            f"```{{image}} {name}-graph.svg",
            ":alt: What the example computes, with values and gradients",
            ":class: dark-light",
            *([f":width: {width}px"] if width else []),
            "```",
            ":::::",
        ]
    return "\n".join([*parts, *source(name), ""])


def source(name):
    """The code of an operation, without its docstring, from the file it is in."""
    module = import_module(home(name))
    path = Path(module.__file__)
    wanted = ALIASES.get(name, name)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name, body=[docstring, *_]) if name == wanted:
                begin = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                lines = (
                    f"{begin}-{docstring.lineno - 1},{docstring.end_lineno + 1}-{node.end_lineno}"
                )
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))
            ) if name == wanted:
                begin, lines = node.lineno, f"{node.lineno}-{node.end_lineno}"
            case _:
                continue
        relative = path.relative_to(Path(tg.__file__).parents[1])
        return [
            "## The code",
            f"```{{literalinclude}} ../../../{relative.as_posix()}",
            f":lines: {lines}",
            ":language: python",
            f":caption: {relative.as_posix()}, line {begin}",
            "```",
        ]
    raise LookupError(f"no definition of {name} in {path}")


INTRODUCTION = """# Operations

Each is one function of arrays that returns its value and, beside it, one backward closure per
input. Called with arrays, they are NumPy; called with Tensors, they are recorded.

Where parameters are NumPy's, its pages describe them. Operations take none that concern only the
type of the result and its place in memory, such as `dtype`, `order` and `out`.
"""


def index():
    """The list of all operations, by the files that they are in."""
    rooms = defaultdict(list)
    for name in sorted(ops.__all__):
        rooms[home(name)].append(name)
    parts = [INTRODUCTION]
    for room, names in sorted(rooms.items()):
        title, _, more = _summary(import_module(room)).rstrip(".").partition(": ")
        parts += [f"## {title}", "", f"{more[:1].upper()}{more[1:]}.\n" if more else ""]
        parts += ["| operation | what it is |", "| -- | -- |"]
        parts += [f"| [{name}]({name}.md) | {_summary(getattr(ops, name))} |" for name in names]
        parts.append("")
    return "\n".join([*parts, "```{toctree}", ":hidden:", "", *sorted(ops.__all__), "```", ""])


def _summary(thing):
    """The first paragraph of a docstring, in one line that may stand in a table."""
    return " ".join(inspect.getdoc(thing).split("\n\n")[0].split()).replace("|", "\\|")


def setup(app):
    """Write the pages when Sphinx starts, and show formulas in docstrings."""
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", show_formulas, priority=900)  # after numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
