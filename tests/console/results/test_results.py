"""The pages of results over HTTP: what they show, and what they are when there is nothing to show."""

import asyncio
import io
import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fraudstream.console.app import Console
from fraudstream.domain.labels import Label
from tests.analytics.history import HOUR_MS, write
from tests.archive_rows import DAY_MS, MONDAY_MS
from tests.console.conftest import As, Shared
from tests.console.visiting import in_zone, made, newcomer, visitor
from tests.models import saved

PAGES = ("/results", "/results/attacks", "/results/rules", "/results/drift", "/results/scores")
NOT_BEFORE = "?from=2020-02-03&to=2020-02-05"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Return a console with an archive of three days, at which most tests only look."""
    return with_an_attack(tmp_path_factory.mktemp("results"))


@pytest.fixture
def as_role(console: Console) -> As:
    """Return a function that returns somebody with a role, whom nobody else is, logged in to `console`."""
    return lambda role: newcomer(console, role)


def with_an_attack(directory: Path) -> Console:
    """Return a console with an archive of three days: on Monday a card is attacked, and caught at the second payment."""
    attack = [
        {
            "card": "f" * 32,
            "event_time": MONDAY_MS + number * HOUR_MS,
            "amount": 100.0,
            "outcome": "review" if number else "approve",
            "rules": ["likely-fraud"] if number else [],
            "fraud": bool(number),
            "score": 800,
            "variables": {"merchant": "=HYPERLINK(1)<script>", "zip_code": "10115"},
        }
        for number in range(3)
    ]
    others = [{"event_time": MONDAY_MS + day * DAY_MS} for day in range(3)]
    labels = [Label(f"p{number}", True, MONDAY_MS + DAY_MS, "chargeback") for number in range(3)]
    labels.append(Label("p3", False, MONDAY_MS + DAY_MS, "review"))
    write(directory / "archive", [*attack, *others], labels)
    return made(f"sqlite:///{directory / 'console.db'}", data_dir=directory, broker="127.0.0.1:1")


def test_figures_say_what_was_decided_and_what_became_of_it(as_role: As) -> None:
    """The newest four weeks unless others are asked for; auditors see them, too."""
    page = as_role("auditor").get("/results")

    for said in ("Does it work?", "2020-02-03", "200.00 USD", "66.7%", "100.00 USD", "expected"):
        assert said in page
    assert 'value="2020-01-09"' in page


@pytest.mark.parametrize("path", PAGES)
def test_without_an_archive_every_page_says_how_to_get_one(shared_console: Shared, path: str) -> None:
    """Nobody has to know what an archive is to find out that it is missing."""
    page = newcomer(shared_console(), "analyst").get(path)

    assert "The archive has no payments yet" in page
    assert "fraudstream archive run" in page


def test_a_day_without_labels_says_where_labels_come_from(as_role: As) -> None:
    """And one without payments that nothing is there."""
    who = as_role("analyst")

    assert "No labels yet" in who.get("/results?from=2020-02-05&to=2020-02-05")
    assert "No payments" in who.get("/results?from=2020-03-05&to=2020-03-06")
    assert "No payments" in who.get("/results?filter=merchant=Nobody")
    assert "No attacks" in who.get("/results/attacks?from=2020-02-05&to=2020-02-05")


def test_every_view_is_a_link(as_role: As) -> None:
    """Days, grouping, filters, until when labels count, and the capacity are in the address, and in the links of the page."""
    who = as_role("analyst")
    asked = f"{NOT_BEFORE}&filter=rules%3Dlikely-fraud&filter=amount%3E5&known=2020-02-04&capacity=1"
    page = who.get(f"/results/attacks{asked}")

    assert 'aria-label="Remove the filter rules=likely-fraud"' in page
    assert asked.replace("&", "&amp;") in page
    assert "with 1 reviewed a day" in page
    assert "known until 2020-02-03" in who.get(f"/results{NOT_BEFORE}&known=2020-02-03")
    assert "No labels yet" in who.get(f"/results{NOT_BEFORE}&known=2020-02-03")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("filter=nonsense", "Write a filter as NAME=VALUE"),
        ("filter=merchnt=x", "did you mean merchant"),
        ("filter=amount=cheap", "Amount is a number"),
        ("by=rules", "Decisions cannot be grouped by that"),
        ("by=event_tim", "did you mean event_time"),
        ("from=yesterday", "Write days as 2026-11-21"),
        ("from=2020-02-05&to=2020-02-03", "Ask for 1 to 800 days"),
        ("from=0001-01-01", "Ask for days from 1970"),
        ("known=9999-12-31", "Ask for days from 1970"),
        ("capacity=many", "The review capacity is a number"),
    ],
)
def test_what_was_not_understood_is_said_on_the_page(as_role: As, query: str, sentence: str) -> None:
    """With the form to mend it."""
    page = as_role("analyst").get(f"/results?{query}", 400)

    assert sentence in page
    assert "Add a filter" in page


def test_names_of_merchants_are_no_markup_and_no_formulas(as_role: As) -> None:
    """On the page and in the file; a number below zero stays a number."""
    who = as_role("analyst")
    page = who.get("/results?by=merchant")
    text = who.http.get("/results/figures.csv?by=merchant").text

    assert "=HYPERLINK(1)&lt;script&gt;" in page
    assert "<script>HYPER" not in page
    assert "'=HYPERLINK(1)<script>,3,300.0" in text


def test_tables_are_files_too(as_role: As) -> None:
    """CSV and Parquet of the same rows as the page; nothing for who is not logged in, and no other table."""
    who = as_role("analyst")
    rules = pl.read_parquet(io.BytesIO(who.http.get(f"/results/rules.parquet{NOT_BEFORE}").content))

    assert ["likely-fraud"] == rules["rule"].to_list()
    assert [2] == rules["fraud"].to_list()
    for name in ("figures", "attacks", "positions", "alerts"):
        answer = who.http.get(f"/results/{name}.csv{NOT_BEFORE}")
        assert 200 == answer.status_code
        assert "attachment" in answer.headers["content-disposition"]
    who.get("/results/secrets.csv", 404)
    who.get("/results/rules.exe", 404)
    who.http.cookies.clear()
    assert 303 == who.http.get("/results/rules.csv").status_code


def test_scores_are_of_the_archive_while_the_topic_cannot_be_read(as_role: As) -> None:
    """And the page says which it is."""
    page = as_role("analyst").get("/results/scores")

    assert "From the archive, the five minutes up to its newest decision at 2020-02-03 00:00:10 UTC" in page
    assert "the topic of decisions cannot be read" in page


def test_rows_lead_to_the_figures_of_their_payments(as_role: As) -> None:
    """A rule to those that it held for, a value to those that have it, a day to itself."""
    who = as_role("analyst")

    assert f"/results{NOT_BEFORE}&filter=rules%3Dlikely-fraud".replace("&", "&amp;") in who.get(
        f"/results/rules{NOT_BEFORE}"
    ).replace("&amp;by=day", "")
    assert "filter=merchant%3DCorner+shop" in who.get("/results?by=merchant")
    assert "from=2020-02-04&amp;to=2020-02-04" in who.get("/results")


def test_days_are_those_of_the_reader_and_a_link_keeps_them(tmp_path: Path) -> None:
    """Half past eleven in the evening of UTC is Tuesday in Berlin: what somebody sends on shows the same days elsewhere, and says whose."""
    write(
        tmp_path / "archive",
        [{"event_time": MONDAY_MS + 23 * HOUR_MS + HOUR_MS // 2, "decided_at": MONDAY_MS + DAY_MS}],
    )
    console = made(f"sqlite:///{tmp_path / 'console.db'}", data_dir=tmp_path, broker="127.0.0.1:1")
    berlin, utc = in_zone(console, "Europe/Berlin"), in_zone(console, "UTC")
    page = berlin.get("/results")
    sent = re.findall(r'href="(/results\?[^"]*from=2020-02-04[^"]*)"', page)[0].replace("&amp;", "&")

    assert "of the time zone Europe/Berlin" in page
    assert "zone=Europe%2FBerlin" in sent
    assert "from=2020-02-03&amp;to=2020-02-03" in utc.get("/results")
    assert "of the time zone Europe/Berlin" in utc.get(sent)
    assert "No payments" in utc.get("/results?from=2020-02-04&to=2020-02-04")
    file = berlin.http.get("/results/figures.csv")
    assert "2020-02-04,1," in file.text
    assert "Europe-Berlin.csv" in file.headers["content-disposition"]
    assert "01:00:00 CET" in berlin.get("/results/scores")


@pytest.mark.parametrize(
    ("zone", "counted"),
    [("UTC", "3 payments"), ("Asia/Kolkata", "4 payments"), ("Europe/Berlin", "2 payments")],
)
def test_drift_is_of_the_reader_s_days(tmp_path: Path, zone: str, counted: str) -> None:
    """Around the first moment of Tuesday, a week later, in Calcutta, which is 5 h 30 min ahead, in Berlin and in UTC."""
    saved(tmp_path / "models", b"a model", model_name="card", version="1.0")
    ends = MONDAY_MS + 8 * DAY_MS
    last = [ends - before for before in (6 * HOUR_MS, HOUR_MS, 1)]
    first = [ends - 7 * DAY_MS - before for before in (HOUR_MS // 2, 4 * HOUR_MS, 5 * HOUR_MS)]
    write(tmp_path / "archive", [{"event_time": each} for each in (*first, *last)])
    console = made(f"sqlite:///{tmp_path / 'console.db'}", data_dir=tmp_path)
    who = in_zone(console, zone)
    page = who.get("/results/drift?to=2020-02-10")

    assert f"{counted} of 2020-02-04 to 2020-02-10" in page
    assert f"of the time zone {zone}" in page
    assert "3 payments" in in_zone(console, "America/New_York").get("/results/drift?to=2020-02-10&zone=UTC")
    assert 'value="2020-02-11"' in in_zone(console, "Asia/Kolkata").get("/results/drift")


@pytest.mark.parametrize(
    "zone", ["Europe/Nowhere", "America", "../../etc/passwd", "/etc/localtime", "x" * 300]
)
def test_a_zone_that_is_none_is_said(as_role: As, zone: str) -> None:
    """And the page has the reader's own days."""
    page = as_role("analyst").get(f"/results?zone={zone}", 400)

    assert "There is no such time zone" in page
    assert "From (UTC)" in page


def test_drift_says_what_is_missing(as_role: As) -> None:
    """Without a model there is nothing to compare with."""
    assert "Nothing to compare" in as_role("analyst").get("/results/drift")


def test_drift_compares_the_newest_seven_days(tmp_path: Path) -> None:
    """With the seven before; the outcomes have changed, and the model does not say what it was trained with."""
    saved(tmp_path / "models", b"a model", model_name="card", version="1.0")
    payments = [
        {
            "event_time": MONDAY_MS + number * DAY_MS // 200,
            "outcome": "approve" if number < 1400 else "review",
        }
        for number in range(2800)
    ]
    write(tmp_path / "archive", payments)
    console = made(f"sqlite:///{tmp_path / 'console.db'}", data_dir=tmp_path)
    page = visitor(console, "analyst").get("/results/drift?to=2020-02-16")

    assert "Drifted: outcomes (before)" in page
    assert "has no ranges; train again" in page
    assert "1,400 payments" in page


def test_a_new_label_moves_the_figures(tmp_path: Path) -> None:
    """Answers are kept only as long as the files are the same."""
    from fraudstream.adapters.archive.directory import LocalObjects
    from fraudstream.adapters.archive.lake import Stream, labels_lake
    from fraudstream.domain.labels import archived_labels, encode

    who = visitor(with_an_attack(tmp_path), "analyst")
    first = who.http.get(f"/results/figures.csv{NOT_BEFORE}&by=month").text
    late = archived_labels([encode(Label("p4", True, MONDAY_MS + 3 * DAY_MS))], [99])
    asyncio.run(labels_lake(LocalObjects(tmp_path / "archive")).write(Stream("labels", 0), late, {}))
    second = who.http.get(f"/results/figures.csv{NOT_BEFORE}&by=month").text

    assert date(2020, 2, 1).isoformat() in first
    assert first != second
