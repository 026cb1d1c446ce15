"""What rules would have done lately, judged on archived decisions: the same figures as a backtest's."""

import asyncio
import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from fraudstream.backtest.lately import Lately, as_if_active
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.lists.entries import Change, Listed, Listing
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.times import DAY_MS, HOUR_MS
from tests.archive_rows import archived, decision
from tests.backtest.archives import CARD, backtest, candidate, filled, label, stream_of, write
from tests.builders import CountingModel

OFTEN = Rule("often", "num_trans_last_10m > 2 AND amount < avg_amt_last_1w", "review")
HUGE = Rule("huge", "amount / 3 > 200", "block", pass_share=0.2)
LIKELY = Rule("likely", "probability > fraud_threshold", "review")
THRESHOLD = Detector.of(CountingModel(), CARD).fraud_threshold


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of ten days with labels and payments that were sent again."""
    archive = asyncio.run(filled(tmp_path_factory.mktemp("archive"), stream_of(1500)))
    fraud, good = ([f"p{number}" for number in range(first, 1500, 7)] for first in (0, 1))
    label(archive, fraud, good, int(stream_of(1500)["event_time"].max()) + DAY_MS)  # type: ignore[arg-type]
    return archive


def lately(archive: Path) -> Lately:
    """Return its newest days."""
    return Lately(archive, CARD, THRESHOLD)


def alerts_now(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of alerts that need no labels of other payments, with labels as known now."""
    return {
        **figures["alerts"],
        "then": None,
        "now": {**figures["alerts"]["now"], "recall": 0, "missed_fraud_amount": 0},
    }


def ids(report: dict[str, Any]) -> list[Any]:
    """Return how decisions change, with the ids of the examples."""
    return [
        (
            each["from"],
            each["to"],
            each["payments"],
            each["now"],
            [row["transaction_id"] for row in each["examples"]],
        )
        for each in report["changes"]
    ]


def test_figures_are_those_of_a_backtest_of_the_same_days(archive: Path) -> None:
    """Rules on windows, weeks, score and threshold, one with a share left alone; in total, by rule, a day, and as examples."""
    tried = lately(archive).tried(Ruleset([OFTEN, HUGE, LIKELY]), capacity=3)
    since_ms = int(stream_of(1500)["event_time"].max()) // DAY_MS * DAY_MS - 6 * DAY_MS  # type: ignore[arg-type]
    exact = backtest(archive, candidate(OFTEN, HUGE, LIKELY), since_ms=since_ms, capacity=3)
    figures = exact["candidate_figures"]

    assert 0 < exact["changed"]
    assert {} == exact["not_compared"]
    assert exact["payments"] + exact["repeated"] == tried["decisions"]
    assert figures["rules"] == tried["rules"]
    assert figures["overlap"] == tried["overlap"]
    assert alerts_now(figures) == alerts_now(tried)
    assert alerts_now(exact["champion_figures"]) == alerts_now(tried["archived"])
    assert figures["alerts_a_day"] == tried["alerts_a_day"]
    assert ids(exact) == ids(tried)
    assert [] == tried["not_reproduced"]


def test_a_rule_that_judges_nothing_yet_is_tried_as_if_it_did(archive: Path) -> None:
    """A draft finds what the active rule finds; the others keep their states."""
    draft = Rule("often", OFTEN.when, "review", state="draft")
    tried = lately(archive).tried(as_if_active(Ruleset([draft, LIKELY]), "often"))

    assert lately(archive).tried(Ruleset([OFTEN, LIKELY]))["rules"] == tried["rules"]


def test_days_for_which_there_is_no_time_are_left_out_and_counted(archive: Path) -> None:
    """The newest is always looked at."""
    ticks = iter(range(100))
    tried = Lately(archive, CARD, THRESHOLD, clock=lambda: next(ticks)).tried(Ruleset([LIKELY]), within_s=1.5)

    assert (5, 2) == (tried["days_left_out"], tried["alerts_a_day"]["days"])


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Europe/Berlin", "America/New_York"])
def test_days_are_those_of_a_time_zone(archive: Path, zone: str) -> None:
    """Ahead of UTC by half hours, ahead and behind: the same decisions as by Python's clocks, and the same alerts a day."""
    decided = pl.scan_parquet(sorted(archive.glob("date=*/*.parquet"))).collect()
    local = [
        datetime.fromtimestamp(each / 1000, UTC).astimezone(ZoneInfo(zone)).date()
        for each in decided["event_time"]
    ]
    newest = max(local)
    found = decided.with_columns(day=pl.Series(local)).filter(pl.col("day") > newest - timedelta(days=7))
    alerts = found.filter(pl.col("outcome") != "approve").unique("transaction_id").group_by("day").len()
    tested = Lately(archive, CARD, THRESHOLD, zone=zone)
    tried = tested.tried(Ruleset([LIKELY]))

    assert (zone, str(newest - timedelta(days=6)), str(newest)) == (
        tried["zone"],
        tried["first_day"],
        tried["last_day"],
    )
    assert found.height == tried["decisions"]
    assert (7, alerts["len"].max(), alerts["len"].sum() / 7) == (
        tried["archived"]["alerts_a_day"]["days"],
        tried["archived"]["alerts_a_day"]["most"],
        tried["archived"]["alerts_a_day"]["mean"],
    )
    assert dict(Counter(found["rules"].explode().drop_nulls())) == tested.fires()


def test_a_day_on_which_clocks_change_has_its_hours(tmp_path: Path) -> None:
    """The 29th of March 2020 ends in Berlin at ten in the evening of UTC; a day whose folders have payments of others only is none."""
    ends = int(datetime(2020, 3, 29, 22, tzinfo=UTC).timestamp() * 1000)
    begins = ends - 7 * DAY_MS + HOUR_MS
    wednesday = ends - 5 * DAY_MS + 3 * HOUR_MS // 2
    times = [begins - 1, begins, wednesday, ends - 23 * HOUR_MS - 1, ends - 23 * HOUR_MS, ends - 1]
    values = [
        json.dumps(decision(number, event_time=each, outcome="review", probability=1.0)).encode()
        for number, each in enumerate(times)
    ]
    write(tmp_path, archived(values, range(len(values))), "decisions")
    tried = Lately(tmp_path, CARD, THRESHOLD, zone="Europe/Berlin").tried(Ruleset([LIKELY]))

    assert ("2020-03-23", "2020-03-29", 5) == (tried["first_day"], tried["last_day"], tried["decisions"])
    assert (4, 2) == (tried["alerts_a_day"]["days"], tried["alerts_a_day"]["most"])


def test_a_rule_on_what_no_model_took_is_refused(archive: Path) -> None:
    """The sentence says what to use instead."""
    with pytest.raises(SetupError, match=r"do not have amt_change: no model took it.*fraudstream backtest"):
        lately(archive).tried(Ruleset([Rule("changed", "amt_change > 3", "review")]))


def test_lists_are_those_of_now_and_that_is_said(archive: Path) -> None:
    """An entry that ends counts for the payments before its end."""
    table = ListTable()
    times = pl.scan_parquet(sorted(archive.glob("date=*/*.parquet"))).collect()
    card, until_ms = times.sort("event_time").select("card", "event_time").row(-1)
    now = datetime.now(UTC)
    table.apply(Change("deny", None, Listing("card", "deny", "me", now)), 0, 0)
    entry = Listed("me", now, expires_at=datetime.fromtimestamp(until_ms / 1000, UTC))
    table.apply(Change("deny", card, entry), 1, 0)
    tried = lately(archive).tried(Ruleset([Rule("listed", "in_list('deny', card)", "block")]), table)
    first_ms = until_ms // DAY_MS * DAY_MS - 6 * DAY_MS
    own = times.filter(pl.col("card") == card, pl.col("event_time").is_between(first_ms, until_ms - 1))

    assert own["transaction_id"].n_unique() == tried["rules"][0]["payments"]
    assert ["rules ask the list deny: what is on it now counts, not what was on it then"] == tried[
        "not_reproduced"
    ]


def test_a_history_was_not_decided(tmp_path: Path) -> None:
    """There is nothing to judge."""
    day = tmp_path / "date=2026-11-01"
    day.mkdir()
    pl.DataFrame({"tid": ["a"], "cc_num": [1], "amount": [2.0], "event_time": [0]}).write_parquet(
        day / "a.parquet"
    )

    with pytest.raises(SetupError, match="is a history: its payments were not decided"):
        lately(tmp_path).tried(Ruleset([LIKELY]))


def test_what_some_days_lack_is_said(archive: Path, tmp_path: Path) -> None:
    """Scores of two models, and a feature that was published from some day on."""
    copy = tmp_path / "archive"
    shutil.copytree(archive, copy)
    newest = max(copy.glob("date=*"))
    for path in newest.glob("*.parquet"):
        rows = pl.read_parquet(path, hive_partitioning=False)
        rows.with_columns(model_version=pl.lit("9.9"), amt_change=pl.lit(5.0)).write_parquet(path)
    tried = lately(copy).tried(Ruleset([Rule("changed", "amt_change > 3", "review")]))

    assert (
        "decisions of 6 of these days do not have amt_change: what compares it does not hold there"
        in (tried["not_reproduced"])
    )
    assert "were scored by models" in tried["not_reproduced"][0]
    assert tried["alerts"]["payments"] == tried["rules"][0]["payments"] > 0
