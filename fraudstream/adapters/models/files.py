"""Model versions as plain directories: `<version>/model.ubj` and `<version>/manifest.json`; `current` names one.

No pickle: XGBoost's own format is data, not code, and the manifest's checksum is verified before XGBoost sees it.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import xgboost

from fraudstream.adapters.files import sha256_of, write_atomically
from fraudstream.adapters.models.boosted import IsolationModel, SummedPaths, XGBoostModel
from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import did_you_mean, validate_name
from fraudstream.domain.table import Table

CURRENT = "current"
CALIBRATION = "calibration.json"
"""The file of a version's calibration, if it has one."""
FOREST, ANOMALY_SCORES = "anomaly.ubj", "anomaly.json"
"""The files of its anomaly model, if it has one. Without a classifier `model.ubj` is the forest."""

MODEL_BYTES_MAX, MANIFEST_BYTES_MAX = 100_000_000, 1_000_000
"""Our models have 100 kB; a file this large is not a model and would only cost memory."""

MANIFEST_FIELDS = {"version": str, "features": list, "threshold": float, "sha256": str}
"""What loading a model needs from its manifest; the rest of a manifest is for people."""

TRAIN = "train one with: fraudstream train"


def load_model(models_dir: Path, version: str = CURRENT) -> XGBoostModel:
    """Load a model version after checking it; raises SetupError that says what to run."""
    version = current_version(models_dir) if version == CURRENT else version
    manifest = read_manifest(models_dir, version)
    content = _content(models_dir / validate_name("model", version) / "model.ubj", MODEL_BYTES_MAX)
    if sha256_of(content) != manifest["sha256"]:
        raise SetupError(f"model {version} is not the one its manifest describes (checksum differs); {TRAIN}")
    features = tuple(manifest["features"])
    booster = _booster(version, content)
    if booster.num_features() != len(features) or tuple(booster.feature_names or features) != features:
        raise SetupError(f"model {version} was trained on other features than its manifest names; {TRAIN}")
    beside = _beside(models_dir, version, manifest)
    model = _model(version, manifest, booster, beside)
    if model.probabilities(np.zeros((1, len(features)), dtype=np.float32)).shape != (
        1,
    ):  # and the first call is slow
        raise SetupError(f"model {version} does not return one probability per payment; {TRAIN}")
    return model


def _beside(models_dir: Path, version: str, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files beside the model by name, after checking them; raises SetupError."""
    found = {}
    described = manifest.get("files", {})
    for name, digest in described.items() if isinstance(described, dict) else ():
        content = _content(models_dir / version / validate_name("model's file", name), MODEL_BYTES_MAX)
        if sha256_of(content) != digest:
            raise SetupError(
                f"{name} of model {version} is not the one its manifest describes (checksum differs); {TRAIN}"
            )
        found[name] = content
    return found


def _model(
    version: str, manifest: Mapping[str, Any], booster: xgboost.Booster, beside: Mapping[str, bytes]
) -> XGBoostModel:
    """Put a version's parts together; raises SetupError if one is missing or does not fit."""
    features, threshold = tuple(manifest["features"]), manifest["threshold"]
    classifier = manifest.get("classifier", True)
    anomaly = None
    if not classifier or FOREST in beside:
        forest = _booster(version, beside[FOREST]) if classifier else booster
        if ANOMALY_SCORES not in beside or forest.num_features() != len(features):
            raise SetupError(
                f"the anomaly model of model {version} lacks its scores or has other features; {TRAIN}"
            )
        table = Table.of_json(beside[ANOMALY_SCORES], f"{ANOMALY_SCORES} of model {version}")
        anomaly = SummedPaths(forest, len(features), table)
    if not classifier:
        return IsolationModel(version, features, threshold, booster, anomaly=anomaly)
    return XGBoostModel(version, features, threshold, booster, _calibration(version, beside), anomaly)


def _calibration(version: str, beside: Mapping[str, bytes]) -> Table | None:
    if CALIBRATION not in beside:
        return None
    return Table.of_json(beside[CALIBRATION], f"{CALIBRATION} of model {version}")


def _booster(version: str, content: bytes) -> xgboost.Booster:
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(content))
    except xgboost.core.XGBoostError as error:
        raise SetupError(
            f"model {version} cannot be read by XGBoost {xgboost.__version__}; {TRAIN}"
        ) from error
    return booster


def read_manifest(models_dir: Path, version: str) -> dict[str, Any]:
    """Return what is written about a version; raises SetupError if there is no such version."""
    path = models_dir / validate_name("model", version) / "manifest.json"
    if not path.is_file():
        known = [each.parent.name for each in models_dir.glob("[!.]*/manifest.json")]
        raise SetupError(
            f"no model {version!r} in {models_dir}{did_you_mean(version, known) or f'; {TRAIN}'}"
        )
    try:
        manifest = json.loads(_content(path, MANIFEST_BYTES_MAX))
    except ValueError as error:
        raise SetupError(f"the manifest of model {version} is not JSON; {TRAIN}") from error
    fits = isinstance(manifest, dict) and all(
        isinstance(manifest.get(name), kind) for name, kind in MANIFEST_FIELDS.items()
    )
    if not fits or manifest["version"] != version or not 0 < manifest["threshold"] < 1:
        raise SetupError(
            f"the manifest of model {version} is not valid: it names another version, or has wrong values; {TRAIN}"
        )
    return cast(dict[str, Any], manifest)


def _content(path: Path, bytes_max: int) -> bytes:
    """Read a file that has a bounded size; raises SetupError."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}); {TRAIN}") from error
    if len(content) > bytes_max:
        raise SetupError(
            f"{path} is larger than {bytes_max / 1e6:.0f} MB, the largest size allowed for it; {TRAIN}"
        )
    return content


def current_version(models_dir: Path) -> str:
    """Return the active version's name; raises SetupError if there is none."""
    path = models_dir / CURRENT
    if not path.is_file():
        if any(models_dir.glob("*/manifest.json")):
            raise SetupError(
                f"no model in {models_dir} is active, because none was good enough; to activate one anyway, run: "
                "fraudstream train --activate always"
            )
        raise SetupError(f"no model in {models_dir}; {TRAIN}")
    return validate_name("model", path.read_text().strip())


def save_model(
    models_dir: Path,
    manifest: Mapping[str, Any],
    content: bytes,
    beside: Mapping[str, bytes] = MappingProxyType({}),
    *,
    activate: bool = True,
) -> str:
    """Write a version named by `manifest["version"]`, whole or not at all, and make it the current one if wanted.

    An existing version of that name is replaced. `content`: the UBJ file whose checksum is in the manifest;
    `beside`: the version's other files by name, whose checksums are added to it.
    """
    version = validate_name("model", manifest["version"])
    models_dir.mkdir(parents=True, exist_ok=True)
    draft = models_dir / f".{version}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    write_atomically(draft / "model.ubj", content)
    for name, other in beside.items():
        write_atomically(draft / name, other)
    described = {**manifest, "files": {name: sha256_of(other) for name, other in beside.items()}}
    write_atomically(draft / "manifest.json", (json.dumps(described, indent=2) + "\n").encode())
    shutil.rmtree(models_dir / version, ignore_errors=True)
    draft.rename(models_dir / version)
    if activate:
        write_atomically(models_dir / CURRENT, f"{version}\n".encode())
    return version
