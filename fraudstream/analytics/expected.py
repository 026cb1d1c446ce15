"""How many labels are still to come: what is known now of each day, and what will be known once its labels are as old as any.

Labels of a day come over weeks. How they came for older days says how many are still to come for newer ones: the chain-ladder method
of insurers (Mack 1993, "Distribution-free calculation of the standard error of chain ladder reserve estimates"). It assumes that labels
come as fast as they did; a day without any label so far has no estimate.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from fraudstream.analytics.decided import Decided
from fraudstream.domain.times import DAY_MS

LONGEST_DAYS = 180
"""After so long no label is expected any more: disputes end after 120 days (see fraudstream.world.late_labels)."""

Delays = Mapping[date, Mapping[int, int]]
"""Day of payments -> days until a label became known -> how many."""


@dataclass(frozen=True, slots=True)
class ToCome:
    """Labels of a day's payments: known now, and expected in the end (None: too new to say)."""

    known: int
    expected: float | None


def label_delays(decided: Decided, only_fraud: bool = False) -> Delays:
    """Return how long after their payments the labels came that count now."""
    kind = "known_fraud" if only_fraud else "labelled"
    known, paid = decided.local_ms("known_at", LONGEST_DAYS * DAY_MS), decided.local_ms()
    rows = decided.rows(
        f"""SELECT {decided.period()} AS day, greatest(0, {known} // {DAY_MS} - {paid} // {DAY_MS}) AS waited,
  count(*) FILTER ({kind}) AS labels FROM decided GROUP BY ALL"""
    )
    found: defaultdict[date, dict[int, int]] = defaultdict(dict)
    for row in rows:
        of_day = found[row["day"]]
        if row["waited"] is not None and row["labels"]:
            of_day[row["waited"]] = row["labels"]
    return found


def to_come(delays: Delays, today: date) -> dict[date, ToCome]:
    """Return what is known and expected of each day, seen from `today`."""
    cumulated = {day: _cumulated(waits, (today - day).days) for day, waits in delays.items() if day <= today}
    longest = max(map(len, cumulated.values()), default=0)
    factors = []
    for age in range(longest - 1):
        old = [known for known in cumulated.values() if len(known) > age + 1]
        before, after = sum(known[age] for known in old), sum(known[age + 1] for known in old)
        factors.append(after / before if before else 1.0)
    found = {}
    for day, known in cumulated.items():
        expected = float(known[-1])
        for factor in factors[len(known) - 1 :]:
            expected *= factor
        found[day] = ToCome(known[-1], expected if known[-1] else None)
    return found


def median_wait_days(delays: Delays) -> float | None:
    """Return how many days half of the labels took at most; None without labels."""
    total: defaultdict[int, int] = defaultdict(int)
    for waits in delays.values():
        for waited, labels in waits.items():
            total[waited] += labels
    half, seen = sum(total.values()) / 2, 0
    for waited in sorted(total):
        seen += total[waited]
        if seen >= half:
            return float(waited)
    return None


def _cumulated(waits: Mapping[int, int], age: int) -> list[int]:
    """Return how many labels were known at the end of day 0, 1, 2, … after the payments, up to `age`."""
    known, seen = [], 0
    for waited in range(min(age, LONGEST_DAYS) + 1):
        seen += waits.get(waited, 0)
        known.append(seen)
    return known


def by_period(found: Mapping[date, ToCome], period: str) -> dict[str, ToCome]:
    """Return the same of weeks or months, by their first day; one with a day that is too new to say is, too."""
    summed: dict[str, ToCome] = {}
    for day, each in found.items():
        start = {
            "day": day,
            "week": date.fromordinal(day.toordinal() - day.weekday()),
            "month": day.replace(day=1),
        }[period]
        before = summed.get(str(start), ToCome(0, 0.0))
        together = (
            None
            if None in (before.expected, each.expected)
            else (before.expected or 0.0) + (each.expected or 0.0)
        )
        summed[str(start)] = ToCome(before.known + each.known, together)
    return summed
