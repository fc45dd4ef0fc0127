"""What the cyclic garbage collector would have to find."""

import gc


def garbage_of(step, times=3):
    """How many objects a step leaves that only the collector can free.

    The least of several counts: other threads of the process that runs the tests leave garbage of
    their own now and then, what the library leaves it leaves every time. A first step does not
    count; what it makes once and keeps is no garbage.
    """
    step()
    least = _count(step)
    for _ in range(times - 1):
        if least:
            least = min(least, _count(step))
    return least


def _count(step):
    gc.disable()
    gc.freeze()  # what is there already, garbage or not, is not looked at: faster
    try:
        step()
        return gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
