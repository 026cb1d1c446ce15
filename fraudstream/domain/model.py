"""What a detector asks of a model, and how features become probabilities: the same for a micro-batch and for a history."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.anomaly import Anomaly
from fraudstream.domain.event_columns import Known
from fraudstream.domain.features.compute import matrix, with_features
from fraudstream.domain.features.derived import NONE, DerivedFeatures
from fraudstream.domain.features.schema import INSIGHT_SCORE
from fraudstream.domain.features.variable_inputs import VariableInputs
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.table import Floats, Table


class Model(Protocol):
    """A versioned classifier. `threshold` is the probability above which a payment is called fraud."""

    version: str
    features: tuple[str, ...]
    threshold: float

    @property
    def anomaly(self) -> Anomaly | None:
        """The anomaly model beside it."""
        ...

    @property
    def inputs(self) -> VariableInputs:
        """Those of its features that are made of variables."""
        ...

    @property
    def scale(self) -> InsightScale | None:
        """How its probabilities stand on the scale of false positives."""
        ...

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the probability of fraud of each row; columns are `features` in order."""
        ...

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return each feature's share of each row's log odds (TreeSHAP), the bias in a last column."""
        ...


def calibrated(scores: npt.NDArray[np.float32], table: Table | None) -> npt.NDArray[np.float32]:
    """Return the shares of fraud that a calibration has for a classifier's scores; without one they are what it says."""
    return scores if table is None else table.at(scores.astype(np.float64)).astype(np.float32)


def anomaly_scores(model: Model, rows: npt.NDArray[np.float32]) -> Floats | None:
    """Return the anomaly score of each row; None without such a model, or without rows."""
    return None if model.anomaly is None or not len(rows) else model.anomaly.scores(rows)


def insight_scores(
    model: Model, mentioned: Collection[str], probability: npt.NDArray[np.float64]
) -> list[Known]:
    """Return the column of insight scores; none if the model has no scale, unless it is mentioned: then no event has one."""
    if model.scale is not None:
        return [Known(INSIGHT_SCORE, model.scale.scores(probability))]
    return [Known(INSIGHT_SCORE, [None] * len(probability))] if INSIGHT_SCORE.name in mentioned else []


class Scored(NamedTuple):
    """Payments with their features, and what a model says of them."""

    frame: pl.DataFrame
    rows: npt.NDArray[np.float32]
    """Payments x the model's features."""
    probability: npt.NDArray[np.float64]


def scored(frame: pl.DataFrame, model: Model, derived: DerivedFeatures = NONE) -> Scored:
    """Add the model's features and the derived ones to payments, and ask it for their probabilities of fraud."""
    return scored_as(described(frame, model, derived), model)


def described(frame: pl.DataFrame, model: Model, derived: DerivedFeatures = NONE) -> pl.DataFrame:
    """Add the model's features and the derived ones to payments."""
    return model.inputs.added_to(with_features(frame, model.features, derived))


def scored_as(described: pl.DataFrame, model: Model) -> Scored:
    """Ask a model for the probabilities of fraud of payments that have its features, whoever made these."""
    rows = matrix(described, model.features)
    probability = np.zeros(0) if described.is_empty() else model.probabilities(rows).astype(np.float64)
    return Scored(described, rows, probability)
