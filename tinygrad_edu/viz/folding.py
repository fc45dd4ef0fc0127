"""Make a large graph small enough to be read: fold scopes, and what repeats itself."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Node
from tinygrad_edu.viz import calls
from tinygrad_edu.viz.model import Constant, Graph, Item, Scope, common_scope
from tinygrad_edu.viz.view import Fold, Homes, Vertex, View

__all__ = ["arrange"]

# Repeated structure: the longest piece to look for, and how often it must be there.
LONGEST_PERIOD, LEAST_REPEATS = 24, 4
READABLE, MOST, LONGEST_PATH = 100, 300, 40  # vertices: in all, and behind each other


def arrange(graph: Graph, depth: int | None, max_nodes: int | None) -> View:
    """Fold scopes below a depth; then, as far as needed, outer scopes and repeated structure.

    Without a wish, as little as leaves a picture that can be read, and one that can be drawn.
    """
    if depth is not None:
        _check("depth", depth, 0)
    if max_nodes is not None:
        _check("max_nodes", max_nodes, 1)
    most = MOST if max_nodes is None else max_nodes
    undecided = max_nodes is None and depth is None
    found: list[Homes] = []
    for homes in _ways(graph, depth):
        found.append(homes)
        if _is_readable(graph, homes) if undecided else _size(homes) <= most:
            break
    smallest = min(found, key=_size)
    if _size(smallest) > most:
        raise ValueError(
            f"the graph has {len(smallest):,} nodes, and still {_size(smallest):,} where scopes "
            f"and what repeats itself are folded; more than max_nodes={most} can hardly be read. "
            "Group operations with `with tg.scope(name):`, draw an earlier Tensor, or give another "
            "max_nodes="
        )
    return View(graph, smallest)


def _is_readable(graph: Graph, homes: Homes) -> bool:
    """Whether a picture is small enough to be seen as a whole, and to be read."""
    if _size(homes) > READABLE:
        return False
    before: dict[Vertex, int] = dict.fromkeys(homes.values(), 0)
    for edge in graph.edges:  # the oldest targets first, so that all before a source is known
        source, target = homes[edge.source], homes[edge.target]
        if source is not target:
            before[target] = max(before[target], before[source] + 1)
    return max(before.values()) < LONGEST_PATH


def _ways(graph: Graph, depth: int | None) -> Iterator[Homes]:
    """What shows each item, from as it is to as folded as can be."""
    deepest = max(map(len, graph.scopes.values()))
    yield _fold_scopes(graph, depth)
    levels = range(deepest - 1, -1, -1) if depth is None and deepest else [depth]
    for level in levels:
        yield _fold_repeats(graph, _fold_scopes(graph, level))


def _check(argument: str, value: Any, least: int) -> None:
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{argument} must be an integer of at least {least}; got {value!r}")


def _size(homes: Homes) -> int:
    return len(set(homes.values()))


# --- scopes -------------------------------------------------------------------------------


def _fold_scopes(graph: Graph, depth: int | None) -> Homes:
    """Let each scope deeper than ``depth`` be one vertex. The root always stays itself."""
    homes: Homes = {item: item for item in graph.items}
    if depth is None:
        return homes
    folds: dict[Scope, Fold] = {}
    for item in graph.items:
        scope = graph.scopes[item][: depth + 1]
        if len(scope) > depth and item is not graph.root:
            folds.setdefault(scope, Fold(scope[-1], scope[:-1])).items.append(item)
    for fold in folds.values():
        if len(fold.items) > 1:
            homes |= dict.fromkeys(fold.items, fold)
    _lift(graph, homes)
    return homes


def _lift(graph: Graph, homes: Homes) -> None:
    """Let a fold that is all there is in the scope around it stand for that scope."""
    alone: dict[Scope, Vertex | None] = {}
    for item, home in homes.items():
        scope = home.scope if isinstance(home, Fold) else graph.scopes[item]
        for around in (scope[: i + 1] for i in range(len(scope))):
            alone[around] = home if alone.get(around, home) is home else None
    for scope in sorted(alone, key=len, reverse=True):
        fold = alone[scope]
        if isinstance(fold, Fold):
            fold.name, fold.scope = scope[-1], scope[:-1]


# --- repeated structure -------------------------------------------------------------------


def _fold_repeats(graph: Graph, homes: Homes) -> Homes:
    """Show the first and the last of many equal pieces, and all between them as one vertex."""
    operations = [
        item
        for item in graph.items
        if isinstance(item, Node) and item._op and item is not graph.root
    ]
    sequence = list(dict.fromkeys(homes[item] for item in operations))
    folds: dict[Vertex, Fold] = {}
    for start, period, repeats in _repetitions(_signatures(graph, homes, sequence)):
        hidden = sequence[start + period : start + period * (repeats - 1)]
        fold = _repeated(graph, hidden, repeats - 2)
        folds |= dict.fromkeys(hidden, fold)
    homes = {item: folds.get(home, home) for item, home in homes.items()}
    new = set(folds.values())
    _draw_in_leaves(graph, homes, new)
    for item, home in homes.items():
        if home in new:
            home.items.append(item)
    return homes


def _signatures(graph: Graph, homes: Homes, sequence: Sequence[Vertex]) -> list[int]:
    """A number for each vertex, equal for those that do the same to what came just before."""
    index = {vertex: i for i, vertex in enumerate(sequence)}
    parts: list[list[Any]] = [[] for _ in sequence]
    for item, home in homes.items():
        if isinstance(item, Node) and item._op and home in index:
            parts[index[home]].append((calls.name(item), item._array.shape))
    users: dict[int, set[int]] = {}
    edges: list[tuple[int | None, int]] = []
    for edge in graph.edges:
        source, target = index.get(homes[edge.source]), index.get(homes[edge.target])
        if target is not None and source != target:
            edges.append((source, target))
            if source is not None:
                users.setdefault(source, set()).add(target)
    for source, target in edges:
        # What many take, as all steps their inputs from one array, is the same to all of them.
        if source is None or len(users[source]) >= LEAST_REPEATS:
            parts[target].append(None)
        else:
            parts[target].append(min(target - source, LONGEST_PERIOD))
    known: dict[Any, int] = {}
    return [known.setdefault(tuple(part), len(known)) for part in parts]


def _repetitions(signatures: list[int]) -> Iterator[tuple[int, int, int]]:
    """Where a piece of the sequence follows itself: (start, length of the piece, how often)."""
    s, n = np.array(signatures), len(signatures)
    repeats = np.zeros((LONGEST_PERIOD + 1, n), dtype=int)
    for period in range(1, min(LONGEST_PERIOD, n - 1) + 1):
        repeats[period, :-period] = 1 + _run_lengths(s[period:] == s[:-period]) // period
    repeats[repeats < LEAST_REPEATS] = 0
    longest = np.argmax(repeats * np.arange(LONGEST_PERIOD + 1)[:, None], axis=0)
    start = 0
    while start < n:
        period = int(longest[start])
        if period:
            yield start, period, int(repeats[period, start])
        start += max(1, period * int(repeats[period, start]))


def _run_lengths(same: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each position, how many True follow from there on."""
    stops = np.append(np.flatnonzero(~same), len(same))
    here = np.arange(len(same))
    return stops[np.searchsorted(stops, here)] - here


def _draw_in_leaves(graph: Graph, homes: Homes, folds: set[Fold]) -> None:
    """Let a leaf that only one of the folds uses be in that fold."""
    users: dict[Item, set[Vertex]] = {}
    for edge in graph.edges:
        if isinstance(edge.source, Constant) or edge.source._op is None:
            users.setdefault(edge.source, set()).add(homes[edge.target])
    homes |= {leaf: user for leaf, (user, *others) in users.items() if not others and user in folds}


def _repeated(graph: Graph, hidden: Sequence[Vertex], times: int) -> Fold:
    """A fold for what is there several times: called as the first and the last, if it can be."""
    first, last = hidden[0], hidden[-1]
    same = f"{times} times the same"
    scopes = (v.scope if isinstance(v, Fold) else graph.scopes[v] for v in hidden)
    scope = functools.reduce(common_scope, scopes)
    if len(hidden) == times and isinstance(first, Fold) and isinstance(last, Fold):
        return Fold(f"{first.name} … {last.name}", scope, note=same)
    return Fold(same, scope)
