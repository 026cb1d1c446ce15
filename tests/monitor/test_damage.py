"""Damaged records are said by the health for an hour after the last one, with how many there were."""

import numpy as np

from fraudstream.deciding.dead_letters import UNDECODABLE
from fraudstream.metrics import BatchReport
from fraudstream.monitor.damage import DamageWatch
from fraudstream.monitor.recent_count import SAID_FOR_S


def report(undecodable: int) -> BatchReport:
    """Return what a micro-batch did that had so many undecodable records, beside others that are none of this watch's."""
    letters = {UNDECODABLE: undecodable, "not-json": 5} if undecodable else {"not-json": 5}
    return BatchReport(10, {"approve": 10}, np.zeros(10), 0.0, dead_letters=letters)


def said(watch: DamageWatch, now_s: float) -> list[str]:
    """Return the sentences there are at a time."""
    return [problem.sentence for problem in watch.problems(now_s)]


def test_damaged_records_are_counted_over_micro_batches_and_said_for_an_hour_after_the_last() -> None:
    """Other dead letters say nothing of a disk; what comes after a quiet hour is counted anew."""
    watch = DamageWatch()
    watch.batch(report(0), 10.0)
    assert [] == said(watch, 10.0)

    watch.batch(report(2), 20.0)
    watch.batch(report(0), 30.0)
    watch.batch(report(3), 40.0)
    assert ["records that Kafka keeps damaged have no decision: 5"] == said(watch, 39.0 + SAID_FOR_S)
    assert [] == said(watch, 40.0 + SAID_FOR_S)

    watch.batch(report(1), 50.0 + SAID_FOR_S)
    assert ["records that Kafka keeps damaged have no decision: 1"] == said(watch, 60.0 + SAID_FOR_S)


def test_damaged_records_degrade_the_health_and_it_says_where_they_are() -> None:
    """Also on a machine that has just started, whose monotonic clock is near 0."""
    watch = DamageWatch()
    watch.batch(report(1), 0.5)
    (problem,) = watch.problems(1.0)

    assert "degraded" == problem.severity
    assert "reason undecodable" in problem.remedy
