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
    EVENT_TIME,
    MODEL_VERSION,
    OUTCOME,
    REASONS,
    RULES,
    SHADOW_RULES,
    TRANSACTION_ID,
)
from fraudstream.domain.lists.table import NO_LISTS, Lists
from fraudstream.domain.local_days import day_begins_ms, day_ends_ms, local_day
from fraudstream.domain.rules import Ruleset, is_alert
from fraudstream.domain.times import DAY_MS, date_of, midnight_ms
from fraudstream.offline.history import OFFSET, dates_of
from fraudstream.offline.opening import PaymentFile

DAYS = 7
DAY = "(day)"
"""Column with the day of a payment, counted from 1970 on; variables have no such names."""
LABELS_BEFORE = timedelta(days=2)
"""Labels are read from so long before the first payment on: clocks differ, and nothing is known of what has not happened."""


@dataclass(frozen=True)
class Lately:
    """The newest days of an archive. `threshold`: what rules find in `fraud_threshold`, which the archive does not have."""

    directory: Path
    event_type: EventType
    threshold: float
    days: int = DAYS
    zone: str = "UTC"
    """Whose days they are."""
    clock: Callable[[], float] = time.monotonic

    @cached_property
    def dates(self) -> list[date]:
        """The days that may have decisions, the newest first, which has; raises SetupError if there are none, or it is no archive."""
        newest = dates_of(self.directory)[-1]
        files = self._files_of_folder(newest)
        if OFFSET not in PaymentFile(files[0], ()).stored:
            raise SetupError(
                f"{self.directory} is a history: its payments were not decided; try rules with: fraudstream backtest"
            )
        first, last = (
            local_day(ms, self.zone) for ms in (midnight_ms(newest), midnight_ms(newest) + DAY_MS - 1)
        )
        while first < last and not _decided_from(files, day_begins_ms(last, self.zone)):
            last -= timedelta(days=1)
        days = (last - timedelta(days=before) for before in range(self.days))
        return [day for day in days if self._files(day)]

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
        looked = 0
        for day in self.dates:
            if days and within_s is not None and self.clock() - began > within_s:
                break
            looked += 1
            frame = inputs.read(self._files(day), day_begins_ms(day, self.zone), day_ends_ms(day, self.zone))
            if days and not frame.height:
                continue  # its files have payments of the days beside it only
            days.insert(0, day)
            decisions += frame.height
            models |= set(frame[MODEL_VERSION.name].unique())
            parts.insert(0, _judged(frame, ruleset, lists).with_columns(pl.lit(_number(day)).alias(DAY)))
        if lacking := [name for name, number in inputs.lacking.items() if number == len(days)]:
            raise SetupError(
                f"archived decisions do not have {', '.join(lacking)}: no model took it; try this rule with: fraudstream backtest"
            )
        rows = pl.concat(parts, how="diagonal_relaxed")
        rows = Labels(self.directory, since=days[0] - LABELS_BEFORE).added_to(rows)
        return {
            "first_day": days[0].isoformat(),
            "last_day": days[-1].isoformat(),
            "zone": self.zone,
            "days_left_out": len(self.dates) - looked,
            "decisions": decisions,
            "models": sorted(models),
            **self._figures(ruleset, rows, days, capacity),
            "not_reproduced": list(_not_reproduced(inputs, models)),
            "seconds": self.clock() - began,
        }

    def fires(self) -> dict[str, int]:
        """Return how many decisions name each rule, also those that decided nothing."""
        counted: Counter[str] = Counter()
        days = self.dates
        since_ms, until_ms = day_begins_ms(days[-1], self.zone), day_ends_ms(days[0], self.zone)
        of_days = pl.col(EVENT_TIME.name).is_between(since_ms, until_ms, closed="left")
        for path in sorted({path for day in days for path in self._files(day)}):
            decisions = pl.scan_parquet(path, glob=False, hive_partitioning=False).filter(of_days)
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
        names = [rule.name for rule in ruleset.rules]
        after, before = Tally(names, day=pl.col(DAY)), Tally([], day=pl.col(DAY))
        changes = Changes()
        for tally in (after, before):
            tally.alerts_a_day.update(dict.fromkeys(map(_number, days), 0))
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
        """Return the files that may have payments of a day; folders are of days of UTC."""
        first, last = date_of(day_begins_ms(day, self.zone)), date_of(day_ends_ms(day, self.zone) - 1)
        folders = [first + timedelta(days=after) for after in range((last - first).days + 1)]
        return [path for folder in folders for path in self._files_of_folder(folder)]

    def _files_of_folder(self, day: date) -> list[Path]:
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


def _decided_from(files: list[Path], since_ms: int) -> bool:
    """Tell whether files have a payment of that time or later."""
    decisions = pl.scan_parquet(files, glob=False, hive_partitioning=False).select(EVENT_TIME.name)
    return decisions.filter(pl.col(EVENT_TIME.name) >= since_ms).head(1).collect().height > 0


def _number(day: date) -> int:
    """Return which day it is, counted from 1970 on."""
    return midnight_ms(day) // DAY_MS


def _not_reproduced(inputs: ArchivedInputs, models: set[str]) -> Iterator[str]:
    """Yield what of these figures may be otherwise than a backtest's, or than what will be."""
    if len(models) > 1:
        yield f"these payments were scored by models {', '.join(sorted(models))}: the rules are tried on the scores of then"
    for name, number in inputs.lacking.items():
        yield f"decisions of {number} of these days do not have {name}: what compares it does not hold there"
    if names := sorted({call.name for call in inputs.ruleset.calls}):
        yield f"rules ask the list{'s' * (len(names) > 1)} {', '.join(names)}: what is on it now counts, not what was on it then"
