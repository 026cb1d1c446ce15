"""One micro-batch from payments to encoded decisions: activity, week, detector. Reads state, writes nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from murmurhash2 import murmurhash2

from fraudstream.deciding.intake import DeadLetter, Payments, Record, dead_letter
from fraudstream.domain.activity import WINDOW_MS
from fraudstream.domain.activity_columns import Answers, Ints
from fraudstream.domain.decision import ROTATED, DecisionEncoder
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.features import with_activity
from fraudstream.domain.tokens import Card
from fraudstream.domain.weekly import (
    DAY_MS,
    MISSING,
    NO_WEEK,
    STALE,
    UNAVAILABLE,
    WEEK_MS,
    Week,
    WeeklyAnswer,
    WeeklyStore,
    midnight_before,
    together,
)
from fraudstream.tables.activity import ActivityTable
from fraudstream.tables.activity_batch import Arrivals, Observation, Update

LONGEST_LOOK_BACK_MS = WEEK_MS + DAY_MS
"""From a payment's midnight to the start of the oldest week a store may answer with."""


class Columns(NamedTuple):
    """The payments of a micro-batch side by side, partition after partition, each in order of arrival."""

    ids: Sequence[str]
    cards: Sequence[Card]
    event_time_ms: Sequence[int]
    cents: Sequence[int]
    variables: Sequence[tuple[Any, ...]]
    records: Sequence[Record]

    @classmethod
    def of(cls, batch: Mapping[int, Payments]) -> "Columns":
        """Turn rows into columns."""
        rows = [payment for valid in batch.values() for payment in valid.payments]
        records = [record for valid in batch.values() for record in valid.records]
        ids, cards, event_time_ms, cents, variables = (
            zip(*rows, strict=True) if rows else ((), (), (), (), ())
        )
        return cls(ids, cards, event_time_ms, cents, variables, records)

    def without(self, rows: Ints) -> "Columns":
        """Return the columns without some rows."""
        gone = set(rows.tolist())
        kept = [row for row in range(len(self.ids)) if row not in gone]
        return Columns._make([column[row] for row in kept] for column in self)


class Weeks(NamedTuple):
    """The week of each payment of a micro-batch, as columns."""

    payments: list[int]
    mean_amount: list[float]
    as_of_ms: list[int | None]
    missing: list[str | None]
    """Why there is no (fresh) week, in the words of `degraded`; None if all is well."""


class Decided(NamedTuple):
    """A decided micro-batch, ready to be published and then written."""

    frame: pl.DataFrame
    encoded: list[bytes]
    columns: Columns
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
    ) -> None:
        self.table = table
        self.weekly = weekly
        self.detector = detector
        self._encoder = DecisionEncoder(detector.model.features, variables, table.lateness_horizon_ms)
        self._variables = variables
        self._rekeyed_topic = rekeyed_topic

    async def decide(self, batch: Mapping[int, Payments]) -> Decided:
        """Decide the payments of a micro-batch, given by partition and in order of arrival."""
        started = time.perf_counter()
        columns = Columns.of(batch)
        observation = self._observe(
            columns, {partition: len(valid.payments) for partition, valid in batch.items()}
        )
        columns, observed, conflicts = _settled(columns, observation)
        activity_done = time.perf_counter()
        weeks = await self._weeks(columns)
        weekly_done = time.perf_counter()
        frame = self.detector.decide(
            with_activity(self._frame(columns, observed, weeks), self.detector.decimals)
        )
        stage_ms = {
            "activity": (activity_done - started) * 1000,
            "weekly": (weekly_done - activity_done) * 1000,
            "decide": (time.perf_counter() - weekly_done) * 1000,
        }
        encoded = self._encoder.encode(frame, time.time_ns() // 1_000_000, stage_ms)
        degraded = Counter(why for why in weeks.missing if why)
        degraded[ROTATED] = int((frame["token_age_ms"] < WINDOW_MS).sum())
        degraded["late"] = int((observed.late_by_ms > self.table.lateness_horizon_ms).sum())
        return Decided(frame, encoded, columns, observed.updates, conflicts, degraded, stage_ms)

    def _observe(self, columns: Columns, rows: Mapping[int, int]) -> Observation:
        """Ask the table; `rows` says how many payments each partition has."""
        rekeyed = self._rekeyed_topic
        return self.table.observe(
            Arrivals(
                rows,
                [card.key for card in columns.cards],
                columns.event_time_ms,
                columns.cents,
                [transaction_hash(transaction_id) for transaction_id in columns.ids],
                [None if record.topic == rekeyed else record.offset for record in columns.records],
            )
        )

    async def _weeks(self, columns: Columns) -> Weeks:
        """Look up the week of every payment: one question per midnight, each card once."""
        midnights = [midnight_before(event_time_ms) for event_time_ms in columns.event_time_ms]
        tokens = [
            card.tokens(midnight - LONGEST_LOOK_BACK_MS)
            for card, midnight in zip(columns.cards, midnights, strict=True)
        ]
        asked: dict[int, set[str]] = {midnight: set() for midnight in midnights}
        if len(asked) == 1:
            each = [await self._answer(set(chain.from_iterable(tokens)), midnights[0])] * len(tokens)
        else:
            for midnight, own in zip(midnights, tokens, strict=True):
                asked[midnight].update(own)
            answers = await asyncio.gather(*(self._answer(cards, at) for at, cards in asked.items()))
            of_midnight = dict(zip(asked, answers, strict=True))
            each = [of_midnight[midnight] for midnight in midnights]
        decimals = self.detector.decimals
        weeks = [_week(answer.rows, own, decimals) for (answer, _), own in zip(each, tokens, strict=True)]
        as_of_ms, missing = [answer.as_of_ms for answer, _ in each], [why for _, why in each]
        for row, ((answer, _), own) in enumerate(zip(each, tokens, strict=True)):
            for token in own if answer.failed else ():
                if token in answer.failed:
                    as_of_ms[row], missing[row], weeks[row] = None, answer.failed[token], NO_WEEK
        return Weeks([week[0] for week in weeks], [week[1] for week in weeks], as_of_ms, missing)

    async def _answer(self, cards: set[str], midnight: int) -> tuple[WeeklyAnswer, str | None]:
        """Ask the store, which answers in time (see adapters/weekly_guard.py); say why if it is not the asked midnight."""
        try:
            answer = await self.weekly.get_many(cards, midnight)
        except WeeklyUnavailable:
            return WeeklyAnswer(failed=dict.fromkeys(cards, UNAVAILABLE)), None
        if answer.as_of_ms is None:
            return answer, MISSING
        return answer, None if answer.as_of_ms == midnight else STALE

    def _frame(self, columns: Columns, observed: Observation, weeks: Weeks) -> pl.DataFrame:
        """Put the columns together that `Detector.decide` and a decision need."""
        records = columns.records
        now_ms = time.time_ns() // 1_000_000
        paid = zip(columns.event_time_ms, columns.cards, strict=True)
        token_age_ms = [at - card.since_ms for at, card in paid]
        variables = list(zip(*columns.variables, strict=True)) or [()] * len(self._variables)
        return pl.DataFrame(
            [
                pl.Series("transaction_id", columns.ids, pl.String),
                pl.Series("card", [card.token for card in columns.cards], pl.String),
                pl.Series("card_last4", [card.last4 for card in columns.cards], pl.String),
                pl.Series("event_time", columns.event_time_ms, pl.Int64),
                pl.Series("cents", columns.cents, pl.Int64),
                pl.Series("num_trans_last_10m", observed.answers.payments),
                pl.Series("cents_last_10m", observed.answers.cents),
                pl.Series("ms_since_previous", observed.answers.ms_since_previous),
                pl.Series("num_trans_last_1m", observed.answers.payments_1m),
                pl.Series("late_by_ms", observed.late_by_ms),
                pl.Series("token_age_ms", token_age_ms, pl.Int64),
                pl.Series("num_trans_last_1w", weeks.payments, pl.Int64),
                pl.Series("avg_amt_last_1w", weeks.mean_amount, pl.Float64),
                pl.Series("weekly_as_of", weeks.as_of_ms, pl.Int64),
                pl.Series("weekly_missing", weeks.missing, pl.String),
                pl.Series("source_topic", [record.topic for record in records], pl.String),
                pl.Series("source_partition", [record.partition for record in records], pl.Int32),
                pl.Series("source_offset", [record.offset for record in records], pl.Int64),
                pl.Series("queued_ms", [now_ms - record.timestamp for record in records], pl.Int64),
                *(
                    pl.Series(name, _texts(values), pl.String)
                    for name, values in zip(self._variables, variables, strict=True)
                ),
            ]
        )


def _week(rows: Mapping[str, Week], tokens: tuple[str, ...], decimals: int) -> Week:
    """Return a card's week, which stands under all tokens it had."""
    if len(tokens) == 1:
        return rows.get(tokens[0], NO_WEEK)
    return together([rows[token] for token in tokens if token in rows], decimals)


def _texts(values: Sequence[Any]) -> list[str | None]:
    """Return a variable as text: a zip code may come as a number."""
    return [value if value is None or type(value) is str else str(value) for value in values]


def _settled(columns: Columns, observed: Observation) -> tuple[Columns, Observation, list[DeadLetter]]:
    """Split off payments whose transaction id came before with other content."""
    rows = observed.conflicts
    if not len(rows):
        return columns, observed, []
    conflicts = [
        dead_letter(
            columns.records[row], "conflict", "this transaction id came before with another time or amount"
        )
        for row in rows.tolist()
    ]
    settled = observed._replace(
        answers=Answers(*(np.delete(column, rows) for column in observed.answers)),
        late_by_ms=np.delete(observed.late_by_ms, rows),
    )
    return columns.without(rows), settled, conflicts
