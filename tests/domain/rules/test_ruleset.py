"""What rules ask for, and what becomes of an event for which several hold."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl
import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.rules.outcomes import OUTCOMES

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = 1_772_366_400_000
LARGE = Rule("large", "amount > 100", "review")
HUGE = Rule("huge", "amount > 1000", "block")
KNOWN = Rule("known", "shop = 'ours'", "approve", overrides=True)


def judged(ruleset: Ruleset, amount: float = 5000.0, shop: str = "", at_ms: int = NOON_MS) -> dict[str, Any]:
    """Return what is said of one event."""
    event = {"transaction_id": "t1", "event_time": at_ms, "amount": amount, "shop": shop}
    return ruleset.judge(pl.DataFrame([event])).drop(*event).row(0, named=True)


def test_an_old_ruleset_keeps_its_version() -> None:
    """Decisions of before name it."""
    assert "7fe8b41d1700" == Ruleset([LARGE, HUGE]).version
    assert Ruleset([LARGE, HUGE]).version != Ruleset([HUGE, LARGE]).version


@pytest.mark.parametrize(
    "change",
    [
        {"priority": 1},
        {"tags": ("a",)},
        {"reason": "r"},
        {"expires_at": NOON},
        {"pass_share": 0.1},
        {"state": "paused"},
    ],
)
def test_every_key_is_part_of_the_version(change: dict[str, Any]) -> None:
    """A version is its content."""
    assert Ruleset([LARGE]).version != Ruleset([msgspec.structs.replace(LARGE, **change)]).version


def test_a_ruleset_is_read_from_its_description() -> None:
    """As releases keep it, with every key."""
    rule = Rule("r", "amount > 1", "review", 3, ("t", "u"), "why", "me", NOON, 0.25, "shadow")
    described = Ruleset([rule, LARGE], "first_match").described()
    again = Ruleset.of_description(msgspec.json.decode(msgspec.json.encode(described)))

    assert {"name": "large", "when": "amount > 100", "outcome": "review"} == described["rules"][1]
    assert (rule, LARGE) == again.rules
    assert Ruleset([rule, LARGE], "first_match").version == again.version


def test_the_strictest_outcome_wins_unless_a_rule_overrides() -> None:
    """Allow beats block where a rule says so, and only there."""
    ruleset = Ruleset([KNOWN, LARGE, HUGE])

    assert {"rules": ["large", "huge"], "outcome": "block"} == judged(ruleset)
    assert {"rules": ["known", "large", "huge"], "outcome": "approve"} == judged(ruleset, shop="ours")


def test_in_first_match_the_first_rule_that_holds_decides_alone() -> None:
    """By priority, then by order."""
    urgent = Rule("urgent", "amount > 2000", "approve", priority=5)

    assert {"rules": ["large"], "outcome": "review"} == judged(Ruleset([LARGE, HUGE], "first_match"))
    assert {"rules": ["urgent"], "outcome": "approve"} == judged(Ruleset([LARGE, urgent], "first_match"))


def test_rules_are_named_by_priority_and_then_in_their_order() -> None:
    """So are they looked at."""
    urgent = Rule("urgent", "amount > 2000", "approve", priority=5)

    assert ["urgent", "large", "huge"] == judged(Ruleset([LARGE, HUGE, urgent]))["rules"]


@pytest.mark.parametrize("state", ["paused", "draft"])
def test_a_rule_that_is_paused_or_a_draft_does_not_judge(state: Any) -> None:
    """Nor is it named."""
    ruleset = Ruleset([LARGE, msgspec.structs.replace(HUGE, state=state)])

    assert {"rules": ["large"], "outcome": "review"} == judged(ruleset)


def test_a_shadow_rule_is_named_and_decides_nothing() -> None:
    """Beside the rules, so that nobody takes it for one that decided."""
    ruleset = Ruleset([LARGE, msgspec.structs.replace(HUGE, state="shadow")])

    assert {"rules": ["large"], "outcome": "review", "shadow_rules": ["huge"]} == judged(ruleset)
    assert {"rules": [], "outcome": "approve", "shadow_rules": []} == judged(ruleset, 1.0)


def test_a_rule_ends_by_the_events_own_time() -> None:
    """Whenever an event is decided, or decided again."""
    ruleset = Ruleset([msgspec.structs.replace(LARGE, expires_at=NOON)])

    assert ["large"] == judged(ruleset, at_ms=NOON_MS - 1)["rules"]
    assert [] == judged(ruleset, at_ms=NOON_MS)["rules"]


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (Rule("n" * 129, "amount > 1", "review"), "has a name of 129 characters; at most 128"),
        (Rule("a", "amount > 1" + " " * 100_000, "review"), "has 100,010 characters; at most 10,000: split it"),
        (Rule("a", "amount > 1", "review", pass_share=1.0), "has pass_share 1.0: write a share from 0 to below 1; to stop it, pause it"),
        (Rule("a", "amount > 1", "review", reason="r" * 1001), "1,000 characters in its reason, owner or a tag"),
    ],
)  # fmt: skip
def test_a_rule_beyond_its_limits_is_refused(rule: Rule, complaint: str) -> None:
    """With what to do instead."""
    with pytest.raises(SetupError, match=complaint):
        Ruleset([rule])


def test_a_ruleset_beyond_its_limits_is_refused() -> None:
    """A thousand rules are evaluated for every event."""
    with pytest.raises(SetupError, match="there are 1,001 rules; at most 1,000"):
        Ruleset([Rule(f"r{number}", "amount > 1", "review") for number in range(1001)])
    with pytest.raises(SetupError, match="give it a higher priority instead"):
        Ruleset([KNOWN], "first_match")


def test_the_outcomes_are_ordered() -> None:
    """From mildest to strictest."""
    assert ("approve", "review", "block") == OUTCOMES
