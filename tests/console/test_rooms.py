"""Every room of the console, whoever built it: who may look at it, and what becomes of errors."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from fraudstream.console.app import Console, Room
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.people import ALLOWED, Role
from tests.console.conftest import Shared
from tests.console.visiting import guest, newcomer, visitor

READS = {"/search", "/query", "/query/result.{form}", "/rules/try", "/lists/{name}/find"}
"""Forms that ask for something and change nothing: what they send does not belong in an address."""

SHOWN = [room for room in ROOMS if room.label]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.path)
def test_nobody_looks_without_a_login(shared_console: Shared, room: Room) -> None:
    """And is where they wanted to be afterwards."""
    answer = guest(shared_console()).http.get(room.path)

    assert 303 == answer.status_code
    assert answer.headers["location"].startswith("/login?next=%2F")


@pytest.mark.parametrize("role", Role)
def test_everybody_sees_the_rooms_that_they_may_enter(shared_console: Shared, role: Role) -> None:
    """No link leads to a page 403."""
    who = newcomer(shared_console(), role)
    page = who.get("/account")
    for room in SHOWN:
        may = room.permission is None or room.permission in ALLOWED[role]

        assert may is (f'<a href="{room.path}"' in page), room.path
        if not may:
            assert f"it needs the permission {room.permission}" in who.get(room.path, 403)


def test_an_auditor_changes_nothing(console: Console) -> None:
    """Every form is refused, but those of one's own account."""
    who = visitor(console, "auditor")
    posts = forms_of(console)
    assert {"/people/invite", "/people/role", "/people/disable", "/keys", "/keys/revoke"} <= posts.keys()
    own = {"/login", "/logout", "/invitations/{token}"} | {
        path for path in posts if path.startswith("/account")
    }
    answers = {
        path: who.http.post(path_to(path), data={"csrf": who.csrf} | posts[path]).status_code
        for path in sorted(posts.keys() - own - READS)
    }

    assert {} == {path: status for path, status in answers.items() if status != 403}


def test_every_page_needs_its_token(shared_console: Shared) -> None:
    """A form without one is refused before anything else, in every room."""
    console = shared_console()
    who = newcomer(console, "admin")
    for path in forms_of(console):
        assert 403 == who.http.post(path_to(path)).status_code, path


def forms_of(console: Console) -> dict[str, dict[str, str]]:
    """Return the addresses of all forms, and for each field of a form something that may be in it."""
    described = console.fastapi.openapi()
    found = {}
    for path, ways in described["paths"].items():
        if "post" in ways:
            (content,) = ways["post"].get("requestBody", {"content": {"": {}}})["content"].values()
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            fields = described["components"]["schemas"][name]["properties"] if name else {}
            found[path] = {field: _value(described, schema) for field, schema in fields.items()}
    return found


def _value(described: dict[str, Any], schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    words = described["components"]["schemas"][name].get("enum") if name else schema.get("enum")
    return str(words[0]) if words else "1"


def path_to(path: str) -> str:
    """Return an address with something in the place of names and numbers."""
    return re.sub(r"\{[^}]*\}", "1", path)


def test_what_people_type_is_text(console: Console) -> None:
    """A name is no markup, on no page."""
    who = visitor(console, "admin")
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    who.post("/account/preferences", shown=evil, time_zone="UTC", money_style="code")
    who.send("/keys", {"name": evil, "scope": "predict"}, 200)
    for path in ("/people", "/keys", "/audit", "/account"):
        page = who.get(path)

        assert "alert(1)" in page, path
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_a_database_that_is_locked_is_a_sentence(console: Console, tmp_path: Path) -> None:
    """Another process writes for longer than we wait; reading goes on."""
    who = visitor(console, "admin")
    event.listen(console.engine, "connect", _impatient)
    console.engine.dispose()
    with sqlite3.connect(tmp_path / "console.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        said = who.send("/people/invite", {"name": "ada"}, 503).text
        assert "The database does not do its work (database is locked); try again in a moment." in said
        assert "People" in who.get("/people")
        other.execute("ROLLBACK")
    who.send("/people/invite", {"name": "ada"}, 200)


def _impatient(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=50")


def test_a_database_that_is_full_is_a_sentence(console: Console) -> None:
    """What was to be changed is not changed, and the pages stay."""
    who = visitor(console, "admin")
    _limit(console.engine)
    invited = (
        who.http.post("/people/invite", data={"csrf": who.csrf, "name": f"ada{n}"}) for n in range(200)
    )
    said = next(answer.text for answer in invited if answer.status_code != 200)

    assert "(database or disk is full); try again in a moment." in said
    assert "People" in who.get("/people")


def _limit(engine: Engine) -> None:
    def small(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 4}")

    event.listen(engine, "connect", small)
    engine.dispose()
