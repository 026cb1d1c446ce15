"""What rules mention, of a day's archived decisions: as it was known when each payment came."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.backtest.payments import WAS
from fraudstream.domain.events.amounts import rounded_units
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import (
    AMOUNT,
    CARD,
    CARD_LAST4,
    CENTS,
    EVENT_TIME,
    FRAUD_THRESHOLD,
    MODEL_VERSION,
    OUTCOME,
    RULESET_VERSION,
    SCORE,
    TRANSACTION_ID,
    Column,
    Type,
)
from fraudstream.domain.rule_columns import rule_columns
from fraudstream.domain.rules import Ruleset

READ = (TRANSACTION_ID, EVENT_TIME, AMOUNT, CARD, CARD_LAST4, OUTCOME, SCORE, MODEL_VERSION)
"""Columns that are read whatever rules mention."""


@dataclass
class ArchivedInputs:
    """Reads them for one ruleset. `threshold`: what rules find in `fraud_threshold`, which the archive does not have."""

    event_type: EventType
    ruleset: Ruleset
    threshold: float
    lacking: dict[str, int] = field(default_factory=dict)
    """Columns that rules mention and that decisions of some days do not have -> of how many days."""

    @property
    def asked(self) -> list[str]:
        """The columns that rules mention."""
        calls = {call.column.name: call.variable for call in self.ruleset.calls}
        return list(dict.fromkeys([calls.get(name, name) for name in sorted(self.ruleset.mentioned)]))

    def read(self, files: Sequence[Path], since_ms: int, until_ms: int) -> pl.DataFrame:
        """Return the decisions of a day, from files in order of arrival; `was_outcome` was published."""
        made, types = self._made(), self._types
        wanted = [
            name for name in dict.fromkeys([column.name for column in READ] + self.asked) if name not in made
        ]
        of_day = pl.col(EVENT_TIME.name).is_between(since_ms, until_ms, closed="left")
        parts, lacking = list[pl.DataFrame](), set[str]()
        for there, alike in groupby(files, _names):
            decisions = pl.scan_parquet(list(alike), glob=False, hive_partitioning=False).filter(of_day)
            part = decisions.select(
                (pl.col(name) if name in there else pl.lit(None)).cast(types[name]).alias(name)
                for name in wanted
            ).collect()
            lacking |= set(wanted) - there if part.height else set()
            parts.append(part)
        for name in lacking & set(self.asked):
            self.lacking[name] = self.lacking.get(name, 0) + 1
        frame = pl.concat(parts)
        cents = rounded_units(frame[AMOUNT.name].to_numpy(), self.event_type.money.decimals)
        return frame.rename({OUTCOME.name: WAS + OUTCOME.name}).with_columns(
            CENTS.series(cents), *(column.constant(value, frame.height) for column, value in made.values())
        )

    @property
    def _types(self) -> dict[str, Type]:
        rules = rule_columns(self.event_type, self.event_type.features)
        return rules | {column.name: column.dtype for column in READ}

    def _made(self) -> dict[str, tuple[Column, Any]]:
        """Return what is not read, because it is the same for all payments."""
        values = ((FRAUD_THRESHOLD, self.threshold), (RULESET_VERSION, self.ruleset.version))
        return {column.name: (column, value) for column, value in values}


@lru_cache(10_000)
def _names(path: Path) -> frozenset[str]:
    """Return the columns of a file; an archive's file never changes."""
    return frozenset(pl.read_parquet_schema(path))
