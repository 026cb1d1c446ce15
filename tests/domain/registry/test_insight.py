"""The score that says how rare an event is among legitimate ones."""

from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.registry.insight import (
    ANCHORS,
    STEP,
    InsightScale,
    false_positive_rate,
)

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=400)


def scale_of(legitimate: list[float]) -> InsightScale:
    """Return a scale of these legitimate events and a fraud, which does not count."""
    labels = np.array([False] * len(legitimate) + [True])
    return InsightScale.measured(labels, np.array([*legitimate, 1.0]))


def insight_score(probability: float, scale: InsightScale) -> int:
    """Return the score of one event."""
    return int(scale.scores(np.array([probability]))[0])


@given(PROBABILITIES, PROBABILITIES)
def test_scores_of_many_are_those_of_one_looked_up_in_a_list(
    legitimate: list[float], probabilities: list[float]
) -> None:
    """By bisection, with Python's numbers."""
    scale = scale_of(legitimate)
    expected = []
    for probability in probabilities:
        place = bisect_right(scale.thresholds, probability) - 1
        points = 0
        if place < len(scale.thresholds) - 1:
            low, high = scale.thresholds[place : place + 2]
            points = min(STEP - 1, int((probability - low) / (high - low) * STEP))
        expected.append(place * STEP + points)

    assert expected == scale.scores(np.array(probabilities)).tolist()
    assert [] == scale.scores(np.zeros(0)).tolist()


@given(PROBABILITIES)
def test_no_more_legitimate_events_reach_a_score_than_it_says(legitimate: list[float]) -> None:
    """At most 10 % reach 600, 2 % reach 900, and so on for every anchor; counted one by one."""
    scale = scale_of(legitimate)
    scores = [insight_score(each, scale) for each in legitimate]

    for score, share in ANCHORS:
        assert sum(each >= score for each in scores) <= share * len(legitimate) + 1e-9, score


def test_of_many_events_as_many_reach_a_score_as_it_says() -> None:
    """20,000 different probabilities: 10 % at 600, 2 % at 900."""
    scale = scale_of((np.arange(20_000) / 20_000).tolist())
    scores = np.array([insight_score(each / 20_000, scale) for each in range(20_000)])

    for score, share in ANCHORS[1:-1]:
        assert pytest.approx(share, abs=0.0002) == (scores >= score).mean()


@given(PROBABILITIES, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_probability_never_has_a_lower_score(
    legitimate: list[float], one: float, other: float
) -> None:
    """And every score is between 0 and 1000."""
    scale = scale_of(legitimate)
    low, high = (insight_score(each, scale) for each in sorted([one, other]))

    assert 0 <= low <= high <= 1000


@given(PROBABILITIES)
def test_a_scale_is_read_from_a_manifest_as_it_was_written(legitimate: list[float]) -> None:
    """Its thresholds are those from which a score begins."""
    scale = scale_of(legitimate)

    assert scale == InsightScale.of(scale.described())
    for score in range(0, 1000, 100):
        threshold = scale.threshold(score)
        if scale.threshold(score + STEP) > threshold:
            assert score <= insight_score(threshold, scale)


def test_a_damaged_scale_is_refused() -> None:
    """Thresholds rise from 0; and there must have been somebody to measure."""
    described = scale_of([0.1, 0.2]).described()
    with pytest.raises(ValueError, match="must rise from 0"):
        InsightScale.of(described | {"thresholds": [0.5, *described["thresholds"][1:-1], 0.1]})
    with pytest.raises(ValueError, match="no legitimate event"):
        InsightScale.measured(np.array([True]), np.array([0.5]))


def test_between_the_anchors_the_share_falls_evenly() -> None:
    """Half-way from 600 to 700, half-way from 10 to 7 %."""
    assert pytest.approx(0.085) == false_positive_rate(650)
