"""Operations as a student writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.engine import Node
from tinygrad_edu.viz.model import Graph, Item, operands, options
from tinygrad_edu.viz.summary import number

__all__ = ["expression", "inside", "needs_expression", "symbol"]

SYMBOLS = {
    "absolute": "|x|",
    "add": "+",
    "divide": "/",
    "floor_divide": "//",
    "getitem": "[ ]",
    "matmul": "@",
    "multiply": "*",
    "negative": "−x",
    "positive": "+x",
    "power": "**",
    "relu": "ReLU",
    "remainder": "%",
    "sigmoid": "σ",
    "sqrt": "√",
    "subtract": "−",
    "transpose": "T",
}
INFIX = {"add", "divide", "floor_divide", "matmul", "multiply", "power", "remainder", "subtract"}
COMMUTATIVE = {"add", "fmax", "fmin", "hypot", "logaddexp", "maximum", "minimum", "multiply"}


def symbol(node: Node) -> str:
    """The operation that made a node, where that is short in its symbol, else by its name."""
    name: str = node._op.__name__  # type: ignore[union-attr]  # a computed node has an operation
    return SYMBOLS.get(name, name)


def expression(graph: Graph, node: Node) -> str:
    """The call that made a node, with the names of its operands: ``x @ W``."""
    names = [_operand(graph, value) for _, value in operands(node)]
    name: str = node._op.__name__  # type: ignore[union-attr]
    if name in INFIX and len(names) == 2:
        return f"{names[0]} {symbol(node)} {names[1]}"
    if name == "getitem":
        return f"{names[0]}{options(node) or '[array]'}"
    return f"{name}({', '.join(filter(None, [*names, options(node)]))})"


def _operand(graph: Graph, value: Any) -> str:
    if isinstance(value, Node):
        return graph.names[value]
    array = np.asarray(value)
    return number(array[()]) if array.ndim == 0 else "array"


def needs_expression(node: Node) -> bool:
    """Whether a picture leaves open what was computed: a - b is not b - a."""
    name: str = node._op.__name__  # type: ignore[union-attr]
    return name not in COMMUTATIVE and len(list(operands(node))) > 1


def inside(items: Iterable[Item]) -> list[str]:
    """What is among many items, in a few lines."""
    nodes = [item for item in items if isinstance(item, Node)]
    operations = Counter(symbol(node) for node in nodes if node._op)
    parameters = [node._data.size for node in nodes if not node._op and node._requires_grad]
    lines = []
    if operations:
        most = [f"{n} {name}" for name, n in operations.most_common(4)]
        rest = [f"{len(operations) - 4} other kinds"] if len(operations) > 4 else []
        lines.append(f"{_count(operations.total(), 'operation')}: {', '.join(most + rest)}")
    if parameters:
        lines.append(f"{_count(len(parameters), 'parameter')}: {_count(sum(parameters), 'number')}")
    return lines


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
