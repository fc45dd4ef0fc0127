"""What the import costs over that of NumPy."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["numpy", "tinygrad_edu"])
def test_import(benchmark, module):
    benchmark.group = "import"
    command = [sys.executable, "-c", f"import {module}"]
    benchmark.pedantic(subprocess.run, [command], {"check": True}, rounds=10, warmup_rounds=2)
