"""Stands between the worker and a weekly store that may be slow, down or wrong: always answers within the deadline.

cached weeks -> at once
the rest     -> one call to the store, retried once within the deadline; late answers fill the cache for the next
breaker open -> no call, no wait; a trial goes out beside the payments, which do not wait for it
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Collection

from fraudstream.adapters.weekly.cache import WeeklyCache
from fraudstream.adapters.weekly.circuit_breaker import CLOSED, CircuitBreaker
from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.weekly import (
    REFUSED,
    TIMED_OUT,
    UNAVAILABLE,
    WeeklyAnswer,
    WeeklyStore,
)

NEWS_AFTER_S = 5.0
"""How long a midnight is not asked for again if the store lacks it or answers with the one before."""

CALLS_MAX = 8
"""Calls in progress at the same time, including those that nobody waits for any more."""

RETRY_SHARE = 0.5
"""A call that failed within this share of the deadline is tried once more."""

RETRY_WAIT_S = 0.005
"""At most this long before the second try (with jitter)."""

ASIDE_S = 1.0
"""How long the pages wait, including their turn."""

Call = asyncio.Task[WeeklyAnswer]

log = logging.getLogger(__name__)


class GuardedWeekly(WeeklyStore):
    """Wraps a store; `calls` and `entities` count what happened, for the metrics. Never raises WeeklyUnavailable."""

    def __init__(self, store: WeeklyStore, deadline_s: float, cache_cards: int) -> None:
        self.breaker = CircuitBreaker()
        self.calls: Counter[str] = Counter()
        """Calls to the store by result: answered, failed, late."""
        self.entities: Counter[str] = Counter()
        """Entities looked up, by where the answer came from: cache, store, or why there is none."""
        self._store = store
        self._deadline_s = deadline_s
        self._cache = WeeklyCache(cache_cards)
        self._nights: dict[int, tuple[int | None, float]] = {}
        self._asked: dict[Call, tuple[int, frozenset[str]]] = {}
        self._trouble = WeeklyUnavailable("no lookup was answered")
        self._waited_s, self._waited_until = 0.0, -float("inf")
        self._bug: BaseException | None = None
        self._one_aside = asyncio.Lock()

    @property
    def trouble(self) -> WeeklyUnavailable | None:
        """Why the store is not asked at present; None if it is."""
        return None if self.breaker.state == CLOSED else self._trouble

    async def connect(self) -> None:
        """Connect the store."""
        await self._store.connect()

    async def newest(self, midnight_ms: int) -> int | None:
        """Ask the store; no payment waits for this."""
        return await self._store.newest(midnight_ms)

    async def close(self) -> None:
        """Cancel the calls in progress and close the store."""
        for call in self._asked:
            call.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self._store.close()

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return what is known of these entities within the deadline; without suspending if all of it is cached."""
        if self._bug is not None:
            raise self._bug
        night, until = self._nights.get(midnight_ms, (None, 0.0))
        if time.monotonic() >= until:
            return await self._asking(list(entities), midnight_ms)
        known, unknown = ({}, []) if night is None else self._cache.split(entities, night)
        self.entities["cache"] += len(entities) - len(unknown)
        cached = WeeklyAnswer(known, night, dict.fromkeys(unknown, UNAVAILABLE))
        if not unknown:
            return cached
        answer = await self._asking(unknown, midnight_ms)
        if answer.as_of_ms in (None, night):
            return cached.completed(unknown, answer)
        rest = list(
            set(entities) - set(unknown)
        )  # a newer night was published meanwhile: theirs is not the cached one
        return answer.completed(rest, await self._asking(rest, midnight_ms))

    async def aside(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Answer the pages, one question at a time; the payments' deadline, breaker, cache and counts are not changed."""
        answer = WeeklyAnswer()
        if self.breaker.state == CLOSED:
            try:
                async with asyncio.timeout(ASIDE_S), self._one_aside:
                    answer = await self._store.get_many(entities, midnight_ms)
            except (TimeoutError, WeeklyUnavailable) as error:
                log.debug("the weekly store did not answer a page: %r", error)
        rows = {entity: week for entity, week in answer.rows.items() if week.believable()}
        failed = set(entities) - rows.keys() if answer.as_of_ms is None else answer.rows.keys() - rows.keys()
        return WeeklyAnswer(rows, answer.as_of_ms, {**answer.failed, **dict.fromkeys(failed, UNAVAILABLE)})

    async def _asking(self, entities: list[str], midnight_ms: int) -> WeeklyAnswer:
        """Ask the store for entities that no other call asks for, and wait as long as the payments can."""
        on_way = frozenset[str]().union(*(asked for at, asked in self._asked.values() if at == midnight_ms))
        wanted = [entity for entity in entities if entity not in on_way]
        answer = WeeklyAnswer(failed=dict.fromkeys(on_way.intersection(entities), TIMED_OUT))
        if wanted:
            answer = answer.completed(wanted, await self._asked_now(wanted, midnight_ms))
        self.entities.update(answer.failed.values())
        self.entities["store"] += len(entities) - len(answer.failed)
        return answer

    async def _asked_now(self, entities: list[str], midnight_ms: int) -> WeeklyAnswer:
        """Call the store if the breaker lets us; a trial is not waited for."""
        trial = self.breaker.admits_trial()
        if not trial and (self.breaker.state != CLOSED or len(self._asked) >= CALLS_MAX):
            return WeeklyAnswer(failed=dict.fromkeys(entities, UNAVAILABLE))
        call = asyncio.create_task(self._call(entities, midnight_ms, trial), name="weekly lookup")
        self._asked[call] = (midnight_ms, frozenset(entities))
        call.add_done_callback(self._landed)
        if trial:
            return WeeklyAnswer(failed=dict.fromkeys(entities, UNAVAILABLE))
        if await self._done(call):
            return call.result()
        return WeeklyAnswer(failed=dict.fromkeys(entities, TIMED_OUT))

    async def _done(self, call: Call) -> bool:
        """Wait for a call; tell whether it is done.

        No payment waits longer than the deadline in all: this micro-batch's may have arrived while the one before waited,
        so that wait counts, too.
        """
        started = time.monotonic()
        behind_s = max(0.0, self._waited_s - (started - self._waited_until))
        done, _ = await asyncio.wait({call}, timeout=max(0.0, self._deadline_s - behind_s))
        self._waited_until = time.monotonic()
        self._waited_s = self._waited_until - started
        return bool(done)

    def _landed(self, call: Call) -> None:
        """Forget a call; if a bug ended it, the next look-up raises that error, even if nobody waited for the call."""
        del self._asked[call]
        if not call.cancelled():
            self._bug = self._bug or call.exception()

    async def _call(self, entities: list[str], midnight_ms: int, trial: bool) -> WeeklyAnswer:
        """Call the store and learn from its answer; the breaker hears of it at the deadline at the latest."""
        trying = asyncio.create_task(self._tried(entities, midnight_ms))
        try:
            in_time, _ = await asyncio.wait({trying}, timeout=self._deadline_s)
            if not in_time:
                self._count("late", trial)
            answer = await trying
        finally:
            trying.cancel()
        if in_time:
            self._count("failed" if len(answer.failed) == len(entities) else "answered", trial)
        return self._learned(entities, midnight_ms, answer)

    async def _tried(self, entities: list[str], midnight_ms: int) -> WeeklyAnswer:
        """Call the store, and once more for what failed while there is time."""
        retry_until = time.monotonic() + self._deadline_s * RETRY_SHARE
        answer = await self._try(entities, midnight_ms)
        again = [entity for entity, why in answer.failed.items() if why == UNAVAILABLE]
        if again and time.monotonic() < retry_until:
            await asyncio.sleep(random.uniform(0, RETRY_WAIT_S))  # noqa: S311 - jitter, no secret
            answer = answer.completed(again, await self._try(again, midnight_ms))
        return answer

    async def _try(self, entities: list[str], midnight_ms: int) -> WeeklyAnswer:
        try:
            return await self._store.get_many(entities, midnight_ms)
        except WeeklyUnavailable as error:
            self._trouble = error
            return WeeklyAnswer(failed=dict.fromkeys(entities, UNAVAILABLE))

    def _learned(self, entities: list[str], midnight_ms: int, answer: WeeklyAnswer) -> WeeklyAnswer:
        """Refuse impossible weeks and remember the rest."""
        rows = {entity: answer.rows[entity] for entity in entities if entity in answer.rows}
        wrong = [entity for entity, week in rows.items() if not week.believable()]
        for entity in wrong:
            del rows[entity]
        asked = set(entities)
        failed = {entity: why for entity, why in answer.failed.items() if entity in asked} | dict.fromkeys(
            wrong, REFUSED
        )
        if len(failed) < len(entities):
            fresh = answer.as_of_ms == midnight_ms
            until = float("inf") if fresh else time.monotonic() + NEWS_AFTER_S
            self._nights[midnight_ms] = (answer.as_of_ms, until)
        if answer.as_of_ms is not None:
            self._cache.add([entity for entity in entities if entity not in failed], answer.as_of_ms, rows)
        return WeeklyAnswer(rows, answer.as_of_ms, failed)

    def _count(self, result: str, trial: bool) -> None:
        """Count a call and tell the breaker; log when it opens or closes."""
        self.calls[result] += 1
        before = self.breaker.state
        if result == "answered":
            self.breaker.succeeded(trial)
        else:
            self.breaker.failed(trial)
        after = self.breaker.state
        if before == CLOSED != after:
            why = (
                str(self._trouble)
                if result == "failed"
                else f"no answer within {self._deadline_s * 1000:g} ms"
            )
            log.warning("the circuit breaker of the weekly store has opened: %s", why)
        elif before != CLOSED == after:
            log.warning("the weekly store answers again; the circuit breaker is closed")
