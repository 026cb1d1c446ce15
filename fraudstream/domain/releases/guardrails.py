"""Whether a canary decides so differently from the champion that it must not go on.

Entities are counted, not events: a canary decides whole entities, and one card under attack has many alerts.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fraudstream.domain.rules import is_alert

SCORE_BINS = 10
SCORES = 1001


@dataclass(frozen=True, slots=True)
class Limits:
    """What a canary may do."""

    ratio: float = 2.0
    """How many times the champion's share of entities with alerts, or with degraded decisions, and how small a part of it."""
    z: float = 4.0
    """How many standard errors beyond that; four, because it is looked at again and again."""
    drift: float = 0.25
    """Population stability index of its scores; above 0.25 they are commonly called shifted."""
    p99_ms: float = 1000.0
    """From a record's timestamp to its decision."""
    entities_min: int = 200
    """Of the canary; before, nothing is said."""


@dataclass(slots=True)
class Side:
    """What the champion, or the canary, decided."""

    entities: set[str] = field(default_factory=set)
    alerted: set[str] = field(default_factory=set)
    degraded: set[str] = field(default_factory=set)
    scores: list[int] = field(default_factory=lambda: [0] * SCORES)
    latency_ms: Counter[int] = field(default_factory=Counter)
    """Whole milliseconds -> decisions."""

    def add(self, decision: Mapping[str, Any]) -> None:
        """Add a published decision."""
        entity = decision["card"] or decision["transaction_id"]
        self.entities.add(entity)
        if is_alert(decision["outcome"]):
            self.alerted.add(entity)
        if decision["degraded"]:
            self.degraded.add(entity)
        self.scores[min(max(decision["score"], 0), SCORES - 1)] += 1
        self.latency_ms[round(sum(decision["timing_ms"].values()))] += 1

    @property
    def p99_ms(self) -> int:
        """99 of 100 decisions took at most this long."""
        slower = self.latency_ms.total() / 100
        for ms in sorted(self.latency_ms, reverse=True):
            slower -= self.latency_ms[ms]
            if slower < 0:
                return ms
        return 0


def tripped(champion: Side, canary: Side, limits: Limits) -> Iterator[str]:
    """Yield a sentence for each guardrail that a canary has hit."""
    seen = len(canary.entities)
    if seen < limits.entities_min or len(champion.entities) < limits.entities_min:
        return
    alerts, usual = len(canary.alerted), len(champion.alerted)
    of = f"of {seen:,} entities, and the champion {usual:,} of {len(champion.entities):,}"
    if _exceeds(alerts, seen, usual, len(champion.entities), limits):
        yield f"alert rate: it alerts {alerts:,} {of}: more than {limits.ratio:g} times as often"
    if _exceeds(usual, len(champion.entities), alerts, seen, limits):
        yield f"alert rate: it alerts {alerts:,} {of}: less than 1/{limits.ratio:g} as often"
    lacking = len(canary.degraded)
    if _exceeds(lacking, seen, len(champion.degraded), len(champion.entities), limits):
        yield f"degraded: decisions of {lacking:,} of its {seen:,} entities lack something, more than {limits.ratio:g} times as often"
    shifted = stability_index(champion.scores, canary.scores)
    if shifted > limits.drift:
        yield f"scores: their population stability index is {shifted:.2f}, and may be {limits.drift:g}"
    if canary.p99_ms > limits.p99_ms:
        yield f"latency: 99 of 100 of its decisions took {canary.p99_ms:,} ms, and may take {limits.p99_ms:g}"


def _exceeds(some: int, of: int, usual: int, among: int, limits: Limits) -> bool:
    """Tell whether a share is more than `ratio` times another, beyond chance.

    Each share is moved towards a half by one more of each kind, so that none and all have an error, too.
    """
    share, other = (some + 1) / (of + 2), (usual + 1) / (among + 2)
    error = math.sqrt(share * (1 - share) / of + limits.ratio**2 * other * (1 - other) / among)
    return share - limits.ratio * other > limits.z * error


def stability_index(usual: list[int], now: list[int]) -> float:
    """Return the population stability index of scores, in bins that have a tenth of the usual ones each, as far as they can.

    Each bin has half a score more than it has, so that empty ones are finite.
    """
    total, bins, filled = sum(usual), [[0.5, 0.5]], 0
    for before, after in zip(usual, now, strict=True):
        if filled >= total / SCORE_BINS and len(bins) < SCORE_BINS:
            bins.append([0.5, 0.5])
            filled = 0
        bins[-1][0] += before
        bins[-1][1] += after
        filled += before
    sums = [sum(each[side] for each in bins) for side in (0, 1)]
    shares = [(before / sums[0], after / sums[1]) for before, after in bins]
    return sum((after - before) * math.log(after / before) for before, after in shares)
