"""Files of payments to import, and what became of them."""

import csv
from pathlib import Path

import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.offline.import_rows import Judge
from fraudstream.offline.importing import ImportRequest, import_history
from fraudstream.offline.written_times import Times

NOW_MS = 1_700_000_000_000
JUDGE = Judge(event_type_named("card"), Times(), NOW_MS)

HEADER = "card_number,amt,ts,fraud"
GOOD = "4000000000000002,12.50,2020-01-26T00:53:20Z,0"


def csv_of(directory: Path, *lines: str, name: str = "mine.csv") -> Path:
    """Write a file."""
    path = directory / name
    path.write_text("\n".join(lines) + "\n")
    return path


def import_request(*files: Path, judge: Judge = JUDGE, bad_rows_max: int = 0, **names: str) -> ImportRequest:
    """Return what to import; the list of bad rows lies beside the first file."""
    return ImportRequest(files, names, judge, "utf-8", ",", bad_rows_max, files[0].with_suffix(".bad.csv"))


def imported(directory: Path, *lines: str, judge: Judge = JUDGE, **names: str) -> pl.DataFrame:
    """Import lines of CSV, and return the history's rows as they lie."""
    import_history(import_request(csv_of(directory, *lines), judge=judge, **names), directory / "history")
    return rows_in(directory / "history")


def rows_in(history: Path) -> pl.DataFrame:
    """Return the rows of a history as they lie."""
    return pl.concat(pl.read_parquet(path) for path in sorted(history.glob("date=*/*.parquet")))


def bad_rows(directory: Path, *lines: str, judge: Judge = JUDGE, **names: str) -> list[tuple[int, str, str]]:
    """Import lines of CSV of which any may be bad, and return line, reason and detail of those that are."""
    given = import_request(csv_of(directory, *lines), judge=judge, bad_rows_max=len(lines), **names)
    import_history(given, directory / "history")
    if not given.bad_rows_file.exists():
        return []
    with given.bad_rows_file.open() as text:
        return [(int(row["line"]), row["reason"], row["detail"]) for row in csv.DictReader(text)]
