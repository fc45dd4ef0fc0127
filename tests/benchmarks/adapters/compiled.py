"""The step that tg.compile writes out for NumPy."""

from tests.benchmarks.adapters.shared import adapter
from tests.benchmarks.steps import compiled

build = adapter(compiled)
