"""An event type of an account, as a file of ours that can be used."""

from pathlib import Path
from typing import Any

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.migration.event_type_files import Written, event_type_file

RULES = {
    "high": ("$m_insightscore > 900 and $order_price >= 10.5", ["high_risk"]),
    "zip": ('$score_text in ["a", "b"] or $zip == "none"', ["odd"]),
    "old": ('isbefore($at, "2020")', ["high_risk"]),
}
VARIABLES = {
    "order_price": {"dataType": "FLOAT", "defaultValue": "0.0", "variableType": "PRICE"},
    "amount": {"dataType": "FLOAT", "defaultValue": "0.0"},
    "zip": {"dataType": "STRING", "defaultValue": 'no "zip"'},
    "visits": {"dataType": "INTEGER", "defaultValue": "many"},
    "at": {"dataType": "DATETIME", "defaultValue": "2020-01-01T00:00:00Z"},
    "score_text": {"dataType": "STRING", "defaultValue": "none"},
    "merchant": {"dataType": "STRING", "defaultValue": "none"},
}


def written(*names: str, **changed: Any) -> Written:
    """Return the file of an event type with these variables and all rules."""
    rules = {
        (name, "1"): {"ruleId": name, "ruleVersion": "1", "expression": expression, "outcomes": outcomes}
        for name, (expression, outcomes) in RULES.items()
    }
    version = {
        "rules": [{"ruleId": name, "ruleVersion": "1"} for name in RULES],
        "ruleExecutionMode": "ALL_MATCHED",
    }
    given: dict[str, Any] = {
        "event_type": {"name": "orders", "eventVariables": names, "labels": ["fraud", "legit"]},
        "variables": {name: {"name": name, **one} for name, one in VARIABLES.items()},
        "version": version,
        "rules": rules,
        "outcomes": {"high_risk": "block"},
        "currency": "EUR",
        "frauds": ["fraud"],
    }
    return event_type_file(**given | changed)


def test_the_file_can_be_used(tmp_path: Path) -> None:
    """Amount by its type; a name that decisions have is another one; rules are SQL."""
    made = written(*VARIABLES)
    path = tmp_path / "orders.toml"
    path.write_text(made.text)
    event_type = event_type_named(str(path))

    assert ("order_price", "EUR", "EVENT_ID") == (event_type.amount, event_type.money.currency, event_type.id)
    assert {"own_amount": "amount", "zip": "zip"}.items() <= {
        each.name: each.field for each in event_type.variables
    }.items()
    high, odd = event_type.ruleset.rules
    assert ("high", "block", "active") == (high.name, high.outcome, high.state)
    assert '((CAST("insight_score" AS DOUBLE) > 900.0) AND (CAST("amount" AS DOUBLE) >= 10.5))' == high.when
    assert ("zip", "review", "draft") == (odd.name, odd.outcome, odd.state)


def test_what_does_not_fit_is_said() -> None:
    """Defaults of another type, outcomes that nobody mapped, conditions that are not supported."""
    said = "\n".join(written(*VARIABLES).left_out)

    for part in (
        "variable visits: its default 'many' is none of the type integer",
        "rule zip is a draft: say what its outcome is with --outcome odd=block",
        "rule old: isbefore is not supported",
    ):
        assert part in said
    assert "no variable is known to be the amount" in "\n".join(written("zip", "at", "score_text").left_out)


@pytest.mark.parametrize(
    ("names", "field"),
    [(("amount", "zip", "at", "score_text"), "ENTITY_ID"), (("amount", "cc_num"), "cc_num")],
)
def test_a_card_number_is_the_entity(names: tuple[str, ...], field: str) -> None:
    """So that it becomes a token and is no variable."""
    variables = {name: {"name": name, **one} for name, one in VARIABLES.items()}
    variables["cc_num"] = {"name": "cc_num", "dataType": "STRING", "defaultValue": "none"}
    text = written(*names, variables=variables, version=None).text

    assert f'field = "{field}"' in text.partition("[time]")[0]
    assert "own_cc_num" not in text
