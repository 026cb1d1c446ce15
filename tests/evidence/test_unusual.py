"""What is unusual in a payment, compared with the entity's past."""

from dataclasses import replace

from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.evidence.unusual import Kind, Past, Unusual, unusual

NOON_MS = 12 * HOUR_MS


def past(number: int, amount: float = 10.0, merchant: str = "Bakery", **features: float) -> Past:
    """Return a payment at noon of day `number`."""
    values = {"merchant": merchant, **features}
    return Past(f"p{number}", number * DAY_MS + NOON_MS, amount, values)


def test_an_amount_above_all_others_is_said_with_what_is_usual() -> None:
    """By counting: how many have as much, of how many."""
    earlier = [past(number, amount=10.0 + number) for number in range(20)]

    found = unusual(past(20, amount=500.0), earlier)

    assert [Unusual("amount", Kind.HIGH, 500.0, 0, 20, 19.5)] == found


def test_what_is_as_before_is_not_unusual() -> None:
    """Neither a value that one in ten has."""
    earlier = [past(number, merchant="Bakery" if number % 10 else "Café") for number in range(40)]

    assert [] == unusual(past(40, merchant="Café"), earlier)


def test_an_hour_at_which_the_card_never_pays_is_unusual_and_midnight_is_no_border() -> None:
    """Half past midnight is near half past eleven at night."""
    late = [replace(past(number), event_time=number * DAY_MS - HOUR_MS // 2) for number in range(1, 21)]
    after_midnight = replace(past(30), event_time=30 * DAY_MS + HOUR_MS // 2)
    at_noon = past(31)

    assert [] == unusual(after_midnight, late)
    assert [Unusual("event_time", Kind.HOUR, at_noon.event_time, 0, 20)] == unusual(at_noon, late)


def test_a_new_merchant_is_unusual_unless_most_payments_have_a_new_one() -> None:
    """What is different every time says nothing."""
    regular = [past(number) for number in range(20)]
    changing = [past(number, merchant=f"Shop {number}") for number in range(20)]
    new = past(20, merchant="Jeweller")

    assert [Unusual("merchant", Kind.NEW, "Jeweller", 0, 20, "Bakery")] == unusual(new, regular)
    assert [] == unusual(new, changing)


def test_with_few_earlier_payments_nothing_is_said() -> None:
    """Instead of calling everything unusual."""
    assert unusual(past(9, amount=500.0), [past(number) for number in range(9)]) is None


def test_a_feature_that_only_some_payments_have_is_compared_with_those() -> None:
    """Features come with releases."""
    earlier = [past(number) for number in range(20)] + [past(20 + number, speed=1.0) for number in range(12)]

    assert [Unusual("speed", Kind.HIGH, 7.0, 0, 12, 1.0)] == unusual(past(40, speed=7.0), earlier)
