"""Trains an anomaly model alone, for events of which nobody knows yet which were fraud, and writes a model version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.adapters.files import sha256_of
from fraudstream.adapters.models.files import ANOMALY_SCORES, CURRENT, save_model
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.offline.activation import Wish
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.history import dates_of
from fraudstream.offline.point_in_time import NEVER_MS
from fraudstream.offline.train import (
    FRAUD_THRESHOLD,
    SplitTimes,
    TrainingListener,
    check_columns,
    made_with,
    range_of,
    version_name,
)
from fraudstream.offline.training.anomaly import isolating


def train_unlabelled(
    history_dir: Path,
    models_dir: Path,
    *,
    features: Sequence[str],
    feature_set: str,
    event_type: EventType,
    partitions: int = 1,
    allowed_lateness_ms: int = NEVER_MS,
    activate: Wish = "if-better",
    seed: int = 1,
    listener: TrainingListener | None = None,
) -> dict[str, Any]:
    """Fit an isolation forest to the earlier 70 % of the time, write it as a version without a classifier; return the manifest.

    Labels are used for its figures on the later payments, if there are any. Raises SetupError if there are too few payments.
    """
    listener, names = listener or TrainingListener(), tuple(features)
    listener.step("computing point-in-time features of each payment")
    times = SplitTimes.of(dates_of(history_dir))
    data = Dataset.of_history(history_dir, partitions, allowed_lateness_ms, event_type, needs_labels=False)
    check_columns(data.frame, names, history_dir)
    time = pl.col("event_time")
    learnt = data.frame.filter((time >= times.first_ms) & (time < times.cut_ms))
    later = data.frame.filter(time >= times.cut_ms)
    if not (learnt.height and later.height):
        raise SetupError(
            f"{len(data.dates)} days of {data.frame.height:,} payments are too few to learn from and to test with; use a longer history"
        )
    listener.step(f"training on {learnt.height:,} payments")
    forest = isolating(learnt, names, seed)
    content, table = bytes(forest.booster.save_raw("ubj")), forest.table.to_json()
    activation = _activation(activate, models_dir)
    manifest = {
        "version": version_name(feature_set, data.dates[-1], sha256_of(content + table)),
        "event_type": event_type.name,
        "classifier": False,
        "feature_set": feature_set,
        "features": list(names),
        "threshold": FRAUD_THRESHOLD,
        "history": data.described(),
        "warm_up_days": times.warm_up_days,
        "train": range_of(learnt),
        "test": range_of(later),
        "activation": activation,
        "anomaly": forest.judged(later, names),
        "sha256": sha256_of(content),
        **made_with(),
    }
    save_model(models_dir, manifest, content, {ANOMALY_SCORES: table}, activate=activation["activated"])
    return manifest


def _activation(wish: Wish, models_dir: Path) -> dict[str, Any]:
    """Return the decision for the manifest: without labels nothing says whether it is better than an active model."""
    first = not (models_dir / CURRENT).is_file()
    why = (
        "no model was active before"
        if first
        else "without a classifier it cannot be compared with the active model"
    )
    told = "" if wish == "if-better" else "as requested: "
    return {
        "wish": wish,
        "activated": wish == "always" or (wish == "if-better" and first),
        "better": first,
        "why": told + why,
    }
