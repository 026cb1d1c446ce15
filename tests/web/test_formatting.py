"""How numbers, times and decisions are written."""

import doctest

from fraudstream.domain.degraded import LATE, ROTATED, RULE_FAILED, WARMING
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.weekly import STALE, UNKNOWN
from fraudstream.web import formatting


def test_the_examples_in_the_docstrings_hold():
    """They are the specification."""
    outcome = doctest.testmod(formatting)

    assert 0 == outcome.failed
    assert outcome.attempted >= 9


def test_what_has_no_words_is_shown_as_it_is():
    """A new rule outcome, feature, stage or reason must not break a page."""
    assert ["x"] * 4 == [
        write("x")
        for write in (formatting.outcome, formatting.feature, formatting.stage, formatting.degraded)
    ]


def test_every_feature_has_a_name_for_people():
    """What a decision publishes is shown on its page."""
    assert [] == [name for name in FEATURES if formatting.feature(name) == name]


def test_everything_a_decision_may_lack_has_words():
    """A code would not be understood."""
    lacked = (LATE, ROTATED, WARMING, RULE_FAILED, STALE, *UNKNOWN)

    assert [] == [why for why in lacked if formatting.degraded(why) == why]


def test_no_probability_is_shown_as_100_percent():
    """A probability of 1 is shown as more than 99.9 %."""
    sure = {"outcome": "block", "amount": 12.5, "probability": 1.0, "card_last4": "0366"}

    assert "The model sees a > 99.9 % chance of fraud." in formatting.headline(sure)
