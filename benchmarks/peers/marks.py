"""How a peer without decisions says how far it has come: `mark <events> <epoch seconds>` on standard output."""

import sys
import time

MARKED = (0.0, 0.1, 0.95, 1.0)
"""Shares of the events at which a peer speaks; measured is what lies between the middle two."""


class Marks:
    """Counts events and prints a line whenever a marked share of them is reached."""

    def __init__(self, events: int) -> None:
        self._left = [max(1, round(events * share)) for share in MARKED]
        self.next = self._left.pop(0)

    def reached(self, count: int) -> None:
        """Print a line; call it when `count` has reached `next`."""
        sys.stdout.write(f"mark {count} {time.time():.6f}\n")
        sys.stdout.flush()
        while self._left and self._left[0] <= count:
            self._left.pop(0)
        self.next = self._left.pop(0) if self._left else sys.maxsize
