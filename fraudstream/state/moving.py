"""Divides state among more partitions: which card belongs to which partition.

The changelog knows only card tokens, and a token does not tell its partition, so card numbers are read from the source
log. It is replayed to its end, as the workers decide it. Undecided payments are counted now, in order of arrival; the
worker that decides them later finds them known and answers their windows as of that arrival. So it does not matter if it
decides newer payments of the same card first, on the card's new partition.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraudstream import topics
from fraudstream.adapters.kafka.partition_logs import PartitionLogs
from fraudstream.deciding.intake import Intake
from fraudstream.deciding.records import Record, repartitioned
from fraudstream.domain.releases.plan import Plans, newest
from fraudstream.domain.tokens import Entity, partition_of
from fraudstream.domain.windows.entries import Entry, Layout
from fraudstream.settings import Settings
from fraudstream.state.compare import same
from fraudstream.state.kept import Changelog, Logged, read_changelog
from fraudstream.state.source import Replay, intake_of, kept_from, replayed, windows_of
from fraudstream.tables.activity_batch import SEQUENCE_SHIFT
from fraudstream.tables.activity_layout import deltas_dtype
from fraudstream.tables.changelog_keys import begin

Deltas = npt.NDArray[np.void]


class Moved(NamedTuple):
    """State divided among the new partitions."""

    deltas: dict[int, Deltas]
    """New partition -> its entries, those of a card in their order."""
    undecided: int
    """Payments that were counted and are still to be decided."""
    unknown: int
    """Entries left out: the log has no payment of their card any more, so its partition is unknown."""
    plans: Plans = Plans()
    """What decides from now on, by the partition that switched last: all entries count as decided by it."""


class Homes:
    """Card token -> partition, for all cards whose numbers were read."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.of: dict[bytes, int] = {}

    def met(self, number: str, card: Entity) -> None:
        """Remember a card's partition, under all its tokens."""
        home = partition_of(number, self._partitions)
        self.of[card.key] = home
        for token in card.earlier:
            self.of[bytes.fromhex(token)] = home


async def moved(
    logs: PartitionLogs, settings: Settings, after: int, advance: Callable[[], None] = lambda: None
) -> Moved:
    """Compute the state of the group of `settings`, divided among `after` partitions."""
    homes, layout = Homes(after), windows_of(settings).layout
    intake = intake_of(settings, homes.met)
    to_repartition = await _to_repartition(logs, settings, intake)
    packed: dict[int, list[bytes]] = {partition: [] for partition in range(after)}
    undecided = unknown = 0
    plans: list[Plans] = []
    for partition in range(settings.partitions):
        replay = await replayed(logs, settings, partition, intake, to_repartition.get(partition, ()))
        changelog = await read_changelog(
            logs, topics.changelog(settings).name, partition, layout, begin(after, layout)
        )
        plans.append(changelog.plans)
        log_begin, _ = await logs.span(settings.topic(topics.TRANSACTIONS.name), partition)
        undecided += sum(not logged.committed for logged in replay.entries.values())
        for card, entry in ordered(replay, changelog, log_begin, settings.lateness_horizon_s * 1000, layout):
            if card in homes.of:
                packed[homes.of[card]].append(card + layout.pack(entry))
            else:
                unknown += 1
        advance()
    return Moved(
        {partition: renumbered(layout, entries) for partition, entries in packed.items()},
        undecided,
        unknown,
        newest(plans),
    )


async def _to_repartition(
    logs: PartitionLogs, settings: Settings, intake: Intake
) -> Mapping[int, list[Record]]:
    """Return the payments that no worker has repartitioned yet, by the partition of their card, in order of timestamp."""
    repartitioned_topic = settings.topic(topics.REPARTITIONED.name)
    found: dict[int, list[Record]] = {}
    for topic in topics.sources(settings):
        for partition in range(settings.partitions):
            committed = await logs.committed(topic, partition)
            async for records in logs.read(topic, partition, committed):
                await intake.ready(records)
                for card, record in intake.parse(records).to_repartition:
                    headers = tuple(repartitioned(card, record).headers)
                    there = dataclasses.replace(
                        record, topic=repartitioned_topic, partition=card.partition, headers=headers
                    )
                    found.setdefault(card.partition, []).append(there)
    return {home: sorted(records, key=lambda record: record.timestamp) for home, records in found.items()}


def ordered(
    replay: Replay, changelog: Changelog, log_begin: int, allowed_lateness_ms: int, layout: Layout
) -> Iterator[tuple[bytes, Entry]]:
    """Yield the entries of a partition in the order its workers decided them, then those still to be decided.

    The changelog has each payment's arrival number and lateness; the log tells whether the payment exists.
    """
    newest_ms = max((entry.event_time_ms for _, entry in changelog.entries.values()), default=0)
    oldest_ms = kept_from(replay.decided_ms or newest_ms, allowed_lateness_ms, layout)
    log = {key: logged for key, logged in replay.entries.items() if key[0] >= oldest_ms}
    decided = {
        key: entry
        for key, (_, entry) in changelog.entries.items()
        if key[0] >= oldest_ms and _believed(log.get(key), entry, log_begin)
    }
    numbered = [(entry.sequence, key[1], entry) for key, entry in decided.items()]
    last = max((sequence for sequence, *_ in numbered), default=-1)
    rest = sorted((key for key in log if key not in decided), key=lambda key: log[key].entry.sequence)
    for key in rest:
        entry = log[key].entry
        number = max(entry.sequence, last + 1) if log[key].repartitioned else entry.sequence
        last = max(last, number)
        numbered.append((number, key[1], entry))
    for _, card, entry in sorted(numbered, key=lambda each: each[0]):
        yield card, entry


def _believed(logged: Logged | None, entry: Entry, log_begin: int) -> bool:
    """Tell whether an entry of the changelog is the log's, or so old that the log no longer has its payment."""
    return entry.sequence >> SEQUENCE_SHIFT < log_begin if logged is None else same(logged, entry)


def renumbered(layout: Layout, packed: list[bytes]) -> Deltas:
    """Give entries new sequences, in their order: negative, so before all later payments of the partition."""
    deltas = np.frombuffer(b"".join(packed), deltas_dtype(layout)).copy()
    deltas["entry"]["sequence"] = np.arange(len(deltas)) - len(deltas)
    return deltas
