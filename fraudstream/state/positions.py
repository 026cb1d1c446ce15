"""Are the source logs those that the group and the state remember? An offset alone does not say so.

A cluster that was restored or failed over, a topic that was made anew or cut has other records at the same offsets. Where the
log is shorter than what is remembered, its ends tell; where it has grown past that, a payment does: the newest ones that the
changelog has are looked up at their offsets.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fraudstream import topics
from fraudstream.adapters.partition_logs import PartitionLogs, Span
from fraudstream.agents.deciding import transaction_hash
from fraudstream.agents.intake import source_of
from fraudstream.domain.activity import Entry
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.settings import Settings
from fraudstream.state.source import parser_of
from fraudstream.tables.activity_batch import ARRIVAL_SHIFT
from fraudstream.tables.activity_layout import deltas
from fraudstream.tables.changelog_keys import after_begin

LOOKED_UP = 3
"""Payments of a partition that are compared with the log."""

TAIL_RECORDS = 8
"""How many records at the end of a changelog are read first to find them: the newest may be empty."""


class Misfit(NamedTuple):
    """A source partition that is not the one remembered."""

    topic: str
    partition: int
    sentence: str
    state: bool
    """Whether the state has payments that this log never had."""


class SourceCheck:
    """Holds the sources of a partition against what is remembered of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parser = parser_of(settings)
        self._keyed, self._by_card = (
            settings.topic(topic.name) for topic in (topics.TRANSACTIONS, topics.BY_CARD)
        )

    async def misfits(self, logs: PartitionLogs, partition: int, counted_to: int = -1) -> list[Misfit]:
        """Return what does not fit, at most one of each source.

        `counted_to`: the last offset of `transactions` in a worker's own state, which may know more than the changelog.

        What is remembered is read before the ends of the logs, which may grow meanwhile: a sound log is never behind it.
        """
        newest = await newest_payments(logs, self._settings, partition)
        committed = {topic: await logs.committed(topic, partition) for topic in (self._keyed, self._by_card)}
        spans = {topic: await logs.span(topic, partition) for topic in committed}
        found = []
        if foreign := await self._foreign(logs, partition, spans[self._keyed], newest, counted_to):
            found.append(foreign)
            del spans[self._keyed]
        for topic, (_, end) in spans.items():
            if committed[topic] > end:
                found.append(
                    Misfit(
                        topic,
                        partition,
                        f"the group {self._settings.app_id} has decided {topic}, partition {partition}, to offset "
                        f"{committed[topic]}, and the log ends at {end}",
                        False,
                    )
                )
        return found

    async def _foreign(
        self, logs: PartitionLogs, partition: int, span: Span, newest: list[Entry], counted_to: int
    ) -> Misfit | None:
        """Look for payments that are in the state and not where the log should have them."""
        last = max([counted_to, *map(offset_of, newest)])
        if last >= span.end:
            why = f"the state has a payment at offset {last} of {{}}, and the log ends at {span.end}"
        else:
            other = [
                offset_of(entry)
                for entry in newest
                if offset_of(entry) >= span.begin and await self._differs(logs, partition, entry)
            ]
            if not other:
                return None
            why = f"the state has another payment at offset {other[-1]} of {{}} than the log"
        return Misfit(self._keyed, partition, why.format(f"{self._keyed}, partition {partition}"), True)

    async def _differs(self, logs: PartitionLogs, partition: int, entry: Entry) -> bool:
        """Tell whether the log has another payment where an entry came from; a record that is none says nothing."""
        record = await logs.record_at(self._keyed, partition, offset_of(entry))
        if record is None:
            return False
        try:
            payment = self._parser.parse(record.value, record.timestamp)
        except InvalidTransaction:
            return False
        tid = transaction_hash(payment.transaction_id or source_of(record))
        return (tid, payment.event_time_ms, payment.cents) != (entry.tid, entry.event_time_ms, entry.cents)


async def newest_payments(logs: PartitionLogs, settings: Settings, partition: int) -> list[Entry]:
    """Return the newest payments of `transactions` in a partition's changelog, at most LOOKED_UP, oldest first.

    Re-keyed ones are left out: they do not say at which offset they were.
    """
    changelog = topics.changelog(settings).name
    begin, end = await logs.span(changelog, partition)
    reach, newest = TAIL_RECORDS, list[Entry]()
    while True:
        first, voided = max(begin, end - reach), False
        async for records in logs.read(changelog, partition, first):
            if (valid := after_begin(records)) is not None:
                records, newest, voided = list(valid), [], True
            for record in records:
                newest = [*newest, *_keyed(record.value or b"")][-LOOKED_UP:]
        if newest or voided or first == begin:
            return newest
        reach *= TAIL_RECORDS


def _keyed(value: bytes) -> Iterator[Entry]:
    """Yield the entries of a changelog record whose arrival is an offset and nothing else; 0 may also be a re-keyed one.

    Those that came from another partition when the topics grew have negative ones.
    """
    for _, entry in deltas(value):
        if entry.arrival > 0 and not entry.arrival % (1 << ARRIVAL_SHIFT):
            yield entry


def offset_of(entry: Entry) -> int:
    """Return the offset of `transactions` that a payment came from, or came after."""
    return entry.arrival >> ARRIVAL_SHIFT
