"""What every weekly store promises of the aggregates that an event type declares."""

from collections.abc import Mapping

from fraudstream.domain.weekly import Week, WeeklyStore
from fraudstream.domain.weekly_aggregates import WeeklyAggregates, declared
from tests.contracts.weekly_store import ALICE, BOB, MONDAY, NOBODY

WEEKLY = WeeklyAggregates(
    (
        declared("often", "count", 30),
        declared("spent", "sum", 30, "amount"),
        declared("usual", "mean", 7, "km", "float"),
        declared("farthest", "max", 7, "km", "float"),
        declared("shops", "distinct", 30, "shop", "string"),
    )
)
OTHER = WeeklyAggregates((*WEEKLY.each[:4], declared("shops", "distinct", 7, "shop", "string")))
"""The same names with another meaning."""

FULL = Week(2, 12.345, (3, -1250, 2**60, 3, 0.1 + 0.2, 2))
EARLIER = Week(0, 0.0, (1, 5, 0, 0, None, 1))
"""Of a card that did not pay in the week, but in the days before it."""


class DeclaredWeeksContract:
    """Subclass it and say how a store with given snapshots is made; the tests come along."""

    async def store_of(
        self, weekly: WeeklyAggregates, snapshots: Mapping[int, Mapping[str, Week]]
    ) -> WeeklyStore:
        """Return a store in always the same place, of this declaration, and add these snapshots."""
        raise NotImplementedError

    async def test_what_is_declared_comes_back_to_the_last_bit(self) -> None:
        """Also the maximum of no events, and a card without payments in the week."""
        store = await self.store_of(WEEKLY, {MONDAY: {ALICE: FULL, BOB: EARLIER}})

        answer = await store.get_many([ALICE, BOB, NOBODY], MONDAY)

        assert {ALICE: FULL, BOB: EARLIER} == dict(answer.rows)
        assert {} == dict(answer.failed)
        assert all(week.believable() for week in answer.rows.values())

    async def test_aggregates_of_another_declaration_are_treated_as_missing(self) -> None:
        """Their numbers would mean something else; decisions say that the week is missing."""
        await self.store_of(WEEKLY, {MONDAY: {ALICE: FULL}})
        for weekly in (OTHER, WeeklyAggregates()):
            store = await self.store_of(weekly, {})

            assert (await store.get_many([ALICE], MONDAY)).as_of_ms is None
