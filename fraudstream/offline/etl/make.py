"""Makes files to train and test on of raw files: in batches, whole or not at all, every row in them or on a list."""

import json
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.offline.bad_row_list import listing
from fraudstream.offline.column_names import Columns, Names
from fraudstream.offline.columns import IDS, LABEL, TIME
from fraudstream.offline.csv_rows import BadRow, delimiter_of
from fraudstream.offline.etl.columns import checked_columns, made_columns
from fraudstream.offline.etl.judging import FILE, Engine, Raw, in_this_process
from fraudstream.offline.etl.rejected import LISTED, Rejected
from fraudstream.offline.etl.split import Split
from fraudstream.offline.gaps import gaps_between
from fraudstream.offline.import_files import LINE, Source, kind_of_file, source_of
from fraudstream.offline.import_rows import Judge
from fraudstream.offline.whole_directory import holds_something, replacing

FACTS = "etl.json"
"""The file beside the made ones that describes them."""

PLACE = "place among all"
"""Column of staged events beside ours, LINE and FILE."""

ID = IDS[0]

HOPELESS_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class EtlRequest:
    """What to read, and what to make of it."""

    files: Sequence[Path]
    names: Names
    """Ours -> theirs, as told."""
    judge: Judge
    split: Split
    rejected_file: Path
    encoding: str = "utf-8"
    delimiter: str | None = None
    """None: found in each file's first line."""
    form: Literal["parquet", "csv"] = "parquet"
    absent: Collection[str] = ()
    """Declared columns that the files need not have."""
    rejected_max: float = 0.01
    """More than this share of rows rejected: nothing is made."""
    place: Callable[[Path], str] = str
    """What a raw file is called."""
    engine: Engine = in_this_process
    """What turns raw rows into events."""


@dataclass(slots=True)
class Made:
    """What was made."""

    event_type: str
    rows: int = 0
    """Of the raw files: events in all files here and rejected rows."""
    rejected: int = 0
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """train, test, and gap -> its file's name, events, and fraud among them."""
    cut: str = ""
    """The first moment of the test, ISO 8601 in UTC."""
    columns: dict[str, str] = field(default_factory=dict)
    """Of the made files, and their types."""
    read: dict[str, dict[str, str]] = field(default_factory=dict)
    """Raw file -> our name of a column -> the file's."""
    wrong: list[dict[str, Any]] = field(default_factory=list)
    """What was wrong with rejected rows, and where."""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EtlListener:
    """Callbacks while it runs; the default does nothing."""

    columns: Callable[[Path, Columns], None] = lambda path, columns: None
    read: Callable[[int], None] = lambda size: None
    """Bytes read since the last time."""


def make(
    request: EtlRequest, directory: Path, *, force: bool = False, listener: EtlListener | None = None
) -> Made:
    """Write the files to train and test on into a directory.

    Raises SetupError if the directory holds anything, unless `force`, which then replaces the whole directory; if a file
    cannot be read; if too many rows are rejected; or if there is nothing to learn. Then only the list of rejected rows is written.
    """
    if holds_something(directory) and not force:
        raise SetupError(
            f"{directory} already holds something; choose another directory with --out, or replace all of it with --force"
        )
    for path in (*request.files, request.rejected_file):
        if path.resolve().is_relative_to(directory.resolve()):
            raise SetupError(
                f"{path} lies in {directory}, which is replaced as a whole; choose another directory with --out"
            )
    with replacing(directory) as draft:
        staged = draft / "staged"
        staged.mkdir()
        done = _Run(request, listener or EtlListener(), staged).made(draft)
        shutil.rmtree(staged)
        (draft / FACTS).write_text(json.dumps(asdict(done), indent=2) + "\n")
    return done


class _Run:
    """One run: raw rows are staged as events, then split."""

    def __init__(self, request: EtlRequest, listener: EtlListener, staged: Path) -> None:
        self._request, self._listener, self._staged = request, listener, staged
        self._done = Made(request.judge.event_type.name)
        self._parts = self._events = 0
        self._known: set[str] = set()

    def made(self, draft: Path) -> Made:
        """Return what was made."""
        request, done = self._request, self._done
        with listing(request.rejected_file, LISTED) as note:
            rejected = Rejected(note)
            self._stage(rejected)
            events = pl.scan_parquet(self._staged, glob=False) if self._parts else None
            again = (
                self._repeated(events, rejected) if events is not None and ID in self._known else pl.Series()
            )
        done.wrong = rejected.table
        done.rejected = sum(kind["rows"] for kind in done.wrong)
        self._check_rejected()
        if events is not None and len(again):
            events = events.filter(~pl.col(PLACE).is_in(again.implode()))
        assert events is not None  # _check_rejected has said so
        self._write(events, draft)
        assert done.rows == done.rejected + sum(file["events"] for file in done.files.values())
        return done

    def _stage(self, rejected: Rejected) -> None:
        request = self._request
        sources = [self._source(path) for path in request.files]
        found = [
            checked_columns(source.columns, request.names, path, request.judge.event_type, request.absent)
            for path, source in zip(request.files, sources, strict=True)
        ]
        files = []
        for number, (path, source, columns) in enumerate(zip(request.files, sources, found, strict=True)):
            self._listener.columns(path, columns)
            self._done.read[request.place(path)] = dict(columns.names)
            self._known |= set(columns.names)
            files.append(Raw(number, path, source, dict(columns.names)))
        with closing(request.engine(request.judge, files, self._listener.read)) as batches:
            for batch in batches:
                self._done.rows += batch.rows
                rejected.add(request.place(files[batch.file].path), batch.bad, batch.shown)
                self._keep(batch.events)
                if self._hopeless:
                    return

    @property
    def _hopeless(self) -> bool:
        """Whether so many rows were read without a single event that columns or options must be wrong."""
        return self._events == 0 and self._done.rows >= HOPELESS_ROWS

    def _source(self, path: Path) -> Source:
        request, delimiter = self._request, self._request.delimiter
        if delimiter is None:
            delimiter = delimiter_of(path, request.encoding) if kind_of_file(path) == "CSV" else ","
        return source_of(path, request.encoding, delimiter)

    def _keep(self, events: pl.DataFrame) -> None:
        if events.is_empty():
            return
        placed = events.with_row_index(PLACE, self._events).with_columns(pl.col(PLACE).cast(pl.Int64))
        placed.write_parquet(self._staged / f"{self._parts:08}.parquet", compression="lz4")
        self._parts += 1
        self._events += events.height

    def _repeated(self, events: pl.LazyFrame, rejected: Rejected) -> pl.Series:
        """Reject events whose id an earlier one has; return their places."""
        ids = events.select(ID, FILE, LINE, PLACE).filter(pl.col(ID).is_not_null()).collect()
        again = ids.filter(~pl.col(ID).is_first_distinct())
        if again.is_empty():
            return pl.Series()
        first = ids.join(again.select(ID).unique(), on=ID, how="semi", maintain_order="left").unique(
            ID, keep="first", maintain_order=True
        )
        both = again.join(first, on=ID, how="left", maintain_order="left", suffix=" of the first")
        files = [self._request.place(path) for path in self._request.files]
        for number, line, before, line_before in both.select(
            FILE, LINE, f"{FILE} of the first", f"{LINE} of the first"
        ).iter_rows():
            theirs = self._done.read[files[number]][ID]
            detail = f"{theirs} is also that of line {line_before} of {files[before]}, which counts"
            rejected.add(files[number], [BadRow(line, "repeated-id", detail, theirs)])
        return again[PLACE]

    def _check_rejected(self) -> None:
        """Raise SetupError if too many rows were rejected, or no event is left."""
        done, listed = self._done, self._request.rejected_file
        if not done.rows:
            raise SetupError(
                f"there are no rows in {', '.join(map(self._request.place, self._request.files))}"
            )
        share = done.rejected / done.rows
        if done.rejected and (share > self._request.rejected_max or done.rejected == done.rows):
            worst = done.wrong[0]
            early = "reading ended early: " if self._hopeless else ""
            mend = worst["hint"] or "correct them, or allow more with --rejected-max"
            raise SetupError(
                f"{early}{done.rejected:,} of {done.rows:,} rows were rejected, {share:.1%}, and nothing was made; {worst['rows']:,} "
                f"as line {worst['first_line']} of {worst['file']}: {worst['example']}; {listed} lists all with line and reason: {mend}"
            )

    def _write(self, events: pl.LazyFrame, draft: Path) -> None:
        request, done = self._request, self._done
        times = events.select(TIME).collect()[TIME]
        cut_ms = request.split.cut(times)
        request.split.check(times, cut_ms)
        done.warnings += gaps_between(times.cast(pl.Datetime("ms")).dt.date().unique())
        done.cut = pl.Series([cut_ms]).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")[0]
        columns = made_columns(request.judge.event_type, self._known)
        schema = events.select(columns).collect_schema()
        done.columns = {name: str(dtype) for name, dtype in schema.items()}
        for part, when in request.split.parts(cut_ms).items():
            chosen = events.filter(when)
            facts = chosen.select(pl.len().alias("events"), pl.col(LABEL).sum().alias("fraud")).collect()
            done.files[part] = {"file": f"{part}.{request.form}", **facts.row(0, named=True)}
            self._check_classes(part, **facts.row(0, named=True))
            made = chosen.select(columns)
            if request.form == "csv":
                made.sink_csv(draft / f"{part}.csv")
            else:
                made.sink_parquet(draft / f"{part}.parquet", compression="zstd")

    def _check_classes(self, part: str, events: int, fraud: int) -> None:
        if part == "gap" or 0 < fraud < events:
            return
        only = "legit" if fraud == 0 else "fraud"
        if part == "train":
            label = self._request.judge.event_type.label
            raise SetupError(
                f"all {events:,} events to train on are {only}, so there is nothing to learn; "
                f"is {label.field if label else LABEL} the label, and --fraud-value right?"
            )
        self._done.warnings.append(
            f"all {events:,} events to test on are {only}: they cannot tell how good a model is"
        )
