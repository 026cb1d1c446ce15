"""Inviting people, and what becomes of them."""

import re
import time

import pytest
from sqlalchemy import update

from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.database.tables import INVITATIONS
from fraudstream.console.app import Console
from tests.console.conftest import Shared
from tests.console.visiting import Visitor, guest, newcomer, visitor

PASSWORD = "correct horse battery"


def invited(admin: Visitor, name: str = "ada@example.com", role: str = "engineer") -> str:
    """Invite somebody; return the path of the link."""
    page = admin.send("/people/invite", {"name": name, "shown_as": "Ada", "role": role}, 200).text
    found = re.search(r"http://127.0.0.1:8090(/invitations/[\w-]{43})<", page)
    assert found is not None
    assert found[1] not in admin.get("/people")
    return found[1]


def accepted(console: Console, link: str, status: int = 303) -> Visitor:
    """Follow the link, and set a password."""
    who = guest(console)
    who.get(link)
    who.post(link, status, password=PASSWORD, again=PASSWORD)
    return who


def test_somebody_is_invited_and_comes_in(either_console: Console) -> None:
    """With the role they were given; the link works once."""
    link = invited(visitor(either_console, "admin"))
    who = accepted(either_console, link)

    assert "You are ada@example.com, engineer." in who.get("/account")
    assert "used, has expired or never was one" in guest(either_console).get(link, 404)
    told = [(each.person, each.action) for each in entries(either_console.engine)][:4]
    assert ("ada@example.com", "login") == told[0]
    assert [
        ("ada@example.com", "people.accept"),
        ("admin", "people.invite"),
        ("admin", "people.add"),
    ] == told[1:]


def test_a_link_that_was_sent_twice_works_once(console: Console) -> None:
    """Two who have it open at the same time: the second one's password is not set."""
    link = invited(visitor(console, "admin"))
    first, second = guest(console), guest(console)
    first.get(link)
    second.get(link)
    first.post(link, password=PASSWORD, again=PASSWORD)

    assert "was used" in second.post(link, 404, password="another password", again="another password").text


def test_a_new_link_ends_the_one_before(console: Console) -> None:
    """And one that has expired lets nobody in."""
    admin = visitor(console, "admin")
    first, second = invited(admin), invited(admin)
    assert "was used" in guest(console).get(first, 404)
    with console.engine.begin() as connection:
        connection.execute(update(INVITATIONS).values(expires_at=time.time_ns() // 1_000_000))

    assert "has expired" in guest(console).get(second, 404)


@pytest.mark.parametrize("token", ["x", "0" * 43, "é", "a" * 5_000])
def test_a_forged_invitation_is_none(shared_console: Shared, token: str) -> None:
    """Neither to look at nor to accept."""
    console = shared_console()
    invited(newcomer(console, "admin"))
    who = guest(console)
    who.get("/login")

    assert "never was one" in who.get(f"/invitations/{token}", 404)
    who.post(f"/invitations/{token}", 404, password=PASSWORD, again=PASSWORD)


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "12 to 1,000 characters"),
        (PASSWORD, "another one", "are not the same"),
        ("x" * 1_001, "x" * 1_001, "12 to 1,000"),
    ],
)
def test_a_password_that_does_not_do_is_asked_for_again(
    console: Console, password: str, again: str, said: str
) -> None:
    """The link still works."""
    link = invited(visitor(console, "admin"))
    who = guest(console)
    who.get(link)

    assert said in who.post(link, 400, password=password, again=again).text
    who.post(link, password=PASSWORD, again=PASSWORD)


def test_a_disabled_user_is_out_and_so_is_their_invitation(console: Console) -> None:
    """Until they are enabled again."""
    admin = visitor(console, "admin")
    who = accepted(console, invited(admin))
    link = invited(admin)
    admin.post("/people/disable", name="ada@example.com")

    assert "/login" in who.http.get("/account").headers["location"]
    assert "has expired" in guest(console).get(link, 404)
    assert "is disabled" in admin.send("/people/invite", {"name": "ada@example.com"}, 400).text
    admin.post("/people/enable", name="ada@example.com")
    accepted(console, link)


def test_a_role_counts_from_the_next_request_on(console: Console) -> None:
    """Nobody has to log in again."""
    admin = visitor(console, "admin")
    who = accepted(console, invited(admin))
    who.get("/audit", 403)
    admin.post("/people/role", name="ada@example.com", role="auditor")

    assert "Audit trail" in who.get("/audit")


def test_somebody_always_manages_people(console: Console) -> None:
    """The last admin is neither disabled nor made anything else."""
    admin = visitor(console, "admin")
    for path, form in (("/people/disable", {}), ("/people/role", {"role": "analyst"})):
        assert "this is the last admin" in admin.send(path, {"name": "admin"} | form, 400).text.lower()
    invited(admin, role="admin")
    admin.post("/people/role", name="admin", role="analyst")
    admin.get("/people", 403)


@pytest.mark.parametrize("name", ["", "ada lovelace", "<script>", "a" * 255, "ädä", "a\nb"])
def test_a_name_is_one_word(shared_console: Shared, name: str) -> None:
    """As an e-mail address is."""
    console = shared_console()
    admin = newcomer(console, "admin")
    before = console.people.all()

    assert "A name is 1 to 254 letters" in admin.send("/people/invite", {"name": name}, 400).text
    assert before == console.people.all()


def test_a_role_that_does_not_exist_is_refused(console: Console) -> None:
    """With what does exist."""
    admin = visitor(console, "admin")

    assert "analyst" in admin.send("/people/invite", {"name": "ada", "role": "root"}, 422).text
