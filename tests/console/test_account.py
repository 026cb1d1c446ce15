"""What people set for themselves."""

import pytest

from fraudstream.adapters.database import login_failures
from fraudstream.adapters.database.audit import entries
from fraudstream.console.app import Console
from tests.console.visiting import Visitor, guest, logged_in, quick_hash, visitor

OLD, NEW = "correct horse battery", "another horse battery"
HASH = quick_hash(OLD)


def test_times_and_money_are_shown_as_one_likes(console: Console) -> None:
    """On every page from then on; the zone is said."""
    who = visitor(console, "auditor")
    assert "All times are UTC." in who.get("/account")
    who.post("/account/preferences", shown="Ada", time_zone="Asia/Tokyo", money_style="symbol")

    page = who.get("/audit")
    assert "All times are Asia/Tokyo." in page
    assert ">Ada</a>" in page
    assert (
        "There is no such time zone."
        in who.post("/account/preferences", 400, time_zone="../../etc/passwd").text
    )


def test_a_new_password_needs_the_old_one_and_ends_other_sessions(either_console: Console) -> None:
    """Whoever has found an open browser cannot keep others out."""
    who = visitor(either_console, "analyst", password_hash=HASH)
    elsewhere = logged_in(either_console, either_console.people.named("analyst"))
    assert "The current password is wrong." in who.post("/account/password", 403, current="x", new=NEW).text
    assert "12 to 1,000 characters" in who.post("/account/password", 400, current=OLD, new="short").text
    elsewhere.get("/account")
    who.post("/account/password", current=OLD, new=NEW)

    who.get("/account")
    assert "/login" in elsewhere.http.get("/account").headers["location"]
    again = guest(either_console)
    again.get("/login")
    again.post("/login", 403, name="analyst", password=OLD)
    again.post("/login", name="analyst", password=NEW)


def test_guessing_the_current_password_locks_it(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the login."""
    monkeypatch.setattr(login_failures, "LOCK_MS", login_failures.LOCK_MAX_MS)  # longer than any test
    who = visitor(console, "analyst", password_hash=HASH)
    for _ in range(5):
        who.post("/account/password", 403, current="x", new=NEW)

    assert "can be tried again in" in who.post("/account/password", 429, current=OLD, new=NEW).text


def test_one_ends_ones_own_sessions_only(console: Console) -> None:
    """By the start of their hash, which does not let anybody in."""
    who = visitor(console, "analyst")
    other = visitor(console, "lead")
    elsewhere = logged_in(console, console.people.named("analyst"))
    for session in console.sessions.of(other.person.id, other.secret):
        who.post("/account/sessions", session=session.id)
    who.post("/account/sessions", session="")
    who.post("/account/sessions", session="%")
    assert other.get("/account")
    assert elsewhere.get("/account")

    found = [each for each in console.sessions.of(who.person.id, who.secret) if not each.current]
    assert found[0].id in who.get("/account")
    who.post("/account/sessions", session=found[0].id)
    assert 303 == elsewhere.http.get("/account").status_code


def test_all_others_end_at_once(console: Console) -> None:
    """But this one."""
    who = visitor(console, "analyst")
    others: list[Visitor] = [logged_in(console, console.people.named("analyst")) for _ in range(3)]
    who.post("/account/sessions", session="others")

    assert [303] * 3 == [each.http.get("/account").status_code for each in others]
    assert '{"sessions": 3}' == entries(console.engine, "analyst", "session")[0].details
    who.get("/account")
