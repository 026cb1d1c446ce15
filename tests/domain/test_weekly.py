"""A card's week, also when it stands there under several tokens."""

from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.weekly import NO_WEEK, Week, merge_weeks

paid = st.lists(st.integers(0, 1_000_000_000), min_size=1, max_size=50)


def week(cents: list[int], decimals: int) -> Week:
    """Return the week as the nightly job computes it."""
    return Week(len(cents), sum(cents) / (len(cents) * 10**decimals))


@given(st.lists(paid, min_size=1, max_size=4), st.integers(0, 4))
def test_weeks_under_several_tokens_are_the_week_under_one(parts: list[list[int]], decimals: int) -> None:
    """To the last bit: the money is added in minor units."""
    one = week([cents for part in parts for cents in part], decimals)

    assert one == merge_weeks([week(part, decimals) for part in parts], decimals)


def test_no_week_is_no_week() -> None:
    """Under however many tokens a card is unknown."""
    assert NO_WEEK == merge_weeks([])
