"""Real workers' web servers: Faust's own, on free ports, without Kafka; the worker behind them is a small fake."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import faust
import msgspec
import numpy as np

from fraudstream import web
from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.search import ArchiveQuery, find
from fraudstream.metrics import BatchReport, Metrics
from fraudstream.monitor.recent import DecidedChunk, Decision, RecentDecisions
from fraudstream.monitor.timeline import Timeline
from fraudstream.process.ports import free_port

CARD = "98a587477db61478adb5dc479cab8acc"
QUIET_CARD = "0123456789abcdef0123456789abcdef"
ELSEWHERE = "ffffffffffffffffffffffffffffffff"
NOW_MS = 1_600_000_000_000
VERSIONS = web.Versions("0.1.0", "card-20200601", "default-1")


def a_decision(transaction_id: str, outcome: str = "approve", **changed: Any) -> dict[str, Any]:
    """A decision as it is published."""
    probability = {"approve": 0.02, "review": 0.61, "block": 0.934}[outcome]
    decision = {
        "transaction_id": transaction_id,
        "card": CARD,
        "card_last4": "2643",
        "event_time": NOW_MS,
        "amount": 12.5,
        "variables": {"merchant": "Corner shop", "zip_code": None},
        "features": {"amount": 12.5, "amt_ratio1": 0.21, "num_trans_last_10m": 4, "avg_amt_last_1w": 58.4},
        "probability": probability,
        "score": round(1000 * probability),
        "anomaly_score": None,
        "insight_score": 995 if probability > 0.25 else 40,
        "outcome": outcome,
        "fraud": outcome != "approve",
        "rules": [outcome],
        "reasons": [] if outcome == "approve" else ["4 payments within one minute", "the amount of 12.50"],
        "model_version": VERSIONS.model_version,
        "ruleset_version": VERSIONS.ruleset_version,
        "weekly_as_of": NOW_MS - NOW_MS % 86_400_000,
        "degraded": [],
        "decided_at": NOW_MS + 7,
        "timing_ms": {
            "parse": 0.2,
            "activity": 0.4,
            "weekly": 0.6,
            "decide": 1.1,
            "publish": 2.3,
            "store": 0.3,
        },
        "source": {"topic": "transactions", "partition": 1, "offset": crc32(transaction_id.encode())},
    }
    return {**decision, **changed}


def chunk_of(*decisions: dict[str, Any]) -> DecidedChunk:
    """A micro-batch of decisions."""
    outcomes = [decision["outcome"] for decision in decisions]
    return DecidedChunk(outcomes, [msgspec.json.encode(decision) for decision in decisions])


@dataclass
class FakeWorker:
    """A worker without Kafka: what its pages ask for is set by the test."""

    activity: dict[str, list[tuple[int, int]] | None] = field(default_factory=dict)
    decimals: int = 2
    entity: str = "card"
    weeks: dict[str, tuple[int, float, int]] = field(default_factory=dict)
    health: web.Health = field(default_factory=lambda: web.Health(recovered=True))
    peers: list[str] = field(default_factory=list)
    archive: Path = Path("/nonexistent")
    archive_answers: bool = True
    stalled_after_s: float = 30.0
    recent: RecentDecisions = field(default_factory=RecentDecisions)
    timeline: Timeline = field(default_factory=Timeline)
    metrics: Metrics = field(default_factory=Metrics)
    versions: web.Versions = field(default_factory=lambda: replace(VERSIONS))

    def decide(self, *decisions: dict[str, Any], at: float | None = None, latency_ms: float = 5.0) -> None:
        """Report decisions as the scoring agent would after a micro-batch."""
        outcomes = [decision["outcome"] for decision in decisions]
        self.recent.add(chunk_of(*decisions))
        self.report(
            BatchReport(
                payments=len(decisions),
                outcomes={outcome: outcomes.count(outcome) for outcome in outcomes},
                latency_ms=np.full(len(decisions), latency_ms),
                finished_at=time.time() if at is None else at,
            )
        )

    def report(self, report: BatchReport) -> None:
        """Report a micro-batch without decisions to look at."""
        self.timeline.batch(report)
        self.metrics.batch(report)

    def views(self) -> web.Views:
        """Return what the pages are given."""
        return web.Views(
            recent=self.recent,
            timeline=self.timeline,
            metrics=self.metrics,
            card_activity=lambda card: self.activity.get(card, []),
            weekly=self._weekly,
            health=lambda: self.health,
            peers=lambda: self.peers,
            archive=self._archived,
            versions=self.versions,
            stalled_after_s=self.stalled_after_s,
            decimals=self.decimals,
            entity=self.entity,
        )

    async def _archived(self, query: ArchiveQuery) -> list[Decision]:
        if not self.archive_answers:
            await asyncio.Event().wait()
        return await find(Lake(LocalObjects(self.archive)), query)

    async def _weekly(self, card: str) -> tuple[int, float, int] | None:
        return self.weeks.get(card)


@asynccontextmanager
async def serving(worker: FakeWorker, bind: str = "127.0.0.1", **options: Any) -> AsyncIterator[str]:
    """Run only the web service of a Faust app (no broker) and yield its address."""
    port = free_port(bind)
    settings = {"web_bind": bind, "web_host": "127.0.0.1", "web_port": port}
    app = faust.App("pages", broker="kafka://127.0.0.1:1", store="memory://", **settings)
    web.attach(app, worker.views(), **options)
    await app.web.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await app.web.stop()
