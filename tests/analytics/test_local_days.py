"""Days of a time zone: compared with what Python's clocks say, moment by moment."""

import asyncio
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.analytics.attacks import alerts_by_day
from fraudstream.analytics.decided import Question
from fraudstream.analytics.expected import label_delays
from fraudstream.analytics.figures import figures
from fraudstream.analytics.local_clocks import local_ms
from fraudstream.domain.labels import Label
from fraudstream.domain.local_days import day_begins_ms, day_ends_ms, days_earlier_ms, local_day
from fraudstream.domain.times import DAY_MS, HOUR_MS
from tests.analytics.history import write

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Havana",  # changes its clocks at midnight
    "Asia/Beirut",  # has days without midnight
    "Asia/Kathmandu",  # is 5 h 45 min ahead
    "Australia/Lord_Howe",  # changes its clocks by half an hour
    "Pacific/Kiritimati",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPRING = date(2020, 3, 29)
"""It has 23 hours in Berlin."""


def ms(moment: datetime) -> int:
    """Return epoch ms."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(
    st.sampled_from(ZONES),
    st.integers(ms(datetime(2019, 1, 1, tzinfo=UTC)), ms(datetime(2026, 1, 1, tzinfo=UTC))),
    st.lists(st.integers(0, 800 * DAY_MS), min_size=1, max_size=30),
)
def test_sql_knows_what_clocks_show(zone: str, since_ms: int, after_ms: list[int]) -> None:
    """At any moment of any 800 days."""
    moments = [since_ms + each for each in after_ms]
    shown = local_ms("moment", zone, since_ms, since_ms + 800 * DAY_MS)
    found = duckdb.sql(f"SELECT {shown} FROM (SELECT unnest({moments})::BIGINT AS moment)").fetchall()
    clocks = [datetime.fromtimestamp(each / 1000, UTC).astimezone(ZoneInfo(zone)) for each in moments]

    assert [ms(each.replace(tzinfo=UTC)) for each in clocks] == pytest.approx(
        [row[0] for row in found], abs=1
    )


@given(st.sampled_from(ZONES), st.dates(date(2019, 1, 1), date(2028, 1, 1)))
def test_a_day_has_exactly_its_moments(zone: str, day: date) -> None:
    """The first and the last are of it, and those beside them are not."""
    begins, ends = day_begins_ms(day, zone), day_ends_ms(day, zone)

    assert [day, day] == [local_day(begins, zone), local_day(ends - 1, zone)]
    assert day - timedelta(days=1) == local_day(begins - 1, zone)
    assert day + timedelta(days=1) == local_day(ends, zone)


@given(st.sampled_from(ZONES), st.dates(date(2019, 1, 1), date(2028, 1, 1)), st.integers(0, 400))
def test_some_days_before_the_beginning_of_a_day_another_one_begins(zone: str, day: date, days: int) -> None:
    """However many hours are between them."""
    before = day_begins_ms(day - timedelta(days=days), zone)

    assert before == days_earlier_ms(day_begins_ms(day, zone), days, zone)


def test_days_are_longer_and_shorter_when_clocks_change() -> None:
    """In Berlin by an hour; a day of Beirut begins at one o'clock."""
    berlin = [
        (day_ends_ms(day, "Europe/Berlin") - day_begins_ms(day, "Europe/Berlin")) / HOUR_MS
        for day in (SPRING, date(2020, 10, 25), date(2020, 10, 26))
    ]
    first = datetime.fromtimestamp(day_begins_ms(SPRING, "Asia/Beirut") / 1000, ZoneInfo("Asia/Beirut"))

    assert [23, 25, 24] == berlin
    assert (SPRING, 1) == (first.date(), first.hour)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-3 * 24 * 60, 3 * 24 * 60), min_size=1, max_size=20), st.sampled_from(ZONES[1:4]))
def test_figures_are_of_the_zone_s_days_weeks_and_months(minutes: list[int], zone: str) -> None:
    """Around the end of a month, in whose last week clocks change."""
    at = [ms(datetime(2020, 3, 30, 22, tzinfo=UTC)) + each * 60_000 for each in minutes]
    days = [local_day(each, zone) for each in at]
    first, last = date(2020, 3, 26), date(2020, 4, 5)
    question = Question(day_begins_ms(first, zone), day_ends_ms(last, zone), zone=zone)
    starts = {
        "day": days,
        "week": [day - timedelta(days=day.weekday()) for day in days],
        "month": [day.replace(day=1) for day in days],
    }
    with tempfile.TemporaryDirectory() as directory:
        archive = write(Path(directory), [{"event_time": each} for each in at])
        for period, expected in starts.items():
            rows = asyncio.run(archive.ask(question, partial(figures, by=period))) or []

            assert Counter(map(str, expected)) == {row["group"]: row["payments"] for row in rows[:-1]}


def test_alerts_and_labels_are_counted_on_the_zone_s_days(tmp_path: Path) -> None:
    """Half past eleven in the evening of UTC is the next day in Berlin; the label of that day's evening comes on it."""
    zone = "Europe/Berlin"
    late = ms(datetime(2020, 3, 28, 23, 30, tzinfo=UTC))
    payments = [{"event_time": late, "outcome": "review"}, {"event_time": late - 2 * HOUR_MS}]
    labels = [
        Label("p0", True, ms(datetime(2020, 3, 29, 21, 59, tzinfo=UTC))),
        Label("p1", False, ms(datetime(2020, 3, 29, 22, 0, tzinfo=UTC))),
    ]
    archive = write(tmp_path, payments, labels)
    before = SPRING - timedelta(days=1)
    question = Question(day_begins_ms(before, zone), day_ends_ms(SPRING, zone), zone=zone)

    rows = asyncio.run(archive.ask(question, alerts_by_day)) or []
    assert [(str(before), 0), (str(SPRING), 1)] == [(row["day"], row["alerts"]) for row in rows]
    assert {SPRING: {0: 1}, before: {2: 1}} == asyncio.run(archive.ask(question, label_delays))
