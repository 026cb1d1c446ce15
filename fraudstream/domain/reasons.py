"""Why a payment was not approved, in words an analyst can use: the features that pushed its score up the most."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.features import PUBLISHED

if TYPE_CHECKING:
    from fraudstream.domain.detector import Model

REASONS_MAX = 3
"""More than three reasons explain nothing."""

Row = Mapping[str, Any]


def _times(value: float) -> str:
    """Say a ratio in words.

    >>> _times(3.04), _times(0.031)
    ('3.0 times', '0.03 times')
    """
    return f"{value:.1f} times" if value >= 0.1 else f"{value:.2f} times"


def _since_previous(row: Row) -> str:
    seconds = row["seconds_since_previous"]
    if row["num_trans_last_10m"] <= 1:
        return "no other payment in the last ten minutes"
    return f"{seconds:.0f} s after the card's previous payment"


def _compared_with_week(row: Row, value: float, what: str) -> str:
    if row["avg_amt_last_1w"] <= 0:
        return f"{what} on a card without payments in the week before"
    return (
        f"{what} is {_times(value / row['avg_amt_last_1w'])} the week's mean of {row['avg_amt_last_1w']:.2f}"
    )


WORDS: dict[str, Callable[[Row], str]] = {
    "amount": lambda row: f"the amount of {row['amount']:.2f}",
    "amt_ratio1": lambda row: _compared_with_week(row, row["avg_amt_last_10m"], "the ten-minute mean amount"),
    "amt_ratio2": lambda row: _compared_with_week(row, row["amount"], "the amount"),
    "count_ratio": lambda row: (
        f"{row['num_trans_last_10m']} payments in ten minutes, {row['num_trans_last_1w']} in the whole week before"
    ),
    "seconds_since_previous": _since_previous,
    "num_trans_last_1m": lambda row: f"{row['num_trans_last_1m']} payments within one minute",
    "num_trans_last_10m": lambda row: f"{row['num_trans_last_10m']} payments within ten minutes",
    "amt_change": lambda row: f"an amount {row['amt_change']:.0%} off the ten minutes' mean",
}


MENTIONED = (*PUBLISHED, "amount", "seconds_since_previous", "num_trans_last_1m")
"""What the words mention beside the model's features."""

NONE = pl.Series("reasons", [[]], dtype=pl.List(pl.String))


def reasons_of(frame: pl.DataFrame, rows: npt.NDArray[np.float32], model: "Model") -> pl.Series:
    """Return the column `reasons`: at most three sentences for each payment not approved, none for the others.

    TreeSHAP costs 0.3 ms for one row and 68 µs a row in bulk, so it is asked for the suspicious few only.
    """
    suspicious = np.flatnonzero((frame["outcome"] != "approve").to_numpy())
    if not len(suspicious):
        return NONE.new_from_index(0, frame.height)
    mentioned = frame.select(*dict.fromkeys((*MENTIONED, *model.features)))[suspicious]
    contributions = model.contributions(rows[suspicious])[:, :-1]
    reasons = [
        [
            WORDS[model.features[feature]](row)
            for feature in np.argsort(-pushes)[:REASONS_MAX]
            if pushes[feature] > 0
        ]
        for pushes, row in zip(contributions, mentioned.iter_rows(named=True), strict=True)
    ]
    which = np.zeros(frame.height, dtype=np.uint32)
    which[suspicious] = np.arange(1, len(suspicious) + 1)
    return pl.concat([NONE, pl.Series("reasons", reasons, dtype=pl.List(pl.String))]).gather(which)
