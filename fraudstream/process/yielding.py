"""Work in a thread beside an event loop that must not wait for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERVAL_S = 0.0005
USUAL_S = sys.getswitchinterval()


@contextmanager
def yielding() -> Iterator[None]:
    """Let other threads have Python's lock after half a millisecond instead of five, as often as they want it.

    An event loop takes the lock at each of its wake-ups, so a thread that computes delays every answer by that much.
    """
    sys.setswitchinterval(INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(USUAL_S)
