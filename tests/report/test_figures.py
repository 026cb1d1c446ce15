"""Money, calibration and groups, on payments few enough to count by hand."""

import numpy as np
import pytest

from fraudstream.domain.times import DAY_MS
from fraudstream.report.calibration import calibration
from fraudstream.report.groups import counted, entity_precision, positions, segments, weekly_auc, weeks
from fraudstream.report.money import Costs, money
from tests.report.judged_of import judged

MONDAY_MS = 1_580_688_000_000
"""2020-02-03 00:00 UTC."""


def test_money_is_what_caught_frauds_are_worth_less_what_alerts_cost() -> None:
    """At 0.5: 300 saved, two alerts at 5, one angry customer at 20. At 0.25 another fraud of 4 costs more than it saves."""
    payments = judged([True, False, True, False], [0.9, 0.8, 0.3, 0.1], amounts=[300, 50, 4, 10])
    found = money(payments, Costs(review=5, hit_legitimate=20, saved_share=1))
    at = {threshold: place for place, threshold in enumerate(payments.thresholds)}

    assert 304 == found["fraud_amount"]
    assert (300, 30) == (found["saved"][at[0.5]], found["cost"][at[0.5]])
    assert (304, 35) == (found["saved"][at[0.25]], found["cost"][at[0.25]])
    assert 0.8 <= found["best_threshold"] < 0.9


def test_a_bin_has_its_mean_score_and_its_share_of_fraud() -> None:
    """Four payments between 0.2 and 0.3, one of them fraud; and one that is certain."""
    found = calibration(np.array([True, False, False, False, True]), np.array([0.2, 0.22, 0.26, 0.28, 1.0]))
    few, certain = found["bins"]

    assert (4, 0.24, 0.25) == (few["payments"], pytest.approx(few["score"]), few["fraud"])
    assert few["low"] < 0.25 < few["high"]
    assert (1, 1.0, 1.0) == (certain["payments"], certain["score"], certain["fraud"])
    assert pytest.approx((0.8**2 + 0.22**2 + 0.26**2 + 0.28**2) / 5) == found["brier"]


def test_weeks_begin_on_monday() -> None:
    """Sunday's last millisecond and Monday's first are in different ones."""
    payments = judged(
        [True, False, False, True, False],
        [0.9, 0.1, 0.2, 0.1, 0.3],
        times_ms=[MONDAY_MS - 1, MONDAY_MS - 2, MONDAY_MS, MONDAY_MS + 6 * DAY_MS, MONDAY_MS + 7 * DAY_MS],
    )
    grouping = weeks(payments)
    by_name = {group["name"]: group for group in counted(payments, grouping)["groups"]}
    at = payments.thresholds.tolist().index(0.25)

    assert ["2020-01-27", "2020-02-03", "2020-02-10"] == list(by_name)
    assert (2, 1, 1, 1) == tuple(
        by_name["2020-01-27"][k] if k in ("payments", "fraud") else by_name["2020-01-27"][k][at]
        for k in ("payments", "fraud", "alerts", "caught")
    )
    assert [1.0, 0.0, None] == weekly_auc(payments, grouping)


def test_a_frauds_position_is_counted_within_its_attack() -> None:
    """Two entities are attacked at once; what comes more than a day later on the first is another attack."""
    minute = 60_000
    timeline = [
        (0, 1, True, 1),
        (1 * minute, 2, True, 1),
        (2 * minute, 1, True, 2),
        (3 * minute, 1, False, 0),
        (4 * minute, 1, True, 3),
        (4 * minute + DAY_MS + 1, 1, True, 1),
    ]
    times_ms, entities, fraud, expected = (list(column) for column in zip(*timeline, strict=True))
    grouping = positions(judged(fraud, [0.5] * 6, times_ms=times_ms, entities=entities))

    assert grouping is not None
    assert expected == (grouping.of + 1).tolist()


def test_without_entities_there_are_no_attacks_and_no_best_entities() -> None:
    """As in creditcard.csv."""
    payments = judged([True, False], [0.9, 0.1])

    assert positions(payments) is None
    assert [] == entity_precision(payments)


def test_the_entities_with_the_highest_scores_of_a_day_are_looked_at() -> None:
    """Two a day: on the first day 7 (its best of two payments) and 8; 9's fraud is not found."""
    payments = judged(
        [False, True, False, True, False],
        [0.1, 0.9, 0.8, 0.5, 0.4],
        times_ms=[5, 6, 7, 8, DAY_MS],
        entities=[7, 7, 8, 9, 7],
    )

    assert [
        {"day": "1970-01-01", "looked_at": 2, "hits": 1, "with_fraud": 2},
        {"day": "1970-01-02", "looked_at": 1, "hits": 0, "with_fraud": 0},
    ] == entity_precision(payments, 2)


def test_variables_with_few_values_are_segments_in_order() -> None:
    """Numbers as numbers, missing last; a variable with more values than fit a table is none."""
    count = 40
    payments = judged(
        [True] + [False] * (count - 1),
        [0.5] * count,
        tries=[2, 10, None, *[1] * (count - 3)],
        shop=["b", "a", *["b"] * (count - 2)],
        device=[f"d{n}" for n in range(count)],
    )
    found = {grouping.name: grouping for grouping in segments(payments)}

    assert ["1", "2", "10", "(missing)"] == list(found["tries"].groups)
    assert [1, 2, 3, 0] == found["tries"].of[:4].tolist()
    assert ["a", "b"] == list(found["shop"].groups)
    assert "device" not in found
    assert count == sum(group["payments"] for group in counted(payments, found["hour (UTC)"])["groups"])
