"""Decisions as columns: what the archive holds of a payment, readable as history by aggregation and training."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import (
    DECIDED_AT,
    DECIDED_IN_MS,
    DEGRADED,
    IF_THERE,
    JUDGED,
    PAID,
    SOURCE_NUMBER,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    UNKNOWN_FIELDS,
    Column,
    Type,
)


class Source(msgspec.Struct, gc=False):
    """The payment's place in the log."""

    topic: str
    partition: int
    offset: int
    number: int | None = None
    """Of an event among those of its record; None where no record has several."""


class Decision(msgspec.Struct, gc=False):
    """A decision as it is published."""

    transaction_id: str
    card: str | None
    card_last4: str | None
    event_time: int
    amount: float
    features: dict[str, float | None]
    probability: float
    score: int
    anomaly_score: float | None
    outcome: str
    fraud: bool
    rules: list[str]
    reasons: list[str]
    model_version: str
    ruleset_version: str
    weekly_as_of: int | None
    degraded: list[str]
    decided_at: int
    source: Source
    insight_score: int | None = None
    shadow_rules: list[str] | None = None
    passed_rules: list[str] | None = None
    propensity: float | None = None
    snoozed_rules: list[str] | None = None
    lists_as_of: int | None = None
    release: str | None = None
    canary: bool | None = None
    variables: dict[str, Any] = {}
    timing_ms: dict[str, float] = {}


FIELDS = {column.name: column for column in (*PAID, *JUDGED, DEGRADED, DECIDED_AT)}
"""Fields of a decision that are columns as they are."""

_decode = msgspec.json.Decoder(Decision).decode


def archived(
    decisions: Sequence[bytes], offsets: Sequence[int], variables: Mapping[str, Type]
) -> pl.DataFrame:
    """Return published decisions as the archive holds them, a row each; `offsets`: those in the topic `decisions`.

    A column for every field, for the event type's `variables` and every feature. Features that only some decisions have are
    null in the others. Fields that the event type does not declare are one column of JSON objects.
    """
    rows = [_decode(decision) for decision in decisions]
    features = dict.fromkeys(
        name for row in rows for name in row.features if name not in FIELDS and name not in variables
    )
    columns = [
        *(column.series([getattr(row, name) for row in rows]) for name, column in FIELDS.items()),
        *(
            pl.Series(name, [row.variables.get(name) for row in rows], dtype, strict=False)
            for name, dtype in variables.items()
        ),
        UNKNOWN_FIELDS.series([_unknown(row.variables, variables) for row in rows]),
        *(_feature(name, [row.features.get(name) for row in rows]) for name in features),
        SOURCE_TOPIC.series([row.source.topic for row in rows]),
        SOURCE_PARTITION.series([row.source.partition for row in rows]),
        SOURCE_OFFSET.series([row.source.offset for row in rows]),
        *_if_there(SOURCE_NUMBER, [row.source.number for row in rows]),
        *(
            each
            for column in IF_THERE
            for each in _if_there(column, [getattr(row, column.name) for row in rows])
        ),
        *_if_there(DECIDED_IN_MS, [sum(row.timing_ms.values()) if row.timing_ms else None for row in rows]),
        pl.Series("decision_offset", offsets, pl.Int64),
    ]
    return pl.DataFrame(columns)


def unarchived(row: Mapping[str, Any], declared: Collection[str] = ()) -> dict[str, Any]:
    """Return the decision of an archived payment as it was published, without `timing_ms`, of which only the sum is archived.

    Variables without a value are left out: the archive does not say which columns the event type had then. A variable that
    the model takes is among the variables only. `declared` are the features that the event type declares.
    """
    optional = [column.name for column in IF_THERE]
    places = {f"source_{name}": name for name in Source.__struct_fields__}
    others = {
        name: value
        for name, value in row.items()
        if value is not None
        and name
        not in {*FIELDS, *optional, *places, "decision_offset", DECIDED_IN_MS.name, UNKNOWN_FIELDS.name}
    }
    features = {*FEATURES, *declared}
    unknown = row.get(UNKNOWN_FIELDS.name)
    return {
        **{name: row[name] for name in FIELDS},
        **{name: row[name] for name in optional if row.get(name) is not None},
        "variables": {
            **(msgspec.json.decode(unknown) if unknown else {}),
            **{name: value for name, value in others.items() if name not in features},
        },
        "features": {
            "amount": row["amount"],  # every set of features has it, and it is a column once
            **{name: value for name, value in others.items() if name in features},
        },
        "source": {name: row[column] for column, name in places.items() if row.get(column) is not None},
    }


def _if_there(column: Column, values: Sequence[Any]) -> list[pl.Series]:
    """Return a column that only some decisions have; none if none of these has it."""
    return [column.series(values)] if any(value is not None for value in values) else []


def _unknown(variables: Mapping[str, Any], declared: Mapping[str, Type]) -> str | None:
    """Return as JSON what is among a decision's variables and not declared; None if nothing is."""
    unknown = {name: value for name, value in variables.items() if name not in declared}
    return msgspec.json.encode(unknown).decode() if unknown else None


def _feature(name: str, values: list[float | None]) -> pl.Series:
    """Return a feature's column; one that this release does not know is a float."""
    dtype = FEATURES[name].column.dtype if name in FEATURES else pl.Float64
    if dtype == pl.Int64:
        return pl.Series(name, [None if value is None else int(value) for value in values], dtype)
    return pl.Series(name, values, dtype)
