"""Decisions become columns without losing a bit."""

import json

import polars as pl

from fraudstream.domain.archived import unarchived
from tests.archive_rows import archived, decision, encoded


def test_every_field_variable_and_feature_is_a_column() -> None:
    """What was decided, why, by what, and where it came from."""
    one = decision(3, outcome="review", rules=["likely-fraud"], reasons=["2 payments within one minute"])
    (row,) = archived([json.dumps(one).encode()], [77]).to_dicts()

    same = set(one) - {"variables", "features", "source", "timing_ms"}
    assert {name: one[name] for name in same} == {name: row[name] for name in same}
    assert ("Corner shop", "10115") == (row["merchant"], row["zip_code"])
    assert (0.1 * 3, 1) == (row["amt_ratio1"], row["num_trans_last_10m"])
    assert ("transactions", 0, 3, 77) == (
        row["source_topic"],
        row["source_partition"],
        row["source_offset"],
        row["decision_offset"],
    )


def test_two_models_in_one_batch_have_the_features_of_both() -> None:
    """A canary need not know what the other computes."""
    frame = archived([encoded(1), encoded(2, features={"amount": 3.5, "amt_change": 0.25})], [1, 2])

    assert [0.1, None] == frame["amt_ratio1"].to_list()
    assert [None, 0.25] == frame["amt_change"].to_list()


def test_columns_have_the_same_types_whatever_is_missing() -> None:
    """Files of different hours must fit together."""
    empty = archived([encoded(1, variables={"merchant": None, "zip_code": None}, weekly_as_of=None)], [1])
    full = archived([encoded(2, rules=["a"], degraded=["late"], anomaly_score=0.5)], [2])

    assert full.schema == empty.schema
    assert pl.List(pl.String) == full.schema["degraded"]


def test_an_archived_decision_is_the_one_that_was_published() -> None:
    """But for how long it took; what another model's payments have is not in it, nor a variable without a value."""
    features = {"amount": 4.5, "amt_ratio1": 0.25, "num_trans_last_10m": 2}
    one = decision(3, features=features, reasons=["2 payments within one minute"], degraded=["late"])
    other = decision(4, features={"amount": 5.5, "amt_change": 0.5}, variables={"merchant": None})
    rows = archived([json.dumps(each).encode() for each in (one, other)], [77, 78]).to_dicts()

    del one["timing_ms"], other["timing_ms"]
    assert [one, other | {"variables": {}}] == [unarchived(row) for row in rows]


def test_the_release_is_a_column_where_a_decision_has_one() -> None:
    """Decisions from before the first release have none, and come back without."""
    one, other = decision(3, release="card-7", canary=False), decision(4)
    frame = archived([json.dumps(each).encode() for each in (one, other)], [77, 78])

    assert ["card-7", None] == frame["release"].to_list()
    assert "release" not in archived([encoded(4)], [78]).columns
    assert ("card-7", False) == tuple(
        unarchived(frame.row(0, named=True))[name] for name in ("release", "canary")
    )
    assert not {"release", "canary"} & unarchived(frame.row(1, named=True)).keys()


def test_how_long_a_decision_took_is_one_number() -> None:
    """The wait and every stage together; decisions that do not say have none, and none comes back."""
    frame = archived([encoded(1, timing_ms={"queued": 3, "weekly": 0.5, "decide": 1.0})], [77])

    assert [4.5] == frame["decided_in_ms"].to_list()
    assert "decided_in_ms" not in archived([encoded(1, timing_ms={})], [77]).columns
    assert "decided_in_ms" not in unarchived(frame.row(0, named=True))["variables"]
