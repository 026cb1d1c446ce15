"""Login by an OpenID Connect provider."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fraudstream.adapters.database.audit import entries
from fraudstream.console.app import Console
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Role
from tests.console.oidc_server import CLIENT, SECRET, Oidc, oidc_server, path_of
from tests.console.visiting import ADDRESS, Visitor, guest, made, visitor


@pytest.fixture(scope="module")
def running() -> Iterator[Oidc]:
    """A provider for all tests here."""
    with oidc_server() as provider:
        yield provider


@pytest.fixture
def provider(running: Oidc) -> Oidc:
    """An honest provider, at which Ada is logged in."""
    running.claims, running.lies, running.userinfo = {}, {}, {}
    running.algorithm, running.stranger = "RS256", False
    return running


@pytest.fixture
def console(provider: Oidc, tmp_path: Path) -> Console:
    """A console that knows the provider, and that has invited Ada."""
    found = with_provider(provider, tmp_path)
    found.people.create("test", "ada@example.com", Role.LEAD)
    return found


def with_provider(provider: Oidc, tmp_path: Path, **changed: Any) -> Console:
    """Return a console that knows the provider."""
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    given = {"oidc_issuer": provider.url, "oidc_client_id": CLIENT, "oidc_client_secret_file": secret}
    return made(f"sqlite:///{tmp_path / 'f.db'}", console_url=ADDRESS, **given | changed)


def log_in(who: Visitor, onward: str = "/account") -> httpx.Response:
    """Follow the provider's way: to it, and back."""
    sent = who.http.get("/oidc/login", params={"next": onward})
    assert 303 == sent.status_code, sent.text
    back = httpx.get(sent.headers["location"]).headers["location"]
    assert back.startswith(f"{ADDRESS}/oidc/callback?")
    return who.http.get(path_of(back))


def test_somebody_who_was_invited_comes_in(console: Console) -> None:
    """By the address that the invitation has, and from then on by the provider's own name for them."""
    who = guest(console)
    assert "Log in with your organisation" in who.get("/login")
    answer = log_in(who)

    assert (303, "/account") == (answer.status_code, answer.headers["location"])
    assert "You are ada@example.com, lead." in who.get("/account")
    assert ["login", "people.oidc"] == [each.action for each in entries(console.engine)][:2]


def test_somebody_is_known_even_if_the_address_changes(console: Console, provider: Oidc) -> None:
    """But nobody else with the old address."""
    log_in(guest(console))
    provider.claims = {"email": "ada@byron.example"}
    who = guest(console)
    log_in(who)
    assert "You are ada@example.com" in who.get("/account")

    provider.claims = {"sub": "43"}
    said = log_in(guest(console))
    assert 403 == said.status_code
    assert "logs in here with another account" in said.text


def test_nobody_comes_in_without_an_invitation(console: Console, provider: Oidc) -> None:
    """Unless a setting gives a role to all whom the provider knows."""
    provider.claims = {"sub": "7", "email": "eve@example.com", "name": "Eve"}

    assert "Nobody has invited eve@example.com" in log_in(guest(console)).text
    assert console.people.find("eve@example.com") is None


def test_a_setting_gives_a_role_to_all(provider: Oidc, tmp_path: Path) -> None:
    """The smallest that does, one hopes."""
    found = with_provider(provider, tmp_path, oidc_role="auditor")
    who = guest(found)
    log_in(who)

    assert "You are ada@example.com, auditor." in who.get("/account")
    assert "Ada Lovelace" in who.get("/account")


def test_somebody_who_is_disabled_stays_out(console: Console) -> None:
    """Though the provider lets them in."""
    visitor(console, "admin")
    log_in(guest(console))
    console.people.disable("test", "ada@example.com")

    assert "You are disabled here" in log_in(guest(console)).text


LIES = {
    "nonce": {"lies": {"nonce": "another"}},
    "no nonce": {"lies": {"nonce": None}},
    "audience": {"lies": {"aud": "another"}},
    "audiences": {"lies": {"aud": ["another"]}},
    "issuer": {"lies": {"iss": "https://evil.example"}},
    "expired": {"lies": {"exp": 1_600_000_000}},
    "no expiry": {"lies": {"exp": None}},
    "signature": {"stranger": True},
    "public key as secret": {"algorithm": "HS256"},
    "not verified": {"claims": {"email_verified": False}},
    "verified in words": {"claims": {"email_verified": "true"}},
    "not said": {"claims": {"email_verified": None}},
    "no address": {"claims": {"email": None}},
    "no subject": {"claims": {"sub": None}},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_is_not_right_lets_nobody_in(console: Console, provider: Oidc, lie: str) -> None:
    """Whatever is wrong with it; the page says so, without the token."""
    for name, value in LIES[lie].items():
        setattr(provider, name, value)
    who = guest(console)
    answer = log_in(who)

    assert 403 == answer.status_code, answer.text
    assert "ogin provider" in answer.text
    assert 303 == who.http.get("/account").status_code


def test_another_s_login_cannot_be_planted(console: Console) -> None:
    """A link back that belongs to another browser, or to none, or that was used."""
    eve = guest(console)
    sent = eve.http.get("/oidc/login")
    back = path_of(httpx.get(sent.headers["location"]).headers["location"])
    for who in (guest(console), guest(console)):
        assert "was not begun in this browser" in who.get(back, 403)
        who.http.get("/oidc/login")
    assert 303 == eve.http.get(back).status_code
    assert 403 == eve.http.get(back).status_code


@pytest.mark.parametrize("cookie", ["x", "e30=", "%", "bnVsbA==", "WzFd"])
def test_a_forged_cookie_begins_nothing(console: Console, cookie: str) -> None:
    """Whatever it says."""
    answer = guest(console).http.get(
        "/oidc/callback?code=1&state=1", headers={"Cookie": f"fraudstream-oidc={cookie}"}
    )

    assert 403 == answer.status_code


def test_the_provider_says_no(console: Console) -> None:
    """Ada has changed her mind."""
    who = guest(console)
    sent = who.http.get("/oidc/login")
    state = httpx.URL(sent.headers["location"]).params["state"]

    assert "has not let you in" in who.get(f"/oidc/callback?error=access_denied&state={state}", 403)


def test_the_login_leads_nowhere_else(console: Console) -> None:
    """As with a password."""
    assert "/" == log_in(guest(console), "https://evil.example/").headers["location"]


def test_more_is_asked_of_the_provider(provider: Oidc, tmp_path: Path) -> None:
    """A name that is not in the token, but only for the same subject."""
    found = with_provider(provider, tmp_path, oidc_name_claim="login", oidc_role="analyst")
    provider.userinfo = {"sub": "another", "login": "ada"}
    assert "does not say your login" in log_in(guest(found)).text
    provider.userinfo = {"sub": "42", "login": "Ada"}
    who = guest(found)
    log_in(who)

    assert "You are ada, analyst." in who.get("/account")


def test_a_provider_that_does_not_answer_is_a_sentence(provider: Oidc, tmp_path: Path) -> None:
    """And one that is somebody else; passwords still work."""
    provider.lies = {"issuer": "https://evil.example"}
    assert "is not the issuer" in guest(with_provider(provider, tmp_path)).get("/oidc/login", 503)
    nobody = with_provider(provider, tmp_path, oidc_issuer="http://127.0.0.1:9")

    assert "does not answer (ConnectError); try again" in guest(nobody).get("/oidc/login", 503)
    guest(nobody).get("/login")


def test_settings_that_do_not_fit_are_refused(provider: Oidc, tmp_path: Path) -> None:
    """At the start."""
    for changed, said in (
        ({"console_url": None}, "FRAUDSTREAM_CONSOLE_URL"),
        ({"console_url": "https://fraud.example.com"}, "must be an https URL"),
        ({"oidc_client_secret_file": tmp_path / "none"}, "cannot be read"),
    ):
        with pytest.raises(SetupError, match=said):
            made("sqlite://", **{"oidc_issuer": provider.url, "console_url": ADDRESS} | changed)


def test_without_a_provider_there_is_no_way_to_one(tmp_path: Path) -> None:
    """Neither a link nor an address."""
    who = guest(made(f"sqlite:///{tmp_path / 'f.db'}"))

    assert "organisation" not in who.get("/login")
    who.get("/oidc/login", 404)
