"""A detector = event type + model version + ruleset version: one function decides a whole frame of payments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.amounts import HUNDREDTHS
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


INPUT: dict[str, type[pl.DataType]] = {
    "amount": pl.Float64,
    "num_trans_last_10m": pl.Int64,
    "avg_amt_last_10m": pl.Float64,
    "seconds_since_previous": pl.Float64,
    "num_trans_last_1m": pl.Int64,
    "num_trans_last_1w": pl.Int64,
    "avg_amt_last_1w": pl.Float64,
}
"""Columns `Detector.decide` needs: amount, the ten minutes, and the week (0 without history)."""


@dataclass(frozen=True, slots=True)
class Detector:
    """Decides payments. Pure: the same frame gives the same decisions, in any batch size."""

    model: Model
    ruleset: Ruleset
    fraud_threshold: float
    decimals: int = HUNDREDTHS
    """Of the currency, for reasons."""

    @classmethod
    def of(
        cls,
        model: Model,
        ruleset: Ruleset,
        variables: Sequence[str] = (),
        fraud_threshold: float | None = None,
        decimals: int = HUNDREDTHS,
    ) -> "Detector":
        """Put a detector together and try it on no payments; raises SetupError if its parts do not fit.

        `variables` are what the event type declares beside the columns of INPUT; rules may use both. The threshold
        is the model's unless given.
        """
        unknown = [name for name in model.features if name not in FEATURES]
        if unknown:
            raise SetupError(
                f"model {model.version} wants features this release does not have ({', '.join(unknown)}); "
                "train one with: fraudstream train"
            )
        threshold = model.threshold if fraud_threshold is None else fraud_threshold
        detector = cls(model, ruleset, threshold, decimals)
        detector.decide(pl.DataFrame(schema=INPUT | dict.fromkeys(variables, pl.String)))
        return detector

    def decide(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add features, probability, score, outcome, fraud, rules and reasons to payments, one row each.

        Input columns: INPUT and whatever the rules mention. Rows are independent of each other.
        """
        described = with_features(frame, self.model.features)
        rows = matrix(described, self.model.features)
        probability = np.zeros(0) if frame.is_empty() else self.model.probabilities(rows).astype(np.float64)
        scored = described.hstack(
            [
                pl.Series("probability", probability),
                pl.Series("score", np.rint(probability * 1000).astype(np.int32)),
                pl.Series("fraud", probability > self.fraud_threshold),
                _constant("fraud_threshold", self.fraud_threshold, frame.height),
                _constant("anomaly_score", None, frame.height),
                _constant("model_version", self.model.version, frame.height),
                _constant("ruleset_version", self.ruleset.version, frame.height),
            ]
        )
        judged = self.ruleset.judge(scored)
        return judged.hstack([reasons_of(judged, rows, self.model, self.decimals)])


def _constant(name: str, value: str | float | None, rows: int) -> pl.Series:
    """Return a column that is the same for all rows; a missing value is a missing number."""
    one = pl.Series(name, [value], dtype=pl.String if isinstance(value, str) else pl.Float64)
    return one.new_from_index(0, rows)
