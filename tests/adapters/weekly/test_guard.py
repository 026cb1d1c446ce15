"""The guard around a weekly store: what is looked up, what is cached, and how long a caller waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection

import pytest

from fraudstream.adapters.weekly.cache import WeeklyCache
from fraudstream.adapters.weekly.circuit_breaker import CLOSED, FAILURES_TO_OPEN, OPEN, OPEN_S
from fraudstream.adapters.weekly.guard import GuardedWeekly
from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import Week, WeeklyAnswer, WeeklyStore
from tests.contracts.weekly_store import ALICE, BOB, BUSY, CALM, MONDAY, NOBODY, TUESDAY, WeeklyStoreContract
from tests.fakes import MemoryWeekly
from tests.shared import PATIENCE_S

DEADLINE_S = 0.3
SLOW_S = 2 * DEADLINE_S

Trouble = Callable[[], Awaitable[object]]


class Troubled(MemoryWeekly):
    """A store in memory that notes what is looked up, and fails or waits before it answers."""

    def __init__(self, snapshots: dict[int, dict[str, Week]], trouble: Trouble | None = None) -> None:
        super().__init__(snapshots)
        self.trouble = trouble
        self.asked: list[set[str]] = []

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Note the question, then have trouble, then answer."""
        self.asked.append(set(entities))
        if self.trouble is not None:
            await self.trouble()
        return await super().get_many(entities, midnight_ms)


async def down() -> None:
    """Refuse."""
    raise WeeklyUnavailable("connection refused")


def guarded(store: WeeklyStore, cache_cards: int = 100) -> GuardedWeekly:
    """Put a guard before a store."""
    return GuardedWeekly(store, DEADLINE_S, cache_cards)


class TestGuardedWeekly(WeeklyStoreContract):
    """A guard keeps the contract of what it guards."""

    async def store_with(self, snapshots: dict[int, dict[str, Week]]) -> WeeklyStore:  # type: ignore[override]
        """Guard a store in memory."""
        return guarded(MemoryWeekly(snapshots))


class TestUncachedWeekly(TestGuardedWeekly):
    """Also without a cache."""

    async def store_with(self, snapshots: dict[int, dict[str, Week]]) -> WeeklyStore:  # type: ignore[override]
        """Guard a store in memory."""
        return guarded(MemoryWeekly(snapshots), cache_cards=0)


async def test_a_card_is_asked_for_once() -> None:
    """Also one without a week, because many cards may be new."""
    store = Troubled({MONDAY: {ALICE: BUSY, BOB: CALM}})
    guard = guarded(store)

    await guard.get_many([ALICE, NOBODY], MONDAY)
    answer = await guard.get_many([ALICE, BOB, NOBODY], MONDAY)

    assert {ALICE: BUSY, BOB: CALM} == dict(answer.rows)
    assert [{ALICE, NOBODY}, {BOB}] == store.asked
    assert {"cache": 2, "store": 3} == dict(+guard.entities)


async def test_known_cards_are_answered_without_suspension() -> None:
    """The event loop does not switch to another task for what is in memory."""
    guard = guarded(MemoryWeekly({MONDAY: {ALICE: BUSY}}))
    await guard.get_many([ALICE], MONDAY)

    with pytest.raises(StopIteration) as answered:
        guard.get_many([ALICE], MONDAY).send(None)

    assert {ALICE: BUSY} == dict(answered.value.value.rows)


async def test_a_slow_store_is_given_up_at_the_deadline() -> None:
    """The card's week is unknown, which is not the same as empty."""
    guard = guarded(Troubled({MONDAY: {ALICE: BUSY}}, asyncio.Event().wait))
    started = time.monotonic()

    answer = await guard.get_many([ALICE], MONDAY)

    assert {ALICE: "weekly-timeout"} == dict(answer.failed)
    assert DEADLINE_S <= time.monotonic() - started
    await guard.close()


async def test_a_late_answer_serves_the_payments_after_it() -> None:
    """And meanwhile the card is not asked for again."""
    answers = asyncio.Event()
    store = Troubled({MONDAY: {ALICE: BUSY}}, answers.wait)
    guard = guarded(store)
    await guard.get_many([ALICE], MONDAY)

    assert {ALICE: "weekly-timeout"} == dict((await guard.get_many([ALICE], MONDAY)).failed)
    answers.set()
    await eventually(lambda: answered(guard, ALICE))

    assert [{ALICE}] == store.asked
    assert {"late": 1} == dict(guard.calls)


async def test_payments_that_waited_for_others_do_not_wait_again() -> None:
    """Those of the next micro-batch came while this one waited: their deadline has passed, too."""
    deadline_s = 2.0  # half of it is time enough for the second answer
    guard = GuardedWeekly(Troubled({MONDAY: {}}, asyncio.Event().wait), deadline_s, 100)
    await guard.get_many([ALICE], MONDAY)
    started = time.monotonic()

    answer = await guard.get_many([BOB], MONDAY)

    assert {BOB: "weekly-timeout"} == dict(answer.failed)
    assert time.monotonic() - started < deadline_s / 2
    await guard.close()


async def test_one_failure_is_tried_again_within_the_deadline() -> None:
    """A broken connection is no reason to decide without the week."""
    store = Troubled({MONDAY: {ALICE: BUSY}})

    async def once() -> None:
        store.trouble = None
        raise WeeklyUnavailable("connection reset")

    store.trouble = once

    assert {ALICE: BUSY} == dict((await guarded(store).get_many([ALICE], MONDAY)).rows)


async def test_a_store_that_is_down_is_skipped_and_used_again_when_it_is_back() -> None:
    """Nobody waits for it meanwhile; one trial beside the payments finds out that it is back."""
    store = Troubled({MONDAY: {ALICE: BUSY}}, down)
    guard = guarded(store)
    for _ in range(FAILURES_TO_OPEN):
        assert {ALICE: "weekly-unavailable"} == dict((await guard.get_many([ALICE], MONDAY)).failed)
    assert guard.breaker.state == OPEN
    asked = len(store.asked)

    await guard.get_many([ALICE], MONDAY)
    assert asked == len(store.asked)

    store.trouble = None
    await asyncio.sleep(OPEN_S)
    await eventually(lambda: answered(guard, ALICE))
    assert guard.breaker.state == CLOSED
    assert asked + 1 == len(store.asked)


async def test_what_is_cached_is_known_while_the_store_is_down() -> None:
    """The others of the micro-batch are unknown, each on its own."""
    store = Troubled({MONDAY: {ALICE: BUSY, BOB: CALM}})
    guard = guarded(store)
    await guard.get_many([ALICE], MONDAY)
    store.trouble = down

    answer = await guard.get_many([ALICE, BOB], MONDAY)

    assert ({ALICE: BUSY}, {BOB: "weekly-unavailable"}) == (dict(answer.rows), dict(answer.failed))


@pytest.mark.parametrize(
    "week",
    [
        Week(-1, 4.0),
        Week(0, 4.0),
        Week(2, float("nan")),
        Week(2, float("inf")),
        Week(2, -0.5),
        Week("2", 4.0),
        Week(2, None),
    ],  # type: ignore[arg-type]
    ids=str,
)
async def test_a_week_with_impossible_values_is_refused(week: Week) -> None:
    """Card by card, and not remembered."""
    store = Troubled({MONDAY: {ALICE: week, BOB: CALM}})
    guard = guarded(store)

    answer = await guard.get_many([ALICE, BOB], MONDAY)

    assert ({BOB: CALM}, {ALICE: "weekly-refused"}) == (dict(answer.rows), dict(answer.failed))
    await guard.get_many([ALICE, BOB], MONDAY)
    assert {ALICE} == store.asked[-1]


async def test_other_cards_than_asked_are_ignored() -> None:
    """A store that answers for other cards must not change the answers for ours."""

    class Mixed(MemoryWeekly):
        async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
            return WeeklyAnswer({ALICE: BUSY, BOB: CALM}, midnight_ms, {NOBODY: "weekly-unavailable"})

    answer = await guarded(Mixed({})).get_many([ALICE], MONDAY)

    assert ({ALICE: BUSY}, {}) == (dict(answer.rows), dict(answer.failed))


async def test_until_a_midnight_is_published_the_store_is_asked_for_it_now_and_then_only() -> None:
    """Yesterday's weeks are remembered as yesterday's, and when today's come, none of them is mixed in."""
    store = Troubled({MONDAY: {ALICE: CALM, BOB: CALM}})
    guard = guarded(store)
    await guard.get_many([ALICE], TUESDAY)
    assert MONDAY == (await guard.get_many([ALICE], TUESDAY)).as_of_ms
    assert [{ALICE}] == store.asked

    store.snapshots[TUESDAY] = {ALICE: BUSY, BOB: BUSY}
    answer = await guard.get_many([ALICE, BOB], TUESDAY)

    assert (TUESDAY, {ALICE: BUSY, BOB: BUSY}) == (answer.as_of_ms, dict(answer.rows))


async def test_a_bug_in_a_store_ends_the_worker() -> None:
    """A store that is down degrades, a bug crashes; also when nobody waits for the call any more."""

    async def wrong() -> None:
        await asyncio.sleep(SLOW_S)
        raise KeyError("a bug")

    guard = guarded(Troubled({MONDAY: {}}, wrong))
    assert {ALICE: "weekly-timeout"} == dict((await guard.get_many([ALICE], MONDAY)).failed)

    with pytest.raises(KeyError):
        await eventually(lambda: answered(guard, ALICE))


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    """A million new cards must not push out the one that pays every minute."""
    cache = WeeklyCache(cards_max=100)
    cache.add([ALICE], MONDAY, {ALICE: BUSY})
    for number in range(1000):
        cache.add([f"{number:032x}"], MONDAY + DAY_MS, {})
        assert ({ALICE: BUSY}, []) == cache.split([ALICE], MONDAY)

    assert len(cache) <= 100


async def answered(guard: GuardedWeekly, card: str) -> bool:
    """Tell whether the card's week is known."""
    return card in (await guard.get_many([card], MONDAY)).rows


async def eventually(happens: Callable[[], Awaitable[bool]], timeout_s: float = PATIENCE_S) -> None:
    """Poll until something has happened."""
    deadline = time.monotonic() + timeout_s
    while not await happens():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_lookups_for_pages_cost_payments_nothing() -> None:
    """Neither their deadline, nor their calls, nor the breaker: many look at a slow store, then it is quick for a payment."""
    store = Troubled({MONDAY: {ALICE: BUSY, BOB: CALM}}, asyncio.Event().wait)
    guard = guarded(store)
    looking = [
        asyncio.create_task(guard.aside([f"card {number}"], MONDAY)) for number in range(2 * FAILURES_TO_OPEN)
    ]
    await asyncio.sleep(1.1 * DEADLINE_S)
    store.trouble = None
    payment = await guard.get_many([ALICE], MONDAY)
    together = len([asked for asked in store.asked if ALICE not in asked])
    looks = await asyncio.gather(*looking)

    assert {ALICE: BUSY} == dict(payment.rows)
    assert 1 == together
    assert CLOSED == guard.breaker.state
    assert {"store": 1} == dict(+guard.entities)
    assert [] == [look for look in looks if look.rows]


async def test_a_page_gets_a_card_s_week_or_that_it_is_not_known() -> None:
    """Also of a store that tells nonsense or is down; one that is left alone to recover is not asked by people either."""
    good, mad = (guarded(MemoryWeekly({MONDAY: {ALICE: week}})) for week in (BUSY, Week(-1, 2.0)))
    away = guarded(down_store := Troubled({MONDAY: {ALICE: BUSY}}, down))

    assert {ALICE: BUSY} == dict((await good.aside([ALICE], MONDAY)).rows)
    assert {ALICE} == set((await mad.aside([ALICE], MONDAY)).failed)
    assert {ALICE} == set((await away.aside([ALICE], MONDAY)).failed)
    for number in range(FAILURES_TO_OPEN):
        await away.get_many([f"card {number}"], MONDAY)
    down_store.asked.clear()
    assert {ALICE} == set((await away.aside([ALICE], MONDAY)).failed)
    assert [] == down_store.asked
