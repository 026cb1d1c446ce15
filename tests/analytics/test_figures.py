"""Figures of a small history: counted by SQL, by going through it, and as `fraudstream labels report` counts."""

import asyncio
import tempfile
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.filters import FilterError
from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.analytics.figures import figures
from fraudstream.analytics.files import Days
from fraudstream.domain.labels import Label, archived_labels, encode
from fraudstream.offline.label_report import AMOUNTS, COUNTS, Span, daily
from tests.analytics.history import HOUR_MS, question, write
from tests.archive_rows import DAY_MS, MONDAY_MS

PAYMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(["approve", "review", "block"]),
            "amount": st.integers(1, 99_999).map(lambda cents: cents / 100),
            "event_time": st.integers(MONDAY_MS, MONDAY_MS + 3 * DAY_MS - 1),
            "passed_rules": st.sampled_from([[], ["a"]]),
            "propensity": st.sampled_from([1.0, 0.5, 0.25]),
            "degraded": st.sampled_from([[], ["late"]]),
            "labels": st.lists(
                st.tuples(st.integers(0, 5), st.sampled_from([True, False, None])), max_size=2
            ),
        }
    ),
    min_size=1,
    max_size=25,
)


def parts(payments: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Label], list[bool | None]]:
    """Return decisions, labels, and what is known of each payment in the end."""
    decisions = [{name: value for name, value in each.items() if name != "labels"} for each in payments]
    labels, known = [], []
    for number, each in enumerate(payments):
        ordered = sorted(enumerate(each["labels"]), key=lambda numbered: (numbered[1][0], numbered[0]))
        known.append(ordered[-1][1][1] if ordered else None)
        labels += [
            Label(f"p{number}", fraud, MONDAY_MS + day * DAY_MS, "review") for day, fraud in each["labels"]
        ]
    return decisions, labels, known


@settings(max_examples=25, deadline=None)
@given(PAYMENTS)
def test_figures_are_those_of_going_through_the_payments(payments: list[dict[str, Any]]) -> None:
    """A dictionary of sums, in cents."""
    decisions, labels, known = parts(payments)
    expected = dict.fromkeys(("payments", "alerts", "caught", "missed", "wrong_alerts", "degraded"), 0)
    caught = missed = amount = 0
    weighted = 0.0
    for decision, fraud in zip(decisions, known, strict=True):
        alert, cents = decision["outcome"] != "approve", round(decision["amount"] * 100)
        expected["payments"] += 1
        expected["alerts"] += alert
        expected["degraded"] += bool(decision["degraded"])
        expected["caught"] += alert and fraud is True
        expected["missed"] += not alert and fraud is True
        expected["wrong_alerts"] += alert and fraud is False
        caught += cents * (alert and fraud is True)
        missed += cents * (not alert and fraud is True)
        amount += cents
        if fraud and decision["outcome"] != "block" and (alert or decision["passed_rules"]):
            weighted += 1 / decision["propensity"]
    with tempfile.TemporaryDirectory() as directory:
        archive = write(Path(directory), decisions, labels)
        found = asyncio.run(archive.ask(question(), figures))
        reported = asyncio.run(_reported(Path(directory)))

    assert found is not None
    total = found[-1]
    assert expected == {name: total[name] for name in expected}
    assert (caught / 100, missed / 100, amount / 100) == (
        total["caught_amount"],
        total["missed_amount"],
        total["amount"],
    )
    assert weighted == pytest.approx(total["weighted_caught"])
    assert [day["day"] for day in reported] == [each["group"] for each in found[:-1]]
    names = (*COUNTS, *AMOUNTS, "precision", "recall", "weighted_precision", "weighted_recall")
    for day, each in zip(reported, found[:-1], strict=True):
        assert {name: day[name] for name in names} == pytest.approx({name: each[name] for name in names})


async def _reported(directory: Path) -> list[dict[str, Any]]:
    objects = LocalObjects(directory)
    return [day async for day in daily(Lake(objects), labels_lake(objects), Span())]


def test_weeks_begin_on_monday_and_months_on_the_first(tmp_path: Path) -> None:
    """Of Monday the third of February, the Sunday before it, and the first of March."""
    times = [MONDAY_MS, MONDAY_MS - 1, MONDAY_MS + 27 * DAY_MS]
    archive = write(tmp_path, [{"event_time": time_ms} for time_ms in times])
    asked = question(40)
    asked = type(asked)(MONDAY_MS - DAY_MS, asked.until_ms)
    weeks, months = (
        [each["group"] for each in asyncio.run(archive.ask(asked, partial(figures, by=by))) or ()]
        for by in ("week", "month")
    )

    assert ["2020-01-27", "2020-02-03", "2020-02-24", "total"] == weeks
    assert ["2020-02-01", "2020-03-01", "total"] == months


def test_what_is_known_is_what_was_known_at_a_time(tmp_path: Path) -> None:
    """A review says legitimate, and two days later a chargeback says fraud; somebody unsure takes the label away again."""
    labels = [
        Label("p0", False, MONDAY_MS + HOUR_MS, "review"),
        Label("p0", True, MONDAY_MS + 2 * DAY_MS, "chargeback"),
        Label("p0", None, MONDAY_MS + 3 * DAY_MS, "review"),
    ]
    archive = write(tmp_path, [{"outcome": "review", "amount": 12.5}], labels)
    totals = [
        (asyncio.run(archive.ask(question(7, known_until_ms=until), figures)) or [])[-1]
        for until in (MONDAY_MS, MONDAY_MS + DAY_MS, MONDAY_MS + 2 * DAY_MS, None)
    ]

    assert [None, 0.0, 1.0, None] == [each["precision"] for each in totals]
    assert [0.0, 0.0, 12.5, 0.0] == [each["caught_amount"] for each in totals]
    assert [0, 1, 1, 0] == [each["labelled"] for each in totals]


def test_labels_are_those_of_the_files_there_are(tmp_path: Path) -> None:
    """One comes in a new file and counts instead of the one before; then a compaction makes one file of all."""
    archive = write(
        tmp_path, [{"outcome": "review"}] * 3, [Label(f"p{number}", False, MONDAY_MS) for number in range(3)]
    )
    labels = labels_lake(LocalObjects(tmp_path))

    def counted() -> tuple[int, int]:
        total = (asyncio.run(archive.ask(question(), figures, "figures")) or [])[-1]
        return total["caught"], total["wrong_alerts"]

    before = counted()
    later = archived_labels(
        [encode(Label("p1", True, MONDAY_MS + 1)), encode(Label("p9", True, MONDAY_MS))], [7, 8]
    )
    asyncio.run(labels.write(Stream("labels", 0), later, {}))
    after = counted()
    asyncio.run(labels.compact())

    assert [(0, 3), (1, 2), (1, 2)] == [before, after, counted()]
    assert 1 == len(asyncio.run(archive.files.found(Days())).labels)


def test_a_decision_that_was_made_again_counts_once(tmp_path: Path) -> None:
    """A killed worker published it twice: the same place in the source, another offset among the decisions."""
    source = {"topic": "transactions", "partition": 0, "offset": 7}
    again = {"event_time": MONDAY_MS, "source": source}
    archive = write(tmp_path, [again, {"event_time": MONDAY_MS + 1}, again])

    assert 2 == (asyncio.run(archive.ask(question(), figures)) or [])[-1]["payments"]


def test_figures_are_of_what_filters_leave(tmp_path: Path) -> None:
    """By merchant and rule, and grouped by a variable, the most frequent value first."""
    shops = ["Corner shop", "Corner shop", "Kiosk"]
    archive = write(
        tmp_path,
        [
            {
                "variables": {"merchant": shop, "zip_code": "1"},
                "rules": ["likely"] if number else [],
                "timing_ms": {"queued": 2.0, "decide": float(number)},
            }
            for number, shop in enumerate(shops)
        ],
    )

    def payments(*filters: str, by: str = "day") -> list[tuple[str, int]]:
        found = asyncio.run(archive.ask(question(7, *filters), partial(figures, by=by))) or []
        return [(each["group"], each["payments"]) for each in found]

    assert [("Corner shop", 2), ("Kiosk", 1), ("total", 3)] == payments(by="merchant")
    assert [("2020-02-03", 2), ("total", 2)] == payments("rules=likely")
    assert [("2020-02-03", 1), ("total", 1)] == payments("rules=likely", "merchant~corner")
    assert [("total", 0)] == payments("merchant=Nobody")
    assert 3.0 == (asyncio.run(archive.ask(question(), figures)) or [])[-1]["latency_p50_ms"]
    with pytest.raises(FilterError, match=r"there is no column merchnt .*did you mean merchant"):
        payments("merchnt=Kiosk")
    with pytest.raises(FilterError, match="cannot be grouped"):
        payments(by="rules")


def test_an_archive_of_other_days_or_of_none_answers_nothing(tmp_path: Path) -> None:
    """It is told from an archive whose payments no filter leaves."""
    empty = write(tmp_path / "none", [])
    other = write(tmp_path / "other", [{"event_time": MONDAY_MS + 30 * DAY_MS}])

    assert asyncio.run(empty.ask(question(), figures)) is None
    assert asyncio.run(other.ask(question(), figures)) is None
    assert [date(2020, 3, 4)] == list(asyncio.run(other.files.found(Days())).decisions)


def test_a_column_with_many_values_has_its_most_frequent_ones_and_the_others(tmp_path: Path) -> None:
    """Two hundred groups, whatever people group by; a payment without a value has a group, too."""
    shops = [None, None, *(f"shop {number:03}" for number in range(203))]
    archive = write(tmp_path, [{"variables": {"merchant": shop, "zip_code": "1"}} for shop in shops])
    found = asyncio.run(archive.ask(question(), partial(figures, by="merchant"))) or []

    assert ["(none)", "shop 000"] == [each["group"] for each in found[:2]]
    assert [("(others)", 4), ("total", 205)] == [(each["group"], each["payments"]) for each in found[-2:]]
    assert 202 == len(found)
