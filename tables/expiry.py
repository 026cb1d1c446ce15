"""Which buckets of a partition may expire."""

from collections import deque
from collections.abc import Callable

from faust.types import TP


class Expiry:
    """Knows which events of a partition were decided here and are not committed yet.

    Only events whose offsets are committed count: so a replay always finds what the first run found. The clock would be
    wrong: after a crash it is ahead of events that are yet to be replayed.
    """

    def __init__(self) -> None:
        self._uncommitted: dict[int, deque[tuple[dict[TP, int], int]]] = {}

    def forget(self) -> None:
        """Begin again, in a new assignment."""
        self._uncommitted.clear()

    def decided(self, partition: int, sources: dict[TP, int], newest_ms: int) -> None:
        """Note a micro-batch: its last source offsets, and the newest event time among its events."""
        self._uncommitted.setdefault(partition, deque()).append((sources, newest_ms))

    def newest_committed_ms(self, partition: int, committed: Callable[[TP], int]) -> int:
        """Return the newest event time of what was committed since the last call, 0 for none; `committed`: offsets."""
        uncommitted = self._uncommitted.get(partition, deque())
        newest_ms = 0
        while uncommitted and all(committed(tp) > offset for tp, offset in uncommitted[0][0].items()):
            newest_ms = max(newest_ms, uncommitted.popleft()[1])
        return newest_ms
