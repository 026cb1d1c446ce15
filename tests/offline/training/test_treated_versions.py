"""Versions that learn of variables, from a history to decisions: what was learnt is what is served, wherever the version goes."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.adapters.models.archive_file import packed, unpacked
from fraudstream.adapters.models.files import INPUTS, inputs_in
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.commands.models import show
from fraudstream.commands.train import train as train_command
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.features.compute import matrix
from fraudstream.domain.times import DAY_MS, HOUR_MS, midnight_ms
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.train import Split, train
from fraudstream.offline.train_unlabelled import train_unlabelled
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.offline.training.treating import as_learnt
from fraudstream.report.making import make_reports
from tests.models import load_model

TEXT = (
    'name = "shops"\nid = "tid"\n[amount]\nfield = "amount"\ncurrency = "EUR"\n[label]\nfield = "is_fraud"\n'
    '[variables]\nkind = "string"\nshop = "string"\nnote = "string"\nrisk = "float"\n'
    '[[rules]]\nname = "likely"\nwhen = "probability > 0.25"\noutcome = "review"\n'
)
SHOPS = Declaration(TEXT, "shops.toml").read()
DAYS, ROWS = 28, 20_000
BAD_KINDS, BAD_SHOPS = ("gift cards", "wëb 🙂"), 20


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return payments without an entity: two kinds, some of many shops and the hours before dawn are where fraud is."""
    rng = np.random.default_rng(7)
    kinds = np.array([*BAD_KINDS, "food", "gas", "books", "trains"])[rng.integers(0, 6, ROWS)]
    shops = rng.integers(0, 200, ROWS)
    time_ms = np.sort(rng.integers(0, DAYS * DAY_MS, ROWS)) + midnight_ms(date(2026, 3, 1))
    risky = np.isin(kinds, BAD_KINDS).astype(int) + (shops < BAD_SHOPS) + (time_ms // HOUR_MS % 24 < 4)
    fraud = rng.random(ROWS) < np.array([0.001, 0.01, 0.6, 0.9])[risky]
    frame = pl.DataFrame(
        {
            "tid": [f"t{row}" for row in range(ROWS)],
            "event_time": time_ms,
            "amount": rng.uniform(1, 100, ROWS).round(2),
            "is_fraud": fraud,
            "kind": pl.Series(kinds).set(pl.Series(rng.random(ROWS) < 0.05), None),
            "shop": [f"shop {shop}" for shop in shops],
            "note": [f"note {row} of {shop}" for row, shop in enumerate(shops)],
            "risk": pl.Series([None] * ROWS, dtype=pl.Float64),
        }
    ).with_columns(day=pl.from_epoch("event_time", "ms").dt.date())
    directory = tmp_path_factory.mktemp("shops") / "history"
    for (day,), payments in frame.group_by("day", maintain_order=True):
        folder = directory / f"date={day}"
        folder.mkdir(parents=True)
        payments.drop("day").write_parquet(folder / "payments.parquet")
    return directory


@pytest.fixture(scope="module")
def models(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two versions: 1.0 with the numbers only, and 2.0 with what can be learnt of variables, and an anomaly model."""
    place = tmp_path_factory.mktemp("models")
    common = {"features": SHOPS.features, "feature_set": "shops", "event_type": SHOPS, "activate": "always"}
    train(history, place, **common)
    train(
        history,
        place,
        **common,
        treatments=SHOPS.treatments,
        options=TrainingOptions(anomaly="beside", calibration="isotonic", early_stopping=20),
    )
    return place


def test_the_kind_of_a_purchase_is_worth_learning(models: Path) -> None:
    """All variables but the one without a value are there, each as its values say."""
    registry = Registry.at(models, "shops")
    before, after = (registry.manifest(registry.resolve(version)) for version in ("1.0", "2.0"))

    how = {each["variable"]: each["treatments"] for each in after["treatments"]}
    assert {
        "event_time": ["hour", "weekday"],
        "kind": ["category"],
        "shop": ["frequency", "fraud_rate"],
        "note": ["length", "digits", "letters", "others"],
    } == how
    assert "treatments" not in before
    assert before["metrics"]["auc"] < 0.6 < 0.9 < after["metrics"]["auc"]


def test_what_is_decided_is_what_was_tested(history: Path, models: Path) -> None:
    """The probabilities of a detector on the raw payments give the figures of the manifest."""
    model = load_model(models, event_type="shops")
    split = Split.of(Dataset.of_history(history, event_type=SHOPS))
    manifest = Registry.at(models, "shops").manifest(Registry.at(models, "shops").resolve())

    decided = Detector.of(model, SHOPS).decide(split.test)

    flagged = decided["probability"].to_numpy() > model.threshold
    assert manifest["metrics"]["alerts_per_1000"] == pytest.approx(1000 * flagged.mean())
    learnt = as_learnt(split.train, model.inputs)
    assert np.isnan(matrix(learnt, ["shop_fraud_rate"])).any()
    assert not np.isnan(matrix(decided, ["shop_fraud_rate"])).any()


def test_reasons_name_variables_and_their_values(history: Path, models: Path) -> None:
    """A category that is new, and one that is missing, are said as that."""
    detector = Detector.of(load_model(models, event_type="shops"), SHOPS)
    split = Split.of(Dataset.of_history(history, event_type=SHOPS))

    decided = detector.decide(split.test)

    said = {reason for reasons in decided["reasons"].to_list() for reason in reasons}
    assert "kind is wëb 🙂" in said
    assert any(
        each.startswith("shop is shop ") and each.endswith("of the events like that were fraud")
        for each in said
    )
    assert "event time is between 02:00 and 02:59 UTC" in said
    assert not any("None" in each or "nan" in each for each in said)


def test_values_that_training_never_saw_are_decided(history: Path, models: Path) -> None:
    """Whatever comes in place of a text: a finite probability, and the same as for a missing category."""
    detector = Detector.of(load_model(models, event_type="shops"), SHOPS)
    one = Split.of(Dataset.of_history(history, event_type=SHOPS)).test[:1]
    kinds = [None, "never seen", "", "wëb", "\0", "x" * 256]
    frame = pl.concat([one] * len(kinds)).with_columns(kind=pl.Series(kinds, dtype=pl.String))

    decided = detector.decide(frame)

    assert 1 == decided["probability"].n_unique()
    assert decided["kind_category"].is_null().all()


def test_a_version_takes_its_tables_along(models: Path) -> None:
    """Exported, and imported elsewhere; a version whose tables are gone is not loaded."""
    registry = Registry.at(models, "shops")
    found = unpacked(packed(registry, registry.resolve("2.0")), "shops", "shops.zip")
    elsewhere = Registry.at(models / "elsewhere", "shops")
    with training(elsewhere) as made:
        made.save(found.carried(), found.files)

    assert (
        load_model(models, "2.0", "shops").inputs == load_model(models / "elsewhere", "1.0", "shops").inputs
    )
    assert inputs_in(found.files, "2.0").names == tuple(found.manifest["features"][len(SHOPS.features) :])
    with training(elsewhere) as made:
        made.save(found.carried(), {name: found.files[name] for name in found.files if name != INPUTS})
    with pytest.raises(SetupError, match="needs features that neither this release nor the event type has"):
        Detector.of(load_model(models / "elsewhere", "2.0", "shops"), SHOPS)


def test_an_event_type_without_the_variable_cannot_use_the_version(models: Path) -> None:
    """With a sentence when it is loaded."""
    other = Declaration(
        TEXT.replace('kind = "string"', 'kind = "integer"').replace('shop = "string"\n', ""), "o"
    ).read()

    with pytest.raises(SetupError, match="which is made of the variable shop that events do not have"):
        Detector.of(load_model(models, "2.0", "shops"), other)


def test_a_report_judges_it_without_labels_of_the_future(history: Path, models: Path) -> None:
    """What it learnt from is judged with the shares that were known then, so that a model that has not learnt by heart has no such warning."""
    (report,) = make_reports(["2.0"], Registry.at(models, "shops"), history, SHOPS)

    assert "shop_fraud_rate" in json.dumps(report)
    assert "overfit" not in {each["kind"] for each in report["warnings"]}


def test_people_see_how_each_variable_is_treated(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A line each, with the reason."""
    file = tmp_path / "shops.toml"
    file.write_text(TEXT)
    monkeypatch.setenv("FRAUDSTREAM_MODELS", str(models))
    monkeypatch.setenv("FRAUDSTREAM_EVENT_TYPE", str(file))

    done = CliRunner().invoke(show, ["2.0"])

    assert 0 == done.exit_code
    assert "variable   kind (string, 6 values, " in done.output
    assert "category (at most 64 different values)" in done.output


def test_a_training_that_is_tried_saves_nothing(
    history: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It lists what is learnt of each variable, with one treated otherwise, and the figures."""
    file = tmp_path / "shops.toml"
    file.write_text(TEXT)
    monkeypatch.setenv("FRAUDSTREAM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("FRAUDSTREAM_EVENT_TYPE", str(file))
    options = ["--local", "--history", str(history), "--treat", "note=none"]

    done = CliRunner().invoke(train_command, options)

    assert 0 == done.exit_code, done.output
    assert "shop (string, 200 values, 0.0% missing): frequency, fraud_rate (more than 64" in done.output
    assert "note (string, " in done.output
    assert ": left out (as requested)" in done.output
    assert "nothing was saved; without --local it becomes a version" in done.output
    assert not (tmp_path / "models").exists()


def test_the_latest_payments_need_a_fraud(history: Path) -> None:
    """Or nothing can be learnt from them."""
    split = Split.of(Dataset.of_history(history, event_type=SHOPS))
    rows = int(split.train["is_fraud"].reverse().arg_max() or 0)

    assert split.train.height == split.latest(1_000_000).train.height
    assert rows + 1 == split.latest(rows + 1).train.height
    if rows:
        with pytest.raises(SetupError, match="payments to learn from is fraud; train without --local"):
            split.latest(rows)


def test_an_anomaly_model_alone_learns_of_variables_without_labels(history: Path, tmp_path: Path) -> None:
    """But for shares of fraud; it decides, too."""
    manifest = train_unlabelled(
        history,
        tmp_path,
        features=SHOPS.features,
        feature_set="shops",
        event_type=SHOPS,
        treatments=SHOPS.treatments,
    )

    assert "shop_frequency" in manifest["features"]
    assert "shop_fraud_rate" not in manifest["features"]
    decided = Detector.of(load_model(tmp_path, event_type="shops"), SHOPS).decide(
        Split.of(Dataset.of_history(history, event_type=SHOPS)).test
    )
    assert decided["anomaly_score"].is_not_null().all()
