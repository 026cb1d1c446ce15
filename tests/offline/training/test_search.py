"""The search for a better way to fit: within a budget, on payments to learn from, and no worse than not searching."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.commands.train import train as train_command
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.train import Split
from fraudstream.offline.training.fitting import fitted
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.offline.training.search import searched
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.models import load_model

NAMES = FEATURE_SETS["card"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with a small history."""
    directory = tmp_path_factory.mktemp("search")
    generate(
        World(seed=1, cards=2000, days=14, payments=60_000, start=date(2020, 1, 1)), directory / "history"
    )
    return directory


def test_without_time_for_more_the_way_without_a_search_is_kept(data: Path) -> None:
    """One trial is always made; its model is the one without a search."""
    learnt = Split.of(Dataset.of_history(data / "history")).train
    options = TrainingOptions(rounds=10)

    found = searched(learnt, NAMES, options, seconds=1e-9)

    assert 1 == found.described["trials"]
    assert found.described["average_precision"] == found.described["average_precision_unsearched"]
    assert 10 == found.options.rounds
    assert (
        fitted(learnt, NAMES, options).booster.save_raw()
        == fitted(learnt, NAMES, found.options).booster.save_raw()
    )


def test_a_search_ends_and_its_parameters_are_in_the_manifest(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what the version was fitted with; on the folds it is no worse."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(data))

    arguments = ["--json", "--activate", "always", "--rounds", "10", "--search", "4"]
    manifest = json.loads(CliRunner().invoke(train_command, arguments, catch_exceptions=False).stdout)

    search = manifest["search"]
    assert 1 <= search["trials"]
    assert search["average_precision_unsearched"] <= search["average_precision"]
    assert 3 <= manifest["rounds"] <= 30
    assert f"card-{manifest['version']}" == load_model(data / "models").version
    learnt = Split.of(Dataset.of_history(data / "history")).train
    again = TrainingOptions(rounds=manifest["rounds"], params=manifest["params"])
    assert (
        bytes(fitted(learnt, NAMES, again).booster.save_raw("ubj"))
        == (data / "models" / "card" / manifest["version"] / "model.ubj").read_bytes()
    )


def test_parts_without_fraud_cannot_choose(data: Path) -> None:
    """Nothing would say what is better."""
    learnt = Split.of(Dataset.of_history(data / "history")).train
    late = learnt.with_columns(is_fraud=pl.col("is_fraud") & (pl.int_range(pl.len()) < pl.len() // 2))

    with pytest.raises(SetupError, match=r"part 1 of 3 .* train without --search"):
        searched(late, NAMES, TrainingOptions(), seconds=1)
