"""What a report says about the machine."""

import importlib.metadata
import os
from contextlib import suppress

import pytest

from .peers import PACKAGES

TAKE_PART = {"tinygrad_edu": "tinygrad_edu", "NumPy": "numpy", "numba": "numba"} | PACKAGES


@pytest.hookimpl(optionalhook=True)  # without the plugin, agreement alone can be tested
def pytest_benchmark_update_machine_info(machine_info):
    versions = machine_info["versions"] = {}
    for name, package in TAKE_PART.items():
        with suppress(importlib.metadata.PackageNotFoundError):  # then it is not timed either
            versions[name] = importlib.metadata.version(package)
    machine_info["threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "all")
