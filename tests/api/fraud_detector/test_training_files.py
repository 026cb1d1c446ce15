"""A program's file to train on becomes one of ours."""

from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.api.fraud_detector.training_files import prepared, treatments
from fraudstream.domain.errors import SetupError

SPARKOV, CARD = event_type_named("sparkov"), event_type_named("card")
FILE = """cc_num,merchant,amt,city_pop,EVENT_TIMESTAMP,EVENT_LABEL
180046165512893,a,1.5,10,2020-01-01T00:00:00Z,bad
180046165512893,b,2.5,20,2020-01-02T00:00:00Z,good
180046165512893,c,3.5,30,2020-01-03T00:00:00Z,odd
180046165512893,d,4.5,40,2020-01-04T00:00:00Z,
"""
MAPPER = {"FRAUD": ["bad"], "LEGIT": ["good", "fine"]}


@pytest.mark.parametrize(
    ("unlabelled", "expected"),
    [
        ("IGNORE", ["fraud", "legit", None, None]),
        ("FRAUD", ["fraud", "legit", "fraud", "fraud"]),
        ("LEGIT", ["fraud", "legit", "legit", "legit"]),
    ],
)
def test_labels_are_those_of_the_mapper_and_variables_those_that_are_wanted(
    tmp_path: Path, unlabelled: str, expected: list[str | None]
) -> None:
    """What is not wanted is empty, so that nothing is learnt from it; amount and card stay."""
    source, target = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text(FILE)
    schema = {
        "modelVariables": ["merchant"],
        "labelSchema": {"labelMapper": MAPPER, "unlabeledEventsTreatment": unlabelled},
    }
    prepared(source, target, schema, SPARKOV)
    made = pl.read_csv(target, infer_schema=False)

    assert expected == made["EVENT_LABEL"].to_list()
    assert (["a", "b", "c", "d"], ["1.5", "2.5", "3.5", "4.5"]) == (
        made["merchant"].to_list(),
        made["amt"].to_list(),
    )
    assert [None] * 4 == made["city_pop"].to_list() == made["lat"].to_list()


def test_a_file_without_a_variable_is_refused(tmp_path: Path) -> None:
    """The sentence names it."""
    source = tmp_path / "a.csv"
    source.write_text(FILE)

    with pytest.raises(SetupError, match="the file has no column zip"):
        prepared(source, tmp_path / "b.csv", {"modelVariables": ["amt", "zip"]}, SPARKOV)


def test_text_is_learnt_from_if_it_is_wanted() -> None:
    """Also if the event type does not say how; and not if it is not wanted, though it does."""
    assert {"category": "none", "gender": "none", "state": "none", "zip": "auto"} == treatments(
        ["merchant", "amt", "zip"], SPARKOV
    )
    assert {"merchant": "auto"} == treatments(["merchant", "cc_num"], CARD)
