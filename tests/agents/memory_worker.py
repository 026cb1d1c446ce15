"""A worker's scoring loop without a broker: real stream, consumer, table and RocksDB; only Kafka is replaced.

Records arrive as the consumer delivers them, in chunks; decisions go to a `MemoryDelivery`.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import faust
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.coalescing_consumer import coalesce
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.agents.assignment import Assignment
from fraudstream.agents.backlog import Backlog
from fraudstream.agents.list_revisions import ListRevisions
from fraudstream.agents.outputs import Outputs, Targets
from fraudstream.agents.quarantine import Quarantine
from fraudstream.agents.reporting import Reporter
from fraudstream.agents.scoring import Scoring
from fraudstream.agents.shadow import Shadow
from fraudstream.agents.switching import Switcher
from fraudstream.deciding.dead_letters import DeadLetters
from fraudstream.deciding.decider import Decider
from fraudstream.deciding.intake import Intake
from fraudstream.deciding.payloads import Schemas
from fraudstream.domain.detector import Detector
from fraudstream.domain.event_columns import FEW_EVENTS
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.lists.table import NO_LISTS, ListTable
from fraudstream.domain.model import Model
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.metrics import BatchReport
from fraudstream.settings import Settings
from fraudstream.tables.activity import ActivityTable
from tests.builders import CountingModel, SameWeek
from tests.fakes import MemoryDelivery

NOON_S = 1_580_558_400
ALLOWED_LATENESS_MS = 3_600_000
PARTITIONS = 2
SETTINGS = Settings(_env_file=None)
TARGETS = Targets.of(SETTINGS, b"group")
SETTLE_TIMEOUT_S = 60.0


class Thread:
    """The consumer's fetching thread as far as the loop uses it: the logs' end offsets, and that no fetch waits long."""

    def __init__(self) -> None:
        self.ends: dict[TP, int] = {}

    def highwater(self, tp: TP) -> int:
        """Return where a partition ends."""
        return self.ends.get(tp, 0)

    def wait_briefly(self) -> None:
        """Do nothing: it fetches nothing that could take long."""


class MemoryWorker:
    """A worker that was assigned both partitions of its source and of the repartitioned topic."""

    def __init__(
        self,
        directory: Path,
        weekly: WeeklyStore | None = None,
        event_type: EventType | None = None,
        model: Model | None = None,
        schemas: Schemas | None = None,
        few_events: int = FEW_EVENTS,
        batch_rows_max: int = 64,
        shadow: Shadow | None = None,
        lists: ListTable | None = None,
        every_s: float = 0,
    ) -> None:
        event_type = event_type or event_type_named("card")
        self.delivery = MemoryDelivery()
        self.reports: list[BatchReport] = []
        self.thread = Thread()
        self.app = faust.App(
            SETTINGS.app_id, broker="kafka://localhost:1", datadir=str(directory), store="rocksdb://"
        )
        self.app.publisher = self.delivery
        sources = ["transactions", TARGETS.repartitioned]
        coalesce(self.app, sources, [], 512, LogLosses())
        self.consumer: Any = self.app.consumer
        self.consumer._thread = self.thread
        self.table = ActivityTable(
            self.app,
            allowed_lateness_ms=ALLOWED_LATENESS_MS,
            name="activity",
            partitions=PARTITIONS,
            stall_timeout_s=1,
            windows=event_type.windows,
        )
        detector = Detector.of(model or CountingModel(), event_type)
        entities = entity_index(event_type, Tokenizer(bytes(32)), PARTITIONS)
        parser = Parser(event_type, entities, ALLOWED_LATENESS_MS)
        letters = DeadLetters.of(event_type)
        self.quarantine = Quarantine(directory, letters)
        assignment = Assignment(self.app)
        backlog = Backlog(batch_rows_max=batch_rows_max, pending_rows_max=10_000, linger_ms=0)
        week = weekly or SameWeek()
        decider = Decider(self.table, week, detector, event_type, few_events, lists or NO_LISTS)
        switched = (decider, self.table, assignment, backlog, sources, event_type.entity is not None)
        self.switcher = Switcher(*switched, lists=_revisions(lists, decider, every_s))
        self.scoring = Scoring(
            assignment,
            Intake(parser, schemas),
            backlog,
            self.switcher,
            self.quarantine,
            decider,
            Outputs(TARGETS, assignment, letters, PARTITIONS),
            self.delivery,
            self.table,
            Reporter(lambda report, _: self.reports.append(report), assignment, shadow),
        )
        self._topic = self.app.topic(*sources, value_type=bytes, value_serializer="raw", allow_empty=True)
        self._stream = self.app.stream(self._topic)

    async def __aenter__(self) -> Self:
        self.app.finalize()
        for partition in range(PARTITIONS):
            self.table.store.plans(partition)
        self._running = asyncio.create_task(self.scoring.run(self._stream))
        await asyncio.sleep(0)
        await self.app.topics._update_indices()
        await self.app.topics.on_partitions_assigned(
            {TP(topic, partition) for topic in self._topic.topics for partition in range(PARTITIONS)}
        )
        self.consumer.resume_flow()
        self.app.flow_control.resume()
        return self

    def restarted_from(self, before: "MemoryWorker") -> Self:
        """Take over the state and the logs of a worker that ended, as one that starts on the same disk."""
        self.thread.ends = before.thread.ends
        self.delivery.topics = before.delivery.topics
        for partition in before.table.store.held_partitions():
            end = len(self.delivery.topics[TARGETS.changelog, partition])
            self.table._last_changelog_offset[partition] = end - 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])
        self.quarantine.close()
        for database in self.table.store._dbs.values():
            database.close()

    async def receive(
        self,
        values: Sequence[Any],
        partition: int = 0,
        topic: str = "transactions",
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Let records arrive as one chunk: payments as JSON, bytes as they are; all with these headers."""
        tp = TP(topic, partition)
        first = self.thread.ends.get(tp, 0)
        await self.receive_again(values, first, partition, topic, headers)
        self.thread.ends[tp] = first + len(values)

    async def receive_again(
        self,
        values: Sequence[Any],
        first: int,
        partition: int = 0,
        topic: str = "transactions",
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Let records arrive that lie at these offsets."""
        records = [
            ConsumerRecord(
                topic, partition, offset, NOON_S * 1000, 0, None, _bytes(value), None, 0, 0, tuple(headers)
            )
            for offset, value in enumerate(values, first)
        ]
        message = self.consumer._to_message(TP(topic, partition), records)
        self.consumer.track_message(message)
        await self.app.topics.on_message(message)

    async def settled(self) -> None:
        """Wait until every chunk that arrived is finished."""
        await until(lambda: not self.consumer.unacked)

    def to_commit(self, partition: int = 0, topic: str = "transactions") -> int | None:
        """Return the offset that would be committed now, None if nothing was acknowledged since the last call."""
        offset: int | None = self.consumer._new_offset(TP(topic, partition))
        return offset

    def published(self, topic: str, partition: int = 0) -> list[dict[str, Any]]:
        """Return what was published, decoded."""
        return [json.loads(message.value) for message in self.delivery.topics[topic, partition]]


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(SETTLE_TIMEOUT_S):
        while True:
            if holds():
                return
            await asyncio.sleep(0)


def _revisions(lists: ListTable | None, decider: Decider, every_s: float) -> ListRevisions | None:
    """Return what tells partitions of lists, so often."""
    if lists is None:
        return None

    async def reached(revision: int) -> None:
        await until(lambda: lists.revision >= revision)

    return ListRevisions(
        lists, lambda: [each.detector.ruleset for each in decider.releases.values()], reached, every_s
    )


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()
