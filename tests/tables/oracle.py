"""The correct answer for every payment, from its source log alone: a list, walked from its start for every payment.

No buckets, no search, no stored clock: slow on purpose, and written independently of the code it checks.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fraudstream.domain.windows.entries import Entry

TEN_MINUTES_MS = 10 * 60 * 1000
ONE_MINUTE_MS = 60 * 1000
SEQUENCES_PER_OFFSET = 1 << 28


class Paid(NamedTuple):
    """A payment in a source log; its place there is its offset."""

    card: int
    event_time_ms: int
    cents: int
    tid: int


class Answer(NamedTuple):
    """What a decision says of the ten minutes."""

    payments: int
    cents: int
    ms_since_previous: int
    payments_1m: int


class Expectation(NamedTuple):
    """The correct result for one record."""

    answer: Answer | None
    """None for a transaction id that came before with other content."""
    counted: bool
    late_by_ms: int


def judge(log: list[Paid], told: list[Expectation], allowed_lateness_ms: int) -> list[Expectation]:
    """Judge the records after those already in `told`, in order of arrival; append to `told` and return it.

    A payment counts once; repetitions get its answer. One later than allowed does not see what may have expired: it looks
    back to the newest time before it, less `allowed_lateness_ms` and ten minutes. Refunds get the spending but do not count in it.
    """
    newest_ms = max((paid.event_time_ms for paid in log[: len(told)]), default=0)
    for place in range(len(told), len(log)):
        paid = log[place]
        late_by_ms = max(0, newest_ms - paid.event_time_ms)
        newest_ms = max(newest_ms, paid.event_time_ms)
        earlier = [
            (other, expectation)
            for other, expectation in zip(log[:place], told, strict=True)
            if expectation.counted and other.card == paid.card
        ]
        spent = [other for other, _ in earlier if other.cents >= 0]
        same_id = [(other, expectation) for other, expectation in earlier if other.tid == paid.tid]
        if same_id:
            first, expectation = same_id[0]
            told.append(Expectation(expectation.answer if first == paid else None, False, late_by_ms))
            continue
        since_ms = paid.event_time_ms - TEN_MINUTES_MS
        if late_by_ms > allowed_lateness_ms:
            since_ms += late_by_ms - allowed_lateness_ms
        seen = [other for other in spent if since_ms <= other.event_time_ms <= paid.event_time_ms]
        gaps_ms = [paid.event_time_ms - other.event_time_ms for other in seen]
        itself = [paid] if paid.cents >= 0 else []
        answer = Answer(
            len(seen + itself),
            sum(other.cents for other in seen + itself),
            min(gaps_ms) if gaps_ms else -1,
            sum(gap_ms <= ONE_MINUTE_MS for gap_ms in gaps_ms) + len(itself),
        )
        told.append(Expectation(answer, True, late_by_ms))
    return told


def entries_of(log: list[Paid], told: list[Expectation]) -> Iterator[tuple[int, int, Entry]]:
    """Yield offset, card and entry of every counted payment of a keyed log."""
    for offset, (paid, expectation) in enumerate(zip(log, told, strict=True)):
        if expectation.counted:
            sequence = offset * SEQUENCES_PER_OFFSET
            entry = Entry(paid.event_time_ms, paid.cents, expectation.late_by_ms, paid.tid, sequence)
            yield offset, paid.card, entry
