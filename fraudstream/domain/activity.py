"""The last ten minutes of a card, exactly: payments with event time in [t - 600 s, t] that arrived before, plus itself.

State is bytes: per card and tumbling ten-minute bucket, the 32-byte entries of its payments. Any ten minutes lie in
two neighbouring buckets, so a sliding window needs two reads and old buckets expire as whole ranges of keys.
Money is integer minor units of its currency (cents, yen, thousandths of a dinar), called cents for short, and time integer
milliseconds, so sums do not depend on the order of addition.

A refund is a payment with an amount below zero. It gets its card's ten minutes but counts in none, not even its own,
because it is not spending. It is stored like any other payment, so that a replay gets the same answer.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

WINDOW_MS = 600_000
MINUTE_MS = 60_000

ENTRY = Struct("<qiIQq")
"""event time ms · cents (32 bits, signed: up to 21,474,836.47) · late_by ms · transaction id (64-bit hash) · sequence.

Sequences below 0 are of payments from before the topics grew; they come before all others."""

LATE_BY_MAX_MS = 2**32 - 1


class Entry(NamedTuple):
    """One payment as the window remembers it.

    `sequence` orders the payments of a card as they arrived; `late_by_ms` is how far the partition's watermark was ahead
    of the payment then. With both, a replay is answered as the first time.
    """

    event_time_ms: int
    cents: int
    late_by_ms: int
    id_hash: int
    sequence: int


class WindowAggregate(NamedTuple):
    """What the window says of one payment, itself included unless it is a refund."""

    payments: int
    cents: int
    ms_since_previous: int
    """To the card's newest earlier payment in the window; -1 if there is none."""
    payments_1m: int
    late_by_ms: int


class Conflict(Exception):
    """A transaction id came again with another time or amount: one of the two is wrong, and we cannot know which."""


def bucket_of(event_time_ms: int) -> int:
    """Return the start of the tumbling bucket that holds this time.

    >>> bucket_of(1_199_999), bucket_of(1_200_000)
    (600000, 1200000)
    """
    return event_time_ms - event_time_ms % WINDOW_MS


def unpack(buckets: Iterable[bytes]) -> list[Entry]:
    """Read the entries of some buckets."""
    return [Entry._make(fields) for bucket in buckets for fields in ENTRY.iter_unpack(bucket)]


class CardActivity:
    """The stored payments of one card, indexed; lives for one micro-batch.

    Payments nearly always come in order of time, and then two bisections and a difference of prefix sums answer in
    O(log n). Late ones and replays take `_scan`, which is the definition itself.
    """

    __slots__ = ("_allowed_lateness_ms", "_by_id", "_last_sequence", "_prefix", "_times", "entries")

    def __init__(self, buckets: Iterable[bytes], allowed_lateness_ms: int) -> None:
        """Build from the stored buckets; `allowed_lateness_ms` is the allowed lateness, up to which windows are complete."""
        self._allowed_lateness_ms = allowed_lateness_ms
        self.entries = unpack(buckets)
        self._by_id = {(bucket_of(entry.event_time_ms), entry.id_hash): entry for entry in self.entries}
        self._last_sequence = max((entry.sequence for entry in self.entries), default=-1)
        self._index()

    def add(
        self, event_time_ms: int, cents: int, late_by_ms: int, id_hash: int, sequence: int
    ) -> WindowAggregate:
        """Count a payment and return its window; a known transaction id is answered as the first time.

        An id is known if the payment's own bucket or a neighbouring one has it; other buckets do not count. Raises
        Conflict if it is known with another time or amount. `entries` grows by one if the payment was counted.
        """
        bucket = bucket_of(event_time_ms)
        near = (bucket, bucket - WINDOW_MS, bucket + WINDOW_MS)
        known = next((self._by_id[place, id_hash] for place in near if (place, id_hash) in self._by_id), None)
        if known is not None:
            if known.event_time_ms != event_time_ms or known.cents != cents:
                raise Conflict
            return self._scan(known)
        entry = Entry(event_time_ms, cents, min(late_by_ms, LATE_BY_MAX_MS), id_hash, sequence)
        times = self._times
        in_order = sequence > self._last_sequence and (not times or times[-1] <= event_time_ms)
        self._by_id[bucket, id_hash] = entry
        self.entries.append(entry)
        if sequence > self._last_sequence:
            self._last_sequence = sequence
        if not in_order:
            self._index()
            return self._scan(entry)
        first = bisect_left(times, self._oldest(entry))
        before = len(times)
        since = event_time_ms - times[-1] if first < before else -1
        first_1m = (
            before if since < 0 or since > MINUTE_MS else bisect_left(times, event_time_ms - MINUTE_MS, first)
        )
        if cents >= 0:
            times.append(event_time_ms)
            self._prefix.append(self._prefix[-1] + cents)
        end = len(times)
        total = self._prefix[end] - self._prefix[first]
        return WindowAggregate(end - first, total, since, end - first_1m, entry.late_by_ms)

    def _oldest(self, entry: Entry) -> int:
        """Return the oldest time that counts: ten minutes back, less by how much the payment is later than allowed.

        Older entries may have expired or not, depending on restarts; leaving them out makes a very late payment's
        answer the same every time.
        """
        return entry.event_time_ms - WINDOW_MS + max(0, entry.late_by_ms - self._allowed_lateness_ms)

    def _scan(self, entry: Entry) -> WindowAggregate:
        """Aggregate by the definition: look at every stored payment."""
        oldest, now = self._oldest(entry), entry.event_time_ms
        others = [
            other
            for other in self.entries
            if oldest <= other.event_time_ms <= now
            and other.sequence <= entry.sequence
            and other is not entry
            if other.cents >= 0
        ]
        since = now - max(other.event_time_ms for other in others) if others else -1
        recent = [other for other in others if other.event_time_ms >= now - MINUTE_MS]
        own = int(entry.cents >= 0)
        cents = max(entry.cents, 0) + sum(other.cents for other in others)
        return WindowAggregate(own + len(others), cents, since, own + len(recent), entry.late_by_ms)

    def _index(self) -> None:
        """Sort times and add up amounts, refunds left out."""
        ordered = sorted(entry for entry in self.entries if entry.cents >= 0)
        self._times = [entry.event_time_ms for entry in ordered]
        prefix = [0]
        total = 0
        for entry in ordered:
            total += entry.cents
            prefix.append(total)
        self._prefix = prefix


def last_ten_minutes(entries: Iterable[Entry], now_ms: int) -> list[Entry]:
    """Return the entries a page shows: the ten minutes up to `now_ms`, oldest first."""
    ordered = sorted(entries)
    times = [entry.event_time_ms for entry in ordered]
    return ordered[bisect_left(times, now_ms - WINDOW_MS) : bisect_right(times, now_ms)]
