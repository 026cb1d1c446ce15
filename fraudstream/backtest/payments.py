"""The payments of a slice of time, with what was known at each, computed as for training; and what an archive says was decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from fraudstream.backtest.source import Slice
from fraudstream.domain.events.amounts import rounded_units
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import (
    AMOUNT,
    AVG_AMT_LAST_1W,
    AVG_AMT_LAST_10M,
    CARD,
    CARD_LAST4,
    CENTS,
    DECIDED_AT,
    DEGRADED,
    EVENT_TIME,
    IF_THERE,
    JUDGED,
    LATE_BY_MS,
    NUM_TRANS_LAST_1W,
    NUM_TRANS_LAST_10M,
    SOURCE_NUMBER,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    TRANSACTION_ID,
    WEEKLY_MISSING,
)
from fraudstream.domain.weekly import MISSING, NO_ANSWER, STALE
from fraudstream.domain.windows.entries import LATE_BY_MAX_MS
from fraudstream.offline.columns import IDS, LABEL, Kind
from fraudstream.offline.dataset import arrived
from fraudstream.offline.history import OFFSET, PARTITION, identified, read_in_order
from fraudstream.offline.point_in_time import point_in_time
from fraudstream.offline.weeks_before import declared_weeks

WAS = "was_"
"""Before the name of what an archive says: `was_outcome` was published, `outcome` is what another detector says."""

STORED = Kind("what the archive stores", lambda column, dtype: column)
PLACE = (SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET, SOURCE_NUMBER)
PUBLISHED_WINDOW, PUBLISHED_WEEK = (
    (NUM_TRANS_LAST_10M, AVG_AMT_LAST_10M),
    (NUM_TRANS_LAST_1W, AVG_AMT_LAST_1W),
)


@dataclass(frozen=True)
class Reader:
    """Reads slices. `features`: further features that archived decisions may have, to be read as `was_`."""

    event_type: EventType
    partitions: int
    allowed_lateness_ms: int
    is_archive: bool
    features: tuple[str, ...] = ()

    @property
    def window(self) -> tuple[str, ...]:
        """The features over the window that every decision of this event type has."""
        if self.event_type.entity is None:
            return ()
        return (
            *(each.name for each in PUBLISHED_WINDOW),
            *(each.column.name for each in self.event_type.velocities),
        )

    @property
    def week(self) -> tuple[str, ...]:
        """The same of the week."""
        if self.event_type.entity is None:
            return ()
        return (
            *(each.name for each in PUBLISHED_WEEK),
            *(each.column.name for each in self.event_type.weekly.each),
        )

    @property
    def archived(self) -> tuple[str, ...]:
        """What is read of archived decisions beside the payments."""
        if not self.is_archive:
            return ()
        judged = (column.name for column in (*JUDGED, DEGRADED, DECIDED_AT, *PLACE))
        own = self.event_type.columns
        further = (name for name in self.features if name not in own and name != AMOUNT.name)
        ruled = (column.name for column in IF_THERE)
        return tuple(dict.fromkeys((*judged, *ruled, *self.window, *self.week, *further)))

    def read(self, part: Slice, card: str | None = None) -> pl.DataFrame:
        """Return the payments of a slice in order of arrival, with all that `decide` needs.

        `counted` and `conflict` are as `point_in_time` has them. Of an archive what was decided is there, too, as `was_...`.
        With `card`, an entity's token, only its payments in an archive are read and returned.
        """
        frame = self._known(self._paid(part.files, card), None if card is None else _clock(part.files))
        if self.is_archive:
            frame = frame.with_columns(weekly_missing(pl.col(WAS + DEGRADED.name)))
        inside = pl.col(EVENT_TIME.name).is_between(part.start_ms, part.end_ms, closed="left")
        return frame.filter(inside)

    def _paid(self, files: Sequence[Path], card: str | None) -> pl.DataFrame:
        """Return the payments of files with the columns that the windows need, and cents."""
        names = (
            EVENT_TIME.name,
            AMOUNT.name,
            *self.event_type.columns,
            *IDS,
            CARD.name,
            CARD_LAST4.name,
            LABEL,
        )
        columns = (*names, *self.archived, OFFSET)
        own = dict.fromkeys((*self.archived, CARD_LAST4.name), STORED)
        only = None if card is None else pl.col(CARD.name) == card
        frame = read_in_order(files, columns, self.event_type, own, only)
        paid = identified(frame, columns, self.partitions, self.event_type)
        paid = paid.rename({name: WAS + name for name in self.archived if name in paid.columns})
        cents = rounded_units(paid[AMOUNT.name].to_numpy(), self.event_type.money.decimals)
        return paid.drop(AMOUNT.name).with_columns(
            CENTS.series(cents), *_filled(paid, self.event_type), _one_id(paid.columns)
        )

    def _known(self, paid: pl.DataFrame, clock: pl.LazyFrame | None) -> pl.DataFrame:
        if self.event_type.entity is None:
            return paid.with_columns(counted=pl.lit(value=True), conflict=pl.lit(value=False))
        windows = self.event_type.windows
        came = arrived(paid, windows, self.event_type.reversal)
        late_by_ms = None
        if clock is not None:
            place = paid.select(OFFSET, partition="partition", event_time=EVENT_TIME.name)
            joined = place.lazy().join(
                clock, on=[OFFSET, "partition", EVENT_TIME.name], how="left", maintain_order="left"
            )
            late_by_ms = joined.select(LATE_BY_MS.name).collect().to_series().to_numpy(writable=True)
        known = point_in_time(came, self.allowed_lateness_ms, windows, late_by_ms)
        known = known.hstack(declared_weeks(self.event_type.weekly, came, known, paid))
        return paid.drop("partition").hstack(known)


def _clock(files: Sequence[Path]) -> pl.LazyFrame:
    """Return how far behind the watermark of its partition each archived payment was."""
    decided = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
    time = pl.col(EVENT_TIME.name)
    late_by_ms = (time.cum_max().over(PARTITION) - time).clip(0, LATE_BY_MAX_MS)
    return (
        decided.select(EVENT_TIME.name, pl.col(PARTITION).cast(pl.Int64), OFFSET)
        .sort(OFFSET, maintain_order=True)
        .select(OFFSET, EVENT_TIME.name, late_by_ms.alias(LATE_BY_MS.name), partition=PARTITION)
        .unique([OFFSET, "partition", EVENT_TIME.name])
    )


def _filled(paid: pl.DataFrame, event_type: EventType) -> Iterable[pl.Expr | pl.Series]:
    """Return the event type's variables, with defaults where they have no value; one that no file has is null."""
    for variable, filled in zip(event_type.variables, event_type.filled, strict=True):
        if variable.name in paid.columns:
            yield filled.cast(variable.dtype)
        else:
            yield pl.lit(variable.default, variable.dtype).alias(variable.name)


def _one_id(columns: Sequence[str]) -> pl.Expr:
    """Return the id as text, whatever the files call it."""
    there = [pl.col(name).cast(pl.String) for name in IDS if name in columns]
    return (pl.coalesce(there) if there else pl.lit(None, pl.String)).alias(TRANSACTION_ID.name)


def weekly_missing(degraded: pl.Expr) -> pl.Expr:
    """Return why there was no (fresh) week, in the words of `degraded`."""
    whys = [pl.when(degraded.list.contains(why)).then(pl.lit(why)) for why in (MISSING, STALE, *NO_ANSWER)]
    return pl.coalesce(whys).alias(WEEKLY_MISSING.name)
