"""What a batch prediction adds to the columns of a file."""

from typing import Any

import polars as pl
import pytest

from fraudstream.adapters.database.resources import Resource
from fraudstream.api.fraud_detector.batch_output import judged
from fraudstream.api.fraud_detector.plans import Plan, Rule
from fraudstream.api.fraud_detector.s3_paths import output_place
from fraudstream.domain.detectorpl.condition import Condition
from fraudstream.domain.detectorpl.tree import Type

TYPES: dict[str, Type] = {"amt": "number", "shop": "text", "known": "truth", "m_insightscore": "number"}
MODEL = Resource("model", "m", 0, {"modelType": "ONLINE_FRAUD_INSIGHTS"}, 0, 0)
PREDICTED = pl.DataFrame(
    {
        "amt": ["10", "", "much"],
        "shop": ["a", "b", None],
        "known": ["True", "false", ""],
        "MODEL_SCORES": ["{'card-1.0': 950.0}", "{'card-1.0': 3.0}", None],
        "OUTCOMES": ["block", "approve", None],
        "RULE_RESULTS": ["{}", "{}", None],
        "STATUS": ["Success", "Success", "Error: not-a-number: amt"],
    }
)


def plan(first_matched: bool, **rules: str) -> Plan:
    """Return rules, each with an outcome of its own name."""
    made = [Rule(name, Condition(text, TYPES), [f"{name}_outcome"]) for name, text in rules.items()]
    types = {name: kind for name, kind in TYPES.items() if name != "m_insightscore"}
    values: dict[str, Any] = {"amt": 7.0, "shop": "none", "known": False}
    return Plan(made, first_matched, values, [(MODEL, "1.0")], types, {"bad": frozenset({"b"})})


@pytest.mark.parametrize(
    ("first_matched", "outcomes", "results"),
    [
        (
            True,
            ["high_outcome", "shop_outcome", None],
            ['{"high":["high_outcome"]}', '{"shop":["shop_outcome"]}', None],
        ),
        (
            False,
            ["high_outcome,known_outcome", "shop_outcome,seven_outcome", None],
            [
                '{"high":["high_outcome"],"known":["known_outcome"]}',
                '{"shop":["shop_outcome"],"seven":["seven_outcome"]}',
                None,
            ],
        ),
    ],
)
def test_each_row_has_what_the_detectors_rules_say(
    first_matched: bool, outcomes: list[str | None], results: list[str | None]
) -> None:
    """An empty cell is the variable's default; a row that was refused has only its status."""
    rules = {
        "high": "$m_insightscore > 900",
        "shop": "$shop in @bad",
        "known": "$known",
        "seven": "$amt == 7",
    }
    made = judged(PREDICTED, plan(first_matched, **rules))

    assert ["{'m': 950.0}", "{'m': 3.0}", None] == made["MODEL_SCORES"].to_list()
    assert (outcomes, results) == (made["OUTCOMES"].to_list(), made["RULE_RESULTS"].to_list())
    assert PREDICTED["STATUS"].to_list() == made["STATUS"].to_list()
    assert PREDICTED.columns == made.columns


def test_without_rules_there_are_scores_alone() -> None:
    """An empty object says that no rule held."""
    assert ["{}", "{}", None] == judged(PREDICTED, plan(True))["RULE_RESULTS"].to_list()


@pytest.mark.parametrize(
    ("place", "expected"),
    [("s3://b/out.csv", "s3://b/out.csv"), ("s3://b/out/", "s3://b/out/j.csv"), ("s3://b", "s3://b/j.csv")],
)
def test_the_output_goes_to_the_file_that_is_named_or_below_it(place: str, expected: str) -> None:
    """As the service does it."""
    assert expected == output_place(place, "j.csv")
