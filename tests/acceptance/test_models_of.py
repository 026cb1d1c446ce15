"""Which model versions are told the stories."""

from pathlib import Path

import numpy as np
import xgboost

from fraudstream.acceptance.offline import models_of
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.features.catalogue import FEATURE_SETS
from tests.models import saved


def a_model(features: int) -> bytes:
    """Return a model of so many features."""
    rows = np.random.default_rng(1).normal(size=(200, features)).astype(np.float32)
    data = xgboost.DMatrix(rows, rows[:, 0] > 0)
    return bytes(xgboost.train({"objective": "binary:logistic"}, data, 2).save_raw("ubj"))


def test_the_active_version_and_the_newest_of_every_other_feature_set(tmp_path: Path) -> None:
    """A damaged version that is not active is left out."""
    card, sample = (list(FEATURE_SETS[name]) for name in ("card", "card-sample"))
    for features in (card, sample, sample, card):
        saved(tmp_path, a_model(len(features)), features=features)
    saved(tmp_path, b"damaged", features=["amount"])
    registry = Registry.at(tmp_path, "card")
    registry.activate(registry.resolve("1.0"), "for a test")

    assert {"card": "card-1.0", "card-sample": "card-3.0"} == {
        name: model.version for name, model in models_of(registry).items()
    }
