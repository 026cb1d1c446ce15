"""Every feature, once: its column, formula, label and reason, and which models take it.

Formulas are NumPy and not Polars expressions: for the few payments of a quiet micro-batch Polars' query engine costs
more than the arithmetic, and it computes a division by a constant as a multiplication, which is off in the last bit for
one number in eight.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.phrases import (
    WEEK_UNKNOWN,
    Row,
    amount_paid,
    compared,
    compared_with_week,
    money,
    payments_within,
)
from fraudstream.domain.features.schema import (
    AMOUNT,
    AVG_AMT_LAST_1W,
    AVG_AMT_LAST_10M,
    NUM_TRANS_LAST_1M,
    NUM_TRANS_LAST_1W,
    NUM_TRANS_LAST_10M,
    SECONDS_SINCE_PREVIOUS,
    Column,
)
from fraudstream.domain.windows.entries import WINDOW_MS

Values = npt.NDArray[Any]
Given = Callable[[str], Values]
"""Gives the values of a column by name."""

TINY = 0.001
"""Reasons round larger numbers to three decimals."""

SAMPLE_SET, CARD_SET = "card-sample", "card"
BOTH_SETS = (SAMPLE_SET, CARD_SET)


@dataclass(frozen=True, slots=True)
class Feature:
    """A number that models or people see of a payment."""

    column: Column
    label: str
    """What pages call it."""
    formula: Callable[[Given], Values] | None = None
    """Over the columns of INPUT; None if it is one of them."""
    reason: Callable[[Row], str] | None = None
    """What an analyst is told if it has pushed a score up; None if models do not take it."""
    sets: tuple[str, ...] = ()
    """The feature sets it is in."""
    published: bool = False
    """Whether a decision shows it even if its model does not take it; only for features without a formula."""


def _divided(part: Values, whole: Values, otherwise: float) -> Values:
    """Return part / whole where whole is positive."""
    quotient = np.full(len(part), otherwise)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient


def _ratio(name: str) -> Column:
    return Column(name, pl.Float64, "catalogue", "ratio")


def _amount_compared_with_week(row: Row) -> str:
    """Compare a payment with the entity's usual one; a refund is no payment to compare."""
    said = amount_paid(row)
    return said if row["amount"] < 0 else compared_with_week(row, row["amount"], said)


def _mean_compared_with_week(row: Row) -> str:
    mean = row["avg_amt_last_10m"]
    return compared_with_week(row, mean, f"10-minute average of {money(row, mean)}")


def _count_compared_with_week(row: Row) -> str:
    lately = payments_within(row["num_trans_last_10m"], "ten minutes")
    if row[WEEK_UNKNOWN]:
        return f"{lately}, and nothing is known of the week before"
    return f"{lately}, {row['num_trans_last_1w']} in the week before"


def _since_previous(row: Row) -> str:
    seconds = row["seconds_since_previous"]
    if seconds * 1000 > WINDOW_MS:
        return "no other payment in the last ten minutes"
    return f"{seconds:.0f} s after the previous payment"


def _amount_compared(row: Row) -> str:
    mean = row["avg_amt_last_10m"]
    if mean <= 0 or row["amount"] < 0:
        return amount_paid(row)
    return f"amount {compared(row['amount'], mean)} the 10-minute average ({money(row, mean)})"


_CATALOGUE = (
    Feature(AMOUNT, "Amount", reason=amount_paid, sets=BOTH_SETS),
    # Ratios to the week are 0 where the entity has none.
    Feature(
        _ratio("amt_ratio1"),
        "Ten-minute mean amount ÷ week's mean",
        lambda given: _divided(given("avg_amt_last_10m"), given("avg_amt_last_1w"), 0.0),
        reason=_mean_compared_with_week,
        sets=BOTH_SETS,
    ),
    Feature(
        _ratio("amt_ratio2"),
        "Amount ÷ week's mean",
        lambda given: _divided(given("amount"), given("avg_amt_last_1w"), 0.0),
        reason=_amount_compared_with_week,
        sets=BOTH_SETS,
    ),
    Feature(
        _ratio("count_ratio"),
        "Payments in ten minutes ÷ in the week",
        lambda given: _divided(given("num_trans_last_10m"), given("num_trans_last_1w"), 0.0),
        reason=_count_compared_with_week,
        sets=BOTH_SETS,
    ),
    Feature(
        SECONDS_SINCE_PREVIOUS,
        "Seconds since the previous payment",
        reason=_since_previous,
        sets=(CARD_SET,),
    ),
    Feature(
        NUM_TRANS_LAST_1M,
        "Payments in the last minute",
        reason=lambda row: payments_within(row["num_trans_last_1m"], "one minute"),
        sets=(CARD_SET,),
    ),
    Feature(
        NUM_TRANS_LAST_10M,
        "Payments in the last ten minutes",
        reason=lambda row: payments_within(row["num_trans_last_10m"], "ten minutes"),
        sets=(CARD_SET,),
        published=True,
    ),
    # Relative distance of the amount from the ten minutes' mean: 0 for a single payment, and if all amounts are equal.
    Feature(
        _ratio("amt_change"),
        "Distance of the amount from the 10-minute average, relative",
        lambda given: np.abs(_divided(given("amount"), given("avg_amt_last_10m"), 1.0) - 1.0),
        reason=_amount_compared,
        sets=(CARD_SET,),
    ),
    Feature(AVG_AMT_LAST_10M, "Mean amount in the last ten minutes", published=True),
    Feature(NUM_TRANS_LAST_1W, "Payments in the week before", published=True),
    Feature(AVG_AMT_LAST_1W, "Mean amount in the week before", published=True),
)

FEATURES = {feature.column.name: feature for feature in _CATALOGUE}
FORMULAS = {name: feature.formula for name, feature in FEATURES.items() if feature.formula is not None}
REASONS = {name: feature.reason for name, feature in FEATURES.items() if feature.reason is not None}
"""Of the features that a model may take."""

FEATURE_SETS: dict[str, tuple[str, ...]] = {
    each: tuple(name for name, feature in FEATURES.items() if each in feature.sets) for each in BOTH_SETS
}
"""Features in model order."""


def reason_of(name: str, row: Row) -> str:
    """Say what an analyst is told of a feature that has pushed a score up; a variable has no phrase of its own."""
    if name in REASONS:
        return REASONS[name](row)
    value = row[name]
    if isinstance(value, float):
        value = f"{value:.3g}" if abs(value) < TINY else f"{round(value, 3):.15g}"
    return f"{name} is {'missing' if value is None else value}"


def published_features(
    model_features: Sequence[str], has_entity: bool = True, declared: Iterable[str] = ()
) -> list[str]:
    """Return what `features` of a decision holds: the model's inputs in order, the published aggregates, what is declared."""
    published = [name for name, feature in FEATURES.items() if feature.published and has_entity]
    return list(dict.fromkeys([*model_features, *published, *declared]))


def check_features(version: str, names: Sequence[str], numbers: Collection[str] = ()) -> None:
    """Raise SetupError if a model wants features that it cannot have; `numbers` are what the event type has."""
    unknown = [name for name in names if name not in REASONS and name not in numbers]
    if unknown:
        raise SetupError(
            f"model {version} needs features that neither this release nor the event type has ({', '.join(unknown)}); "
            "train one with: fraudstream train"
        )
