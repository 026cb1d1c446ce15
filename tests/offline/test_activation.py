"""Which model is active after a training: the better one, and none that is no better than chance."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from fraudstream.commands.train import train as train_command
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.offline.train import train
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.models import active_version, load_model

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a history in which the richer feature set finds much more."""
    directory = tmp_path_factory.mktemp("world") / "history"
    generate(World(seed=1, cards=2000, days=14, payments=100_000), directory)
    return directory


@pytest.fixture(scope="module")
def unlearnable(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same payments with random labels."""
    directory = tmp_path_factory.mktemp("by-lot") / "history"
    chance = np.random.default_rng(1)
    for path in sorted(history.glob("date=*/*.parquet")):
        frame = pl.read_parquet(path, hive_partitioning=False)
        (directory / path.parent.name).mkdir(parents=True)
        frame.with_columns(pl.Series("is_fraud", chance.random(frame.height) < 0.0025)).write_parquet(
            directory / path.parent.name / path.name
        )
    return directory


class Trained(NamedTuple):
    """A trained model and the directory in which it is active."""

    models: Path
    manifest: dict[str, Any]

    def in_use(self, data_dir: Path) -> dict[str, Any]:
        """Make it the active model of a data directory; return its manifest."""
        shutil.copytree(self.models, data_dir / "models")
        return self.manifest


@pytest.fixture(scope="module")
def richer(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return a model with all features, the better one."""
    models = tmp_path_factory.mktemp("richer")
    return Trained(models, train(history, models))


@pytest.fixture(scope="module")
def poorer(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return a model with the sample's features."""
    models = tmp_path_factory.mktemp("poorer")
    return Trained(models, train(history, models, feature_set="card-sample"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `fraudstream train` in a data directory of this test."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    return lambda *words: CliRunner().invoke(
        train_command, [str(word) for word in words], catch_exceptions=False
    )


def test_a_worse_model_is_kept_and_not_activated(
    history: Path, richer: Trained, tmp_path: Path, run: Run
) -> None:
    """The sample's features after the richer ones: both figures are said, and what to do about it."""
    better = richer.in_use(tmp_path)

    done = run("--history", history, "--features", "card-sample")

    assert 1 == done.exit_code
    assert better["version"] == active_version(tmp_path / "models")
    assert 2 == len(list((tmp_path / "models").glob("card/*/manifest.json")))
    assert f"{better['metrics']['average_precision']:.4f}" in done.stdout
    assert "not activated: its average precision is 0." in done.stdout
    assert "to activate it anyway, run: fraudstream models activate 2.0" in done.stdout


def test_a_worse_model_is_activated_when_told_to(
    history: Path, richer: Trained, tmp_path: Path, run: Run
) -> None:
    """With both figures all the same, and for scripts in the manifest."""
    better = richer.in_use(tmp_path)

    done = run("--history", history, "--features", "card-sample", "--activate", "always", "--json")

    made = json.loads(done.stdout)
    assert 0 == done.exit_code
    assert made["version"] == active_version(tmp_path / "models")
    assert (True, False) == (made["activation"]["activated"], made["activation"]["better"])
    assert f"card-{better['version']}" == made["activation"]["active_version"]
    assert better["metrics"] == made["activation"]["active_metrics"]


def test_a_better_model_takes_over(history: Path, poorer: Trained, tmp_path: Path, run: Run) -> None:
    """Without an option."""
    poorer.in_use(tmp_path)

    done = run("--history", history)

    assert 0 == done.exit_code
    assert FEATURE_SETS["card"] == load_model(tmp_path / "models").features


def test_the_same_history_gives_the_same_model_as_a_new_version(
    history: Path, richer: Trained, tmp_path: Path, run: Run
) -> None:
    """A nightly job over a history that did not grow: the hash of the content says so."""
    first = richer.in_use(tmp_path)

    again = json.loads(run("--history", history, "--json").stdout)

    assert ("1.0", "2.0") == (first["version"], again["version"])
    assert first["content_sha256"] == again["content_sha256"]
    assert again["activation"]["activated"]


def test_an_update_is_the_next_minor_version(
    history: Path, richer: Trained, tmp_path: Path, run: Run
) -> None:
    """Of the major version that is named, if there is one."""
    richer.in_use(tmp_path)

    update = json.loads(run("--history", history, "--update", "1", "--json").stdout)

    assert "1.1" == update["version"] == active_version(tmp_path / "models")
    with pytest.raises(SetupError, match=r"no model 2\.0 of event type card to update"):
        run("--history", history, "--update", "2")


def test_never_leaves_the_active_model_as_it_is(
    history: Path, poorer: Trained, tmp_path: Path, run: Run
) -> None:
    """It was asked for, so it is no failure."""
    first = poorer.in_use(tmp_path)

    done = run("--history", history, "--activate", "never")

    assert 0 == done.exit_code
    assert first["version"] == active_version(tmp_path / "models")


def test_a_first_model_that_is_no_better_than_chance_is_not_activated(
    unlearnable: Path, tmp_path: Path, run: Run
) -> None:
    """A worker then says that no model was good enough, instead of advising to train again."""
    done = run("--history", unlearnable)

    assert 1 == done.exit_code
    assert "no better than chance" in done.stdout
    with pytest.raises(SetupError, match=r"none was good enough.*fraudstream models activate VERSION"):
        load_model(tmp_path / "models")


def test_a_model_that_cannot_be_loaded_is_replaced(
    history: Path, richer: Trained, tmp_path: Path, run: Run
) -> None:
    """With that model no worker would start."""
    first = richer.in_use(tmp_path)
    (tmp_path / "models" / "card" / first["version"] / "model.ubj").write_bytes(b"damaged")

    done = run("--history", history, "--features", "card-sample")

    assert 0 == done.exit_code
    assert "the active model cannot be loaded" in done.stdout
