"""Short series of scores: the last score, frauds every ten seconds, and the mean score of what is and is not fraud, over five minutes.

Fraud is here what the detector says when it decides, since no label is known yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from fraudstream.analytics.decided import Decided

STEP_MS = 10_000
LENGTH_MS = 5 * 60_000


class Scored(NamedTuple):
    """A decision, as the series needs it."""

    time_ms: int
    score: int
    fraud: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Ten seconds."""

    start_ms: int
    payments: int = 0
    fraud: int = 0
    mean_fraud_score: float | None = None
    mean_other_score: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Five minutes in steps, the oldest first, and the newest decision of them."""

    steps: tuple[Step, ...]
    last: Scored | None


def series_of(decisions: Iterable[Scored], now_ms: int) -> Series:
    """Return the series of the five minutes that end with the step of `now_ms`; other decisions are left out."""
    end_ms = now_ms - now_ms % STEP_MS + STEP_MS
    starts = range(end_ms - LENGTH_MS, end_ms, STEP_MS)
    scores: dict[int, tuple[list[int], list[int]]] = {start_ms: ([], []) for start_ms in starts}
    last = None
    for each in decisions:
        of_step = scores.get(each.time_ms - each.time_ms % STEP_MS)
        if of_step is None:
            continue
        of_step[each.fraud].append(each.score)
        if last is None or each.time_ms >= last.time_ms:
            last = each
    steps = [
        Step(start_ms, len(other) + len(fraud), len(fraud), _mean(fraud), _mean(other))
        for start_ms, (other, fraud) in scores.items()
    ]
    return Series(tuple(steps), last)


def newest_archived(decided: Decided) -> tuple[Series, int] | None:
    """Return the series that ends with the newest archived decision, and the time of that (epoch ms); None without any."""
    (row,) = decided.rows("SELECT max(decided_at) AS newest FROM decided")
    if row["newest"] is None:
        return None
    found = decided.rows(
        "SELECT decided_at, score, fraud FROM decided WHERE decided_at > ? ORDER BY decided_at, decision_offset",
        [row["newest"] - LENGTH_MS],
    )
    scored = (Scored(each["decided_at"], each["score"], each["fraud"]) for each in found)
    return series_of(scored, row["newest"]), row["newest"]


def _mean(scores: list[int]) -> float | None:
    return sum(scores) / len(scores) if scores else None
