"""Trains the AWS sample's XGBoost on what the worker would have known at each payment, and writes a model version."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.adapters.models.files import ANOMALY_SCORES, CALIBRATION, FOREST
from fraudstream.adapters.models.library import xgboost
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import TRAINED, training
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURE_SETS, REASONS
from fraudstream.domain.features.treatments import Asked
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.domain.registry.versions import Version
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.offline.activation import Wish, decided, judge
from fraudstream.offline.columns import LABEL
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.history import dates_of
from fraudstream.offline.opening import IMPORT
from fraudstream.offline.point_in_time import NEVER_MS
from fraudstream.offline.ranges import ranges_of
from fraudstream.offline.training.anomaly import Forest, isolating
from fraudstream.offline.training.figures import figures
from fraudstream.offline.training.fitting import Fitted, fitted
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.offline.training.treating import Treated, as_learnt, treated

FRAUD_THRESHOLD = 0.25
"""From the sample's template."""

TRAIN_SHARE = 0.7
"""Of the time after the warm-up; the later rest is for testing."""

DAY_S = DAY_MS // 1000


@dataclass(frozen=True, slots=True)
class TrainingListener:
    """Callbacks that report a training's progress; the default does nothing."""

    step: Callable[[str], None] = lambda text: None
    round: Callable[[int], None] = lambda number: None


def warm_up_days(days: int) -> int:
    """Return how many of the first days to leave out, because their weeks are incomplete.

    Two weeks, as in the sample, if the history is long; one, which is enough for a whole week, if it is shorter; a
    quarter of it if it is shorter still.

    >>> [warm_up_days(days) for days in (152, 56, 28, 14, 8, 4)]
    [14, 14, 7, 7, 2, 1]
    """
    if days >= 56:
        return 14
    return 7 if days >= 14 else days // 4


def train(
    history_dir: Path,
    models_place: Path | str,
    *,
    features: Sequence[str] | None = None,
    feature_set: str = "card",
    event_type: EventType | None = None,
    treatments: Mapping[str, Asked] | None = None,
    threshold: float = FRAUD_THRESHOLD,
    partitions: int = 1,
    allowed_lateness_ms: int = NEVER_MS,
    update: int | None = None,
    activate: Wish = "if-better",
    why: str = TRAINED,
    options: TrainingOptions | None = None,
    rows_max: int | None = None,
    listener: TrainingListener | None = None,
) -> dict[str, Any]:
    """Train, evaluate on the later 30 %, save it as the next version of the event type; return the manifest.

    It becomes the active version if the manifest's `activation` says `activated`. `update`: the major version it is an update of
    (None: it is the next major one). What else may be None: `event_type` as in `Dataset.of_history`, `options` as the AWS sample, no `treatments`
    of variables that are not numbers, `rows_max` all payments, else the latest. Raises SetupError if there is too little history, TrainingUnderWay.
    """
    listener, options = listener or TrainingListener(), options or TrainingOptions()
    names = tuple(features or FEATURE_SETS[feature_set])
    listener.step("computing point-in-time features of each payment")
    cut_ms = SplitTimes.of(dates_of(history_dir)).cut_ms
    data = Dataset.of_history(history_dir, partitions, allowed_lateness_ms, event_type, cut_ms)
    check_columns(data.frame, names, history_dir)
    split = Split.of(data).latest(rows_max)
    models = Registry.at(models_place, "card" if event_type is None else event_type.name)
    with training(models, update) as made:
        variables = Treated() if event_type is None else treated(split.train, event_type, treatments or {})
        names, options = (*names, *variables.inputs.names), variables.options(options)
        learnt, later = as_learnt(split.train, variables.inputs), variables.inputs.added_to(split.test)
        options, search = _searched(learnt, names, options, listener)
        listener.step(f"training on {learnt.height:,} payments")
        model = fitted(learnt, names, options, listener.round)
        forest = isolating(learnt, names, options.seed) if options.anomaly == "beside" else None
        listener.step(f"testing on {later.height:,} later payments")
        tested = figures(model, later, names, threshold)
        activation = decided(activate, judge(tested["metrics"], threshold, split.train, split.test, models))
        manifest = {
            "feature_set": feature_set,
            "features": list(names),
            "threshold": threshold,
            "history": data.described(),
            **split.described(),
            **tested,
            "ranges": ranges_of(learnt, names),
            "activation": activation,
            "anomaly": None if forest is None else forest.judged(later, names),
            **variables.described(),
            **_fitting(model),
            "search": search,
            **made_with(),
        }
        made.save(manifest, _files(model, forest) | variables.files(), why)
    return activated(models, made.version)


def _searched(
    payments: pl.DataFrame, names: tuple[str, ...], options: TrainingOptions, listener: TrainingListener
) -> tuple[TrainingOptions, dict[str, Any] | None]:
    """Return the options that a search found, if one is wanted, and what the manifest says of it."""
    if options.search is None:
        return options, None
    from fraudstream.offline.training.search import searched

    listener.step(f"searching for {options.search:g} seconds")
    found = searched(payments, names, options, options.search)
    return found.options, found.described


def activated(models: Registry, version: Version) -> dict[str, Any]:
    """Make a new version the active one if its manifest says so; return the manifest."""
    manifest = models.manifest(version)
    if manifest["activation"]["activated"]:
        models.activate(version, manifest["activation"]["why"])
    return manifest


def _files(model: Fitted, forest: Forest | None) -> dict[str, bytes]:
    """Return the files of a version."""
    found = {MODEL_FILE: bytes(model.booster.save_raw("ubj"))}
    if model.table is not None:
        found[CALIBRATION] = model.table.to_json()
    if forest is not None:
        found |= {FOREST: bytes(forest.booster.save_raw("ubj")), ANOMALY_SCORES: forest.table.to_json()}
    return found


def _fitting(model: Fitted) -> dict[str, Any]:
    """Say how a model was fitted."""
    return {
        "rounds": model.rounds,
        "params": model.params,
        "calibration": None if model.calibration is None else model.calibration.described(),
    }


def made_with() -> dict[str, Any]:
    """Say with which libraries a version is made, and when."""
    return {
        "libraries": {
            "python": platform.python_version(),
            "xgboost": xgboost.__version__,
            "polars": pl.__version__,
            "numpy": np.__version__,
        },
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def check_columns(frame: pl.DataFrame, names: Sequence[str], history_dir: Path) -> None:
    """Raise SetupError if the history lacks a variable that the model is to learn from."""
    missing = [name for name in names if name not in REASONS and name not in frame.columns]
    if missing:
        raise SetupError(
            f"no file in {history_dir} has a column {' or '.join(missing)}, which the model needs; {IMPORT}"
        )


@dataclass(frozen=True, slots=True)
class SplitTimes:
    """When the payments to learn from begin, and when those to test with do."""

    warm_up_days: int
    first_ms: int
    cut_ms: int
    """The test begins; what is learnt from has the labels that were known then."""

    @classmethod
    def of(cls, dates: Sequence[date]) -> "SplitTimes":
        """Return the times for a history with these days."""
        days = (dates[-1] - dates[0]).days + 1
        warm_up = warm_up_days(days)
        first_ms = midnight_ms(dates[0]) + warm_up * DAY_MS
        return cls(warm_up, first_ms, first_ms + round((days - warm_up) * DAY_MS * TRAIN_SHARE))


@dataclass(frozen=True, slots=True)
class Split:
    """Payments to learn from and, later in time, to test with."""

    train: pl.DataFrame
    test: pl.DataFrame
    warm_up_days: int

    @classmethod
    def of(cls, data: Dataset, gap_days: int = 0) -> "Split":
        """Split by time after the warm-up; raises SetupError if one side has no fraud.

        The payments of `gap_days` before the test are left out: most of their frauds are not known yet when it begins.
        """
        times = SplitTimes.of(data.dates)
        time = pl.col("event_time")
        known = pl.col("is_fraud").is_not_null()  # unlabelled payments are left out
        split = cls(
            _those(data.frame, known & (time >= times.first_ms) & (time < times.cut_ms - gap_days * DAY_MS)),
            _those(data.frame, known & (time >= times.cut_ms)),
            times.warm_up_days,
        )
        sides = ((rows.height, int(rows[LABEL].sum())) for rows in (split.train, split.test))
        check_fraud(data.dates, data.frame.height, *sides)
        return split

    def described(self) -> dict[str, Any]:
        """Say in a manifest which payments were learnt from, and which the figures are of."""
        return {
            "warm_up_days": self.warm_up_days,
            "train": range_of(self.train),
            "test": range_of(self.test),
        }

    def latest(self, rows_max: int | None) -> "Split":
        """Learn from the latest payments only, if there are more; raises SetupError if none of them is fraud."""
        if rows_max is None or self.train.height <= rows_max:
            return self
        latest = replace(self, train=self.train.tail(rows_max))
        if not latest.train["is_fraud"].any():
            raise SetupError(
                f"none of the latest {rows_max:,} payments to learn from is fraud; train without --local"
            )
        return latest


def check_fraud(dates: Sequence[date], payments: int, train: tuple[int, int], test: tuple[int, int]) -> None:
    """Raise SetupError if the labelled payments of one side, given as how many and how many of them are fraud, are all alike."""
    if not (train[1] and test[1]):
        raise SetupError(
            f"{len(dates)} days of {payments:,} payments contain too little fraud to train and to test a model; "
            "generate a larger history: fraudstream generate --force --cards 2000 --days 28"
        )
    for what, (rows, fraud) in (("learn from", train), ("test with", test)):
        if rows == fraud:
            raise SetupError(
                f"all {rows:,} labelled payments to {what} are fraud, so nothing can be told apart; is {LABEL} the label, and "
                "has every legitimate payment one?"
            )


def _those(frame: pl.DataFrame, which: pl.Expr) -> pl.DataFrame:
    """Return some rows; without a copy if they lie together, as those of a history in order of time do."""
    rows = frame.select(which.arg_true()).to_series()
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return frame.slice(rows[0], len(rows))
    return frame.filter(which)


def range_of(frame: pl.DataFrame) -> dict[str, Any]:
    """Describe one side of the split."""
    time = frame["event_time"].to_numpy()
    return range_between(
        time.min(), time.max(), frame.height, int(frame[LABEL].sum()) if LABEL in frame.columns else 0
    )


def range_between(first_ms: int, last_ms: int, rows: int, fraud: int) -> dict[str, Any]:
    """Describe payments between two times."""
    first, last = (datetime.fromtimestamp(time_ms / 1000, UTC) for time_ms in (first_ms, last_ms))
    return {
        "first": first.isoformat(timespec="seconds"),
        "last": last.isoformat(timespec="seconds"),
        "rows": rows,
        "fraud": fraud,
    }
