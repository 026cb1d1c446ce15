"""People of the console: who there is, what they may do. Every change is in the audit trail, in the same transaction."""

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from fraudstream.adapters.database.audit import append
from fraudstream.adapters.database.engine import said, writing
from fraudstream.adapters.database.sessions import end_all
from fraudstream.adapters.database.tables import USERS
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import MoneyStyle, Person, Role, without_number

NAME = re.compile(r"[a-z0-9_.@+-]{1,254}")
SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class User:
    """What is known of somebody; the times are epoch milliseconds."""

    id: str
    name: str
    shown: str
    role: Role
    password_hash: str | None
    time_zone: str
    money_style: MoneyStyle
    created_at: int
    disabled_at: int | None
    oidc_subject: str | None

    @property
    def person(self) -> Person:
        """Who they are for the pages."""
        return Person(self.id, self.name, self.shown, self.role, self.time_zone, self.money_style)

    @property
    def state(self) -> str:
        """Whether they can log in."""
        if self.disabled_at is not None:
            return "disabled"
        return "invited" if self.password_hash is None and self.oidc_subject is None else "active"


class People:
    """The users in the database. `by`: who changes something."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        by: str,
        name: str,
        role: Role,
        shown: str = "",
        password_hash: str | None = None,
        *,
        disabled: bool = False,
    ) -> User:
        """Add somebody; raises SetupError if the name is taken or is none. `disabled`: who is not let in yet."""
        name, now_ms = normal(name), time.time_ns() // 1_000_000
        row = {
            "id": secrets.token_hex(8),
            "name": name,
            "shown": without_number(shown.strip() or name)[:SHOWN_MAX],
            "role": role,
            "password_hash": password_hash,
            "time_zone": "UTC",
            "money_style": MoneyStyle.CODE,
            "created_at": now_ms,
            "disabled_at": now_ms if disabled else None,
            "oidc_subject": None,
        }
        with writing(self._engine) as connection:
            if connection.execute(select(USERS.c.id).where(USERS.c.name == name)).first() is not None:
                raise SetupError(f"there is a user {name} already")
            connection.execute(insert(USERS).values(row))
            append(
                connection, by, "people.add", name, {"role": role} | ({"disabled": True} if disabled else {})
            )
        return _user(row)

    def find(self, name: str) -> User | None:
        """Return somebody by the name that they log in with."""
        return self._first(USERS.c.name == name.strip().lower())

    def named(self, name: str) -> User:
        """Return somebody by name; raises SetupError if there is nobody."""
        if (found := self.find(name)) is None:
            raise SetupError(f"there is no user {name[:SHOWN_MAX]}; see: fraudstream users list")
        return found

    def by_subject(self, subject: str) -> User | None:
        """Return somebody by what their OIDC provider calls them."""
        return self._first(USERS.c.oidc_subject == subject)

    def all(self) -> list[User]:
        """Return everybody, by name."""
        with said(), self._engine.connect() as connection:
            rows = connection.execute(select(USERS).order_by(USERS.c.name))
            return [_user(row._mapping) for row in rows]

    def set_role(self, by: str, name: str, role: Role) -> None:
        """Give somebody another role, from their next request on; raises SetupError, also if nobody could manage people then."""
        with self._changing(name) as (connection, user):
            connection.execute(_set(user, role=role))
            append(connection, by, "people.role", user.name, {"from": user.role, "to": role})
            _keep_an_admin(connection)

    def disable(self, by: str, name: str) -> None:
        """Let somebody in no more, and end their sessions at once; raises SetupError, also if nobody could manage people then."""
        with self._changing(name) as (connection, user):
            connection.execute(_set(user, disabled_at=time.time_ns() // 1_000_000))
            ended = end_all(connection, user.id)
            append(connection, by, "people.disable", user.name, {"sessions": ended})
            _keep_an_admin(connection)

    def enable(self, by: str, name: str) -> None:
        """Let somebody in again; raises SetupError."""
        with self._changing(name) as (connection, user):
            connection.execute(_set(user, disabled_at=None))
            append(connection, by, "people.enable", user.name)

    def set_password(self, by: str, name: str, password_hash: str, keep: str | None = None) -> None:
        """Set somebody's password and end their sessions but that with the cookie `keep`; raises SetupError."""
        with self._changing(name) as (connection, user):
            connection.execute(_set(user, password_hash=password_hash))
            ended = end_all(connection, user.id, keep)
            append(connection, by, "people.password", user.name, {"sessions": ended})

    def link(self, by: str, name: str, subject: str) -> None:
        """Remember what somebody's OIDC provider calls them; raises SetupError."""
        with self._changing(name) as (connection, user):
            connection.execute(_set(user, oidc_subject=subject))
            append(connection, by, "people.oidc", user.name)

    def set_preferences(
        self, by: str, name: str, shown: str, time_zone: str, money_style: MoneyStyle
    ) -> None:
        """Set how somebody is shown, and how they see times and money; raises SetupError."""
        wanted = {
            "shown": without_number(shown.strip())[:SHOWN_MAX] or name,
            "time_zone": time_zone,
            "money_style": money_style,
        }
        with self._changing(name) as (connection, user):
            connection.execute(_set(user, **wanted))
            append(connection, by, "people.preferences", user.name, wanted)

    @contextmanager
    def _changing(self, name: str) -> Iterator[tuple[Connection, User]]:
        with writing(self._engine) as connection:
            wanted = select(USERS).where(USERS.c.name == name.strip().lower()).with_for_update()
            row = connection.execute(wanted).first()
            if row is None:
                raise SetupError(f"there is no user {name[:SHOWN_MAX]}; see: fraudstream users list")
            yield connection, _user(row._mapping)

    def _first(self, wanted: Any) -> User | None:
        with said(), self._engine.connect() as connection:
            row = connection.execute(select(USERS).where(wanted)).first()
        return None if row is None else _user(row._mapping)


def normal(name: str) -> str:
    """Return a name as it is kept; raises SetupError if it is none."""
    name = name.strip().lower()
    if not NAME.fullmatch(name):
        raise SetupError("a name is 1 to 254 letters, digits or one of _ . @ + -")
    return without_number(name)


def _keep_an_admin(connection: Connection) -> None:
    """Raise SetupError if nobody is left who can manage people.

    After the entry of the audit trail, for which transactions wait: of two admins who disable each other the second is refused.
    """
    admins = (USERS.c.role == Role.ADMIN) & USERS.c.disabled_at.is_(None)
    if not connection.execute(select(func.count()).select_from(USERS).where(admins)).scalar():
        raise SetupError("this is the last admin: make somebody else an admin first")


def _set(user: User, **values: Any) -> Any:
    return update(USERS).where(USERS.c.id == user.id).values(values)


def _user(row: Any) -> User:
    fields = dict(row)
    return User(**fields | {"role": Role(fields["role"]), "money_style": MoneyStyle(fields["money_style"])})
