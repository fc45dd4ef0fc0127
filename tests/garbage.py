"""What the cyclic garbage collector would have to find."""

import gc


def garbage_of(step, times=3):
    """How many objects a step leaves that only the collector can free.

    The least of several counts: other threads of the process that runs the tests leave garbage of
    their own now and then, what the library leaves it leaves every time. A first step does not
    count; what it makes once and keeps is no garbage.
    """
    step()
    return min(_count(step) for _ in range(times))


def _count(step):
    gc.collect()
    gc.freeze()  # what is there already is not looked at: faster
    gc.disable()
    try:
        step()
        return gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
