"""Decides payments from columns of what is known at each, the same for a worker's micro-batch and a whole history.

`known`: cents, and the columns that `window_columns` and `week_columns` make.
"""

import polars as pl

from fraudstream.domain.detector import Detector
from fraudstream.domain.events.amounts import HUNDREDTHS
from fraudstream.domain.features.derived import NONE, DerivedFeatures
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.model import Model, Scored, scored


def decide(known: pl.DataFrame, detector: Detector, *, reasons: bool = True) -> pl.DataFrame:
    """Add features, score, outcome, rules and, if they are wanted, reasons to payments."""
    return detector.decide(with_amount(known, detector.decimals), reasons=reasons)


def score(
    known: pl.DataFrame, model: Model, decimals: int = HUNDREDTHS, derived: DerivedFeatures = NONE
) -> Scored:
    """Add a model's features and the derived ones, and return its probabilities; `decimals` are the currency's."""
    return scored(with_amount(known, decimals), model, derived)
