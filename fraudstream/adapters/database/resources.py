"""What people and programs define and ask for again: documents under a kind, a name and a version."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from fraudstream.adapters.database.engine import DatabaseUnavailable, said
from fraudstream.adapters.database.tables import RESOURCES

UNVERSIONED = 0
"""The version of what has no versions."""

Document = dict[str, Any]
Result = TypeVar("Result")

OUTRUN = frozenset({"40001", "40P01", "23505"})
"""PostgreSQL's codes: transactions that cannot be in any order, that wait for each other, that make the same row."""
ATTEMPTS_MAX = 20
WAIT_S = 0.02
"""Before a transaction is tried again; longer each time."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A document and what it is known by; the times are epoch milliseconds."""

    kind: str
    name: str
    version: int
    document: Document
    created_at: int
    updated_at: int


class Resources:
    """The resources within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, kind: str, name: str, version: int = UNVERSIONED) -> Resource | None:
        """Return one; None if there is none."""
        row = self._connection.execute(select(RESOURCES).where(_is(kind, name, version))).first()
        return None if row is None else _resource(row._mapping)

    def all(self, kind: str, under: str | None = None) -> list[Resource]:
        """Return those of a kind by name and version; `under`: of this name, or with names that go on with a slash."""
        wanted = RESOURCES.c.kind == kind
        if under is not None:
            below = RESOURCES.c.name.startswith(f"{under}/", autoescape=True)
            wanted &= (RESOURCES.c.name == under) | below
        rows = self._connection.execute(select(RESOURCES).where(wanted))
        return sorted((_resource(row._mapping) for row in rows), key=lambda each: (each.name, each.version))

    def put(self, kind: str, name: str, document: Document, version: int = UNVERSIONED) -> None:
        """Make or replace one; what is replaced keeps the time it was made at."""
        now_ms = time.time_ns() // 1_000_000
        values = {"document": json.dumps(document), "updated_at": now_ms}
        changed = self._connection.execute(
            update(RESOURCES).where(_is(kind, name, version)).values(values)
        ).rowcount
        if not changed:
            row = {"kind": kind, "name": name, "version": version, "created_at": now_ms} | values
            self._connection.execute(insert(RESOURCES).values(row))

    def delete(self, kind: str, name: str, version: int = UNVERSIONED) -> None:
        """Remove one, if it is there."""
        self._connection.execute(delete(RESOURCES).where(_is(kind, name, version)))


class ResourceStore:
    """The resources in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def within(self, doing: Callable[[Resources], Result], *, writing: bool = True) -> Result:
        """Return what a function makes of the resources in one transaction; it is called again if another one was quicker.

        `writing`: whether it may change something. Raises what it raises, or DatabaseUnavailable.
        """
        for attempt in range(ATTEMPTS_MAX):
            try:
                with self.transaction(writing) as resources:
                    return doing(resources)
            except DatabaseUnavailable as error:
                if attempt == ATTEMPTS_MAX - 1 or not _was_outrun(error):
                    raise
                time.sleep(random.uniform(0, WAIT_S * (attempt + 1)))  # noqa: S311 - no secret
        raise AssertionError

    @contextmanager
    def transaction(self, writing: bool = True) -> Iterator[Resources]:
        """Yield the resources; all that is read and changed holds at one moment. Raises DatabaseUnavailable.

        `writing`: whether it may change something; SQLite lets only one at a time.
        """
        with said(), self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                # SQLite alone would begin at the first write, after what it depends on was read
                connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
            else:
                connection = connection.execution_options(isolation_level="SERIALIZABLE")
            yield Resources(connection)
            connection.commit()


def _was_outrun(error: DatabaseUnavailable) -> bool:
    """Tell whether PostgreSQL refused a transaction because of another one at the same time."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in OUTRUN


def _is(kind: str, name: str, version: int) -> Any:
    return (RESOURCES.c.kind == kind) & (RESOURCES.c.name == name) & (RESOURCES.c.version == version)


def _resource(row: Any) -> Resource:
    return Resource(**dict(row) | {"document": json.loads(row["document"])})
