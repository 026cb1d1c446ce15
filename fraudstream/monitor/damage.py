"""Reports undecodable records in the health: they became dead letters, and their payments got no decision."""

from collections.abc import Iterator

from fraudstream.deciding.dead_letters import UNDECODABLE
from fraudstream.domain.problems import Problem
from fraudstream.metrics import BatchReport
from fraudstream.monitor.recent_count import RecentCount


class DamageWatch:
    """Counts the undecodable records of micro-batches."""

    def __init__(self) -> None:
        self._records = RecentCount()

    def batch(self, report: BatchReport, now_s: float) -> None:
        """Add a finished micro-batch; time in (monotonic) seconds."""
        self._records.add(report.dead_letters.get(UNDECODABLE, 0), now_s)

    def problems(self, now_s: float) -> Iterator[Problem]:
        """Yield the problem, if there is one."""
        if records := self._records.at(now_s):
            yield Problem(
                "degraded",
                f"records that Kafka keeps damaged have no decision: {records}",
                "their places are in the topic dead-letters (reason undecodable); check the brokers' disks and have those "
                "payments sent again",
            )
