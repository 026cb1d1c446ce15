"""Reads the rows of a CSV file unchanged: a damaged row is reported with its line, nothing is repaired or guessed."""

import csv
import gzip
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import NamedTuple, TypeVar

from fraudstream.domain.card_numbers import masked
from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.names import did_you_mean

T = TypeVar("T")

UTF_8 = "utf-8"
UTF_16 = ("\udcff\udcfe", "\udcfe\udcff")
"""How UTF-16 begins when it is read as UTF-8: what Windows calls Unicode text."""
PACKED = ".gz"

DELIMITERS = (",", ";", "\t", "|")
"""Signs that may stand between cells, the likeliest first."""


class BadRow(NamedTuple):
    """A row that is not a payment; of what people are told, `detail` and `value` never hold the card number, `cells` may."""

    line: int
    reason: str
    detail: str
    column: str = ""
    """The file's column that is wrong; empty if it is the row."""
    value: str = ""
    """What is in it, shortened."""
    cells: Sequence[str] = ()
    """All that is in a row of which nobody knows which cell is of which column."""


class Row(NamedTuple):
    """A row, the line it begins in, and what is wrong with it regardless of its columns' meaning."""

    line: int
    last_line: int
    cells: Sequence[str]
    fault: InvalidTransaction | None

    def bad(self, fault: InvalidTransaction) -> BadRow:
        """Return the row as a bad one, with its first line."""
        to = f"up to line {self.last_line}: " if self.last_line > self.line else ""
        return BadRow(self.line, fault.reason, f"{to}{fault.detail}", cells=self.cells)

    def check(self, columns: int) -> None:
        """Raise InvalidTransaction if something is wrong with it, or it has not as many cells as there are columns."""
        if self.fault:
            raise self.fault
        if len(self.cells) != columns:
            raise InvalidTransaction(
                "columns", f"the row has {len(self.cells)} columns, the header {columns}"
            )


def read_rows(rows: Iterator[Row], columns: int, read: Callable[[Row], T], bad: list[BadRow]) -> Iterator[T]:
    """Yield what `read` makes of each row; rows that it or their form refuses are added to `bad`. Empty lines are left out."""
    for row in rows:
        if not row.cells and not row.fault:
            continue
        try:
            row.check(columns)
            made = read(row)
        except InvalidTransaction as error:
            bad.append(row.bad(error))
        else:
            yield made


def renamed(
    header: Sequence[str], ours: Mapping[str, str], known: Collection[str], what: str, path: Path
) -> list[str]:
    """Return a header with our names; a column whose name is taken by another is called "". `ours`: the file's name -> ours.

    Raises SetupError for a name that does not exist on its side; `what` has our names.
    """
    for theirs, name in ours.items():
        if name not in known:
            raise SetupError(
                f"{what} have no {name}{did_you_mean(name, known)}; they have {', '.join(sorted(known))}"
            )
        if theirs not in header:
            raise SetupError(
                f"the first line of {path} has no {theirs}{did_you_mean(theirs, header)}; it has {', '.join(header)}"
            )
    taken = set(ours.values())
    return [ours.get(name, "" if name in taken else name) for name in header]


def open_csv(path: Path, encoding: str) -> TextIOWrapper:
    """Open a file so that bytes that are not of the encoding can be detected."""
    # utf-8-sig: spreadsheets begin UTF-8 with a byte order mark
    known = "utf-8-sig" if encoding == UTF_8 else encoding
    content: BufferedReader | gzip.GzipFile = (
        gzip.GzipFile(path) if path.suffix.lower() == PACKED else path.open("rb")
    )
    return TextIOWrapper(content, encoding=known, errors="surrogateescape", newline="")


def bytes_read(text: TextIOWrapper) -> int:
    """Return how many of the file's bytes have been read, packed as they are."""
    return os.lseek(text.fileno(), 0, os.SEEK_CUR)


def delimiter_of(path: Path, encoding: str) -> str:
    """Return the sign that cuts the first line of a file into the most cells; a comma if none does."""
    with open_csv(path, encoding) as text:
        first = text.readline()
    return max(DELIMITERS, key=lambda sign: len(next(csv.reader([first], delimiter=sign), [])))


def header_of(rows: Iterator[Row], path: Path) -> list[str]:
    """Take the first row and return the names in it; raises SetupError if they cannot be trusted."""
    header = next(rows, Row(1, 1, [], None))
    if header.fault:
        raise SetupError(f"the first line of {path} cannot be read: {header.fault.detail}")
    names = [name.strip() for name in header.cells]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        said = ", ".join(masked(name) or "a column without a name" for name in repeated)
        raise SetupError(
            f"the first line of {path} has {said} more than once; it must name the columns, each with a name of its own"
        )
    return names


def csv_rows(
    text: Iterable[str], path: Path, encoding: str, delimiter: str = ",", lines_before: int = 0
) -> Iterator[Row]:
    """Yield the rows, the header first; `lines_before` are not in the text.

    Raises SetupError if an unclosed quote swallows the rows after it: they are not bad, and must not be left out.
    """
    lines = csv.reader(text, strict=True, delimiter=delimiter)
    while True:
        first, cells, fault = lines_before + lines.line_num + 1, [], None
        try:
            cells = next(lines)
        except StopIteration:
            return
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise SetupError(
                f"{path} is damaged, or no gzip file, from line {first} on: {error}; copy it again"
            ) from error
        except UnicodeError as error:
            raise SetupError(f"{path} is not {encoding}: {error}; {_mend(encoding)}") from error
        except csv.Error as error:
            last = lines_before + lines.line_num
            if last > first:
                raise SetupError(
                    f"line {first} of {path} opens a quote that is not closed by line {last}; correct line {first}"
                ) from error
            fault = _malformed(error)
        yield Row(first, lines_before + lines.line_num, cells, fault or _undecodable(cells, encoding))


def _malformed(error: csv.Error) -> InvalidTransaction:
    if "limit" in str(error):
        return InvalidTransaction(
            "field-too-long", f"a field is longer than {csv.field_size_limit():,} characters"
        )
    return InvalidTransaction("quoting", "a quote is not closed, or text follows the closing one")


def _undecodable(cells: Sequence[str], encoding: str) -> InvalidTransaction | None:
    """Return what is wrong if some bytes are not text."""
    joined = "".join(cells)
    try:
        joined.encode()
    except UnicodeEncodeError:
        mend = "set the file's encoding: --encoding utf-16" if joined.startswith(UTF_16) else _mend(encoding)
        return InvalidTransaction("encoding", f"contains bytes that are not {encoding}; {mend}")
    if "\0" in joined:
        return InvalidTransaction("encoding", f"contains a NUL byte; {_mend(encoding)}")
    return None


def _mend(encoding: str) -> str:
    other = "latin-1" if encoding == UTF_8 else UTF_8
    return f"set the file's encoding, e.g. --encoding {other}"
