"""Seconds, rates and percentiles of the last fifteen minutes."""

import numpy as np
import pytest

from fraudstream.metrics import BatchReport
from fraudstream.monitor.timeline import KEPT_S, Timeline

NOON = 1_600_000_000


def report(at: float, latency_ms: list[float], **counts: int) -> BatchReport:
    """A micro-batch finished at a time."""
    return BatchReport(
        payments=len(latency_ms),
        outcomes=counts,
        latency_ms=np.array(latency_ms, dtype=float),
        finished_at=at,
    )


def test_seconds_are_summed_and_quiet_ones_are_zero():
    """The running second is not shown: it would look like a drop."""
    timeline = Timeline()
    timeline.batch(report(NOON + 0.1, [5.0, 5.0], approve=2))
    timeline.batch(report(NOON + 0.9, [5.0], block=1))
    timeline.batch(report(NOON + 2.0, [5.0], approve=1))
    timeline.batch(report(NOON + 3.0, [5.0], approve=1))
    series = timeline.series(4, NOON + 3.5)

    assert [NOON - 1, NOON, NOON + 1, NOON + 2] == series["time"]
    assert [0, 2, 0, 1] == series["approve"]
    assert [0, 1, 0, 0] == series["block"]
    assert series["p50_ms"][0] is None


@pytest.mark.parametrize("batches", [50, 2000], ids=["many payments each", "few"])
def test_percentiles_are_within_three_percent_of_numpy_s(batches: int):
    """Over several seconds and batches, from 0.2 ms to minutes."""
    timeline = Timeline()
    latency_ms = np.random.default_rng(7).lognormal(2.0, 1.5, 20_000).clip(0.2)
    for number, part in enumerate(np.array_split(latency_ms, batches)):
        timeline.batch(report(NOON + 5 * number / batches, part.tolist(), approve=part.size))
    span = timeline.span(10, NOON + 10)

    assert 20_000 == span.payments
    assert np.percentile(latency_ms, 50) == pytest.approx(span.p50_ms, rel=0.03)
    assert np.percentile(latency_ms, 99) == pytest.approx(span.p99_ms, rel=0.03)


def test_a_time_without_payments_has_no_latency():
    """None, which is not zero."""
    span = Timeline().span(60, NOON)

    assert 0 == span.payments
    assert span.p99_ms is None


def test_the_ring_forgets_what_is_older_than_itself():
    """A slot that is used again starts at zero; totals stay."""
    timeline = Timeline()
    timeline.batch(report(NOON, [1.0], approve=7))
    timeline.batch(report(NOON + KEPT_S, [1.0], approve=1, review=2))
    span = timeline.span(KEPT_S, NOON + KEPT_S + 1)

    assert 3 == span.payments
    assert 2 == span.alerts
    assert {"approve": 8, "review": 2, "block": 0} == {
        k: timeline.totals[k] for k in ("approve", "review", "block")
    }


def test_latency_that_is_not_a_positive_number_does_no_harm():
    """A producer's clock ahead of ours gives negative latencies."""
    timeline = Timeline()
    timeline.batch(report(NOON, [-5.0, float("nan"), 0.0, 1e9], approve=4))
    span = timeline.span(5, NOON + 1)

    assert 0.1 == pytest.approx(span.p50_ms, rel=0.03)
    assert 4 == span.payments
