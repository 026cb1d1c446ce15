"""The payments of a micro-batch as columns, for the table and the detector."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fraudstream.domain.event_columns import Known
from fraudstream.domain.events.event_type import KeptValue, Variable
from fraudstream.domain.events.parser import Payment
from fraudstream.domain.features.schema import Column
from fraudstream.domain.tokens import Entity
from fraudstream.domain.windows.cells import Ints, as_text, hash64
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


def variable_known(variable: Variable, values: Sequence[Any]) -> Known:
    """Return a variable; a string may come as a number, such as a zip code, or as true or false."""
    if variable.type == "string":
        values = [value if value is None or type(value) is str else as_text(value) for value in values]
    elif variable.type == "float":
        values = [None if value is None else float(value) for value in values]
    return Known(Column(variable.name, variable.dtype, "payment"), values)
