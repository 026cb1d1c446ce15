"""One micro-batch from payments to decisions: activity, week, detectors. Reads state, writes nothing."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from fraudstream.deciding.columns import Batch, Columns, variable_known
from fraudstream.deciding.release_detector import DecidedEvents, Part, ReleaseDetector
from fraudstream.deciding.weeks import WeekLookup, Weeks
from fraudstream.domain.degraded import Limits, count_degraded
from fraudstream.domain.detector import Detector
from fraudstream.domain.event_columns import FEW_EVENTS, Known
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.inputs import week_columns, window_columns
from fraudstream.domain.features.schema import (
    CARD,
    CARD_LAST4,
    CENTS,
    EVENT_TIME,
    LATE_BY_MS,
    TOKEN_AGE_MS,
    TRANSACTION_ID,
    UNKNOWN_FIELDS,
    WARMING_UP,
    WEEKLY_AS_OF,
    WEEKLY_MISSING,
)
from fraudstream.domain.lists.table import NO_LISTS, Lists
from fraudstream.domain.releases.plan import OWN, Choice, Plans, releases_of
from fraudstream.domain.tokens import Entity
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.domain.windows.cells import Ints
from fraudstream.tables.activity_batch import Arrivals, BatchAggregates, Update, sequences_of


class Activity(Protocol):
    """What the decider needs of the table that remembers every entity's ten minutes."""

    allowed_lateness_ms: int

    def plans(self, partitions: Iterable[int]) -> Mapping[int, Plans]:
        """Return which releases decide, by partition."""
        ...

    def aggregate(self, arrivals: Arrivals) -> BatchAggregates:
        """Aggregate each payment's ten minutes, in order; writes nothing."""
        ...


class Decided(NamedTuple):
    """A decided micro-batch: what to publish, and what to write then."""

    events: DecidedEvents
    entities: Sequence[Entity | None]
    """Of each event."""
    updates: dict[int, Update]
    conflicts: Ints
    """Payments of the batch that are not among `events`: their transaction id came before with another time or amount."""
    degraded: Counter[str]
    known_at_ms: int
    """When ten minutes and week were known, epoch milliseconds: the end of the payments' wait."""
    stage_ms: dict[str, float]


class Decider:
    """Knows what a decision needs: the activity table, the weekly store and the detectors of releases."""

    def __init__(
        self,
        table: Activity,
        weekly: WeeklyStore,
        detector: Detector,
        event_type: EventType,
        few_events: int = FEW_EVENTS,
        lists: Lists = NO_LISTS,
    ) -> None:
        """Micro-batches of up to `few_events` are decided without Polars, if the event type's rules and features allow it."""
        self._few_events = few_events
        self._table = table
        self._event_type = event_type
        self._lists = lists
        self.releases: dict[str, ReleaseDetector] = {}
        """By their SHA-256; OWN is the worker's own detector."""
        self.load(OWN, detector)
        self._lookup = WeekLookup(weekly, detector.decimals, event_type.weekly)
        self._variables = event_type.variables
        self._weekly = event_type.weekly
        self._has_entity = event_type.entity is not None
        self._windows = event_type.windows
        self._kept_values = event_type.kept_values

    def load(self, release: str, detector: Detector, name: str | None = None) -> None:
        """Get ready to decide by a release; `name`: what decisions call it."""
        self.releases[release] = ReleaseDetector.of(
            replace(detector, lists=self._lists),
            self._event_type,
            self._table.allowed_lateness_ms,
            self._few_events,
            name,
        )

    def keep(self, releases: Collection[str]) -> None:
        """Forget all other releases."""
        self.releases = {
            release: each for release, each in self.releases.items() if release == OWN or release in releases
        }

    async def decide(self, batch: Batch) -> Decided:
        """Decide the payments of a micro-batch."""
        started = time.perf_counter()
        columns = Columns.of(batch.payments)
        aggregates = self._aggregated(batch, columns)
        chosen = self._chosen(batch, columns, aggregates)
        columns, aggregates = _settled(columns, aggregates)
        activity_done = time.perf_counter()
        weeks = await self._lookup.weeks(columns) if self._has_entity else _no_weeks(len(columns.ids))
        weekly_done = time.perf_counter()
        known_at_ms = time.time_ns() // 1_000_000
        known = self._known(columns, aggregates, weeks)
        events = self._decided(len(columns.ids), known, chosen, aggregates.conflicts)
        stage_ms = {
            "activity": (activity_done - started) * 1000,
            "weekly": (weekly_done - activity_done) * 1000,
            "decide": (time.perf_counter() - weekly_done) * 1000,
        }
        limits = Limits(self._table.allowed_lateness_ms, self._windows.layout.bucket_ms)
        degraded = Counter[str]()
        for part in events.parts:
            degraded += count_degraded(part.events, part.of(weeks.missing), limits)
        return Decided(
            events,
            columns.entities,
            aggregates.updates,
            aggregates.conflicts,
            degraded,
            known_at_ms,
            stage_ms,
        )

    async def known(self, batch: Batch) -> list[Known]:
        """Return what a detector would be told of the payments of a micro-batch; none of them has an id that came before."""
        columns = Columns.of(batch.payments)
        aggregates = self._aggregated(batch, columns)
        weeks = await self._lookup.weeks(columns) if self._has_entity else _no_weeks(len(columns.ids))
        return list(self._known(columns, aggregates, weeks))

    def _aggregated(self, batch: Batch, columns: Columns) -> BatchAggregates:
        if not self._has_entity:
            return _nothing_remembered(batch)
        arrivals = columns.arrivals(batch.rows, batch.offsets, self._kept_values, batch.numbers)
        return self._table.aggregate(arrivals)

    def _chosen(
        self, batch: Batch, columns: Columns, aggregates: BatchAggregates
    ) -> Mapping[Choice, Ints | None]:
        """Return which payments each release decides; None for all."""

        def keys() -> Sequence[str]:
            return [entity.token for entity in columns.entities] if self._has_entity else columns.ids

        return releases_of(self._table.plans(batch.rows), batch.rows, aggregates.sequence, keys)

    def _decided(
        self, rows: int, known: Iterable[Known], chosen: Mapping[Choice, Ints | None], gone: Ints
    ) -> DecidedEvents:
        """Let each release decide its payments; `gone` are those that are not decided."""
        if len(chosen) == 1:
            (choice,) = chosen
            by = self.releases[choice.release]
            return DecidedEvents(rows, [Part(by, by.decided(rows, known, choice), None, choice.lists_as_of)])
        columns, parts = list(known), []
        for choice, all_rows in chosen.items():
            by = self.releases[choice.release]
            own = _without(np.arange(rows) if all_rows is None else all_rows, gone)
            part = by.decided(len(own), [each.at(own) for each in columns], choice)
            parts.append(Part(by, part, own, choice.lists_as_of))
        return DecidedEvents(rows, parts)

    def _known(self, columns: Columns, aggregates: BatchAggregates, weeks: Weeks) -> Iterator[Known]:
        """Yield the columns that a detector and a decision need."""
        rows = len(columns.ids)
        entities = columns.entities if self._has_entity else ()
        since_ms = [entity.since_ms for entity in entities] or [0] * rows
        yield Known(TRANSACTION_ID, columns.ids)
        yield Known(CARD, [entity.token for entity in entities] or [None] * rows)
        yield Known(CARD_LAST4, [entity.last4 or None for entity in entities] or [None] * rows)
        yield Known(EVENT_TIME, columns.event_time_ms)
        yield Known(CENTS, columns.cents)
        if self._has_entity:
            yield from window_columns(self._windows, aggregates.windows)
            yield from week_columns(weeks.payments, weeks.mean_amount)
        yield Known(LATE_BY_MS, aggregates.late_by_ms)
        token_age_ms = [at - since for at, since in zip(columns.event_time_ms, since_ms, strict=True)]
        yield Known(TOKEN_AGE_MS, token_age_ms)
        if self._weekly.each:
            declared = self._weekly.columns(weeks.declared)
            yield from (
                Known(each.column, values) for each, values in zip(self._weekly.each, declared, strict=True)
            )
        yield Known(WEEKLY_AS_OF, weeks.as_of_ms)
        yield Known(WEEKLY_MISSING, weeks.missing)
        variables = list(zip(*columns.variables, strict=True)) or [()] * len(self._variables)
        for variable, values in zip(self._variables, variables, strict=True):
            yield variable_known(variable, values)
        if aggregates.warming is not None:
            yield Known(WARMING_UP, aggregates.warming)
        if any(columns.unknown_fields):
            yield Known(UNKNOWN_FIELDS, columns.unknown_fields)


def _without(rows: Ints, gone: Ints) -> Ints:
    """Return places among all rows as places among those that are left."""
    kept = rows[~np.isin(rows, gone)]
    return kept - np.searchsorted(gone, kept)


def _nothing_remembered(batch: Batch) -> BatchAggregates:
    """Return the aggregates of events without an entity: none, and nothing to write."""
    none, rows = np.zeros(0, np.int64), len(batch.payments)
    sequence = [each or 0 for each in sequences_of(batch.offsets, batch.numbers)]
    return BatchAggregates([], np.zeros(rows, np.int64), none, {}, np.array(sequence, np.int64))


def _no_weeks(rows: int) -> Weeks:
    return Weeks([], [], [], [None] * rows, [None] * rows)


def _settled(columns: Columns, aggregates: BatchAggregates) -> tuple[Columns, BatchAggregates]:
    """Leave out payments whose transaction id came before with another time or amount."""
    rows = aggregates.conflicts
    if not len(rows):
        return columns, aggregates
    settled = aggregates._replace(
        windows=[np.delete(column, rows) for column in aggregates.windows],
        late_by_ms=np.delete(aggregates.late_by_ms, rows),
        warming=None if aggregates.warming is None else np.delete(aggregates.warming, rows),
    )
    return columns.without(rows), settled
