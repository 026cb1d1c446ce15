"""A card's week, also when it stands there under several tokens."""

from hypothesis import given
from hypothesis import strategies as st

from fraudstream.deciding.columns import Columns
from fraudstream.deciding.weeks import WeekLookup
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.tokens import Entity
from fraudstream.domain.weekly import NO_WEEK, Week, merge_weeks
from fraudstream.domain.weekly_aggregates import WeeklyAggregates, declared
from tests.fakes import MemoryWeekly

paid = st.lists(st.integers(0, 1_000_000_000), min_size=1, max_size=50)


def week(cents: list[int], decimals: int) -> Week:
    """Return the week as the nightly job computes it."""
    return Week(len(cents), sum(cents) / (len(cents) * 10**decimals))


@given(st.lists(paid, min_size=1, max_size=4), st.integers(0, 4))
def test_weeks_under_several_tokens_are_the_week_under_one(parts: list[list[int]], decimals: int) -> None:
    """To the last bit: the money is added in minor units."""
    one = week([cents for part in parts for cents in part], decimals)

    assert one == merge_weeks([week(part, decimals) for part in parts], decimals)


def test_a_card_without_a_week_has_none_under_several_tokens() -> None:
    """However many tokens are looked up."""
    assert NO_WEEK == merge_weeks([])


ALL = WeeklyAggregates(
    (
        declared("often", "count", 30),
        declared("spent", "sum", 30, "amount"),
        declared("usual", "mean", 7, "km", "float"),
        declared("farthest", "max", 7, "km", "float"),
        declared("shops", "distinct", 30, "shop", "string"),
    )
)


def test_declared_aggregates_of_several_tokens_are_put_together() -> None:
    """Added up exactly, the largest maximum; of different values the larger number, which is what is certain."""
    old = Week(1, 5.0, (2, 2**60, 300_000, 2, 0.1 + 0.2, 4))
    new = Week(0, 0.0, (1, 1, 1, 1, None, 2))

    merged = merge_weeks([new, old], weekly=ALL)

    assert Week(1, 5.0, (3, 2**60 + 1, 300_001, 3, 0.1 + 0.2, 4)) == merged
    assert [3, (2**60 + 1) / 100, 300_001 / 3_000_000, 0.1 + 0.2, 4] == [
        each.item() for each in ALL.columns([merged.declared])
    ]


def test_declared_aggregates_of_a_card_without_a_week_are_empty() -> None:
    """The count is 0, and there is no maximum."""
    assert [0, 0.0, None, None, 0] == [each.item() for each in ALL.columns([NO_WEEK.declared])]


async def test_different_values_under_several_tokens_are_marked_as_a_lower_bound() -> None:
    """A value that came under both tokens counts in each, so the sum would be wrong; with one token nothing is marked."""
    monday_ms = 1_580_688_000_000
    week = Week(1, 5.0, (1, 1, 1, 1, 1.0, 2))
    store = MemoryWeekly({monday_ms: {"old": week, "new": week}})
    cards = [
        Entity("new", b"new", "", 0, since_ms=monday_ms - 1, earlier=("old",)),
        Entity("new", b"new", "", 0, since_ms=0),
    ]
    columns = Columns(["a", "b"], cards, [monday_ms + 1] * 2, [100] * 2, [(), ()], ["", ""])

    marked = await WeekLookup(store, 2, ALL).weeks(columns)
    exact = week._replace(declared=week.declared[:5])
    added = MemoryWeekly({monday_ms: {"old": exact, "new": exact}})
    unmarked = await WeekLookup(added, 2, WeeklyAggregates(ALL.each[:4])).weeks(columns)

    assert ["weekly-token-rotated", None] == marked.missing
    assert (2, 2) == (marked.declared[0][5], marked.declared[1][5])
    assert [None, None] == unmarked.missing


async def test_tokens_are_asked_for_as_long_as_an_aggregate_reaches_back() -> None:
    """A card whose token changed three weeks ago has its thirty days under the earlier one."""
    monday_ms = 1_580_688_000_000
    store = MemoryWeekly({monday_ms: {"old": Week(0, 0.0, (4, 0, 0, 0, None, 1))}})
    card = Entity("new", b"new", "", 0, since_ms=monday_ms - 21 * DAY_MS, earlier=("old",))
    columns = Columns(["a"], [card], [monday_ms + 1], [100], [()], [""])

    weeks = await WeekLookup(store, 2, ALL).weeks(columns)

    assert 4 == weeks.declared[0][0]
