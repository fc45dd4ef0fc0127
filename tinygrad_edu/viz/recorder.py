"""Watch a function run: where it computes each Tensor, and what it calls it."""

from __future__ import annotations

from collections import Counter
from types import FrameType

from tinygrad_edu.context import current
from tinygrad_edu.engine import Node
from tinygrad_edu.source import source_of, user_frames

__all__ = ["Recorder"]


class Recorder:
    """To be a context's observer: notes for each node its source and the variable that holds it.

    Parameters
    ----------
    outermost
        The function that runs what is to be watched.
    """

    def __init__(self, outermost: FrameType) -> None:
        self.names: dict[Node, str] = {}
        self.outermost = outermost
        self.previous = current().observer
        self._used: Counter[str] = Counter()

    def __call__(self, node: Node) -> None:
        """Note where a node is being made."""
        frames = list(user_frames(self.outermost))
        if frames:
            node._source = source_of(frames[0])
        for frame in reversed(frames):  # the outermost function has the most telling names
            self._note_names(frame)
        if self.previous is not None:
            self.previous(node)

    def _note_names(self, frame: FrameType) -> None:
        """Note the computed Tensors among a function's variables; a name used again is numbered."""
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, Node) and value._op and value not in self.names:
                self._used[name] += 1
                again = f"_{self._used[name]}" if self._used[name] > 1 else ""
                self.names[value] = name + again
