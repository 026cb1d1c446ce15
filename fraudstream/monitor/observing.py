"""Observes a worker: takes the agent's reports, and answers the pages, metrics and health from them."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from importlib.metadata import version
from typing import Any

import faust
from faust.types import TP
from yarl import URL

from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.opening import object_store
from fraudstream.adapters.archive.search import ArchiveQuery, find
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.weekly.guard import GuardedWeekly
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.problems import Problem
from fraudstream.domain.weekly import WeeklyStore, midnight_before
from fraudstream.domain.windows.entity_window import last_ten_minutes
from fraudstream.metrics import BatchReport, Metrics
from fraudstream.monitor.damage import DamageWatch
from fraudstream.monitor.failed_rules import FailedRulesWatch
from fraudstream.monitor.health import Health, PartitionState
from fraudstream.monitor.recent import DecidedChunk, Decision, RecentDecisions
from fraudstream.monitor.timeline import Timeline
from fraudstream.monitor.views import Versions, Views
from fraudstream.tables.activity import ActivityTable

SEARCH_TIMEOUT_S = 30.0


class Observer:
    """Collects what one worker does and knows; give `report` to the agent and `views()` to the pages."""

    def __init__(
        self,
        app: Any,
        table: ActivityTable,
        weekly: WeeklyStore,
        detector: Detector,
        event_type: EventType,
        sources: Collection[str],
        archive: str,
        losses: LogLosses,
    ) -> None:
        self.metrics = Metrics()
        self.timeline = Timeline()
        self.recent = RecentDecisions()
        self._app = app
        self._table = table
        self._weekly = weekly
        self._own = detector
        self._versions = Versions(version("fraudstream"), detector.model.version, detector.ruleset.version)
        self._event_type = event_type
        self._sources = frozenset(sources)
        self._positions: dict[tuple[str, int], int] = {}
        self._archive = archive
        self._losses = losses
        self._damage, self._failed_rules = DamageWatch(), FailedRulesWatch()
        self.watches: list[Callable[[], Iterable[Problem]]] = [
            losses.problems,
            lambda: self._damage.problems(time.monotonic()),
            lambda: self._failed_rules.problems(time.monotonic()),
        ]
        """Called at every health request; quick, and without I/O."""

    def report(self, report: BatchReport, decided: DecidedChunk) -> None:
        """Add a finished micro-batch."""
        self.metrics.batch(report)
        self._damage.batch(report, time.monotonic())
        self._failed_rules.batch(report, time.monotonic())
        if isinstance(self._weekly, GuardedWeekly):
            self.metrics.lookups(self._weekly.entities, self._weekly.calls, self._weekly.breaker.state)
        self.timeline.batch(report)
        if decided.encoded:
            self.recent.add(decided)
        self._positions.update({place: last + 1 for place, (last, _) in report.offsets.items()})

    def running(self, champion: str | None, canary: str | None, detector: Detector | None) -> None:
        """Show which releases decide from now on; `detector`: the champion's, None if it is the worker's own."""
        shown, deciding = self._versions, self._own if detector is None else detector
        shown.model_version, shown.ruleset_version = deciding.model.version, deciding.ruleset.version
        shown.release, shown.canary = champion, canary
        self.metrics.running(shown.version, shown.model_version, shown.ruleset_version)
        self.metrics.releases({"champion": champion, "canary": canary})

    def refused(self, role: str) -> None:
        """Count a release that was refused."""
        self.metrics.release_refused(role)

    def views(self) -> Views:
        """Return what the pages need."""
        return Views(
            recent=self.recent,
            timeline=self.timeline,
            metrics=self.metrics,
            card_activity=self._card_activity,
            weekly=self._week,
            health=self._health,
            peers=lambda: peer_urls(self._app),
            archive=self._archived,
            versions=self._versions,
            decimals=self._event_type.money.decimals,
            entity=self._event_type.entity_word,
            declared={**self._event_type.declared, **self._event_type.input_labels},
        )

    def _card_activity(self, card: str) -> list[tuple[int, int]] | None:
        """Return an entity's last ten minutes in event time; if unknown, [] with all partitions here, else None."""
        found = self._table.store.activity_of(card)
        if found is None:
            everything = len(self._table.store.held_partitions()) == self._table.partitions
            return [] if everything else None
        entries, watermark_ms = found
        return [(entry.event_time_ms, entry.cents) for entry in last_ten_minutes(entries, watermark_ms)]

    async def _week(self, card: str) -> tuple[int, float, int] | None:
        look = self._weekly.aside if isinstance(self._weekly, GuardedWeekly) else self._weekly.get_many
        try:
            answer = await look([card], midnight_before(time.time_ns() // 1_000_000))
        except WeeklyUnavailable:
            return None
        week = answer.rows.get(card)
        if answer.as_of_ms is None or card in answer.failed:
            return None
        return (0, 0.0, answer.as_of_ms) if week is None else (*week[:2], answer.as_of_ms)

    async def _archived(self, query: ArchiveQuery) -> list[Decision]:
        """Search the archive."""
        async with asyncio.timeout(SEARCH_TIMEOUT_S), object_store(self._archive) as objects:
            return await find(Lake(objects), query)

    def _health(self) -> Health:
        self.metrics.wiped(self._table.store.wiped)
        self.metrics.losses(self._losses.removed, self._losses.restarted)
        consumer = self._app.consumer
        assigned = sorted(tp for tp in consumer.assignment() if tp.topic in self._sources)
        recovered = self._app.tables.recovery.completed.is_set() and not self._app.rebalancing
        problems = tuple(problem for watch in self.watches for problem in watch())
        return Health(recovered, tuple(self._state(tp) for tp in assigned), problems)

    def _state(self, tp: TP) -> PartitionState:
        """Return a partition's progress: what was decided here, or committed by its former owner."""
        consumer = self._app.consumer
        decided = self._positions.get((tp.topic, tp.partition), -1)
        settled = consumer.settled_position(tp)
        # another worker may have had it in between; transaction markers are passed without being decided
        furthest = max(decided, consumer.committed_offset(tp), -1 if settled is None else settled)
        position = furthest if furthest >= 0 else None
        end = consumer.highwater(tp)
        # an end before the position says nothing: the log was truncated, or its leader does not know its end yet
        lag = None if position is None or end is None or end < position else end - position
        return PartitionState(tp.topic, tp.partition, position, lag)


def peer_urls(app: faust.App) -> list[str]:
    """Return the advertised base URLs of the group's other workers, as of the last assignment."""
    own = str(app.conf.canonical_url).rstrip("/")
    advertised = {*app.router.tables_metadata(), *app.router.external_topics_metadata()}
    urls = {str(url).rstrip("/") for url in advertised}
    return sorted(url for url in urls if url != own and URL(url).scheme in ("http", "https"))
