"""Training steps of ours against the same steps written by hand with NumPy.

    pytest -p benchmark -p no:randomly -n0 tests/benchmarks

Each workload is a group of the report, and its steps are timed one after the other. First they must
agree on the losses.
"""

import numpy as np
import pytest

from .steps import CHAINS, LENGTH, WAYS, WORKLOADS, chain_by_hand, two_layers


def time_step(benchmark, workload, way):
    step = WAYS[way](workload)
    expected = WAYS["NumPy"](workload)
    tolerance = 1e-9 if workload.dtype == "float64" else 1e-3
    np.testing.assert_allclose(
        [step() for _ in range(3)], [expected() for _ in range(3)], rtol=tolerance, atol=1e-6
    )
    benchmark(step)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_step(benchmark, name, way):
    benchmark.group = name
    time_step(benchmark, WORKLOADS[name], way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("batch", [1, 4, 16, 64, 256, 1024])
@pytest.mark.parametrize("width", [4, 16, 64, 256, 1024, 2048])
@pytest.mark.benchmark(max_time=0.3)
def test_sweep(benchmark, width, batch, way):
    benchmark.group = f"two layers of {width}, {batch} samples"
    time_step(benchmark, two_layers(width, batch), way)


@pytest.mark.parametrize("way", CHAINS)
def test_chain(benchmark, way):
    benchmark.group = f"chain of {LENGTH}"
    np.testing.assert_allclose(benchmark(CHAINS[way]), chain_by_hand())
