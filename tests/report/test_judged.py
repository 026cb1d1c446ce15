"""Counts at every threshold the slider can stand on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from tests.report.judged_of import judged

SCORES = st.sampled_from([0.0, 0.004, 0.25, 0.25000001, 0.3, 0.5, 0.999, 1.0])


def test_the_versions_own_threshold_is_one_of_them() -> None:
    """And they go up from 0, where everything with a score is alerted."""
    payments = judged([True, False], [0.9, 0.1], threshold=0.123)

    assert 0.123 in payments.thresholds
    assert 0.0 == payments.thresholds[0]
    assert (np.diff(payments.thresholds) > 0).all()


@given(st.lists(st.tuples(st.booleans(), SCORES, st.integers(-1, 2), st.integers(0, 9)), max_size=60))
def test_alerts_are_the_payments_with_a_higher_score(rows: list[tuple[bool, float, int, int]]) -> None:
    """Per group and threshold, against counting one by one; payments of group -1 are in none."""
    rows = [(True, 0.3, 0, 1), (False, 0.3, 1, 1), *rows]
    fraud, scores, groups, weights = (list(column) for column in zip(*rows, strict=True))
    payments = judged(fraud, scores)

    counts = payments.alerted(np.array(groups), 3, payments.fraud)
    sums = payments.alerted(np.array(groups), 3, ~payments.fraud, np.array(weights, float))

    for group in range(3):
        for at, threshold in enumerate(payments.thresholds):
            assert sum(f and s > threshold for f, s, g, _ in rows if g == group) == counts[group, at]
            assert sum(w for f, s, g, w in rows if not f and s > threshold and g == group) == sums[group, at]


@pytest.mark.parametrize(("kind", "word"), [(True, "fraud"), (False, "legitimate")])
def test_payments_of_one_kind_cannot_be_compared(kind: bool, word: str) -> None:
    """The sentence says which kind, and what to do."""
    with pytest.raises(SetupError, match=f"all 2 payments to test with are {word}.*use a longer history"):
        judged([kind, kind], [0.1, 0.2])
