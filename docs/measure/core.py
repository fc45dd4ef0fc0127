"""Count the lines of the core, which the README and the documentation say fit one sitting."""

import ast
import io
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "tinygrad_edu"

CORE = {
    "ops/activation.py": "operations: the one form, and the activations in it",
    "context.py": "whether calls are recorded, and in which group",
    "engine.py": "recording a call, and the walk back",
    "broadcasting.py": "the gradient of what was repeated",
    "absorbing.py": "0 times infinity on the way back",
    "tensor.py": "what users see",
}
"""The files that explain the library, in the order in which to read them."""

LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def count(source: str) -> tuple[int, int]:
    """The number of lines, and of those that hold code: no docstring, no comment, not empty."""
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):  # also one below an assignment
                code.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(source.splitlines()), len(code)


def counts() -> dict[str, tuple[int, int]]:
    """The numbers of lines of each file of the core."""
    return {name: count((PACKAGE / name).read_text(encoding="utf-8")) for name in CORE}


def table() -> str:
    """A table of the core for a page of the documentation."""
    rows = [
        f"| `{name}` | {lines} | {code} | {CORE[name]} |"
        for name, (lines, code) in counts().items()
    ]
    lines, code = map(sum, zip(*counts().values(), strict=True))
    head = ["| file | lines | of code | what is there |", "| -- | --: | --: | -- |"]
    return "\n".join([*head, *rows, f"| all | {lines} | {code} | |"])
