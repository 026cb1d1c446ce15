"""What payments turned out to be: as was known when they were decided, and as is known now."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from fraudstream.domain.features.schema import EVENT_TIME, TRANSACTION_ID
from fraudstream.offline.columns import LABEL
from fraudstream.offline.history import LABELS

NOW, THEN = "fraud_now", "fraud_then"
"""Columns: true or false, null where nothing is (was) known."""
KNOWN_AT, FRAUD = "known_at", "is_fraud"


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of an archive; a history has one a payment, of which nobody says when it became known."""

    directory: Path
    delay_ms: int = 0
    """How long after a payment a label may become known and still count as known then."""
    since: date = date.min
    """Labels that became known before this day are left out."""

    @property
    def files(self) -> list[Path]:
        """The files with labels."""
        files = sorted((self.directory / LABELS).glob("date=*/*.parquet"))
        return [path for path in files if path.parent.name >= f"date={self.since}"]

    def added_to(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return payments with both columns."""
        own = pl.col(LABEL) if LABEL in frame.columns else pl.lit(None, pl.Boolean)
        if not self.files:
            return frame.with_columns(own.alias(NOW), pl.lit(None, pl.Boolean).alias(THEN))
        ids = frame.select(TRANSACTION_ID.name, EVENT_TIME.name).unique(TRANSACTION_ID.name, keep="first")
        labels = (
            pl.scan_parquet(self.files, glob=False, hive_partitioning=False)
            .select(TRANSACTION_ID.name, FRAUD, KNOWN_AT, "label_offset")
            .join(ids.lazy(), on=TRANSACTION_ID.name, how="inner")
            .collect()
            .sort(KNOWN_AT, "label_offset")
        )
        then = labels.filter(pl.col(KNOWN_AT) <= pl.col(EVENT_TIME.name) + self.delay_ms)
        for name, known in ((NOW, labels), (THEN, then)):
            newest = known.group_by(TRANSACTION_ID.name).agg(pl.col(FRAUD).last().alias(name))
            frame = frame.join(newest, on=TRANSACTION_ID.name, how="left", maintain_order="left")
        return frame.with_columns(pl.coalesce(NOW, own).alias(NOW))
