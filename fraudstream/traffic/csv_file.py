"""Reads payments from a CSV file, each row checked by the worker's own parser."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, Payment, entity_index
from fraudstream.domain.features.schema import Type
from fraudstream.domain.tokens import READ, Tokenizer
from fraudstream.offline.columns import AMOUNT, FALSE, IDS, LABEL, NUMBER, TIME, TRUE
from fraudstream.offline.csv_rows import UTF_8, BadRow, Row, csv_rows, header_of, open_csv, read_rows, renamed
from fraudstream.traffic.encoder import LABEL_COLUMNS
from fraudstream.traffic.payments import Frame

BATCH_ROWS = 50_000
"""Rows held as Python objects before they become columns."""


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """What to read of a CSV file."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Our name -> the file's. If any is given, other columns that are not ours are left out."""
    labels: bool = False
    """Whether to read labels."""


AS_IT_IS = CsvColumns()


class _Reader:
    """Reads rows under one header: names of the event type, or mapped to them by `names`, which leaves others out."""

    def __init__(
        self, event_type: EventType, header: Sequence[str], columns: CsvColumns, path: Path, digest: str
    ) -> None:
        self._event_type = event_type
        self._times = event_type.time.fields
        self._label_field = event_type.label.field if event_type.label else LABEL
        self._moments = {
            *self._times,
            *(variable.field for variable in event_type.variables if variable.type == "timestamp"),
        }
        self._needed = [*([event_type.entity.field] if event_type.entity else []), event_type.amount]
        self._known = {
            *self._needed,
            *([event_type.id] if event_type.id else []),
            *([event_type.currency_field] if event_type.currency_field else []),
            *self._times,
            *(variable.field for variable in event_type.variables),
            self._label_field,
            *LABEL_COLUMNS,
        }
        self._header = self._ours(header, columns.names, path)
        self._check(path, strict=not columns.names)
        self._labelled = columns.labels and bool({LABEL, self._label_field} & set(self._header))
        self._units = event_type.money.units
        # An index without a secret: only the check is needed, not the token.
        self._parse = Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), 1), 0).parse
        self._now_ms = time.time_ns() // 1_000_000
        self._digest = digest

    def _ours(self, header: Sequence[str], names: Mapping[str, str], path: Path) -> list[str]:
        """Return the header with our names; raises SetupError for a name that does not exist on its side."""
        ours = {
            theirs: self._times[0] if name == TIME and self._times else name for name, theirs in names.items()
        }
        return renamed(header, ours, self._known, "payments", path)

    def _check(self, path: Path, *, strict: bool) -> None:
        unknown = [name for name in self._header if name and name not in self._known] if strict else []
        missing = [name for name in self._needed if name not in self._header]
        if not any(name in self._header for name in self._times):
            missing.append(" or ".join(self._times) or "a time, and the event type has no field for it")
        if unknown or missing:
            wrong = [f"lacks {', '.join(missing)}"] * bool(missing)
            wrong += [f"has the unknown {', '.join(unknown)}"] * bool(unknown)
            known = ", ".join(sorted(self._known - {*LABEL_COLUMNS, self._label_field}))
            raise SetupError(
                f"the first line of {path} must name the columns, from {known}; it {' and '.join(wrong)}; "
                f"map other names with --column, e.g. --column {self._needed[0]}={(unknown or ['card_number'])[0]}"
            )

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self._header)

    def row(self, row: Row) -> tuple[Any, ...]:
        """Return a row of the history's columns; raises InvalidTransaction."""
        given = {
            name: cell.strip()
            for name, cell in zip(self._header, row.cells, strict=True)
            if name in self._known and cell.strip()
        }
        scenario = given.pop(LABEL_COLUMNS[1], None)
        labels = [given.pop(name, None) for name in dict.fromkeys((self._label_field, LABEL))]
        if not any(name in given for name in self._times):
            raise InvalidTransaction("no-time", f"the row has no {' or '.join(self._times)}")
        record: dict[str, Any] = {name: self._typed(name, cell) for name, cell in given.items()}
        payment: Payment = self._parse(msgspec.json.encode(record), self._now_ms)
        entity = self._event_type.entity
        label = next((label for label in labels if label is not None), None)
        return (
            payment.transaction_id or f"{self._digest[:12]}-{row.line}",
            *((READ[entity.kind](given[entity.field]),) if entity else ()),
            payment.cents / self._units,
            payment.event_time_ms,
            *payment.variables,
            *((self._fraud(label), scenario) if self._labelled else ()),
        )

    def _fraud(self, label: str | None) -> bool | None:
        """Read a label by the values that mean fraud, or by the usual words."""
        own = self._event_type.label.fraud if self._event_type.label else ()
        return label in own if own and label is not None else _label(label)

    def _typed(self, name: str, cell: str) -> str | float:
        """Read amounts and epoch times as numbers; other text is left for the parser to judge."""
        if name == self._event_type.amount or name in self._moments:
            try:
                return float(cell)
            except ValueError:
                return cell
        return cell

    def schema(self) -> dict[str, Type]:
        """Return the columns `row` fills."""
        return {
            IDS[0]: pl.String,
            **({NUMBER: pl.String} if self._event_type.entity else {}),
            AMOUNT: pl.Float64,
            TIME: pl.Int64,
            **self._event_type.columns,
            **({LABEL: pl.Boolean, LABEL_COLUMNS[1]: pl.String} if self._labelled else {}),
        }


def read_csv(
    path: Path, event_type: EventType, encoding: str = UTF_8, columns: CsvColumns = AS_IT_IS
) -> tuple[Frame, list[BadRow]]:
    """Read a whole CSV file: its payments, and its bad rows.

    A payment without id gets one made of the file's hash and its line, so that sending it twice counts once. Raises SetupError
    if the header does not fit.
    """
    digest = _digest(path)
    frames: list[pl.DataFrame] = []
    rows: list[tuple[Any, ...]] = []
    bad: list[BadRow] = []
    with open_csv(path, encoding) as text:
        lines = csv_rows(text, path, encoding)
        reader = _Reader(event_type, header_of(lines, path), columns, path, digest)
        schema = reader.schema()
        for made in read_rows(lines, reader.width, reader.row, bad):
            rows.append(made)
            if len(rows) == BATCH_ROWS:
                frames.append(pl.DataFrame(rows, schema, orient="row"))
                rows.clear()
    frames.append(pl.DataFrame(rows, schema, orient="row"))
    return Frame(pl.concat(frames), digest), bad


def _label(cell: str | None) -> bool | None:
    """Read a label; raises InvalidTransaction for any other text."""
    if cell is None:
        return None
    word = cell.lower()
    if word not in (*TRUE, *FALSE):
        raise InvalidTransaction("invalid-label", f"{LABEL} is not one of {', '.join((*TRUE, *FALSE))}")
    return word in TRUE


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
