"""Makes the report of a model version: reads the history, lets the model judge what is later than what it learnt from."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.library import xgboost
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.model_input import model_inputs, predicted
from fraudstream.offline.ranking import Ranking
from fraudstream.offline.training.treating import as_learnt
from fraudstream.report.judged import Judged
from fraudstream.report.money import Costs
from fraudstream.report.report import report_of

ENTITY = "card_code"
"""The column of a dataset that numbers its entities."""


def make_reports(
    versions: list[str],
    models: Registry,
    history_dir: Path,
    event_type: EventType,
    *,
    partitions: int = 1,
    costs: Costs | None = None,
    step: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Return the reports of versions on the same payments: those later than what any of them has learnt from.

    Raises SetupError if a version is not there, or if no payment is left.
    """
    manifests = [models.manifest(models.resolve(version)) for version in versions]
    step("computing what was known at each payment")
    data = Dataset.of_history(history_dir, partitions, event_type=event_type)
    labelled = data.frame.filter(pl.col("is_fraud").is_not_null())
    learnt_until = max(_learnt_until(manifest) for manifest in manifests)
    later = labelled.filter(pl.col("event_time") > _ms(learnt_until) + 999)  # it is in seconds
    if not later.height:
        raise SetupError(
            f"all payments of {history_dir} are from before {learnt_until}, until which {' and '.join(versions)} learnt; a report needs later ones"
        )
    for version, manifest in zip(versions, manifests, strict=True):
        if not manifest.get("classifier", True):
            raise SetupError(
                f"model {version} is an anomaly model without a classifier; a report judges classifiers"
            )
    reports = []
    for version, manifest in zip(versions, manifests, strict=True):
        step(f"judging {later.height:,} payments by {version}")
        reports.append(_report(load_model(models, version), manifest, labelled, later, event_type, costs))
    return reports


def _report(
    model: XGBoostModel,
    manifest: dict[str, Any],
    labelled: pl.DataFrame,
    later: pl.DataFrame,
    event_type: EventType,
    costs: Costs | None,
) -> dict[str, Any]:
    entities = later[ENTITY].to_numpy() if ENTITY in later.columns else None
    rows = np.concatenate([numbers for _, numbers in model_inputs(later, model.features, model.inputs)])
    judged = Judged(later, model.probabilities(rows).astype(np.float64), model.threshold, entities)
    about = {
        "version": model.version,
        "event_type": event_type.name,
        "currency": event_type.money.currency
        if event_type.currency_field is None
        else "each event's currency",
        "tested": {"first": _date(judged.times_ms.min()), "last": _date(judged.times_ms.max())},
        "details": {
            "sha256": manifest["content_sha256"][:16],
            "trained on": _trained_on(manifest),
            "XGBoost": xgboost.__version__,
        },
    }
    return report_of(model, model.features, judged, rows, about, costs, _learnt(model, manifest, labelled))


def _learnt(model: XGBoostModel, manifest: dict[str, Any], labelled: pl.DataFrame) -> float | None:
    """Return the average precision on the payments it learnt from; None if this history does not have them."""
    if "train" not in manifest:
        return None
    first, last = _ms(manifest["train"]["first"]), _ms(manifest["train"]["last"])
    learnt = labelled.filter(pl.col("event_time").is_between(first, last))
    fraud = learnt["is_fraud"].to_numpy().astype(bool)
    if not fraud.any() or fraud.all():
        return None
    learnt = as_learnt(learnt, model.inputs)
    scores = predicted(learnt, model.features, model.probabilities).astype(np.float64)
    return Ranking.of(fraud, scores).curve().average_precision()


def _learnt_until(manifest: dict[str, Any]) -> str:
    """Return the time until which a version learnt, in UTC; raises SetupError if nobody knows."""
    if "train" in manifest:
        return str(manifest["train"]["last"])
    if "trained_until" in manifest:
        return str(manifest["trained_until"])
    raise SetupError(
        f"nothing says until when model {manifest['version']} learnt, because it was made elsewhere; import it again with "
        "--trained-until"
    )


def _trained_on(manifest: dict[str, Any]) -> str:
    if "train" not in manifest:
        return f"other payments, until {manifest['trained_until'][:10]}"
    train = manifest["train"]
    return f"{train['rows']:,} payments, {train['first'][:10]} to {train['last'][:10]}"


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _date(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d}"
