"""How a decision leaves: one JSON text a row, made by Polars from the columns (0.9 µs a decision, no Python loop)."""

from collections.abc import Mapping, Sequence

import polars as pl

from fraudstream.domain.activity import WINDOW_MS
from fraudstream.domain.features import PUBLISHED

ROTATED = "token-rotated"
"""In `degraded`: the card's token is younger than the window, so payments under the one before are not in it."""


def published_features(model_features: Sequence[str]) -> list[str]:
    """Return what `features` of a decision holds: the model's inputs in order, then the aggregates behind them."""
    return [*model_features, *(name for name in PUBLISHED if name not in model_features)]


class DecisionEncoder:
    """Writes the decisions of one detector; the field order here is the order they are published in.

    Everything before `decided_at` follows from the log, the week and the detector alone: a decision that is published
    again after a crash is equal to the first up to there, byte by byte.
    """

    def __init__(
        self, model_features: Sequence[str], variables: Sequence[str], lateness_horizon_ms: int
    ) -> None:
        """`variables` are the event type's; a payment later than `lateness_horizon_ms` is marked `late` in `degraded`."""
        rotated = pl.when(pl.col("token_age_ms") < WINDOW_MS).then(pl.lit(ROTATED))
        late = pl.when(pl.col("late_by_ms") > lateness_horizon_ms).then(pl.lit("late"))
        self._fields: list[str | pl.Expr] = [
            "transaction_id",
            "card",
            "card_last4",
            "event_time",
            "amount",
            *([pl.struct(*variables).alias("variables")] if variables else []),
            pl.struct(published_features(model_features)).alias("features"),
            "probability",
            "score",
            "anomaly_score",
            "outcome",
            "fraud",
            "rules",
            "reasons",
            "model_version",
            "ruleset_version",
            "weekly_as_of",
            pl.concat_list(late, rotated, "weekly_missing").list.drop_nulls().alias("degraded"),
            pl.struct(
                pl.col("source_topic").alias("topic"),
                pl.col("source_partition").alias("partition"),
                pl.col("source_offset").alias("offset"),
            ).alias("source"),
        ]

    def encode(
        self, decisions: pl.DataFrame, decided_at_ms: int, timing_ms: Mapping[str, float]
    ) -> list[bytes]:
        """Return the JSON of each decision.

        Beside what `Detector.decide` gives, `decisions` needs who, what, when and whence: transaction_id, card, card_last4,
        the variables, event_time, weekly_as_of, weekly_missing, late_by_ms, token_age_ms, queued_ms and source_topic, _partition, _offset.
        `timing_ms` says how long the micro-batch spent in each stage.
        """
        stages = [pl.lit(round(spent_ms, 3)).alias(stage) for stage, spent_ms in timing_ms.items()]
        timing = pl.struct(pl.col("queued_ms").alias("queued"), *stages).alias("timing_ms")
        decision = pl.struct(*self._fields, pl.lit(decided_at_ms).alias("decided_at"), timing)
        texts = decisions.select(decision.struct.json_encode().cast(pl.Binary)).to_series()
        return texts.to_list()
