"""The search: what is found, what an address says, and what happens to the number of a card."""

import asyncio
import csv
import io
import json
import logging
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from multidict import MultiDict

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream
from fraudstream.adapters.event_types import event_type_named
from fraudstream.console.app import Console
from fraudstream.console.search.asked import from_form, local_time
from fraudstream.domain.tokens import Tokenizer
from tests.archive_rows import DAY_MS, MONDAY_MS, archived, encoded
from tests.console.conftest import Shared
from tests.console.visiting import Visitor, made, newcomer

CARD = "4006080197832643"
HALF_DAY_MS = DAY_MS // 2


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Return a console whose archive has sixty payments over thirty days, with one of a known card among them."""
    directory = tmp_path_factory.mktemp("search")
    console = made(f"sqlite:///{directory / 'console.db'}", data_dir=directory)
    token = console.settings.tokenizer().token(CARD)
    special = {
        7: {
            "card": token,
            "card_last4": "2643",
            "outcome": "block",
            "rules": ["very-likely-fraud"],
            "score": 900,
        },
        9: {"variables": {"merchant": "<script>alert(1)</script>", "zip_code": "=1+1"}},
    }
    values = [
        encoded(
            n,
            event_time=MONDAY_MS + HALF_DAY_MS * n,
            decided_at=MONDAY_MS + HALF_DAY_MS * n + 5,
            **special.get(n, {}),
        )
        for n in range(60)
    ]
    lake = Lake(LocalObjects(Path(console.settings.archive_place)))
    asyncio.run(lake.write(Stream("decisions", 0), archived(values, list(range(60))), {}))
    return console


@pytest.fixture
def analyst(console: Console) -> Visitor:
    """Return somebody who searches this archive."""
    return newcomer(console, "analyst")


def found(page: str) -> list[str]:
    """Return the ids of the payments of a page."""
    return [part.split("<")[0] for part in page.split('<td class="id"><code>')[1:]]


def ids(*numbers: int) -> list[str]:
    """Return the ids of payments."""
    return [f"p{number}" for number in numbers]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("id=p31", [31]),
        ("outcome=block", [7]),
        ("rule=very-likely-fraud", [7]),
        ("least=58.5&most=59.5", [58, 57]),
        ("since=2020-02-04T12:00:00Z&until=2020-02-05T12:00:00Z", [4, 3]),
        ("merchant=SCRIPT", [9]),
        ("field=zip_code%3D10115&field=score%3E%3D100", [7]),
        ("field=num_trans_last_10m%3E%3D1&most=2.5", [1, 0]),
        ("merchant=corner&least=60", [59]),
        ("id=nobody", []),
    ],
)
def test_everything_that_is_filled_in_must_match(analyst: Visitor, asked: str, numbers: list[int]) -> None:
    """By id, amount, time, outcome, rule, merchant and any column."""
    assert ids(*numbers) == found(analyst.get(f"/search?{asked}"))


def test_pages_follow_each_other(analyst: Visitor) -> None:
    """Fifty payments a page, each payment once."""
    first = analyst.get("/search?newest=1")
    older = unescape(first.split('rel="next" href="')[1].split('"')[0])
    second = analyst.get(older)

    assert ids(*range(59, 9, -1)) == found(first)
    assert ids(*range(9, -1, -1)) == found(second)
    assert ">Newest</a>" in second
    assert ">Older</a>" not in second


def test_a_search_that_stops_after_each_day_still_finds_each_payment_once(
    analyst: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is over after a day; a link goes on before that day, until all is searched."""
    impatient = analyst.console.settings.model_copy(update={"console_search_seconds": 0})
    monkeypatch.setattr(analyst.console, "settings", impatient)
    page = analyst.get("/search?least=0")
    pages = [found(page)]
    while ">Search on before " in page:
        page = analyst.get(unescape(page.split('rel="next" href="')[1].split('"')[0]))
        pages.append(found(page))

    assert ids(*range(59, -1, -1)) == [payment for each in pages for payment in each]
    assert len(pages) >= 30


def test_the_number_of_a_card_is_in_its_request_only(
    analyst: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """It becomes the token in the address that the answer leads to, and no log has it."""
    caplog.set_level(logging.DEBUG)
    leads = analyst.post("/search", card="4006 0801-9783 2643", least="1").headers["location"]

    token = analyst.console.settings.tokenizer().token(CARD)
    assert {"card": [token], "least": ["1"]} == parse_qs(urlsplit(leads).query)
    page = analyst.get(leads)
    assert ids(7) == found(page)
    assert CARD not in page + leads + caplog.text


def test_a_card_is_found_under_its_earlier_tokens() -> None:
    """After keys were rotated."""
    old = Tokenizer(bytes(32))
    new = Tokenizer(bytes(31) + b"1", number=2, since_ms=5, before=old)
    asked = from_form(MultiDict(card=CARD), event_type_named("card"), new, "UTC")

    assert (new.token(CARD), old.token(CARD)) == asked.cards


@pytest.mark.parametrize("field", ["id", "merchant", "rule", "value"])
def test_the_number_of_a_card_in_another_field_is_refused(analyst: Visitor, field: str) -> None:
    """And the page that says so does not repeat it."""
    form: dict[str, object] = {field: CARD} | (
        {"name": "zip_code", "operator": "="} if field == "value" else {}
    )
    page = analyst.send("/search", form, 400).text

    assert "belongs in the field for it" in page
    assert CARD not in page


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("card=4006", "named by its token"),
        ("outcome=maybe", "An outcome is one of"),
        ("since=yesterday", "Write a time as"),
        ("before=1", "does not lead to a page"),
        ("field=nonsense", "Write a filter as"),
        ("field=nocol%3D1", "There is no column nocol"),
        ("least=much", "Amount is a number"),
        (f"id={'x' * 300}", "at most 256"),
    ],
)
def test_a_wrong_search_says_what_to_write(analyst: Visitor, asked: str, sentence: str) -> None:
    """On the page of the search, as a mistake of whoever asks."""
    assert sentence in unescape(analyst.get(f"/search?{asked}", 400))


def test_times_are_those_of_the_reader() -> None:
    """A form's are in their zone, an address has UTC, and the form shows them in their zone again."""
    form = MultiDict(since="2020-02-04T12:00")
    asked = from_form(form, event_type_named("card"), Tokenizer(bytes(32)), "Europe/Berlin")

    assert "2020-02-04T11:00:00Z" == asked.texts["since"]
    assert "2020-02-04T12:00:00" == local_time(asked.texts["since"], "Europe/Berlin")


def test_what_is_taken_away_is_safe_in_a_spreadsheet(analyst: Visitor) -> None:
    """No cell is a formula; JSON has the values as they are."""
    rows = list(
        csv.DictReader(io.StringIO(analyst.get("/search/export?format=csv&newest=1").lstrip("\ufeff")))
    )
    taken = json.loads(analyst.get("/search/export?format=json&newest=1"))

    assert 60 == len(rows) == len(taken)
    assert "'=1+1" == rows[50]["zip_code"]
    assert "=1+1" == taken[50]["zip_code"]


def test_a_payment_has_a_page(analyst: Visitor) -> None:
    """With what was decided, why, and where its record is; what merchants are called is text."""
    page = analyst.get("/search/payment?id=p9")

    assert "&lt;script&gt;alert(1)" in page
    assert 'href="/stream/topics/transactions?partition=0&amp;offset=9"' in page
    assert "No archived payment has this id" in analyst.get("/search/payment?id=nobody", 404)


def test_an_empty_archive_says_how_it_is_filled(shared_console: Shared) -> None:
    """For every role."""
    assert "fraudstream archive run" in newcomer(shared_console(), "auditor").get("/search?newest=1")
