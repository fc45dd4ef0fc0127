"""Steps inside of an epoch that numba compiles, whose losses are handed out one by one.

The time per step is right where much more than one epoch of about a millisecond is timed at a time:
for 784-256-128-10, with ten steps of that length, choose chunks of half a second or more.
"""

from tests.benchmarks.adapters.shared import adapter
from tests.benchmarks.steps import DoesNotApplyError, in_epochs, losses_of

LONGEST = 2**20  # weights: a step takes as long as a harness looks


def one_by_one(problem):
    """One step per call, most of which were taken before."""
    if sum(p.size for p in problem.parameters) > LONGEST:
        raise DoesNotApplyError("a single step is so long that nobody would notice an epoch")
    return losses_of(in_epochs(problem)).__next__


build = adapter(one_by_one)
