"""Looks up the week of each payment of a micro-batch, in few requests."""

import asyncio
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

from fraudstream.deciding.columns import Columns
from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.weekly import (
    LOWER_BOUND,
    MISSING,
    NO_WEEK,
    STALE,
    UNAVAILABLE,
    Week,
    WeeklyAnswer,
    WeeklyStore,
    merge_weeks,
    midnight_before,
)
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, Number, WeeklyAggregates


class Weeks(NamedTuple):
    """The week of each payment of a micro-batch, as columns."""

    payments: list[int]
    mean_amount: list[float]
    declared: list[tuple[Number, ...]]
    """The parts of what the event type declares, empty where nothing is known; no rows if it declares nothing."""
    as_of_ms: list[int | None]
    missing: list[str | None]
    """Why there is no (fresh) week, in the words of `degraded`; None if all is well."""


class WeekLookup:
    """Asks a weekly store; `decimals` are the currency's, `weekly` is what the event type declares."""

    def __init__(
        self, store: WeeklyStore, decimals: int, weekly: WeeklyAggregates = NOTHING_DECLARED
    ) -> None:
        self._store = store
        self._decimals = decimals
        self._weekly = weekly

    async def weeks(self, columns: Columns) -> Weeks:
        """Look up the week of every payment: one request per midnight, each entity once."""
        midnights = [midnight_before(event_time_ms) for event_time_ms in columns.event_time_ms]
        tokens = [
            entity.tokens(midnight - self._weekly.look_back_ms)
            for entity, midnight in zip(columns.entities, midnights, strict=True)
        ]
        asked: dict[int, set[str]] = {midnight: set() for midnight in midnights}
        if len(asked) == 1:
            each = [await self._answer(set(chain.from_iterable(tokens)), midnights[0])] * len(tokens)
        else:
            for midnight, own in zip(midnights, tokens, strict=True):
                asked[midnight].update(own)
            answers = await asyncio.gather(*(self._answer(entities, at) for at, entities in asked.items()))
            of_midnight = dict(zip(asked, answers, strict=True))
            each = [of_midnight[midnight] for midnight in midnights]
        weeks = [self._week(answer.rows, own) for (answer, _), own in zip(each, tokens, strict=True)]
        as_of_ms, missing = [answer.as_of_ms for answer, _ in each], [why for _, why in each]
        has_distinct = self._weekly.has_distinct
        for row, ((answer, _), own) in enumerate(zip(each, tokens, strict=True)):
            for token in own if answer.failed else ():
                if token in answer.failed:
                    as_of_ms[row], missing[row], weeks[row] = None, answer.failed[token], NO_WEEK
            if has_distinct and sum(token in answer.rows for token in own) > 1:
                missing[row] = missing[row] or LOWER_BOUND
        return Weeks(
            [week[0] for week in weeks],
            [week[1] for week in weeks],
            [week[2] for week in weeks] if self._weekly.each else [],
            as_of_ms,
            missing,
        )

    def _week(self, rows: Mapping[str, Week], tokens: tuple[str, ...]) -> Week:
        """Return an entity's week, merged over all tokens it had."""
        if len(tokens) == 1:
            return rows.get(tokens[0], NO_WEEK)
        there = [rows[token] for token in tokens if token in rows]
        return merge_weeks(there, self._decimals, self._weekly)

    async def _answer(self, entities: set[str], midnight: int) -> tuple[WeeklyAnswer, str | None]:
        """Ask the store, which answers in time (see adapters/weekly/guard.py); say why if it is not the asked midnight."""
        try:
            answer = await self._store.get_many(entities, midnight)
        except WeeklyUnavailable:
            return WeeklyAnswer(failed=dict.fromkeys(entities, UNAVAILABLE)), None
        if answer.as_of_ms is None:
            return answer, MISSING
        return answer, None if answer.as_of_ms == midnight else STALE
