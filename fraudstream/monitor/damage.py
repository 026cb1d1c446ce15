"""Reports undecodable records in the health: they became dead letters, and their payments got no decision."""

from collections.abc import Iterator

from fraudstream.deciding.dead_letters import UNDECODABLE
from fraudstream.domain.problems import Problem
from fraudstream.metrics import BatchReport

SAID_FOR_S = 3600.0
"""How long after the last one the health reports them."""


class DamageWatch:
    """Counts the undecodable records of micro-batches; starts again after SAID_FOR_S without any."""

    def __init__(self) -> None:
        self._records = 0
        self._last_s = -SAID_FOR_S

    def batch(self, report: BatchReport, now_s: float) -> None:
        """Add a finished micro-batch; time in (monotonic) seconds."""
        if records := report.dead_letters.get(UNDECODABLE, 0):
            self._records = records + (self._records if self._said(now_s) else 0)
            self._last_s = now_s

    def problems(self, now_s: float) -> Iterator[Problem]:
        """Yield the problem, if there is one."""
        if self._said(now_s):
            yield Problem(
                "degraded",
                f"records that Kafka keeps damaged have no decision: {self._records}",
                "their places are in the topic dead-letters (reason undecodable); check the brokers' disks and have those "
                "payments sent again",
            )

    def _said(self, now_s: float) -> bool:
        return bool(self._records) and now_s - self._last_s < SAID_FOR_S
