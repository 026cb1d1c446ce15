"""The payments of a micro-batch as columns, for the table and the detector."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fraudstream.domain.events.event_type import KeptValue
from fraudstream.domain.events.parser import Payment
from fraudstream.domain.tokens import Entity
from fraudstream.domain.windows.cells import Ints, hash64
from fraudstream.tables.activity_batch import Arrivals


class Batch(NamedTuple):
    """Payments to decide together: partition after partition, each in order of arrival."""

    rows: Mapping[int, int]
    """Partition -> how many of the payments are its own. An entity's payments are all on one partition."""
    payments: Sequence[Payment]
    offsets: Sequence[int | None]
    """Each payment's offset in `transactions`; None for a repartitioned one: it comes after all before it."""
    numbers: Sequence[int] = ()
    """Each payment's number among those of its record; empty if no record has several."""


class Columns(NamedTuple):
    """The payments of a micro-batch as columns, partition after partition, each in order of arrival."""

    ids: Sequence[str]
    entities: Sequence[Entity]
    """Empty if events of this type have none."""
    event_time_ms: Sequence[int]
    cents: Sequence[int]
    variables: Sequence[tuple[Any, ...]]
    unknown_fields: Sequence[str]

    @classmethod
    def of(cls, payments: Sequence[Payment]) -> "Columns":
        """Turn rows into columns."""
        return cls(*zip(*payments, strict=True)) if payments else cls((), (), (), (), (), ())

    def without(self, rows: Ints) -> "Columns":
        """Return the columns without some rows."""
        gone = set(rows.tolist())
        kept = [row for row in range(len(self.ids)) if row not in gone]
        return Columns._make([column[row] for row in kept] for column in self)

    def arrivals(
        self,
        rows: Mapping[int, int],
        offsets: Sequence[int | None],
        kept_values: Sequence[KeptValue] = (),
        numbers: Sequence[int] = (),
    ) -> Arrivals:
        """Return the columns that the activity table needs; `rows`, `offsets` and `numbers` as in `Batch`.

        `kept_values`: the event type's.
        """
        return Arrivals(
            rows,
            [entity.key for entity in self.entities],
            self.event_time_ms,
            self.cents,
            [hash64(transaction_id) for transaction_id in self.ids],
            offsets,
            [cells_of(self.variables) for cells_of in kept_values],
            numbers,
        )
