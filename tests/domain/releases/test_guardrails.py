"""When a canary has to stop: rates beyond chance, other scores, slow decisions; and that it goes on where nothing differs."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from fraudstream.domain.releases.guardrails import Limits, Side, stability_index, tripped

LIMITS = Limits()


def decision(entity: str, outcome: str = "approve", score: int = 10, **changed: Any) -> dict[str, Any]:
    """Return what guardrails read of a decision."""
    usual = {
        "transaction_id": entity,
        "card": entity,
        "degraded": [],
        "timing_ms": {"queued": 5, "decide": 2.5},
    }
    return usual | {"outcome": outcome, "score": score} | changed


def side(decisions: Iterable[dict[str, Any]]) -> Side:
    """Return what one of the two decided."""
    found = Side()
    for each in decisions:
        found.add(each)
    return found


def rate(share: float, entities: int, seed: int = 1) -> Side:
    """Return a side that alerts so many entities by chance, with scores that have nothing to do with it."""
    chance = random.Random(seed)
    return side(
        decision(
            f"{seed}-{number}", "review" if chance.random() < share else "approve", chance.randrange(1001)
        )
        for number in range(entities)
    )


def said(champion: Side, canary: Side, limits: Limits = LIMITS) -> list[str]:
    """Return which guardrails were hit."""
    return [sentence.partition(":")[0] for sentence in tripped(champion, canary, limits)]


def test_equal_releases_go_on_whatever_chance_does() -> None:
    """A hundred pairs with the same rate; none is stopped."""
    assert [] == [
        seed for seed in range(0, 200, 2) if said(rate(0.02, 2000, seed), rate(0.02, 300, seed + 1))
    ]


def test_a_canary_that_alerts_too_often_is_stopped() -> None:
    """20 % instead of 2 %: it takes 300 entities to see it, always."""
    assert 50 == sum(
        ["alert rate"] == said(rate(0.02, 5000, 1), rate(0.2, 300, seed)) for seed in range(2, 52)
    )


def test_a_canary_that_alerts_nothing_is_stopped() -> None:
    """A model that lets all pass is as bad."""
    assert ["alert rate"] == said(rate(0.05, 5000, 1), rate(0.0, 2000, 2))


def test_with_few_entities_nothing_is_said() -> None:
    """Whatever they are."""
    assert [] == said(rate(0.02, 5000, 1), rate(1.0, 199, 2))


def test_one_entity_under_attack_is_one_entity() -> None:
    """A thousand alerts of one card do not stop a canary."""
    canary = rate(0.02, 400, 2)
    for _ in range(1000):
        canary.add(decision("attacked", "block", 900))

    assert "alert rate" not in said(rate(0.02, 5000, 1), canary)


def test_degraded_decisions_stop_it() -> None:
    """More often than the champion's."""
    chance = random.Random(3)
    canary = side(
        decision(f"c{number}", score=chance.randrange(1001), degraded=["weekly-missing"])
        for number in range(300)
    )

    assert ["degraded"] == said(rate(0.0, 1000), canary)


def test_shifted_scores_stop_it() -> None:
    """Also where the alerts are the same."""
    chance = random.Random(4)
    canary = side(decision(f"c{number}", score=chance.randrange(300)) for number in range(400))

    assert ["scores"] == said(rate(0.0, 1000), canary)


def test_slow_decisions_stop_it() -> None:
    """By the 99th percentile."""
    canary = rate(0.0, 300, 2)
    for number in range(10):
        canary.add(decision(f"2-{number}", timing_ms={"queued": 5000.0}))

    assert ["latency"] == said(rate(0.0, 1000), canary)


@pytest.mark.parametrize("scores", [[0] * 1000 + [1], [7] * 1001, list(range(1001))])
def test_equal_scores_are_stable(scores: list[int]) -> None:
    """Whatever they are: the index of a distribution with itself is nothing."""
    assert 0 == pytest.approx(stability_index(scores, scores))
