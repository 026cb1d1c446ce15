"""Drift: a shift is found, chance is not, and what is too little is said."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.backtest.source import Source
from fraudstream.domain.distribution import Distribution
from fraudstream.domain.times import DAY_MS
from fraudstream.drift.comparing import compared
from fraudstream.drift.report import Drift
from fraudstream.offline.ranges import ranges_in, ranges_of
from tests.archive_rows import MONDAY_MS, archived, decision
from tests.backtest.archives import label, write

CARD = event_type_named("card")


def test_a_distribution_counts_what_is_below_above_and_missing() -> None:
    """Ten bins of the numbers from 1 to 100; as JSON it is the same."""
    trained = Distribution.of(np.arange(1, 101, dtype=np.float32))
    again = Distribution.of_description(json.loads(json.dumps(trained.described())))
    found = again.counted(np.array([0.5, 1, 10, 11, 100, 101, 1000, np.nan], np.float32))

    assert [0, *[10] * 10, 0, 0] == trained.bins.tolist()
    assert [1, 2, 1, *[0] * 7, 1, 2, 1] == found.tolist()


def test_distributions_of_parts_add_up_to_that_of_the_whole() -> None:
    """Also where a part has no number."""
    values = np.append(np.random.default_rng(1).normal(size=1000), [np.nan] * 3).astype(np.float32)
    whole = Distribution.of(values)
    parts = [Distribution.by(whole.edges, part) for part in (values[:10], values[10:1000], values[1000:])]

    assert whole == parts[0] + parts[1] + parts[2]


@pytest.mark.parametrize("constant", [0.0, 5.0])
def test_a_feature_that_was_constant_drifts_when_it_changes(constant: float) -> None:
    """It has one bin, and everything else lies outside."""
    trained = Distribution.of(np.full(5000, constant, np.float32))
    same = compared("x", trained.bins, trained.counted(np.full(2000, constant, np.float32)), 1)
    other = compared("x", trained.bins, trained.counted(np.full(2000, constant - 1, np.float32)), 1)

    assert not same.drifted
    assert other.drifted


def test_samples_of_the_same_rarely_drift_and_a_shift_is_found() -> None:
    """A hundred samples each: none of the same is drift; all of those shifted by half a standard deviation are."""
    chance = np.random.default_rng(2)
    trained = Distribution.of(chance.normal(size=50_000).astype(np.float32))

    def drifted(shift: float, payments: int) -> list[bool | None]:
        return [
            compared(
                "x",
                trained.bins,
                trained.counted((chance.normal(size=payments) + shift).astype(np.float32)),
                10,
            ).drifted
            for _ in range(100)
        ]

    assert {False} == set(drifted(0.0, 2000))
    assert {True} == set(drifted(0.6, 2000))
    assert {None} == set(drifted(0.0, 50))


def test_the_number_of_payments_that_are_needed_is_that_at_which_a_shift_is_found() -> None:
    """With so many, a PSI of about 0.2 is excluded from chance in about nine of ten samples."""
    chance = np.random.default_rng(3)
    before = np.full(10, 10_000)
    share = np.array([1.62, 1.35, 1.2, 1.1, 1.0, 0.93, 0.86, 0.78, 0.66, 0.5]) / 10
    psi = float(((share - 0.1) * np.log(share / 0.1)).sum())
    needed = compared("x", before, np.full(10, 50), 1).needed
    payments = round(needed * 0.2 / psi)
    found = [compared("x", before, chance.multinomial(payments, share), 1) for _ in range(1000)]

    assert 100 < needed < 1000
    assert 0.85 <= np.mean([each.p_value < 0.01 for each in found])


def test_little_to_compare_with_cannot_tell_whatever_comes() -> None:
    """A hundred payments before: no number of new ones is enough to say that nothing changed."""
    found = compared("x", np.full(10, 10), np.full(10, 1000), 1)

    assert (0, None) == (found.needed, found.drifted)


def archive(directory: Path, weeks: list[dict[str, Any]]) -> Path:
    """Write 2,000 decisions a week; each week changes amounts by a factor, and has its outcome and reasons."""
    chance = np.random.default_rng(4)
    number = 0
    for week, changed in enumerate(weeks):
        values = []
        for _ in range(2000):
            amount = round(float(chance.lognormal()) * changed.get("factor", 1.0), 2)
            alert = chance.random() < changed.get("alerts", 0.2)
            said = decision(
                number,
                event_time=MONDAY_MS + week * 7 * DAY_MS + int(chance.integers(0, 7 * DAY_MS)),
                amount=amount,
                features={"amount": amount, "amt_ratio1": float(chance.random())},
                outcome="review" if alert else "approve",
                rules=["large"] if alert else [],
                reasons=[f"amount of {amount}"] if alert else [],
            )
            values.append(json.dumps(said).encode())
            number += 1
        write(directory, archived(values, range(number - 2000, number)), f"decisions-{week}")
    return directory


def ranges() -> dict[str, Distribution]:
    """Return what training knew: amounts and a ratio."""
    chance = np.random.default_rng(5)
    frame = pl.DataFrame({"amount": chance.lognormal(size=20_000), "amt_ratio1": chance.random(20_000)})
    manifest = {"ranges": ranges_of(frame, ("amount", "amt_ratio1"))}
    return ranges_in(json.loads(json.dumps(manifest)))


def test_nothing_drifts_when_weeks_are_alike(tmp_path: Path) -> None:
    """Against training and against the week before; all of it can be told."""
    report = Drift(Source(archive(tmp_path, [{}, {}]), CARD), ranges(), "card-1.0").report()

    assert ([], []) == (report["drifted"], report["cannot_tell"])
    assert ["amount", "amt_ratio1"] == [each["name"] for each in report["training"]]
    assert ["amount", "amt_ratio1", "outcomes", "rules", "reasons"] == [
        each["name"] for each in report["before"]
    ]


def test_what_changed_is_named(tmp_path: Path) -> None:
    """Amounts are three times as high, and three times as many are alerts; the ratio is what it was."""
    report = Drift(
        Source(archive(tmp_path, [{}, {"factor": 3.0, "alerts": 0.6}]), CARD), ranges(), "card-1.0"
    ).report()

    assert ["amount (training)", "amount (before)", "outcomes (before)", "rules (before)"] == report[
        "drifted"
    ]


def test_a_model_without_ranges_is_said(tmp_path: Path) -> None:
    """It was trained before they were kept."""
    report = Drift(Source(archive(tmp_path, [{}]), CARD), {}, "card-1.0").report()

    assert [] == report["training"] == report["before"]
    assert "the manifest of model card-1.0 has no ranges; train again" == report["why_no_training"]


def at(text: str) -> int:
    """Return epoch ms."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "last_week", "week_before"),
    [
        ("UTC", ("2020-03-24T00:00Z", "2020-03-31T00:00Z"), ("2020-03-17T00:00Z", "2020-03-23T23:59Z")),
        (
            "Asia/Kolkata",
            ("2020-03-23T18:30Z", "2020-03-30T18:30Z"),
            ("2020-03-16T18:30Z", "2020-03-23T18:29Z"),
        ),
        (
            "Europe/Berlin",  # clocks are set forward on the 29th: these seven days have 167 hours
            ("2020-03-23T23:00Z", "2020-03-30T22:00Z"),
            ("2020-03-16T23:00Z", "2020-03-23T22:59Z"),
        ),
    ],
)
def test_days_and_weeks_are_those_of_a_time_zone(
    tmp_path: Path, zone: str, last_week: tuple[str, str], week_before: tuple[str, str]
) -> None:
    """Up to the end of the 30th of March: a payment at the first moment counts, one at the end is of the next day."""
    (start, end), (earlier_start, earlier) = last_week, week_before
    times = [at(start), at(end) - 1, at(end), at(earlier_start), at(earlier), at(earlier_start) - 1]
    values = [
        json.dumps(decision(number, event_time=time_ms, rules=["large"])).encode()
        for number, time_ms in enumerate(times)
    ]
    write(tmp_path, archived(values, range(len(values))), "decisions")
    report = Drift(Source(tmp_path, CARD), {}, "card-1.0", until_ms=at(end), weeks=2, zone=zone).report()

    assert (at(start), 2, 2) == (report["from_ms"], report["payments"], report["payments_before"])
    assert [(at(earlier_start), 2), (at(start), 2)] == [
        (each["from_ms"], each["payments"]) for each in report["precision"]
    ]


def test_the_precision_of_rules_is_given_week_by_week(tmp_path: Path) -> None:
    """By the labels that are known now; those of the second week are still to come."""
    days = archive(tmp_path, [{}, {}])
    first = pl.read_parquet(f"{days}/date=*/decisions-0.parquet").filter(pl.col("rules").list.len() > 0)[
        "transaction_id"
    ]
    label(days, first[:30].to_list(), first[30:].to_list(), MONDAY_MS + 20 * DAY_MS)
    weeks = Drift(
        Source(days, CARD), ranges(), "card-1.0", until_ms=MONDAY_MS + 14 * DAY_MS, weeks=2
    ).report()["precision"]

    assert [(30 / len(first), 0), (None, weeks[1]["payments"])] == [
        (each["precision"], each["unlabelled"]) for each in weeks
    ]
