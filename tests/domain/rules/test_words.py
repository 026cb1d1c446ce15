"""What is offered to somebody who writes a condition can be written in one."""

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.rule_columns import rule_columns
from fraudstream.domain.rules import Rule
from fraudstream.domain.rules.words import FUNCTIONS, words

CARD = event_type_named("card")
COLUMNS = rule_columns(CARD, CARD.features)


@pytest.mark.parametrize("use", FUNCTIONS.values())
def test_a_function_that_is_offered_is_allowed(use: str) -> None:
    """In the way that is shown beside it."""
    Rule("r", f"({use}) IS NOT NULL", "review").check(COLUMNS)


def test_words_are_columns_lists_functions_and_operators() -> None:
    """Each says what it is."""
    found = {each.word: each for each in words(COLUMNS, ["deny"])}

    assert ("merchant", "variable, text") == (found["merchant"].typed, found["merchant"].what)
    assert "score, a number" == found["probability"].what
    assert "feature, a number" == found["amt_ratio1"].what
    assert "in_list('deny', " == found["deny"].typed
    assert "ABS(" == found["ABS"].typed
    assert "AND" in found
