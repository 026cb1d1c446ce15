"""People who use a console in tests: logged in, without a browser."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.people import User
from fraudstream.console.access import csrf_of
from fraudstream.console.app import Console
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.people import Person, Role
from fraudstream.settings import Settings
from tests.databases import with_tables

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ADDRESS = "http://127.0.0.1:8090"


@dataclass
class Visitor:
    """Somebody with a browser's cookies, and nothing else of it; nothing beside the pages runs."""

    console: Console
    http: TestClient
    user: User | None = None

    @property
    def person(self) -> Person:
        """Who is logged in."""
        assert self.user is not None
        return self.user.person

    @property
    def secret(self) -> str:
        """What their cookie says."""
        return self.http.cookies.get(self.console.access.cookie) or ""

    @property
    def csrf(self) -> str:
        """The token of their forms."""
        return csrf_of(self.secret)

    def get(self, path: str, status: int = 200, **headers: str) -> str:
        """Ask for a page and return it."""
        answer = self.http.get(path, headers=headers)
        assert status == answer.status_code, answer.text
        return answer.text

    def post(self, path: str, status: int = 303, **form: object) -> httpx.Response:
        """Send a form, as the pages do it; return the answer, whose redirect is not followed."""
        return self.send(path, {name: str(value) for name, value in form.items()}, status)

    def send(self, path: str, form: dict[str, object], status: int = 303) -> httpx.Response:
        """Send a form whose names are no words of Python, or that has several values of a name."""
        answer = self.http.post(path, data={"csrf": self.csrf} | form)
        assert status == answer.status_code, answer.text
        return answer


def made(url: str, **changed: object) -> Console:
    """Return a console with the database at this address."""
    given: dict[str, object] = {"console_search_seconds": 60, **changed}  # however slow the machine is
    settings = Settings(_env_file=None, database=with_tables(url), **given)
    return Console(settings, opened(url), ROOMS)


def quick_hash(password: str) -> str:
    """Return an Argon2id hash that is checked as every other, but says itself that it costs little."""
    return QUICK.hash(password)


def guest(console: Console) -> Visitor:
    """Return somebody who is not logged in."""
    return Visitor(console, TestClient(console.app, ADDRESS, follow_redirects=False))


def visitor(console: Console, role: Role | str, name: str = "", password_hash: str | None = None) -> Visitor:
    """Return somebody new with that role, logged in; their name is the role's unless another is given."""
    user = console.people.create("test", name or str(role), Role(role), password_hash=password_hash)
    return logged_in(console, user)


def newcomer(console: Console, role: Role | str) -> Visitor:
    """Return somebody with that role and a name that nobody else has, logged in to a console that tests share."""
    return visitor(console, role, f"{role}-{uuid.uuid4().hex[:8]}")


def in_zone(console: Console, zone: str, role: Role | str = "analyst") -> Visitor:
    """Return somebody new whose clocks show the time of a zone."""
    who = newcomer(console, role)
    who.post("/account/preferences", shown="", time_zone=zone, money_style="code")
    return who


def logged_in(console: Console, user: User) -> Visitor:
    """Return somebody with a new session."""
    found = guest(console)
    found.user = user
    found.http.cookies.set(console.access.cookie, console.sessions.begin(user.id, user.name, 12, "test"))
    return found


@contextmanager
def with_what_runs_beside(console: Console) -> Iterator[None]:
    """Run what the console runs beside its pages, such as the reading of lists; visitors ask for pages as always."""
    with TestClient(console.app, ADDRESS):
        yield
