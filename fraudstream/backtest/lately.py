"""What rules would have done in the last days, within seconds: they are judged on what archived decisions say was known.

`Backtest` computes windows, weeks, features and scores anew. Where nothing but rules changes, the archive has them already, as
they were when each payment came. So only the columns that rules mention are read, and the same compiled rules judge them.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from fraudstream.backtest.archived_inputs import ArchivedInputs
from fraudstream.backtest.changes import Changes
from fraudstream.backtest.labelled import Labels
from fraudstream.backtest.payments import WAS
from fraudstream.backtest.tally import Tally
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import units_of
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import (
    MODEL_VERSION,
    OUTCOME,
    REASONS,
    RULES,
    SHADOW_RULES,
    TRANSACTION_ID,
)
from fraudstream.domain.lists.table import NO_LISTS, Lists
from fraudstream.domain.rules import Ruleset, is_alert
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.offline.history import OFFSET, dates_of
from fraudstream.offline.opening import PaymentFile

DAYS = 7
LABELS_BEFORE = timedelta(days=2)
"""Labels are read from so long before the first payment on: clocks differ, and nothing is known of what has not happened."""


@dataclass(frozen=True)
class Lately:
    """The newest days of an archive. `threshold`: what rules find in `fraud_threshold`, which the archive does not have."""

    directory: Path
    event_type: EventType
    threshold: float
    days: int = DAYS
    clock: Callable[[], float] = time.monotonic

    @cached_property
    def dates(self) -> list[date]:
        """The days that have decisions, the newest first; raises SetupError if there are none, or it is no archive."""
        known = dates_of(self.directory)
        if OFFSET not in PaymentFile(self._files(known[-1])[0], ()).stored:
            raise SetupError(
                f"{self.directory} is a history: its payments were not decided; try rules with: fraudstream backtest"
            )
        return [day for day in reversed(known) if known[-1] - timedelta(days=self.days) < day]

    def tried(
        self,
        ruleset: Ruleset,
        lists: Lists = NO_LISTS,
        capacity: int | None = None,
        within_s: float | None = None,
    ) -> dict[str, Any]:
        """Return what a ruleset would have done; raises SetupError if it mentions what archived decisions do not have.

        Figures are those of `Backtest`, by the same names. `capacity`: alerts that can be reviewed a day. `within_s`: days that would
        begin later are left out, the oldest first; the newest is always there.
        """
        began = self.clock()
        inputs = ArchivedInputs(self.event_type, ruleset, self.threshold)
        days, decisions, models, parts = list[date](), 0, set[str](), list[pl.DataFrame]()
        for day in self.dates:
            if days and within_s is not None and self.clock() - began > within_s:
                break
            frame = inputs.read(self._files(day))
            days.insert(0, day)
            decisions += frame.height
            models |= set(frame[MODEL_VERSION.name].unique())
            parts.insert(0, _judged(frame, ruleset, lists))
        if lacking := [name for name, number in inputs.lacking.items() if number == len(days)]:
            raise SetupError(
                f"archived decisions do not have {', '.join(lacking)}: no model took it; try this rule with: fraudstream backtest"
            )
        rows = pl.concat(parts, how="diagonal_relaxed")
        rows = Labels(self.directory, since=days[0] - LABELS_BEFORE).added_to(rows)
        return {
            "first_day": days[0].isoformat(),
            "last_day": days[-1].isoformat(),
            "days_left_out": len(self.dates) - len(days),
            "decisions": decisions,
            "models": sorted(models),
            **self._figures(ruleset, rows, days, capacity),
            "not_reproduced": list(_not_reproduced(inputs, models)),
            "seconds": self.clock() - began,
        }

    def fires(self) -> dict[str, int]:
        """Return how many decisions name each rule, also those that decided nothing."""
        counted: Counter[str] = Counter()
        for day in self.dates:
            for path in self._files(day):
                decisions = pl.scan_parquet(path, glob=False, hive_partitioning=False)
                there = set(decisions.collect_schema().names())
                for column in (RULES, SHADOW_RULES):
                    if column.name in there:
                        named = decisions.select(pl.col(column.name).explode().alias("rule")).drop_nulls()
                        counted.update(dict(named.group_by("rule").len().collect().iter_rows()))
        return dict(counted)

    def _figures(
        self, ruleset: Ruleset, rows: pl.DataFrame, days: list[date], capacity: int | None
    ) -> dict[str, Any]:
        """Return what the rules would have done with payments that are or were alerts, or that rules hold for."""
        after, before, changes = Tally([rule.name for rule in ruleset.rules]), Tally([]), Changes()
        for tally in (after, before):
            tally.alerts_a_day.update(dict.fromkeys((midnight_ms(day) // DAY_MS for day in days), 0))
        after.add(rows)
        nothing = RULES.series([[]]).new_from_index(0, rows.height)
        before.add(rows.with_columns(pl.col(WAS + OUTCOME.name).alias(OUTCOME.name), nothing))
        changes.add(rows, lambda some: REASONS.series([[]]).new_from_index(0, some.height))
        units = units_of(self.event_type.money.decimals)
        figures = after.told(units, capacity)
        return {
            **_of_alerts(figures),
            "rules": figures["rules"],
            "overlap": figures["overlap"],
            "archived": _of_alerts(before.told(units, capacity)),
            "changes": changes.told(units)["changes"],
        }

    def _files(self, day: date) -> list[Path]:
        return sorted((self.directory / f"date={day}").glob("*.parquet"))


def as_if_active(ruleset: Ruleset, name: str) -> Ruleset:
    """Return a ruleset in which a rule decides, whatever its state."""
    rules = [
        msgspec.structs.replace(rule, state="active") if rule.name == name else rule for rule in ruleset.rules
    ]
    return Ruleset(rules, ruleset.mode)


def _of_alerts(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of alerts, without those that need the labels of all other payments, too."""
    alerts = figures["alerts"]
    now = {key: alerts["now"][key] for key in alerts["now"] if key not in ("recall", "missed_fraud_amount")}
    return {
        "alerts": {"payments": alerts["payments"], "amount": alerts["amount"], "now": now},
        "alerts_a_day": figures["alerts_a_day"],
    }


def _judged(frame: pl.DataFrame, ruleset: Ruleset, lists: Lists) -> pl.DataFrame:
    """Judge payments, and return those that are or were alerts, or that rules hold for.

    One that was sent again has the same decision, and counts once.
    """
    concerned = pl.Series(ruleset.concerned(frame, lists)) | is_alert(frame[WAS + OUTCOME.name])
    some = frame.filter(concerned).unique(TRANSACTION_ID.name, keep="first", maintain_order=True)
    judged = ruleset.judge(some, lists)
    alert = is_alert(judged[OUTCOME.name]) | is_alert(judged[WAS + OUTCOME.name])
    return judged.filter(alert | (judged[RULES.name].list.len() > 0))


def _not_reproduced(inputs: ArchivedInputs, models: set[str]) -> Iterator[str]:
    """Yield what of these figures may be otherwise than a backtest's, or than what will be."""
    if len(models) > 1:
        yield f"these payments were scored by models {', '.join(sorted(models))}: the rules are tried on the scores of then"
    for name, number in inputs.lacking.items():
        yield f"decisions of {number} of these days do not have {name}: what compares it does not hold there"
    if names := sorted({call.name for call in inputs.ruleset.calls}):
        yield f"rules ask the list{'s' * (len(names) > 1)} {', '.join(names)}: what is on it now counts, not what was on it then"
