"""Weekly aggregates in an event type's file: what they become, and how a mistake in them is said."""

import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration

VALID = """\
name = "payout"
features = ["amount", "worst"]
[entity]
field = "account"
kind = "text"
[amount]
field = "value"
currency = "USD"
[variables]
country = "string"
risk = "float"
[velocity]
often = { function = "count", window = "1h" }
[weekly]
countries = { function = "distinct", of = "country", days = 30 }
worst = { function = "max", of = "risk", days = 7 }
[[rules]]
name = "abroad"
when = "countries > 3 and worst > 0.9"
outcome = "review"
"""

MISTAKES = [
    (
        'function = "max"',
        'function = "maximum"',
        "line 16, weekly.worst.function: 'maximum' is not one of count, sum, mean, max, distinct; did you mean max?",
    ),
    ('function = "max", ', "", 'line 16, weekly.worst: function is missing: write function = "count"'),
    ("days = 7", "days = 31", "line 16, weekly.worst.days: 31 is not a number of days from 1 to 30"),
    ("days = 7", "days = 0", "line 16, weekly.worst.days: 0 is not a number of days from 1 to 30"),
    ("days = 7", 'days = "7"', "line 16, weekly.worst.days: write a whole number, not text in quotes"),
    (", days = 7", "", "line 16, weekly.worst: days is missing: write days = 7"),
    (
        'of = "risk"',
        'of = "rusk"',
        "line 16, weekly.worst.of: there is no variable rusk; did you mean risk?; there are amount, country, risk",
    ),
    (
        'of = "risk", ',
        "",
        'line 16, weekly.worst: write what it is computed from, e.g. of = "amount"; there are amount, country, risk',
    ),
    (
        'of = "risk"',
        'of = "country"',
        "line 16, weekly.worst.function: max needs numbers, and country is text: use distinct",
    ),
    ('"max"', '"count"', "line 16, weekly.worst.of: count counts events, not values: leave this out"),
    ("worst =", "risk =", "line 16, weekly.risk: there is a column risk already: use another name"),
    ("worst =", "often =", "line 16, weekly.often: there is a column often already: use another name"),
    ("worst =", "score =", "line 16, weekly.score: there is a column score already: use another name"),
    (
        "worst =",
        "payments =",
        "line 16, weekly.payments: there is a column payments already: use another name",
    ),
    ("worst =", '"w-1" =', "line 16, weekly.w-1: rules could not name it: use letters, digits and '_'"),
    ("worst =", "worst = 7 #", "line 16, weekly.worst: write a table, not a whole number"),
    (
        '[entity]\nfield = "account"\nkind = "text"\n',
        "",
        "weekly: weekly aggregates are computed per entity: declare [entity], too, or leave this out",
    ),
    ('"worst"]', '"worse"]', "line 2, features: there is no feature worse; did you mean worst?"),
    ("countries >", "contries >", "rule 'abroad' uses an unknown column, contries; did you mean countries?"),
]


def test_declared_aggregates_are_columns_with_a_label() -> None:
    """For rules, models and pages."""
    event_type = Declaration(VALID, "payout.toml").read()

    assert ("amount", "worst") == event_type.features
    assert "Largest risk in the 7 days before" == event_type.declared["worst"]
    assert 30 == event_type.weekly.days


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=[said for _, _, said in MISTAKES])
def test_a_mistake_is_said_with_its_line(old: str, new: str, said: str) -> None:
    """With cause and fix, in one sentence."""
    assert 1 == VALID.count(old), old
    text = VALID.replace(old, new)
    if "[entity]" not in text:
        text = text.replace('[velocity]\noften = { function = "count", window = "1h" }\n', "")
    with pytest.raises(SetupError) as raised:
        Declaration(text, "payout.toml").read()

    assert said in str(raised.value)
    assert str(raised.value).startswith("payout.toml, line ")


def test_another_declaration_has_another_layout() -> None:
    """So that no store's numbers are taken for others; none has none, so that stores of before are read."""
    layouts = {
        Declaration(VALID.replace(old, new), "payout.toml").read().weekly.layout
        for old, new in (
            ("", ""),
            ("days = 30", "days = 29"),
            ('risk = "float"', 'risk = "integer"'),
            ("USD", "JPY"),
        )
    }
    bare = VALID[: VALID.index("[weekly]")].replace(', "worst"', "")

    assert 4 == len(layouts)
    assert Declaration(bare, "payout.toml").read().weekly.layout == ""
