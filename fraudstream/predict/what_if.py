"""What a release would say of an event if some of its features were others. Nothing of it is counted, published or kept.

What workers know of the entity is not asked: its windows hold the event alone, unless they are told. The weekly aggregates are
those of the workers' store.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from fraudstream.deciding.columns import Batch
from fraudstream.deciding.decider import Decider
from fraudstream.domain.degraded import Limits, degraded
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.event_columns import Known, ManyEvents
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser
from fraudstream.domain.features.catalogue import FEATURES, published_features
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.features.schema import (
    AMOUNT,
    AVG_AMT_LAST_1W,
    DEGRADED,
    FAILED_RULES,
    JUDGED,
    NUM_TRANS_LAST_1W,
    PAID,
    WARMING_UP,
    WEEKLY_MISSING,
    inputs,
)
from fraudstream.domain.model import described, scored_as
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.notebook.decisions import FrameActivity
from fraudstream.predict.detectors import Chosen

LARGEST = 1e15
"""A feature that is told may be so far from 0: whole numbers are still exact, and float32 can hold it."""

WEEK = (NUM_TRANS_LAST_1W, AVG_AMT_LAST_1W)

WINDOWS_NOT_ASKED = "windows-not-asked"
"""The word of `degraded` for an event whose windows were neither told nor asked for."""

Features = Mapping[str, float | None]
"""Name -> the value that is told; None: there is none."""


class WhatIf(NamedTuple):
    """What is needed to judge events of a type."""

    parser: Parser
    event_type: EventType
    allowed_lateness_ms: int
    weekly: WeeklyStore
    """Connected."""

    async def known(self, event: bytes, detector: Detector) -> list[Known]:
        """Return what is known of an event as it stands on the topic; raises InvalidTransaction."""
        payment = self.parser.parse(event, time.time_ns() // 1_000_000)
        partition = 0 if payment.entity is None else payment.entity.partition
        activity = FrameActivity(self.event_type.windows, self.allowed_lateness_ms)
        decider = Decider(activity, self.weekly, detector, self.event_type)
        return await decider.known(Batch({partition: 1}, [payment], [0]))

    def judged(self, known: list[Known], by: Chosen, told: Features) -> dict[str, Any]:
        """Return score, outcome, rules, reasons and features of an event; raises SetupError for a feature that cannot be told."""
        detector = by.detector
        self._check(told, detector)
        frame = with_amount(ManyEvents.of(known).frame(), detector.decimals)
        if {column.name for column in WEEK} <= told.keys():
            frame = frame.with_columns(WEEKLY_MISSING.constant(None, 1))
        frame = _with(frame, {name: told[name] for name in told if name in frame.columns or name in FEATURES})
        frame = _with(described(frame, detector.model, detector.derived), told)
        judged = detector.judge(*scored_as(frame, detector.model))
        limits = Limits(self.allowed_lateness_ms, self.event_type.windows.layout.bucket_ms)
        lacking = degraded(limits, WARMING_UP.name in judged.columns, FAILED_RULES.name in judged.columns)
        row = judged.with_columns(lacking).row(0, named=True)
        windows = {each.column.name for each in self.event_type.windows.velocities}
        if self.event_type.entity is not None and not windows <= told.keys():
            row[DEGRADED.name] = [WINDOWS_NOT_ASKED, *row[DEGRADED.name]]
        features = dict.fromkeys((*self._features(detector), *told))
        return {
            **{column.name: row[column.name] for column in PAID},
            "features": {name: _shown(row[name]) for name in features},
            "told": list(told),
            **{column.name: row[column.name] for column in JUDGED},
            "release": by.release,
            DEGRADED.name: row[DEGRADED.name],
        }

    def _features(self, detector: Detector) -> list[str]:
        has_entity = self.event_type.entity is not None
        return published_features(detector.model.features, has_entity, self.event_type.declared)

    def _check(self, told: Features, detector: Detector) -> None:
        """Raise SetupError unless these are features with values that they can have."""
        own = {AMOUNT.name, *self.event_type.columns}
        every = (
            *self._features(detector),
            *(column.name for column in inputs(self.event_type.entity is not None)),
        )
        possible = [name for name in dict.fromkeys(every) if name not in own]
        for name, value in told.items():
            if name in own:
                raise SetupError(f"{name} is a field of the event: change it there")
            if name not in possible:
                raise SetupError(
                    f"{name[:60]!r} is no feature here{did_you_mean(name, possible)}; there are {', '.join(possible)}"
                )
            if value is not None and not abs(value) <= LARGEST:
                raise SetupError(f"{name} must be a number from -1e15 to 1e15")


def _with(frame: pl.DataFrame, told: Features) -> pl.DataFrame:
    """Return the event with the told features, each of the type that it has."""
    types = frame.schema
    return frame.with_columns(
        _typed(name, value, types.get(name) or FEATURES[name].column.dtype) for name, value in told.items()
    )


def _typed(name: str, value: float | None, dtype: Any) -> pl.Series:
    if dtype.is_float():
        return pl.Series(name, [value], dtype, strict=False)
    if value is None or value != int(value) or (dtype == pl.Boolean and value not in (0, 1)):
        raise SetupError(f"{name} must be {'0 or 1' if dtype == pl.Boolean else 'a whole number'}")
    return pl.Series(name, [int(value)], pl.Int64).cast(dtype)


def _shown(value: Any) -> Any:
    """Return a feature as decisions have it: true and false are 1 and 0."""
    return int(value) if isinstance(value, bool) else value
