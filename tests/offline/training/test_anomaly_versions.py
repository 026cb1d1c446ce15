"""Versions with an anomaly model: beside a classifier, and alone where nothing is labelled."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.commands.train import train as train_command
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.offline.dataset import Dataset
from fraudstream.report.making import make_reports
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.models import load_model

CARD = event_type_named("card")
UNUSUAL = replace(CARD, ruleset=Ruleset((Rule("unusual", "anomaly_score > 600", "review"),)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with a small history."""
    directory = tmp_path_factory.mktemp("anomaly")
    generate(
        World(seed=1, cards=2000, days=14, payments=60_000, start=date(2020, 1, 1)), directory / "history"
    )
    return directory


@pytest.fixture
def models(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty directory for models; commands use it and the history."""
    (tmp_path / "history").symlink_to(data / "history", target_is_directory=True)
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    return tmp_path / "models"


def trained(*arguments: str) -> str:
    """Run the command; return what it prints."""
    result = CliRunner().invoke(train_command, list(arguments), catch_exceptions=False)
    assert 0 == result.exit_code
    return result.stdout


def test_an_anomaly_model_beside_a_classifier_changes_no_probability(data: Path, models: Path) -> None:
    """It adds a score, which rules may use; fraud has a higher one."""
    without = json.loads(trained("--json", "--activate", "always"))
    manifest = json.loads(trained("--json", "--activate", "always", "--anomaly", "beside"))
    payments = Dataset.of_history(data / "history").frame

    plain = Detector.of(load_model(models, without["version"]), UNUSUAL).decide(payments)
    decided = Detector.of(load_model(models), UNUSUAL).decide(payments)

    assert plain["probability"].equals(decided["probability"])
    assert payments.height == plain["anomaly_score"].null_count()
    assert 0 == plain.filter(pl.col("outcome") != "approve").height
    scores = decided["anomaly_score"]
    assert 0 < decided.filter(pl.col("outcome") == "review").height < 0.1 * payments.height
    assert decided.filter(scores > 600).equals(decided.filter(pl.col("outcome") == "review"))
    assert manifest["anomaly"]["metrics"]["auc"] > 0.8
    fraud = payments["is_fraud"].to_numpy()
    assert scores.to_numpy()[fraud].mean() > scores.to_numpy()[~fraud].mean() + 50


def test_payments_without_labels_are_decided_by_an_anomaly_model_alone(data: Path, models: Path) -> None:
    """Probability 0, and a rule on the score that says which features made a payment unusual."""
    whole = pl.read_parquet(data / "history/date=*/*.parquet", hive_partitioning=True)
    for (day,), part in whole.drop("is_fraud", "scenario").partition_by("date", as_dict=True).items():
        directory = models.parent / "unlabelled" / f"date={day}"
        directory.mkdir(parents=True)
        part.drop("date").write_parquet(directory / "part.parquet")

    said = trained("--anomaly", "alone", "--history", str(models.parent / "unlabelled"))

    decided = Detector.of(load_model(models), UNUSUAL).decide(Dataset.of_history(data / "history").frame)
    assert [0.0] == decided["probability"].unique().to_list()
    reviewed = decided.filter(pl.col("outcome") == "review")
    assert 0 < reviewed.height < 0.1 * decided.height
    assert 0 < reviewed["reasons"].list.len().min()  # type: ignore[operator]
    assert "100 trees" in said
    assert "AUC" not in said
    assert "activated: no model was active before" in said


def test_alone_it_does_not_replace_an_active_model_unasked(models: Path) -> None:
    """Nothing says whether it is better; with labels its own figures are there."""
    first = json.loads(trained("--json", "--anomaly", "alone"))

    again = CliRunner().invoke(
        train_command, ["--json", "--anomaly", "alone", "--seed", "2"], catch_exceptions=False
    )

    assert 1 == again.exit_code
    assert f"card-{first['version']}" == load_model(models).version
    assert "cannot be compared" in again.stderr
    assert first["anomaly"]["metrics"].keys() == {"auc", "average_precision"}


def test_a_report_of_an_anomaly_model_alone_is_refused(data: Path, models: Path) -> None:
    """It has no probability to judge."""
    version = json.loads(trained("--json", "--anomaly", "alone"))["version"]

    with pytest.raises(SetupError, match="without a classifier; a report judges classifiers"):
        make_reports([version], Registry.at(models, "card"), data / "history", CARD)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("anomaly.json", "anomaly.json of model 1.0 .* is missing"),
        ("anomaly.ubj", "anomaly.ubj of model 1.0 .* is missing"),
    ],
)
def test_a_version_without_a_part_of_its_anomaly_model_is_not_loaded(
    models: Path, file: str, sentence: str
) -> None:
    """Nor decided with, as if it had none."""
    version = json.loads(trained("--json", "--rounds", "3", "--activate", "always", "--anomaly", "beside"))[
        "version"
    ]
    (models / "card" / version / file).unlink()

    with pytest.raises(SetupError, match=sentence):
        load_model(models)


def test_the_same_payments_give_the_same_forest(models: Path) -> None:
    """And so the hash of all files of a version."""
    hashes = [
        json.loads(trained("--json", "--rounds", "3", "--activate", "always", "--anomaly", "beside"))[
            "content_sha256"
        ]
        for _ in range(2)
    ]

    assert 1 == len(set(hashes))
    rows = np.full((2, len(load_model(models).features)), np.nan, np.float32)
    anomaly = load_model(models).anomaly
    assert anomaly is not None
    assert 1 == len(set(anomaly.scores(rows).tolist()))
