"""Real small models and releases of them, for tests."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.adapters.releases.drafting import Drafted, draft
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.registry.manifest import MODEL_FILE

FEATURES = ["amount", "seconds_since_previous"]
CARD = event_type_named("card")


@cache
def small_model(seed: int = 1) -> bytes:
    """Train a model that calls quick successors fraud."""
    rows = np.random.default_rng(seed).uniform(0, 20, (500, 2)).astype(np.float32)
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows, rows[:, 1] < 10), 3)
    return bytes(booster.save_raw("ubj"))


def registry_in(models_dir: Path, *seeds: int, features: list[str] | None = None) -> Registry:
    """Return a registry with one version for each seed, the last one active."""
    registry = Registry.at(models_dir, "card")
    for seed in seeds:
        with training(registry) as made:
            made.save({"features": features or FEATURES, "threshold": 0.25}, {MODEL_FILE: small_model(seed)})
        registry.activate(made.version, "for a test")
    return registry


def drafted_in(models_dir: Path, *seeds: int, event_type: EventType = CARD, **given: Any) -> list[Drafted]:
    """Draft a release for each seed, of a version of its own; return them."""
    releases, found = Releases.at(models_dir, "card"), []
    for seed in seeds:
        registry = registry_in(models_dir, seed)
        found.append(draft(releases, registry, event_type, **given))
    return found
