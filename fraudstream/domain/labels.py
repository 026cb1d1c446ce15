"""Labels: what events turned out to be, with the time at which that became known."""

import contextlib
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec
import polars as pl

LabelSource = Literal["review", "chargeback", "customer", "import", "simulation"]
SOURCES: tuple[LabelSource, ...] = get_args(LabelSource)


class Label(msgspec.Struct, gc=False):
    """What an event turned out to be, as it is published on the topic `labels`.

    An event may get several: of those known at a time, the one with the latest `known_at` counts, and of two known at the
    same time the one published later.
    """

    transaction_id: str
    fraud: bool | None
    """None: whoever looked at it is unsure; the event then counts as unlabelled."""
    known_at: int
    """Epoch ms. A chargeback comes days after its payment; training on a day uses only what was known then."""
    source: LabelSource = "import"
    note: str | None = None
    scenario: str | None = None
    """The kind of fraud, where a simulation knows it."""


LABEL_KNOWN_AT = "label_known_at"
"""Of a labelled event: when its label became known, epoch ms."""

COLUMNS = {
    "transaction_id": pl.String,
    "is_fraud": pl.Boolean,
    "scenario": pl.String,
    "known_at": pl.Int64,
    "label_source": pl.String,
    "note": pl.String,
    "label_offset": pl.Int64,
}
"""Of a label in the archive."""

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Label).decode


def archived_labels(labels: Sequence[bytes], offsets: Sequence[int]) -> pl.DataFrame:
    """Return published labels as the archive holds them; records that are not labels, as others may write, are left out."""
    rows = []
    for value, offset in zip(labels, offsets, strict=True):
        with contextlib.suppress(msgspec.DecodeError):
            label = decode(value)
            rows.append(
                (
                    label.transaction_id,
                    label.fraud,
                    label.scenario,
                    label.known_at,
                    label.source,
                    label.note,
                    offset,
                )
            )
    return pl.DataFrame(rows, COLUMNS, orient="row")


def newest(labels: pl.DataFrame, known_until_ms: int | None = None) -> pl.DataFrame:
    """Return the label of each event that counts at a time (None: now): columns transaction_id, is_fraud, scenario, label_known_at."""
    known = labels if known_until_ms is None else labels.filter(pl.col("known_at") <= known_until_ms)
    ordered = known.sort("known_at", "label_offset")
    return ordered.group_by("transaction_id").agg(
        pl.col("is_fraud").last(),
        pl.col("scenario").last().fill_null("unknown"),
        pl.col("known_at").last().alias(LABEL_KNOWN_AT),
    )
