"""Opens files of payments, in one way for training, nightly job, parity, replay and import, so that all accept the same.

Paths are never read as patterns. A row that is not a payment ends the opening with one sentence.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from fraudstream.domain.card_numbers import masked
from fraudstream.domain.errors import SetupError
from fraudstream.offline.columns import AMOUNT, KINDS, MOMENT, NUMBER, OWN, TIME, TIMES, TOKEN, Kinds, kind_of

IMPORT = "docs/history.md explains histories; fraudstream history import creates one from other files"

VALUE_SHOWN_MAX = 40

ENTITY = (NUMBER, TOKEN)


@dataclass(frozen=True)
class PaymentFile:
    """A Parquet file and how its columns are converted to the wanted ones of ours."""

    path: Path
    wanted: tuple[str, ...]
    kinds: Kinds = field(default_factory=lambda: KINDS)

    @cached_property
    def stored(self) -> pl.Schema:
        """The file's own names and types; raises SetupError if it is no Parquet file."""
        try:
            with self.path.open("rb") as content:
                return pl.Schema(pl.read_parquet_schema(content))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> SetupError:
        return SetupError(f"{self.path} is not a readable Parquet file: {str(error).splitlines()[0]}")

    def sources(self, name: str) -> list[str]:
        """Return the stored columns from which one of ours is made."""
        return [stored for stored in (TIMES if name == TIME else (name,)) if stored in self.stored]

    @cached_property
    def made(self) -> Mapping[str, pl.Expr]:
        """Our columns that the file has; raises SetupError for a stored type that does not fit."""
        return {name: self._made(name) for name in self.wanted if self.sources(name)}

    def _made(self, name: str) -> pl.Expr:
        converted = []
        for stored in self.sources(name):
            dtype, kind = self.stored[stored], kind_of(stored, self.kinds)
            column = kind.convert(pl.col(stored), dtype)
            if column is None and dtype != pl.Null:
                raise SetupError(
                    f"{self.path}: the column {stored} is stored as {dtype}, which does not hold {kind.what}; {IMPORT}"
                )
            converted.append(pl.lit(None, pl.String) if column is None else column)
        return pl.coalesce(converted).alias(name)

    @cached_property
    def types(self) -> pl.Schema:
        """Our columns' types as this file gives them."""
        return pl.LazyFrame(schema=self.stored).select(self.made.values()).collect_schema()

    def check_columns(self) -> None:
        """Raise SetupError if a payment cannot be made of the file."""
        needed = {
            "cc_num (or card)": ENTITY,
            AMOUNT: (AMOUNT,),
            "event_time (or trans_ts or datetime)": (TIME,),
        }
        missing = [
            said
            for said, names in needed.items()
            if set(names) & set(self.wanted) and not any(name in self.made for name in names)
        ]
        if missing:
            tokens = (
                " (an archive holds card tokens; this needs card numbers)" if TOKEN in self.stored else ""
            )
            raise SetupError(f"{self.path} has no column {' and no '.join(missing)}{tokens}; {IMPORT}")

    def scan(self) -> pl.LazyFrame:
        """Return the rows as they are stored."""
        return pl.scan_parquet(self.path, glob=False, hive_partitioning=False)

    def typed(
        self, types: Mapping[str, pl.DataType], first: int = 0, rows: int | None = None
    ) -> pl.LazyFrame:
        """Return rows in the common types."""
        return self.scan().slice(first, rows).select(_typed(self, types))

    def check_part(self, first: int, rows: int) -> None:
        """Check some rows, and only if one is wrong all of them: raises as `check_rows`."""
        if _has_faults(self, self.scan().slice(first, rows)):
            self.check_rows()

    def check_rows(self) -> None:
        """Raise SetupError that names the first row with an unreadable value, or without one it needs; or if the file is damaged."""
        try:
            self._check_rows()
        except pl.exceptions.PolarsError as error:
            raise self._unreadable(error) from error

    def _check_rows(self) -> None:
        rows = self.scan().select(**_faults(self)).with_row_index("row", 1)
        for name in (name for name in rows.collect_schema().names() if name != "row"):
            found = rows.filter(pl.col(name)).select("row").collect()["row"]
            if found.is_empty():
                continue
            first = int(found[0])
            where = f"{self.path}: {len(found):,} rows, the first is row {first:,}, "
            if name not in self.made or not self._given(name, first):
                what = {ENTITY[0]: "card", TOKEN: "card", TIME: "time", AMOUNT: "amount"}[name]
                raise SetupError(f"{where}have no {what}; {IMPORT}")
            kind = kind_of(name, self.kinds)
            shown = "" if kind.secret else f" ({masked(self._given(name, first))[:VALUE_SHOWN_MAX]!r})"
            raise SetupError(
                f"{where}have values in {' or '.join(self.sources(name))} that are not {kind.what}{shown}; {IMPORT}"
            )

    def _given(self, name: str, row: int) -> str:
        """Return a row's stored value for one of our columns as text, empty if there is none."""
        stored = pl.coalesce(pl.col(source).cast(pl.String, strict=False) for source in self.sources(name))
        return self.scan().slice(row - 1, 1).select(stored).collect().item() or ""

    def is_own(self, types: Mapping[str, pl.DataType]) -> bool:
        """Tell whether an engine can read the file unchanged: our types, the same as in the other files, times in ms."""
        for name in self.made:
            stored = self.stored.get(name)
            if (
                stored not in OWN.get(name, (stored,))
                or stored != types[name]
                or self.sources(name) != [name]
            ):
                return False
        moments = [name for name in self.made if kind_of(name, self.kinds) is MOMENT]
        if not moments:
            return True
        moved = pl.any_horizontal((pl.col(name) != self.made[name]).any() for name in moments)
        return not self.scan().select(moved).collect().item()


def payment_files(
    files: Sequence[Path], wanted: Sequence[str], kinds: Kinds = KINDS
) -> tuple[list[PaymentFile], pl.Schema]:
    """Check every column and row; return the files and their common types."""
    found, types = typed_files(files, wanted, kinds)
    for _, run in groupby(found, key=lambda file: file.stored):
        alike = list(run)
        if _has_faults(alike[0], _scan(alike)):
            for file in alike:
                file.check_rows()
    return found, types


def typed_files(
    files: Sequence[Path], wanted: Sequence[str], kinds: Kinds = KINDS
) -> tuple[list[PaymentFile], pl.Schema]:
    """Check every column; return the files and their common types."""
    found = [PaymentFile(path, tuple(wanted), kinds) for path in files]
    types: dict[str, pl.DataType] = {}
    for file in found:
        file.check_columns()
        for name, dtype in file.types.items():
            types[name] = _common(types.get(name, dtype), dtype)
    return found, pl.Schema(types)


def opened(files: Sequence[Path], wanted: Sequence[str], kinds: Kinds = KINDS) -> pl.LazyFrame:
    """Return these columns of all files in order, in our types; a column that no file has is left out.

    Raises SetupError that names file and column.
    """
    found, types = payment_files(files, wanted, kinds)
    parts = []
    for _, run in groupby(found, key=lambda file: file.stored):
        alike = list(run)
        parts.append(_scan(alike).select(_typed(alike[0], types)))
    return pl.concat(parts)


@contextmanager
def plain_files(
    files: Sequence[Path], wanted: Sequence[str], kinds: Kinds = KINDS, *, copies: bool = True
) -> Iterator[list[Path]]:
    """Yield files with these columns that all engines read alike: those in our types, and converted copies of the others.

    Raises SetupError if a file needs a copy and `copies` is False, because an engine elsewhere could not read it.
    """
    found, types = payment_files(files, wanted, kinds)
    with TemporaryDirectory(prefix="fraudstream-history-") as scratch:
        plain = []
        for number, file in enumerate(found):
            if file.is_own(types):
                plain.append(file.path)
                continue
            if not copies:
                raise SetupError(
                    f"{file.path} has other column types than the files before it, which a cluster cannot read together; {IMPORT}"
                )
            plain.append(Path(scratch) / f"{number:06}.parquet")
            file.typed(types).sink_parquet(plain[-1])
        yield plain


def _scan(alike: Sequence[PaymentFile]) -> pl.LazyFrame:
    return pl.scan_parquet([file.path for file in alike], glob=False, hive_partitioning=False)


def _has_faults(file: PaymentFile, rows: pl.LazyFrame) -> bool:
    """Tell whether rows of files like this one have a fault, or cannot be read."""
    try:
        return bool(rows.select(**_faults(file)).select(pl.any_horizontal(pl.all().any())).collect().item())
    except pl.exceptions.PolarsError:
        return True


def _typed(file: PaymentFile, types: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Return our columns in the common types; one that this file lacks is null."""
    return [
        (file.made[name] if name in file.made else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in types.items()
    ]


def _faults(file: PaymentFile) -> dict[str, pl.Expr]:
    """Return per column which rows have an unreadable value, or lack one that a payment needs."""
    faults = {}
    entity = [file.made[name] for name in ENTITY if name in file.made]
    for name, made in file.made.items():
        given = pl.any_horizontal(_is_given(stored, file.stored[stored]) for stored in file.sources(name))
        fault = given & made.is_null()
        if name in (AMOUNT, TIME):
            fault = made.is_null()
        elif name == (NUMBER if NUMBER in file.made else TOKEN):
            fault |= pl.coalesce(entity).is_null()
        faults[name] = fault
    return faults


def _is_given(stored: str, dtype: pl.DataType) -> pl.Expr:
    """Tell where a column has a value; pandas writes NaN where it has none."""
    given = pl.col(stored).is_not_null()
    return given & ~pl.col(stored).is_nan() if dtype.is_float() else given


def _common(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    """Return the type that holds both: a history's files may differ in type."""
    if one == other:
        return one
    if one.is_numeric() and other.is_numeric():
        return pl.Int64() if one.is_integer() and other.is_integer() else pl.Float64()
    return pl.String()
