"""Which decisions are reviewed, and what their case says of itself."""

import msgspec
import pytest

from fraudstream.domain.review.intake import EVENT, Intake, joined, opened
from fraudstream.domain.times import DAY_MS
from tests.adapters.database.reviewed import INTAKE, decision, incoming

PASSED = {"outcome": "approve", "rules": [], "passed_rules": ["suspicious"]}


def test_outcome_review_what_was_let_through_by_chance_and_what_certain_rules_hold_for_is_reviewed() -> None:
    """Nothing else is: neither what is approved nor what is blocked."""
    other = [
        decision("t1", "card1", 10, 1, outcome="approve"),
        decision("t1", "card1", 10, 1, outcome="block"),
    ]
    reviewed = [
        decision("t1", "card1", 10, 1),
        decision("t1", "card1", 10, 1, **PASSED),
        decision("t1", "card1", 10, 1, outcome="block", rules=["other", "watched"]),
    ]

    assert [None, None] == [INTAKE.incoming(each) for each in other]
    assert [False, True, False] == [each.payment.blind for each in map(INTAKE.incoming, reviewed) if each]
    assert Intake("card", blind=False).incoming(reviewed[1]) is None


def test_most_decisions_are_told_apart_without_being_read() -> None:
    """A console reads every decision to find the few that were let through."""
    cheap = Intake("card")
    names = [
        cheap.may_be_reviewed(decision("t1", "card1", 10, 1, passed_rules=passed))
        for passed in ([], ["suspicious"])
    ]

    assert [False, True] == names
    assert INTAKE.may_be_reviewed(b"{}")


def test_a_case_is_blind_until_a_payment_joins_that_is_not() -> None:
    """And a blocked payment and a refund put no money at risk."""
    case = opened(incoming("t1", "card1", 10, 5, **PASSED), 9, DAY_MS)
    more = joined(case, incoming("t2", "card1", 20, 6, **PASSED).payment, 9)
    seen = joined(more, incoming("t3", "card1", 40, 7, outcome="block", rules=["watched"]).payment, 9)
    refund = joined(seen, incoming("t4", "card1", -40, 7).payment, 9)

    assert [True, True, False, False] == [each.blind for each in (case, more, seen, refund)]
    assert [10_000, 30_000, 30_000, 30_000] == [
        each.at_risk_thousandths for each in (case, more, seen, refund)
    ]


def test_a_payment_without_an_entity_is_reviewed_by_itself() -> None:
    """Its transaction id stands for the entity."""
    found = incoming("t1", None)

    assert (EVENT, "t1") == (found.entity_kind, found.entity)


def test_a_decision_of_a_clock_that_is_ahead_opens_a_case_of_now() -> None:
    """Otherwise it would wait at the end of the queue until that time has come."""
    assert 1_000 == opened(incoming("t1", "card1", decided_at=9_000), 1_000, 60).opened_at
    assert 560 == opened(incoming("t1", "card1", decided_at=500), 1_000, 60).due_at


def test_what_is_no_decision_is_refused() -> None:
    """Others may write to the topic."""
    with pytest.raises(msgspec.DecodeError):
        INTAKE.incoming(b"[]")
