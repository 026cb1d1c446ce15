"""Computes a stream's values by the batch path: the features as in training, and the model's probability."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.deciding.known import score
from fraudstream.domain.events.amounts import rounded_units
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import published_features
from fraudstream.domain.features.schema import CENTS, EVENT_TIME, INSIGHT_SCORE, PROBABILITY
from fraudstream.domain.model import Model, insight_scores
from fraudstream.domain.tokens import partition_of
from fraudstream.offline.point_in_time import Arrived, kept_values, point_in_time
from fraudstream.offline.weeks_before import declared_weeks

ROWS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True)
class Expected:
    """Every payment's values and its place in the log, in order of arrival."""

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    """Payments x names."""
    partition: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    decided: npt.NDArray[np.bool_]
    """False for a payment that conflicts with the first of its id, and becomes a dead letter."""

    @classmethod
    def of(
        cls,
        stream: pl.DataFrame,
        model: Model,
        partitions: int,
        allowed_lateness_ms: int,
        event_type: EventType,
    ) -> "Expected":
        """Compute what a worker with this model should publish if the topic holds the stream and nothing else."""
        decimals = event_type.money.decimals
        cents = rounded_units(stream["amount"].to_numpy(), decimals)
        if event_type.entity is None:  # without a key, events go to the partitions in turn
            partition = np.arange(stream.height) % partitions
            known = pl.DataFrame({"conflict": np.zeros(stream.height, np.bool_)})
        else:
            partition = _partitions(stream["cc_num"], partitions)
            arrived = Arrived(
                (stream["cc_num"].rank("dense").cast(pl.Int64) - 1).to_numpy(),
                stream["event_time"].to_numpy(),
                cents,
                stream["tid"].cast(pl.String).hash().to_numpy(),
                partition,
                kept_values(
                    stream.with_columns(event_type.filled), event_type.windows.layout, event_type.reversal
                ),
            )
            known = point_in_time(arrived, allowed_lateness_ms, event_type.windows)
            filled = stream.select(event_type.filled)
            known = known.hstack(declared_weeks(event_type.weekly, arrived, known, filled))
        known = known.with_columns(
            CENTS.series(cents), stream[EVENT_TIME.name], *stream.select(event_type.filled)
        )
        published = published_features(model.features, event_type.entity is not None, event_type.declared)
        judged = (PROBABILITY.name, *([] if model.scale is None else [INSIGHT_SCORE.name]))
        names = (*published, *judged)
        values = np.concatenate(list(_values(known, model, names, event_type)))
        return cls(names, values, partition, _offsets(partition), (~known["conflict"]).to_numpy())


def _values(
    known: pl.DataFrame, model: Model, names: tuple[str, ...], event_type: EventType
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the values in parts: wide frames of millions of payments would fill the memory."""
    derived = event_type.derived_features
    for part in known.iter_slices(ROWS_AT_ONCE):
        described, _, probability = score(part, model, event_type.money.decimals, derived)
        insight = (each.series() for each in insight_scores(model, (), probability))
        judged = described.with_columns(PROBABILITY.series(probability), *insight)
        yield np.column_stack([judged[name].cast(pl.Float64).to_numpy() for name in names])


def _partitions(card: pl.Series, partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of every payment's card."""
    cards = card.unique()
    homes = pl.Series([partition_of(str(number), partitions) for number in cards.to_list()], dtype=pl.Int64)
    return card.replace_strict(cards, homes).to_numpy()


def _offsets(partition: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return every payment's offset: its number among those of its partition."""
    offset = np.empty(len(partition), np.int64)
    for number in np.unique(partition):
        rows = np.flatnonzero(partition == number)
        offset[rows] = np.arange(len(rows))
    return offset
