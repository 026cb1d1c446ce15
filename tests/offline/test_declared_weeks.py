"""Declared weekly aggregates: the nightly job and the training data say what plain Python says, to the last bit."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly_aggregates import Weekly
from fraudstream.offline.aggregate import weeks_of
from fraudstream.offline.columns import kinds_of
from fraudstream.offline.point_in_time import Arrived, point_in_time
from fraudstream.offline.weeks_before import declared_weeks

MONDAY = 1_580_688_000_000
"""2020-02-03 00:00 UTC."""

OF = ["amount", "tries", "km", "known", "since", "shop"]
DECLARED = "".join(
    f'{function}_{of}_{days} = {{ function = "{function}", of = "{of}", days = {days} }}\n'
    for of in OF
    for days in (1, 30)
    for function in (["distinct"] if of == "shop" else ["sum", "mean", "max", "distinct"])
)
TEXT = (
    'name = "own"\nid = "tid"\n[entity]\nfield = "cc_num"\n[amount]\nfield = "amount"\ncurrency = "USD"\n'
    '[variables]\nshop = { default = "it\'s \\\\ home" }\ntries = { type = "integer", default = 7 }\nkm = "float"\n'
    f'known = "boolean"\nsince = "timestamp"\n[weekly]\nevents = {{ function = "count", days = 3 }}\n{DECLARED}'
)
EVENT_TYPE = Declaration(TEXT, "own.toml").read()

events = st.lists(
    st.fixed_dictionaries(
        {
            "tid": st.integers(0, 8).map(str),
            "cc_num": st.integers(4_006_080_000_000_000, 4_006_080_000_000_001),
            "event_time": st.integers(0, 35 * 4).map(lambda quarter: MONDAY + quarter * DAY_MS // 4 - 1),
            "amount": st.integers(-300, 100_000).map(lambda cents: cents / 100),
            "tries": st.none() | st.integers(-3, 3) | st.sampled_from([10**15, 10**15 + 1, -(2**62)]),
            "km": st.none()
            | st.sampled_from(
                [0.1, 0.2, 0.3, -0.0, 0.0, 1e-9, 5e-7, 1.5e-6, math.nan, 1e9, 1e300, 2.0000005]
            ),
            "known": st.none() | st.booleans(),
            "since": st.none() | st.integers(MONDAY, MONDAY + 3),
            "shop": st.none() | st.sampled_from(["it's \\ home", "kiosk", ""]),
        }
    ),
    min_size=1,
    max_size=25,
)


def first_of_each(paid: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events whose ids name one event each: later ones of the same id repeat it, with variables of their own."""
    first: dict[tuple[int, str], dict[str, Any]] = {}
    same = ("event_time", "amount")
    return [
        {**event, **{name: first.setdefault((event["cc_num"], event["tid"]), event)[name] for name in same}}
        for event in paid
    ]


def oracle(weekly: Weekly, paid: list[dict[str, Any]], card: int, midnight_ms: int) -> float | None:
    """Return an aggregate as the documentation defines it, in fractions."""
    payments: dict[str, list[dict[str, Any]]] = {}
    for event in paid:
        inside = midnight_ms - weekly.days * DAY_MS <= event["event_time"] < midnight_ms
        if event["cc_num"] == card and event["amount"] >= 0 and inside:
            payments.setdefault(event["tid"], []).append(event)
    if weekly.function == "count":
        return len(payments)
    found = [value for each in payments.values() if (value := value_of(weekly, each)) is not None]
    if weekly.function == "distinct":
        return len(set(found))
    if weekly.function == "max":
        return max((float(value) for value in found), default=None)
    units = {"amount": 100, "float": 10**6}.get(weekly.kind, 1)
    scaled = [
        value * units if weekly.kind == "float" else Fraction(str(value)) * units
        for value in map(plain, found)
    ]
    whole = [round(value) for value in scaled if abs(value) <= 10**15]
    if weekly.function == "sum":
        return sum(whole) / units
    return sum(whole) / (len(whole) * units) if whole else None


def plain(value: Any) -> Any:
    """Return a boolean as a number."""
    return int(value) if isinstance(value, bool) else value


def value_of(weekly: Weekly, repeated: Sequence[dict[str, Any]]) -> Any:
    """Return a payment's value: the smallest it came with."""
    given = [weekly.default if event[weekly.of] is None else event[weekly.of] for event in repeated]
    return min((value for value in given if value is not None and value == value), default=None)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events)
@example(
    [
        {
            "tid": str(number),
            "cc_num": 4_006_080_000_000_000,
            "event_time": MONDAY - 1 + number * DAY_MS,
            "amount": 1.0,
        }
        | {"km": km, "tries": None, "known": None, "since": None, "shop": None}
        for number, km in enumerate((math.nan, 0.1, 1e9))
    ]
)
def test_the_nightly_job_and_the_training_data_say_what_the_definition_says(
    tmp_path: Path, paid: list[dict[str, Any]]
) -> None:
    """Refunds, repeated payments, missing values, NaN, -0.0 and numbers too large to add up, for all functions."""
    paid = first_of_each(paid)
    types = {"tid": pl.String, "cc_num": pl.Int64, "event_time": pl.Int64, "amount": pl.Float64}
    frame = pl.DataFrame(paid, schema=types | EVENT_TYPE.columns)
    frame.write_parquet(tmp_path / "payments.parquet")
    weekly, tokenizer = EVENT_TYPE.weekly, Tokenizer(bytes(32))
    names = [each.column.name for each in weekly.each]
    midnights = sorted({event["event_time"] // DAY_MS * DAY_MS for event in paid})
    expected = {
        (card, at): [oracle(each, paid, card, at) for each in weekly.each]
        for card in frame["cc_num"].unique()
        for at in midnights
    }

    served = {
        at: weeks_of(
            [tmp_path / "payments.parquet"], at, tokenizer, kinds=kinds_of(EVENT_TYPE), weekly=weekly
        )
        for at in midnights[:2]
    }
    nothing = weekly.columns([()])
    for (card, at), wanted in expected.items():
        if at in served:
            row = served[at].filter(pl.col("card") == tokenizer.token(str(card)))
            parts = [row[part.name] for part in weekly.parts]
            values = weekly.values(parts) if row.height else nothing
            assert list(zip(names, wanted, strict=True)) == [(each.name, each.item()) for each in values]

    arrived = Arrived.of(
        (frame["cc_num"] - frame["cc_num"].min()).to_numpy(),
        frame["event_time"].to_numpy(),
        np.rint(frame["amount"].to_numpy() * 100).astype(np.int64),
        frame["tid"].cast(pl.UInt64).to_numpy(),
    )
    known = point_in_time(arrived)
    filled = frame.select(EVENT_TYPE.filled)
    learnt = pl.DataFrame(declared_weeks(weekly, arrived, known, filled)).rows()
    for event, row in zip(paid, learnt, strict=True):
        at = event["event_time"] // DAY_MS * DAY_MS
        wanted = expected[event["cc_num"], at]
        assert list(zip(names, wanted, strict=True)) == list(zip(names, row, strict=True))


def test_a_history_without_the_column_is_refused(tmp_path: Path) -> None:
    """Instead of treating the value as missing in all events."""
    frame = pl.DataFrame(
        {"tid": ["1"], "cc_num": [4_006_080_000_000_000], "event_time": [MONDAY], "amount": [1.0]}
    )
    frame.write_parquet(tmp_path / "payments.parquet")

    with pytest.raises(SetupError, match="no column tries, from which a weekly aggregate is computed"):
        weeks_of(
            [tmp_path / "payments.parquet"],
            MONDAY + DAY_MS,
            Tokenizer(bytes(32)),
            kinds=kinds_of(EVENT_TYPE),
            weekly=EVENT_TYPE.weekly,
        )
