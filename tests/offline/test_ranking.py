"""Areas under curves, against scikit-learn and against their definition; and how certain they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from fraudstream.offline.evaluate import recall_at
from fraudstream.offline.ranking import Ranking, intervals, thinned

EXACT = 1e-12
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), min_size=2, max_size=80)


def split(rows: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores with at least one payment of each kind."""
    labels, scores = zip(*[(True, 7), (False, 7), *rows], strict=True)
    return np.array(labels), np.array(scores) / 30


@given(ROWS)
def test_areas_are_those_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    """With as many ties as possible."""
    fraud, scores = split(rows)
    curve = Ranking.of(fraud, scores).curve()

    assert roc_auc_score(fraud, scores) == pytest.approx(curve.auc(), abs=EXACT)
    assert average_precision_score(fraud, scores) == pytest.approx(curve.average_precision(), abs=EXACT)


@given(ROWS)
def test_auc_is_the_chance_that_a_fraud_has_the_higher_score(rows: list[tuple[bool, int]]) -> None:
    """Every pair is compared; a tie counts half."""
    fraud, scores = split(rows)
    pairs = [(f > o) + (f == o) / 2 for f in scores[fraud] for o in scores[~fraud]]

    assert sum(pairs) / len(pairs) == pytest.approx(Ranking.of(fraud, scores).curve().auc(), abs=EXACT)


@given(ROWS, st.data())
def test_a_payment_that_counts_three_times_is_three_payments(
    rows: list[tuple[bool, int]], data: st.DataObject
) -> None:
    """What the bootstrap draws is a test set of its own."""
    fraud, scores = split(rows)
    times = np.array([1, 1, *data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))])
    weighted = Ranking.of(fraud, scores).curve(times.astype(float))
    repeated = Ranking.of(fraud.repeat(times), scores.repeat(times)).curve()

    assert repeated.auc() == pytest.approx(weighted.auc(), abs=EXACT)
    assert repeated.average_precision() == pytest.approx(weighted.average_precision(), abs=EXACT)
    assert repeated.recall_at_alerts(100) == pytest.approx(weighted.recall_at_alerts(100), abs=EXACT)


@given(ROWS, st.sampled_from([1.0, 33.0, 100.0, 250.0]))
def test_recall_at_a_budget_is_the_share_of_fraud_among_so_many_alerts(
    rows: list[tuple[bool, int]], per_1000: float
) -> None:
    """Whole alerts, one at least; ties at the last place count with the share that fits. By the partition, without a curve."""
    fraud, scores = split(rows)
    budget = max(int(len(scores) * per_1000 / 1000), 1)
    last = np.partition(scores, -budget)[-budget]
    above, tied = scores > last, scores == last
    share = (budget - above.sum()) / tied.sum()
    expected = ((above & fraud).sum() + share * (tied & fraud).sum()) / fraud.sum()

    assert expected == pytest.approx(recall_at(fraud, scores, per_1000), abs=EXACT)


def test_recall_at_one_false_positive_in_a_hundred() -> None:
    """Two of three frauds are above the highest of 100 legitimate payments, the third below the second highest."""
    fraud = np.array([True] * 3 + [False] * 100)
    scores = np.array([0.99, 0.98, 0.965, 0.97, 0.96, *np.linspace(0, 0.5, 98)])

    assert 1.0 == Ranking.of(fraud, scores).curve().recall_at_false_positive_rate()
    assert pytest.approx(2 / 3) == Ranking.of(fraud, scores).curve().recall_at_false_positive_rate(0.005)


def test_an_interval_holds_the_figure_and_is_wider_where_payments_of_an_attack_go_together() -> None:
    """40 attacks of 25 payments that score alike are 40 observations, not 1,000."""
    generator = np.random.default_rng(3)
    attacks = generator.normal(1.0, 1.0, 40).repeat(25)
    scores = np.concatenate([attacks, generator.normal(0.0, 1.0, 9000)])
    fraud = np.arange(len(scores)) < len(attacks)
    entities = np.concatenate([np.arange(40).repeat(25), np.arange(40, 9040)])
    ranking = Ranking.of(fraud, scores)
    auc = ranking.curve().auc()

    alone, together = intervals(ranking, None)["auc"], intervals(ranking, entities)["auc"]

    assert alone[0] < auc < alone[1]
    assert together[0] < auc < together[1]
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=300))
def test_a_thinned_curve_keeps_its_ends_and_stays_within_a_pixel(points: list[tuple[float, float]]) -> None:
    """No point of the whole curve is further from the kept point before it than a step."""
    x, y = np.sort([p[0] for p in points]), np.sort([p[1] for p in points])
    kept_x, kept_y = thinned(x, y, 50)

    assert (round(x[0], 6), round(y[0], 6)) == (kept_x[0], kept_y[0])
    assert (round(x[-1], 6), round(y[-1], 6)) == (kept_x[-1], kept_y[-1])
    for px, py in zip(x, y, strict=True):
        assert (
            min(max(abs(px - kx), abs(py - ky)) for kx, ky in zip(kept_x, kept_y, strict=True)) <= 1.01 / 50
        )
