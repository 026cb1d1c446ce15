"""Decisions of few events are written as Polars writes those of many, byte by byte."""

import math
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.domain.decision import DecisionEncoder
from fraudstream.domain.event_columns import FewEvents, Known, ManyEvents
from fraudstream.domain.events.amounts import MINOR_UNITS_MAX
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import (
    AMOUNT,
    ANOMALY_SCORE,
    FRAUD_THRESHOLD,
    IF_THERE,
    JUDGED,
    LATE_BY_MS,
    PAID,
    PROBABILITY,
    PROPENSITY,
    QUEUED_MS,
    REASONS,
    RULES,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    TEXTS,
    TOKEN_AGE_MS,
    UNKNOWN_FIELDS,
    WARMING_UP,
    WEEKLY_MISSING,
    Column,
    Type,
)
from tests.parity.test_event_types import NESTED, own

EVENT_TYPE = own(NESTED)
ENCODER = DecisionEncoder(("amount", "known", "km", "amt_ratio1"), EVENT_TYPE, 3_600_000)
TIMING_MS = {"activity": 0.25, "decide": 1e-05}
EDGES = (0.0, -0.0, 5e-324, 1e-5, 1e-7, 0.1, 1e15, 9999999999999998.0, 1e16, -1e17, 1e300, math.inf, math.nan)

COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        *(each.column for each in FEATURES.values()),
        *(Column(name, dtype, "payment") for name, dtype in EVENT_TYPE.columns.items()),
        *(*PAID, *JUDGED, *IF_THERE, LATE_BY_MS, TOKEN_AGE_MS, WARMING_UP, WEEKLY_MISSING),
        *(SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET, QUEUED_MS),
    )
}

texts = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from('"\\/\x00\x1f\x7f\u2028'))
)
floats = st.one_of(st.sampled_from(EDGES), st.floats(), st.floats(-1e6, 1e6))
VALUES: Mapping[Type, st.SearchStrategy[Any]] = {
    pl.Float64: st.none() | floats,
    pl.Int64: st.none() | st.integers(-(2**63), 2**63 - 1),
    pl.Int32: st.none() | st.integers(-(2**31), 2**31 - 1),
    pl.Boolean: st.none() | st.booleans(),
    pl.String: st.none() | texts,
    TEXTS: st.lists(texts, max_size=3),
}
BOUNDED = {
    AMOUNT.name: st.floats(-MINOR_UNITS_MAX, MINOR_UNITS_MAX),
    PROBABILITY.name: st.floats(0, 1),
    PROPENSITY.name: st.floats(0, 1),
    FRAUD_THRESHOLD.name: st.floats(0, 1),
    ANOMALY_SCORE.name: st.none(),
    LATE_BY_MS.name: st.integers(0, 10_000_000),
    TOKEN_AGE_MS.name: st.integers(0, 10_000_000),
    WARMING_UP.name: st.booleans(),
}
events = st.fixed_dictionaries(
    {name: BOUNDED.get(name, VALUES[column.dtype]) for name, column in COLUMNS.items()}
)


def both(rows: list[dict[str, Any]], unknown: list[str] | None = None) -> tuple[list[bytes], list[bytes]]:
    """Return the decisions as they are written of few, and of many."""
    known = [Known(column, [row[name] for row in rows]) for name, column in COLUMNS.items()]
    known += [Known(UNKNOWN_FIELDS, unknown)] if unknown else []
    few = ENCODER.encode(FewEvents.of(len(rows), known), 1_580_558_400_000, TIMING_MS)
    return few, ENCODER.encode(ManyEvents.of(known), 1_580_558_400_000, TIMING_MS)


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(events, min_size=1, max_size=3), with_unknown=st.booleans())
def test_any_values_are_written_alike(rows: list[dict[str, Any]], with_unknown: bool) -> None:
    """Nulls, NaN, the ends of every type, and texts that JSON escapes; amounts and probabilities are bounded."""
    few, many = both(rows, ['{"a":1}'] * len(rows) if with_unknown else None)

    assert many == few


@pytest.mark.parametrize("name", ["km", "amt_ratio1"])
@pytest.mark.parametrize("value", EDGES)
def test_a_float_is_written_alike_as_variable_and_as_feature(name: str, value: float) -> None:
    """Polars and msgspec write floats from 1e16 on differently."""
    nothing: dict[str, Any] = dict.fromkeys(COLUMNS)
    written = {
        LATE_BY_MS.name: 0,
        TOKEN_AGE_MS.name: 0,
        WARMING_UP.name: False,
        RULES.name: [],
        REASONS.name: [],
    }
    few, many = both([nothing | written | {name: value}])

    assert many == few
