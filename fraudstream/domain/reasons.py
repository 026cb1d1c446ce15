"""Why a payment was not approved, in words an analyst can use: the features that pushed its score up the most."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.events.amounts import HUNDREDTHS
from fraudstream.domain.features import catalogue
from fraudstream.domain.features.phrases import DECIMALS, WEEK_UNKNOWN
from fraudstream.domain.features.schema import INPUT, OUTCOME, REASONS, WEEKLY_MISSING
from fraudstream.domain.model import Model
from fraudstream.domain.rules import is_alert
from fraudstream.domain.weekly import UNKNOWN

REASONS_MAX = 3
"""More than three reasons explain nothing."""

NONE = REASONS.series([[]])


def reasons_of(
    frame: pl.DataFrame, rows: npt.NDArray[np.float32], model: Model, decimals: int = HUNDREDTHS
) -> pl.Series:
    """Return the column `reasons`: at most three sentences for each payment not approved, none for the others.

    Amounts are written with the decimals of the currency.

    Only the suspicious few are asked for: even from tables a payment's contributions and sentences take longer than its score.
    """
    suspicious = np.flatnonzero(is_alert(frame[OUTCOME.name]).to_numpy())
    if not len(suspicious):
        return NONE.new_from_index(0, frame.height)
    known = (column.name for column in INPUT if column.name in frame.columns)
    columns = dict.fromkeys((*known, *model.features, *model.inputs.variables))
    mentioned = frame.select(*columns)[suspicious]
    weeks_unknown = _weeks_unknown(frame, suspicious)
    reasons = sentences(
        zip(mentioned.iter_rows(named=True), weeks_unknown, strict=True), rows[suspicious], model, decimals
    )
    which = np.zeros(frame.height, dtype=np.uint32)
    which[suspicious] = np.arange(1, len(suspicious) + 1)
    return pl.concat([NONE, REASONS.series(reasons)]).gather(which)


def sentences(
    payments: Iterable[tuple[dict[str, Any], bool]],
    rows: npt.NDArray[np.float32],
    model: Model,
    decimals: int,
) -> list[list[str]]:
    """Return the sentences for each of some payments: what is known of it, and whether its week is unknown."""
    contributions = model.contributions(rows)[:, :-1]
    made = {one.name: one.reason for one in model.inputs.each}
    reasons = [made.get(name) or partial(catalogue.reason_of, name) for name in model.features]
    return [
        [
            reasons[feature](known | {WEEK_UNKNOWN: week_unknown, DECIMALS: decimals})
            for feature in np.argsort(-pushes, kind="stable")[:REASONS_MAX]
            if pushes[feature] > 0
        ]
        for pushes, (known, week_unknown) in zip(contributions, payments, strict=True)
    ]


def _weeks_unknown(frame: pl.DataFrame, rows: npt.NDArray[np.intp]) -> list[bool]:
    """Return for some payments whether their week is unknown; history (no column `weekly_missing`) knows all weeks."""
    if WEEKLY_MISSING.name not in frame.columns:
        return [False] * len(rows)
    return [why in UNKNOWN for why in frame[WEEKLY_MISSING.name][rows]]
