"""What a decided micro-batch publishes, and to which topic and partition."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from faust.types import TP

from fraudstream import topics
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.agents.assignment import Assignment
from fraudstream.agents.delivery import OutputBatch, offsets_by_partition
from fraudstream.agents.micro_batch import MicroBatch
from fraudstream.agents.unpublishable import Unpublishable
from fraudstream.deciding.dead_letters import CONFLICT, DeadLetter, DeadLetters
from fraudstream.deciding.decider import Decided
from fraudstream.deciding.records import Record, ReplyTo, number_of, repartitioned, reply_to
from fraudstream.domain.event_columns import Known
from fraudstream.domain.features.schema import (
    OUTCOME,
    QUEUED_MS,
    SOURCE_NUMBER,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
)
from fraudstream.domain.rules import is_alert
from fraudstream.settings import Settings

CONFLICTS = "this transaction id came before with another time or amount"


class Targets(NamedTuple):
    """Full names of the topics the agent writes."""

    decisions: str
    alerts: str
    dead_letters: str
    replies: str
    repartitioned: str
    changelog: str
    changelog_key: bytes
    """The key of the changelog's records."""

    @classmethod
    def of(cls, settings: Settings, changelog_key: bytes) -> "Targets":
        """Return the topics of a worker with these settings."""
        return cls(
            decisions=settings.topic(topics.DECISIONS.name),
            alerts=settings.topic(topics.ALERTS.name),
            dead_letters=settings.topic(topics.DEAD_LETTERS.name),
            replies=settings.topic(topics.REPLIES.name),
            repartitioned=settings.topic(topics.REPARTITIONED.name),
            changelog=topics.changelog(settings).name,
            changelog_key=changelog_key,
        )


class Output(NamedTuple):
    """A decided micro-batch, encoded and addressed."""

    outcomes: list[str]
    """Of each decision."""
    encoded: list[bytes]
    """The published JSON of each decision."""
    records: Sequence[Record]
    """Of each decision."""
    dead: list[DeadLetter]
    batch: OutputBatch


class Outputs:
    """Addresses decisions."""

    def __init__(
        self,
        targets: Targets,
        assignment: Assignment,
        letters: DeadLetters,
        partitions: int,
    ) -> None:
        """`partitions`: how many each topic has."""
        self.targets = targets
        self._partitions = partitions
        self._letters = letters
        self._assignment = assignment

    def of(self, batch: MicroBatch, decided: Decided) -> Output:
        """Collect what the micro-batch publishes."""
        dead = [letter for parsed in batch.parsed for letter in parsed.dead]
        records = batch.records
        if len(decided.conflicts):
            conflicts = dict.fromkeys(decided.conflicts.tolist())
            dead += [self._letters.letter(records[row], CONFLICT, CONFLICTS) for row in conflicts]
            records = [record for row, record in enumerate(records) if row not in conflicts]
        events = decided.events
        events.add(*_places(records, decided.known_at_ms))
        if batch.payments.numbers:
            events.add(Known(SOURCE_NUMBER, [number_of(record) for record in records]))
        encoded = events.encoded(time.time_ns() // 1_000_000, decided.stage_ms)
        output_batch = OutputBatch(
            offsets=offsets_by_partition(batch.sources),
            changelog_first=any(self._has_repartitioned(tp.partition) for tp in batch.sources),
            instead=Unpublishable(
                batch,
                self.targets.dead_letters,
                self.targets.changelog,
                self.targets.replies,
                dead,
                self._letters,
            ),
        )
        output = Output(events.values(OUTCOME), encoded, records, dead, output_batch)
        self._address(output, batch, decided)
        return output

    def _address(self, output: Output, batch: MicroBatch, decided: Decided) -> None:
        """Fill the output batch. Decisions keep the order and the partition of their payments."""
        targets, output_batch = self.targets, output.batch
        outboxes = {partition: output_batch.output(partition) for partition in output_batch.offsets}
        rows = zip(decided.entities, output.records, output.encoded, output.outcomes, strict=True)
        for entity, record, value, outcome in rows:
            message = Message(None if entity is None else entity.token.encode(), value)
            outbox = outboxes[record.partition]
            outbox.add(targets.decisions, record.partition, message)
            if is_alert(outcome):
                outbox.add(targets.alerts, record.partition, message)
            if record.headers and (asker := reply_to(record)) is not None:
                self._reply(outbox, asker, value)
        for letter in output.dead:
            message, outbox = Message(None, letter.encode()), outboxes[letter.partition]
            outbox.add(targets.dead_letters, letter.partition, message)
            if letter.reply_to is not None:
                self._reply(outbox, letter.reply_to, message.value)
        for chunk, parsed in zip(batch.chunks, batch.parsed, strict=True):
            for entity, record in parsed.to_repartition:
                outboxes[chunk.tp.partition].add(
                    targets.repartitioned, entity.partition, repartitioned(entity, record)
                )
        for partition, update in decided.updates.items():
            if update.delta:
                delta = Message(targets.changelog_key, update.delta)
                output_batch.changelog.add(targets.changelog, partition, delta)

    def _reply(self, outbox: Outbox, asker: ReplyTo, value: bytes) -> None:
        """Copy an outcome to who asked for it."""
        if asker.partition < self._partitions:
            outbox.add(self.targets.replies, asker.partition, Message(asker.request, value))

    def _has_repartitioned(self, partition: int) -> bool:
        """Tell whether a partition's entities may also be on the repartitioned topic: a replay may order the two differently."""
        return self._assignment.end(TP(self.targets.repartitioned, partition)) != 0


def _places(records: Sequence[Record], known_at_ms: int) -> list[Known]:
    """Return the columns that say where in Kafka payments were, and how long they waited to be decided."""
    return [
        Known(SOURCE_TOPIC, [record.topic for record in records]),
        Known(SOURCE_PARTITION, [record.partition for record in records]),
        Known(SOURCE_OFFSET, [record.offset for record in records]),
        Known(QUEUED_MS, [known_at_ms - record.timestamp for record in records]),
    ]
