"""The SQL page: who may use it, what it shows, and what is kept of it."""

import io
import re
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.database.queries import KEPT, RecentQueries
from fraudstream.console.app import Console
from fraudstream.console.query.pages import EXAMPLE
from tests.analytics.history import write
from tests.archive_rows import DAY_MS, MONDAY_MS
from tests.console.conftest import As
from tests.console.visiting import in_zone, made, visitor

COUNT = "SELECT outcome, count(*) AS payments FROM payments GROUP BY outcome ORDER BY outcome"


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a console with an archive of two days."""
    merchant = {"merchant": "=1+1<b>", "zip_code": "1"}
    payments = [
        {"outcome": "review" if number == 3 else "approve", "variables": merchant} for number in range(4)
    ]
    write(tmp_path / "archive", [*payments, {"event_time": MONDAY_MS + DAY_MS}])
    return made(f"sqlite:///{tmp_path / 'console.db'}", data_dir=tmp_path)


def test_only_those_who_may_ask_see_the_page(as_role: As) -> None:
    """Analysts have the search and the results."""
    as_role("analyst").get("/query", 403)
    as_role("auditor").get("/query")


def test_a_query_is_run_and_kept(as_role: As) -> None:
    """With its result, the tables beside it, and a link to it; for the one who asked only."""
    lead = as_role("lead")
    page = lead.post("/query", 200, sql=COUNT).text

    for said in (
        "2 rows in",
        '<th scope="col">outcome</th>',
        "review",
        "merchant",
        "newest_labels",
        "What you asked lately",
    ):
        assert said in page
    assert "SELECT outcome, count(*)" in lead.get("/query").partition("What you asked lately")[2]
    assert "Queries that you run are listed here" in as_role("engineer").get("/query")


def test_a_query_is_of_the_days_that_were_chosen(as_role: As) -> None:
    """They are in the address."""
    lead = as_role("lead")

    assert (
        ">4</td>"
        in lead.post(
            "/query?from=2020-02-03&to=2020-02-03", 200, sql="SELECT count(*) AS n FROM payments"
        ).text
    )
    assert (
        "has no payments of these days"
        in lead.post("/query?from=2019-02-03&to=2019-02-03", 400, sql=COUNT).text
    )


@pytest.mark.parametrize(
    ("zone", "days", "of_monday"),
    [
        ("Asia/Kolkata", ("2020-02-04", "2020-02-03"), "4"),
        ("America/New_York", ("2020-02-03", "2020-02-02"), "1"),
    ],
)
def test_days_are_those_of_the_reader_and_a_link_keeps_them(
    console: Console, zone: str, days: tuple[str, str], of_monday: str
) -> None:
    """In the form, in what the example counts, and for whoever opens the link; the page says whose they are."""
    who, other = in_zone(console, zone, "lead"), in_zone(console, "UTC", "lead")
    page = who.get("/query")
    (link,) = re.findall(r'href="([^"]*)">Link to this query', page)
    counted = pl.read_csv(who.post("/query/result.csv", 200, sql=EXAMPLE).content).select("day", "payments")
    sent = other.get(link.replace("&amp;", "&"))
    monday = "/query/result.csv?from=2020-02-03&to=2020-02-03"
    count = "SELECT count(*) AS n FROM payments"

    assert f"of the time zone {zone}" in page
    assert [(days[0], 1), (days[1], 4)] == counted.group_by("day", maintain_order=True).sum().rows()
    assert f"of the time zone {zone}" in sent
    assert f"<option selected>{zone}" in sent
    assert f"n\n{of_monday}\n" == who.post(monday, 200, sql=count).text
    assert f"n\n{of_monday}\n" == other.post(f"{monday}&zone={zone}", 200, sql=count).text


def test_a_result_is_a_file_that_no_spreadsheet_runs(as_role: As) -> None:
    """CSV with an apostrophe before what looks like a formula; Parquet as it is. On the page nothing is markup."""
    lead = as_role("lead")
    sql = "SELECT merchant, 1 - 2 AS below FROM payments LIMIT 1"
    rows = pl.read_parquet(io.BytesIO(lead.post("/query/result.parquet", 200, sql=sql).content))

    assert "merchant,below\n'=1+1<b>,-1\n" == lead.post("/query/result.csv", 200, sql=sql).text
    assert [("=1+1<b>", -1)] == rows.rows()
    assert "=1+1&lt;b&gt;" in lead.post("/query", 200, sql=sql).text
    lead.post("/query/result.exe", 404, sql=sql)


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("DROP VIEW payments", "Write one SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "Read_csv cannot be used here"),
        ("SELECT nothing FROM payments", "nothing"),
        ("SELECT * FROM payments WHERE card = '4006080197832643'", "a number of a card"),
        (" ", "There is nothing to run"),
    ],
)
def test_a_query_that_is_not_run_says_why_and_stays_in_the_form(as_role: As, sql: str, sentence: str) -> None:
    """A number of a card is neither kept nor run."""
    page = as_role("lead").post("/query", 400, sql=sql).text

    assert sentence in page
    assert "4006080197832643" not in page


def test_forged_forms_run_nothing(as_role: As) -> None:
    """Also not for who is logged in; and a link shows a query without running it."""
    lead = as_role("lead")

    assert 403 == lead.http.post("/query", data={"sql": COUNT}).status_code
    assert "rows in" not in lead.get(f"/query?sql={COUNT}").partition("What you asked lately")[0]


def test_without_an_archive_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    """And runs nothing."""
    empty = visitor(made(f"sqlite:///{tmp_path / 'other.db'}", data_dir=tmp_path), "lead")

    assert "The archive has no payments yet" in empty.get("/query")
    assert "no payments of these days" in empty.post("/query", 400, sql=COUNT).text


def test_the_newest_queries_of_each_person_are_kept(either_console: Console) -> None:
    """The same text again is one, the oldest are forgotten, and others' stay."""
    ada, eve = (visitor(either_console, "lead", name).person for name in ("ada", "eve"))
    recent = RecentQueries(either_console.engine)
    recent.add(eve.id, "SELECT 0", problem="it failed")
    for number in range(KEPT + 5):
        recent.add(ada.id, f"SELECT {number}", 12, 1)
    recent.add(ada.id, f"SELECT {KEPT}", 12, 1)
    kept = recent.of(ada.id)

    assert KEPT == len(kept)
    assert f"SELECT {KEPT}" in {kept[0].sql, kept[1].sql}
    assert 1 == sum(each.sql == f"SELECT {KEPT}" for each in kept)
    assert "SELECT 0" not in {each.sql for each in kept}
    assert [("SELECT 0", "it failed", None)] == [
        (each.sql, each.problem, each.found) for each in recent.of(eve.id)
    ]
