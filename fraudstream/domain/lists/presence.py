"""Whether something is there, and was at former revisions of the lists."""

from fraudstream.domain.times import DAY_MS

KEPT_MS = 3 * DAY_MS
"""How long former states of lists are remembered; compaction keeps their records as long."""


class Presence:
    """Since which revisions something is there, and not there; in the beginning it is not."""

    def __init__(self) -> None:
        self.now = False
        self._changes: list[tuple[int, int, bool]] = []
        """Revision, time of the record (epoch milliseconds), and whether it is there since."""

    def put(self, there: bool, revision: int, at_ms: int) -> None:
        """Note what a record made of it; forget what was replaced long ago."""
        if there == self.now:
            return
        self.now = there
        self._changes.append((revision, at_ms, there))
        while len(self._changes) > 1 and self._changes[1][1] < at_ms - KEPT_MS:
            del self._changes[0]

    def at(self, revision: int) -> bool:
        """Tell whether it was there; before the first change that is remembered it was the opposite."""
        for since, _, there in reversed(self._changes):
            if since <= revision:
                return there
        return not self._changes[0][2] if self._changes else False
