"""Reversals in histories: training knows them as a worker does."""

from pathlib import Path

import polars as pl

from fraudstream.domain.events.declaration import Declaration
from fraudstream.offline.dataset import Dataset
from fraudstream.world.generate import generate
from fraudstream.world.world import World

TEXT = """
name = "own"
id = "id"
features = ["amount", "num_trans_last_10m", "reversal_known"]
[entity]
field = "cc_num"
[time]
fields = ["at"]
[amount]
field = "amount"
currency = "EUR"
[variables]
original = "string"
[reversal]
of = "original"
"""
EVENT_TYPE = Declaration(TEXT, "own.toml").read()
MONDAY_MS = 1_578_268_800_000


def test_training_leaves_out_what_was_taken_back(tmp_path: Path) -> None:
    """From the reversal on; ids are text in one column and numbers in the other."""
    folder = tmp_path / "date=2020-01-06"
    folder.mkdir()
    pl.DataFrame(
        {
            "tid": [1, 2, 3, 4, 5],
            "cc_num": [4006080197832643] * 5,
            "amount": [1.0, 2.0, -1.0, 4.0, -3.0],
            "event_time": [MONDAY_MS + 1000 * number for number in range(5)],
            "original": [None, None, "1", None, "99"],
            "is_fraud": [False] * 5,
        }
    ).write_parquet(folder / "payments.parquet")
    frame = Dataset.of_history(tmp_path, event_type=EVENT_TYPE).frame

    assert [1, 2, 2, 2, 2] == frame["num_trans_last_10m"].to_list()
    assert [None, None, 1.0, None, 0.0] == frame["reversal_known"].to_list()


def test_a_simulated_world_takes_nothing_back(tmp_path: Path) -> None:
    """Made-up values would name events that never were."""
    generate(World(seed=1, cards=40, days=8, payments=400), tmp_path / "history", EVENT_TYPE)
    made = pl.read_parquet(sorted((tmp_path / "history").glob("date=*/*.parquet")), hive_partitioning=False)

    assert made.height == made["original"].null_count() > 0
    assert 0 < made["amount"].min()  # type: ignore[operator]  # an amount is a number
