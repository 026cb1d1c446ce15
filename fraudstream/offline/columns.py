"""Converts columns of payments in files, which come from other people's tools, to our types where the meaning is certain.

`cc_num` whole numbers or text, `event_time` epoch ms, `amount` a float, `is_fraud` a boolean, variables as their event type
declares them. A value that cannot be
converted becomes null: the caller finds such rows and reports them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from fraudstream.domain.events.event_type import EventType, VariableType
from fraudstream.offline.written_times import Times

NUMBER, TOKEN = "cc_num", "card"
IDS = ("tid", "transaction_id")
TIME = "event_time"
TIMES = (TIME, "trans_ts", "datetime")
"""Names of a payment's time, also those of JSON and CSV; the first that a row has counts."""
AMOUNT, LABEL = "amount", "is_fraud"

TRUE, FALSE = ("true", "t", "yes", "y", "1", "fraud"), ("false", "f", "no", "n", "0", "legit", "genuine")

FLOAT_EXACT_MAX = 2**53
"""Whole numbers up to here are exact as floats; pandas stores whole numbers with gaps as floats."""

Convert = Callable[[pl.Expr, pl.DataType], pl.Expr | None]


def _is_text(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Binary)


def _text(column: pl.Expr) -> pl.Expr:
    return column.cast(pl.String, strict=False).str.strip_chars()


def _whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return whole numbers; a float with a fraction, or one too large to be exact, becomes null."""
    if dtype.is_float():
        exact = (column == column.floor()) & (column.abs() < FLOAT_EXACT_MAX)
        return pl.when(exact).then(column).cast(pl.Int64, strict=False)
    return column.cast(pl.Int64, strict=False)


def text_of_floats(column: pl.Expr) -> pl.Expr:
    """Return floats as text, whole numbers as such: a file's postcode 1234.0 was 1234 before a row without one came."""
    return pl.coalesce(_whole(column, pl.Float64()).cast(pl.String), column.cast(pl.String))


def _number(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if not (dtype.is_numeric() or _is_text(dtype)):
        return None
    number = (_text(column) if _is_text(dtype) else column).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _card_number(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if _is_text(dtype):
        return _text(column).str.replace_all("[ -]", "")
    return _whole(column, dtype) if dtype.is_numeric() else None


def _opaque(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Entities of any form: text but for the blanks around it, or whole numbers."""
    return _text(column) if _is_text(dtype) else _whole(column, dtype) if dtype.is_numeric() else None


def _integer(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if _is_text(dtype):
        return _text(column).cast(pl.Int64, strict=False)
    return _whole(column, dtype) if dtype.is_numeric() else None


def _name(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Ids and variables: text stays text and numbers stay numbers, as in JSON."""
    if isinstance(dtype, pl.String):
        return column
    if dtype.is_numeric():
        return _whole(column, dtype)
    return None if dtype.is_nested() else column.cast(pl.String, strict=False)


def _variable(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    return column if dtype.is_float() else _name(column, dtype)


def _label(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if isinstance(dtype, pl.Boolean):
        return column
    if _is_text(dtype):
        said = _text(column).str.to_lowercase()
        return pl.when(said.is_in(TRUE)).then(True).when(said.is_in(FALSE)).then(False)
    return pl.when(column == 1).then(True).when(column == 0).then(False) if dtype.is_numeric() else None


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column holds, in words, and how a stored type is converted to it (None: it cannot be)."""

    what: str
    convert: Convert
    secret: bool = False
    """Its values are not shown."""


Kinds = Mapping[str, Kind]
"""By our name of a column; any other column is a variable that is text."""

CARD = Kind("card numbers (whole numbers or text)", _card_number, secret=True)
MOMENT = Kind("times (timestamps, ISO 8601, or epoch s, ms, µs or ns)", Times().convert)
"""A time without a zone is UTC; a date without a time of day is refused."""
NAME = Kind("names (text or whole numbers)", _name)
VARIABLE = Kind("text or numbers", _variable)
KINDS: Kinds = {
    NUMBER: CARD,
    **dict.fromkeys((TOKEN, *IDS, "scenario"), NAME),
    **dict.fromkeys(TIMES, MOMENT),
    AMOUNT: Kind("amounts (decimal numbers)", _number),
    LABEL: Kind("labels (true or false, 1 or 0, yes or no)", _label),
}
"""Of the columns that every history may have."""

VARIABLES: Mapping[VariableType, Kind] = {
    "string": VARIABLE,
    "integer": Kind("whole numbers", _integer),
    "float": Kind("numbers", _number),
    "boolean": Kind("yes or no (true or false, 1 or 0)", _label),
    "timestamp": MOMENT,
}
"""By their type."""

OPAQUE = Kind("entities (text or whole numbers)", _opaque, secret=True)
"""Of the kind `text`: dashes and blanks within them count."""

OWN: Mapping[str, tuple[pl.DataType, ...]] = {
    NUMBER: (pl.Int64(),),
    **dict.fromkeys((TOKEN, *IDS), (pl.String(), pl.Int64())),
    TIME: (pl.Int64(),),
    AMOUNT: (pl.Float64(),),
}
"""Stored types that the nightly job's engines read unchanged."""


def kinds_of(event_type: EventType) -> Kinds:
    """Return what the columns of an event type's history hold."""
    entity = event_type.entity
    return {
        **KINDS,
        **({NUMBER: OPAQUE} if entity is not None and entity.kind == "text" else {}),
        **{variable.name: VARIABLES[variable.type] for variable in event_type.variables},
    }


def kind_of(name: str, kinds: Kinds = KINDS) -> Kind:
    """Return what a column of this name holds."""
    return kinds.get(name, VARIABLE)
