"""Computes the demo's figures from the topics `decisions` and `labels`."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from fraudstream.adapters.kafka.tail import Record, Tail
from fraudstream.domain.labels import Label
from fraudstream.domain.labels import decode as decode_label
from fraudstream.domain.rules import is_alert

RECENT_S = 10.0
"""Span of the rate and the latencies that are shown while it runs."""

UNMATCHED_MAX = 100_000
"""Most decisions kept without a label, and labels kept without a decision."""

ALERTS_KEPT = 5
LATENCIES_KEPT = 500_000


class Decision(msgspec.Struct):
    """The fields of a decision that the scoreboard needs."""

    transaction_id: str
    card_last4: str
    event_time: int
    amount: float
    probability: float
    outcome: str
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Latency:
    """From the moment a payment was due to its decision read back, in ms."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The scoreboard at one moment; nothing in it changes any more, so any thread may read it."""

    rate: float
    latency: Latency | None
    decided: int
    alerts: int
    labelled: int
    precision: float | None
    recall: float | None
    latest: tuple[Decision, ...]


@dataclass(slots=True)
class Scoreboard:
    """Counts payments made since a moment (epoch ms); what an earlier demo left undecided does not count.

    Precision and recall count all payments, also the first of an attack, which nothing distinguishes from an honest one. The
    thread that draws the screen reads only `figures()`, because another thread counts meanwhile.
    """

    since_ms: int
    decided: int = 0
    alerts: int = 0
    labelled: int = 0
    fraud: int = 0
    caught: int = 0
    false_alarms: int = 0
    first_alert_at: float | None = None
    latest: deque[Decision] = field(default_factory=lambda: deque(maxlen=ALERTS_KEPT))
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    _recent: deque[tuple[float, float]] = field(default_factory=deque)
    _undecided: dict[str, bool] = field(default_factory=dict)
    _unlabelled: dict[str, bool] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def precision(self) -> float | None:
        """Share of labelled alerts that were fraud; None without any."""
        return self.caught / (self.caught + self.false_alarms) if self.caught + self.false_alarms else None

    @property
    def recall(self) -> float | None:
        """Share of labelled fraud that was an alert; None without any."""
        return self.caught / self.fraud if self.fraud else None

    @property
    def latency(self) -> Latency | None:
        """Latency over everything so far."""
        return _latency(self._latencies)

    def figures(self) -> Figures:
        """Return the figures of this moment; rate and latency are those of the last RECENT_S seconds."""
        with self._lock:
            horizon = time.monotonic() - RECENT_S
            while self._recent and self._recent[0][0] < horizon:
                self._recent.popleft()
            latencies_ms = [latency_ms for _, latency_ms in self._recent]
            return Figures(
                len(latencies_ms) / RECENT_S,
                _latency(latencies_ms),
                self.decided,
                self.alerts,
                self.labelled,
                self.precision,
                self.recall,
                tuple(self.latest),
            )

    def add_decision(self, decision: Decision, read_at: float) -> None:
        """Count a decision that was read at this epoch second."""
        if decision.event_time < self.since_ms:
            return
        with self._lock:
            self._count(decision, read_at)

    def _count(self, decision: Decision, read_at: float) -> None:
        self.decided += 1
        alert = is_alert(decision.outcome)
        if alert:
            self.alerts += 1
            self.latest.appendleft(decision)
            if self.first_alert_at is None:
                self.first_alert_at = read_at
        latency_ms = read_at * 1000 - decision.event_time
        self._latencies.append(latency_ms)
        self._recent.append((time.monotonic(), latency_ms))
        fraud = self._undecided.pop(decision.transaction_id, None)
        if fraud is None:
            _keep(self._unlabelled, decision.transaction_id, alert)
        else:
            self._match(alert=alert, fraud=fraud)

    def add_label(self, label: Label) -> None:
        """Count a label; one that is unsure says nothing."""
        fraud = label.fraud
        if fraud is None:
            return
        with self._lock:
            alert = self._unlabelled.pop(label.transaction_id, None)
            if alert is None:
                _keep(self._undecided, label.transaction_id, fraud)
            else:
                self._match(alert=alert, fraud=fraud)

    def _match(self, *, alert: bool, fraud: bool) -> None:
        self.labelled += 1
        self.fraud += fraud
        self.caught += alert and fraud
        self.false_alarms += alert and not fraud

    def facts(self) -> dict[str, Any]:
        """Return the figures for a script; latencies in ms."""
        latency = self.latency
        return {
            "decided": self.decided,
            "alerts": self.alerts,
            "fraud": self.fraud,
            "precision": self.precision,
            "recall": self.recall,
            "latency_ms": {"p50": latency.p50, "p99": latency.p99} if latency else None,
        }


async def read_decisions(tail: Tail, board: Scoreboard) -> None:
    """Count decisions for ever."""
    decode = msgspec.json.Decoder(Decision).decode
    while True:
        records: list[Record] = await tail.fetch()
        read_at = time.time()
        for record in records:
            if record.value is not None:
                board.add_decision(decode(record.value), read_at)


async def read_labels(tail: Tail, board: Scoreboard) -> None:
    """Count labels for ever."""
    while True:
        for record in await tail.fetch():
            if record.value is not None:
                board.add_label(decode_label(record.value))


def _latency(latencies_ms: Sequence[float]) -> Latency | None:
    if not latencies_ms:
        return None
    p50, p99 = np.percentile(latencies_ms, [50, 99])
    return Latency(round(float(p50), 1), round(float(p99), 1))


def _keep(waiting: dict[str, bool], key: str, value: bool) -> None:
    """Keep a decision or label without its counterpart; drop the oldest when there are too many."""
    waiting[key] = value
    if len(waiting) > UNMATCHED_MAX:
        waiting.pop(next(iter(waiting)))
