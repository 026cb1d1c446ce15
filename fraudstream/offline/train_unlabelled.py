"""Trains an anomaly model alone, for events of which nobody knows yet which were fraud, and writes a model version."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.adapters.models.files import ANOMALY_SCORES
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import TRAINED, training
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.treatments import Asked
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.offline.activation import Wish
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.history import dates_of
from fraudstream.offline.point_in_time import NEVER_MS
from fraudstream.offline.train import (
    FRAUD_THRESHOLD,
    SplitTimes,
    TrainingListener,
    activated,
    check_columns,
    made_with,
    range_of,
)
from fraudstream.offline.training.anomaly import isolating
from fraudstream.offline.training.treating import treated


def train_unlabelled(
    history_dir: Path,
    models_place: Path | str,
    *,
    features: Sequence[str],
    feature_set: str,
    event_type: EventType,
    treatments: Mapping[str, Asked] | None = None,
    partitions: int = 1,
    allowed_lateness_ms: int = NEVER_MS,
    update: int | None = None,
    activate: Wish = "if-better",
    why: str = TRAINED,
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
    models = Registry.at(models_place, event_type.name)
    with training(models, update) as made:
        variables = treated(learnt, event_type, treatments or {}, labelled=False)
        names = (*names, *variables.inputs.names)
        learnt, later = (variables.inputs.added_to(part) for part in (learnt, later))
        listener.step(f"training on {learnt.height:,} payments")
        forest = isolating(learnt, names, seed)
        manifest = {
            "classifier": False,
            "feature_set": feature_set,
            "features": list(names),
            "threshold": FRAUD_THRESHOLD,
            "history": data.described(),
            "warm_up_days": times.warm_up_days,
            "train": range_of(learnt),
            "test": range_of(later),
            "activation": _activation(activate, models),
            "anomaly": forest.judged(later, names),
            **variables.described(),
            **made_with(),
        }
        content = bytes(forest.booster.save_raw("ubj"))
        files = {MODEL_FILE: content, ANOMALY_SCORES: forest.table.to_json()}
        made.save(manifest, files | variables.files(), why)
    return activated(models, made.version)


def _activation(wish: Wish, models: Registry) -> dict[str, Any]:
    """Return the decision for the manifest: without labels nothing says whether it is better than an active model."""
    first = models.log().active is None
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
