"""How a peer without decisions says how far it has come: `mark <events> <epoch seconds>` on standard output."""

import sys
import time

STEPS = 20
"""A line for every twentieth of the events, and one for the first event."""


class Marks:
    """Counts events and prints a line whenever another twentieth of them is reached."""

    def __init__(self, events: int) -> None:
        self._events = events
        self.next = 1

    def reached(self, count: int) -> None:
        """Print a line; call it when `count` has reached `next`."""
        sys.stdout.write(f"mark {count} {time.time():.6f}\n")
        sys.stdout.flush()
        passed = count * STEPS // self._events
        self.next = -(-(passed + 1) * self._events // STEPS) if passed < STEPS else sys.maxsize
