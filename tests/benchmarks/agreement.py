"""Nothing is timed, or trusted, that does not compute what the step by hand computes."""

import functools
from itertools import islice

import numpy as np
import pytest

from .peers import PACKAGES, PEERS
from .steps import WAYS, DoesNotApplyError, losses_of

ALL = WAYS | PEERS
FIRST = 5
TOLERANCES = {"float32": 1e-4, "float64": 1e-9}


@functools.cache
def expected(workload):
    return [*islice(losses_of(WAYS["NumPy"](workload.problem())), FIRST)]


def agreeing_steps(way, workload):
    """The steps, if their first losses are right; else the test fails.

    It is skipped if the way is not installed, or if the workload is not for it.
    """
    try:
        steps = ALL[way](workload.problem())
    except ModuleNotFoundError as error:
        if error.name not in (PACKAGES.get(way), "numba"):
            raise
        pytest.skip(f"{error.name} is not installed")
    except DoesNotApplyError as error:
        pytest.skip(str(error))
    found = [*islice(losses_of(steps), FIRST)]
    tolerance = TOLERANCES[workload.dtype]
    near_zero = tolerance / 100  # a single sample is learned by heart at once
    np.testing.assert_allclose(found, expected(workload), rtol=tolerance, atol=near_zero)
    return steps
