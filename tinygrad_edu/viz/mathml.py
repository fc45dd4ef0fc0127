"""Python expressions as mathematics, in MathML, which browsers show without any library."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from html import escape
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np

from tinygrad_edu.viz import marks
from tinygrad_edu.viz.arrays import Array, number_rows, one_line, texts

__all__ = ["fenced", "gradient", "identifier", "mathml", "matrix", "outline", "rows", "words"]

GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "epsilon": "ε", "pi": "π", "sigma": "σ"}
FUNCTIONS = {"fmax": "max", "fmin": "min", "maximum": "max", "minimum": "min", "sigmoid": "σ"}
FUNCTIONS |= {"sum": "∑"}
SHAPES = {
    "abs": "<mrow><mo>|</mo>{}<mo>|</mo></mrow>",
    "cbrt": "<mroot><mrow>{}</mrow><mn>3</mn></mroot>",
    "ceil": "<mrow><mo>⌈</mo>{}<mo>⌉</mo></mrow>",
    "floor": "<mrow><mo>⌊</mo>{}<mo>⌋</mo></mrow>",
    "reciprocal": "<mfrac><mn>1</mn><mrow>{}</mrow></mfrac>",
    "sqrt": "<msqrt>{}</msqrt>",
}
SHAPES |= {"absolute": SHAPES["abs"], "fabs": SHAPES["abs"]}
REWRITTEN = {"expm1": "exp({}) - 1", "log1p": "log(1 + {})", "square": "({})**2"}
SIGNS: dict[type[ast.AST], str] = {
    ast.Eq: "=",
    ast.NotEq: "≠",
    ast.Lt: "<",
    ast.LtE: "≤",
    ast.Gt: ">",
    ast.GtE: "≥",
    ast.Add: "+",
    ast.Sub: "−",
    ast.Mult: "·",
    ast.BitAnd: "and",
    ast.BitOr: "or",
}

# Levels of precedence: an expression of a lower one than its place needs gets parentheses.
LOGIC, COMPARISON, SUM, PRODUCT, POWER, ATOM = range(6)
LEVELS = {ast.Add: SUM, ast.Sub: SUM, ast.Mult: PRODUCT, ast.MatMult: PRODUCT, ast.BitAnd: LOGIC}
LEVELS |= {ast.BitOr: LOGIC}

COMMA = "<mo>,</mo>"
SLASH = "<mo>/</mo>"
SLOPE = re.compile(r"d(?P<of>\w+|\(.+\))/d(?P<by>\w+)")
MARKED = "<mn data-n="

Written: TypeAlias = tuple[str, int]
"""MathML, and its precedence."""


def mathml(
    expression: str,
    values: Mapping[str, Array] | None = None,
    names: Mapping[str, str] | None = None,
) -> str | None:
    """An expression as MathML; None if it is no Python, or not mathematics.

    Names that have a value are written as the number or, up to a size, as the matrix that it is;
    others as what ``names`` has for them, in MathML. What is empty there is left out of calls.

    Examples
    --------
    >>> mathml("1 - y**2")
    '<mn>1</mn><mo>−</mo><msup><mi>y</mi><mn>2</mn></msup>'
    >>> mathml("1 - y**2", names={"y": identifier("h")})
    '<mn>1</mn><mo>−</mo><msup><mi>h</mi><mn>2</mn></msup>'
    >>> mathml("zeros, with g on the diagonal") is None
    True
    """
    try:
        tree = ast.parse(expression, mode="eval").body
        return _Writer(values or {}, names or {}).write(tree)
    except (SyntaxError, NotImplementedError):
        return None


def identifier(name: str) -> str:
    """A name, in italics if it is a letter, with its number as an index; ``dy/dx`` as a slope."""
    if slope := SLOPE.fullmatch(name):
        of, by = (identifier(slope[end].strip("()")) for end in ("of", "by"))
        return f"<mrow><mi>∂</mi>{_closed(of)}{SLASH}<mi>∂</mi>{by}</mrow>"
    shown = GREEK.get(name, one_line(name))
    if len(shown) > 1 and shown[0].isalpha() and shown[1:].isdecimal():
        return f"<msub><mi>{escape(shown[0])}</mi><mn>{shown[1:]}</mn></msub>"
    return f"<mi>{escape(shown)}</mi>"


def gradient(of: str, by: str) -> str:
    """The derivative of something with respect to something, both in MathML."""
    above, below = (f"<mrow><mi>∂</mi>{_closed(end)}</mrow>" for end in (of, by))
    return f"<mfrac>{above}{below}</mfrac>"


def _closed(name: str) -> str:
    """What has a name, in parentheses if it is a slope itself."""
    return fenced("(", name, ")") if SLASH in name else name


def words(text: str) -> str:
    """Words in a formula."""
    return f"<mtext>{escape(one_line(text)).replace(' ', '&#160;')}</mtext>"


def matrix(array: Array, kind: str = "matrix") -> str | None:
    """An array as the numbers that it holds; None if they are too many."""
    texts = number_rows(array)
    if texts is None:
        return None
    marked = marks.marked(array)
    if array.ndim == 0:
        return _cell(texts[0][0], marked[0])
    return rows(texts, kind, marked)


def rows(texts: Sequence[Sequence[str]], kind: str = "matrix", marked: Sequence[str] = ()) -> str:
    """Rows of numbers, in brackets; a kind is what the page knows their looks by.

    The numbers may be marked with attributes, of which there is one for each.
    """
    attributes = iter(marked or [""] * sum(map(len, texts)))
    return _table(kind, [[_cell(text, next(attributes)) for text in row] for row in texts])


def _cell(text: str, mark: str = "") -> str:
    return f"<mn{mark}>{text.replace('-', '−')}</mn>"


def outline(array: Array) -> str:
    """What a large array is like."""
    key = marks.key(array)
    lines = [f"<mtext>{array.shape}</mtext>"]
    for i, line in enumerate(texts(array)[0].split(", ")):
        mark = f' data-n="{key}" data-line="{i}"' if key else ""
        lines.append(f"<mtext{mark}>{line}</mtext>")
    return _table("outline", [[line] for line in lines])


def _number(value: float) -> str:
    try:
        return f"{value:g}"
    except OverflowError as error:  # an integer that is too large for a float
        raise NotImplementedError(value) from error


def _table(kind: str, rows: Sequence[Sequence[str]]) -> str:
    """A table; its brackets are borders that the page draws, since few fonts can stretch them."""
    lines = (f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in row)}</mtr>" for row in rows)
    return f'<mtable class="{kind}">{"".join(lines)}</mtable>'


def fenced(left: str, content: str, right: str) -> str:
    """Something between brackets."""
    return f"<mrow><mo>{left}</mo>{content}<mo>{right}</mo></mrow>"


def _group(content: str) -> str:
    """One element, for places that hold one: an exponent, a numerator."""
    return content if content.startswith("<m") and content.count("<") == 2 else _row(content)


def _row(content: str) -> str:
    return f"<mrow>{content}</mrow>"


class _Writer(ast.NodeVisitor):
    """Writes the tree of an expression; a node without a rule raises NotImplementedError."""

    def __init__(self, values: Mapping[str, Array], names: Mapping[str, str]) -> None:
        self.values = values
        self.names = names

    def write(self, node: ast.expr, lowest: int = LOGIC) -> str:
        """Write a node, in parentheses if its precedence is too low."""
        content, level = self._write(node)
        if level >= lowest:
            return content
        if content.startswith(MARKED):  # in parentheses if it is negative, which a page may change
            return f'<mrow class="sign"><mo>(</mo>{content}<mo>)</mo></mrow>'
        return fenced("(", content, ")")

    def _write(self, node: ast.expr) -> Written:
        content, level = self.visit(node)
        return content, level

    def generic_visit(self, node: ast.AST) -> Any:
        raise NotImplementedError(ast.dump(node))

    def visit_Constant(self, node: ast.Constant) -> Written:
        match node.value:
            case EllipsisType():
                return "<mo>…</mo>", ATOM
            case int() | float() if not isinstance(node.value, bool):
                return f"<mn>{_number(node.value)}</mn>", ATOM
        return f"<mtext>{escape(repr(node.value))}</mtext>", ATOM

    def visit_Name(self, node: ast.Name) -> Written:
        value = matrix(self.values[node.id]) if node.id in self.values else None
        if value is None:
            return self.names.get(node.id, identifier(node.id)), ATOM
        return value, SUM if value.startswith(("<mn>−", MARKED)) else ATOM

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Written:
        if not isinstance(node.op, ast.USub):
            raise NotImplementedError(ast.dump(node))
        return f"<mo>−</mo>{self.write(node.operand, PRODUCT)}", SUM

    def visit_BinOp(self, node: ast.BinOp) -> Written:
        left, right = node.left, node.right
        match node.op:
            case ast.Div():
                return self._fraction(left, right)
            case ast.Pow():
                return f"<msup>{self.write(left, ATOM)}{_group(self.write(right))}</msup>", POWER
            case ast.MatMult():
                sign = '<mspace width="0.2em"/>'
            case ast.Mult() if self._is_array(left) and self._is_array(right):
                sign = "<mo>⊙</mo>"  # each element with its counterpart, unlike a matrix product
            case ast.BitAnd() | ast.BitOr():
                sign = f"<mtext>&#160;{SIGNS[type(node.op)]}&#160;</mtext>"
            case op:
                sign = f"<mo>{self._sign(op)}</mo>"
        level = LEVELS[type(node.op)]
        return f"{self.write(left, level)}{sign}{self.write(right, level + 1)}", level

    def _fraction(self, above: ast.expr, below: ast.expr) -> Written:
        if by := _differential(below):
            if of := _differential(above):
                return gradient(self.write(of), self.write(by)), ATOM
            match above:
                case ast.BinOp(left=left, op=ast.Mult(), right=right) if _differential(right):
                    slope = ast.BinOp(right, ast.Div(), below)
                    return self.visit_BinOp(ast.BinOp(left, ast.Mult(), slope))
        return f"<mfrac>{_group(self.write(above))}{_group(self.write(below))}</mfrac>", ATOM

    def visit_Compare(self, node: ast.Compare) -> Written:
        parts = [self.write(part, SUM) for part in (node.left, *node.comparators)]
        signs = [f"<mo>{escape(self._sign(op))}</mo>" for op in node.ops]
        return parts[0] + "".join(map("".join, zip(signs, parts[1:], strict=True))), COMPARISON

    def _sign(self, op: ast.AST) -> str:
        if type(op) not in SIGNS:
            raise NotImplementedError(ast.dump(op))
        return SIGNS[type(op)]

    def visit_IfExp(self, node: ast.IfExp) -> Written:
        return self._cases([node.test, node.body, node.orelse])

    def visit_Call(self, node: ast.Call) -> Written:
        match node:
            case ast.Call(func=ast.Name(id="where"), args=[_, _, _] as parts):
                return self._cases(parts)
            case ast.Call(func=ast.Name(id="exp"), args=[x]) if not self._is_array(x):
                return f"<msup><mi>e</mi>{_group(self.write(x))}</msup>", POWER
            case ast.Call(func=ast.Name(id=name), args=[x]) if name in REWRITTEN:
                rewritten = ast.parse(REWRITTEN[name].format(ast.unparse(x)), mode="eval")
                return self._write(rewritten.body)
            case ast.Call(func=ast.Name(id=name), args=[x]) if name in SHAPES:
                return SHAPES[name].format(self.write(x)), ATOM
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                options = map(self._option, keywords)
                written = [*filter(None, [*map(self.write, args), *options])]
                if args and not written:  # all of them were left out
                    return "", ATOM
                inside = fenced("(", COMMA.join(written), ")")
                function = identifier(FUNCTIONS.get(name, name))
                return f"{function}<mo>&#x2061;</mo>{inside}", POWER
        raise NotImplementedError(ast.dump(node))

    def _option(self, keyword: ast.keyword) -> str:
        if keyword.arg is None:
            raise NotImplementedError(ast.dump(keyword))
        return f"{identifier(keyword.arg)}<mo>=</mo>{self.write(keyword.value)}"

    def _cases(self, parts: Sequence[ast.expr]) -> Written:
        """Write ``where(condition, a, b)``, and what is nested in b, as cases."""
        rows = []
        while True:
            condition, chosen, other = parts
            rows.append((self.write(chosen), f"<mtext>if&#160;</mtext>{self.write(condition)}"))
            match other:
                case ast.Call(func=ast.Name(id="where"), args=[_, _, _] as parts):
                    continue
            rows.append((self.write(other), "<mtext>else</mtext>"))
            return _table("cases", rows), ATOM

    def visit_Attribute(self, node: ast.Attribute) -> Written:
        match node.attr:
            case "T" | "mT":
                return f"<msup>{self.write(node.value, ATOM)}<mi>T</mi></msup>", POWER
            case "shape" if isinstance(node.value, ast.Name) and node.value.id in self.values:
                return f"<mtext>{self.values[node.value.id].shape}</mtext>", ATOM
            case "shape":
                return f"<mtext>shape of&#160;</mtext>{self.write(node.value)}", ATOM
        raise NotImplementedError(ast.dump(node))

    def visit_Subscript(self, node: ast.Subscript) -> Written:
        value = self.write(node.value, ATOM)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if any(isinstance(part, ast.Slice) for part in parts):
            index = ", ".join(map(ast.unparse, parts))
            return f"{value}<mtext>[{escape(index)}]</mtext>", ATOM
        return f"<msub>{value}{_group(self._list(parts))}</msub>", ATOM

    def visit_List(self, node: ast.List) -> Written:
        return fenced("[", self._list(node.elts), "]"), ATOM

    def visit_Tuple(self, node: ast.Tuple) -> Written:
        return fenced("(", self._list(node.elts), ")"), ATOM

    def _list(self, parts: Sequence[ast.expr]) -> str:
        return COMMA.join(map(self.write, parts))

    def _is_array(self, node: ast.expr) -> bool:
        """Whether some name in an expression is written as an array."""
        names = (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        return any(np.ndim(self.values.get(name, 0)) for name in names)


def _differential(node: ast.expr) -> ast.expr | None:
    """What ``dx`` or ``dx[i]`` is the change of."""
    match node:
        case ast.Name(id=name) if name[0] == "d" and len(name) > 1:
            return ast.Name(name[1:])
        case ast.Subscript(value=value, slice=index) if whole := _differential(value):
            return ast.Subscript(whole, index)
    return None
