"""Encodes decisions: one JSON text a row, made by Polars from the columns (0.9 µs a decision, no Python loop)."""

from collections.abc import Mapping, Sequence

import polars as pl

from fraudstream.domain.degraded import degraded
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import published_features
from fraudstream.domain.features.schema import (
    DECIDED_AT,
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


class DecisionEncoder:
    """Writes the decisions of one detector; the field order here is the order they are published in.

    Everything before `decided_at` depends only on the log, the week and the detector: a decision that is published again
    after a crash equals the first up to there, byte by byte.
    """

    def __init__(
        self, model_features: Sequence[str], event_type: EventType, allowed_lateness_ms: int
    ) -> None:
        """A payment later than `allowed_lateness_ms` is marked `late` in `degraded`."""
        variables = event_type.columns
        features = [
            pl.col(name).cast(pl.Int8) if variables.get(name) == pl.Boolean else pl.col(name)
            for name in published_features(model_features, event_type.entity is not None, event_type.declared)
        ]
        self._kept_before = b'"variables":{' if variables else b'"features":{'
        self._kept = b'"variables":{%s,' if variables else b'"variables":{%s},"features":{'
        longest_ms = event_type.windows.layout.bucket_ms
        self._degraded = {
            warming: degraded(allowed_lateness_ms, warming, longest_ms) for warming in (False, True)
        }
        self._fields: list[str | pl.Expr] = [
            *(column.name for column in PAID),
            *([pl.struct(*variables).alias("variables")] if variables else []),
            pl.struct(features).alias("features"),
            *(column.name for column in JUDGED),
        ]
        self._source = pl.struct(
            pl.col(SOURCE_TOPIC.name).alias("topic"),
            pl.col(SOURCE_PARTITION.name).alias("partition"),
            pl.col(SOURCE_OFFSET.name).alias("offset"),
            *([pl.col(SOURCE_NUMBER.name).alias("number")] if event_type.wire.has_several else []),
        ).alias("source")

    def encode(
        self, decisions: pl.DataFrame, decided_at_ms: int, timing_ms: Mapping[str, float]
    ) -> list[bytes]:
        """Return the JSON of each decision.

        `decisions` has all columns of the schema but those made here, and the variables. `timing_ms` says how long the
        micro-batch spent in each stage.
        """
        stages = [pl.lit(round(spent_ms, 3)).alias(stage) for stage, spent_ms in timing_ms.items()]
        timing = pl.struct(pl.col(QUEUED_MS.name).alias("queued"), *stages).alias("timing_ms")
        lacking = self._degraded[WARMING_UP.name in decisions.columns]
        decision = pl.struct(
            *self._fields, lacking, self._source, pl.lit(decided_at_ms).alias(DECIDED_AT.name), timing
        )
        texts = decisions.select(decision.struct.json_encode().cast(pl.Binary)).to_series()
        encoded = texts.to_list()
        if UNKNOWN_FIELDS.name in decisions.columns:
            for row, fields in enumerate(decisions[UNKNOWN_FIELDS.name].to_list()):
                if fields:
                    encoded[row] = self._with_unknown(encoded[row], fields.encode())
        return encoded

    def _with_unknown(self, decision: bytes, fields: bytes) -> bytes:
        """Return a decision with a JSON object's fields among its variables; what is replaced cannot be within a text."""
        return decision.replace(self._kept_before, self._kept % fields[1:-1], 1)
