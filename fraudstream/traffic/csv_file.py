"""Payments from a CSV file, judged row by row by the same parser that will judge them in the worker."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from fraudstream.domain.card_numbers import normalised
from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.event_type import EventType
from fraudstream.domain.tokens import CardIndex, Tokenizer
from fraudstream.domain.transaction import Parser, Payment
from fraudstream.traffic.csv_rows import UTF_8, Row, csv_rows, open_csv
from fraudstream.traffic.loads import LABEL_COLUMNS
from fraudstream.traffic.payments import Frame

BATCH_ROWS = 50_000
"""Rows held as Python objects before they become columns."""


class BadRow(NamedTuple):
    """A row that is not a payment; `detail` never holds the card number."""

    line: int
    reason: str
    detail: str


class _Reader:
    """Reads rows of one header. Names are the event type's; the history's label columns are left out."""

    def __init__(self, event_type: EventType, header: Sequence[str], path: Path, digest: str) -> None:
        self._header = [name.strip() for name in header]
        self._entity, self._amount, self._id = event_type.entity, event_type.amount, event_type.id
        self._times, self._variables = event_type.times, event_type.variables
        self._check(path)
        # A card index without a secret: only the judgement is wanted, not the token.
        self._parse = Parser(event_type, CardIndex(Tokenizer(bytes(32)), 1), 0).parse
        self._now_ms = time.time_ns() // 1_000_000
        self._digest = digest

    def _check(self, path: Path) -> None:
        repeated = sorted({name for name in self._header if self._header.count(name) > 1})
        if repeated:
            raise SetupError(
                f"the first line of {path} names {', '.join(repeated)} more than once; give every column a name of its own"
            )
        known = {self._entity, self._amount, self._id, *self._times, *self._variables}
        unknown = [name for name in self._header if name not in known | set(LABEL_COLUMNS)]
        missing = [name for name in (self._entity, self._amount) if name not in self._header]
        if not any(name in self._header for name in self._times):
            missing.append(" or ".join(self._times))
        if unknown or missing:
            wrong = [f"lacks {', '.join(missing)}"] * bool(missing)
            wrong += [f"has the unknown {', '.join(unknown)}"] * bool(unknown)
            raise SetupError(
                f"the first line of {path} must name the columns, from {', '.join(sorted(known))}; it {' and '.join(wrong)}"
            )

    def row(self, cells: Sequence[str], line: int) -> tuple[Any, ...]:
        """Return a row of the history's columns; raises InvalidTransaction."""
        if len(cells) != len(self._header):
            raise InvalidTransaction(
                "columns", f"the row has {len(cells)} columns, the header {len(self._header)}"
            )
        given = {name: cell.strip() for name, cell in zip(self._header, cells, strict=True) if cell.strip()}
        for name in LABEL_COLUMNS:
            given.pop(name, None)
        if not any(name in given for name in self._times):
            raise InvalidTransaction("no-time", f"the row has no {' or '.join(self._times)}")
        record: dict[str, Any] = {name: self._typed(name, cell) for name, cell in given.items()}
        payment: Payment = self._parse(msgspec.json.encode(record), self._now_ms)
        return (
            payment.transaction_id or f"{self._digest[:12]}-{line}",
            normalised(given[self._entity]),
            payment.cents / 100.0,
            payment.event_time_ms,
            *payment.variables,
        )

    def _typed(self, name: str, cell: str) -> str | float:
        """Read amounts and epoch seconds as numbers; what does not look like one stays for the parser to refuse."""
        if name == self._amount or name in self._times:
            try:
                return float(cell)
            except ValueError:
                return cell
        return cell

    def schema(self) -> dict[str, pl.DataType]:
        """Return the columns `row` fills."""
        names = [self._id, self._entity, self._amount, "event_time", *self._variables]
        numbers = {self._amount: pl.Float64(), "event_time": pl.Int64()}
        return {name: numbers.get(name, pl.String()) for name in names}


def read_csv(path: Path, event_type: EventType, encoding: str = UTF_8) -> tuple[Frame, list[BadRow]]:
    """Read a whole CSV file: its payments, and the rows that are none. A payment without id gets one made of the file and its line, so that sending it twice
    counts once.  Raises SetupError if the header does not fit.
    """
    digest = _digest(path)
    frames: list[pl.DataFrame] = []
    rows: list[tuple[Any, ...]] = []
    bad: list[BadRow] = []
    with open_csv(path, encoding) as text:
        lines = csv_rows(text, path, encoding)
        header = next(lines, Row(1, 1, [], None))
        if header.fault:
            raise SetupError(f"the first line of {path} cannot be read: {header.fault.detail}")
        reader = _Reader(event_type, header.cells, path, digest)
        schema = reader.schema()
        for line, last_line, cells, fault in lines:
            if not cells and not fault:
                continue
            try:
                if fault:
                    raise fault
                rows.append(reader.row(cells, line))
            except InvalidTransaction as error:
                to = f"up to line {last_line}: " if last_line > line else ""
                bad.append(BadRow(line, error.reason, f"{to}{error.detail}"))
            if len(rows) == BATCH_ROWS:
                frames.append(pl.DataFrame(rows, schema, orient="row"))
                rows.clear()
    frames.append(pl.DataFrame(rows, schema, orient="row"))
    return Frame(pl.concat(frames), digest), bad


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
