"""Computes rules of which some fail: each rule for itself, and one that fails for as few events as can be.

What fails must not depend on which events share a micro-batch, or a replay would be judged otherwise. So events are
halved until each of those that a rule fails for is alone.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PanicException, PolarsError

from fraudstream.domain.expressions import Expressions
from fraudstream.domain.features.schema import FAILED_RULES


def one_by_one(
    conditions: Mapping[str, pl.Expr], frame: pl.DataFrame
) -> tuple[npt.NDArray[np.bool_], pl.Series]:
    """Return which conditions hold for which events, and the column of those that failed."""
    holds = np.zeros((frame.height, len(conditions)), np.bool_)
    failed: list[list[str]] = [[] for _ in range(frame.height)]
    for place, (name, condition) in enumerate(conditions.items()):
        for row in _computed(Expressions([condition]), frame, 0, holds[:, place]):
            failed[row].append(name)
    return holds, FAILED_RULES.series(failed)


def _computed(
    condition: Expressions, frame: pl.DataFrame, first: int, holds: npt.NDArray[np.bool_]
) -> list[int]:
    """Fill in whether a condition holds, and return the events that it fails for; `first`: the number of the frame's first."""
    try:
        holds[first : first + frame.height] = condition.computed(frame).to_series().to_numpy()
    except (PolarsError, PanicException):
        if frame.height == 1:
            return [first]
        half = frame.height // 2
        return [
            *_computed(condition, frame[:half], first, holds),
            *_computed(condition, frame[half:], first + half, holds),
        ]
    return []
