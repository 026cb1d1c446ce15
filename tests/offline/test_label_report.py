"""How good decisions were by the labels known so far: counted as one by one, and weighted to what would be counted of all."""

import asyncio
import itertools
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.domain.features.schema import OUTCOME, PASSED_RULES, PROPENSITY
from fraudstream.domain.labels import Label, archived_labels, encode
from fraudstream.domain.rules.rule import Rule
from fraudstream.domain.rules.ruleset import Ruleset
from fraudstream.offline.label_report import Span, counted, daily, total, with_ratios
from tests.archive_rows import DAY_MS, MONDAY_MS, archived, encoded

DECISIONS = st.lists(
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(["approve", "review", "block"]),
            "is_fraud": st.sampled_from([True, False, None]),
            "amount": st.integers(1, 999).map(float),
            "passed_rules": st.sampled_from([[], ["a"], None]),
            "propensity": st.sampled_from([None, 1.0, 0.5, 0.25]),
        }
    ),
    min_size=1,
    max_size=30,
)
SCHEMA = {
    "outcome": pl.String,
    "is_fraud": pl.Boolean,
    "amount": pl.Float64,
    "passed_rules": pl.List(pl.String),
    "propensity": pl.Float64,
}


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return decisions with their labels as columns."""
    return pl.DataFrame(rows, SCHEMA)


@given(DECISIONS)
def test_figures_are_those_of_going_through_the_decisions_one_by_one(rows: list[dict[str, Any]]) -> None:
    """A dictionary of sums."""
    found = counted(frame(rows))
    expected = dict.fromkeys(found, 0.0)
    for row in rows:
        fraud, alert, blocked = row["is_fraud"], row["outcome"] != "approve", row["outcome"] == "block"
        held = alert or bool(row["passed_rules"])
        weight = 0.0 if blocked else 1 / (row["propensity"] or 1.0)
        expected["payments"] += 1
        expected["alerts"] += alert
        expected["blocked"] += blocked
        expected["labelled"] += fraud is not None
        expected["blocked_unlabelled"] += blocked and fraud is None
        expected["let_through"] += bool(row["passed_rules"]) and not blocked
        expected["never_let_through"] += blocked and row["propensity"] in (None, 1.0)
        if fraud:
            expected["fraud"] += 1
            expected["caught" if alert else "missed"] += 1
            expected["caught_amount" if alert else "missed_amount"] += row["amount"]
            expected["weighted_caught" if held else "weighted_missed"] += weight
            expected["weighted_caught_amount"] += weight * row["amount"] * held
        elif fraud is False:
            expected["wrong_alerts"] += alert
            expected["weighted_wrong"] += weight * held

    assert expected == pytest.approx(found)


def test_over_all_lotteries_the_weighted_figures_are_the_true_ones_on_average() -> None:
    """Of four payments that a rule blocks with a chance of 1 in 4 to be let through, all sixteen outcomes, by their probability."""
    share = Fraction(1, 4)
    blocked = [(True, 100.0), (True, 30.0), (False, 7.0), (False, 1.0)]
    approved = [(True, 12.0), (False, 5.0)]
    sums = dict.fromkeys(("caught", "wrong", "missed", "amount"), Fraction(0))
    for lottery in itertools.product([True, False], repeat=4):
        chance = Fraction(1)
        rows: list[dict[str, Any]] = [
            {
                "outcome": "approve",
                "is_fraud": fraud,
                "amount": amount,
                "passed_rules": [],
                "propensity": 1.0,
            }
            for fraud, amount in approved
        ]
        for (fraud, amount), through in zip(blocked, lottery, strict=True):
            likely = share if through else 1 - share
            chance *= likely
            outcome, label, rules = ("approve", fraud, ["a"]) if through else ("block", None, [])
            rows.append(
                {
                    "outcome": outcome,
                    "is_fraud": label,
                    "amount": amount,
                    "passed_rules": rules,
                    "propensity": float(likely),
                }
            )
        found = counted(frame(rows))
        names = ("weighted_caught", "weighted_wrong", "weighted_missed", "weighted_caught_amount")
        for name, figure in zip(sums, names, strict=True):
            sums[name] += chance * Fraction(found[figure])

    assert {"caught": 2, "wrong": 2, "missed": 1, "amount": 130} == sums


def test_what_a_rule_lets_through_stands_for_what_it_blocked() -> None:
    """A real ruleset on 40,000 payments: blocked ones lose their labels, and the weighted figures are near the truth all the same."""
    rng = np.random.default_rng(1)
    count = 40_000
    fraud = rng.random(count) < 0.1
    probability = np.clip(np.where(fraud, 0.7, 0.2) + rng.normal(0, 0.2, count), 0, 1)
    rules = Ruleset(
        [
            Rule("very-likely", "probability > 0.8", "block", pass_share=0.1),
            Rule("likely", "probability > 0.5", "review"),
        ]
    )
    events = pl.DataFrame({"probability": probability, "transaction_id": [f"p{n}" for n in range(count)]})
    judged = rules.judge(events)
    seen = judged.select(OUTCOME.name, PASSED_RULES.name, PROPENSITY.name).with_columns(
        amount=pl.lit(1.0),
        is_fraud=pl.when(pl.col(OUTCOME.name) != "block").then(pl.Series(fraud)),
    )

    found = with_ratios(counted(seen))
    held = probability > 0.5
    recall, precision = float(held[fraud].mean()), float(fraud[held].mean())

    assert recall == pytest.approx(found["weighted_recall"], abs=0.01)
    assert precision == pytest.approx(found["weighted_precision"], abs=0.02)
    assert recall - 0.02 > found["recall"]
    assert precision - 0.05 > found["precision"]


def archive(directory: Path, outcomes: list[str], labels: list[Label]) -> tuple[Lake, Lake]:
    """Write decisions, two a day, and labels; return both parts of the archive."""
    objects = LocalObjects(directory)
    values = [
        encoded(
            number, outcome=outcome, amount=10.0 * (number + 1), event_time=MONDAY_MS + number * DAY_MS // 2
        )
        for number, outcome in enumerate(outcomes)
    ]
    asyncio.run(Lake(objects).write(Stream("decisions", 0), archived(values, list(range(len(values)))), {}))
    known = archived_labels([encode(label) for label in labels], list(range(len(labels))))
    asyncio.run(labels_lake(objects).write(Stream("labels", 0), known.sort("label_offset"), {}))
    return Lake(objects), labels_lake(objects)


def days_of(decisions: Lake, labels: Lake, span: Span | None = None) -> list[dict[str, Any]]:
    """Return the figures of each day."""

    async def every() -> list[dict[str, Any]]:
        return [day async for day in daily(decisions, labels, span or Span())]

    return asyncio.run(every())


def test_a_day_s_figures_move_as_its_labels_come(tmp_path: Path) -> None:
    """Monday's alert was reviewed in the evening; on Friday a chargeback says that the approved payment was fraud."""
    evening, friday = MONDAY_MS + DAY_MS // 2, MONDAY_MS + 4 * DAY_MS
    labels = [
        Label("p0", True, evening, "review"),
        Label("p1", False, evening + 1, "review"),
        Label("p1", True, friday, "chargeback"),
    ]
    places = archive(tmp_path, ["review", "approve", "approve", "block"], labels)

    seen = [days_of(*places, Span(known_until_ms=until)) for until in (evening - 1, evening + 1, None)]

    assert ["2020-02-03", "2020-02-04"] == [day["day"] for day in seen[2]]
    assert [(None, None), (1.0, 1.0), (1.0, 0.5)] == [
        (days[0]["precision"], days[0]["recall"]) for days in seen
    ]
    assert [(0.0, 0.0), (10.0, 0.0), (10.0, 20.0)] == [
        (days[0]["caught_amount"], days[0]["missed_amount"]) for days in seen
    ]
    assert [(2, 1, 1)] == [
        (day["payments"], day["blocked"], day["blocked_unlabelled"]) for day in seen[2][1:]
    ]
    assert {"payments": 4, "fraud": 2, "recall": 0.5} == {
        name: total(seen[2])[name] for name in ("payments", "fraud", "recall")
    }


def test_only_the_days_asked_for_are_read(tmp_path: Path) -> None:
    """The end is not included, and a label from before the first day counts for no payment of it."""
    places = archive(tmp_path, ["approve"] * 6, [Label("p3", True, MONDAY_MS + 2 * DAY_MS, "chargeback")])

    days = days_of(*places, Span(date(2020, 2, 4), date(2020, 2, 5)))

    assert [("2020-02-04", 2, 1)] == [(day["day"], day["payments"], day["missed"]) for day in days]


def test_an_archive_without_labels_has_figures_without_any(tmp_path: Path) -> None:
    """Nothing is known yet, which is no recall of 0."""
    objects = LocalObjects(tmp_path)
    rows = archived([encoded(1, outcome="review")], [0])
    asyncio.run(Lake(objects).write(Stream("decisions", 0), rows, {}))

    (day,) = days_of(Lake(objects), labels_lake(objects))

    assert (1, 1, 0, None, None) == tuple(
        day[name] for name in ("payments", "alerts", "labelled", "precision", "recall")
    )
