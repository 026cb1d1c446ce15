"""Turns payments into records: JSON values, keys and partitions for whole frames at once."""

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.adapters.publisher import Message
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.tokens import partition_of

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

    def __len__(self) -> int:
        return len(self.messages)


class Encoder:
    """Turns frames with the history's columns (cc_num, amount, event_time, tid, merchant, ...) into batches.

    Keyed records go where Kafka's default partitioner would put them; unkeyed ones go to the partitions in turn, as from a
    producer that knows nothing of cards.
    """

    def __init__(self, event_type: EventType, partitions: int, *, keyed: bool = True) -> None:
        self._partitions = partitions
        self._keyed = keyed
        self._homes: dict[str, int] = {}
        self._turn = 0
        self._record = pl.struct(
            pl.col(event_type.entity),
            pl.col(event_type.amount),
            (pl.col("event_time") / 1000.0).alias(event_type.times[0]),
            pl.col(event_type.id),
            *event_type.variables,
        )
        self._entity = event_type.entity
        self._id = event_type.id

    def encode(
        self, payments: pl.DataFrame, due_s: Floats | None, *, labelled_at_ms: int | None = None
    ) -> EncodedBatch:
        """Encode payments; with `labelled_at_ms` their labels, too (needs the columns is_fraud and scenario)."""
        values = payments.select(self._record.struct.json_encode().cast(pl.Binary)).to_series().to_list()
        numbers = payments[self._entity].cast(pl.String).to_list()
        if self._keyed:
            messages = [
                Message(number.encode(), value) for number, value in zip(numbers, values, strict=True)
            ]
            partitions = [self._home(number) for number in numbers]
        else:
            messages = [Message(None, value) for value in values]
            partitions = [(self._turn + i) % self._partitions for i in range(len(values))]
            self._turn += len(values)
        labels = [] if labelled_at_ms is None else self._labels(payments, labelled_at_ms)
        return EncodedBatch(due_s, messages, partitions, labels)

    def _home(self, number: str) -> int:
        """Return the partition of a card, which is cached: hashing again costs more than all the rest."""
        home = self._homes.get(number)
        if home is None:
            home = self._homes[number] = partition_of(number, self._partitions)
        return home

    def _labels(self, payments: pl.DataFrame, labelled_at_ms: int) -> list[tuple[int, Message]]:
        ids = payments[self._id].cast(pl.String).to_list()
        truths = payments.select(pl.col(name) for name in LABEL_COLUMNS).iter_rows()
        return [
            (
                partition_of(tid, self._partitions),
                Message(
                    tid.encode(),
                    msgspec.json.encode(
                        {
                            "transaction_id": tid,
                            "fraud": fraud,
                            "scenario": scenario,
                            "labelled_at": labelled_at_ms,
                        }
                    ),
                ),
            )
            for tid, (fraud, scenario) in zip(ids, truths, strict=True)
        ]
