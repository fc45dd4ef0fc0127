"""Training steps of ours and of other libraries against the same steps by hand with NumPy.

    pytest -p benchmark -p no:randomly -n0 tests/benchmarks

Each workload is a group of the report, and its steps are timed one after the other. First they must
agree on the losses. A library that is not installed is skipped.
"""

import gc

import numpy as np
import pytest

from .agreement import ALL, agreeing_steps
from .workloads import WORKLOADS, two_layers

ON_THE_SWEEP = ["NumPy", "expressions", "nn and optim", "compiled", "numba", "PyTorch", "JAX"]
MEANS_OVER = 0.001  # seconds: so that also what collects the garbage of many steps is counted


@pytest.fixture(autouse=True)
def objects_of_libraries_are_no_garbage():
    gc.collect()
    gc.freeze()  # else each that was imported would make the collections of all others longer
    yield
    gc.unfreeze()


def time_step(benchmark, workload, way):
    steps = agreeing_steps(way, workload)
    benchmark.extra_info["steps"] = np.size(steps())
    benchmark(steps)


@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.benchmark(min_time=MEANS_OVER)
def test_step(benchmark, name, way):
    benchmark.group = name
    time_step(benchmark, WORKLOADS[name], way)


@pytest.mark.parametrize("way", ON_THE_SWEEP)
@pytest.mark.parametrize("batch", [1, 4, 16, 64, 256, 1024])
@pytest.mark.parametrize("width", [4, 16, 64, 256, 1024, 2048])
@pytest.mark.benchmark(min_time=MEANS_OVER, max_time=0.2)
def test_sweep(benchmark, width, batch, way):
    benchmark.group = f"two layers of {width}, {batch} samples"
    time_step(benchmark, two_layers(width, batch), way)
