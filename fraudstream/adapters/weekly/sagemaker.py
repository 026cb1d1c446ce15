"""The weekly store in SageMaker Feature Store: one record per entity and midnight, and one more that publishes the midnight."""

import asyncio
import random
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from fraudstream.adapters.failures import FEATURE_STORE, PERMANENT
from fraudstream.adapters.weekly.pace import Pace
from fraudstream.adapters.weekly.sagemaker_client import (
    CONNECTIONS,
    Access,
    FeatureStoreClients,
    StoreBusy,
    StoreRefused,
    translate_errors,
)
from fraudstream.adapters.weekly.sagemaker_groups import create_group, describe_group
from fraudstream.domain.errors import WeeklyRefused, WeeklyUnavailable
from fraudstream.domain.feature_group import FRACTIONAL, INTEGRAL, FeatureGroup
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import (
    REFUSED,
    UNAVAILABLE,
    OnlineStore,
    Week,
    WeeklyAnswer,
    day_of,
    midnight_before,
)
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, WeeklyAggregates

IDS_PER_CALL = 100
"""BatchGetRecord's limit."""

NEWS_AFTER_S = 5.0
"""How often a worker asks whether a missing midnight has been published."""

LOAD_TRIES, LOAD_WAIT_S, LOAD_WAIT_MAX_S = 10, 0.1, 10.0
"""Tries of one PutRecord; waits between them double (with jitter), about a minute in all."""

PUTS_PER_S = 2000.0
"""How fast records are loaded unless told otherwise: a fifth of an account's default quota."""

NOBODY = ""
"""The entity of the record that publishes a midnight; its payments are the number of entities."""


class WeeklySageMaker(OnlineStore):
    """Reads and writes one feature group (online only)."""

    def __init__(
        self,
        group: FeatureGroup,
        access: Access,
        puts_per_s: float = PUTS_PER_S,
        weekly: WeeklyAggregates = NOTHING_DECLARED,
    ) -> None:
        """`puts_per_s` bounds how fast `load` writes: the account's quota is shared with everybody.

        Records of another declaration than `weekly` have other identifiers, and are as good as none.
        """
        own = {part.name: INTEGRAL if part.dtype == pl.Int64 else FRACTIONAL for part in weekly.parts}
        self._group = replace(group, features={**group.features, **own})
        self._weekly = weekly
        self._layout = f"@{weekly.layout}" if weekly.layout else ""
        self._clients = FeatureStoreClients(access)
        self._pace = Pace(puts_per_s)
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._published: set[int] = set()
        self._news_at: dict[int, float] = {}

    async def connect(self) -> None:
        """Open the connection: a store that does not answer yet is no error, a missing group is (WeeklyRefused)."""
        try:
            await self.nights([midnight_before(time.time_ns() // 1_000_000)])
        except WeeklyRefused:
            raise
        except WeeklyUnavailable:
            return  # the next request fails as well, and is counted

    async def close(self) -> None:
        """Close all connections."""
        await self._clients.close()

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks as of this midnight, or of one day before it if that is the newest; 100 entities a call."""
        night = await self._night(midnight_ms)
        if night is None:
            return WeeklyAnswer()
        day, wanted = day_of(night), list(entities)
        parts = [wanted[at : at + IDS_PER_CALL] for at in range(0, len(wanted), IDS_PER_CALL)]
        answers = await asyncio.gather(*(self._part(part, day) for part in parts), return_exceptions=True)
        rows: dict[str, Week] = {}
        failed: dict[str, str] = {}
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, WeeklyUnavailable):
                failed.update(dict.fromkeys(part, UNAVAILABLE))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                rows.update(answer[0])
                failed.update(answer[1])
        if answers and all(isinstance(answer, WeeklyUnavailable) for answer in answers):
            raise next(answer for answer in answers if isinstance(answer, WeeklyUnavailable))
        return WeeklyAnswer(rows, night, failed)

    async def nights(self, midnights_ms: Sequence[int]) -> dict[int, int]:
        """Return which of these midnights are published, and with how many entities each."""
        days = {day_of(midnight): midnight for midnight in midnights_ms}
        ids = [self._id(NOBODY, day) for day in days]
        records, unanswered = await self._records(ids)
        if unanswered:
            raise WeeklyUnavailable(f"Feature Store did not process the records {unanswered}")
        with translate_errors():
            return {days[record["as_of"]]: int(record["num_trans_last_1w"]) for record in records.values()}

    async def create(self) -> bool:
        """Make the feature group and wait until it can be used."""
        return await create_group(await self._clients.control(), self._group)

    async def describe(self) -> dict[str, Any]:
        """Return the feature group as Feature Store has it; raises SetupError if its schema is not ours."""
        return {"kind": "sagemaker"} | await describe_group(await self._clients.control(), self._group)

    async def load(self, as_of_ms: int, weeks: Sequence[tuple[str, Week]]) -> None:
        """Put the records of these entities; a throttled one is tried again, more slowly."""
        day = day_of(as_of_ms)
        await asyncio.gather(*(self._put(entity, day, week) for entity, week in weeks))

    async def publish(self, as_of_ms: int, entities: int) -> None:
        """Put the record that says how many entities there are. Older midnights expire by their time to live."""
        await self._put(NOBODY, day_of(as_of_ms), Week(entities, 0.0, self._weekly.nothing))

    async def _night(self, midnight_ms: int) -> int | None:
        """Return the newest published midnight of this one and the one before; known ones are not asked for again."""
        candidates = (midnight_ms, midnight_ms - DAY_MS)
        if midnight_ms not in self._published and self._news_at.get(midnight_ms, 0.0) <= time.monotonic():
            self._published |= set(await self.nights(candidates))
            self._news_at[midnight_ms] = time.monotonic() + NEWS_AFTER_S
        return next((night for night in candidates if night in self._published), None)

    async def _part(self, entities: Sequence[str], day: str) -> tuple[dict[str, Week], dict[str, str]]:
        """Ask for at most 100 entities; return their weeks, and the entities with no answer or an impossible one."""
        ids = {self._id(entity, day): entity for entity in entities}
        records, unanswered = await self._records(list(ids))
        rows: dict[str, Week] = {}
        failed = dict.fromkeys((ids[unknown] for unknown in unanswered if unknown in ids), UNAVAILABLE)
        for entity, record in ((ids[found], record) for found, record in records.items() if found in ids):
            week = week_of(record, entity, day, self._weekly)
            if week is None:
                failed[entity] = REFUSED
            else:
                rows[entity] = week
        return rows, failed

    async def _records(self, ids: Sequence[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
        """BatchGetRecord: return records by id (absent: there is none), and the ids it left unprocessed."""
        asked = {
            "FeatureGroupName": self._group.name,
            "RecordIdentifiersValueAsString": ids,
        }
        runtime = await self._clients.runtime()
        with translate_errors():
            async with self._slots:
                answer = await runtime.batch_get_record(Identifiers=[asked])
            records = {
                record["RecordIdentifierValueAsString"]: {
                    feature["FeatureName"]: feature["ValueAsString"] for feature in record["Record"]
                }
                for record in answer["Records"]
            }
            errors = answer.get("Errors", ())
            unanswered = [error["RecordIdentifierValueAsString"] for error in errors]
            for rest in answer.get("UnprocessedIdentifiers", ()):
                unanswered += rest["RecordIdentifiersValueAsString"]
        for error in errors:
            if FEATURE_STORE.get(error.get("ErrorCode")) == PERMANENT:
                raise StoreRefused(error["ErrorCode"], str(error.get("ErrorMessage")))
        return records, unanswered

    def _id(self, entity: str, day: str) -> str:
        return f"{record_id(entity, day)}{self._layout}"

    async def _put(self, entity: str, day: str, week: Week) -> None:
        """PutRecord, until it is taken."""
        record = {
            "card_night": self._id(entity, day),
            "card": entity or day,
            "as_of": day,
            "num_trans_last_1w": str(week.payments),
            "avg_amt_last_1w": repr(week.mean_amount),
            **{
                part.name: repr(number)
                for part, number in zip(self._weekly.parts, week.declared, strict=True)
                if number is not None
            },
            "loaded_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        values = [{"FeatureName": name, "ValueAsString": value} for name, value in record.items()]
        runtime = await self._clients.runtime()
        for attempt in range(LOAD_TRIES):
            try:
                async with self._slots:
                    await self._pace.wait()
                    with translate_errors():
                        await runtime.put_record(FeatureGroupName=self._group.name, Record=values)
                return
            except WeeklyRefused:
                raise
            except WeeklyUnavailable as error:
                if isinstance(error, StoreBusy) and error.throttled:
                    self._pace.slow_down()
                if attempt == LOAD_TRIES - 1:
                    raise
            wait_s = min(LOAD_WAIT_MAX_S, LOAD_WAIT_S * 2**attempt)
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret


def record_id(entity: str, day: str) -> str:
    """Return the identifier of an entity's record as of a day's midnight.

    >>> record_id("a11c", "2020-02-03")
    'a11c@2020-02-03'
    """
    return f"{entity}@{day}"


def week_of(
    record: Mapping[str, str], entity: str, day: str, weekly: WeeklyAggregates = NOTHING_DECLARED
) -> Week | None:
    """Return the week a record holds, None if it is not that of this card and day or no week at all.

    >>> week_of({"card": "a", "as_of": "d", "num_trans_last_1w": "2", "avg_amt_last_1w": "0.335"}, "a", "d")
    Week(payments=2, mean_amount=0.335, declared=())
    """
    if (record.get("card"), record.get("as_of")) != (entity, day):
        return None
    try:
        declared = tuple(part.read(record.get(part.name)) for part in weekly.parts)
        week = Week(int(record["num_trans_last_1w"]), float(record["avg_amt_last_1w"]), declared)
    except (KeyError, ValueError):
        return None
    return week if week.believable() else None
