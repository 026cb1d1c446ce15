"""Why a payment was not approved, in words an analyst can use: the features that pushed its score up the most."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.amounts import HUNDREDTHS
from fraudstream.domain.features import NO_PREVIOUS_S, PUBLISHED
from fraudstream.domain.model import Model
from fraudstream.domain.weekly import UNKNOWN

REASONS_MAX = 3
"""More than three reasons explain nothing."""

FAR = 2.0
"""From twice the norm on its multiple is said instead of per cent, from a tenth of it down only that it is far below."""

WEEK_UNKNOWN = "week_unknown"
"""True where no weekly aggregates were found, which is not the same as a card without payments in its week."""

DECIMALS = "decimals"
"""The currency's, in every row."""

Row = Mapping[str, Any]


def _compared(value: float, norm: float) -> str:
    """Say in which direction and how far a value is from a norm.

    >>> _compared(3.04, 1.0), _compared(1.2, 1.0), _compared(1.0, 1.0), _compared(0.15, 1.0), _compared(0.01, 1.0)
    ('3.0 times', '20 % above', 'equal to', '85 % below', 'far below')
    """
    ratio = value / norm
    if ratio >= FAR:
        return f"{ratio:.1f} times"
    if ratio <= 1 / (5 * FAR):
        return "far below"
    per_cent = round(100 * abs(ratio - 1))
    return "equal to" if not per_cent else f"{per_cent} % {'above' if ratio > 1 else 'below'}"


def _money(row: Row, amount: float) -> str:
    return f"{amount:.{row[DECIMALS]}f}"


def _since_previous(row: Row) -> str:
    seconds = row["seconds_since_previous"]
    if seconds == NO_PREVIOUS_S:
        return "no other payment in the last ten minutes"
    return f"{seconds:.0f} s after the card's previous payment"


def _compared_with_week(row: Row, value: float, what: str) -> str:
    if row[WEEK_UNKNOWN]:
        return f"{what}, and nothing is known of the card's week"
    if row["avg_amt_last_1w"] <= 0:
        return f"{what} on a card without payments in the week before"
    return (
        f"{what} {_compared(value, row['avg_amt_last_1w'])} the usual {_money(row, row['avg_amt_last_1w'])}"
    )


def _count_compared_with_week(row: Row) -> str:
    lately = _payments(row["num_trans_last_10m"], "ten minutes")
    if row[WEEK_UNKNOWN]:
        return f"{lately}, and nothing is known of the card's week"
    return f"{lately}, {row['num_trans_last_1w']} in the week before"


def _amount_compared(row: Row) -> str:
    mean = row["avg_amt_last_10m"]
    if mean <= 0 or row["amount"] < 0:
        return _amount(row)
    return f"amount {_compared(row['amount'], mean)} the card's 10-minute average ({_money(row, mean)})"


def _amount(row: Row) -> str:
    amount = row["amount"]
    return f"refund of {_money(row, -amount)}" if amount < 0 else f"amount of {_money(row, amount)}"


def _amount_compared_with_week(row: Row) -> str:
    """Compare a payment with the card's usual one; a refund is no payment to compare."""
    return _amount(row) if row["amount"] < 0 else _compared_with_week(row, row["amount"], _amount(row))


def _payments(count: int, span: str) -> str:
    return f"{count} payment{'' if count == 1 else 's'} within {span}"


WORDS: dict[str, Callable[[Row], str]] = {
    "amount": _amount,
    "amt_ratio1": lambda row: _compared_with_week(
        row, row["avg_amt_last_10m"], f"10-minute average of {_money(row, row['avg_amt_last_10m'])}"
    ),
    "amt_ratio2": _amount_compared_with_week,
    "count_ratio": _count_compared_with_week,
    "seconds_since_previous": _since_previous,
    "num_trans_last_1m": lambda row: _payments(row["num_trans_last_1m"], "one minute"),
    "num_trans_last_10m": lambda row: _payments(row["num_trans_last_10m"], "ten minutes"),
    "amt_change": _amount_compared,
}


MENTIONED = (*PUBLISHED, "amount", "seconds_since_previous", "num_trans_last_1m")
"""What the words mention beside the model's features."""

NONE = pl.Series("reasons", [[]], dtype=pl.List(pl.String))


def reasons_of(
    frame: pl.DataFrame, rows: npt.NDArray[np.float32], model: Model, decimals: int = HUNDREDTHS
) -> pl.Series:
    """Return the column `reasons`: at most three sentences for each payment not approved, none for the others.

    Amounts are written with the decimals of the currency.

    TreeSHAP costs 0.3 ms for one row and 68 µs a row in bulk, so it is asked for the suspicious few only.
    """
    suspicious = np.flatnonzero((frame["outcome"] != "approve").to_numpy())
    if not len(suspicious):
        return NONE.new_from_index(0, frame.height)
    mentioned = frame.select(*dict.fromkeys((*MENTIONED, *model.features)))[suspicious]
    mentioned = mentioned.with_columns(_weeks_unknown(frame, suspicious), pl.lit(decimals).alias(DECIMALS))
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


def _weeks_unknown(frame: pl.DataFrame, rows: npt.NDArray[np.intp]) -> pl.Series:
    """Return for some payments whether their week is unknown; history (no column `weekly_missing`) knows all weeks."""
    if "weekly_missing" not in frame.columns:
        return pl.Series(WEEK_UNKNOWN, np.zeros(len(rows), dtype=np.bool_))
    return pl.Series(WEEK_UNKNOWN, [why in UNKNOWN for why in frame["weekly_missing"][rows]])
