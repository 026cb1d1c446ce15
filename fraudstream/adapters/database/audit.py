"""The audit trail: what people have changed, each entry with the hash of the one before.

Whoever changes or removes an entry has to compute all later hashes anew, and the last one may have been noted elsewhere.
"""

import getpass
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from fraudstream.adapters.database.engine import said
from fraudstream.adapters.database.tables import AUDIT
from fraudstream.domain.errors import SetupError

FIRST = "0" * 64
"""What the first entry names as the hash of the one before."""

LOCK = 0x66726175
"""Number of the lock under which PostgreSQL appends one entry after the other; SQLite has one writer anyway."""

SUBJECT_MAX = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One change; `at` is epoch milliseconds, `details` JSON."""

    number: int
    at: int
    person: str
    action: str
    subject: str
    details: str
    previous: str
    hash: str

    def computed(self) -> str:
        """Return the hash that it must have."""
        said_ = [self.number, self.at, self.person, self.action, self.subject, self.details, self.previous]
        return hashlib.sha256(json.dumps(said_, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that is not what was written, and why one can tell."""

    number: int
    why: str


def append(
    connection: Connection, person: str, action: str, subject: str, details: Mapping[str, Any] | None = None
) -> Entry:
    """Append an entry in the transaction of what it tells about, which must be one that writes (`engine.writing`)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    newest = select(AUDIT.c.number, AUDIT.c.hash).order_by(AUDIT.c.number.desc()).limit(1)
    last = connection.execute(newest).first()
    number, previous = (1, FIRST) if last is None else (last.number + 1, last.hash)
    told = json.dumps(dict(details or {}), sort_keys=True)
    at = time.time_ns() // 1_000_000
    entry = Entry(number, at, person, action, subject[:SUBJECT_MAX], told, previous, "")
    row = {name: getattr(entry, name) for name in Entry.__slots__} | {"hash": entry.computed()}
    connection.execute(insert(AUDIT).values(row))
    return Entry(**row)


def operator() -> str:
    """Return who changes something by a command: the operating system's user, who may write the database anyway."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user that has no name
        return f"user {os.getuid()} (command line)"


def entries(
    engine: Engine,
    person: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Return entries, the newest first. `subject`: a part of it; `before`: older than the entry of that number."""
    wanted = select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
    if person:
        wanted = wanted.where(AUDIT.c.person == person)
    if action:
        wanted = wanted.where(AUDIT.c.action.startswith(action, autoescape=True))
    if subject:
        wanted = wanted.where(AUDIT.c.subject.contains(subject, autoescape=True))
    if before is not None:
        wanted = wanted.where(AUDIT.c.number < before)
    with said(), engine.connect() as connection:
        return [Entry(**row._mapping) for row in connection.execute(wanted)]


def verified(engine: Engine, noted: str | None = None) -> Entry | Broken | None:
    """Check the whole chain: return its last entry, or the first that is broken; None if there are no entries.

    `noted`: NUMBER:HASH of an entry that must be there. Without it nobody can tell that entries are missing at the end.
    """
    noted_number, noted_hash = _parsed(noted)
    last: Entry | None = None
    for entry in _all(engine):
        number, previous = (1, FIRST) if last is None else (last.number + 1, last.hash)
        if entry.number != number:
            return Broken(number, "it is missing")
        if entry.previous != previous:
            return Broken(entry.number, "it does not follow from the one before")
        if entry.hash != entry.computed():
            return Broken(entry.number, "it was changed after it was written")
        if entry.number == noted_number and entry.hash != noted_hash:
            return Broken(entry.number, "it is not the one that was noted")
        last = entry
    if noted_number > (0 if last is None else last.number):
        return Broken(noted_number, "it is missing")
    return last


def _parsed(noted: str | None) -> tuple[int, str]:
    number, _, digest = (noted or "0:").partition(":")
    if not number.isdecimal() or (noted and len(digest) != 64):
        raise SetupError("an entry is noted as NUMBER:HASH, as `fraudstream audit verify` prints it")
    return int(number), digest


def _all(engine: Engine) -> Iterator[Entry]:
    with said(), engine.connect().execution_options(yield_per=1_000) as connection:
        for row in connection.execute(select(AUDIT).order_by(AUDIT.c.number)):
            yield Entry(**row._mapping)
