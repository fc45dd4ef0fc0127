"""Formulas of operations as JavaScript, over the arrays of ``np``.

A formula says ``sum(x)`` of whatever axis the call reduces. In JavaScript the axis of the call is
filled in, and the reduced axes stay, of length 1, so that what is reduced meets what is not; the
walk in ``engine.js`` hands y and g to formulas in that shape, too.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from functools import lru_cache
from types import EllipsisType
from typing import Any

from tinygrad_edu.viz.formulas import REDUCTIONS, Formula, derivative, formulas, losses_of_samples

__all__ = ["Operation", "operation"]

FUNCTIONS = """
    abs absolute angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh argsort broadcast_to
    cbrt ceil clip concatenate conjugate cos cosh deg2rad degrees exp exp2 expand_dims expm1 fabs
    fix flip floor fmax fmin hypot imag inv isfinite isnan log log10 log1p log2 logaddexp
    logaddexp2 masked_softmax maximum minimum moveaxis nan_to_num outer rad2deg radians ravel
    real real_if_close reciprocal reshape rint roll rot90 round scatter_add sigmoid sign sin sinc
    sinh softplus solve split sqrt square squeeze stack swapaxes take tan tanh transpose tril triu
    trunc unbroadcast where
"""
"""Those of formulas that ``np`` has under the same name."""

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.MatMult: "matmul",
    ast.Pow: "power",
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}

IN_LOSSES = {"multiply": "weighted"}
"""A term of weight 0 is 0, even if it is infinite."""
IN_SLOPES = IN_LOSSES | {"divide": "quotient"}
"""0 / 0 is 0, too: the subgradient of least norm."""
IN_GRADIENTS = {"divide": "quotient"}

CAREFUL = [
    ("1 / (1 + exp(-U))", "sigmoid(U)"),
    ("log(1 + exp(U)) - V * U", "V * softplus(-U) + (1 - V) * softplus(U)"),
    ("log(1 + exp(U))", "softplus(U)"),
    ("sigmoid(U) - V", "sigmoid(U) * (1 - V) - sigmoid(-U) * V"),
    ("1 - sigmoid(U)", "sigmoid(-U)"),
    ("exp(U) / sum(exp(U))", "softmax(U)"),
    ("V * exp(U) / sum(V * exp(U))", "masked_softmax(U, V)"),
    ("log(sum(exp(U)))", "logsumexp(U)"),
    ("U - logsumexp(U)", "log_softmax(U)"),
    ("log(exp(U) + exp(V))", "logaddexp(U, V)"),
    ("log2(exp2(U) + exp2(V))", "logaddexp2(U, V)"),
]
"""What the operations compute with care: as formulas state it, and without overflow."""

MEANT = {
    "the part of g where x1 is": "split(g, arrays, axis)[place]",
    "take(g, 0, axis)": "take(g, place, axis)",
}
"""What formulas say of the first of any number of operands, said of each."""


LAYOUTS = {"batch_norm": "channels", "dot": "product", "linear": "rows", "matmul": "product"}
LAYOUTS |= {
    "masked_softmax": "last",
    "solve": "column",
    "cosine_similarity": "reduction",
    "vecdot": "reduction",
}
"""In which shapes formulas take their operands: functions of ``engine.js``."""


class Operation:
    """An operation in JavaScript: its value, and what it makes of gradients.

    Attributes
    ----------
    name : str
        Of the operation.
    layout : str
        In which shapes its formulas take the operands; empty for those that they have.
    value : str
        A function of an object with the arguments of a call, to its value.
    slopes, gradients : dict of str to str
        For each argument that has a derivative, by name, either ``dy/dx`` or ``dL/dx``: functions
        of an object with the arguments, and also ``y``, ``g`` and ``n``.
    """

    def __init__(self, op: Callable[..., Any]) -> None:
        parameters = inspect.signature(op).parameters
        variadic = [p.name for p in parameters.values() if p.kind is p.VAR_POSITIONAL]
        self.name: str = op.__name__
        self.layout: str = _layout(op)
        self.first: str = next(iter(parameters))
        self.value: str = _function(op, formulas(op)[0])
        self.slopes: dict[str, str] = {}
        self.gradients: dict[str, str] = {}
        for name in parameters:
            formula = derivative(op, f"{name}[0]" if name in variadic else name, 0)
            if formula is not None:
                kind = self.gradients if formula.of == "L" else self.slopes
                kind[name] = _function(op, formula)

    def __str__(self) -> str:
        parts = [f'layout: "{self.layout}"', f'first: "{self.first}"', f"value: {self.value}"]
        for kind in ("slopes", "gradients"):
            lines = [f"{name}: {function}" for name, function in getattr(self, kind).items()]
            parts.append(f"{kind}: {{ {', '.join(lines)} }}" if lines else f"{kind}: {{}}")
        return "{\n    " + ",\n    ".join(parts) + ",\n  }"


@lru_cache(maxsize=512)
def operation(op: Callable[..., Any]) -> Operation | None:
    """An operation in JavaScript; None if its formulas are in words, or it has none.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tanh = operation(tg.tanh)
    >>> print(tanh.value)
    ({ x }) => np.tanh(x)
    >>> print(tanh.slopes["x"])
    ({ y }) => np.subtract(1, np.power(y, 2))
    """
    try:
        return Operation(op) if formulas(op) else None
    except (SyntaxError, NotImplementedError):
        return None


def _layout(op: Callable[..., Any]) -> str:
    parameters = inspect.signature(op).parameters
    if "keepdims" in parameters:
        return "reduction"
    if "reduction" in parameters:
        return "samples" if losses_of_samples(op) else "elements"
    return LAYOUTS.get(op.__name__, "")


def _function(op: Callable[..., Any], formula: Formula) -> str:
    """A formula as a function of the arguments that it uses."""
    writer = _Writer(op, formula)
    expression = writer.visit(_stated(op, MEANT.get(formula.right, formula.right)))
    return f"({{ {', '.join(sorted(writer.used))} }}) => {expression}"


def _stated(op: Callable[..., Any], text: str) -> ast.expr:
    """The tree of a formula, with the definitions of its symbols in their places."""
    tree = ast.parse(text, mode="eval").body
    tree = _Definitions(op).visit(tree)
    return _careful(tree)  # type: ignore[no-any-return]


class _Definitions(ast.NodeTransformer):
    """Puts what a symbol stands for in its place, and a derivative that another refers to."""

    def __init__(self, op: Callable[..., Any]) -> None:
        self.op = op
        self.known = {f.left: f.right for f in formulas(op)[1:] if f.left != "y"}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._stated(node.id) if node.id in self.known else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.args = [self.visit(part) for part in node.args]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Look for ``dL/dx``, which is a quotient for Python; ``a * du/dx`` for that of a * du."""
        match node:
            case ast.BinOp(left=above, op=ast.Div(), right=ast.Name(id=below)):
                match above:
                    case ast.Name(id=name) if f"{name}/{below}" in self.known:
                        return self._stated(f"{name}/{below}")
                    case ast.UnaryOp(operand=ast.Name(id=name)) if f"{name}/{below}" in self.known:
                        return ast.UnaryOp(ast.USub(), self._stated(f"{name}/{below}"))
                    case ast.BinOp(left=factor, op=ast.Mult(), right=ast.Name(id=name)) if (
                        f"{name}/{below}" in self.known
                    ):
                        slope = self._stated(f"{name}/{below}")
                        return ast.BinOp(self.visit(factor), ast.Mult(), slope)
        return self.generic_visit(node)

    def _stated(self, left: str) -> ast.expr:
        return self.visit(ast.parse(self.known[left], mode="eval").body)  # type: ignore[no-any-return]


# --- patterns ---------------------------------------------------------------------------------


def _careful(tree: ast.AST) -> Any:
    """The tree, with what would overflow replaced by what does not, from the outside in."""
    for pattern, replacement in _PATTERNS:
        found: dict[str, ast.AST] = {}
        if _matches(pattern, tree, found):
            tree = _filled(replacement, found)
            break
    for name, part in ast.iter_fields(tree):
        if isinstance(part, list):
            setattr(tree, name, [_careful(x) if isinstance(x, ast.AST) else x for x in part])
        elif isinstance(part, ast.expr):
            setattr(tree, name, _careful(part))
    return tree


def _matches(pattern: Any, tree: Any, found: dict[str, ast.AST]) -> bool:
    """Whether a tree is as a pattern, in which capital letters stand for anything."""
    if isinstance(pattern, ast.Name) and pattern.id.isupper():
        known = found.setdefault(pattern.id, tree)
        return ast.dump(known) == ast.dump(tree)
    if isinstance(pattern, list):
        return len(pattern) == len(tree) and all(
            _matches(a, b, found) for a, b in zip(pattern, tree, strict=True)
        )
    if not isinstance(pattern, ast.AST):
        return bool(pattern == tree)
    return type(pattern) is type(tree) and all(
        _matches(getattr(pattern, name), getattr(tree, name, None), found)
        for name in pattern._fields
        if name != "ctx"
    )


def _filled(replacement: str, found: dict[str, ast.AST]) -> ast.expr:
    parts = {name: f"({ast.unparse(part)})" for name, part in found.items()}
    text = "".join(parts.get(letter, letter) for letter in replacement)
    return ast.parse(text, mode="eval").body


_KNOWN = set(FUNCTIONS.split())
_PATTERNS = [(ast.parse(text, mode="eval").body, careful) for text, careful in CAREFUL]


# --- writing ----------------------------------------------------------------------------------


class _Writer(ast.NodeVisitor):
    """Writes the tree of a formula; a node without a rule raises NotImplementedError."""

    def __init__(self, op: Callable[..., Any], formula: Formula) -> None:
        self.parameters = set(inspect.signature(op).parameters)
        self.loss = "reduction" in self.parameters
        self.reduces = "axis" in self.parameters or _layout(op) in ("channels", "last")
        self.names = self.parameters | {"n", "place"} | ({"g", "y"} if formula.by else set())
        other = IN_LOSSES if self.loss else {}
        self.functions = {"L": IN_GRADIENTS, "y": IN_SLOPES}.get(formula.of, other)
        self.used: set[str] = set()

    def generic_visit(self, node: ast.AST) -> Any:
        raise NotImplementedError(ast.dump(node))

    def _call(self, function: str, *parts: str) -> str:
        return f"np.{self.functions.get(function, function)}({', '.join(parts)})"

    def _use(self, name: str) -> str:
        self.used.add(name)
        return name

    def visit_Constant(self, node: ast.Constant) -> str:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise NotImplementedError(ast.dump(node))
        return repr(node.value)

    def visit_Name(self, node: ast.Name) -> str:
        if node.id == "pi":
            return "np.pi"
        if node.id not in self.names:
            raise NotImplementedError(node.id)
        return self._use(node.id)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> str:
        if not isinstance(node.op, ast.USub):
            raise NotImplementedError(ast.dump(node))
        if isinstance(node.operand, ast.Constant):
            return f"-{self.visit(node.operand)}"
        return self._call("negative", self.visit(node.operand))

    def visit_BinOp(self, node: ast.BinOp) -> str:
        if type(node.op) not in OPERATORS:
            raise NotImplementedError(ast.dump(node))
        return self._call(OPERATORS[type(node.op)], self.visit(node.left), self.visit(node.right))

    def visit_Compare(self, node: ast.Compare) -> str:
        parts = [self.visit(part) for part in (node.left, *node.comparators)]
        signs = [OPERATORS.get(type(op), "") for op in node.ops]
        if not all(signs):
            raise NotImplementedError(ast.dump(node))
        steps = zip(signs, parts, parts[1:], strict=False)
        first, *others = (self._call(sign, a, b) for sign, a, b in steps)
        for other in others:
            first = self._call("logical_and", first, other)
        return first

    def visit_Call(self, node: ast.Call) -> str:
        match node:
            case ast.Call(func=ast.Name(id="mean"), args=[x], keywords=[]) if self.loss:
                return self._call("summarized", self.visit(x), self._use("reduction"))
            case ast.Call(func=ast.Name(id=name), args=[x], keywords=[]) if name in REDUCTIONS:
                axis = [self._use("axis"), "true"] if self.reduces else []
                return self._call(name, self.visit(x), *axis[: self._axes(name)])
            case ast.Call(
                func=ast.Name(id=name), args=[x], keywords=[ast.keyword("axis", axis)]
            ) if name in REDUCTIONS:
                return self._call(name, self.visit(x), self.visit(axis))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _KNOWN:
                return self._call(name, *map(self.visit, args))
        raise NotImplementedError(ast.dump(node))

    @staticmethod
    def _axes(name: str) -> int:
        """How much of (axis, keepdims) a function takes."""
        return 1 if name.endswith("softmax") else 2

    def visit_Attribute(self, node: ast.Attribute) -> str:
        match node.attr:
            case "T":
                return self._call("transpose", self.visit(node.value))
            case "mT":
                return self._call("mT", self.visit(node.value))
            case "shape":
                return f"{self.visit(node.value)}.shape"
        raise NotImplementedError(ast.dump(node))

    def visit_Subscript(self, node: ast.Subscript) -> str:
        value = self.visit(node.value)
        match node.slice:
            case ast.Name(id="place"):
                return f"{value}[{self._use('place')}]"
            case ast.Name(id="index" | "indices" as name):
                return self._call("at", value, self._use(name))
        raise NotImplementedError(ast.dump(node))

    def visit_List(self, node: ast.List) -> str:
        match node.elts:
            case [*_, ast.Constant(value=EllipsisType())]:
                return self._use("arrays")  # all of them
        raise NotImplementedError(ast.dump(node))
