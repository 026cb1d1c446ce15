"""Logs that grow during the check are accepted; one that ends before what is remembered is not."""

from collections.abc import AsyncGenerator, Collection, Mapping
from pathlib import Path

from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Place, Record, Span
from fraudstream.domain.windows.entries import Entry
from fraudstream.settings import Settings
from fraudstream.state.positions import SourceCheck
from fraudstream.tables.activity_batch import SEQUENCE_SHIFT
from fraudstream.tables.activity_layout import TOKEN
from fraudstream.tables.changelog_keys import made_for
from tests.windows import LAYOUT

PAID_PER_QUESTION = 100


class BusyLogs(PartitionLogs):
    """Logs to which a hundred payments are added, decided and committed before every answer. They are no JSON."""

    def __init__(self, payments: int, lost: int = 0) -> None:
        self.payments = payments
        self.lost = lost
        """How many of the newest payments `transactions` has lost."""

    async def spans(self, places: Collection[Place]) -> dict[Place, Span]:
        """Return the offsets of one record a payment."""
        self.payments += PAID_PER_QUESTION
        ends = {"transactions": self.payments - self.lost, "transactions-by-card": 0}
        return {place: Span(0, ends.get(place[0], self.payments)) for place in places}

    async def all_committed(self, places: Collection[Place]) -> dict[Place, int | None]:
        """Return that all is decided."""
        self.payments += PAID_PER_QUESTION
        return {place: None if place[0].endswith("by-card") else self.payments for place in places}

    async def first_records(self, starts: Mapping[Place, int]) -> dict[Place, Record]:
        """Return nothing: what is no payment says nothing."""
        self.payments += PAID_PER_QUESTION
        return {}

    async def read_many(
        self, starts: Mapping[Place, int]
    ) -> AsyncGenerator[tuple[Place, list[Record]], None]:
        """Yield the newest record: of the changelog, the delta of the payment at its offset."""
        self.payments += PAID_PER_QUESTION
        offset = self.payments - 1
        entry = Entry(
            event_time_ms=1_580_558_400_000,
            cents=100,
            late_by_ms=0,
            id_hash=offset,
            sequence=offset << SEQUENCE_SHIFT,
        )
        value = bytes(TOKEN.itemsize) + LAYOUT.pack(entry)
        for place in starts:
            yield place, [ConsumerRecord(*place, offset, 0, 0, made_for(1, LAYOUT), value, None, 0, 0, ())]


def settings(tmp_path: Path) -> Settings:
    """Return settings with a token key of their own."""
    return Settings(_env_file=None, data_dir=tmp_path)


async def test_payments_that_come_during_the_check_are_no_misfit(tmp_path: Path) -> None:
    """However many: the state is read before the end of the log that it is compared with."""
    assert [] == await SourceCheck(settings(tmp_path)).misfits(BusyLogs(1_000), {0: 999})


async def test_a_log_that_lost_payments_of_the_state_is_a_misfit(tmp_path: Path) -> None:
    """A busy one, too."""
    (found,) = await SourceCheck(settings(tmp_path)).misfits(BusyLogs(1_000, lost=5_000), {0: 999})

    assert found.state
    assert "the state has a payment at offset" in found.sentence
