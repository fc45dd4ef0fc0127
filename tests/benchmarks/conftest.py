"""What a report says about the machine."""

import os

import numpy as np

import tinygrad_edu as tg


def pytest_benchmark_update_machine_info(machine_info):
    machine_info["versions"] = {"tinygrad_edu": tg.__version__, "NumPy": np.__version__}
    machine_info["threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "all")
