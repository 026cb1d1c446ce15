"""The table of rules: how often each held and was right, and what only it found."""

import asyncio
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.analytics.rules import rule_table
from fraudstream.backtest.labelled import NOW, THEN
from fraudstream.backtest.tally import Tally
from fraudstream.domain.features.schema import CENTS, EVENT_TIME, OUTCOME, RULES
from fraudstream.domain.labels import Label
from tests.analytics.history import question, write
from tests.archive_rows import MONDAY_MS


def tallied(made: list[tuple[list[str], bool | None, float]]) -> dict[str, Any]:
    """Return what a backtest says of each rule."""
    tally = Tally(["a", "b"])
    frame = pl.DataFrame(
        {
            CENTS.name: [round(amount * 100) for _, _, amount in made],
            EVENT_TIME.name: [MONDAY_MS] * len(made),
            NOW: [fraud for _, fraud, _ in made],
            THEN: pl.Series([None] * len(made), dtype=pl.Boolean),
            OUTCOME.name: ["review" if rules else "approve" for rules, _, _ in made],
            RULES.name: [rules for rules, _, _ in made],
        }
    )
    tally.add(frame)
    return {each["rule"]: each for each in tally.told(100, None)["rules"]}


def test_a_rule_is_worth_what_it_finds_and_what_only_it_finds(tmp_path: Path) -> None:
    """As a backtest tallies it; a shadow rule stands by itself, and rules that never held are not there."""
    made = [
        (["a", "b"], True, 10.0),
        (["a"], True, 20.0),
        (["a"], False, 1.0),
        (["b"], None, 5.0),
        ([], True, 9.0),
    ]
    payments = [
        {
            "rules": rules,
            "amount": amount,
            "outcome": "review" if rules else "approve",
            "shadow_rules": ["new"] if not rules else [],
        }
        for rules, _, amount in made
    ]
    labels = [
        Label(f"p{number}", fraud, MONDAY_MS)
        for number, (_, fraud, _) in enumerate(made)
        if fraud is not None
    ]
    found = asyncio.run(write(tmp_path, payments, labels).ask(question(), rule_table)) or []

    told = tallied(made)

    assert [("a", "decides"), ("b", "decides"), ("new", "shadow")] == [
        (each["rule"], each["role"]) for each in found
    ]
    for each in found[:2]:
        own, alone = told[each["rule"]], told[each["rule"]]["only_this_rule"]
        assert (
            own["payments"],
            own["now"]["fraud"],
            own["now"]["precision"],
            own["now"]["fraud_amount"],
        ) == (
            each["payments"],
            each["fraud"],
            each["precision"],
            each["fraud_amount"],
        )
        assert (alone["payments"], alone["now"]["fraud"], alone["now"]["precision"]) == (
            each["only_payments"],
            each["only_fraud"],
            each["only_precision"],
        )
    assert (3, 2, 1, 30.0, 1) == tuple(
        found[0][name] for name in ("payments", "fraud", "legitimate", "fraud_amount", "only_fraud")
    )
