"""The batch definition against the worker's own arithmetic, payment by payment, with all that can come in a stream."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.windows.velocity import BUILT_IN, CARD_WINDOWS
from fraudstream.offline import point_in_time as module
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.engines import by_duckdb
from fraudstream.offline.point_in_time import Arrived, point_in_time
from fraudstream.tables.activity_batch import Arrivals
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.aggregating import aggregate

MONDAY_MS = 1_580_688_000_000
ALLOWED_LATENESS_MS = 3_600_000
MINUTES_MS = 60_000


class Paid(NamedTuple):
    """A payment; `at_ms` counts from a Monday's midnight. A card's partition is its number's last bit."""

    card: int
    at_ms: int
    cents: int
    tid: int


@st.composite
def streams(draw: st.DrawFn) -> list[Paid]:
    """Draw payments of four cards on two partitions, some late by up to two hours, some sent again as they are or changed.

    Ids are repeated within half an hour: what lies behind the allowed lateness may or may not be known any more.
    """
    steps = st.tuples(
        st.integers(0, 3),
        st.sampled_from([0, 0, 1, 60_000, 300_000, 600_000, 600_001, 900_000, 1_200_000]),
        st.integers(-200, 500),
        st.sampled_from([0, 0, 0, 1, 60_000, 700_000, 2_400_000, 3_900_000, 7_200_000]),
        st.sampled_from(["new", "new", "new", "again", "changed", "moved"]),
    )
    now_ms, stream = 8 * 3_600_000, list[tuple[int, Paid]]()
    for card, step_ms, cents, delay_ms, kind in draw(st.lists(steps, max_size=30)):
        now_ms += step_ms
        known = [paid for at_ms, paid in stream if now_ms - paid.at_ms <= 30 * MINUTES_MS]
        if kind == "new" or not known:
            stream.append((now_ms, Paid(card, now_ms - delay_ms, cents, len(stream))))
        else:
            first = draw(st.sampled_from(known))
            change = {
                "again": {},
                "changed": {"cents": first.cents + 1},
                "moved": {"at_ms": first.at_ms + delay_ms},
            }
            stream.append((now_ms, first._replace(**change[kind])))
    return [paid for _, paid in stream]


def sequentially(stream: list[Paid]) -> list[tuple[float, ...] | None]:
    """Return what the worker answers to each payment as a micro-batch of its own; None for a conflict."""
    buckets: dict[bytes, bytes] = {}
    clocks = dict.fromkeys((0, 1), Clock())
    answered: list[tuple[float, ...] | None] = []

    def read(partition: int, keys: list[bytes]) -> dict[bytes, bytes]:
        return {key: buckets[key] for key in keys if key in buckets}

    for offset, paid in enumerate(stream):
        partition = paid.card & 1
        arrivals = Arrivals(
            {partition: 1},
            [bytes([paid.card]) * 16],
            [MONDAY_MS + paid.at_ms],
            [paid.cents],
            [paid.tid],
            [offset],
        )
        seen = aggregate(CARD_WINDOWS, arrivals, clocks, read, ALLOWED_LATENESS_MS)
        update = seen.updates[partition]
        buckets |= update.buckets
        clocks[partition] = update.clock
        row = tuple(column[0].item() for column in seen.windows)
        answered.append(None if len(seen.conflicts) else row)
    return answered


def in_batch(stream: list[Paid]) -> list[tuple[float, ...] | None]:
    """Return what the batch path says of all payments at once."""
    card, at_ms, cents, tid = np.array(stream, dtype=np.int64).reshape(-1, 4).T
    known = point_in_time(
        Arrived(card, MONDAY_MS + at_ms, cents, tid.astype(np.uint64), card & 1), ALLOWED_LATENESS_MS
    )
    columns = [velocity.column.name for velocity in BUILT_IN]
    rows = known.select(columns).rows()
    return [None if conflict else row for row, conflict in zip(rows, known["conflict"], strict=True)]


@given(streams())
def test_batch_says_of_a_stream_what_the_worker_said(stream: list[Paid]) -> None:
    """Late beyond the allowed lateness, tied, repeated, contradicted or refunded: one definition."""
    assert sequentially(stream) == in_batch(stream)


def test_a_payment_that_came_twice_counts_once_in_the_week_and_is_learnt_from_once() -> None:
    """The second coming is answered as the first, and is no second payment."""
    day_ms = 86_400_000
    a, again, b = Paid(0, 1000, 500, 1), Paid(0, 1000, 500, 1), Paid(0, 2 * day_ms, 100, 2)
    card, at_ms, cents, tid = np.array([a, again, b], dtype=np.int64).T

    known = point_in_time(Arrived(card, MONDAY_MS + at_ms, cents, tid.astype(np.uint64), card))

    assert [True, False, True] == known["counted"].to_list()
    assert [(0, 0.0), (0, 0.0), (1, 5.0)] == known.select("num_trans_last_1w", "avg_amt_last_1w").rows()


def paid_in(decimals: int) -> EventType:
    """Return a card payment in a currency with so many decimals."""
    card = event_type_named("card")
    return replace(card, money=replace(card.money, decimals=decimals, amount_max=1.0))


@pytest.mark.parametrize("decimals", range(5))
def test_the_nightly_sql_rounds_as_training_does(tmp_path: Path, decimals: int) -> None:
    """Half to even: two payments of 0.125 are 24 cents in the week's mean of both. Refunds are left out."""
    amounts = [-1.0, 0.125, 0.125, 0.375, 1.005, 0.00005, 0.5, 12.5, 4.35, 0.0, -0.004, -12.5]
    units = [round(amount * 10**decimals) for amount in amounts]
    spent = [unit for unit in units if unit >= 0]
    folder = tmp_path / "date=2020-01-06"
    folder.mkdir()
    monday_ms = 1_578_268_800_000
    paid = pl.DataFrame(
        {
            "tid": [str(number) for number in range(12)],
            "cc_num": [4006080197832643] * 12,
            "amount": amounts,
            "event_time": [monday_ms + number for number in range(12)],
            "is_fraud": [False] * 12,
        }
    )
    paid.write_parquet(folder / "payments.parquet")
    files, end_ms = [folder / "payments.parquet"], monday_ms + 86_400_000
    ((_, _, payments, total),) = by_duckdb(files, end_ms, decimals)
    learnt = Dataset.of_history(tmp_path, event_type=paid_in(decimals)).frame

    assert (len(spent), sum(spent)) == (payments, total)
    assert [unit / 10**decimals for unit in units] == learnt["amount"].to_list()
    assert len(spent) == learnt["num_trans_last_10m"][-1]
    assert total / (payments * 10**decimals) == learnt["avg_amt_last_10m"][-1]


def test_a_history_with_an_amount_that_nobody_can_be_paid_is_refused(tmp_path: Path) -> None:
    """Kept as an entry it would be another amount."""
    folder = tmp_path / "date=2020-01-06"
    folder.mkdir()
    row = {"cc_num": [4006080197832643], "amount": [1_000_000_000_000.01], "event_time": [1_578_268_800_000]}
    pl.DataFrame(row | {"is_fraud": [True]}).write_parquet(folder / "payments.parquet")

    with pytest.raises(
        SetupError, match=r"an amount of 1000000000000\.01, .* 2 decimals none is beyond 1000000000000\.00"
    ):
        Dataset.of_history(tmp_path)
    assert [1_000_000_000_000.0] == Dataset.of_history(tmp_path, event_type=paid_in(0)).frame[
        "amount"
    ].to_list()


def test_refunds_are_learnt_from_and_in_nobody_s_week() -> None:
    """A card's own, one of another card, and a card whose week has nothing else."""
    day_ms = 86_400_000
    week = [Paid(0, 1, 500, 1), Paid(0, 2, -300, 2), Paid(1, 3, -100, 3)]
    asked = [Paid(0, day_ms, -200, 4), Paid(1, day_ms, 700, 5)]
    card, at_ms, cents, tid = np.array(week + asked, dtype=np.int64).T

    known = point_in_time(Arrived(card, MONDAY_MS + at_ms, cents, tid.astype(np.uint64), card))

    assert known["counted"].all()
    assert [(1, 5.0), (0, 0.0)] == known.select("num_trans_last_1w", "avg_amt_last_1w").rows()[3:]


def test_what_is_known_of_a_card_does_not_depend_on_the_cards_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Millions of payments are looked at some cards at a time; a card may have more of them than that, and there may be many."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 1 << 14)
    rng = np.random.default_rng(1)
    rows = 2 << 14
    card = np.where(rng.random(rows) < 0.6, 3, rng.integers(0, 40, rows))
    card[card == 39] = 2**17 + 7
    late_ms = np.where(rng.random(rows) < 0.01, rng.integers(0, 90 * MINUTES_MS, rows), 0)
    time_ms = MONDAY_MS + np.sort(rng.integers(0, 20_000 * MINUTES_MS, rows)) - late_ms
    of_half_hour = time_ms // (30 * MINUTES_MS)
    id_hash = np.where(rng.random(rows) < 0.2, of_half_hour, np.arange(rows)).astype(np.uint64)
    cents = rng.integers(-100, 50_000, rows)

    known = point_in_time(Arrived(card, time_ms, cents, id_hash, card), ALLOWED_LATENESS_MS)

    for alone in (0, 3, 2**17 + 7):
        its = np.flatnonzero(card == alone)
        stream = Arrived.of(card[its], time_ms[its], cents[its], id_hash[its])
        expected = point_in_time(stream, ALLOWED_LATENESS_MS)
        assert 0 < expected["late_by_ms"].sum()
        assert expected["conflict"].any()
        assert expected.equals(known[its])
