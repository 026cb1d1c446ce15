"""Checks that the source logs are those that the group and the state remember; an offset alone does not tell.

After a restore or fail-over, or when a topic was recreated or truncated, other records have the same offsets. A log that
is shorter than what is remembered shows by its end. One that has grown past it shows by its payments: the newest ones
of the changelog are looked up at their offsets.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from fraudstream import topics
from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Record, Span
from fraudstream.deciding.records import number_of
from fraudstream.domain.windows.cells import hash64
from fraudstream.domain.windows.entries import Entry, Layout
from fraudstream.settings import Settings
from fraudstream.state.source import intake_of
from fraudstream.tables.activity_batch import SEQUENCE_SHIFT
from fraudstream.tables.changelog_entries import entries_of
from fraudstream.tables.changelog_keys import after_begin

LOOKED_UP = 3
"""Payments of a partition that are compared with the log."""

TAIL_RECORDS = 8
"""How many records at the end of a changelog are read first to find these payments: the newest may be empty."""


class Misfit(NamedTuple):
    """A source partition that is not the one remembered."""

    topic: str
    partition: int
    sentence: str
    state: bool
    """Whether the state has payments that this log never had."""


class SourceCheck:
    """Compares the sources of a partition with what is remembered of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._intake = intake_of(settings)
        self._keyed, self._repartitioned = topics.sources(settings)

    async def misfits(self, logs: PartitionLogs, counted_to: Mapping[int, int]) -> list[Misfit]:
        """Return the sources that are not those remembered, at most one misfit per source and partition.

        `counted_to`: by partition, the last offset of `transactions` in a worker's own state, which may know more than the
        changelog; -1 for none.

        What is remembered is read first and the logs' ends after it: so a log that is only growing never looks too short.
        """
        newest = await newest_payments(logs, self._settings, counted_to)
        places = [
            (topic, partition) for partition in counted_to for topic in (self._keyed, self._repartitioned)
        ]
        committed = await logs.all_committed(places)
        spans = await logs.spans(places)
        foreign = await self._foreign(
            logs, {partition: spans[self._keyed, partition] for partition in counted_to}, newest, counted_to
        )
        found = []
        for topic, partition in places:
            offset, end = committed[topic, partition] or 0, spans[topic, partition].end
            if topic == self._keyed and partition in foreign:
                found.append(Misfit(topic, partition, foreign[partition], True))
            elif offset > end:
                sentence = (
                    f"the group {self._settings.app_id} has decided {topic}, partition {partition}, up to offset {offset}, but "
                    f"the log ends at {end}"
                )
                found.append(Misfit(topic, partition, sentence, False))
        return found

    async def _foreign(
        self,
        logs: PartitionLogs,
        spans: Mapping[int, Span],
        newest: Mapping[int, Sequence[Entry]],
        counted_to: Mapping[int, int],
    ) -> dict[int, str]:
        """Find payments of the state that the log does not have at their offset; return a sentence by partition."""
        found, looked_up = {}, dict[int, list[Entry]]()
        for partition, (begin, end) in spans.items():
            last = max([counted_to[partition], *map(offset_of, newest[partition])])
            if last < end:
                looked_up[partition] = [entry for entry in newest[partition] if offset_of(entry) >= begin]
                continue
            found[partition] = (
                f"the state has a payment at offset {last} of {self._keyed}, partition {partition}, but the log ends at {end}"
            )
        for partition, offset in (await self._differing(logs, looked_up)).items():
            found[partition] = (
                f"at offset {offset} of {self._keyed}, partition {partition}, the state has another payment than the log"
            )
        return found

    async def _differing(self, logs: PartitionLogs, entries: Mapping[int, Sequence[Entry]]) -> dict[int, int]:
        """Return the last offset at which the log has another payment than an entry, by partition.

        The first entry of all partitions is looked up at once, then the second, and so on.
        """
        found = {}
        for nth in range(LOOKED_UP):
            each = {partition: given[nth] for partition, given in entries.items() if nth < len(given)}
            starts = {(self._keyed, partition): offset_of(entry) for partition, entry in each.items()}
            found_there = await logs.first_records(starts)
            await self._intake.ready(found_there.values())
            for (_, partition), record in found_there.items():
                if self._differs(record, each[partition]):
                    found[partition] = record.offset
        return found

    def _differs(self, record: Record, entry: Entry) -> bool:
        """Tell whether the record at an entry's offset is another payment; False if it is no valid payment.

        Of a record with several events the first one is meant: entries of others have other sequences.
        """
        if record.offset != offset_of(entry):
            return False
        parsed = self._intake.parse([record])
        if any(letter.number <= 1 for letter in parsed.dead):
            return False
        if any(number_of(each) <= 1 for _, each in parsed.to_repartition):
            return True
        payment = next(iter(parsed.valid.payments), None)
        if payment is None:
            return True
        id_hash = hash64(payment.transaction_id)
        return (id_hash, payment.event_time_ms, payment.cents) != (
            entry.id_hash,
            entry.event_time_ms,
            entry.cents,
        )


async def newest_payments(
    logs: PartitionLogs, settings: Settings, partitions: Collection[int]
) -> dict[int, list[Entry]]:
    """Return the newest payments of `transactions` in changelogs, at most LOOKED_UP of a partition, oldest first.

    Repartitioned ones are left out: their entries do not tell their offset.
    """
    changelog = topics.changelog(settings).name
    spans = await logs.spans([(changelog, partition) for partition in partitions])
    newest: dict[int, list[Entry]] = {partition: [] for partition in partitions}
    reach, unread = TAIL_RECORDS, spans
    while unread:
        starts = {place: max(span.begin, span.end - reach) for place, span in unread.items()}
        voided = set()
        async for place, records in logs.read_many(starts):
            _, partition = place
            if (valid := after_begin(records)) is not None:
                records, newest[partition] = list(valid), []
                voided.add(place)
            for record in records:
                newest[partition] = [*newest[partition], *_keyed(record)][-LOOKED_UP:]
        reach *= TAIL_RECORDS
        unread = {
            place: spans[place]
            for place, start in starts.items()
            if start > spans[place].begin and place not in voided and not newest[place[1]]
        }
    return newest


def _keyed(record: Record) -> Iterator[Entry]:
    """Yield a changelog record's entries whose sequence is just an offset; 0 may also be a repartitioned one's.

    Entries that were renumbered when the topics grew have negative numbers.
    """
    for _, entry in entries_of(Layout(), record.key, record.value or b""):
        if entry.sequence > 0 and not entry.sequence % (1 << SEQUENCE_SHIFT):
            yield entry


def offset_of(entry: Entry) -> int:
    """Return the offset of `transactions` that a payment came from, or came after."""
    return entry.sequence >> SEQUENCE_SHIFT
