"""A rule cannot stop a worker: what would fail is a missing value, what would cost too much is refused, and the rest is skipped."""

from typing import Any

import polars as pl
import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.patterns import weight
from fraudstream.domain.rules import Rule, Ruleset

COLUMNS = {"amount": pl.Float64, "n": pl.Int64, "shop": pl.String}


def rule(when: str) -> Rule:
    """Return a rule that is a condition on these columns."""
    made = Rule("r", when, "review")
    made.check(COLUMNS)
    return made


def holds(when: str, **values: Any) -> list[bool]:
    """Return for which events a rule holds."""
    frame = pl.DataFrame(values, schema_overrides=COLUMNS)
    return [names == ["r"] for names in Ruleset([rule(when)]).judge(frame)["rules"].to_list()]


@pytest.mark.parametrize(
    ("when", "values", "expected"),
    [
        ("CAST(shop AS INT) > 3", {"shop": ["12", "corner", None]}, [True, False, False]),
        ("shop::bigint > 3", {"shop": ["12", "1e3", "99999999999999999999"]}, [True, False, False]),
        ("CAST(amount AS SMALLINT) > 3", {"amount": [5.0, 1e9, float("nan")]}, [True, False, False]),
        ("amount / n > 1", {"amount": [5.0, 5.0, 0.0], "n": [2, 0, 0]}, [True, False, False]),
        ("n % 0 = 0 OR n > 3", {"n": [1, 4]}, [False, True]),
        ("NOT (amount / n > 1)", {"amount": [5.0], "n": [0]}, [False]),
        ("amount / 4 > 1", {"amount": [5.0, 4.0]}, [True, False]),
    ],
)
def test_what_does_not_fit_is_missing(when: str, values: dict[str, Any], expected: list[bool]) -> None:
    """In the event that has it, and in no other."""
    assert expected == holds(when, **values)


@pytest.mark.parametrize(
    ("when", "complaint"),
    [
        ("REGEXP_LIKE(shop, '(')", "unclosed group|regex"),
        (r"shop ~ '\w{100}x'", r"regular expression that can take too long \(size 5,001, at most 500\): repeat less"),
        ("REGEXP_LIKE(shop, shop)", "takes a regular expression from the event: write it as text in quotes"),
        ("STRPOS(shop, shop) > 1", "takes a regular expression from the event"),
        ("LPAD(shop, n, 'x') = 'a'", "pads a text to a length that is not a number up to 1,000"),
        ("RPAD(shop, 2000000000, 'x') = 'a'", "pads a text to a length"),
        (
            "REPLACE(REPLACE(shop, 'a', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'), 'b', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') = 'a'",
            "can make a text 1,260 times as long with REPLACE",
        ),
        (" OR ".join(["n = 1"] * 1_000), "more than 200 operators within each other: use IN or a list"),
        (" OR ".join(["n = 1"] * 300), "more than 200 operators within each other: use IN or a list"),
        ("n = 1 " + "OR n = 2 " * 20_000, "has 180,006 characters; at most 10,000: split it"),
        ("CAST(shop AS DATE) IS NULL", "does not fit the types of its columns"),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_what_would_cost_too_much_or_always_fail_is_refused(when: str, complaint: str) -> None:
    """Before the first event, with what to do instead."""
    with pytest.raises(SetupError, match=complaint):
        rule(when)


@pytest.mark.parametrize(
    "when",
    ["shop ~ '(a+)+$'", "REGEXP_LIKE(shop, '^(x+x+)+y')", "REPLACE(REPLACE(shop, ' ', ''), '-', '') = 'ab'", r"shop ~ '^\d{16}$'"],
)  # fmt: skip
def test_what_people_write_is_allowed(when: str) -> None:
    """Also patterns that take exponential time elsewhere: here every character is looked at once for each state."""
    assert [False] == holds(when, shop=["a" * 255 + "!"])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"\w{3,}", 150), (r"(\d{4}){4}", 160), ("[a-z]{5}", 25), (r"\p{Greek}{2}", 100), (r"\pL{2}", 100), (r"\{3}", 3), ("a{", 2),
        ("[", 5), ("(", 0), (")", 1), ("\\", 1), ("{3}", 0), (r"[\w-]{2}", 110), ("(?i)ab", 8),
    ],
)  # fmt: skip
def test_patterns_have_a_weight(pattern: str, expected: int) -> None:
    """Whatever people write, also what is no pattern."""
    assert expected == weight(pattern)


def test_a_rule_that_fails_for_an_event_is_skipped_for_that_event_alone() -> None:
    """The others are judged, and so is the event by the other rules; it does not depend on who comes with it."""
    ruleset = Ruleset([Rule("power", "POW(n, n) > 1", "block"), Rule("large", "amount > 10", "review")])
    frame = pl.DataFrame({"n": [3, -1, 2, -2, 0], "amount": [1.0, 50.0, 50.0, 1.0, 1.0]})
    judged = ruleset.judge(frame)

    assert [["power"], ["large"], ["power", "large"], [], []] == judged["rules"].to_list()
    assert [[], ["power"], [], ["power"], []] == judged["failed_rules"].to_list()
    for row in range(frame.height):
        alone = ruleset.judge(frame[row : row + 1])
        assert judged["rules"][row].to_list() == alone["rules"].item().to_list()


def test_without_failures_there_is_no_word_of_them() -> None:
    """Decisions are as they were."""
    judged = Ruleset([Rule("large", "amount > 10", "review")]).judge(pl.DataFrame({"amount": [50.0]}))

    assert ["amount", "rules", "outcome"] == judged.columns
