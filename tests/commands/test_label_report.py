"""`fraudstream labels report`: a table or JSON, with what has to be said of it."""

import asyncio
import json
from pathlib import Path

import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.domain.labels import Label, archived_labels, encode
from fraudstream.settings import Settings
from tests.archive_rows import MONDAY_MS, archived, encoded
from tests.commands.running import fraudstream


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with an archive of three payments of a day, one of them blocked, and two labels."""
    objects = LocalObjects(tmp_path)
    outcomes = ("approve", "review", "block")
    values = [encoded(number, outcome=outcome, amount=10.0) for number, outcome in enumerate(outcomes)]
    asyncio.run(Lake(objects).write(Stream("decisions", 0), archived(values, [0, 1, 2]), {}))
    labels = [Label("p0", True, MONDAY_MS + 9, "chargeback"), Label("p1", True, MONDAY_MS + 5, "review")]
    known = archived_labels([encode(label) for label in labels], [0, 1])
    asyncio.run(labels_lake(objects).write(Stream("labels", 0), known, {}))
    return Settings(archive=str(tmp_path))


def test_it_prints_a_row_a_day_and_the_total(settings: Settings) -> None:
    """And says that the blocked payment has no label."""
    done = fraudstream(settings, "labels", "report")
    header, day, total = done.stdout.splitlines()

    assert 0 == done.returncode, done.stderr
    assert header.split()[:3] == ["day", "payments", "alerts"]
    assert [
        "2020-02-03",
        "3",
        "2",
        "1",
        "2",
        "2",
        "1",
        "1",
        "1.000",
        "0.500",
        "10.00",
        "10.00",
    ] == day.split()
    assert "total" == total.split()[0]
    assert "1 payments have no label yet" in done.stderr
    assert "1 blocked payments have no label and may never get one" in done.stderr


def test_json_says_what_was_known_at_a_time(settings: Settings) -> None:
    """Before the chargeback came, nothing was missed."""
    done = fraudstream(settings, "labels", "report", "--json", "--known-until", "2020-02-03T00:00:00.006")
    found = json.loads(done.stdout)

    assert 0 == done.returncode, done.stderr
    assert (1.0, 0) == (found["total"]["recall"], found["days"][0]["missed"])


def test_no_payments_on_these_days_is_said(settings: Settings) -> None:
    """With exit code 1."""
    done = fraudstream(settings, "labels", "report", "--since", "2021-01-01")

    assert 1 == done.returncode
    assert "no decided payments on these days" in done.stderr
