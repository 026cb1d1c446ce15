"""What is asked of the archive's files, as SQL for DuckDB. Names of columns come from the event type and the catalogue, values are parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudstream.adapters.archive.sql import quoted, read_parquet
from fraudstream.domain.features.schema import AMOUNT, EVENT_TIME, OUTCOME, SCORE, TRANSACTION_ID
from fraudstream.domain.rules import APPROVE
from fraudstream.evidence.unusual import Past

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PAYMENTS_MAX = 2_000
"""Payments of an entity that are read: the newest."""
SHOWN_ENTITIES = 5

OWN = (TRANSACTION_ID.name, EVENT_TIME.name, AMOUNT.name, SCORE.name, OUTCOME.name)


@dataclass(frozen=True, slots=True)
class Other:
    """Another entity with the same value."""

    entity: str | None
    last4: str | None
    payments: int
    alerts: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Link:
    """Payments with the same value of a variable, whose entities are not the one that is asked about."""

    name: str
    value: Any
    payments: int
    alerts: int
    entities: int
    alerted_entities: int
    others: tuple[Other, ...]
    """Those with the most alerts, of them the newest."""

    @property
    def alert_share(self) -> float:
        """How many of the payments are alerts."""
        return self.alerts / self.payments if self.payments else 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """All payments in the files: what the links are compared with."""

    payments: int
    alerts: int


def card_payments(
    database: "DuckDBPyConnection",
    files: Sequence[Path],
    entity: str,
    since_ms: int,
    until_ms: int,
    names: Sequence[str],
) -> list[Past]:
    """Return an entity's payments from `since_ms` to `until_ms`, both included, the newest first, with those of the columns `names` that there are."""
    wanted = sorted({*OWN, *names})
    rows = database.execute(
        f"""SELECT {_columns(wanted)} FROM {read_parquet(files)}
WHERE card = ? AND event_time BETWEEN ? AND ? ORDER BY event_time DESC LIMIT {PAYMENTS_MAX}""",
        [entity, since_ms, until_ms],
    )
    columns = [column[0] for column in rows.description or ()]
    found: dict[str, Past] = {}
    for row in rows.fetchall():
        values = dict(zip(columns, row, strict=True))
        own = {name: values.pop(name) for name in OWN}
        # a killed worker decides some payments twice, with equal decisions
        found.setdefault(own[TRANSACTION_ID.name], Past(**own, values=values))
    return list(found.values())


def linked(
    database: "DuckDBPyConnection",
    files: Sequence[Path],
    entity: str | None,
    since_ms: int,
    until_ms: int,
    values: Mapping[str, Any],
) -> list[Link]:
    """Return for every variable what other entities' payments with the same value there were; one that is in no file has none."""
    names = list(values)
    absent = ", ".join(f"NULL::VARCHAR AS {quoted(name)}" for name in names)
    wanted = sorted({"card", "card_last4", EVENT_TIME.name, OUTCOME.name, *names})
    same = " OR ".join(f"{quoted(name)} = ?" for name in names)
    per_name = " UNION ALL BY NAME ".join(_per_name(position, name) for position, name in enumerate(names))
    rows = database.execute(
        f"""WITH payments AS (
  SELECT * FROM (FROM (SELECT {absent} LIMIT 0) UNION ALL BY NAME
    SELECT {_columns(wanted)} FROM {read_parquet(files)})
  WHERE ({same}) AND event_time BETWEEN ? AND ? AND card IS DISTINCT FROM ?
), same AS MATERIALIZED (SELECT *, outcome <> '{APPROVE}' AS alert FROM payments)
{per_name} ORDER BY place""",
        [*values.values(), since_ms, until_ms, entity, *values.values()],
    ).fetchall()
    return [
        Link(
            names[place],
            values[names[place]],
            payments or 0,
            alerts or 0,
            entities,
            alerted,
            tuple(Other(**other) for other in others or ()),
        )
        for place, payments, alerts, entities, alerted, others in rows
    ]


def totals(database: "DuckDBPyConnection", files: Sequence[Path], since_ms: int, until_ms: int) -> Totals:
    """Return how many payments and alerts there were from `since_ms` to `until_ms`, both included."""
    row = database.execute(
        f"""SELECT count(*), count(*) FILTER (outcome <> '{APPROVE}')
FROM {read_parquet(files)} WHERE event_time BETWEEN ? AND ?""",
        [since_ms, until_ms],
    ).fetchone()
    assert row is not None
    return Totals(*row)


def decided_until(database: "DuckDBPyConnection", files: Sequence[Path]) -> int:
    """Return when the newest decision in the files was made, in epoch ms."""
    row = database.execute(f"SELECT max(decided_at) FROM {read_parquet(files)}").fetchone()
    assert row is not None
    return int(row[0])


def _per_name(place: int, name: str) -> str:
    return f"""SELECT {place} AS place, sum(payments)::BIGINT AS payments, sum(alerts)::BIGINT AS alerts, count(*) AS entities,
  count(*) FILTER (alerts > 0) AS alerted,
  max_by(struct_pack(entity := card, last4 := last4, payments := payments, alerts := alerts, last_ms := last_ms),
    row(alerts, last_ms), {SHOWN_ENTITIES}) AS others
FROM (SELECT card, any_value(card_last4) AS last4, count(*) AS payments, count(*) FILTER (alert) AS alerts, max(event_time) AS last_ms
  FROM same WHERE {quoted(name)} = ? GROUP BY card)"""


def _columns(names: Sequence[str]) -> str:
    """Return an expression for those of the columns that the files have."""
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    return f"COLUMNS(lambda name: name IN ({listed}))"
