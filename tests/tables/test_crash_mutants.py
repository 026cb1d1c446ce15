"""The schedules of `test_crash_schedules.py` are worth something only if they fail for a worker that does it wrong."""

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.tables.activity_layout import Clock, bucket_key, deltas
from tests.tables.schedules import ALLOWED_LATENESS_MS, Batch, Taken, World
from tests.tables.test_crash_schedules import Schedule
from tests.windows import LAYOUT

FIND = settings(
    max_examples=3000,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""The same schedules every time, until the first failure."""


class WithoutIds(World):
    """Recognises no repeated payment."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)

    def identity(self, record: Taken) -> int:
        """Return a new id; its lower half is the payment's own."""
        return next(self._numbers) << 32 | super().identity(record)


class MergesWithoutIds(World):
    """Appends the changelog without a check for repetitions."""

    def merge(self, records: list[bytes]) -> tuple[dict[bytes, bytes], Clock]:
        """Append every delta, known or not."""
        changed: dict[bytes, bytes] = {}
        watermark_ms, last_sequence = self.disk.clock
        for value in records:
            for entity, entry in deltas(LAYOUT, value):
                key = bucket_key(LAYOUT.bucket_of(entry.event_time_ms), entity)
                stored = changed.get(key, self.disk.buckets.get(key, b""))
                changed[key] = stored + LAYOUT.pack(entry)
                watermark_ms = max(watermark_ms, entry.event_time_ms)
                last_sequence = max(last_sequence, entry.sequence)
        return changed, Clock(watermark_ms, last_sequence)


class WritesBeforeTheChangelog(World):
    """Writes its disk before the changelog has the delta."""

    @property
    def steps(self) -> tuple[Callable[[Batch], None], ...]:
        """Return the steps in the wrong order."""
        return self.publish, self.write_early, self.append, self.acknowledge

    def write_early(self, batch: Batch) -> None:
        """Write with the offset the record will probably get."""
        batch.changelog_offset = len(self.changelog) if batch.update.delta else None
        self.write(batch)


class WritesTheOffsetApart(World):
    """Writes the changelog offset in a step of its own, before the buckets."""

    @property
    def steps(self) -> tuple[Callable[[Batch], None], ...]:
        """Return the steps with one more."""
        return self.publish, self.append, self.write_offset, self.write, self.acknowledge

    def write_offset(self, batch: Batch) -> None:
        """Say that the disk has what it does not have yet."""
        if batch.changelog_offset is not None:
            self.disk.changelog_offset = batch.changelog_offset


class AcknowledgesFirst(World):
    """Acknowledges the source before anything is durable."""

    @property
    def steps(self) -> tuple[Callable[[Batch], None], ...]:
        """Return the steps in the wrong order."""
        return self.publish, self.acknowledge, self.append, self.write


class ExpiresByTheNewest(World):
    """Deletes what the newest payment leaves behind, although an older one may be replayed."""

    def expire_before(self, batch: Batch) -> int | None:
        """Judge by this micro-batch instead of the committed ones."""
        return max(0, LAYOUT.bucket_of(batch.update.clock.watermark_ms - ALLOWED_LATENESS_MS - WINDOW_MS))


class ExpiresByTheClock(World):
    """Deletes what the partition's clock leaves behind, although it knows of payments that are yet to be replayed."""

    def newest_ms(self, batch: Batch) -> int:
        """Take the newest time that the state ever saw."""
        return batch.update.clock.watermark_ms


class SkipsForeignRecords(World):
    """Moves its changelog offset over records that another worker wrote."""

    def write(self, batch: Batch) -> None:
        """Trust that nobody else writes."""
        super().write(batch)
        if batch.changelog_offset is not None:
            self.disk.changelog_offset = batch.changelog_offset


WRONG = [
    WithoutIds,
    MergesWithoutIds,
    WritesBeforeTheChangelog,
    WritesTheOffsetApart,
    AcknowledgesFirst,
    ExpiresByTheNewest,
    ExpiresByTheClock,
    SkipsForeignRecords,
]


@pytest.mark.parametrize("world", WRONG)
def test_a_worker_that_does_it_wrong_is_found(world: type[World]) -> None:
    """Each leaves out one thing the design is built on, and some schedule shows it."""
    machine = type(f"{world.__name__}Schedule", (Schedule,), {"world_type": world})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=FIND)
