"""A worker whose event type declares other velocity features than its state was written for."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fraudstream.domain.windows.cells import MISSING, cells
from fraudstream.domain.windows.entries import FIRST_PACKED, Layout
from fraudstream.domain.windows.velocity import CARD_WINDOWS, Windows, declared
from fraudstream.tables.activity import ActivityTable
from fraudstream.tables.activity_batch import Arrivals
from fraudstream.tables.changelog_entries import Whole, as_own, entries_of
from fraudstream.tables.changelog_keys import made_for
from tests.tables.test_activity import NOON, table_in, token
from tests.windows import LAYOUT

HOUR_MS = 3_600_000
SHOPS = Windows([declared("shops", "distinct", HOUR_MS, "shop", "string")])
SHOPS_AND_KM = Windows([*SHOPS.declared, declared("far", "max", 2 * HOUR_MS, "km", "float")])


def arrived(after_ms: list[int], first: int, shops: list[str] | None = None) -> Arrivals:
    """Return events of one entity."""
    return Arrivals(
        {0: len(after_ms)},
        [token(1)] * len(after_ms),
        [NOON + at for at in after_ms],
        [100] * len(after_ms),
        list(range(first, first + len(after_ms))),
        list(range(first, first + len(after_ms))),
        [cells("string", shops)] if shops else [],
    )


def changelog_of(table: ActivityTable, *batches: Arrivals) -> list[Any]:
    """Decide micro-batches and return the changelog's records."""
    records = []
    for offset, batch in enumerate(batches):
        update = table.aggregate(batch).updates[0]
        table.store.write(0, update.buckets, update.clock, offset)
        records.append(record(offset, table.changelog_key, update.delta))
    return records


def record(offset: int, key: bytes | None, value: bytes) -> Any:
    """Return a record of the changelog."""
    return SimpleNamespace(offset=offset, key=key, value=value, headers=())


def closed(table: ActivityTable) -> None:
    """Close the partition, as a worker that ends."""
    table.store._dbs.pop(0).close()


#   0 min: shop a, kept without shops     30 min: declared now; b at 31, a at 59 and at 61
#   an hour reaches back beyond the change until 60 min and 1 ms
def test_windows_that_reach_back_before_the_declaration_are_marked_as_warming_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the old entries have is kept; the state is rebuilt from the changelog; decisions say until when shops are missing."""
    before = table_in(tmp_path)
    records = changelog_of(before, arrived([0], 0))
    closed(before)
    with caplog.at_level(logging.INFO):
        after = table_in(tmp_path, SHOPS)
        assert {} == after.store.get_many(0, [])
    assert "was written for other velocity features" in caplog.text
    assert 1 == after.store.wiped
    after.store._apply(0, records)

    batch = arrived([31 * 60_000, 59 * 60_000, HOUR_MS, HOUR_MS + 1], 1, ["b", "a", "b", "a"])
    aggregates = after.aggregate(batch)

    assert [1, 2, 2, 2] == aggregates.windows[-1].tolist()
    assert aggregates.warming is not None
    assert [True, True, True, False] == aggregates.warming.tolist()


def test_what_is_known_of_the_windows_outlives_a_restart(tmp_path: Path) -> None:
    """It is written with the state."""
    before = table_in(tmp_path)
    records = changelog_of(before, arrived([0], 0))
    closed(before)
    after = table_in(tmp_path, SHOPS)
    after.store.get_many(0, [])
    after.store._apply(0, records)
    closed(after)

    again = table_in(tmp_path, SHOPS)
    again.store.get_many(0, [])
    assert 0 == again.store.wiped
    assert Whole(SHOPS.layout.text, {"shop": NOON + 1}) == again.store.whole[0]


def test_a_feature_that_is_left_out_and_one_that_stays() -> None:
    """Values that both layouts have are kept, in whatever order; what nobody declares any more is gone."""
    table_layout, own = SHOPS_AND_KM.layout, SHOPS.layout
    shop, far = cells("string", ["a"])[0], cells("float", [2.5])[0]
    entry = next(iter(table_layout.unpack(bytes(table_layout.size))))._replace(values=(shop, far))
    written = record(0, made_for(4, table_layout), token(1) + table_layout.pack(entry))

    (value,), whole = as_own(own, [written], Whole(own.text), False)

    ((_, kept),) = entries_of(own, made_for(4, own), value)
    assert (shop,) == kept.values
    assert {} == whole.from_ms


def test_entries_of_releases_before_velocity_features_are_read() -> None:
    """Their refunds, too; values that they lack are missing, and windows are marked as warming up."""
    value = token(1) + FIRST_PACKED.pack(NOON, -5, 7, 2, 3)

    ((entity, entry),) = entries_of(SHOPS.layout, b"partitions=4", value)
    _, whole = as_own(SHOPS.layout, [record(0, None, value)], Whole(SHOPS.layout.text), False)

    assert token(1) == entity
    assert (NOON, -5, 7, 2, 3, (MISSING,)) == entry
    assert {"shop": NOON + 1} == whole.from_ms


#   the log begins with an event at 0; those before it were deleted, and nobody kept them for longer than ten minutes
def test_a_longer_window_is_whole_once_it_begins_after_the_first_event_of_the_log() -> None:
    """If the log still has its first record, it has all there was."""
    entry = next(iter(LAYOUT.unpack(bytes(32))))._replace(event_time_ms=NOON, late_by_ms=5)
    first = record(17, made_for(4, LAYOUT), token(1) + LAYOUT.pack(entry))
    hours = Layout(2 * HOUR_MS)
    windows = Windows([declared("n", "count", 2 * HOUR_MS)])

    _, whole = as_own(hours, [first], Whole(hours.text), True)
    _, never = as_own(hours, [first], Whole(hours.text), False)

    assert NOON + 6 + 2 * HOUR_MS == whole.until_ms(windows)
    assert 0 == never.until_ms(windows)


def test_with_the_same_declaration_nothing_is_translated_and_nothing_warms_up(tmp_path: Path) -> None:
    """A restart finds its state as it left it."""
    before = table_in(tmp_path)
    changelog_of(before, arrived([0], 0))
    closed(before)
    again = table_in(tmp_path, CARD_WINDOWS)

    assert again.aggregate(arrived([1000], 1)).warming is None
    assert 0 == again.store.wiped
