"""Reads the events of a frame as the worker reads records: each row becomes a payment, or is refused with the reason."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.amounts import rounded_units
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, Payment
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.tokens import TOKEN_BYTES, Entity
from fraudstream.offline.columns import AMOUNT, IDS, NUMBER, TIME, TOKEN, kind_of, kinds_of
from fraudstream.offline.event_records import nested, record_of

Form = Literal["events", "history"]
"""Columns are the fields of a record, as a producer sends them, or those of a history or an archive."""

PARTITION = "source_partition"
"""Of archived payments: where they were decided."""


@dataclass(frozen=True, slots=True)
class Read:
    """The payments of a frame, and what was wrong with the other rows."""

    payments: list[Payment] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """Of each payment, its row in the frame."""
    refused: dict[int, str] = field(default_factory=dict)
    """Row -> the reason, as in a dead letter, and a sentence."""
    first_row: int = 0
    """Where the frame begins in what it is a part of."""

    def add(self, row: int, payment: Payment) -> None:
        """Keep a payment; one without an id gets one, as on a topic, where it is the place of the record."""
        self.payments.append(
            payment
            if payment.transaction_id
            else payment._replace(transaction_id=f"row-{self.first_row + row}")
        )
        self.rows.append(row)


def form_of(frame: pl.DataFrame, event_type: EventType) -> Form:
    """Tell which columns a frame has; raises SetupError if they are of neither kind."""
    has_entity = event_type.entity is None or bool({NUMBER, TOKEN} & set(frame.columns))
    if {TIME, AMOUNT} <= set(frame.columns) and has_entity:
        return "history"
    entity = [event_type.entity.field] if event_type.entity else []
    first = {name.partition(".")[0] for name in frame.columns}
    for name in [event_type.amount, *entity]:
        if name not in frame.columns and name.partition(".")[0] not in first:
            raise SetupError(
                f"the frame has no column {name}{did_you_mean(name, frame.columns)}: it needs the fields of a record of event type "
                f"{event_type.name}, or a history's columns ({TIME}, {AMOUNT}{f', {NUMBER} or {TOKEN}' if entity else ''})"
            )
    return "events"


def read(frame: pl.DataFrame, parser: Parser, form: Form, first_row: int = 0) -> Read:
    """Read every row, by the parser of the worker; archived payments, whose card numbers are tokens, as they were parsed before."""
    event_type, found = parser.event_type, Read(first_row=first_row)
    if form == "events":
        now_ms = time.time_ns() // 1_000_000
        return _parsed(found, parser, _records(frame), (now_ms for _ in range(frame.height)))
    converted = _converted(frame, event_type)
    if event_type.entity is not None and NUMBER not in converted.columns:
        return _archived(found, converted, event_type)
    values = converted.select(record_of(event_type).struct.json_encode().cast(pl.Binary)).to_series()
    return _parsed(found, parser, values.to_list(), converted[TIME].fill_null(0).to_list())


def _parsed(found: Read, parser: Parser, values: Sequence[bytes], timestamps_ms: Iterable[int]) -> Read:
    for row, (value, timestamp_ms) in enumerate(zip(values, timestamps_ms, strict=True)):
        try:
            found.add(row, parser.parse(value, timestamp_ms))
        except InvalidTransaction as error:
            found.refused[row] = str(error)
    return found


def _records(frame: pl.DataFrame) -> list[bytes]:
    """Return each row as JSON; names with dots are fields of objects."""
    columns = {name: _in_json(pl.col(name), dtype) for name, dtype in frame.schema.items()}
    return frame.select(nested(columns).struct.json_encode().cast(pl.Binary)).to_series().to_list()


def _in_json(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a column as JSON holds it: times as ISO 8601 (UTC unless they say otherwise), exact decimals as text."""
    if isinstance(dtype, pl.Datetime):
        utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
        return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    text = isinstance(dtype, pl.Decimal | pl.Categorical | pl.Enum)
    return column.cast(pl.String) if text else column


def _converted(frame: pl.DataFrame, event_type: EventType) -> pl.DataFrame:
    """Return a history's columns in the types of a history, null where a value does not fit, or where there is no such column."""
    kinds, ids = kinds_of(event_type), [name for name in IDS if name in frame.columns]
    sources = {
        **{name: name for name in (NUMBER, TOKEN, PARTITION) if name in frame.columns},
        **({IDS[0]: ids[0]} if ids else {}),
        **{name: name for name in (TIME, AMOUNT, *event_type.columns) if name in frame.columns},
    }
    types = {TIME: pl.Int64, AMOUNT: pl.Float64} | event_type.columns
    made = []
    for name, source in sources.items():
        if name == PARTITION:
            made.append(pl.col(source).cast(pl.Int64))
            continue
        column = kind_of(source, kinds).convert(pl.col(source), frame.schema[source])
        if column is None and frame.schema[source] == pl.Null:
            column = pl.lit(None, types.get(name, pl.String))
        if column is None:
            raise SetupError(
                f"the column {source} is {frame.schema[source]}, which does not hold {kind_of(source, kinds).what}"
            )
        made.append(column.alias(name))
    missing = [name for name in (IDS[0], *event_type.columns) if name not in sources]
    return frame.select(made).with_columns(
        pl.lit(None, types.get(name, pl.String)).alias(name) for name in missing
    )


def _archived(found: Read, frame: pl.DataFrame, event_type: EventType) -> Read:
    """Return payments whose entities are tokens."""
    filled = frame.with_columns(event_type.filled)
    variables = filled.select(list(event_type.columns)).iter_rows() if event_type.variables else None
    cents = rounded_units(filled[AMOUNT].fill_null(0.0).to_numpy(), event_type.money.decimals).tolist()
    for row, (token, tid, time_ms, amount, units, partition) in enumerate(_columns(filled, cents)):
        values = () if variables is None else next(variables)
        key = _key(token)
        if key is None or time_ms is None or amount is None:
            found.refused[row] = (
                "invalid-field: a card token (32 hexadecimal digits), a time or an amount is missing"
            )
            continue
        entity = Entity(str(token), key, "", partition or 0)
        found.add(row, Payment("" if tid is None else str(tid), entity, time_ms, units, tuple(values)))
    return found


def _columns(frame: pl.DataFrame, cents: list[int]) -> Iterator[tuple[str, str, int, float, int, int]]:
    partitions = frame[PARTITION].to_list() if PARTITION in frame.columns else [0] * frame.height
    columns = (frame[name].to_list() for name in (TOKEN, IDS[0], TIME, AMOUNT))
    return zip(*columns, cents, partitions, strict=True)


def _key(token: object) -> bytes | None:
    """Return a token's bytes, None if it is none."""
    try:
        key = bytes.fromhex(str(token))
    except ValueError:
        return None
    return key if len(key) == TOKEN_BYTES else None
