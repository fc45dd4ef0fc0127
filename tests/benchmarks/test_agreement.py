"""All ways to take a step compute the same."""

import pytest

from .agreement import ALL, agreeing_steps
from .workloads import WORKLOADS


@pytest.mark.parametrize("way", [way for way in ALL if way != "NumPy"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_the_first_losses_are_those_by_hand(name, way):
    agreeing_steps(way, WORKLOADS[name])
