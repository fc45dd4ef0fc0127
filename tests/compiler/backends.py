"""Both ways to write a program, for tests: loops run as Python, which takes no time to compile."""

import sys
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

import tinygrad_edu as tg
from tinygrad_edu.compiler import program

BACKENDS = ["numpy", "loops"]


@contextmanager
def active(backend):
    """Let ``compile`` and ``jit`` write for a backend; yield both."""
    if backend == "numpy":
        yield tg.compile, tg.jit
        return
    interpreted = SimpleNamespace(njit=lambda **_: lambda function: function)
    with (
        patch.dict(sys.modules, numba=interpreted),
        patch.object(program, "compiled", lambda *_: None),
    ):
        yield partial(tg.compile, backend="numba"), partial(tg.jit, backend="numba")
