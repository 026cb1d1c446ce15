"""The weekly store in Redis: one hash per midnight, written as a draft and renamed when it is complete."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterCrossSlotError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
)

from fraudstream.adapters.failures import PERMANENT, of_redis, redis_answer
from fraudstream.domain.errors import SetupError, WeeklyRefused, WeeklyUnavailable
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import (
    MIDNIGHTS_KEPT,
    REFUSED,
    OnlineStore,
    Week,
    WeeklyAnswer,
    day_of,
    midnight_before,
)
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, WeeklyAggregates

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 2.0
"""Longer than any decision waits: an answer that comes late still serves the payments after it."""

CONNECTIONS = 16

SPARE_DAYS = 1
"""Added to the time a midnight is kept: tomorrow's job may be late."""


NO_CLUSTER = "set FRAUDSTREAM_WEEKLY_STORE to a server that is not part of a cluster"

REMEDIES: dict[type[RedisError], str] = {
    AuthenticationError: "check FRAUDSTREAM_WEEKLY_PASSWORD_FILE and the user in FRAUDSTREAM_WEEKLY_STORE",
    NoPermissionError: "grant the user the rights that docs/weekly-stores.md lists, with ACL SETUSER",
    ReadOnlyError: "this server is a replica; name the primary in FRAUDSTREAM_WEEKLY_STORE",
    AskError: NO_CLUSTER,
    ClusterCrossSlotError: NO_CLUSTER,
}
"""What to do about a refusal."""


class WeeklyRedis(OnlineStore):
    """Asks for this midnight and the one before in one round trip; an existing hash is complete."""

    def __init__(
        self,
        url: str,
        password: str | None,
        kept: int = MIDNIGHTS_KEPT,
        prefix: str = "fraudstream:weekly:",
        weekly: WeeklyAggregates = NOTHING_DECLARED,
    ) -> None:
        """`url` names host, port and database (rediss:// for TLS), never the password.

        Hashes of another declaration than `weekly` have other keys, and are as good as none.
        """
        self._url = url
        self._prefix = f"{prefix}{weekly.layout}:" if weekly.layout else prefix
        self._weekly = weekly
        self._kept_for = timedelta(days=kept + SPARE_DAYS)
        self._redis: Any = Redis.from_url(
            url,
            password=password,
            decode_responses=True,
            max_connections=CONNECTIONS,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=READ_TIMEOUT_S,
            retry=None,
        )

    async def connect(self) -> None:
        """Try the later requests once: a server that does not answer yet is no error, one that refuses is (WeeklyRefused)."""
        midnight_ms = midnight_before(time.time_ns() // 1_000_000)
        try:
            await self.get_many([""], midnight_ms)
            await self.nights([midnight_ms])
        except WeeklyRefused:
            raise
        except WeeklyUnavailable:
            return  # the next request fails as well, and is counted

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks as of this midnight, or of one day before it if that is the newest."""
        wanted, candidates = list(entities), (midnight_ms, midnight_ms - DAY_MS)
        with translate_errors():
            asking = self._redis.pipeline(transaction=False)
            for night in candidates:
                asking.exists(self._key(night))
                if wanted:
                    asking.hmget(self._key(night), wanted)
            answers = iter(await asking.execute())
        found = [(next(answers), next(answers) if wanted else []) for _ in candidates]
        for night, (exists, texts) in zip(candidates, found, strict=True):
            if exists:
                return self._answer(wanted, texts, night)
        return WeeklyAnswer()

    async def create(self) -> bool:
        """Check the connection; nothing has to be created."""
        await self.describe()
        return False

    async def describe(self) -> dict[str, Any]:
        """Return which server it is and how much memory it uses."""
        with translate_errors():
            info = await self._redis.info()
        return {
            "kind": "redis",
            "name": self._url,
            "status": "Created",
            "version": info["redis_version"],
            "bytes": info["used_memory"],
        }

    async def nights(self, midnights_ms: Sequence[int]) -> dict[int, int]:
        """Return which of these midnights are there, and with how many entities each."""
        with translate_errors():
            entities = {
                midnight: int(await self._redis.hlen(self._key(midnight))) for midnight in midnights_ms
            }
        return {midnight: count for midnight, count in entities.items() if count}

    async def load(self, as_of_ms: int, weeks: Sequence[tuple[str, Week]]) -> None:
        """Write these entities into the draft of a midnight."""
        texts = {entity: self._text(week) for entity, week in weeks}
        with translate_errors():
            writing = self._redis.pipeline()
            writing.hset(self._draft(as_of_ms), mapping=texts)
            writing.expire(self._draft(as_of_ms), self._kept_for)
            await writing.execute()

    async def publish(self, as_of_ms: int, entities: int) -> None:
        """Rename the draft to its final key; raises SetupError unless it holds `entities` entities."""
        draft = self._draft(as_of_ms)
        with translate_errors():
            found = await self._redis.hlen(draft)
            if found != entities:
                await self._redis.delete(draft)
                raise SetupError(
                    f"{draft} held {found} entities, not {entities}; load it again from the beginning"
                )
            writing = self._redis.pipeline()
            writing.rename(draft, self._key(as_of_ms))
            writing.expire(self._key(as_of_ms), self._kept_for)
            await writing.execute()

    def _text(self, week: Week) -> str:
        declared = f" {self._weekly.written(week.declared)}" if self._weekly.each else ""
        return f"{week.payments} {week.mean_amount!r}{declared}"

    def _week(self, text: str) -> Week:
        """Return the week that a text holds; raises ValueError if it holds none."""
        payments, mean_amount, *declared = text.split()
        if len(declared) != (1 if self._weekly.each else 0):
            raise ValueError(f"{text} was written for another declaration")
        return Week(int(payments), float(mean_amount), *(self._weekly.read(each) for each in declared))

    def _answer(self, entities: Sequence[str], texts: Sequence[str | None], night: int) -> WeeklyAnswer:
        """Read the texts of a hash; a malformed one is refused."""
        rows: dict[str, Week] = {}
        failed: dict[str, str] = {}
        for entity, text in zip(entities, texts, strict=True):
            if text is None:
                continue
            try:
                rows[entity] = self._week(text)
            except ValueError:
                failed[entity] = REFUSED
        return WeeklyAnswer(rows, night, failed)

    def _key(self, midnight_ms: int) -> str:
        return f"{self._prefix}{day_of(midnight_ms)}"

    def _draft(self, midnight_ms: int) -> str:
        return f"{self._key(midnight_ms)}:draft"


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translate Redis' errors into WeeklyUnavailable, or into WeeklyRefused if waiting does not help."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        if of_redis(error) != PERMANENT:
            raise WeeklyUnavailable(f"Redis does not answer: {redis_answer(error)}") from error
        known = (REMEDIES[kind] for kind in type(error).__mro__ if kind in REMEDIES)
        remedy = next(known, "check FRAUDSTREAM_WEEKLY_STORE and the server")
        raise WeeklyRefused(f"Redis refuses: {redis_answer(error)}; {remedy}") from error
