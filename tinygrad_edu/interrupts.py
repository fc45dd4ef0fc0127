"""Ctrl-C, put off until what is being done is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["CtrlC", "deferred_interrupt"]


class CtrlC:
    """A handler of Ctrl-C that takes note of the first one, and interrupts at the second."""

    def __init__(self) -> None:
        self.pressed: bool = False

    def __call__(self, *_: Any) -> None:
        """Handle the signal."""
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


@contextmanager
def deferred_interrupt(handler: CtrlC) -> Iterator[CtrlC]:
    """Install the handler in place of Python's, if that is possible; yield the one to ask.

    That is the handler of an outer ``with``, if there is one. Signals reach the main thread only,
    and the handler of a program that has its own is left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield handler
        return
    current = signal.getsignal(signal.SIGINT)
    if isinstance(current, CtrlC):
        yield current
    elif current is signal.default_int_handler:
        signal.signal(signal.SIGINT, handler)
        try:
            yield handler
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    else:
        yield handler
