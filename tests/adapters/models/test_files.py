"""Model versions on disk: what is loaded is what was trained, or nothing is loaded."""

import json
from pathlib import Path

import numpy as np
import pytest
import xgboost

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.manifest import FILE_BYTES_MAX, parsed
from fraudstream.domain.registry.versions import Version
from tests.models import active_version, load_model, saved

FEATURES = ["amount", "seconds_since_previous"]
ROWS = np.array([[20.0, 601.0], [20.0, 1.5]], dtype=np.float32)


@pytest.fixture(scope="module")
def ubj() -> bytes:
    """Return a small real model: payments within ten seconds of the last one are fraud."""
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.uniform(0, 100, 2000), rng.uniform(0, 20, 2000)]).astype(np.float32)
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows, rows[:, 1] < 10), 10)
    return bytes(booster.save_raw("ubj"))


def test_a_saved_model_is_active_and_scores_as_it_did(tmp_path: Path, ubj: bytes) -> None:
    """Nothing is lost on the way through the file."""
    original = xgboost.Booster(model_file=bytearray(ubj))
    saved(tmp_path, ubj)

    model = load_model(tmp_path)

    assert ("card-1.0", tuple(FEATURES), 0.25) == (model.version, model.features, model.threshold)
    assert np.array_equal(original.inplace_predict(ROWS), model.probabilities(ROWS))
    assert model.probabilities(ROWS)[0] < 0.1
    assert model.probabilities(ROWS)[1] > 0.9


def test_a_row_scores_the_same_alone_and_among_others(tmp_path: Path, ubj: bytes) -> None:
    """Micro-batches of any size decide alike."""
    saved(tmp_path, ubj)
    model = load_model(tmp_path)

    assert np.array_equal(model.probabilities(ROWS), [model.probabilities(row[None])[0] for row in ROWS])


def test_contributions_add_up_to_the_log_odds(tmp_path: Path, ubj: bytes) -> None:
    """One share a feature and the bias; their sum is the score before the logistic function."""
    saved(tmp_path, ubj)
    model = load_model(tmp_path)

    shares = model.contributions(ROWS)

    assert (2, 3) == shares.shape
    assert np.allclose(model.probabilities(ROWS), 1 / (1 + np.exp(-shares.sum(axis=1))), atol=1e-6)


def test_several_versions_are_kept_and_one_is_active(tmp_path: Path, ubj: bytes) -> None:
    """To go back, another version is named."""
    saved(tmp_path, ubj)
    saved(tmp_path, ubj, threshold=0.5)

    assert "2.0" == active_version(tmp_path)
    assert 0.5 == load_model(tmp_path).threshold
    assert 0.25 == load_model(tmp_path, "1.0").threshold


def test_models_of_an_earlier_release_are_said_to_be(tmp_path: Path) -> None:
    """They had names and a file `current`; the sentence says what to do."""
    (tmp_path / "current").write_text("card-20261124-8947ec9d\n")

    with pytest.raises(SetupError, match=r"made by an earlier release.*train again with: fraudstream train"):
        load_model(tmp_path)


def test_a_changed_model_file_is_not_loaded(tmp_path: Path, ubj: bytes) -> None:
    """The checksum is looked at before XGBoost is."""
    saved(tmp_path, ubj)
    (tmp_path / "card" / "1.0" / "model.ubj").write_bytes(ubj[:-1] + b"?")

    with pytest.raises(SetupError, match="checksum differs"):
        load_model(tmp_path)


def test_a_file_that_xgboost_cannot_read_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """For instance a model of a much newer XGBoost."""
    saved(tmp_path, b"not a model")

    with pytest.raises(SetupError, match="cannot be read by XGBoost"):
        load_model(tmp_path)


def test_a_model_with_features_we_do_not_have_decides_nothing(tmp_path: Path, ubj: bytes) -> None:
    """It would score something else than it was trained on."""
    saved(tmp_path, ubj, features=["amount", "phase_of_the_moon"])

    with pytest.raises(SetupError, match="phase_of_the_moon"):
        Detector.of(load_model(tmp_path), event_type_named("card"))


@pytest.mark.parametrize("version", ["active", "7.0"])
def test_without_the_model_the_sentence_says_what_to_run(tmp_path: Path, version: str) -> None:
    """A fresh clone has none, and names are mistyped."""
    with pytest.raises(SetupError, match="train one with: fraudstream train"):
        load_model(tmp_path, version)


def test_the_manifest_is_json_for_people_too(tmp_path: Path, ubj: bytes) -> None:
    """Indented, one field a line."""
    saved(tmp_path, ubj)
    text = (tmp_path / "card" / "1.0" / "manifest.json").read_text()

    assert "1.0" == json.loads(text)["version"]
    assert '\n  "version": "1.0"' in text


@pytest.mark.parametrize("rows", [1, 7, 512])
def test_the_direct_call_predicts_what_xgboost_predicts(tmp_path: Path, ubj: bytes, rows: int) -> None:
    """A learning test on XGBoost's C function: the same bits as `inplace_predict`, missing values included."""
    saved(tmp_path, ubj)
    booster = xgboost.Booster(model_file=bytearray(ubj))
    data = np.random.default_rng(rows).uniform(0, 700, (rows, 2)).astype(np.float32)
    data[0, 1] = np.nan

    assert np.array_equal(booster.inplace_predict(data), load_model(tmp_path).probabilities(data))


def test_rows_of_another_shape_are_refused(tmp_path: Path, ubj: bytes) -> None:
    """The C function would read beyond them."""
    saved(tmp_path, ubj)
    with pytest.raises(ValueError, match="2 columns"):
        load_model(tmp_path).probabilities(np.zeros((3, 1), np.float32))


def test_a_model_trained_on_other_features_than_its_manifest_names_is_not_loaded(
    tmp_path: Path, ubj: bytes
) -> None:
    """By their number, and by their names where the file has them."""
    saved(tmp_path, ubj, features=["amount"])
    with pytest.raises(SetupError, match="trained on other features than its manifest names"):
        load_model(tmp_path)

    booster = xgboost.Booster(model_file=bytearray(ubj))
    booster.feature_names = FEATURES[::-1]
    other = bytes(booster.save_raw("ubj"))
    saved(tmp_path, other)
    with pytest.raises(SetupError, match="trained on other features than its manifest names"):
        load_model(tmp_path)


def test_a_file_far_larger_than_any_model_is_not_read(tmp_path: Path, ubj: bytes) -> None:
    """Its size is checked first: it is neither read into memory nor given to XGBoost."""
    saved(tmp_path, ubj)
    with (tmp_path / "card" / "1.0" / "model.ubj").open("r+b") as file:
        file.truncate(FILE_BYTES_MAX + 1)

    with pytest.raises(SetupError, match="is larger than"):
        load_model(tmp_path)


def test_a_manifest_that_was_changed_is_refused(tmp_path: Path, ubj: bytes) -> None:
    """The log has its checksum."""
    saved(tmp_path, ubj)
    path = tmp_path / "card" / "1.0" / "manifest.json"
    path.write_text(path.read_text().replace("0.25", "0.75"))

    with pytest.raises(SetupError, match=r"the manifest of model 1\.0 of event type card was changed"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"{}", "event_type is missing"),
        (
            b'{"event_type": "card", "version": "1.0", "features": ["amount"], "threshold": 7.0, "files": {}}',
            "threshold must be",
        ),
        (
            b'{"event_type": "card", "version": "2.0", "features": ["amount"], "threshold": 0.5, "files": {}}',
            "another version",
        ),
        (
            b'{"event_type": "card", "version": "1.0", "features": [7], "threshold": 0.5, "files": {}}',
            "must be names",
        ),
        (
            b'{"event_type": "card", "version": "1.0", "features": [], "threshold": 0.5, "files": {"a": 1}}',
            "needs its sha256",
        ),
    ],
)
def test_an_invalid_manifest_is_refused_with_a_sentence(content: bytes, said: str) -> None:
    """Broken, empty, absurd, or of another model."""
    with pytest.raises(
        SetupError, match=f"the manifest of model 1.0 of event type card is not .*{said}|{said}"
    ):
        parsed(content, "card", Version(1, 0), "train again")
