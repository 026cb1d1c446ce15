"""What people write as values of lists: card numbers become tokens here, at the door, and go nowhere else."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.lists.entries import VALUE_LENGTH_MAX, WHY_LENGTH_MAX, Kind
from fraudstream.domain.lists.table import ENTRIES_MAX
from fraudstream.domain.tokens import READ, EntityKind, Tokenizer

TOKEN = re.compile(r"[0-9a-f]{32}")
COLUMN, UNTIL, WHY = "value", "until", "why"
SHOWN_MAX = 10
"""Mistakes of a file that are shown."""


class Row(NamedTuple):
    """A line of a file."""

    values: tuple[str, ...]
    """Several for a card that had other tokens before."""
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Values:
    """Reads the values of a list."""

    kind: Kind
    tokenizer: Tokenizer
    entity_kind: EntityKind

    def of(self, text: str) -> tuple[str, ...]:
        """Return what is kept of a value; raises SetupError, whose sentence does not show it."""
        text = text.strip()
        if not 0 < len(text) <= VALUE_LENGTH_MAX:
            raise SetupError(f"a value has 1 to {VALUE_LENGTH_MAX} characters, not {len(text):,}")
        if self.kind == "text":
            if without_card_numbers(text) != text:
                raise SetupError(
                    "this looks like a card number: make a list of cards (--kind card), which keeps tokens"
                )
            return (text,)
        if TOKEN.fullmatch(text):
            return (text,)
        try:
            number = READ[self.entity_kind](text)
        except FraudstreamError:
            raise SetupError("this is neither a card number nor a token of 32 hexadecimal digits") from None
        return (self.tokenizer.token(number), *self.tokenizer.earlier(number))


def values_of_list(kind: Kind, name: str, entity_kind: EntityKind | None, tokenizer: Tokenizer) -> Values:
    """Return what reads the values of a list; `entity_kind`: of the event type's entity. Raises SetupError."""
    if kind == "card" and entity_kind in (None, "text"):
        raise SetupError(f"list {name} is of cards, and events of the type that is set have none")
    return Values(kind, tokenizer, entity_kind or "text")


def moment(text: str) -> datetime | None:
    """Read until when something is on a list, empty for ever; raises SetupError."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise SetupError("this is no moment: write e.g. 2027-01-01T00:00:00Z") from None
    if found.tzinfo is None:
        raise SetupError("this moment has no zone: write e.g. 2027-01-01T00:00:00Z")
    return found


def rows_of(path: Path, values: Values, said: list[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a CSV file, one at a time; mistakes are passed over.

    With `said` the first of them are added to it, with their lines; after so many the rest of the file is not read.
    Raises SetupError if the file has no column `value`, or more rows than workers hold.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in rows_in(file, str(path), values):
            if isinstance(row, Row):
                yield row
            elif said is not None:
                said.append(f"line {line}: {row}")
                if len(said) >= SHOWN_MAX:
                    return


def rows_in(file: TextIO, name: str, values: Values) -> Iterator[tuple[int, Row | SetupError]]:
    """Yield line and row of an open CSV file, or what is wrong with it; `name` is what sentences call the file.

    Raises SetupError if it has no column `value`, or more rows than workers hold.
    """
    try:
        reader = csv.DictReader(file)
        if COLUMN not in (reader.fieldnames or []):
            raise SetupError(
                f"{name} has no column {COLUMN}; it may have {UNTIL} and {WHY}, too, and its first line names them"
            )
        for number, row in enumerate(reader, 1):
            if number > ENTRIES_MAX:
                raise SetupError(
                    f"{name} has more than {ENTRIES_MAX:,} rows, and workers hold so many entries of all lists; nothing was published"
                )
            try:
                yield reader.line_num, _row(row, values)
            except SetupError as error:
                yield reader.line_num, error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SetupError(f"{name} is no CSV file in UTF-8 ({type(error).__name__})") from None


def _row(row: dict[str, str | None], values: Values) -> Row:
    why = row.get(WHY) or ""
    if len(why) > WHY_LENGTH_MAX:
        raise SetupError(f"the reason has {len(why):,} characters; at most {WHY_LENGTH_MAX:,}")
    return Row(values.of(row[COLUMN] or ""), moment(row.get(UNTIL) or ""), without_card_numbers(why))


def checked(path: Path, values: Values) -> int:
    """Return how many rows a file has; raises SetupError that shows the first mistakes, if there are any."""
    said: list[str] = []
    rows = sum(1 for _ in rows_of(path, values, said))
    if said:
        more = " and perhaps more" if len(said) >= SHOWN_MAX else ""
        raise SetupError(f"{path} was not read, nothing was published. {'; '.join(said)}{more}")
    return rows
