"""A detector = event type + model version + ruleset version: one function decides a whole frame of payments."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.features import FEATURES, matrix, with_features
from fraudstream.domain.reasons import reasons_of
from fraudstream.domain.rules import Ruleset


class Model(Protocol):
    """A versioned classifier. `threshold` is the probability above which a payment is called fraud."""

    version: str
    features: tuple[str, ...]
    threshold: float

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the probability of fraud of each row; columns are `features` in order."""
        ...

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return each feature's share of each row's log odds (TreeSHAP), the bias in a last column."""
        ...


@dataclass(frozen=True, slots=True)
class Detector:
    """Decides payments. Pure: the same frame gives the same decisions, in any batch size."""

    model: Model
    ruleset: Ruleset
    fraud_threshold: float

    @classmethod
    def of(cls, model: Model, ruleset: Ruleset, fraud_threshold: float | None = None) -> "Detector":
        """Put a detector together; the threshold is the model's unless given. Raises SetupError if parts do not fit."""
        unknown = [name for name in model.features if name not in FEATURES]
        if unknown:
            raise SetupError(
                f"model {model.version} wants features this release does not have ({', '.join(unknown)}); "
                "train one with: fraudstream train"
            )
        return cls(model, ruleset, model.threshold if fraud_threshold is None else fraud_threshold)

    def decide(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add features, probability, score, outcome, fraud, rules and reasons to payments.

        Input columns: amount, the ten minutes (num_trans_last_10m, avg_amt_last_10m, seconds_since_previous,
        num_trans_last_1m), the week (num_trans_last_1w, avg_amt_last_1w; 0 without history) and whatever the
        rules mention. Rows are independent of each other.
        """
        described = with_features(frame, self.model.features)
        rows = matrix(described, self.model.features)
        probability = self.model.probabilities(rows).astype(np.float64)
        scored = described.with_columns(
            pl.Series("probability", probability),
            pl.Series("score", np.rint(probability * 1000).astype(np.int32)),
            fraud_threshold=pl.lit(self.fraud_threshold),
        ).with_columns(fraud=pl.col("probability") > self.fraud_threshold)
        judged = self.ruleset.judge(scored)
        return judged.with_columns(
            reasons_of(judged, rows, self.model),
            anomaly_score=pl.lit(None, dtype=pl.Float64),
            model_version=pl.lit(self.model.version),
            ruleset_version=pl.lit(self.ruleset.version),
        )
