"""What every weekly store promises, whatever it is made of."""

from collections.abc import Mapping

from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import Week, WeeklyStore

MONDAY = 1_580_688_000_000
"""2020-02-03 00:00 UTC."""
TUESDAY = MONDAY + DAY_MS
WEDNESDAY = TUESDAY + DAY_MS

ALICE, BOB, NOBODY = (name * 8 for name in ("a11c", "b0b0", "0000"))
"""Card tokens."""

BUSY, CALM = Week(25, 40.5), Week(2, 0.335)


class WeeklyStoreContract:
    """Subclass it and say how a store with given snapshots is made; the tests come along."""

    async def store_with(self, snapshots: Mapping[int, Mapping[str, Week]]) -> WeeklyStore:
        """Return a store that holds these snapshots: midnight (epoch ms) -> card token -> week."""
        raise NotImplementedError

    async def test_it_answers_for_many_cards_at_once(self) -> None:
        """Count and mean come back as they were written, to the last bit."""
        store = await self.store_with({MONDAY: {ALICE: BUSY, BOB: CALM}})

        answer = await store.get_many([ALICE, BOB], MONDAY)

        assert {ALICE: BUSY, BOB: CALM} == dict(answer.rows)
        assert answer.as_of_ms == MONDAY

    async def test_a_card_without_a_week_is_absent_not_an_error(self) -> None:
        """A new card has no history; that is no failure."""
        store = await self.store_with({MONDAY: {ALICE: BUSY}})

        answer = await store.get_many([ALICE, NOBODY], MONDAY)

        assert {ALICE} == set(answer.rows)
        assert answer.as_of_ms == MONDAY

    async def test_it_answers_with_the_asked_midnight_also_when_there_is_a_newer_one(self) -> None:
        """A replay of yesterday finds what yesterday found."""
        store = await self.store_with({MONDAY: {ALICE: CALM}, TUESDAY: {ALICE: BUSY}})

        assert {ALICE: CALM} == dict((await store.get_many([ALICE], MONDAY)).rows)
        assert {ALICE: BUSY} == dict((await store.get_many([ALICE], TUESDAY)).rows)

    async def test_until_the_nightly_job_has_run_yesterdays_week_answers_and_says_so(self) -> None:
        """`as_of_ms` tells, so that the decision can be marked."""
        store = await self.store_with({MONDAY: {ALICE: BUSY}})

        answer = await store.get_many([ALICE], TUESDAY)

        assert {ALICE: BUSY} == dict(answer.rows)
        assert answer.as_of_ms == MONDAY

    async def test_a_week_more_than_a_day_behind_is_no_answer(self) -> None:
        """After two nights without the job no week is better than an old one."""
        store = await self.store_with({MONDAY: {ALICE: BUSY}})

        answer = await store.get_many([ALICE], WEDNESDAY)

        assert {} == dict(answer.rows)
        assert answer.as_of_ms is None

    async def test_the_future_is_never_the_answer(self) -> None:
        """A snapshot of a later midnight holds payments that had not happened."""
        store = await self.store_with({TUESDAY: {ALICE: BUSY}})

        assert (await store.get_many([ALICE], MONDAY)).as_of_ms is None

    async def test_the_newest_midnight_is_named(self) -> None:
        """Up to the one asked for; the health compares it with what should be there."""
        store = await self.store_with({MONDAY: {ALICE: BUSY}, TUESDAY: {ALICE: BUSY}})

        assert TUESDAY == await store.newest(WEDNESDAY)
        assert MONDAY == await store.newest(MONDAY)
        assert await store.newest(MONDAY - DAY_MS) is None

    async def test_asking_for_no_cards_answers_with_none(self) -> None:
        """An empty micro-batch is no special case."""
        store = await self.store_with({MONDAY: {ALICE: BUSY}})

        assert {} == dict((await store.get_many([], MONDAY)).rows)
