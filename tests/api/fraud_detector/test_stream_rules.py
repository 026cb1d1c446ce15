"""Rules of a detector, as the stream decides by them."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.adapters.event_types import event_type_named
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE, MODEL, VARIABLE
from fraudstream.api.fraud_detector.errors import ServiceError
from fraudstream.api.fraud_detector.stream_rules import ruleset_of, table_of
from fraudstream.domain.errors import SetupError
from fraudstream.domain.rules import Ruleset
from tests.databases import with_tables

SPARKOV = event_type_named("sparkov")
TABLE = table_of("high_risk=block, medium_risk=review,low_risk=approve")
VARIABLES = {
    "amt": ("FLOAT", "0.0"),
    "zip": ("STRING", "none"),
    "city_pop": ("INTEGER", "7"),
    "cc_num": ("STRING", "0"),
}
EVENTS = pl.DataFrame(
    {
        "amount": [24.0, 950.5, 24.0],
        "zip": ["97383", None, "10001"],
        "city_pop": [116001, None, 5],
        "insight_score": pl.Series([950, 800, 10], dtype=pl.Int32),
    }
)


def ruleset(tmp_path: Path, *rules: tuple[str, str], first_matched: bool = True) -> Ruleset:
    """Return rules (expression, outcome) as those of the stream."""
    store = ResourceStore(opened(with_tables(f"sqlite:///{tmp_path / 'f.db'}")))
    with store.transaction() as resources:
        for name, (data_type, default) in VARIABLES.items():
            resources.put(VARIABLE, name, {"dataType": data_type, "defaultValue": default})
        resources.put(EVENT_TYPE, "t", {"eventVariables": [*VARIABLES]})
        resources.put(MODEL, "m", {"eventTypeName": "t"})
        documents: list[dict[str, Any]] = [
            {"ruleId": f"r{number}", "expression": expression, "outcomes": [outcome]}
            for number, (expression, outcome) in enumerate(rules)
        ]
        return ruleset_of(resources, "t", documents, TABLE, SPARKOV, first_matched=first_matched)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$m_insightscore > 900", [True, False, False]),
        ("905.0 <= $m_insightscore and $m_insightscore <= 955.0", [True, False, False]),
        ("$amt > 500", [False, True, False]),
        ("$city_pop / 2 == 3.5", [False, True, False]),
        ('$zip == "none"', [False, True, False]),
        ('$zip in ["97383", "10001"]', [True, False, True]),
        ("!($amt > 500 or $city_pop < 6)", [True, False, False]),
    ],
)
def test_a_rule_holds_in_the_stream_for_what_it_says(
    tmp_path: Path, expression: str, expected: list[bool]
) -> None:
    """Amount and score have other names there, and a missing value is the variable's default."""
    judged = ruleset(tmp_path, (expression, "high_risk")).judge(EVENTS)

    assert ["block" if holds else "approve" for holds in expected] == judged["outcome"].to_list()


def test_a_list_is_asked_under_the_variables_name_in_the_stream(tmp_path: Path) -> None:
    """As rules of the stream ask lists."""
    (rule,) = ruleset(tmp_path, ("$zip in @bad and $amt > 1", "high_risk")).rules

    assert """(in_list('bad', zip) AND (COALESCE(CAST("amount" AS DOUBLE), 0.0) > 1.0))""" == rule.when


@pytest.mark.parametrize(("first_matched", "expected"), [(True, "approve"), (False, "block")])
def test_the_first_rule_or_the_strictest_decides(tmp_path: Path, first_matched: bool, expected: str) -> None:
    """As the version's mode says."""
    rules = ruleset(
        tmp_path, ("$amt > 1", "low_risk"), ("$amt > 2", "high_risk"), first_matched=first_matched
    )

    assert expected == rules.judge(EVENTS)["outcome"][0]


@pytest.mark.parametrize(
    ("expression", "outcome", "said"),
    [
        (
            "$amt > 1",
            "unknown",
            "outcome unknown of rule r0 is not in FRAUDSTREAM_API_FRAUD_DETECTOR_OUTCOMES",
        ),
        ('$cc_num == "1"', "high_risk", r"there is no variable \$cc_num"),
    ],
)
def test_what_the_stream_cannot_decide_by_is_refused(
    tmp_path: Path, expression: str, outcome: str, said: str
) -> None:
    """An outcome that nobody mapped, and a card number, which decisions do not have."""
    with pytest.raises(ServiceError, match=said):
        ruleset(tmp_path, (expression, outcome))


def test_a_table_of_outcomes_names_ours() -> None:
    """Else the API does not start."""
    with pytest.raises(SetupError, match="'high=deny' does not say which of approve, review, block"):
        table_of("high=deny")
