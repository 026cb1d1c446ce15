"""Reports a finished micro-batch to metrics and pages, a moment after it is acknowledged."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from fraudstream.agents.assignment import Assignment
from fraudstream.agents.micro_batch import MicroBatch
from fraudstream.agents.outputs import Output
from fraudstream.agents.shadow import Shadow
from fraudstream.deciding.decider import Decided
from fraudstream.metrics import BatchReport
from fraudstream.monitor.recent import DecidedChunk
from fraudstream.process.exits import crash

REPORT_AFTER_S = 0.002
"""Reporting takes a third of a millisecond; under load this moves it to when the next micro-batch waits for brokers."""

Report = Callable[[BatchReport, DecidedChunk], None]


class Reporter:
    """Makes the report of a micro-batch, and gives it to `report`."""

    def __init__(self, report: Report, assignment: Assignment, shadow: Shadow | None = None) -> None:
        self._report = report
        self._shadow = shadow
        self._assignment = assignment

    def soon(self, batch: MicroBatch, decided: Decided, output: Output) -> None:
        """Report a micro-batch that is durable now."""
        later = asyncio.get_running_loop().call_later
        later(REPORT_AFTER_S, self._tell, time.time(), batch, decided, output)

    def _tell(self, finished_at: float, batch: MicroBatch, decided: Decided, output: Output) -> None:
        try:
            report = self._report_of(finished_at, batch, decided, output)
            self._report(report, DecidedChunk(output.outcomes, output.encoded))
            if self._shadow is not None:
                self._shadow.offer(decided.events)
        except Exception:  # noqa: BLE001 - a worker that cannot say what it does must not go on
            crash("reporting failed")

    def _report_of(
        self, finished_at: float, batch: MicroBatch, decided: Decided, output: Output
    ) -> BatchReport:
        timestamps = np.array([record.timestamp for record in output.records], dtype=np.float64)
        return BatchReport(
            payments=len(output.encoded),
            outcomes=Counter(output.outcomes),
            latency_ms=finished_at * 1000 - timestamps,
            finished_at=finished_at,
            degraded=decided.degraded,
            dead_letters=Counter(letter.reason for letter in output.dead),
            undeclared=batch.undeclared,
            repartitioned=batch.repartitioned,
            stage_ms=decided.stage_ms,
            offsets={
                (tp.topic, tp.partition): (offset, self._assignment.end(tp))
                for tp, offset in batch.sources.items()
            },
        )
