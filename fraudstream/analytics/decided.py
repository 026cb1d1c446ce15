"""Decided payments with what became of them, as SQL: what every question here selects from.

`decided` has the archive's columns, those that some files lack as null, and the columns of MADE. A killed worker decides some payments
twice, with equal decisions; the first counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudstream.adapters.archive.filters import Filter
from fraudstream.adapters.archive.sql import read_parquet
from fraudstream.analytics.filters import condition
from fraudstream.analytics.local_clocks import local_ms
from fraudstream.analytics.newest_labels import ALWAYS_MS, ID, NEWEST
from fraudstream.domain.features.schema import (
    CARD,
    DECIDED_IN_MS,
    PASSED_RULES,
    PROPENSITY,
    RELEASE,
    SHADOW_RULES,
    SOURCE_NUMBER,
)
from fraudstream.domain.rules import APPROVE
from fraudstream.offline.label_report import BLOCK

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

IF_THERE: Mapping[str, str] = {
    CARD.name: "VARCHAR",
    SOURCE_NUMBER.name: "INTEGER",
    DECIDED_IN_MS.name: "FLOAT",
    RELEASE.name: "VARCHAR",
    PASSED_RULES.name: "VARCHAR[]",
    SHADOW_RULES.name: "VARCHAR[]",
    PROPENSITY.name: "DOUBLE",
}
"""Columns that an archive may lack."""

PLACE = "source_topic, source_partition, source_offset, coalesce(source_number, 0)"
"""Where a payment came from."""

MADE: Mapping[str, tuple[str, str]] = {
    "is_fraud": ("BOOLEAN", "known.is_fraud"),
    "known_at": ("BIGINT", "known.known_at"),
    "alert": ("BOOLEAN", f"outcome <> '{APPROVE}'"),
    "blocked": ("BOOLEAN", f"outcome = '{BLOCK}'"),
    "labelled": ("BOOLEAN", "known.is_fraud IS NOT NULL"),
    "known_fraud": ("BOOLEAN", "coalesce(known.is_fraud, false)"),
    "known_legitimate": ("BOOLEAN", "NOT coalesce(known.is_fraud, true)"),
    "held": ("BOOLEAN", f"outcome <> '{APPROVE}' OR coalesce(len(passed_rules), 0) > 0"),
    "weight": ("DOUBLE", f"CASE WHEN outcome = '{BLOCK}' THEN 0.0 ELSE 1.0 / coalesce(propensity, 1.0) END"),
}
"""What is added to the archive's columns: type and expression. `held`: a rule held, though it may have let the payment through;
`weight`: of how many payments a let-through one is the picture (see fraudstream.offline.label_report)."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which decisions are asked about: event times in epoch ms (`until_ms` not included), filters, until when labels count, and whose days."""

    since_ms: int
    until_ms: int
    filters: tuple[Filter, ...] = ()
    known_until_ms: int | None = None
    zone: str = "UTC"
    """The time zone that days, weeks and months are cut by."""


@dataclass(frozen=True)
class Decided:
    """Answers questions about the decisions in some files by SQL. `units`: minor units of the amounts.

    The database has the tables `labels`, and `doubled`: places and offsets of decisions that were made again.
    """

    database: "DuckDBPyConnection"
    paths: Sequence[Path]
    archived: Mapping[str, str]
    """Column of the files -> DuckDB's type."""
    units: int
    question: Question
    has_doubled: bool = False
    values: list[Any] = field(default_factory=list, init=False)

    @property
    def columns(self) -> dict[str, str]:
        """All columns of `decided` with their types."""
        made = {name: kind for name, (kind, _) in MADE.items()}
        return {**IF_THERE, **self.archived, **made, "cents": "BIGINT"}

    def local_ms(self, column: str = "event_time", later_ms: int = 0) -> str:
        """Return SQL of a column of moments as clocks of the question's zone show it, in ms; up to `later_ms` after its payments."""
        asked = self.question
        return local_ms(column, asked.zone, asked.since_ms, asked.until_ms + later_ms)

    def period(self, name: str = "day") -> str:
        """Return SQL of the first day of a payment's day, week (from Monday on) or month."""
        return f"CAST(date_trunc('{name}', make_timestamp({self.local_ms()} * 1000)) AS DATE)"

    def rows(self, select: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return what a SELECT from `decided` selects; `values` are those of its parameters, and come after ours."""
        opened, own = self.opened()
        found = self.database.execute(f"{opened} {select}", [*own, *values])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def opened(self) -> tuple[str, list[Any]]:
        """Return the SQL that a SELECT is put behind, and its values."""
        asked = self.question
        said, values = condition(asked.filters, self.columns)
        missing = [
            f"CAST(NULL AS {kind}) AS {name}" for name, kind in IF_THERE.items() if name not in self.archived
        ]
        payments = ", ".join(["*", *missing])
        once = (
            f" WHERE ({PLACE}, decision_offset) NOT IN (SELECT ({PLACE}, decision_offset) FROM doubled)"
            if self.has_doubled
            else ""
        )
        made = ", ".join(f"{sql} AS {name}" for name, (_, sql) in MADE.items())
        until = ALWAYS_MS if asked.known_until_ms is None else asked.known_until_ms
        known = "newest_labels" if asked.known_until_ms is None else f"({NEWEST.format(until=until)})"
        sql = f"""WITH payments AS (
  SELECT {payments} FROM {read_parquet(self.paths)}
), once AS (SELECT * FROM payments{once}
), joined AS (
  SELECT once.*, {made}, CAST(round_even(amount * {self.units}, 0) AS BIGINT) AS cents
  FROM once LEFT JOIN {known} known ON {ID} = known.id
  WHERE event_time >= {asked.since_ms} AND event_time < {asked.until_ms}
), decided AS (SELECT * FROM joined WHERE {said})"""
        return sql, values
