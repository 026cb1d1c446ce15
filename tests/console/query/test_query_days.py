"""Whose days a query counts: moments follow the time zone of the page, to the millisecond."""

from datetime import date, timedelta

import pytest

from fraudstream.analytics.decided import Question
from fraudstream.analytics.files import Files
from fraudstream.domain.local_days import day_begins_ms, day_ends_ms
from tests.archive_rows import MONDAY_MS
from tests.console.query.asking import asked

ZONES = (
    "UTC",
    "Asia/Kolkata",
    "Europe/Berlin",
    "America/Havana",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)
DAY = "CAST(make_timestamptz({} * 1000) AS DATE)"


@pytest.mark.parametrize("zone", ZONES)
def test_a_moment_is_on_the_same_day_as_in_all_other_rooms(files: Files, zone: str) -> None:
    """At the first and the last millisecond of every day of three years: DuckDB's clocks are those of the results."""
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(3 * 365)]
    moments = [each for day in days for each in (day_begins_ms(day, zone), day_ends_ms(day, zone) - 1)]
    lists = [str(moments[first : first + 1000]) for first in range(0, len(moments), 1000)]
    found = [
        row
        for each in lists
        for (row,) in asked(
            files,
            f"SELECT {DAY.format('ms')} FROM (SELECT unnest({each}) AS ms)",
            2000,
            days=Question(0, 1, zone=zone),
        )["rows"]
    ]

    assert [str(day) for day in days for _ in range(2)] == found


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Kolkata", ["2020-03-29T05:30:00+05:30", "2020-03-29T00:00:00+05:30", "05:30"]),
        ("Europe/Berlin", ["2020-03-29T01:00:00+01:00", "2020-03-29T00:00:00+01:00", "01:00"]),
    ],
)
def test_moments_are_shown_and_cut_by_the_zone(files: Files, zone: str, shown: list[str]) -> None:
    """With how far its clocks are ahead of UTC."""
    moment = "make_timestamptz(1585440000000 * 1000)"
    sql = f"SELECT {moment}, date_trunc('day', {moment}), strftime({moment}, '%H:%M')"

    assert [shown] == asked(files, sql, days=Question(0, 1, zone=zone))["rows"]


def test_payments_are_those_of_the_days_to_the_millisecond(files: Files) -> None:
    """Whatever else their files have; labels are all there are."""
    days = Question(MONDAY_MS + 1, MONDAY_MS + 4_000)

    assert [["p1"]] == asked(files, "SELECT transaction_id FROM payments", days=days)["rows"]
    assert [[2]] == asked(files, "SELECT count(*) FROM labels", days=days)["rows"]


def test_a_zone_that_queries_do_not_know_is_said(files: Files) -> None:
    """Python may know more of them."""
    answer = asked(files, "SELECT 1", days=Question(0, 1, zone="It's/Nowhere"))

    assert {"error": "queries do not know the time zone It's/Nowhere: choose another one"} == answer
