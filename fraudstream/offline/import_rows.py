"""Checks rows of other people's files as the worker checks payments: each becomes a payment, or has a line and a reason."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from fraudstream.domain.card_numbers import (
    CARD_DIGITS_MAX,
    CARD_DIGITS_MIN,
    masked,
    without_card_numbers,
)
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import NOISE
from fraudstream.domain.events.event_times import TIME_MIN_MS
from fraudstream.domain.events.event_type import PER_SECOND, EventType
from fraudstream.domain.features.schema import Type
from fraudstream.domain.tokens import DIGITS_MIN
from fraudstream.offline.column_names import METADATA, Names
from fraudstream.offline.columns import (
    AMOUNT,
    IDS,
    LABEL,
    NUMBER,
    TIME,
    TOKEN,
    kind_of,
    kinds_of,
    text_of_floats,
)
from fraudstream.offline.csv_rows import BadRow
from fraudstream.offline.import_files import LINE
from fraudstream.offline.opening import IMPORT, VALUE_SHOWN_MAX
from fraudstream.offline.written_times import Times


def stored(event_type: EventType) -> dict[str, Type]:
    """Return the columns of an event type's history and their types, in order."""
    entity: dict[str, Type] = {NUMBER: pl.String, TOKEN: pl.String} if event_type.entity else {}
    return {
        IDS[0]: pl.String,
        **entity,
        AMOUNT: pl.Float64,
        TIME: pl.Int64,
        **event_type.columns,
        LABEL: pl.Boolean,
        "scenario": pl.String,
    }


CARD_NUMBER = rf"^[0-9]{{{CARD_DIGITS_MIN},{CARD_DIGITS_MAX}}}$"

REASON, COLUMN = "reason of the row", "column of the fault"
GIVEN = "given "
"""Prefix of the file's values, which are kept beside ours."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns rows into payments, or finds what is wrong with them."""

    event_type: EventType
    times: Times
    latest_ms: int
    """A payment after this moment lies in the future and is refused."""
    fraud_values: Collection[str] = ()
    """Values of the label that mean fraud; all others mean none. Empty: those of the event type, or the usual words for yes and
    no."""

    decimal_comma: bool = False
    """Whether text that holds numbers has a comma before the decimals, and points between thousands."""

    @property
    def _numbers(self) -> set[str]:
        declared = {each.name for each in self.event_type.variables if each.type in ("integer", "float")}
        return {AMOUNT, *declared}

    @property
    def stored(self) -> dict[str, Type]:
        """The columns of the history, and their types."""
        return stored(self.event_type)

    def judged(self, rows: pl.DataFrame, names: Names, path: Path) -> tuple[pl.DataFrame, list[BadRow]]:
        """Return the payments in some rows, with our columns, and the bad rows.

        Raises SetupError for a column whose stored type does not fit what it should hold.
        """
        made = rows.select(
            LINE,
            *(self._made(ours, theirs, rows.schema[theirs], path) for ours, theirs in names.items()),
            *(pl.col(theirs).alias(GIVEN + ours) for ours, theirs in names.items()),
        )
        faults = self._faults(names)
        told = made.with_columns(
            pl.coalesce(pl.when(when).then(pl.lit(reason)) for reason, _, _, when in faults).alias(REASON),
            pl.coalesce(pl.when(when).then(pl.lit(ours)) for _, ours, _, when in faults).alias(COLUMN),
        )
        details = {(reason, ours): detail for reason, ours, detail, _ in faults}
        spoilt = told.filter(pl.col(REASON).is_not_null())
        bad = []
        for row in spoilt.iter_rows(named=True):
            reason, ours = row[REASON], row[COLUMN]
            theirs, value = names[ours], shown(ours, row[GIVEN + ours])
            said = f"{theirs} {value!r}" if value else theirs
            bad.append(BadRow(row[LINE], reason, f"{said} {details[reason, ours]}", theirs, value))
        good = told.filter(pl.col(REASON).is_null()).select(
            (pl.col(name) if name in names else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in self.stored.items()
        )
        return good, bad

    def _made(self, ours: str, theirs: str, dtype: pl.DataType, path: Path) -> pl.Expr:
        column, kind = pl.col(theirs), kind_of(ours, kinds_of(self.event_type))
        if self.decimal_comma and dtype == pl.String and ours in self._numbers:
            column = with_point(column)
        label = self.event_type.label
        fraud_values = self.fraud_values or (label.fraud if label else ())
        if ours == LABEL and fraud_values and theirs != METADATA[LABEL]:
            made: pl.Expr | None = column.cast(pl.String, strict=False).is_in(list(fraud_values))
        elif ours == TIME:
            made = self._time(column, dtype)
        elif dtype.is_float() and ours in self.event_type.columns and self.stored[ours] == pl.String:
            made = text_of_floats(column)
        else:
            made = kind.convert(column, dtype)
        if made is None and dtype != pl.Null:
            raise SetupError(
                f"{path}: the column {theirs} is stored as {dtype}, which does not hold {kind.what}; {IMPORT}"
            )
        return (pl.lit(None) if made is None else made).cast(self.stored[ours], strict=False).alias(ours)

    def _time(self, column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
        """Return a time; numbers that the event type counts from an origin of its own are in its own unit."""
        declared = self.event_type.time
        if not declared.origin_ms:
            return self.times.convert(column, dtype)
        if not (dtype.is_numeric() or isinstance(dtype, pl.String)):
            return self.times.convert(column, dtype)
        number = column.cast(pl.Float64, strict=False)
        since_ms = (number * 1000 / PER_SECOND[declared.unit]).round()
        counted = pl.when(number.is_finite()).then(since_ms).cast(pl.Int64, strict=False) + declared.origin_ms
        written = self.times.convert(column, dtype) if isinstance(dtype, pl.String) else None
        return counted if written is None else pl.when(number.is_null()).then(written).otherwise(counted)

    def _faults(self, names: Names) -> list[tuple[str, str, str, pl.Expr]]:
        """Return what can be wrong with a row: reason, our column, detail, and condition; the first that is true counts."""
        card, amount, time = pl.col(NUMBER), pl.col(AMOUNT), pl.col(TIME)
        money, entity = self.event_type.money, self.event_type.entity
        units, decimals = amount * money.units, money.decimals
        least, most = money.amount_min, money.amount_max
        limits = f"is not between {least:,.{decimals}f} and {most:,.{decimals}f}"
        digits_min = DIGITS_MIN[entity.kind] if entity and entity.kind != "text" else None
        digits = f"{digits_min} to {CARD_DIGITS_MAX} digits"
        number = (
            pl.lit(True)
            if digits_min is None
            else card.str.contains(rf"^[0-9]{{{digits_min},{CARD_DIGITS_MAX}}}$")
        )
        token = pl.col(TOKEN).str.replace_all("[ -]", "").str.contains(CARD_NUMBER)
        faults = [
            ("invalid-card", NUMBER, f"is not {digits}", ~number),
            ("invalid-card", TOKEN, f"is a card number, not a token: name it as {NUMBER}", token),
            ("amount-negative", AMOUNT, limits, (amount < 0) & pl.lit(least == 0)),
            ("amount-absurd", AMOUNT, limits, ~amount.is_between(least, most)),
            (
                "amount-decimals",
                AMOUNT,
                f"has more than the {decimals} decimals of {money.currency}",
                (units - units.round()).abs() >= NOISE,
            ),
            ("time-ancient", TIME, "lies before the year 2000", time < TIME_MIN_MS),
            ("time-in-future", TIME, "lies in the future", time > self.latest_ms),
        ]
        unreadable = [
            (
                f"invalid-{_word(ours)}",
                ours,
                f"does not read as {kind_of(ours, kinds_of(self.event_type)).what}",
                _given(ours) & pl.col(ours).is_null(),
            )
            for ours in names
        ]
        absent = [
            (f"no-{_word(ours)}", ours, "is empty", ~_given(ours)) for ours in (NUMBER, TOKEN, AMOUNT, TIME)
        ]
        return [fault for fault in (*absent, *unreadable, *faults) if fault[1] in names]


def with_point(text: pl.Expr) -> pl.Expr:
    """Return numbers with a decimal comma as numbers with a point; null for those that are none: 1,234.50 and 12.50."""
    digits = text.str.strip_chars()
    whole = digits.str.contains(r"^[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?$")
    return pl.when(whole).then(
        digits.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    )


def _given(ours: str) -> pl.Expr:
    return pl.col(GIVEN + ours).is_not_null()


def _word(ours: str) -> str:
    """Return what a reason calls one of our columns."""
    return {NUMBER: "card", TOKEN: "card", TIME: "time", LABEL: "label"}.get(ours, ours)


def shown(ours: str, value: object) -> str:
    """Return the beginning of a value, nothing of what may be a card; of times only certain card numbers are masked."""
    if value is None or ours in (NUMBER, TOKEN):
        return ""
    text = str(value)
    return (without_card_numbers(text) if ours == TIME else masked(text))[:VALUE_SHOWN_MAX]
