"""A detector = event type + model version + ruleset version: one function decides a whole frame of payments."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import ColumnNotFoundError

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import HUNDREDTHS
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.treatment_table import types_of
from fraudstream.domain.features.catalogue import check_features
from fraudstream.domain.features.derived import NONE, DerivedFeatures
from fraudstream.domain.features.schema import (
    ANOMALY_SCORE,
    CARD,
    EVENT_TIME,
    FRAUD,
    FRAUD_THRESHOLD,
    MODEL_VERSION,
    OUTCOME,
    PROBABILITY,
    RULES,
    RULESET_VERSION,
    SCORE,
)
from fraudstream.domain.lists.table import NO_LISTS, Lists
from fraudstream.domain.model import Model, anomaly_scores, insight_scores, scored
from fraudstream.domain.reasons import reasons_of
from fraudstream.domain.rules import Ruleset


def check_model(model: Model, event_type: EventType) -> None:
    """Raise SetupError unless events of a type have what a model takes."""
    check_features(model.version, model.features, {*event_type.numbers, *model.inputs.names})
    model.inputs.check(model.version, model.features, types_of(event_type.variables))


@dataclass(frozen=True, slots=True)
class Detector:
    """Decides payments. Pure: the same frame gives the same decisions, in any batch size."""

    model: Model
    ruleset: Ruleset
    fraud_threshold: float
    decimals: int = HUNDREDTHS
    """Of the currency, for reasons."""
    derived: DerivedFeatures = NONE
    lists: Lists = NO_LISTS
    """What rules ask, and for which entities some are snoozed."""

    @classmethod
    def of(
        cls,
        model: Model,
        event_type: EventType,
        fraud_threshold: float | None = None,
        ruleset: Ruleset | None = None,
    ) -> "Detector":
        """Assemble the detector of an event type and try it on an empty frame; raises SetupError if its parts do not fit.

        The threshold is the model's and the rules are the event type's unless given.
        """
        check_model(model, event_type)
        threshold = model.threshold if fraud_threshold is None else fraud_threshold
        rules = event_type.ruleset if ruleset is None else ruleset
        detector = cls(model, rules, threshold, event_type.money.decimals, event_type.derived_features)
        none = np.zeros((0, len(model.features)), np.float32)
        model.probabilities(none)  # what it prepares for this and the next, no payment waits for
        model.contributions(none)
        columns = {column.name: column.dtype for column in (CARD, EVENT_TIME, *event_type.inputs)}
        try:
            detector.decide(pl.DataFrame(schema=columns | event_type.columns))
        except ColumnNotFoundError as error:
            raise SetupError(
                f"model {model.version} needs {error}, which events of the type {event_type.name} do not have; "
                "train one with: fraudstream train"
            ) from error
        return detector

    def asking(self, lists: Lists) -> "Detector":
        """Return the same detector with these lists."""
        return self if lists is self.lists else replace(self, lists=lists)

    def decide(self, frame: pl.DataFrame, *, reasons: bool = True) -> pl.DataFrame:
        """Add features, probability, score, outcome, fraud, rules and reasons to payments, one row each.

        Input columns: INPUT and whatever the rules mention. Rows are independent of each other. Without `reasons` all but
        those: of millions of payments they cost more than everything else.
        """
        return self.judge(*scored(frame, self.model, self.derived), reasons=reasons)

    def judge(
        self,
        described: pl.DataFrame,
        rows: npt.NDArray[np.float32],
        probability: npt.NDArray[np.float64],
        *,
        reasons: bool = True,
    ) -> pl.DataFrame:
        """Add to payments with their features what `decide` adds; `rows` are the model's input."""
        anomaly = anomaly_scores(self.model, rows)
        to_judge = described.hstack(
            [
                PROBABILITY.series(probability),
                SCORE.series(np.rint(probability * 1000).astype(np.int32)),
                FRAUD.series(probability > self.fraud_threshold),
                FRAUD_THRESHOLD.constant(self.fraud_threshold, described.height),
                ANOMALY_SCORE.constant(None, described.height)
                if anomaly is None
                else ANOMALY_SCORE.series(anomaly),
                MODEL_VERSION.constant(self.model.version, described.height),
                RULESET_VERSION.constant(self.ruleset.version, described.height),
            ]
        )
        insight = insight_scores(self.model, self.ruleset.mentioned, probability)
        judged = self.ruleset.judge(to_judge.hstack([each.series() for each in insight]), self.lists)
        if not reasons:
            return judged
        pushed = reasons_of(judged, rows, self.model, self.decimals)
        return judged.hstack([self.ruleset.told_reasons(judged[RULES.name], judged[OUTCOME.name], pushed)])
