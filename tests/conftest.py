"""How thoroughly hypothesis searches: HYPOTHESIS_PROFILE is dev, ci, thorough or mutation.

And what scikit-learn's checks of estimators need in order to be complete.
"""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "dev",
    max_examples=10,
    deadline=None,  # a shared machine has slow moments
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "ci",
    settings.get_profile("dev"),
    derandomize=True,
    database=None,
)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=200)
settings.register_profile(  # many runs, each of which only asks whether anything fails
    "mutation",
    settings.get_profile("ci"),
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

os.environ["SCIPY_ARRAY_API"] = "1"  # read when SciPy is imported, so before any test is


@pytest.fixture
def python_handles_ctrl_c():
    """Restore Python's handler, which is missing where a shell started pytest in the background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


# The core is covered by its own tests; to follow its lines through whole trainings takes minutes.
FOLLOWED = {"ops", "properties", "tests"}
NOT_FOLLOWED = {"test_pictures.py", "test_sklearn.py", "test_training.py"}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name not in FOLLOWED or item.path.name in NOT_FOLLOWED:
            item.add_marker(pytest.mark.no_cover)


def pytest_runtest_teardown():
    """Leave no figures: of many matplotlib complains, in whichever test comes next."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
