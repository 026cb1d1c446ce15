"""Makes the records of events of a history's columns: what a producer of this event type would send."""

from collections.abc import Mapping

import polars as pl

from fraudstream.domain.events.event_type import PER_SECOND, EventTime, EventType
from fraudstream.offline.columns import AMOUNT, IDS, NUMBER, TIME


def record_of(event_type: EventType) -> pl.Expr:
    """Return a record of the event type, made of the columns of a history, all of which have to be there."""
    time, money = event_type.time, event_type.money
    amount = pl.col(AMOUNT)
    if money.form == "minor-units":
        amount = (amount * money.units).round().cast(pl.Int64)
    fields = {
        **({event_type.entity.field: pl.col(NUMBER)} if event_type.entity else {}),
        event_type.amount: amount,
        **({event_type.currency_field: pl.lit(_currency(event_type))} if event_type.currency_field else {}),
        **({time.fields[0]: _moment(time)} if time.fields else {}),
        **({event_type.id: pl.col(IDS[0])} if event_type.id else {}),
        **{variable.field: pl.col(variable.name) for variable in event_type.variables},
    }
    return nested(fields)


def _currency(event_type: EventType) -> str:
    """Return the currency of events whose history has none: the default, else one that has the decimals of all.

    Amounts are added up as numbers, whatever their currency, so it only has to let every amount in.
    """
    default, known = event_type.money.currency, event_type.currencies
    return default if default in known else max(known, key=lambda code: known[code].decimals)


def _moment(time: EventTime) -> pl.Expr:
    """Return the event time as a number in the unit that the event type reads."""
    since_ms = pl.col(TIME) - time.origin_ms
    per_second = PER_SECOND[time.unit]
    return since_ms / 1000.0 if per_second == 1 else since_ms * (per_second // 1000)


def nested(fields: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return a struct of these fields; names joined with dots are fields of objects within it."""
    inner: dict[str, dict[str, pl.Expr]] = {}
    own: dict[str, pl.Expr] = {}
    for name, value in fields.items():
        first, _, rest = name.partition(".")
        if rest:
            inner.setdefault(first, {})[rest] = value
        else:
            own[name] = value
    objects = {name: nested(within) for name, within in inner.items()}
    return pl.struct([value.alias(name) for name, value in (own | objects).items()])
