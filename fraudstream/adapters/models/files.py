"""Loads a version of the registry as a model.

No pickle: XGBoost's own format is data, not code, and every file's checksum is verified before XGBoost sees it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fraudstream.adapters.models.boosted import IsolationModel, SummedPaths, XGBoostModel
from fraudstream.adapters.models.library import xgboost
from fraudstream.adapters.models.registry import ACTIVE, TRAIN, Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.variable_inputs import NONE, VariableInputs
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.domain.table import Table

INPUTS = "inputs.json"
"""The file of the inputs that are made of variables, if it has some."""
CALIBRATION = "calibration.json"
"""The file of a version's calibration, if it has one."""
FOREST, ANOMALY_SCORES = "anomaly.ubj", "anomaly.json"
"""The files of its anomaly model, if it has one. Without a classifier `model.ubj` is the forest."""


def load_model(models: Registry, version: str = ACTIVE) -> XGBoostModel:
    """Load a model version after checking it; raises SetupError that says what to run."""
    manifest = models.manifest(models.resolve(version))
    return model_of(manifest, models.files(manifest))


def model_of(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> XGBoostModel:
    """Make a model of a version's files, whose checksums are right; raises SetupError."""
    name = name_of(manifest)
    features = tuple(manifest["features"])
    if MODEL_FILE not in files:
        raise SetupError(f"model {name} has no file {MODEL_FILE}; {TRAIN}")
    booster = _booster(name, files[MODEL_FILE])
    if booster.num_features() != len(features) or tuple(booster.feature_names or features) != features:
        raise SetupError(f"model {name} was trained on other features than its manifest names; {TRAIN}")
    model = _model(name, manifest, booster, files)
    if model.probabilities(np.zeros((1, len(features)), dtype=np.float32)).shape != (
        1,
    ):  # and the first call is slow
        raise SetupError(f"model {name} does not return one probability per payment; {TRAIN}")
    return model


def name_of(manifest: Mapping[str, Any]) -> str:
    """Return what decisions and people call a version.

    >>> name_of({"event_type": "card", "version": "1.2"})
    'card-1.2'
    """
    return f"{manifest['event_type']}-{manifest['version']}"


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
    inputs = inputs_in(beside, version)
    if not classifier:
        return IsolationModel(version, features, threshold, booster, anomaly=anomaly, inputs=inputs)
    calibration = _calibration(version, beside)
    return XGBoostModel(
        version, features, threshold, booster, calibration, anomaly, inputs, _scale(version, manifest)
    )


def _scale(version: str, manifest: Mapping[str, Any]) -> InsightScale | None:
    if manifest.get("insight_scale") is None:
        return None
    try:
        return InsightScale.of(manifest["insight_scale"])
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"the insight scale of model {version} is not valid ({error}); {TRAIN}") from error


def inputs_in(files: Mapping[str, bytes], version: str) -> VariableInputs:
    """Return the inputs that a version makes of variables; raises SetupError."""
    return VariableInputs.of_json(files[INPUTS], f"{INPUTS} of model {version}") if INPUTS in files else NONE


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
