"""What somebody asked the archive in SQL lately: the newest queries of each person are kept."""

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Engine, ForeignKey, String, Table, Text, delete, insert, select

from fraudstream.adapters.database.engine import said, writing
from fraudstream.adapters.database.tables import METADATA

KEPT = 50
"""Queries of a person that are kept."""

QUERIES = Table(
    "queries",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("user_id", String(16), ForeignKey("users.id"), nullable=False, index=True),
    Column("sql", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("took_ms", BigInteger, nullable=True),
    Column("found", BigInteger, nullable=True),
    Column("problem", Text, nullable=False),
)
"""`found`: rows; null, as `took_ms`, if the query had no result."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of the past."""

    id: str
    sql: str
    asked_at: int
    """Epoch ms."""
    took_ms: int | None
    found: int | None
    problem: str


class RecentQueries:
    """The queries in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, user_id: str, sql: str, took_ms: int | None = None, found: int | None = None, problem: str = ""
    ) -> None:
        """Note what somebody has asked, and forget the oldest. The same text again takes the place of the one before."""
        row = {
            "id": secrets.token_hex(8),
            "user_id": user_id,
            "sql": sql,
            "asked_at": time.time_ns() // 1_000_000,
            "took_ms": took_ms,
            "found": found,
            "problem": problem,
        }
        own = QUERIES.c.user_id == user_id
        with writing(self._engine) as connection:
            connection.execute(delete(QUERIES).where(own & (QUERIES.c.sql == sql)))
            connection.execute(insert(QUERIES).values(row))
            newest = select(QUERIES.c.id).where(own).order_by(QUERIES.c.asked_at.desc(), QUERIES.c.id)
            kept = [each.id for each in connection.execute(newest.limit(KEPT))]
            connection.execute(delete(QUERIES).where(own & QUERIES.c.id.not_in(kept)))

    def of(self, user_id: str) -> list[Asked]:
        """Return what somebody has asked, the newest first."""
        wanted = select(
            QUERIES.c.id,
            QUERIES.c.sql,
            QUERIES.c.asked_at,
            QUERIES.c.took_ms,
            QUERIES.c.found,
            QUERIES.c.problem,
        ).where(QUERIES.c.user_id == user_id)
        with said(), self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(QUERIES.c.asked_at.desc(), QUERIES.c.id))
            return [Asked(*row) for row in rows]
