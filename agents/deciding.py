"""One micro-batch from payments to encoded decisions: activity, week, detector. Reads state, writes nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from murmurhash2 import murmurhash2

from fraudstream.agents.intake import DeadLetter, Received, dead_letter
from fraudstream.domain.activity_columns import Answers, Ints
from fraudstream.domain.decision import DecisionEncoder
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.features import with_activity
from fraudstream.domain.weekly import Week, WeeklyAnswer, WeeklyStore, midnight_before
from fraudstream.tables.activity import ActivityTable, Arrivals, Update

NO_WEEK = Week(0, 0.0)


class TenMinutes(NamedTuple):
    """The activity of each payment of a micro-batch, as columns."""

    answers: Answers
    late_by_ms: Ints


class Weeks(NamedTuple):
    """The week of each payment of a micro-batch, as columns."""

    weeks: list[Week]
    as_of_ms: list[int | None]
    missing: list[str | None]
    """Why there is no (fresh) week, in the words of `degraded`; None if all is well."""


class Decided(NamedTuple):
    """A decided micro-batch, ready to be published and then written."""

    frame: pl.DataFrame
    encoded: list[bytes]
    received: list[Received]
    updates: dict[int, Update]
    conflicts: list[DeadLetter]
    degraded: Counter[str]
    stage_ms: dict[str, float]


def transaction_hash(transaction_id: str) -> int:
    """Return 64 bits that identify a transaction id within a card's ten minutes, the same in every process."""
    raw = transaction_id.encode()
    return int(murmurhash2(raw, 0) << 32 | murmurhash2(raw, 1))


class Decider:
    """Knows what a decision needs: the activity table, the weekly store and the detector."""

    def __init__(
        self,
        table: ActivityTable,
        weekly: WeeklyStore,
        detector: Detector,
        variables: Sequence[str],
        rekeyed_topic: str,
        lookup_timeout_ms: int,
    ) -> None:
        self.table = table
        self.weekly = weekly
        self.detector = detector
        self._encoder = DecisionEncoder(detector.model.features, table.lateness_horizon_ms)
        self._variables = variables
        self._rekeyed_topic = rekeyed_topic
        self._lookup_timeout_s = lookup_timeout_ms / 1000

    async def decide(self, batch: dict[int, list[Received]]) -> Decided:
        """Decide the payments of a micro-batch, given by partition and in order of arrival."""
        started = time.perf_counter()
        updates = {partition: self._observe(partition, received) for partition, received in batch.items()}
        received, observed, conflicts = _settled(
            [*chain.from_iterable(batch.values())], list(updates.values())
        )
        activity_done = time.perf_counter()
        weeks = await self._weeks(received)
        weekly_done = time.perf_counter()
        frame = self.detector.decide(with_activity(self._frame(received, observed, weeks)))
        stage_ms = {
            "activity": (activity_done - started) * 1000,
            "weekly": (weekly_done - activity_done) * 1000,
            "decide": (time.perf_counter() - weekly_done) * 1000,
        }
        encoded = self._encoder.encode(frame, time.time_ns() // 1_000_000, stage_ms)
        degraded = Counter(why for why in weeks.missing if why)
        degraded["late"] = int((observed.late_by_ms > self.table.lateness_horizon_ms).sum())
        return Decided(frame, encoded, received, updates, conflicts, degraded, stage_ms)

    def _observe(self, partition: int, received: Sequence[Received]) -> Update:
        rekeyed = self._rekeyed_topic
        return self.table.observe(
            partition,
            Arrivals(
                [payment.card.key for payment, _ in received],
                [payment.event_time_ms for payment, _ in received],
                [payment.cents for payment, _ in received],
                [transaction_hash(payment.transaction_id) for payment, _ in received],
                [None if record.topic == rekeyed else record.offset for _, record in received],
            ),
        )

    async def _weeks(self, received: Sequence[Received]) -> Weeks:
        """Look up the week of every payment: one question per midnight, each card once."""
        midnights = [midnight_before(payment.event_time_ms) for payment, _ in received]
        cards: dict[int, set[str]] = {midnight: set() for midnight in midnights}
        for midnight, (payment, _) in zip(midnights, received, strict=True):
            cards[midnight].add(payment.card.token)
        answers = {midnight: await self._answer(asked, midnight) for midnight, asked in cards.items()}
        weeks = Weeks([], [], [])
        for midnight, (payment, _) in zip(midnights, received, strict=True):
            answer, missing = answers[midnight]
            weeks.weeks.append(answer.rows.get(payment.card.token, NO_WEEK))
            weeks.as_of_ms.append(answer.as_of_ms)
            weeks.missing.append(missing)
        return weeks

    async def _answer(self, cards: set[str], midnight: int) -> tuple[WeeklyAnswer, str | None]:
        """Ask the store, within the deadline; without an answer say why."""
        try:
            async with asyncio.timeout(self._lookup_timeout_s):
                answer = await self.weekly.get_many(cards, midnight)
        except TimeoutError:
            return WeeklyAnswer(), "weekly-timeout"
        except WeeklyUnavailable:
            return WeeklyAnswer(), "weekly-unavailable"
        if answer.as_of_ms is None:
            return answer, "weekly-missing"
        return answer, None if answer.as_of_ms == midnight else "weekly-stale"

    def _frame(self, received: list[Received], observed: TenMinutes, weeks: Weeks) -> pl.DataFrame:
        """Turn rows into the columns of `Detector.decide` and of a decision."""
        payments = [payment for payment, _ in received]
        records = [record for _, record in received]
        week = list(zip(*weeks.weeks, strict=True)) or [()] * len(Week._fields)
        variables = list(zip(*(payment.variables for payment in payments), strict=True))
        now_ms = time.time_ns() // 1_000_000
        return pl.DataFrame(
            [
                pl.Series("transaction_id", [payment.transaction_id for payment in payments], pl.String),
                pl.Series("card", [payment.card.token for payment in payments], pl.String),
                pl.Series("card_last4", [payment.card.last4 for payment in payments], pl.String),
                pl.Series("event_time", [payment.event_time_ms for payment in payments], pl.Int64),
                pl.Series("cents", [payment.cents for payment in payments], pl.Int64),
                pl.Series("num_trans_last_10m", observed.answers.payments),
                pl.Series("cents_last_10m", observed.answers.cents),
                pl.Series("ms_since_previous", observed.answers.ms_since_previous),
                pl.Series("num_trans_last_1m", observed.answers.payments_1m),
                pl.Series("late_by_ms", observed.late_by_ms),
                pl.Series("num_trans_last_1w", week[0], pl.Int64),
                pl.Series("avg_amt_last_1w", week[1], pl.Float64),
                pl.Series("weekly_as_of", weeks.as_of_ms, pl.Int64),
                pl.Series("weekly_missing", weeks.missing, pl.String),
                pl.Series("source_topic", [record.topic for record in records], pl.String),
                pl.Series("source_partition", [record.partition for record in records], pl.Int32),
                pl.Series("source_offset", [record.offset for record in records], pl.Int64),
                pl.Series("queued_ms", [now_ms - record.timestamp for record in records], pl.Int64),
                *(
                    pl.Series(name, column, pl.String)
                    for name, column in zip(self._variables, variables, strict=False)
                ),
            ]
        )


def _settled(
    received: list[Received], updates: list[Update]
) -> tuple[list[Received], TenMinutes, list[DeadLetter]]:
    """Join the partitions' answers and split off payments whose transaction id came before with other content."""
    conflicting = _joined([update.conflicts for update in updates], np.bool_)
    kept = ~conflicting
    observed = TenMinutes(
        Answers(
            *(
                _joined(column, np.int64)[kept]
                for column in zip(*(update.answers for update in updates), strict=True)
            )
        )
        if updates
        else Answers(*[np.zeros(0, np.int64)] * len(Answers._fields)),
        _joined([update.late_by_ms for update in updates], np.int64)[kept],
    )
    conflicts = [
        dead_letter(
            received[row].record, "conflict", "this transaction id came before with another time or amount"
        )
        for row in np.flatnonzero(conflicting).tolist()
    ]
    if conflicts:
        received = [item for item, keep in zip(received, kept.tolist(), strict=True) if keep]
    return received, observed, conflicts


def _joined(columns: Sequence[npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    return np.concatenate(columns) if columns else np.zeros(0, dtype)
