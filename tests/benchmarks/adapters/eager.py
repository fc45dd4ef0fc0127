"""Expressions on Tensors, with an update of each parameter."""

from tests.benchmarks.adapters.shared import adapter
from tests.benchmarks.steps import in_expressions

build = adapter(in_expressions)
