"""The nightly job's SQL with what an event type declares: one text for DuckDB and Spark."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly_aggregates import (
    AMOUNT,
    NOTHING_DECLARED,
    SUMMED_MAX,
    Number,
    Weekly,
    WeeklyAggregates,
)
from fraudstream.domain.windows.cells import Kind

ALONE = "tid IS NULL AND transaction_id IS NULL"
"""Where every payment is a different one."""


@dataclass(frozen=True, slots=True)
class Value:
    """A variable that aggregates are computed of."""

    name: str
    kind: Kind
    default: str | Number
    number: int

    @property
    def given_column(self) -> str:
        """The column of `payments` with it as the history has it."""
        return f"given_{self.number}"

    @property
    def column(self) -> str:
        """The column of `counted` with a payment's value."""
        return f"value_{self.number}"

    @property
    def default_column(self) -> str:
        """The column of `week` with its default."""
        return f"default_{self.number}"

    @property
    def type(self) -> str:
        """Its type in SQL."""
        return {"string": "STRING", "float": "DOUBLE"}.get(self.kind, "BIGINT")

    @property
    def cleaned(self) -> str:
        """A payment's value: the default where it has none, without NaN and -0.0."""
        given = f"COALESCE(CAST({self.given_column} AS {self.type}), week.{self.default_column})"
        if self.kind != "float":
            return given
        return f"CASE WHEN isnan({given}) THEN NULL WHEN {given} = 0 THEN CAST(0 AS DOUBLE) ELSE {given} END"

    def whole(self, units: int) -> str:
        """The whole number that is added up, null beyond SUMMED_MAX; a float is rounded half to even, as amounts are."""
        if self.kind != "float":
            return f"CASE WHEN {self.column} BETWEEN -{SUMMED_MAX} AND {SUMMED_MAX} THEN {self.column} END"
        scaled = f"({self.column} * CAST({units} AS DOUBLE))"
        floor = f"CAST(FLOOR{scaled} AS BIGINT)"
        rest = f"({scaled} - FLOOR{scaled})"
        return (
            f"CASE WHEN {scaled} BETWEEN CAST(-{SUMMED_MAX} AS DOUBLE) AND CAST({SUMMED_MAX} AS DOUBLE) THEN {floor} + CASE "
            f"WHEN {rest} > 0.5 OR ({rest} = 0.5 AND {floor} % 2 <> 0) THEN 1 ELSE 0 END END"
        )


@dataclass(frozen=True)
class WeeklyQuery:
    """What an engine runs for an event type: the text, the variables it needs, and their defaults."""

    weekly: WeeklyAggregates = NOTHING_DECLARED

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The variables that aggregates are computed of."""
        known = {
            each.of: (each.kind, each.default) for each in self.weekly.each if each.of and each.kind != AMOUNT
        }
        return tuple(
            Value(name, kind, int(default) if isinstance(default, bool) else default, number)
            for number, (name, (kind, default)) in enumerate(known.items())
        )

    @cached_property
    def text(self) -> str:
        """The SQL."""
        text = (files("fraudstream.offline") / "aggregate.sql").read_text()
        by_name = {value.name: value for value in self.values}
        lines = {
            "parts": [
                f"{sql} AS part_{number}"
                for number, sql in enumerate(
                    sql for weekly in self.weekly.each for sql in self._parts(weekly, by_name.get(weekly.of))
                )
            ],
            "values": [f"MIN({value.cleaned}) AS {value.column}" for value in self.values],
            "alone": [f"CASE WHEN {ALONE} THEN {value.cleaned} END" for value in self.values],
        }
        for place, added in lines.items():
            text = text.replace(f"--+ {place}\n", "".join(f", {line}\n" for line in added))
        return text

    def _parts(self, weekly: Weekly, value: Value | None) -> Sequence[str]:
        """Return the SQL of an aggregate's parts."""
        since = f"event_time >= week.end_ms - {weekly.days * DAY_MS}"
        units = weekly.units(self.weekly.decimals)
        whole = "cents" if value is None else value.whole(units)
        given = "cents" if value is None else value.column
        match weekly.function:
            case "count":
                return (_whole(f"SUM(CASE WHEN {since} THEN times END)"),)
            case "sum":
                return (_whole(f"SUM(CASE WHEN {since} THEN times * ({whole}) END)"),)
            case "mean":
                return (
                    _whole(f"SUM(CASE WHEN {since} THEN times * ({whole}) END)"),
                    _whole(f"SUM(CASE WHEN {since} AND ({whole}) IS NOT NULL THEN times END)"),
                )
            case "max":
                largest = f"CAST(MAX(CASE WHEN {since} THEN {given} END) AS DOUBLE)"
                return (f"{largest} / CAST({units} AS DOUBLE)" if value is None else largest,)
            case "distinct":
                return (f"CAST(COUNT(DISTINCT CASE WHEN {since} THEN {given} END) AS BIGINT)",)


def _whole(sql: str) -> str:
    """Return a sum that is 0 without any rows."""
    return f"CAST(COALESCE({sql}, 0) AS BIGINT)"
