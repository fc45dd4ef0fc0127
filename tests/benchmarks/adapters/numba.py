"""The step that tg.compile has numba compile."""

from tests.benchmarks.adapters.shared import adapter
from tests.benchmarks.steps import with_numba

build = adapter(with_numba)
