"""What recovery makes of a changelog, against a list that is walked from its start for every payment."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.windows.entries import Entry
from fraudstream.tables.activity_layout import Clock, bucket_key, deltas, merged
from tests.tables.test_activity import table_in
from tests.windows import LAYOUT

MINUTE_MS = 60_000

entries = st.builds(
    Entry,
    event_time_ms=st.integers(0, 25).map(lambda minutes: minutes * MINUTE_MS),
    cents=st.integers(1, 3),
    late_by_ms=st.just(0),
    id_hash=st.integers(0, 6),
    sequence=st.integers(0, 40),
    values=st.just(()),
)
paid = st.tuples(st.sampled_from([b"a" * 16, b"b" * 16]), entries)
values = st.lists(paid, max_size=6).map(
    lambda rows: b"".join(card + LAYOUT.pack(entry) for card, entry in rows)
)
changelogs = st.lists(values, max_size=5)


def walked(changelog: list[bytes]) -> dict[bytes, list[Entry]]:
    """Return what every bucket should hold: each transaction id once, as it came first, in order."""
    buckets: dict[bytes, list[Entry]] = {}
    for card, entry in [delta for value in changelog for delta in deltas(LAYOUT, value)]:
        tumbling = entry.event_time_ms // (10 * MINUTE_MS) * 10 * MINUTE_MS
        bucket = buckets.setdefault(bucket_key(tumbling, card), [])
        if all(entry.id_hash != other.id_hash for other in bucket):
            bucket.append(entry)
    return buckets


@given(st.lists(changelogs, max_size=4))
def test_every_payment_of_the_changelog_once_however_it_is_cut(fetches: list[list[bytes]]) -> None:
    """Repeated ids in one fetch, between fetches and on disk; empty records; the same id on two cards."""
    disk: dict[bytes, bytes] = {}
    clock = Clock()

    def read(keys: list[bytes]) -> dict[bytes, bytes]:
        return {key: disk[key] for key in keys if key in disk}

    for fetched in fetches:
        changed, clock = merged(LAYOUT, read, fetched, clock)
        disk.update(changed)

    whole = [value for fetched in fetches for value in fetched]
    every = [entry for value in whole for _, entry in deltas(LAYOUT, value)]
    assert walked(whole) == {key: list(LAYOUT.unpack(bucket)) for key, bucket in disk.items()}
    assert max((entry.event_time_ms for entry in every), default=0) == clock.watermark_ms
    assert max((entry.sequence for entry in every), default=-1) == clock.last_sequence


def test_a_changelog_with_a_gap_is_not_applied(tmp_path: Path) -> None:
    """A fetch of before a rebalance must not hide what lies between the state and it."""
    store = table_in(tmp_path).store
    store._require_no_gap(0, 17)  # an empty state may begin anywhere
    store.write(0, {}, Clock(), 20)

    for first in (0, 20, 21):
        store._require_no_gap(0, first)
    with pytest.raises(ValueError, match="has the changelog to 20 and is given 22"):
        store._require_no_gap(0, 22)
