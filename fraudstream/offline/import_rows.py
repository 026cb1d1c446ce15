"""Checks rows of other people's files as the worker checks payments: each becomes a payment, or has a line and a reason."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from fraudstream.domain.card_numbers import CARD_DIGITS_MAX, CARD_DIGITS_MIN, masked, without_card_numbers
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import NOISE, Money
from fraudstream.domain.events.event_times import TIME_MIN_MS
from fraudstream.offline.column_names import Names
from fraudstream.offline.columns import AMOUNT, LABEL, NUMBER, TIME, TOKEN, kind_of
from fraudstream.offline.csv_rows import BadRow
from fraudstream.offline.import_files import LINE
from fraudstream.offline.opening import IMPORT, VALUE_SHOWN_MAX
from fraudstream.offline.written_times import Times

STORED = {
    "tid": pl.String(),
    NUMBER: pl.String(),
    TOKEN: pl.String(),
    AMOUNT: pl.Float64(),
    TIME: pl.Int64(),
    "merchant": pl.String(),
    "zip_code": pl.String(),
    LABEL: pl.Boolean(),
    "scenario": pl.String(),
}
"""A history's columns and types, in order."""

CARD_NUMBER = rf"^[0-9]{{{CARD_DIGITS_MIN},{CARD_DIGITS_MAX}}}$"

REASON, COLUMN = "reason of the row", "column of the fault"
GIVEN = "given "
"""Prefix of the file's values, which are kept beside ours."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns rows into payments, or finds what is wrong with them."""

    money: Money
    times: Times
    latest_ms: int
    """A payment after this moment lies in the future and is refused."""
    fraud_values: Collection[str] = ()
    """Values of the label that mean fraud; all others mean none. Empty: the usual words for yes and no."""

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
        bad = [
            BadRow(
                row[LINE],
                row[REASON],
                _detail(details[row[REASON], row[COLUMN]], row[COLUMN], names, row[GIVEN + row[COLUMN]]),
            )
            for row in spoilt.iter_rows(named=True)
        ]
        good = told.filter(pl.col(REASON).is_null()).select(
            (pl.col(name) if name in names else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in STORED.items()
        )
        return good, bad

    def _made(self, ours: str, theirs: str, dtype: pl.DataType, path: Path) -> pl.Expr:
        column, kind = pl.col(theirs), kind_of(ours)
        if ours == LABEL and self.fraud_values:
            made: pl.Expr | None = column.cast(pl.String, strict=False).is_in(list(self.fraud_values))
        elif ours == TIME:
            made = self.times.convert(column, dtype)
        else:
            made = kind.convert(column, dtype)
        if made is None and dtype != pl.Null:
            raise SetupError(
                f"{path}: the column {theirs} is stored as {dtype}, which does not hold {kind.what}; {IMPORT}"
            )
        return (pl.lit(None) if made is None else made).cast(STORED[ours], strict=False).alias(ours)

    def _faults(self, names: Names) -> list[tuple[str, str, str, pl.Expr]]:
        """Return what can be wrong with a row: reason, our column, detail, and condition; the first that is true counts."""
        card, amount, time = pl.col(NUMBER), pl.col(AMOUNT), pl.col(TIME)
        units, decimals = amount * self.money.units, self.money.decimals
        least, most = self.money.amount_min, self.money.amount_max
        limits = f"is not between {least:,.{decimals}f} and {most:,.{decimals}f}"
        digits = f"{CARD_DIGITS_MIN} to {CARD_DIGITS_MAX} digits"
        token = pl.col(TOKEN).str.replace_all("[ -]", "").str.contains(CARD_NUMBER)
        faults = [
            ("invalid-card", NUMBER, f"is not {digits}", ~card.str.contains(CARD_NUMBER)),
            ("invalid-card", TOKEN, f"is a card number, not a token: name it as {NUMBER}", token),
            ("amount-negative", AMOUNT, limits, (amount < 0) & pl.lit(least == 0)),
            ("amount-absurd", AMOUNT, limits, ~amount.is_between(least, most)),
            (
                "amount-decimals",
                AMOUNT,
                f"has more than the {decimals} decimals of {self.money.currency}",
                (units - units.round()).abs() >= NOISE,
            ),
            ("time-ancient", TIME, "lies before the year 2000", time < TIME_MIN_MS),
            ("time-in-future", TIME, "lies in the future", time > self.latest_ms),
        ]
        unreadable = [
            (
                f"invalid-{_word(ours)}",
                ours,
                f"does not read as {kind_of(ours).what}",
                _given(ours) & pl.col(ours).is_null(),
            )
            for ours in names
        ]
        absent = [
            (f"no-{_word(ours)}", ours, "is empty", ~_given(ours)) for ours in (NUMBER, TOKEN, AMOUNT, TIME)
        ]
        return [fault for fault in (*absent, *unreadable, *faults) if fault[1] in names]


def _given(ours: str) -> pl.Expr:
    return pl.col(GIVEN + ours).is_not_null()


def _word(ours: str) -> str:
    """Return what a reason calls one of our columns."""
    return {NUMBER: "card", TOKEN: "card", TIME: "time", LABEL: "label"}.get(ours, ours)


def _detail(what: str, ours: str, names: Names, value: object) -> str:
    """Say what is wrong with a value, and show it unless it may be a card number; in times only certain ones are masked."""
    if value is None or ours in (NUMBER, TOKEN):
        return f"{names[ours]} {what}"
    text = str(value)
    shown = (without_card_numbers(text) if ours == TIME else masked(text))[:VALUE_SHOWN_MAX]
    return f"{names[ours]} {shown!r} {what}"
