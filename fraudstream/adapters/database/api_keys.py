"""Keys of programs: made once, shown once, kept as a hash."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update

from fraudstream.adapters.database.audit import append, operator
from fraudstream.adapters.database.engine import said, writing
from fraudstream.adapters.database.tables import API_KEYS
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import without_number

SCOPES = ("predict", "score", "labels", "lists", "detectors")
"""What a key may be for."""

KEY = re.compile(r"fsk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
"""An id and a secret of 256 random bits: so a fast hash is enough, there is nothing to guess."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; the times are epoch milliseconds."""

    id: str
    name: str
    sha256: str
    scopes: frozenset[str]
    events_per_s: float | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None

    def fits(self, secret: str) -> bool:
        """Tell whether this is its secret."""
        return hmac.compare_digest(self.sha256, _hash(secret))

    def ended(self, now_ms: int) -> str:
        """Return why it is not valid any more; empty if it is."""
        if self.revoked_at is not None:
            return "the key was revoked"
        if self.expires_at is not None and self.expires_at <= now_ms:
            return "the key has expired"
        return ""


def parts_of(text: str) -> tuple[str, str] | None:
    """Return id and secret of a key as programs send it; None if it is none."""
    found = KEY.fullmatch(text)
    return None if found is None else (found[1], found[2])


class ApiKeys:
    """The keys in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        events_per_s: float | None = None,
        expires_at: int | None = None,
        by: str | None = None,
    ) -> str:
        """Make a key and return it; it cannot be shown again. `by`: who makes it; None: whoever runs the command."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise SetupError(
                f"a key needs scopes among {', '.join(SCOPES)}, not {', '.join(unknown) or 'none'}"
            )
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {
            "id": key_id,
            "name": without_number(name),
            "sha256": _hash(secret),
            "scopes": " ".join(sorted(set(scopes))),
            "events_per_s": events_per_s,
            "created_at": time.time_ns() // 1_000_000,
            "expires_at": expires_at,
        }
        with writing(self._engine) as connection:
            connection.execute(insert(API_KEYS).values(row))
            told = {"name": name, "scopes": row["scopes"], "expires_at": expires_at}
            append(connection, by or operator(), "key.create", key_id, told)
        return f"fsk_{key_id}_{secret}"

    def find(self, key_id: str) -> ApiKey | None:
        """Return a key by its id."""
        with said(), self._engine.connect() as connection:
            row = connection.execute(select(API_KEYS).where(API_KEYS.c.id == key_id)).first()
        return None if row is None else _key(row._mapping)

    def all(self) -> list[ApiKey]:
        """Return all keys, the oldest first."""
        with said(), self._engine.connect() as connection:
            rows = connection.execute(select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.id))
            return [_key(row._mapping) for row in rows]

    def revoke(self, key_id: str, by: str | None = None) -> None:
        """End a key; raises SetupError if there is none. One that was revoked stays so. `by` as for `create`."""
        now_ms = time.time_ns() // 1_000_000
        with writing(self._engine) as connection:
            if connection.execute(select(API_KEYS.c.id).where(API_KEYS.c.id == key_id)).first() is None:
                raise SetupError(f"there is no key {key_id[:40]}; see: fraudstream api-keys list")
            valid = (API_KEYS.c.id == key_id) & API_KEYS.c.revoked_at.is_(None)
            if connection.execute(update(API_KEYS).where(valid).values(revoked_at=now_ms)).rowcount:
                append(connection, by or operator(), "key.revoke", key_id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: object) -> ApiKey:
    fields = dict(row)  # type: ignore[call-overload]
    return ApiKey(**fields | {"scopes": frozenset(fields["scopes"].split())})
