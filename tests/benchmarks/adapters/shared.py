"""What an external harness hands over, as a problem of ours.

The harness calls `build(name, init)` of an adapter, and times the step that it returns. Run it with
the root of the repository on the path of Python.
"""

from tests.benchmarks.steps import DoesNotApplyError
from tests.benchmarks.workloads import Problem


class Unsupported(Exception):  # noqa: N818 - the name is that of the harness
    """A workload that is not for an adapter."""


def adapter(way):
    """The function `build` of an adapter."""

    def build(_, init):
        workload = init.workload
        problem = Problem(
            hidden=workload.hidden,
            loss={"bce": "sigmoid"}.get(workload.loss, workload.loss),
            parameters=init.params,
            batches=init.batches or [()],
            rate=workload.lr,
            momentum=workload.momentum,
            penalty=workload.l2,
        )
        try:
            return way(problem)
        except DoesNotApplyError as error:
            raise Unsupported(str(error)) from None

    return build
