"""Counts what a detector's decisions are worth, rule by rule and in total, added up slice after slice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.backtest.labelled import NOW, THEN
from fraudstream.domain.features.schema import CENTS, EVENT_TIME, OUTCOME, RULES
from fraudstream.domain.rules import OUTCOMES, is_alert
from fraudstream.domain.times import DAY_MS

LABELS: Mapping[str, str] = {"then": THEN, "now": NOW}
Bools = npt.NDArray[np.bool_]


@dataclass
class Caught:
    """Payments that a rule, or all together, ask something for; money in minor units."""

    payments: int = 0
    cents: int = 0
    fraud: Counter[str] = field(default_factory=Counter)
    fraud_cents: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    good_cents: Counter[str] = field(default_factory=Counter)

    def add(self, frame: pl.DataFrame, which: Bools | None = None) -> None:
        """Add those of some payments which are meant."""
        meant = frame if which is None else frame.filter(which)
        self.payments += meant.height
        self.cents += int(meant[CENTS.name].sum())
        for name, column in LABELS.items():
            fraud, good = (
                meant[CENTS.name].filter((meant[column] == said).fill_null(value=False))
                for said in (True, False)
            )
            self.fraud[name] += len(fraud)
            self.fraud_cents[name] += int(fraud.sum())
            self.good[name] += len(good)
            self.good_cents[name] += int(good.sum())

    def add_counted(self, other: "Caught") -> None:
        """Add what was counted elsewhere."""
        self.payments += other.payments
        self.cents += other.cents
        for name in LABELS:
            self.fraud[name] += other.fraud[name]
            self.fraud_cents[name] += other.fraud_cents[name]
            self.good[name] += other.good[name]
            self.good_cents[name] += other.good_cents[name]

    def told(self, units: float) -> dict[str, Any]:
        """Return it for a report."""
        return {"payments": self.payments, "amount": self.cents / units} | {
            name: {
                "fraud": self.fraud[name],
                "fraud_amount": self.fraud_cents[name] / units,
                "good": self.good[name],
                "good_amount": self.good_cents[name] / units,
                "unlabelled": self.payments - self.fraud[name] - self.good[name],
                "precision": _share(self.fraud[name], self.fraud[name] + self.good[name]),
            }
            for name in LABELS
        }


@dataclass
class Tally:
    """The decisions of one detector; `rules` are those it has."""

    rules: Sequence[str]
    everything: Caught = field(default_factory=Caught)
    alerts: Caught = field(default_factory=Caught)
    outcomes: dict[str, Caught] = field(default_factory=lambda: {outcome: Caught() for outcome in OUTCOMES})
    by_rule: dict[str, Caught] = field(default_factory=dict)
    alone: dict[str, Caught] = field(default_factory=dict)
    overlap: Counter[tuple[str, str]] = field(default_factory=Counter)
    alerts_a_day: Counter[int] = field(default_factory=Counter)
    """Days since 1970 -> alerts; days without any are there, too."""
    day: pl.Expr = field(default_factory=lambda: pl.col(EVENT_TIME.name) // DAY_MS)
    """The day of a payment."""

    def add(self, decided: pl.DataFrame) -> None:
        """Add decided payments with their labels."""
        alert = is_alert(decided[OUTCOME.name])
        self.everything.add(decided)
        self.alerts.add(decided, alert.to_numpy())
        for outcome, caught in self.outcomes.items():
            caught.add(decided, (decided[OUTCOME.name] == outcome).to_numpy())
        day = decided.select(self.day).to_series()
        counted = pl.DataFrame({"day": day, "alert": alert}).group_by("day").agg(pl.col("alert").sum())
        for number, alerts in counted.iter_rows():
            self.alerts_a_day[number] += alerts
        self._add_rules(decided.filter(pl.col(RULES.name).list.len() > 0))

    def add_counted(self, other: "Tally") -> None:
        """Add what was counted elsewhere, of later payments."""
        self.everything.add_counted(other.everything)
        self.alerts.add_counted(other.alerts)
        for mine, theirs in (
            (self.outcomes, other.outcomes),
            (self.by_rule, other.by_rule),
            (self.alone, other.alone),
        ):
            for name, caught in theirs.items():
                mine.setdefault(name, Caught()).add_counted(caught)
        for names, payments in other.overlap.items():
            self.overlap[names] += payments
        for day, alerts in other.alerts_a_day.items():
            self.alerts_a_day[day] += alerts

    def _add_rules(self, matched: pl.DataFrame) -> None:
        names = list(
            dict.fromkeys(
                [*self.rules, *matched[RULES.name].explode().drop_nulls().unique(maintain_order=True)]
            )
        )
        holds = {name: matched[RULES.name].list.contains(name).to_numpy() for name in names}
        number = sum(holds.values(), np.zeros(matched.height, np.int64))
        for name, held in holds.items():
            self.by_rule.setdefault(name, Caught()).add(matched, held)
            self.alone.setdefault(name, Caught()).add(matched, held & (number == 1))
        for place, name in enumerate(names):
            for other in names[place + 1 :]:
                self.overlap[name, other] += int((holds[name] & holds[other]).sum())

    def told(self, units: float, capacity: int | None) -> dict[str, Any]:
        """Return the figures for a report."""
        total_fraud = self.everything.fraud
        totals = self.alerts.told(units)
        for name in LABELS:
            totals[name]["recall"] = _share(self.alerts.fraud[name], total_fraud[name])
            missed = self.everything.fraud_cents[name] - self.alerts.fraud_cents[name]
            totals[name]["missed_fraud_amount"] = missed / units
        return {
            "decided": self.everything.told(units),
            "alerts": totals,
            "outcomes": {outcome: caught.payments for outcome, caught in self.outcomes.items()},
            "rules": [
                {"rule": name, **caught.told(units), "only_this_rule": self.alone[name].told(units)}
                for name, caught in self.by_rule.items()
            ],
            "overlap": [
                {"rules": list(names), "payments": payments}
                for names, payments in self.overlap.items()
                if payments
            ],
            "alerts_a_day": self._a_day(capacity),
        }

    def _a_day(self, capacity: int | None) -> dict[str, Any]:
        """Return how many alerts there are a day, and on how many days more than can be reviewed."""
        alerts = np.array([*self.alerts_a_day.values()] or [0], np.int64)
        over = np.maximum(alerts - (capacity or 0), 0)
        return {
            "days": len(self.alerts_a_day),
            "mean": float(alerts.mean()),
            "most": int(alerts.max()),
            "capacity": capacity,
            "days_over_capacity": None if capacity is None else int((over > 0).sum()),
            "alerts_over_capacity": None if capacity is None else int(over.sum()),
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
