"""Rules that cannot be computed are said by the health for an hour after the last payment, with how many there were."""

import numpy as np

from fraudstream.domain.degraded import LATE, RULE_FAILED
from fraudstream.metrics import BatchReport
from fraudstream.monitor.failed_rules import FailedRulesWatch
from fraudstream.monitor.recent_count import SAID_FOR_S


def report(failed: int) -> BatchReport:
    """Return what a micro-batch did in which a rule failed for so many payments, and five others were late."""
    degraded = {LATE: 5} | ({RULE_FAILED: failed} if failed else {})
    return BatchReport(10, {"approve": 10}, np.zeros(10), 0.0, degraded=degraded)


def said(watch: FailedRulesWatch, now_s: float) -> list[str]:
    """Return the sentences there are at a time."""
    return [problem.sentence for problem in watch.problems(now_s)]


def test_payments_for_which_rules_fail_are_counted_and_said_for_an_hour() -> None:
    """Also on a machine that has just started, whose monotonic clock is near 0; late payments are none of them."""
    watch = FailedRulesWatch()
    watch.batch(report(0), 0.5)
    assert [] == said(watch, 0.6)

    watch.batch(report(2), 20.0)
    watch.batch(report(3), 40.0)
    expected = "payments for which a rule could not be computed, so that it did not hold: 5"
    assert [expected] == said(watch, 39.0 + SAID_FOR_S)
    assert [] == said(watch, 40.0 + SAID_FOR_S)
