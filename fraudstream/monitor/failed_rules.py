"""Reports in the health that rules could not be computed for some payments: they were taken not to hold."""

from collections.abc import Iterator

from fraudstream.domain.degraded import RULE_FAILED
from fraudstream.domain.problems import Problem
from fraudstream.metrics import BatchReport
from fraudstream.monitor.recent_count import RecentCount


class FailedRulesWatch:
    """Counts the payments of micro-batches for which a rule failed."""

    def __init__(self) -> None:
        self._payments = RecentCount()

    def batch(self, report: BatchReport, now_s: float) -> None:
        """Add a finished micro-batch; time in (monotonic) seconds."""
        self._payments.add(report.degraded.get(RULE_FAILED, 0), now_s)

    def problems(self, now_s: float) -> Iterator[Problem]:
        """Yield the problem, if there is one."""
        if payments := self._payments.at(now_s):
            yield Problem(
                "degraded",
                f"payments for which a rule could not be computed, so that it did not hold: {payments}",
                "their decisions have rule-failed in degraded; try the rules on one with: fraudstream rules test",
            )
