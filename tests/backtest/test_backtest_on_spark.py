"""A real Spark says of a change what one process says."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraudstream.adapters.spark import Spark, spark_session
from tests.backtest.archives import backtest, candidate, changed, filled, label, stream_of
from tests.backtest.test_backtest import HUGE, LARGE
from tests.models import load_model, saved
from tests.notebook.test_open import trees

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    """Yield this machine's Spark."""
    with spark_session("local[2]", "test") as session:
        yield session


async def test_spark_reports_the_same_of_an_archive(tmp_path: Path, spark: Spark) -> None:
    """Day by day, by a model of XGBoost: figures, causes, changes with examples and reasons, and every payment's decision."""
    archive = await filled(tmp_path, stream_of(300))
    times = pl.read_parquet(archive / "date=*" / "*.parquet", hive_partitioning=False)
    label(archive, times["transaction_id"].head(40).to_list(), ["p1"], times["event_time"].max())  # type: ignore[arg-type]
    changed(archive, lambda rows: rows.filter(pl.col("transaction_id").hash(seed=3) % 17 != 0))
    saved(tmp_path / "models", trees())
    tested = candidate(LARGE, HUGE, model=load_model(tmp_path / "models"))
    for place in ("here", "there"):
        (tmp_path / place).mkdir()

    here = backtest(archive, tested, capacity=3, out=tmp_path / "here")
    there = backtest(archive, tested, rows_at_once=1, engine=spark.mapped, capacity=3, out=tmp_path / "there")

    assert 0 < here["compared"] < here["payments"]
    assert here["changes"][0]["examples"][0]["reasons"]
    assert here == there
    assert 5 < len(list((tmp_path / "there").iterdir()))
    decisions = [pl.read_parquet(tmp_path / place).sort(pl.all()) for place in ("here", "there")]
    assert decisions[0].equals(decisions[1])


def test_a_model_that_was_sent_to_another_process_has_the_same_bits(tmp_path: Path) -> None:
    """For many rows and for few, which are computed another way."""
    saved(tmp_path, trees())
    model = load_model(tmp_path)
    rows = np.random.default_rng(4).random((500, 2)).astype(np.float32) * 100
    before = model.probabilities(rows), model.probabilities(rows[:3].copy())

    there = pickle.loads(pickle.dumps(model))

    assert np.array_equal(before[0], there.probabilities(rows))
    assert np.array_equal(before[1], there.probabilities(rows[:3].copy()))
    assert np.array_equal(model.contributions(rows), there.contributions(rows))
