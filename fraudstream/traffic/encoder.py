"""Turns payments into records: JSON values, keys and partitions for whole frames at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.adapters.kafka.publisher import Message
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.labels import Label, encode
from fraudstream.domain.tokens import partition_of
from fraudstream.offline.columns import IDS, NUMBER, TIME
from fraudstream.offline.event_records import record_of

Floats = npt.NDArray[np.float64]

LABEL_COLUMNS = ("is_fraud", "scenario")
"""The label of a payment; never part of the payment's own record."""


class EncodedBatch(NamedTuple):
    """Payments ready to be sent, in order."""

    due_s: Floats | None
    """When each leaves, in seconds since the start of sending; never falls. None: as fast as Kafka takes them."""
    messages: list[Message]
    partitions: list[int]
    labels: list[tuple[int, Message]]
    """The label of each, with the partition of its transaction id; empty if no labels are to be sent."""
    known: Sequence[tuple[int, Message]] = ()
    """Labels of earlier payments that have become known; they leave with the first payment."""

    def __len__(self) -> int:
        return len(self.messages)


class Encoder:
    """Turns frames with the history's columns (cc_num, amount, event_time, tid, merchant, ...) into batches.

    Keyed records go where Kafka's default partitioner would put them; unkeyed ones go to the partitions in turn, as from a
    producer that knows nothing of cards.
    """

    def __init__(self, event_type: EventType, partitions: int, *, keyed: bool = True) -> None:
        if not event_type.wire.is_plain:
            raise SetupError(
                f"records of the event type {event_type.name} are not plain JSON, and this command sends plain JSON only: use "
                "a producer of your own, or a copy of the event type without [format] and [envelope]"
            )
        self._partitions = partitions
        self._keyed = keyed
        self._homes: dict[str, int] = {}
        self._turn = 0
        self._record = record_of(event_type)

    def encode(self, payments: pl.DataFrame, due_s: Floats | None, *, labelled: bool = False) -> EncodedBatch:
        """Encode payments, and if wanted their labels (needs the columns is_fraud and scenario), known as soon as they happen."""
        values = payments.select(self._record.struct.json_encode().cast(pl.Binary)).to_series().to_list()
        if self._keyed and NUMBER in payments.columns:
            numbers = payments[NUMBER].cast(pl.String).to_list()
            messages = [
                Message(number.encode(), value) for number, value in zip(numbers, values, strict=True)
            ]
            partitions = [self._home(number) for number in numbers]
        else:
            messages = [Message(None, value) for value in values]
            partitions = [(self._turn + i) % self._partitions for i in range(len(values))]
            self._turn += len(values)
        labels = self._labels(payments) if labelled else []
        return EncodedBatch(due_s, messages, partitions, labels)

    def _home(self, number: str) -> int:
        """Return the partition of a card, which is cached: hashing again costs more than all the rest."""
        home = self._homes.get(number)
        if home is None:
            home = self._homes[number] = partition_of(number, self._partitions)
        return home

    def _labels(self, payments: pl.DataFrame) -> list[tuple[int, Message]]:
        known = payments.select(
            pl.col(IDS[0]).cast(pl.String).alias("transaction_id"),
            *LABEL_COLUMNS,
            pl.col(TIME).alias("known_at"),
            pl.lit("simulation").alias("label_source"),
            pl.lit(None, pl.String).alias("note"),
        )
        return self.labels(known)

    def labels(self, known: pl.DataFrame) -> list[tuple[int, Message]]:
        """Encode labels, given in the columns of archived ones."""
        rows = known.select("transaction_id", "is_fraud", "known_at", "label_source", "note", "scenario")
        return [
            (partition_of(row[0], self._partitions), Message(row[0].encode(), encode(Label(*row))))
            for row in rows.iter_rows()
        ]
