"""Decisions as bytes, for tests of the archive."""

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain import archived as columns_of

MONDAY_MS = 1_580_688_000_000
DAY_MS = 86_400_000


def decision(number: int, **changed: Any) -> dict[str, Any]:
    """Return the decision on payment `number`, two seconds after the one before."""
    made = {
        "transaction_id": f"p{number}",
        "card": f"{number % 5:032x}",
        "card_last4": f"{number % 5:04d}",
        "event_time": MONDAY_MS + 2000 * number,
        "amount": 1.5 + number,
        "variables": {"merchant": "Corner shop", "zip_code": "10115"},
        "features": {"amount": 1.5 + number, "amt_ratio1": 0.1 * number, "num_trans_last_10m": 1},
        "probability": 0.02,
        "score": 20,
        "anomaly_score": None,
        "outcome": "approve",
        "fraud": False,
        "rules": [],
        "reasons": [],
        "model_version": "counting-1",
        "ruleset_version": "abc",
        "weekly_as_of": MONDAY_MS,
        "degraded": [],
        "source": {"topic": "transactions", "partition": 0, "offset": number},
        "decided_at": MONDAY_MS + 2000 * number + 7,
        "timing_ms": {"decide": 1.0},
    }
    return made | changed


def encoded(number: int, **changed: Any) -> bytes:
    """Return a decision as it is published."""
    return json.dumps(decision(number, **changed)).encode()


def rows(*numbers: int, step_ms: int = 2000) -> pl.DataFrame:
    """Return archived decisions whose offsets are their numbers, so far apart in time."""
    values = [encoded(number, event_time=MONDAY_MS + step_ms * number) for number in numbers]
    return archived(values, list(numbers))


def archived(decisions: Sequence[bytes], offsets: Sequence[int]) -> pl.DataFrame:
    """Return decisions of card payments as the archive holds them."""
    return columns_of.archived(decisions, offsets, event_type_named("card").columns)
