"""The nightly job: what it publishes, what it refuses, and what it catches up with."""

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.domain.times import midnight_ms
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import Week
from fraudstream.domain.weekly_aggregates import WeeklyAggregates, declared
from fraudstream.offline.aggregate import Job, SuspiciousNight
from fraudstream.offline.dataset import Dataset

MONDAY = date(2020, 2, 3)
DAY = timedelta(days=1)


def write_day(history: Path, day: date, cards: int) -> Path:
    """Write one payment of 10.00 for each of so many cards at noon."""
    folder = history / f"date={day}"
    folder.mkdir(parents=True)
    columns = {
        "tid": [f"{day}-{card}" for card in range(cards)],
        "cc_num": [4_006_080_000_000_000 + card for card in range(cards)],
        "event_time": [midnight_ms(day) + 43_200_000] * cards,
        "amount": [10.0] * cards,
    }
    pl.DataFrame(columns).write_parquet(folder / "payments.parquet")
    return folder / "payments.parquet"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Return a job over ten days of a hundred cards."""
    for number in range(10):
        write_day(tmp_path / "history", MONDAY + DAY * number, cards=100)
    return Job(tmp_path / "history", tmp_path / "weekly", Tokenizer(bytes(32)))


def test_the_manifest_says_what_the_aggregates_were_computed_from(job: Job) -> None:
    """Rows, payments, engine, and every file with its checksum."""
    manifest = job.run(MONDAY + DAY * 8)

    assert ("2020-02-11", 100, 700, 7, "duckdb") == tuple(
        manifest[name] for name in ("as_of", "rows", "payments", "days", "engine")
    )
    files = [f"date={MONDAY + DAY * number}/payments.parquet" for number in range(1, 9)]
    assert files == [source["file"] for source in manifest["sources"]]
    content = (job.history_dir / files[0]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest["sources"][0]["sha256"]
    assert manifest == json.loads((job.weekly_dir / "2020-02-11.json").read_text())


def test_training_learns_from_the_means_that_are_served(tmp_path: Path) -> None:
    """Also of a raw history with three decimals, many of them halves of a cent: not a bit of a week's mean differs."""
    chance = np.random.default_rng(12)
    cards, payments = 50, 5000
    week = pl.DataFrame(
        {
            "cc_num": 4_006_080_000_000_000 + chance.integers(0, cards, payments),
            "amount": (chance.integers(0, 2000, payments) * 5 - 500) / 1000,
            "event_time": midnight_ms(MONDAY) + np.arange(payments) * 1000,
        }
    )
    after = week.group_by("cc_num").first().with_columns(event_time=midnight_ms(MONDAY + DAY) + 1)
    for day, paid in ((MONDAY, week), (MONDAY + DAY, after)):
        folder = tmp_path / f"history/date={day}"
        folder.mkdir(parents=True)
        paid.with_columns(is_fraud=pl.lit(value=False)).write_parquet(folder / "payments.parquet")
    tokenizer = Tokenizer(bytes(32))
    Job(tmp_path / "history", tmp_path / "weekly", tokenizer).run(MONDAY + DAY)
    served = newest_snapshot(tmp_path / "weekly").weeks
    learnt = Dataset.of_history(tmp_path / "history").frame[payments:]

    assert cards == len(served) == learnt.height
    weeks = learnt.select("num_trans_last_1w", "avg_amt_last_1w").rows()
    assert [served[tokenizer.token(str(number))][:2] for number in after["cc_num"]] == weeks


def test_the_job_may_be_repeated_for_a_midnight(job: Job) -> None:
    """Same payments, same file, same manifest."""
    assert job.run(MONDAY + DAY * 8) == job.run(MONDAY + DAY * 8)
    assert 1 == len(list(job.weekly_dir.glob("*.parquet")))


def test_missed_midnights_are_computed_oldest_first(job: Job) -> None:
    """As many as a store keeps; what is there stays as it is, and the future is never published."""
    nights: list[date] = []

    made = job.catch_up(MONDAY + DAY * 9, nights.append)
    again = job.catch_up(MONDAY + DAY * 9, nights.append)

    assert [MONDAY + DAY * 8, MONDAY + DAY * 9] == nights
    assert ["2020-02-11", "2020-02-12"] == [manifest["as_of"] for manifest in made]
    assert [] == again
    assert midnight_ms(MONDAY + DAY * 9) == newest_snapshot(job.weekly_dir).as_of_ms


def test_catching_up_ends_where_the_history_ends(job: Job) -> None:
    """Long after the last payment there is nothing to aggregate."""
    made = job.catch_up(MONDAY + DAY * 300, lambda night: None)

    assert ["2020-02-12", "2020-02-13"] == [manifest["as_of"] for manifest in made]


def test_aggregates_without_half_of_the_cards_are_refused_and_nothing_changes(job: Job) -> None:
    """A source that stopped must not make all cards look new."""
    job.run(MONDAY + DAY * 10)
    for number in range(10, 18):
        write_day(job.history_dir, MONDAY + DAY * number, cards=49)

    with pytest.raises(SuspiciousNight, match=r"49 entities .* 100 had some in the week before 2020-02-13"):
        job.run(MONDAY + DAY * 18)

    assert midnight_ms(MONDAY + DAY * 10) == newest_snapshot(job.weekly_dir).as_of_ms


def test_force_publishes_it_all_the_same(job: Job, tmp_path: Path) -> None:
    """Sometimes half of the cards really are gone."""
    job.run(MONDAY + DAY * 10)
    for number in range(10, 18):
        write_day(job.history_dir, MONDAY + DAY * number, cards=49)

    forced = Job(job.history_dir, job.weekly_dir, job.tokenizer, force=True)

    assert 49 == forced.run(MONDAY + DAY * 18)["rows"]


def test_a_week_without_payments_is_refused(tmp_path: Path) -> None:
    """A day's file may be there and hold nothing of the week."""
    path = write_day(tmp_path / "history", MONDAY, cards=1)
    pl.read_parquet(path).clear().write_parquet(path)

    with pytest.raises(SuspiciousNight, match="there are no payments in the week"):
        Job(tmp_path / "history", tmp_path / "weekly", Tokenizer(bytes(32))).run(MONDAY + DAY)


def test_different_values_of_a_card_by_number_and_by_token_are_not_published(job: Job) -> None:
    """A value may be among both, so that neither their sum nor the larger is right; --force takes the larger."""
    number, token = 4_006_080_000_000_000, job.tokenizer.token("4006080000000000")
    place = job.history_dir / f"date={MONDAY + DAY}/payments.parquet"
    paid = pl.read_parquet(place)
    archived = paid.filter(pl.col("cc_num") == number).with_columns(tid=pl.lit("x"), card=pl.lit(token))
    archived.drop("cc_num").write_parquet(place.with_name("archived.parquet"))
    weekly = WeeklyAggregates((declared("amounts", "distinct", 2, "amount"),))
    strict, forced = replace(job, weekly=weekly), replace(job, weekly=weekly, force=True)

    with pytest.raises(SuspiciousNight, match="1 cards are in the history both by number and by token"):
        strict.run(MONDAY + DAY * 2)
    manifest = forced.run(MONDAY + DAY * 2)
    week = newest_snapshot(job.weekly_dir, weekly.layout).weeks[token]

    assert Week(3, 10.0, (1,)) == week
    assert manifest["layout"] == weekly.layout


def test_aggregates_of_another_declaration_are_computed_again(job: Job) -> None:
    """Catching up treats them as missing."""
    weekly = WeeklyAggregates((declared("often", "count", 30),))
    until = MONDAY + DAY * 20

    assert 2 == len(job.catch_up(until, lambda night: None))
    assert [] == job.catch_up(until, lambda night: None)
    assert 2 == len(replace(job, weekly=weekly).catch_up(until, lambda night: None))
    assert {10} == {week.declared[0] for week in newest_snapshot(job.weekly_dir).weeks.values()}
