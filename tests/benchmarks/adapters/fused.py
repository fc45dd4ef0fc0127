"""A network of tg.nn and an optimizer of tg.optim."""

from tests.benchmarks.adapters.shared import adapter
from tests.benchmarks.steps import with_nn_and_optim

build = adapter(with_nn_and_optim)
