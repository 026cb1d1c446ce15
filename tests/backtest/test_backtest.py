"""Backtests: figures by hand, any slices, and what an archive cannot reproduce."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.features.variable_inputs import VariableInput, VariableInputs
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.rules import Rule
from fraudstream.domain.times import DAY_MS
from tests.backtest.archives import CARD, backtest, candidate, changed, filled, label, stream_of
from tests.builders import CountingModel, SameWeek
from tests.fakes import MemoryWeekly

ROOT = Path(__file__).parents[2]
MONDAY_MS = 1_580_688_000_000
LARGE = Rule("large", "amount > 100", "review")
HUGE = Rule("huge", "amount > 1000", "block")


def history(directory: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a history of these payments, a folder a day."""
    frame = pl.DataFrame(
        [
            {"tid": f"p{number}", "cc_num": 4_006_080_000_000_000 + number, **row}
            for number, row in enumerate(rows)
        ]
    )
    for (day,), of_day in frame.group_by(pl.from_epoch("event_time", "ms").dt.date(), maintain_order=True):
        folder = directory / f"date={day}"
        folder.mkdir(parents=True)
        of_day.write_parquet(folder / "payments.parquet")
    return directory


def test_figures_are_those_that_a_person_counts(tmp_path: Path) -> None:
    """Five payments on two days; fraud 50, 500 and 5000, good 200, one of 2000 without a label."""
    day = history(
        tmp_path,
        [
            {"amount": 50.0, "event_time": MONDAY_MS + 1000, "is_fraud": True},
            {"amount": 500.0, "event_time": MONDAY_MS + 2000, "is_fraud": True},
            {"amount": 200.0, "event_time": MONDAY_MS + 3000, "is_fraud": False},
            {"amount": 5000.0, "event_time": MONDAY_MS + DAY_MS, "is_fraud": True},
            {"amount": 2000.0, "event_time": MONDAY_MS + DAY_MS + 1, "is_fraud": None},
        ],
    )
    report = backtest(day, candidate(LARGE, HUGE), candidate(Rule("all", "amount > 0", "review")), capacity=1)
    figures = report["candidate_figures"]
    large, huge = figures["rules"]

    assert ("history", 5, 5, {}) == tuple(
        report[key] for key in ("source", "payments", "compared", "not_compared")
    )
    assert {"approve": 1, "review": 2, "block": 2} == figures["outcomes"]
    assert (2, 1, 1) == tuple(figures["alerts"]["now"][key] for key in ("fraud", "good", "unlabelled"))
    assert (2 / 3, 2 / 3, 5500.0, 50.0) == tuple(
        figures["alerts"]["now"][key]
        for key in ("precision", "recall", "fraud_amount", "missed_fraud_amount")
    )
    assert (4, 2, 2, 0) == (
        *(rule["payments"] for rule in (large, huge)),
        *(rule["only_this_rule"]["payments"] for rule in (large, huge)),
    )
    assert [{"rules": ["large", "huge"], "payments": 2}] == figures["overlap"]
    assert {
        "days": 2,
        "mean": 2.0,
        "most": 2,
        "capacity": 1,
        "days_over_capacity": 2,
        "alerts_over_capacity": 2,
    } == figures["alerts_a_day"]
    assert {("review", "approve"): 1, ("review", "block"): 2} == {
        (each["from"], each["to"]): each["payments"] for each in report["changes"]
    }
    assert {"p0"} == {each["transaction_id"] for each in report["changes"][0]["examples"]}
    assert 3 == report["champion_figures"]["alerts"]["now"]["fraud"]


class ScaledModel(CountingModel):
    """A model with a scale, and with an input that is made of the event's time."""

    features = (*CountingModel.features, "event_time_hour")
    inputs = VariableInputs((VariableInput("event_time", "hour"),))
    scale = InsightScale.measured(np.zeros(100), np.linspace(0, 0.5, 100))


def test_rules_of_the_insight_score_are_tried(tmp_path: Path) -> None:
    """Two payments in a minute have a probability above all legitimate ones; reasons are told, too."""
    day = history(
        tmp_path,
        [{"amount": 50.0, "event_time": MONDAY_MS + 1000 * second, "cc_num": 4} for second in (0, 1, 2)],
    )
    rare = Rule("rare", "insight_score >= 900", "block")

    report = backtest(
        day, candidate(rare, model=ScaledModel()), candidate(Rule("none", "amount < 0", "review"))
    )

    assert {"approve": 1, "review": 0, "block": 2} == report["candidate_figures"]["outcomes"]
    assert [2] == [each["payments"] for each in report["changes"]]
    assert report["changes"][0]["examples"][0]["reasons"]


async def test_the_figures_do_not_depend_on_the_slices(tmp_path: Path) -> None:
    """One slice or one a day: windows and weeks look back beyond their beginning."""
    archive = await filled(tmp_path, stream_of(1500))
    label(
        archive,
        [f"p{number}" for number in range(0, 1500, 7)],
        [f"p{number}" for number in range(1, 1500, 7)],
        MONDAY_MS,
    )
    tested = candidate(Rule("often", "num_trans_last_10m > 2 AND amount < avg_amt_last_1w", "review"), HUGE)
    whole = backtest(archive, tested)

    assert whole == backtest(archive, tested, rows_at_once=1)
    assert 1300 < whole["compared"] == whole["payments"]
    assert 20 < whole["repeated"]
    assert 0 == whole["in_no_slice"]
    assert 10 < whole["changed"]


async def test_labels_count_as_known_then_and_as_known_now(tmp_path: Path) -> None:
    """A label counts then if it was known when its payment came, or so many days later."""
    archive = await filled(tmp_path, stream_of(300))
    first_ms = int(stream_of(300)["event_time"].min() or 0)  # type: ignore[call-overload]
    label(archive, ["p1"], ["p2"], first_ms - 1)
    label(archive, ["p3"], ["p4", "p1"], first_ms + 30 * DAY_MS)
    labels = [
        backtest(archive, candidate(), label_delay_ms=days * DAY_MS)["candidate_figures"]["decided"]
        for days in (0, 40)
    ]

    assert [(1, 1), (1, 3)] == [(each["then"]["fraud"], each["then"]["good"]) for each in labels]
    assert [(1, 3), (1, 3)] == [(each["now"]["fraud"], each["now"]["good"]) for each in labels]


def causes(report: dict[str, Any]) -> dict[str, int]:
    """Return how many payments are not compared, by cause."""
    return {cause: each["payments"] for cause, each in report["not_compared"].items()}


async def test_the_same_detector_changes_nothing_in_an_archive(tmp_path: Path) -> None:
    """Every payment is compared, and nothing would change: the archive has all that was known."""
    report = backtest(await filled(tmp_path, stream_of(600)), candidate())

    assert ("archive", {}, 0) == (report["source"], causes(report), report["changed"])
    assert 500 < report["compared"] == report["payments"]


async def test_weeks_that_begin_before_the_archive_are_those_of_the_decisions(tmp_path: Path) -> None:
    """The first days of an archive are gone; only windows that reach into them cannot be reproduced."""
    archive = await filled(tmp_path, stream_of(600))
    begin_ms = stream_of(600)["event_time"].max() // DAY_MS * DAY_MS - 2 * DAY_MS  # type: ignore[operator]
    changed(archive, lambda rows: rows.filter(pl.col("event_time") >= begin_ms))
    report = backtest(archive, candidate())

    assert 0 == report["changed"]
    assert {"window-before-archive"} >= causes(report).keys()
    assert 20 < report["weeks_as_decided"] <= report["compared"]


async def test_payments_that_are_missing_in_the_archive_are_said(tmp_path: Path) -> None:
    """Every fifth decision is gone: windows and weeks with them are not compared."""
    archive = await filled(tmp_path, stream_of(600))
    changed(archive, lambda rows: rows.filter(pl.col("decision_offset") % 5 != 0))
    report = backtest(archive, candidate())

    assert {"payments-missing"} == causes(report).keys()
    assert report["payments"] == report["compared"] + causes(report)["payments-missing"]


async def test_decisions_without_their_week_are_not_compared(tmp_path: Path) -> None:
    """The store had no night at all; a payment without payments in its week is the same without it."""
    archive = await filled(tmp_path, stream_of(600), weekly=MemoryWeekly({}))
    report = backtest(archive, candidate())

    assert {"week-missing"} == causes(report).keys()
    assert report["payments"] == report["compared"] + causes(report)["week-missing"]


async def test_weeks_of_other_payments_are_said(tmp_path: Path) -> None:
    """A store that answers the same for everybody; only in the archive's first week nobody can tell, and it is taken as it was."""
    report = backtest(await filled(tmp_path, stream_of(300), weekly=SameWeek()), candidate())

    assert {"payments-missing"} == causes(report).keys()
    assert (
        report["weeks_as_decided"]
        == report["compared"]
        == report["payments"] - causes(report)["payments-missing"]
    )
    assert 0 == report["changed"]


def test_payments_that_arrived_days_later_are_counted(tmp_path: Path) -> None:
    """Nobody reads so far ahead: a payment in the folder of four days later is in no slice, and that is said."""
    days = history(
        tmp_path,
        [{"amount": 50.0, "event_time": MONDAY_MS + day * DAY_MS, "is_fraud": True} for day in (0, 9)],
    )
    late = pl.read_parquet(days / "date=2020-02-03/payments.parquet").with_columns(tid=pl.lit("late"))
    late.write_parquet(days / "date=2020-02-12/late.parquet")
    report = backtest(days, candidate(), candidate(), rows_at_once=1)

    assert (2, 0, 1) == (report["payments"], report["repeated"], report["in_no_slice"])


def test_rules_that_ask_lists_are_refused() -> None:
    """They would all be empty, and the backtest wrong without a word."""
    with pytest.raises(SetupError, match="ask the list trusted, and what was on lists"):
        candidate(Rule("listed", "in_list('trusted', merchant)", "approve"))


def test_a_time_without_payments_is_said(tmp_path: Path) -> None:
    """With the days that there are."""
    day = history(tmp_path, [{"amount": 50.0, "event_time": MONDAY_MS, "is_fraud": True}])

    with pytest.raises(SetupError, match="it has those of 2020-02-03 to 2020-02-03"):
        backtest(day, candidate(), candidate(), since_ms=MONDAY_MS + DAY_MS)


async def test_features_that_are_declared_now_and_not_in_the_archive_are_said(tmp_path: Path) -> None:
    """Another declaration of the event type."""
    text = (ROOT / "fraudstream/event_types/card.toml").read_text()
    more = Declaration(
        text + '\n[velocity]\nshops = { function = "distinct", of = "merchant", window = "1h" }\n', "x"
    ).read()
    report = backtest(await filled(tmp_path, stream_of(300)), candidate(event_type=more), event_type=more)

    assert 0 == report["compared"]
    assert {"declared-otherwise": report["payments"]} == causes(report)
    assert CARD.name == report["event_type"]
