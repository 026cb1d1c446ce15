"""Keys of programs, and the audit trail, on their pages."""

import re

from sqlalchemy import update

from fraudstream.adapters.database.api_keys import ApiKeys, parts_of
from fraudstream.adapters.database.audit import append
from fraudstream.adapters.database.engine import writing
from fraudstream.adapters.database.tables import AUDIT
from fraudstream.console.app import Console
from tests.console.visiting import visitor


def test_a_key_is_made_shown_once_and_revoked(console: Console) -> None:
    """With what it is for; the trail tells who has done it."""
    admin = visitor(console, "admin")
    form = {"name": "till", "scope": ["predict", "score"], "events_per_s": "50", "days": "30"}
    page = admin.send("/keys", form, 200).text
    found = re.search(r">(fsk_[\w-]+)<", page)
    assert found is not None
    parts = parts_of(found[1])
    assert parts is not None
    key = ApiKeys(console.engine).find(parts[0])
    assert key is not None

    assert ("till", {"predict", "score"}, 50.0) == (key.name, key.scopes, key.events_per_s)
    assert parts[1] not in admin.get("/keys")
    admin.post("/keys/revoke", key_id=key.id)
    assert "the key was revoked" in admin.get("/keys")
    trail = admin.get("/audit?action=key")
    assert trail.index("key.revoke") < trail.index("key.create")


def test_a_key_that_cannot_be_is_not_made(console: Console) -> None:
    """With what is wrong."""
    admin = visitor(console, "admin")
    wrong = [
        ({"name": " "}, "needs the name"),
        ({"name": "till"}, "needs scopes among"),
        ({"name": "till", "scope": "root"}, "not root"),
        ({"name": "till", "scope": "predict", "days": "soon"}, "soon is not a number"),
        ({"name": "till", "scope": "predict", "events_per_s": "nan"}, "must be above 0"),
        ({"name": "till", "scope": "predict", "days": "-1"}, "must be above 0"),
    ]
    for form, said in wrong:
        assert said in admin.send("/keys", form, 400).text

    assert [] == ApiKeys(console.engine).all()


def test_the_trail_is_read_page_by_page(console: Console) -> None:
    """The newest first, and only what one asks for."""
    who = visitor(console, "auditor")
    with writing(console.engine) as connection:
        for number in range(150):
            append(connection, "ada", "case.close", f"case-{number:03d}", {"as": "fraud"})
    first = who.get("/audit?person=ada")
    older = re.search(r'href="(/audit\?[^"]+)">Older', first)
    assert older is not None

    assert "case-149" in first
    assert "case-049" not in first
    assert "case-049" in who.get(older[1].replace("&amp;", "&"))
    assert "case-007" in who.get("/audit?subject=-007")
    assert "No entries." in who.get("/audit?action=%25")


def test_the_chain_is_verified_on_the_page(console: Console) -> None:
    """And says where it is broken."""
    who = visitor(console, "auditor")
    assert re.search(r"Nothing was changed in \d entries", who.get("/audit/verified"))
    with console.engine.begin() as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.number == 1).values(person="eve"))

    assert "Entry 1 is broken: it was changed after it was written." in who.get("/audit/verified")
