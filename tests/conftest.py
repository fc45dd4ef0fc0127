"""How thoroughly hypothesis searches: HYPOTHESIS_PROFILE is dev (the default), ci or mutation.

And what scikit-learn's checks of estimators need in order to be complete.
"""

import os

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "dev",
    max_examples=20,
    deadline=None,  # a shared machine has slow moments
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "ci",
    settings.get_profile("dev"),
    max_examples=50,
    derandomize=True,
    database=None,
)
settings.register_profile(  # many runs, each of which only asks whether anything fails
    "mutation",
    settings.get_profile("ci"),
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

os.environ["SCIPY_ARRAY_API"] = "1"  # read when SciPy is imported, so before any test is
