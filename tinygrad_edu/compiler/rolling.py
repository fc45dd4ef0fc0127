"""Find what a program does many times over, so that it can be written as a loop."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from tinygrad_edu.compiler.values import Value, alike, key_of
from tinygrad_edu.trees import tree_map

__all__ = ["Repetition", "repetitions"]

LONGEST = 8  # values in one round
FEWEST = 16  # rounds: fewer are written one after the other


class Repetition(NamedTuple):
    """Rounds of calls, each of which is like the one before, with its results as operands.

    The first round is written by itself; it gives the names to what the loop changes.
    """

    first: list[Value]  # the round before the loop
    values: list[Value]  # all others

    @property
    def body(self) -> list[Value]:
        """The first round in the loop."""
        return self.values[: len(self.first)]

    @property
    def last(self) -> list[Value]:
        """The last round."""
        return self.values[-len(self.first) :]

    @property
    def times(self) -> int:
        """The number of rounds in the loop."""
        return len(self.values) // len(self.first)

    def carried(self) -> list[int]:
        """The places in a round of what the next round uses."""
        within = {used: i for i, used in enumerate(self.first)}
        return sorted({within[used] for x in self.body for used in x.uses() if used in within})


def repetitions(values: list[Value], kept: Collection[Value]) -> list[Repetition]:
    """All repetitions among some values.

    Parameters
    ----------
    values : list of Value
        In the order in which they are computed.
    kept : collection of Value
        Those that are needed after all of them.
    """
    calls = [value for value in values if value.function is not None]
    number = {value: i for i, value in enumerate(calls)}
    last_use = dict(number)
    for value in calls:
        last_use.update((used, number[value]) for used in value.uses() if used in number)
    last_use.update((value, len(calls)) for value in kept)
    found: list[Repetition] = []
    begin = 0
    while begin < len(calls):
        for length in range(1, LONGEST + 1):
            rounds = _rounds(calls, number, last_use, begin, length)
            if rounds >= FEWEST:
                end = begin + rounds * length
                first, rest = calls[begin : begin + length], calls[begin + length : end]
                found.append(Repetition(first, rest))
                begin = end - 1
                break
        begin += 1
    return found


def _rounds(
    calls: list[Value],
    number: dict[Value, int],
    last_use: dict[Value, int],
    begin: int,
    length: int,
) -> int:
    """How many rounds of a length are alike, the first of which begins at a call."""
    end = begin + length
    while end < len(calls) and _repeats(calls[end], calls[end - length], number, length):
        end += 1
    rounds = (end - begin) // length
    # What a round computes, but for the last one, is used by it and the next one only.
    for i in range(begin, begin + (rounds - 1) * length):
        if last_use[calls[i]] > i + length:
            return 1 + max(0, (i - begin) // length)
    return rounds


def _repeats(value: Value, before: Value, number: dict[Value, int], length: int) -> bool:
    """Whether a call is that of the round before, with what was computed one round later."""
    if value.function is not before.function or not alike(value.example, before.example):
        return False

    def relative(call: Value) -> Any:
        def place(x: Any) -> Any:
            if not isinstance(x, Value) or x not in number:
                return x
            distance = number[call] - number[x]
            return ("before", distance) if distance <= length else x

        return key_of(tree_map(place, (call.args, call.options)))

    return bool(relative(value) == relative(before))
