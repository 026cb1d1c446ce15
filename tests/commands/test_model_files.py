"""`fraudstream models export` and `import`: versions as files, and XGBoost models that were made elsewhere."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost
from click.testing import CliRunner, Result

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.commands.models import models
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.store import TrainingUnderWay
from fraudstream.domain.registry.versions import Version

FEATURES = ["amount", "seconds_since_previous"]
RNG = np.random.default_rng(1)
ROWS = np.column_stack([RNG.uniform(0, 100, 500), RNG.uniform(0, 20, 500)]).astype(np.float32)

Run = Callable[..., Result]


def booster(names: list[str] | None = FEATURES, objective: str = "binary:logistic") -> xgboost.Booster:
    """Return a small real model: payments within ten seconds of the last one are fraud."""
    data = xgboost.DMatrix(ROWS, ROWS[:, 1] < 10, feature_names=names)
    return xgboost.train({"objective": objective}, data, 3)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `fraudstream models` with models in a directory of this test."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(models, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return the registry that `run` uses."""
    return Registry.at(tmp_path / "data/models", "card")


def saved(path: Path, model: xgboost.Booster) -> Path:
    """Save a model by its file's ending."""
    model.save_model(path)
    return path


def repacked(path: Path, change: Callable[[str, bytes], tuple[str, bytes]]) -> Path:
    """Write an exported file again with its parts changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize("ending", ["ubj", "json"])
def test_a_model_made_elsewhere_becomes_a_version(
    run: Run, registry: Registry, tmp_path: Path, ending: str
) -> None:
    """It gives the same probabilities; the second import is the next major version, or an update."""
    original = booster()
    path = saved(tmp_path / f"theirs.{ending}", original)

    made = json.loads(run("import", path, "--threshold", "0.4", "--json").stdout)
    run("import", path, "--threshold", "0.4")
    again = run("import", path, "--threshold", "0.4", "--update", "1", "--why", "a second opinion")

    assert ("1.0", FEATURES, 0.4) == (made["version"], made["features"], made["threshold"])
    loaded = xgboost.Booster(model_file=bytearray(registry.files(made)["model.ubj"]))
    assert np.array_equal(original.inplace_predict(ROWS), loaded.inplace_predict(ROWS))
    assert [Version(1, 0), Version(1, 1), Version(2, 0)] == list(registry.log().states)
    assert "activate it with: fraudstream models activate 1.1" in again.stdout
    last = registry.log().of(Version(1, 1))[-1]
    assert f"imported from theirs.{ending}: a second opinion" == last.why


def test_a_model_without_names_needs_them(run: Run, registry: Registry, tmp_path: Path) -> None:
    """As many as it has columns."""
    path = saved(tmp_path / "m.ubj", booster(names=None))

    with pytest.raises(SetupError, match="does not name its 2 features; name them in order with --features"):
        run("import", path, "--threshold", "0.5")
    with pytest.raises(SetupError, match="takes 2 features, and 1 are named: amount"):
        run("import", path, "--threshold", "0.5", "--features", "amount")
    made = run("import", path, "--threshold", "0.5", "--features", "amount, amt_ratio1", "--json")

    assert ["amount", "amt_ratio1"] == json.loads(made.stdout)["features"]
    assert [Version(1, 0)] == list(registry.log().states)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            booster(["amuont", "phase_of_the_moon"]),
            r"declares: amuont; did you mean amount\?, phase_of_the_moon",
        ),
        (
            booster(objective="reg:squarederror"),
            "was trained for reg:squarederror; a model must give probabilities",
        ),
    ],
)
def test_a_model_that_cannot_decide_is_refused(
    run: Run, registry: Registry, tmp_path: Path, model: xgboost.Booster, sentence: str
) -> None:
    """Before anything is written."""
    with pytest.raises(SetupError, match=sentence):
        run("import", saved(tmp_path / "m.json", model), "--threshold", "0.5")

    assert {} == registry.log().states


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is neither an XGBoost model"),
        (b"binf\x00\x00", "is neither an XGBoost model"),
        (b"{}", "cannot be read by XGBoost"),
        (b"PK\x03\x04 and no more", "is damaged"),
    ],
)
def test_a_file_that_is_no_model_is_a_sentence(
    run: Run, tmp_path: Path, content: bytes, sentence: str
) -> None:
    """Empty, of an old format, of something else, cut off."""
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(SetupError, match=sentence):
        run("import", path, "--threshold", "0.5")


def test_a_model_without_a_threshold_is_a_sentence(run: Run, tmp_path: Path) -> None:
    """Nobody but who made it knows a good one."""
    with pytest.raises(SetupError, match="say with --threshold"):
        run("import", saved(tmp_path / "m.ubj", booster()))


def test_an_exported_version_is_the_same_after_import(run: Run, registry: Registry, tmp_path: Path) -> None:
    """Content, features and threshold; it says which version it was, and exporting again gives the same bytes."""
    run("import", saved(tmp_path / "m.ubj", booster()), "--threshold", "0.4")
    registry.activate(Version(1, 0), "")

    written = json.loads(run("export", "--json").stdout)
    first = (tmp_path / "card-1.0.zip").read_bytes()
    run("export", "1.0", "--out", "again.zip")
    made = json.loads(run("import", "card-1.0.zip", "--json").stdout)

    assert {"version": "1.0", "file": "card-1.0.zip", "content_sha256": made["content_sha256"]} == written
    assert first == (tmp_path / "again.zip").read_bytes()
    assert ("2.0", FEATURES, 0.4) == (made["version"], made["features"], made["threshold"])
    assert {"version": "1.0", "content_sha256": made["content_sha256"]} == made["imported"]
    with pytest.raises(SetupError, match="exists; replace it with --force"):
        run("export", "1.0")
    assert 0 == run("export", "1.0", "--force").exit_code


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("model.ubj", "is not the one its manifest describes"),
        ("manifest.json", "is not valid"),
    ],
)
def test_an_exported_file_that_was_changed_is_not_imported(
    run: Run, registry: Registry, tmp_path: Path, part: str, sentence: str
) -> None:
    """Whatever of it: before XGBoost sees it."""
    run("import", saved(tmp_path / "m.ubj", booster()), "--threshold", "0.4")
    run("export", "1.0")
    repacked(
        tmp_path / "card-1.0.zip",
        lambda name, data: (name, data[:-3] + b"???" if name == part else data),
    )

    with pytest.raises(SetupError, match=sentence):
        run("import", "card-1.0.zip")
    assert [Version(1, 0)] == list(registry.log().states)


def test_an_exported_file_with_other_parts_is_not_imported(run: Run, tmp_path: Path) -> None:
    """Names that leave a directory are among them."""
    run("import", saved(tmp_path / "m.ubj", booster()), "--threshold", "0.4")
    run("export", "1.0")
    repacked(
        tmp_path / "card-1.0.zip",
        lambda name, data: ("../../model.ubj" if name == "model.ubj" else name, data),
    )

    with pytest.raises(SetupError, match="does not contain the files that its manifest describes"):
        run("import", "card-1.0.zip")


def test_a_version_of_another_event_type_is_not_imported(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the setting."""
    run("import", saved(tmp_path / "m.ubj", booster()), "--threshold", "0.4")
    run("export", "1.0")
    monkeypatch.setenv("FRAUDSTREAM_EVENT_TYPE", "creditcard")

    with pytest.raises(
        SetupError, match="for events of type 'card', not creditcard; set FRAUDSTREAM_EVENT_TYPE"
    ):
        run("import", "card-1.0.zip")


def test_an_import_waits_for_no_training(run: Run, registry: Registry, tmp_path: Path) -> None:
    """Of the same major version: the sentence says what to do."""
    path = saved(tmp_path / "m.ubj", booster())
    run("import", path, "--threshold", "0.4")

    with training(registry, major=1) as under_way:
        with pytest.raises(TrainingUnderWay):
            run("import", path, "--threshold", "0.4", "--update", "1")
        under_way.save({"features": FEATURES, "threshold": 0.5}, {"model.ubj": path.read_bytes()})
