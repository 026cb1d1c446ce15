"""A detector = event type + model version + ruleset version: one function decides a whole frame of payments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from fraudstream.domain.amounts import HUNDREDTHS
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features import FEATURES
from fraudstream.domain.model import Model, scored
from fraudstream.domain.reasons import reasons_of
from fraudstream.domain.rules import Ruleset

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
        described, rows, probability = scored(frame, self.model)
        to_judge = described.hstack(
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
        judged = self.ruleset.judge(to_judge)
        return judged.hstack([reasons_of(judged, rows, self.model, self.decimals)])


def _constant(name: str, value: str | float | None, rows: int) -> pl.Series:
    """Return a column that is the same for all rows; a missing value is a missing number."""
    one = pl.Series(name, [value], dtype=pl.String if isinstance(value, str) else pl.Float64)
    return one.new_from_index(0, rows)
