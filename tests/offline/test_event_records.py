"""Records made of a history are read by the event type that the history is of."""

import polars as pl
import pytest

from fraudstream.domain.events.declaration import Declaration
from fraudstream.offline.event_records import record_of

DECLARED = (
    'name = "t"\n[amount]\nfield = "amt"\ncurrency_field = "currency"\ncurrencies = ["JPY", "USD", "EUR"]\n'
)


@pytest.mark.parametrize(("default", "expected"), [("", "USD"), ('currency = "JPY"\n', "JPY")])
def test_events_of_a_history_without_currencies_have_one_of_the_event_type(
    default: str, expected: str
) -> None:
    """The default, else one that can have the cents of all; with none they would all be refused."""
    event_type = Declaration(DECLARED + default, "t.toml").read()
    (record,) = pl.select(pl.lit(7.53).alias("amount")).select(record_of(event_type)).to_series().to_list()

    assert {"amt": 7.53, "currency": expected} == record
    assert expected in event_type.currencies
