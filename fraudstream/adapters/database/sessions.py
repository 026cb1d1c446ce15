"""Logins of people and links that invite them: the database has hashes of what cookies and links say, so that it lets nobody in who reads it."""

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

from fraudstream.adapters.database.audit import append
from fraudstream.adapters.database.engine import said, writing
from fraudstream.adapters.database.tables import INVITATIONS, SESSIONS, USERS
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import MoneyStyle, Person, Role
from fraudstream.domain.times import DAY_MS, HOUR_MS

AGENT_MAX = 300


@dataclass(frozen=True, slots=True)
class Session:
    """A login; the times are epoch milliseconds. `id` is the start of its hash, by which one can end it."""

    id: str
    created_at: int
    expires_at: int
    agent: str
    current: bool


class Sessions:
    """The sessions in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, user_id: str, name: str, hours: float, agent: str) -> str:
        """Log somebody in and return what their cookie says; those that have expired are forgotten."""
        secret, now_ms = secrets.token_urlsafe(32), _now_ms()
        row = {
            "sha256": hashed(secret),
            "user_id": user_id,
            "created_at": now_ms,
            "expires_at": now_ms + round(hours * HOUR_MS),
            "agent": agent[:AGENT_MAX],
        }
        with writing(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= now_ms))
            connection.execute(insert(SESSIONS).values(row))
            append(connection, name, "login", name)
        return secret

    def person(self, secret: str) -> Person | None:
        """Return who has this cookie; None if it is none, has expired, or they are disabled."""
        joined = SESSIONS.join(USERS, USERS.c.id == SESSIONS.c.user_id)
        valid = (SESSIONS.c.sha256 == hashed(secret)) & (SESSIONS.c.expires_at > _now_ms())
        wanted = select(USERS).select_from(joined).where(valid & USERS.c.disabled_at.is_(None))
        with said(), self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            return None
        role, style = Role(row.role), MoneyStyle(row.money_style)
        return Person(row.id, row.name, row.shown, role, row.time_zone, style)

    def of(self, user_id: str, secret: str) -> list[Session]:
        """Return somebody's sessions, the newest first; `secret`: of the one that asks."""
        wanted = (SESSIONS.c.user_id == user_id) & (SESSIONS.c.expires_at > _now_ms())
        with said(), self._engine.connect() as connection:
            rows = connection.execute(
                select(SESSIONS).where(wanted).order_by(SESSIONS.c.created_at.desc())
            ).all()
        own = hashed(secret)
        return [
            Session(row.sha256[:16], row.created_at, row.expires_at, row.agent, row.sha256 == own)
            for row in rows
        ]

    def end(self, secret: str) -> None:
        """Log out."""
        with writing(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.sha256 == hashed(secret)))

    def end_one(self, user_id: str, name: str, session_id: str) -> None:
        """End one of somebody's own sessions by its id."""
        one = SESSIONS.c.sha256.startswith(session_id, autoescape=True) & (SESSIONS.c.user_id == user_id)
        with writing(self._engine) as connection:
            if len(session_id) == 16 and connection.execute(delete(SESSIONS).where(one)).rowcount:
                append(connection, name, "session.end", name)

    def end_others(self, user_id: str, name: str, secret: str) -> None:
        """End all of somebody's own sessions but the one that asks."""
        with writing(self._engine) as connection:
            ended = end_all(connection, user_id, secret)
            append(connection, name, "session.end", name, {"sessions": ended})

    def invite(self, by: str, name: str, days: float) -> str:
        """Return what a link to set a password says; an earlier link does no more. Raises SetupError."""
        token, now_ms = secrets.token_urlsafe(32), _now_ms()
        with writing(self._engine) as connection:
            user = connection.execute(select(USERS).where(USERS.c.name == name.strip().lower())).first()
            if user is None:
                raise SetupError(f"there is no user {name[:100]}; see: fraudstream users list")
            if user.disabled_at is not None:
                raise SetupError(f"{user.name} is disabled; see: fraudstream users enable")
            connection.execute(delete(INVITATIONS).where(INVITATIONS.c.user_id == user.id))
            row = {
                "sha256": hashed(token),
                "user_id": user.id,
                "created_at": now_ms,
                "expires_at": now_ms + round(days * DAY_MS),
            }
            connection.execute(insert(INVITATIONS).values(row))
            append(connection, by, "people.invite", user.name, {"days": days})
        return token

    def invited(self, token: str) -> str | None:
        """Return the name of whom a link invites; None if it is none, has been used or has expired."""
        with said(), self._engine.connect() as connection:
            return _invited(connection, token)

    def accept(self, token: str, password_hash: str) -> str | None:
        """Set the password of whom a link invites and return their name; None as for `invited`. The link then does no more."""
        with writing(self._engine) as connection:
            name = _invited(connection, token)
            used = delete(INVITATIONS).where(INVITATIONS.c.sha256 == hashed(token))
            if not connection.execute(used).rowcount or name is None:
                return None
            user_id = connection.execute(select(USERS.c.id).where(USERS.c.name == name)).scalar_one()
            connection.execute(update(USERS).where(USERS.c.id == user_id).values(password_hash=password_hash))
            end_all(connection, user_id)
            append(connection, name, "people.accept", name)
            return name


def end_all(connection: Connection, user_id: str, keep: str | None = None) -> int:
    """End somebody's sessions but that with the cookie `keep`; return how many."""
    those = SESSIONS.c.user_id == user_id
    if keep is not None:
        those &= SESSIONS.c.sha256 != hashed(keep)
    return connection.execute(delete(SESSIONS).where(those)).rowcount


def hashed(secret: str) -> str:
    """Return what is kept of a secret: it is random, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _invited(connection: Connection, token: str) -> str | None:
    joined = INVITATIONS.join(USERS, USERS.c.id == INVITATIONS.c.user_id)
    valid = (INVITATIONS.c.sha256 == hashed(token)) & (INVITATIONS.c.expires_at > _now_ms())
    wanted = select(USERS.c.name).select_from(joined).where(valid & USERS.c.disabled_at.is_(None))
    return connection.execute(wanted).scalar()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
