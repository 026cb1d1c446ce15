"""What may become of an event, from mildest to strictest."""

from collections.abc import Iterable
from typing import Literal, get_args, overload

import polars as pl

Outcome = Literal["approve", "review", "block"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
"""From mildest to strictest: when several rules match, the strictest outcome wins."""
APPROVE = OUTCOMES[0]


@overload
def is_alert(outcome: str) -> bool: ...
@overload
def is_alert(outcome: pl.Series) -> pl.Series: ...
def is_alert(outcome: str | pl.Series) -> bool | pl.Series:
    """Tell whether a decision is an alert, or which of many are."""
    return outcome != APPROVE


def strictest(outcomes: Iterable[str]) -> str:
    """Return the outcome that wins.

    >>> strictest(["review", "block", "review"])
    'block'
    """
    return max(outcomes, key=OUTCOMES.index)
