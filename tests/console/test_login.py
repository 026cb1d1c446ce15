"""Who gets in, and who does not."""

import re
import time
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from fraudstream.adapters.database import login_failures
from fraudstream.adapters.database.login_failures import FREE
from fraudstream.adapters.database.tables import SESSIONS
from fraudstream.console.access import csrf_of
from fraudstream.console.app import Console
from tests.console.conftest import Shared
from tests.console.visiting import Visitor, guest, logged_in, made, newcomer, quick_hash, visitor

PASSWORD = "correct horse battery"
HASH = quick_hash(PASSWORD)


def ada(console: Console) -> Visitor:
    """Return somebody who is not logged in, but could."""
    if console.people.find("ada@example.com") is None:
        console.people.create("test", "ada@example.com", "analyst", "Ada", HASH)
    found = guest(console)
    found.get("/login")
    return found


def log_in(
    who: Visitor,
    name: str = "ada@example.com",
    password: str = PASSWORD,
    status: int = 303,
    onward: str = "/account",
) -> str:
    """Fill in the login page; return where it leads, or what it says."""
    answer = who.post("/login", status, name=name, password=password, onward=onward)
    return answer.headers.get("location") or answer.text


def test_a_right_password_lets_in(either_console: Console) -> None:
    """The name in any case; the cookie is for this site and not for scripts."""
    who = ada(either_console)
    answer = who.post("/login", name="Ada@Example.com", password=PASSWORD, onward="/account")

    assert "/account" == answer.headers["location"]
    assert re.search(
        r"^fraudstream=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=lax$",
        answer.headers["set-cookie"],
    )
    assert either_console.sessions.person(who.secret).shown == "Ada"


def test_a_session_that_was_there_before_the_login_is_not_used(console: Console) -> None:
    """An attacker who has planted a cookie does not know the one that is logged in."""
    who = ada(console)
    who.http.cookies.clear()
    form = {"csrf": csrf_of("planted"), "name": "ada@example.com", "password": PASSWORD}
    answer = who.http.post("/login", data=form, headers={"Cookie": "fraudstream=planted"})

    assert 303 == answer.status_code
    assert "planted" not in answer.headers["set-cookie"]
    assert console.sessions.person("planted") is None
    assert console.sessions.person(who.secret) is not None


def test_over_tls_the_cookie_stays_on_tls(tmp_path: Path) -> None:
    """And belongs to this host alone."""
    secure = made(f"sqlite:///{tmp_path / 'f.db'}", console_url="https://fraud.example.com")
    who = ada(secure)
    answer = who.http.get("https://fraud.example.com/login")

    assert answer.headers["set-cookie"].startswith("__Host-fraudstream=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age=31536000" == answer.headers["strict-transport-security"]


@pytest.mark.parametrize("name", ["ada@example.com", "nobody", "' OR 1=1 --", "\u0000", "x" * 5_000])
def test_a_wrong_password_does_not_say_what_is_wrong(shared_console: Shared, name: str) -> None:
    """The same sentence for a user, nobody, and what is no name."""
    said = log_in(ada(shared_console()), name, "wrong password!", 403)

    assert "The name or the password is wrong." in said


def test_after_some_wrong_passwords_a_name_is_locked(
    either_console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also to the right password; a name that does not exist is locked alike."""
    monkeypatch.setattr(login_failures, "LOCK_MS", login_failures.LOCK_MAX_MS)  # longer than any test
    who = ada(either_console)
    for name in ("ada@example.com", "nobody"):
        for _ in range(FREE + 1):
            log_in(who, name, "wrong password!", 403)

        assert re.search(r"can be tried again in 3\d\d\d s", log_in(who, name, PASSWORD, 429))


def test_a_right_password_forgets_the_wrong_ones(console: Console) -> None:
    """Somebody who mistypes now and then is not locked out."""
    who = ada(console)
    for _ in range(2):
        for _ in range(FREE):
            log_in(who, password="wrong password!", status=403)
        log_in(who)
        who = logged_out(who)


def logged_out(who: Visitor) -> Visitor:
    """Log out, and open the login page."""
    assert "/login" == who.post("/logout").headers["location"]
    who.get("/login")
    return who


def test_whoever_logs_out_is_out_on_the_server_too(console: Console) -> None:
    """A copy of the cookie does not help."""
    who = ada(console)
    log_in(who)
    copy = who.secret
    logged_out(who)

    assert console.sessions.person(copy) is None


def test_somebody_who_is_disabled_is_out_at_once(either_console: Console) -> None:
    """With the next request, and the login does not say so."""
    visitor(either_console, "admin")
    who = ada(either_console)
    log_in(who)
    either_console.people.disable("test", "ada@example.com")

    assert "/login" == who.http.get("/").headers["location"]
    assert "The name or the password is wrong." in log_in(guest_at_login(either_console), status=403)


def guest_at_login(console: Console) -> Visitor:
    """Return somebody at the login page."""
    found = guest(console)
    found.get("/login")
    return found


@pytest.mark.parametrize("cookie", ["", "x", "0" * 43, "%00", "é" * 43, "x" * 4_000])
def test_a_forged_cookie_leads_to_the_login(shared_console: Shared, cookie: str) -> None:
    """Whatever it says."""
    who = guest(shared_console())
    answer = who.http.get("/", headers={"Cookie": f"fraudstream={cookie}".encode()})

    assert (303, "/login") == (answer.status_code, answer.headers["location"])


def test_a_session_ends_by_itself(console: Console) -> None:
    """After the hours that the setting says."""
    who = visitor(console, "analyst")
    with console.engine.begin() as connection:
        connection.execute(update(SESSIONS).values(expires_at=time.time_ns() // 1_000_000))

    assert "/login" == who.http.get("/").headers["location"]
    with console.engine.begin() as connection:
        connection.execute(delete(SESSIONS))


def test_the_database_does_not_hold_what_cookies_say(console: Console) -> None:
    """Whoever reads it cannot log in by it."""
    who = visitor(console, "analyst")
    with console.engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM sessions").all())

    assert who.secret not in kept


@pytest.mark.parametrize("token", ["", "0" * 64, csrf_of("another"), "é"])
def test_a_form_from_elsewhere_does_nothing(shared_console: Shared, token: str) -> None:
    """A page of another site can send our forms with the cookie, but does not know the token."""
    console = shared_console()
    who = newcomer(console, "analyst")
    who.send("/logout", {"csrf": token}, 403)

    assert console.sessions.person(who.secret) is not None
    assert who.http.post("/logout", headers={"X-CSRF": csrf_of(who.secret)}).status_code == 303


def test_another_site_cannot_log_somebody_in_as_somebody_else(console: Console) -> None:
    """The login form has a token, too."""
    who = ada(console)
    who.send("/login", {"csrf": "0", "name": "ada@example.com", "password": PASSWORD}, 403)
    guest(console).send("/login", {"name": "ada@example.com", "password": PASSWORD}, 403)


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n/evil.example"],
)
def test_the_login_leads_nowhere_else(shared_console: Shared, target: str) -> None:
    """Not by the form, and not by the address of the login page."""
    console = shared_console()
    assert "/" == log_in(ada(console), onward=target)
    who = logged_in(console, console.people.named("ada@example.com"))
    assert "/" == who.http.get("/login", params={"next": target}).headers["location"]


def test_after_the_login_one_is_where_one_wanted_to_be(shared_console: Shared) -> None:
    """With what the address asked for."""
    who = guest(shared_console())
    leads = who.http.get("/?a=1&b=%2F").headers["location"]

    assert "/login?next=%2F%3Fa%3D1%26b%3D%252F" == leads
    assert 'name="onward" value="/?a=1&amp;b=%2F"' in who.get(leads)
