"""Streams to replay: a history, or a generated stream with ties, disorder, late, repeated and conflicting payments."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.events.amounts import units_of
from fraudstream.domain.events.event_type import EventType, Variable, VariableType
from fraudstream.domain.events.reversals import Reversal
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import WEEK_MS
from fraudstream.traffic.payments import ParquetFiles

START_MS = 1_580_688_000_000
"""2020-02-03 00:00 UTC, a Monday."""
SPAN_MS = WEEK_MS + 3 * DAY_MS
FIRST_CARD, CARD_STEP = 4_006_080_000_000_000, 7_919
PAYMENTS_PER_CARD = 125
SESSION_LENGTH = 6

GAPS_MS = np.array([0, 0, 1, 900, 5_000, 59_999, 60_000, 60_001, 240_000, 599_999, 600_000, 600_001])
"""Between two payments of a session: ties, and both sides of every edge of a window."""

DELAYS_MS = np.array([0, 2_000, 30_000, 240_000, 900_000, 3_000_000, 4_500_000, 9_000_000])
DELAY_SHARES = np.array([0.86, 0.06, 0.03, 0.02, 0.01, 0.01, 0.005, 0.005])
"""How long after its event time a payment arrives; the last two are later than allowed."""

REFUND_SHARE = 0.03
REVERSAL_SHARE = 0.1
"""Of event types that declare reversals."""
MISSING_SHARE = 0.1
KINDS: Mapping[str, type] = {"String": str, "Int64": int, "Boolean": bool}
"""What the variable may be that says which events are reversals."""
REPEATED_SHARE, CONTRADICTED_SHARE = 0.03, 0.003
REPEATED_WITHIN_MS = 1_200_000
REPEATED_DELAY_MAX_MS = 900_000
"""Only payments no later than this are repeated. An id whose first payment lies further back than allowed lateness and
window may or may not be known any more (docs/decisions/0008-stream-equals-batch.md)."""


def of_history(directory: Path, event_type: EventType, payments: int | None = None) -> pl.DataFrame:
    """Return the first payments of a history, or all; raises SetupError if it has no entities to replay."""
    source = ParquetFiles.of(directory, event_type)
    parts, left = [], source.rows if payments is None else payments
    for part in source.chunks(0):
        if left <= 0:
            break
        parts.append(part.head(left).with_columns(pl.col("tid").cast(pl.String)))
        left -= parts[-1].height
    return pl.concat(parts, how="vertical_relaxed")


def made_up(payments: int, seed: int, event_type: EventType) -> pl.DataFrame:
    """Return generated payments over ten days, with ties, disorder, late ones, refunds, repeated and conflicting ids.

    Variables have values of all sizes, and none in one payment of ten.
    """
    decimals = event_type.money.decimals
    chance = np.random.default_rng(seed)
    repeated, contradicted = (round(payments * share) for share in (REPEATED_SHARE, CONTRADICTED_SHARE))
    first = payments - repeated - contradicted
    sessions = -(-first // SESSION_LENGTH)
    session = np.repeat(np.arange(sessions), SESSION_LENGTH)[:first]
    gaps = chance.choice(GAPS_MS, (sessions, SESSION_LENGTH))
    event_time = (chance.integers(0, SPAN_MS, sessions)[:, None] + gaps.cumsum(axis=1)).ravel()[:first]
    delay = chance.choice(DELAYS_MS, first, p=DELAY_SHARES) * chance.uniform(0.9, 1.0, first)
    card = chance.integers(0, max(1, payments // PAYMENTS_PER_CARD), sessions)[session]
    sign = chance.choice([-1, 1], first, p=[REFUND_SHARE, 1 - REFUND_SHARE])
    stream = pl.DataFrame(
        {
            "tid": [f"p{number}" for number in range(first)],
            "cc_num": FIRST_CARD + card * CARD_STEP,
            "amount": chance.integers(1, 1_000_000, first) * sign / units_of(decimals),
            "event_time": START_MS + event_time,
            **{variable.name: _values(variable, chance, first) for variable in event_type.variables},
            "arrives": START_MS + event_time + delay.astype(np.int64),
        }
    )
    if event_type.reversal is not None:
        stream = _with_reversals(stream, event_type.reversal, chance)
    early = stream.filter(pl.col("arrives") - pl.col("event_time") <= REPEATED_DELAY_MAX_MS)
    again = early.sample(repeated + contradicted, seed=seed).with_columns(
        arrives=pl.col("arrives") + chance.integers(0, REPEATED_WITHIN_MS, repeated + contradicted),
        amount=pl.col("amount")
        + np.where(np.arange(repeated + contradicted) < repeated, 0.0, 1 / units_of(decimals)),
    )
    stream = pl.concat([stream, again]).sort("arrives", maintain_order=True).drop("arrives")
    if event_type.id is None:  # then no two events are the same
        stream = stream.with_columns(tid=pl.format("p{}", pl.int_range(pl.len())))
    return stream if event_type.entity else stream.drop("cc_num")


def _with_reversals(stream: pl.DataFrame, reversal: Reversal, chance: np.random.Generator) -> pl.DataFrame:
    """Let some payments take another of their card back: mostly the one before it, some an unknown one or one to come."""
    rows = stream.height
    marked = pl.Series(chance.random(rows) < REVERSAL_SHARE)
    places = np.arange(rows) - chance.choice([1, 2, 3, -1, rows], rows, p=[0.5, 0.2, 0.1, 0.1, 0.1])
    original = pl.Series([f"p{place}" for place in places])
    columns = [
        pl.when(marked).then(-pl.col("amount").abs()).otherwise("amount").alias("amount"),
        pl.when(marked).then(original).alias(reversal.of),
    ]
    if reversal.variable is not None:
        kind: Any = msgspec.convert(
            reversal.values[0], KINDS[str(stream.schema[reversal.variable])], strict=False
        )
        columns.append(pl.when(marked).then(pl.lit(kind)).alias(reversal.variable))
    return stream.with_columns(columns)


def _values(variable: Variable, chance: np.random.Generator, rows: int) -> pl.Series:
    """Return a variable's values."""
    wide = chance.normal(size=rows) * 10.0 ** chance.integers(-8, 7, rows)
    made: dict[VariableType, npt.NDArray[Any]] = {
        "string": chance.choice(["Corner shop", "Station kiosk", "10115"], rows),
        "integer": wide.astype(np.int64),
        "float": wide,
        "boolean": wide > 0,
        "timestamp": START_MS + chance.integers(0, SPAN_MS, rows),
    }
    values = pl.Series(variable.name, made[variable.type], variable.dtype)
    return values.set(pl.Series(chance.random(rows) < MISSING_SHARE), None)
