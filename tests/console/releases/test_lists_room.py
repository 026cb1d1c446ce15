"""The room of lists: values put on them by hand and from a file, with card numbers that nobody keeps."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.lists.topic import OnLists, read
from fraudstream.console.access import csrf_of
from fraudstream.console.app import Console
from fraudstream.console.releases import imports
from fraudstream.console.releases.workshop import Workshop
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.lists.entries import SNOOZE
from fraudstream.settings import Settings
from tests.console.visiting import Visitor, visitor, with_what_runs_beside

NUMBER = "4111111111111111"
FILE = f"""value,until,why
{NUMBER},2027-01-01T00:00:00Z,stolen
5500005555555559,,
nothing,,
4006080197832643,tomorrow,
"""


@pytest.fixture
def connected(kafka_settings: Settings, tmp_path: Path) -> Iterator[Console]:
    """Yield a console with a broker and lists of merchants and of cards."""
    console = Console(kafka_settings, opened(f"sqlite:///{tmp_path / 'c.db'}"), ROOMS)
    with with_what_runs_beside(console):
        who = visitor(console, "admin")
        for name, kind in (("trusted", "text"), ("stolen", "card")):
            who.post("/lists/create", name=name, kind=kind, purpose="deny", why="a test")
        yield console


def on(console: Console, name: str) -> OnLists:
    """Return what is on lists."""
    return asyncio.run(read(console.settings, name))


def upload(who: Visitor, content: str, status: int = 200) -> str:
    """Upload a file to the list of cards; return the page."""
    form = {"csrf": csrf_of(who.secret)}
    answer = who.http.post("/lists/stolen/upload", data=form, files={"file": ("cards.csv", content.encode())})
    assert status == answer.status_code, answer.text
    return answer.text


def everything_in(directory: Path) -> bytes:
    """Return all files of a directory."""
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


def test_values_are_put_on_a_list_found_and_taken_off(connected: Console) -> None:
    """With who did it, why and until when; a page shows them as text."""
    who = visitor(connected, "lead")
    who.post("/lists/trusted/add", values="shop\n <b>bold</b>\n", until="2027-01-01T00:00", why="known")
    page = who.get("/lists/trusted")
    found = who.post("/lists/trusted/find", 200, wanted="shop").text

    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "2 values" in page
    assert ("known", "2027-01-01 00:00") == (
        re.findall("known", found)[0],
        re.findall("2027-01-01 00:00", found)[0],
    )
    assert "nobody is not on the list" in who.post("/lists/trusted/find", 200, wanted="nobody").text
    who.post("/lists/trusted/remove", value="shop")
    assert {"<b>bold</b>"} == on(connected, "trusted").entries.keys()
    assert ["list.remove", "list.add"] == [each.action for each in entries(connected.engine, action="list.")][
        :2
    ]
    assert "There is no list" in who.get("/lists/none", 400)


def test_a_file_is_reported_on_before_anything_is_done(connected: Console) -> None:
    """Lines that are wrong are said and left out; card numbers are on no disk, in no answer and no audit trail."""
    who = visitor(connected, "lead")
    page = upload(who, FILE)

    assert "2 lines can be put on the list; 2 cannot" in page
    assert "Line 4: this is neither a card number nor a token" in page
    assert "Line 5: this is no moment" in page
    assert {} == on(connected, "stolen").entries
    kept = re.findall(r'name="upload" value="(\w+)"', page)[0]
    who.post("/lists/stolen/import", upload=kept, why="from a file")
    assert ["from a file", "stolen"] == sorted(each.why for each in on(connected, "stolen").entries.values())
    assert "upload the file again" in who.post("/lists/stolen/import", 400, upload=kept).text
    assert NUMBER not in page + "".join(each.details for each in entries(connected.engine))
    assert NUMBER.encode() not in everything_in(connected.settings.data_dir)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,b\n1,2\n", "has no column value"),
        ("", "has no column value"),
        ("value\n", "0 lines can be put"),
        ("\x00", "no column"),
    ],
)
def test_a_file_that_is_no_list_is_said(connected: Console, content: str, sentence: str) -> None:
    """And nothing is kept of it."""
    who = visitor(connected, "lead")

    assert sentence in upload(who, content, 200 if content == "value\n" else 422)


def test_a_file_larger_than_any_form_is_read_as_it_arrives(connected: Console) -> None:
    """45 MB of long reasons; nothing but tokens is on the disk."""
    why = "r" * 1_000
    lines = "".join(f"{number},,{why}\n" for number in range(4_000_000_000_000_000, 4_000_000_000_045_000))
    page = upload(visitor(connected, "lead"), "value,until,why\n" + lines)

    assert "45,000 lines can be put on the list." in page
    assert b"400000000000" not in everything_in(connected.settings.data_dir)


def test_how_far_a_long_import_is_can_be_seen(connected: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever put a file on the list need not wait for it; sent twice it is one import, and its end is said."""
    monkeypatch.setattr(imports, "WAIT_S", 0.0)
    who = visitor(connected, "lead")
    page = upload(who, "value\n" + "".join(f"{number:032x}\n" for number in range(20_000)))
    kept = re.findall(r'name="upload" value="(\w+)"', page)[0]
    begun, again = (who.post("/lists/stolen/import", upload=kept, rows=20_000) for _ in range(2))
    page = who.get(f"/lists/stolen?importing={kept}")
    seen = followed(who, kept)

    assert {f"/lists/stolen?importing={kept}"} == {each.headers["location"] for each in (begun, again)}
    assert f'hx-get="/lists/stolen/imports/{kept}"' in page or "the file is on the list" in page
    assert all("values of 20,000 lines are written" in text for text in seen[:-1])
    assert "the file is on the list" in seen[-1]
    assert 20_000 == len(on(connected, "stolen").entries)
    assert ["list.import"] == [each.action for each in entries(connected.engine, action="list.import")]
    assert "Nothing is known of this file" in who.get("/lists/stolen?importing=other")
    assert "Nothing is known of this file" in who.get("/lists/stolen/imports/other", 286)


def test_an_import_that_fails_says_why(connected: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when nobody waits for it any more."""
    monkeypatch.setattr(imports, "WAIT_S", 0.0)
    who = visitor(connected, "lead")
    who.post("/lists/stolen/import", upload="a" * 32)

    assert "This upload is not there any more" in followed(who, "a" * 32)[-1]


def followed(who: Visitor, kept: str) -> list[str]:
    """Return what the page is told of an import until it asks no more."""
    seen = []
    while (answer := who.http.get(f"/lists/stolen/imports/{kept}")).status_code == 200:
        seen.append(answer.text)
        time.sleep(0.05)
    assert 286 == answer.status_code
    return [*seen, answer.text]


def test_half_a_file_and_a_forged_one_leave_nothing(connected: Console) -> None:
    """A connection that broke, and a form of somebody else's page."""
    who = visitor(connected, "lead")
    head = f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{who.csrf}\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    half = who.http.post("/lists/stolen/upload", content=f"{head}{FILE}", headers=headers)
    forged = who.http.post("/lists/stolen/upload", data={"csrf": "x"}, files={"file": ("a", FILE.encode())})

    assert (422, True) == (half.status_code, "The file did not arrive whole" in half.text)
    assert 403 == forged.status_code
    assert b"" == everything_in(connected.settings.data_dir / "console" / "uploads")


def test_card_numbers_on_a_list_of_text_are_refused(connected: Console) -> None:
    """And not shown again."""
    said = visitor(connected, "lead").post("/lists/trusted/add", 422, values=NUMBER).text

    assert "This looks like a card number" in said
    assert NUMBER not in said


def test_a_rule_is_snoozed_for_a_card_and_woken(connected: Console) -> None:
    """Its number becomes a token."""
    who = visitor(connected, "lead")
    who.post("/lists/snooze", rule="large", entity=NUMBER, until="2027-01-01T00:00", why="known")

    assert "The rule large is snoozed for 1 entity." in who.get("/lists")
    assert NUMBER not in on(connected, f"{SNOOZE}large").entries
    who.post("/lists/wake", rule="large", entity=NUMBER)
    assert "snoozed for" not in who.get("/lists")


def test_a_snooze_does_not_count_when_rules_are_tried(connected: Console) -> None:
    """Whether or not a rule asks a list: it is about payments to come, and a preview about those of the last days."""
    visitor(connected, "lead").post(
        "/lists/snooze", rule="large", entity=NUMBER, until="2027-01-01T00:00", why=""
    )

    lists = Workshop(connected).lists_now()

    assert lists is not None
    assert {"trusted", "stolen"} == set(lists.listings)
    assert not lists.has_snoozes


@pytest.mark.parametrize("role", ["analyst", "auditor"])
def test_who_may_not_write_rules_changes_no_list(console: Console, role: str) -> None:
    """Whatever they send; and where nothing follows lists the page says that they cannot be read."""
    who = visitor(console, role)

    for path in (
        "create",
        "snooze",
        "wake",
        "trusted/add",
        "trusted/remove",
        "trusted/upload",
        "trusted/import",
    ):
        who.post(f"/lists/{path}", 403, name="n", rule="r", entity="e", values="v", value="v", upload="u")
    assert "Lists cannot be read: The topic lists is not read here" in who.get("/lists")
