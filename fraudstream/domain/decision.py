"""Encodes decisions: one JSON text an event.

Polars does it for many without a loop in Python, 0.9 µs a decision, and takes a millisecond to begin; few are written by
msgspec. The bytes are the same.
"""

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from fraudstream.domain.degraded import Limits, degraded, degraded_lists
from fraudstream.domain.event_columns import EventColumns, FewEvents
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import published_features
from fraudstream.domain.features.schema import (
    DECIDED_AT,
    DEGRADED,
    FAILED_RULES,
    IF_THERE,
    JUDGED,
    PAID,
    QUEUED_MS,
    SOURCE_NUMBER,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    UNKNOWN_FIELDS,
    WARMING_UP,
)

WRITTEN_OTHERWISE = 1e16
"""Polars and msgspec write floats of this size and more differently: 1e+16 and 1e16."""


class DecisionEncoder:
    """Writes the decisions of one detector; the field order here is the order they are published in.

    Everything before `decided_at` depends only on the log, the week and the detector: a decision that is published again
    after a crash equals the first up to there, byte by byte.
    """

    def __init__(
        self, model_features: Sequence[str], event_type: EventType, allowed_lateness_ms: int
    ) -> None:
        """A payment later than `allowed_lateness_ms` is marked `late` in `degraded`."""
        self._variables = event_type.columns
        features = published_features(model_features, event_type.entity is not None, event_type.declared)
        self._features = {name: self._variables.get(name) == pl.Boolean for name in features}
        """Each feature, and whether it is published as 1 and 0 instead of true and false."""
        self._source = {"topic": SOURCE_TOPIC, "partition": SOURCE_PARTITION, "offset": SOURCE_OFFSET} | (
            {"number": SOURCE_NUMBER} if event_type.wire.has_several else {}
        )
        self._limits = Limits(allowed_lateness_ms, event_type.windows.layout.bucket_ms)
        self._kept_before = b'"variables":{' if self._variables else b'"features":{'
        self._kept = b'"variables":{%s,' if self._variables else b'"variables":{%s},"features":{'
        self._floats = [
            *self._features,
            *(name for name, dtype in self._variables.items() if dtype == pl.Float64),
        ]

    def encode(self, events: EventColumns, decided_at_ms: int, timing_ms: Mapping[str, float]) -> list[bytes]:
        """Return the JSON of each decision.

        `events` have all columns of the schema but those made here, and the variables. `timing_ms` says how long the
        micro-batch spent in each stage.
        """
        stages = {stage: round(spent_ms, 3) for stage, spent_ms in timing_ms.items()}
        if isinstance(events, FewEvents) and not self._has_huge_float(events):
            encoded = self._few(events, decided_at_ms, stages)
        else:
            encoded = self._many(events.frame(), decided_at_ms, stages)
        if events.has(UNKNOWN_FIELDS):
            for row, fields in enumerate(events.values(UNKNOWN_FIELDS)):
                if fields:
                    encoded[row] = self._with_unknown(encoded[row], fields.encode())
        return encoded

    def _many(self, frame: pl.DataFrame, decided_at_ms: int, stages: Mapping[str, float]) -> list[bytes]:
        """Encode with Polars."""
        features = [
            pl.col(name).cast(pl.Int8) if as_number else pl.col(name)
            for name, as_number in self._features.items()
        ]
        source = [pl.col(column.name).alias(name) for name, column in self._source.items()]
        spent = [pl.lit(spent_ms).alias(stage) for stage, spent_ms in stages.items()]
        decision = pl.struct(
            *(column.name for column in PAID),
            *([pl.struct(*self._variables).alias("variables")] if self._variables else []),
            pl.struct(features).alias("features"),
            *(column.name for column in JUDGED),
            *(column.name for column in IF_THERE if column.name in frame.columns),
            degraded(self._limits, WARMING_UP.name in frame.columns, FAILED_RULES.name in frame.columns),
            pl.struct(source).alias("source"),
            pl.lit(decided_at_ms).alias(DECIDED_AT.name),
            pl.struct(pl.col(QUEUED_MS.name).alias("queued"), *spent).alias("timing_ms"),
        )
        return frame.select(decision.struct.json_encode().cast(pl.Binary)).to_series().to_list()

    def _few(self, events: FewEvents, decided_at_ms: int, stages: Mapping[str, float]) -> list[bytes]:
        """Encode row by row: the same bytes."""
        columns, encode = events.columns, msgspec.json.encode
        judged = (*JUDGED, *filter(events.has, IF_THERE))
        lacking = degraded_lists(events, self._limits)
        queued = events.values(QUEUED_MS)
        encoded = []
        for row in range(events.rows):
            decision = {column.name: columns[column.name][row] for column in PAID}
            if self._variables:
                decision["variables"] = {name: columns[name][row] for name in self._variables}
            features = {name: columns[name][row] for name in self._features}
            for name, as_number in self._features.items():
                if as_number and features[name] is not None:
                    features[name] = int(features[name])
            decision["features"] = features
            for column in judged:
                decision[column.name] = columns[column.name][row]
            decision[DEGRADED.name] = lacking[row]
            decision["source"] = {name: columns[column.name][row] for name, column in self._source.items()}
            decision[DECIDED_AT.name] = decided_at_ms
            decision["timing_ms"] = {"queued": queued[row], **stages}
            encoded.append(encode(decision))
        return encoded

    def _has_huge_float(self, events: FewEvents) -> bool:
        """Tell whether there is a float that Polars writes otherwise than msgspec, as 1e+16."""
        return any(
            value is not None and abs(value) >= WRITTEN_OTHERWISE
            for name in self._floats
            for value in events.columns[name]
        )

    def _with_unknown(self, decision: bytes, fields: bytes) -> bytes:
        """Return a decision with a JSON object's fields among its variables; what is replaced cannot be within a text."""
        return decision.replace(self._kept_before, self._kept % fields[1:-1], 1)
